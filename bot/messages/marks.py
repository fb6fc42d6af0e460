"""Texts with the words that matched in bold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from bot.domain.text.cleaning import ELLIPSIS, ISOLATION, clip, isolate, isolation, length
from bot.domain.topics.query.document import TEXTS, Document
from bot.domain.topics.query.language import Mark
from bot.messages.message import escape_markup, label, labelled, safe_url

BEFORE = 60  # characters that are shown of an excerpt before the first word that matched
SNIPPET = 160


def _flags(text: str, marks: Iterable[tuple[int, int]]) -> list[bool]:
    """For each character whether it is marked; no part of a mark that goes beyond the text."""
    flags = [False] * len(text)
    for start, end in marks:
        if start >= 0 and end <= len(text):
            flags[start:end] = [True] * (end - start)
    return flags


def _pieces(text: str, flags: Sequence[bool]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is marked."""
    groups = groupby(zip(text, flags, strict=True), key=lambda pair: pair[1])
    return [("".join(character for character, _ in pairs), marked) for marked, pairs in groups]


def linked(title: str, url: str, marks: Sequence[Mark], limit: int) -> str:
    """`[title](url)` with the marked words in bold; without the link where the address leaves no room for it.

    The whole title is made fit for a link first: piece by piece it could become one thing and read as another.
    """
    address = safe_url(url)
    spans = {(mark.start, mark.end) for mark in marks if mark.text == "title"}
    room = limit - length(address) - 4 * (len(spans) + 1)
    if room < 12:
        shown = clip(title, (limit - 4 * len(spans) - ISOLATION) // 2)  # escaping doubles it at most
        return _escaped(shown, spans)
    before, after = isolation(title)
    shown = clip(title, room - len(before + after))
    text, origin = labelled(before + shown + after)
    flags = [False] * len(before) + _flags(shown, spans) + [False] * len(after)
    pieces = _pieces(text, [flags[place] for place in origin])
    # An underscore that a letter follows is no markup; asterisks in between would make it some.
    parts = [
        _bold(f"{piece[:-1]}{label('_')}" if piece.endswith("_") else piece, marked)
        for piece, marked in pieces
    ]
    return f"[{isolate(''.join(parts))}]({address})"


def snippet(document: Document, marks: Sequence[Mark]) -> str:
    """What stands around the first marked word beyond the title, as Markdown; nothing where there is none."""
    first = next((mark for mark in marks if mark.text != TEXTS[0]), None)
    if first is None:
        return ""
    text = document.texts[first.text]
    start = max(0, first.start - BEFORE)
    if start:
        start = min(first.start, text.find(" ", start) + 1 or first.start)
    shown = clip(text[start:], max(SNIPPET, first.end - start + 1))
    spans = [(mark.start - start, mark.end - start) for mark in marks if mark.text == first.text]
    return (ELLIPSIS if start else "") + _escaped(shown, spans)


def _escaped(text: str, marks: Iterable[tuple[int, int]]) -> str:
    pieces = _pieces(text, _flags(text, marks))
    return isolate("".join(_bold(escape_markup(piece), marked) for piece, marked in pieces))


def _bold(markdown: str, marked: bool) -> str:
    return f"**{markdown}**" if marked else markdown
