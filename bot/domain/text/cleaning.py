"""Cleaning of text from outside: repaired, clipped, and isolated by writing direction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from html import unescape
from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    from ftfy import TextFixerConfig

ELLIPSIS = "…"

# Nothing to repair: printable ASCII, single spaces, no entity. True of most texts, so it is tried first.
_CLEAN = re.compile(r"[!-%'-~]+(?: [!-%'-~]+)*")
# Characters beyond ASCII that good headlines use and that no mojibake consists of alone.
_COMMON = re.compile("[\x00-\x7f\xa0\u2010-\u2015\u2018-\u201f\u2022\u2026]*")
# An ampersand encoded any number of times (`&amp;#038;amp;`); other entities only where they are closed.
_AMPERSAND = re.compile(r"&(?:(?:amp|#0*38|#x0*26);)+", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
# Controls, soft hyphens, direction marks, zero-width characters, tags, noncharacters, lone surrogates.
_INVISIBLE = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f)"  # the flag of a part of a country, which stays
    "|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
    # Joiners belong inside emoji and some scripts; beside ASCII, at an end or in a row they only hide text.
    "|(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])|[\u200c\u200d]{2,}"
)
_BLANKS = str.maketrans(dict.fromkeys("\u2800\u3164\uffa0", " "))  # letters and signs without any ink
# One of these shows; marks alone, fillers and what has no meaning yet do not.
_SHOWN = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}--[\p{Default_Ignorable_Code_Point}\U0001d159]]", regex.V1)
_UNATTACHED = regex.compile(
    r"[\p{M}\p{Default_Ignorable_Code_Point}]+"
)  # at the beginning: they need a character
_STACKED = regex.compile(
    r"(\p{M}{8})\p{M}+"
)  # more marks than any script has on a character reach into other lines

_CLUSTER = regex.compile(r"\X")  # what a reader takes for one character: UAX #29
_JOINER = "\u200d"
_VIRAMA = 9  # the combining class of signs that join two consonants

# An embedding, and after it a mark of the line's direction: what is inside does not move what stands beside it, as with
# an isolate (https://www.unicode.org/reports/tr9/), but also where a program knows nothing of isolates.
_FROM_LEFT, _FROM_RIGHT = "\u202a", "\u202b"
_END_ISOLATED = "\u202c\u200e"
ISOLATION = 3  # characters that isolating a line adds
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_RIGHT_TO_LEFT = regex.compile(r"[\p{Bidi_Class=R}\p{Bidi_Class=AL}\p{Bidi_Class=AN}]")
_STRONG = regex.compile(r"\p{Bidi_Class=L}|([\p{Bidi_Class=R}\p{Bidi_Class=AL}])")

_TRAILING = " .,;:-–—(/|&"  # looks lost before an ellipsis
_LONGEST_WORD = 40  # a longer one is cut inside
_ROUNDS = 16  # repairs uncover each other; more rounds than this only hostile text needs


def length(text: str) -> int:
    """How long Discord finds a text, at most: in UTF-16 code units, of which an emoji has two or more."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clusters(text: str) -> Iterator[str]:
    """The text in pieces that a reader takes for one character each, such as a flag or a letter with its accents."""
    return (match[0] for match in _CLUSTER.finditer(text))


def cut(text: str, limit: int) -> str:
    """As much of the beginning as `limit` UTF-16 code units hold, without cutting a character in two."""
    if length(text) <= limit:
        return text
    head = text.encode("utf-16-le", "surrogatepass")[: 2 * max(0, limit)].decode("utf-16-le", "surrogatepass")
    if head and head[-1] != text[len(head) - 1]:  # half of a pair
        head = head[:-1]
    if not head or (head[-1].isascii() and text[len(head)].isascii()):
        return head
    ends = [max(0, head.rfind(" "))]  # a character begins at each space
    for match in _CLUSTER.finditer(text, ends[0]):
        if match.end() > len(head):
            break
        ends.append(match.end())
    while len(ends) > 1 and _joins(text[ends[-1] - 1]):  # not all scripts have their conjuncts in one cluster
        ends.pop()
    return text[: ends[-1]]


def _joins(character: str) -> bool:
    return character == _JOINER or unicodedata.combining(character) == _VIRAMA


def clip(text: str, limit: int) -> str:
    """The text, cut at a word and ended by `…` where it is longer than `limit` UTF-16 code units.

    A word of more than 40 characters is cut inside, between two characters as readers see them. Isolates that the
    cut leaves open are closed. Nothing fits a limit below 1.
    """
    if length(text) <= limit:
        return text
    for closing in range(0, max(0, limit), len(_END_ISOLATED)):
        clipped = _clipped(text, limit - closing)
        left_open = sum(map(clipped.count, (_FROM_LEFT, _FROM_RIGHT))) - clipped.count(_END_ISOLATED)
        if left_open * len(_END_ISOLATED) <= closing:
            return clipped + _END_ISOLATED * left_open
    return ""


def _clipped(text: str, limit: int) -> str:
    head = cut(text, limit - 1)
    if not text[len(head)].isspace():
        space = head.rfind(" ")
        if space > 0 and len(head) - space <= _LONGEST_WORD:
            head = head[:space]
    return (head.rstrip(_TRAILING) or head.strip()) + ELLIPSIS


def plural(count: int, singular: str, plural_form: str = "") -> str:
    """`1 outlet`, `2 outlets`."""
    return f"{count} {singular if count == 1 else plural_form or singular + 's'}"


def isolate(text: str) -> str:
    """The text as it is put beside others: where it runs from right to left, it does not move what surrounds it.

    It keeps the direction of its first letter. Marks of direction that it came with go. Other texts stay as they are.
    """
    if text.isascii():
        return text
    lines = _DIRECTIONS.sub("", text).split("\n")
    return "\n".join(f"{before}{line}{after}" for line in lines for before, after in [isolation(line)])


def isolation(line: str) -> tuple[str, str]:
    """The marks that `isolate` puts before and after a line; both empty where it needs none."""
    if line.isascii() or not _RIGHT_TO_LEFT.search(line):
        return "", ""
    first = _STRONG.search(line)
    return _FROM_RIGHT if first and first[1] else _FROM_LEFT, _END_ISOLATED


def clip_isolated(text: str, limit: int) -> str:
    """The text clipped and isolated, within the limit all together."""
    isolated = isolate(clip(text, limit))
    return isolated if length(isolated) <= limit else isolate(clip(text, limit - ISOLATION))


def repair(text: str, limit: int) -> str:
    """The text as its author meant it, on one line, at most `limit` UTF-16 code units long.

    Mojibake and HTML entities (encoded any number of times) become characters, white space of any
    kind and length one space, and invisible characters go. Empty where nothing of it shows, as of fillers and lone
    accents. Idempotent. Of a huge text only as much is looked at as can matter.
    """
    text = cut(text[: 8 * limit + 128], 8 * limit + 64)
    for _ in range(_ROUNDS):
        if _CLEAN.fullmatch(text) and len(text) <= limit:
            break
        before, text = text, clip(_repaired_once(text), limit)
        if text == before:
            break
    return text


def _repaired_once(text: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(lambda entity: unescape(entity[0]), _AMPERSAND.sub("&", text))
    if text.isascii() or _COMMON.fullmatch(text):
        return " ".join(_INVISIBLE.sub("", text).split())
    text = _without_mojibake(text)
    # Surrogates of one character apart become that character; ones without a partner go below.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return _attached(" ".join(_INVISIBLE.sub(r"\1", text).translate(_BLANKS).split()))


def _attached(text: str) -> str:
    """The text without marks that belong to no character, and with no more on one than a script needs."""
    if not _SHOWN.search(text):
        return ""
    if marks := _UNATTACHED.match(text):
        text = text[marks.end() :]
    return _STACKED.sub(r"\1", text)


def _without_mojibake(text: str) -> str:
    import ftfy  # costs as much to import as the rest of a small run

    return ftfy.fix_text(text, _mojibake_config())


@cache
def _mojibake_config() -> TextFixerConfig:
    """Only encodings are mended: quotes, wide characters and dashes are the author's choice."""
    from ftfy import TextFixerConfig

    return TextFixerConfig(
        unescape_html=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=False,
        remove_control_chars=False,
        explain=False,
    )
