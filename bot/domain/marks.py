"""Texts with the words that matched in bold. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.domain.document import TEXTS, Document
from bot.domain.message import escape, label, safe_url
from bot.domain.query import Mark
from bot.domain.text import ELLIPSIS, clip, length

BEFORE = 60  # characters that are shown of an excerpt before the first word that matched
SNIPPET = 160


def of_keywords(keywords: Iterable[str], document: Document) -> tuple[Mark, ...]:
    """Where keywords stand in the title, whatever their case."""
    title = document.texts["title"]
    spaced = (r"\s+".join(map(re.escape, keyword.split())) for keyword in keywords if keyword.strip())
    found = {
        Mark("title", *hit.span())
        for pattern in spaced
        for hit in re.finditer(rf"(?<!\w){pattern}(?!\w)", title, re.IGNORECASE)
    }
    return tuple(sorted(found))


def _pieces(text: str, marks: Iterable[tuple[int, int]]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is marked. Marks that overlap are joined."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in sorted(marks):
        if end <= at or end > len(text):
            continue
        pieces += [(text[at : max(at, start)], False), (text[max(at, start) : end], True)]
        at = end
    return [(piece, marked) for piece, marked in (*pieces, (text[at:], False)) if piece]


def linked(title: str, url: str, marks: Sequence[Mark], limit: int) -> str:
    """`[title](url)` with the marked words in bold; without the link where the address leaves no room for it."""
    address = safe_url(url)
    own = [(mark.start, mark.end) for mark in marks if mark.text == "title"]
    room = limit - length(address) - 4 * (len(own) + 1)
    if room < 12:
        return "".join(
            _bold(escape(piece), marked) for piece, marked in _pieces(clip(title, limit // 2), own)
        )
    pieces = _pieces(clip(title, room), own)
    return f"[{''.join(_bold(label(piece), marked) for piece, marked in pieces)}]({address})"


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
    own = [(mark.start - start, mark.end - start) for mark in marks if mark.text == first.text]
    pieces = _pieces(shown, [span for span in own if span[0] >= 0])
    return (ELLIPSIS if start else "") + "".join(_bold(escape(piece), marked) for piece, marked in pieces)


def _bold(markdown: str, marked: bool) -> str:
    return f"**{markdown}**" if marked else markdown
