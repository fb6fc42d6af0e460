"""The words of entries: clean, short, without what every entry of a feed ends with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from html import unescape

from bot.domain.text.cleaning import clip, repair
from bot.domain.text.words import words
from bot.sources.feeds.html import HEAD, SEAM, looks_like_html, plain, without_usual_tags
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
_NO_TEXT = Text("")
_NOTHING = frozenset({"comments", "comment", "[link]", "[link] [comments]", "read more", "null", "undefined"})

# What needs no repair: printable ASCII, and the dashes and quotes of good English. No entity: those that
# are left after decoding were encoded more than once.
_FINE = re.compile("[ -~\u2010-\u2015\u2018-\u201f\u2022\u2026]*")
_UNENDED = re.compile(r"&#[xX]?[0-9a-fA-F]+(?![0-9a-fA-F;])")  # a number without its semicolon
_REFERENCE = re.compile(r"&[#\w]+;")
# An entity as `unescape` takes it.
_ENTITY = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
# Of ASCII only letters, digits and `_` belong to words; the rest but a line's end is space.
_IN_WORDS = bytes(byte if chr(byte).isalnum() or byte in b"_\n" else 0x20 for byte in range(128)) + bytes(128)


def line(text: Text, limit: int) -> str:
    """A text on one line, without HTML; a title that only looks like HTML stays as it is."""
    value = text.value
    if _is_clean(value) and len(value) <= limit:
        return value
    if not text.plain and ("&" in value or "<" in value) and ("<" not in value or looks_like_html(value)):
        value = plain(value)
    return _repaired(value, limit)


def _is_clean(text: str) -> bool:
    """Whether there is nothing to do: printable ASCII with single spaces, neither markup nor entities."""
    return (
        text.isascii()
        and text.isprintable()
        and "&" not in text
        and "<" not in text
        and "  " not in text
        and text.strip() == text
    )


def choose_excerpts(entries: Sequence[Sequence[Text]], titles: Sequence[str], limit: int) -> list[str]:
    """Of each entry's texts the first that says something that its title does not."""
    firsts = bodies([texts[0] if texts else _NO_TEXT for texts in entries], limit)
    return [
        first if first and first != title else _excerpt(texts[1:], title, limit)
        for first, texts, title in zip(firsts, entries, titles, strict=True)
    ]


def _excerpt(texts: Sequence[Text], title: str, limit: int) -> str:
    for text in texts:
        clean = body(text, limit)
        if clean and clean != title:
            return clean
    return ""


def body(text: Text, limit: int) -> str:
    """A longer text on one line, without HTML and without what is at its end by habit."""
    value = text.value if text.plain else plain(text.value)
    return _shortened(_without_ending(_repaired(value, limit + _TAIL)), limit)


def bodies(texts: Sequence[Text], limit: int) -> list[str]:
    """`body` of each. What most texts need is done to all of them at once, as one text with seams."""
    joined = f" {SEAM} ".join([_quick(text) for text in texts])
    bare = without_usual_tags(joined) if "<" in joined else joined
    odd = _is_odd(bare)  # else none of them is
    decoded = _ENTITY.sub(_character, bare) if "&" in bare else bare
    spaced = _spaced_once(decoded)
    parts, cleans = bare.split(SEAM), spaced.split(SEAM)
    if not len(parts) == len(cleans) == len(texts):  # one has a seam of its own
        return [body(text, limit) for text in texts]
    fine = _in_fine_characters(spaced.replace(SEAM, ""))
    hinted = any(hint in spaced for hint in _HINTS)
    cleaned = []
    for text, part, clean in zip(texts, parts, cleans, strict=True):
        clean = clean.strip()
        if (odd and _is_odd(part)) or not _is_fine(clean, limit + _TAIL, fine):
            cleaned.append(body(text, limit))
        else:
            cleaned.append(_shortened(_without_ending(clean) if hinted else clean, limit))
    return cleaned


def _quick(text: Text) -> str:
    """The text, or something odd in the place of one that is not for being read with others."""
    value = text.value
    return "<" if len(value) > HEAD or (text.plain and "<" in value) else value


def _is_odd(bare: str) -> bool:
    """Whether there is something in it that needs a closer look: brackets, entities without an end."""
    return (
        "<" in bare or ">" in bare or "&lt;" in bare or ("&#" in bare and _UNENDED.search(bare) is not None)
    )


@lru_cache(maxsize=1024)
def _decoded(entity: str) -> str:
    return unescape(entity)


def _character(entity: re.Match[str]) -> str:
    return _decoded(entity[0])


def _spaced_once(text: str) -> str:
    """The text with one space where it has several. Other white space than ASCII's stays: it is not fine."""
    for space in "\n\t\r\x0b\x0c":
        if space in text:
            text = text.replace(space, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _without_ending(clean: str) -> str:
    """A text without what feeds add at the end."""
    tail = clean[-_HINTED:]
    for hint in _HINTS:
        if hint in tail:
            start = max(0, len(clean) - _TAIL)
            return clean[:start] + _ENDINGS.sub("", clean[start:])
    return clean


def _shortened(clean: str, limit: int) -> str:
    """A text within the limit, ended by `…` where it says that it goes on; empty where it says nothing."""
    if clean.endswith(" […]"):  # as WordPress ends all of them
        clean = f"{clean[:-4]}…"
    elif clean.endswith(("]", ")")) and (match := _MORE.search(clean, max(0, len(clean) - _MORE_LENGTH))):
        clean = f"{clean[: match.start()]}…" if match.start() else ""
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
    fine = " ".join(fine.split())
    return fine if _is_fine(fine, limit) else repair(text, limit)


def _is_fine(text: str, limit: int, has_fine_characters: bool = False) -> bool:
    """Whether a text that was decoded once and has single spaces needs no repair.

    `known`: that its characters are fine is known already.
    """
    return (
        len(text) <= limit
        and (has_fine_characters or _in_fine_characters(text))
        and not ("&" in text and _REFERENCE.search(text))
    )


def _in_fine_characters(text: str) -> bool:
    """Whether there are only `_FINE` characters. Most texts beyond ASCII have but the two that are left out."""
    if not text.isascii():
        text = text.replace("\u2019", "").replace("…", "")
    return text.isprintable() if text.isascii() else _FINE.fullmatch(text) is not None


def word_bytes(lines: Sequence[str]) -> list[bytes]:
    """Each line's `words` with a space between, encoded, for hashing: quickly for those in plain English."""
    joined = "\n".join(lines)
    encoded = joined.encode("ascii", "replace").lower()
    spaced = encoded.translate(_IN_WORDS)
    while b"  " in spaced:
        spaced = spaced.replace(b"  ", b" ")
    parts = spaced.split(b"\n")
    if len(parts) != len(lines):  # no lines
        return [_word_bytes(line) for line in lines]
    if not _is_marked(encoded) and _in_fine_characters(joined.replace("\n", "")):
        return [part.strip() for part in parts]
    return [
        part.strip()
        if _in_fine_characters(line) and not _is_marked(line.lower().encode("ascii", "replace"))
        else _word_bytes(line)
        for line, part in zip(lines, parts, strict=True)
    ]


def _word_bytes(text: str) -> bytes:
    return " ".join(words(text)).encode("utf-8", "replace")


def _is_marked(lower: bytes) -> bool:
    """Whether there may be words in it that are more than letters: `c#`, `c++`, `.net`."""
    return b"#" in lower or b"++" in lower or b".net" in lower


def digest(*parts: bytes) -> str:
    """A short hash of these words."""
    return blake2b(b"\n".join(parts), digest_size=8).hexdigest()
