"""The whole sentences of a report, word for word. Pure."""

from __future__ import annotations

import re
from itertools import chain
from typing import NamedTuple

import regex
from sentencex import segment

from bot.domain.briefs.boilerplate import (
    count_quotes,
    is_boilerplate,
    is_closed,
    without_credit,
    without_dateline,
)
from bot.domain.text.cleaning import clip, length
from bot.domain.text.words import stands_alone, words

LONGEST = 300  # UTF-16 units: a longer sentence is no summary
FEWEST_WORDS = 4
FEWEST_CHARACTERS = 7  # of a script without spaces, in which each is a word
TAIL = 20  # characters at the end, which tell how a piece ends
_UNKNOWN = "en"  # its rules for abbreviations are those of most languages that the library has none for

# The library takes titles before names for the end of a sentence.
_ABBREVIATION = regex.compile(
    r"(?<!\p{L})(?:Gov|Sens?|Reps?|Lt|Gen|Adm|Rear|Col|Sgt|Capt|Cmdr|Maj|Cpl|Det|Supt|Atty|Sra?|Dra?|Mme|Mlle|Hr|Fr)\.\s*$"
)
_OPENING = regex.compile(r"(?<=\s)[\"“„«‘'(\[「『（]+\s*$")
_CLOSING = r"[\p{Pf}\p{Pe}\p{Pi}\"'*]*"
# A text that goes on where it was cut: `…`, `...`, `[...]`. An ellipsis that a quotation ends with is its author's.
_CUT_OFF = regex.compile(r"(?:…|\.\.\.?|\[\s*(?:…|\.{2,3})\s*\]|\(\s*(?:…|\.{3})\s*\))\s*$")
_ENDED = regex.compile(rf"\p{{Sentence_Terminal}}{_CLOSING}$")
# An address, a name of somebody, or several hashtags: what such a text says is on another page.
_ADDRESS = re.compile(r"https?:|www\.|@\w|(?<!\w)#\w[^#]*(?<!\w)#\w")
_ASKS = regex.compile(rf"[?？؟;՞⁇⁈]{_CLOSING}$")
_OPENS = frozenset("\"“„«‘'([「『（")
_QUESTION_MARKS = frozenset("?？؟;՞⁇⁈")
_ADDRESS_MARKS = frozenset(":@#")


class Piece(NamedTuple):
    """A part of a text, word for word. `quoted`: it stands inside of a quotation that began before it."""

    text: str
    quoted: bool


def pieces(text: str, language: str) -> tuple[Piece, ...]:
    """A text cut at the ends of its sentences, without what is never one. `language` is an ISO 639-1 code, or empty."""
    written = without_dateline(text)
    found: list[Piece] = []
    quotes = start = end = 0
    for part in chain(segment(language.partition("-")[0].lower() or _UNKNOWN, written), [""]):
        end += len(part)
        piece = written[start:end]
        if part:
            tail = piece[-TAIL:]
            if _ABBREVIATION.search(tail):
                continue
            if tail.rstrip()[-1:] in _OPENS and (
                opening := _OPENING.search(tail)
            ):  # the library leaves it to the sentence before
                piece = piece[: opening.start() - len(tail)]
        if (shown := without_credit(piece.strip())) and not is_boilerplate(shown):
            found.append(Piece(shown, quotes % 2 == 1))
        quotes += count_quotes(piece)
        start += len(piece)
    return tuple(found)


def sentences(text: str, language: str) -> tuple[str, ...]:
    """The sentences of a text that say something alone and are there as a whole: none is cut off, and none asks.

    A last one without a mark at its end was cut off, or never was a sentence, unless it is the only one.
    """
    found = pieces(text, language)
    return tuple(
        piece.text
        for place, piece in enumerate(found)
        if not piece.quoted
        and is_whole(piece.text)
        and (not 0 < place == len(found) - 1 or _ENDED.search(piece.text[-TAIL:]))
    )


def is_whole(piece: str, longest: int = LONGEST) -> bool:
    """Whether a piece says something by itself, is there from its beginning to its end, and is no question."""
    if length(piece) > longest or not is_closed(piece):
        return False
    tail = piece[-TAIL:]
    # Most pieces have none of the characters that these begin with, and looking for those is cheaper.
    if (
        (("…" in tail or ".." in tail) and _CUT_OFF.search(tail))
        or (not _QUESTION_MARKS.isdisjoint(tail) and _ASKS.search(tail))
        or (("www." in piece or not _ADDRESS_MARKS.isdisjoint(piece)) and _ADDRESS.search(piece))
    ):
        return False
    if piece.isascii() and piece.count(" ") > 2 * FEWEST_WORDS:
        return True
    parts = words(piece)
    alone = 0 if piece.isascii() else sum(map(stands_alone, parts))
    return len(parts) - alone >= FEWEST_WORDS or alone >= FEWEST_CHARACTERS


def excerpt(text: str, language: str, limit: int) -> str:
    """The beginning of an excerpt, cut at a sentence, and at a word where its first one is too long.

    At most `limit` UTF-16 units; empty where nothing of it is prose.
    """
    shown = ""
    found = pieces(text, language)
    for place, (piece, _) in enumerate(found):
        longer = f"{shown} {piece}" if shown else piece
        unfinished = place == len(found) - 1 and _CUT_OFF.search(piece[-TAIL:])
        if length(longer) > limit or (shown and unfinished):
            return shown or clip(piece, limit)
        shown = longer
    return shown
