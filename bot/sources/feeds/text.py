"""The words of entries: clean, short, without what every entry of a feed ends with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from html import unescape

from bot.domain.text import clip, repair, words
from bot.sources.feeds.html import looks_like_html, plain
from bot.sources.feeds.model import Text

# What feeds add at the end: `The post X appeared first on Y.`, `Continue reading X →`, `[…]`
_ENDINGS = re.compile(
    r"(?:^|\s+)(?:"
    r"The post .{1,400}? (?:appeared first|first appeared) on .{1,200}"
    r"|(?:This (?:post|article|entry) )?(?:was )?originally (?:appeared|published) (?:on|at) .{1,200}"
    r"|(?:Continue|Keep) reading\b.{0,300}"
    r"|(?:Read|Learn|See) (?:more|the rest|the full (?:story|article|post)|on)\b.{0,100}"
    r"|(?:»|→|›)?\s*(?:Weiterlesen|Lire la suite|Leer más|Leggi tutto|Lees verder)\b.{0,200}"
    r"|submitted by /u/\S+(?: to /?r/\S+)?(?: \[link\])?(?: \[comments\])?"
    r")$",
    re.IGNORECASE,
)
# No ending is without one of these, and few texts that have none are looked at more closely.
_HINTS = (
    " first ", "riginally ", " reading", "ead more", "ead on", "ead the", "earn more", "ee more", "ee the ", "eiterlesen",
    "ire la s", "eer más", "eggi tutto", "ees verder", "by /u/",
)  # fmt: skip
_HINTED = 160  # characters at the end in which they stand
_TAIL = 450  # characters at the end in which such words stand
_MORE = re.compile(
    r"\s?(?:\[ ?(?:…|\.\.\.) ?\]|\( ?more ?(?:…|\.\.\.)? ?\)|(?:…|\.\.\.) ?\[\w+\])$", re.IGNORECASE
)
_MORE_LENGTH = 30
_NOTHING = frozenset({"comments", "comment", "[link]", "[link] [comments]", "read more", "null", "undefined"})

# What needs no repair: printable ASCII, and the dashes and quotes of good English. No entity: those that
# are left after decoding were encoded more than once.
_FINE = re.compile("[ -~\u2010-\u2015\u2018-\u201f\u2022\u2026]*")
_UNENDED = re.compile(r"&#[xX]?[0-9a-fA-F]+(?![0-9a-fA-F;])")  # a number without its semicolon
_REFERENCE = re.compile(r"&[#\w]+;")
# Of ASCII only letters, digits and `_` belong to words; the rest is space.
_SPACED = bytes(byte if chr(byte).isalnum() or byte == 0x5F else 0x20 for byte in range(128)) + bytes(128)


def line(text: Text, limit: int) -> str:
    """A text on one line, without HTML; a title that only looks like HTML stays as it is."""
    value = text.value
    if not text.plain and ("&" in value or "<" in value) and ("<" not in value or looks_like_html(value)):
        value = plain(value)
    return _repaired(value, limit)


def excerpt_of(texts: Sequence[Text], title: str, limit: int) -> str:
    """The first of the texts that says something that the title does not."""
    for text in texts:
        clean = body(text, limit)
        if clean and clean != title:
            return clean
    return ""


def body(text: Text, limit: int) -> str:
    """A longer text on one line, without HTML and without what is at its end by habit."""
    value = text.value if text.plain else plain(text.value)
    clean = _repaired(value, limit + _TAIL)
    tail = clean[-_HINTED:]
    for hint in _HINTS:
        if hint in tail:
            start = max(0, len(clean) - _TAIL)
            clean = clean[:start] + _ENDINGS.sub("", clean[start:])
            break
    if clean.endswith(("]", ")")) and (found := _MORE.search(clean, max(0, len(clean) - _MORE_LENGTH))):
        clean = f"{clean[: found.start()]}…" if found.start() else ""
    if len(clean) < 20 and clean.lower() in _NOTHING:
        return ""
    return clean if len(clean) * 2 <= limit else clip(clean, limit)


def _repaired(text: str, limit: int) -> str:
    """`repair`, without its cost where there is nothing to repair but entities and white space."""
    text = text[: 16 * limit]
    fine = text
    if "&" in fine:
        if _UNENDED.search(fine):
            return repair(text, limit)
        fine = unescape(fine)
        if "&" in fine and _REFERENCE.search(fine):
            return repair(text, limit)
    fine = " ".join(fine.split())
    if len(fine) <= limit and ((fine.isascii() and fine.isprintable()) or _FINE.fullmatch(fine)):
        return fine
    return repair(text, limit)


def word_bytes(text: str) -> bytes:
    """The text's words with a space between, encoded: `words` for hashing, and fast for plain English."""
    if text.isascii() or _FINE.fullmatch(text):
        lower = text.lower()
        if "#" not in lower and "++" not in lower and ".net" not in lower:  # these have words of their own
            return b" ".join(lower.encode("ascii", "replace").translate(_SPACED).split())
    return " ".join(words(text)).encode("utf-8", "replace")


def digest(*parts: bytes) -> str:
    """A short hash of these words."""
    return blake2b(b"\n".join(parts), digest_size=8).hexdigest()
