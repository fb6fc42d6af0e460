"""Text from outside made fit to be shown and compared: repaired, bounded, cut into words."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from html import unescape
from typing import TYPE_CHECKING

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
# The tags of a flag (England's, Scotland's, Wales') stay: without them it is a black one.
_INVISIBLE = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f)|"
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]+"
    # Joiners belong inside emoji and some scripts; beside ASCII, at an end or in a row they only hide text.
    "|(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])|[\u200c\u200d]{2,}"
)
_TRAILING = " .,;:-–—(/|&"  # looks lost before an ellipsis
_LONGEST_WORD = 40  # a longer one is cut inside
_ROUNDS = 16  # repairs uncover each other; more rounds than this only hostile text needs

# `.net`, `c#`, `c++` are names of their own. Scripts without spaces count a character as a word, so that
# a keyword is found inside a sentence.
_WORD = re.compile(
    r"(?<![\w.])\.net(?!\w)"
    r"|(?<!\w)[a-z](?:#|\+\+)(?!\w)"
    "|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
    "|[^\\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)


def length(text: str) -> int:
    """How long Discord finds a text, at most: in UTF-16 code units, of which an emoji has two or more."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int) -> str:
    """The text, cut at a word and ended by `…` where it is longer than `limit` UTF-16 code units.

    A word of more than 40 characters is cut inside. Nothing fits a limit below 1.
    """
    if length(text) <= limit:
        return text
    if limit < 1:
        return ""
    head = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    if not text[len(head)].isspace():
        space = head.rfind(" ")
        if space > 0 and len(head) - space <= _LONGEST_WORD:
            head = head[:space]
        else:
            head = _without_half_a_character(head, text[len(head)])
    return (head.rstrip(_TRAILING) or head.strip()) + ELLIPSIS


def _without_half_a_character(head: str, following: str) -> str:
    """`head` without what would be left of an accented letter or a joined emoji that is cut in two."""
    if unicodedata.combining(following) or following in "\u200d\ufe0f":
        head = head[:-1]
    return head.rstrip("\u200c\u200d")


def repair(text: str, limit: int) -> str:
    """The text as its author meant it, on one line, at most `limit` UTF-16 code units long.

    Mojibake and HTML entities (encoded any number of times) become characters, white space of any
    kind and length one space, and invisible characters go. Idempotent. Of a huge text only as much
    is looked at as can matter.
    """
    text = text[: 8 * limit + 64]
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
    if not text.isascii():
        if not _COMMON.fullmatch(text):
            text = _without_mojibake(text)
        # Surrogates of one character apart become that character; ones without a partner go below.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return " ".join(_INVISIBLE.sub(r"\1", text).split())


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


def words(text: str) -> list[str]:
    """The text's words without regard to case, in order: what keywords are compared by.

    A word is a run of letters, digits and `_`; `.net` (not the end of `asp.net`), `c#`, `c++` and
    their like are words of their own, so that the keyword `c` does not find them, nor they `c`.
    Han, kana, Thai and other scripts without spaces give a word per character.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _WORD.findall(text.casefold())


# Dashes and apostrophes that mean the same, however they were typed.
_SAME = str.maketrans(
    {**dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"), "\u2019": "'", "\u02bc": "'"}
)
_TOKEN = re.compile(rf"{_WORD.pattern}|[^\w\s]")


def tokens(text: str) -> list[str]:
    """The text's words and the marks between them: `model-driven app` is not `model driven app`."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_SAME)
    return _TOKEN.findall(text.casefold())
