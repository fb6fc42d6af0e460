"""How texts and names are compared: one folding of case and form, and one tokenizer.

`fold` is what looks the same: `İSTANBUL` and `istanbul`, `Café` in one code point or two, `ＡＩ`, `Self‑Driving`
with any hyphen. Accents count there: keywords, mutes and names go by it. `plain` leaves them out as well: queries
and the search index go by that, as people type `cafe`. Neither changes a text that it has folded before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from bot.domain.text.cleaning import clusters

NEAR = 65  # of 100: from here on a name may have been meant by another text

# Scripts without spaces: each character is a word, so that a term is found inside a sentence.
_ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9fe\uaa60-\uaa7f"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
# Accents, vowel signs and the like, which belong to the word that they stand in, but are not letters to `re`.
_SIGNS = (
    "\u0300-\u036f\u0483-\u0487\u0653-\u065f\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u0816-\u082d\u0900-\u0963\u0966-\u096f"
    "\u0971-\u0df3\u0f18\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f86\u0f87\u0f8d-\u0fbc\u135d-\u135f\u1712-\u1734"
    "\u1920-\u193b\u1ab0-\u1aff\u1b00-\u1b44\u1dc0-\u1dff\ua8e0-\ua8f1\uabe3-\uabed\ufe20-\ufe2f"
)
_STANDS_ALONE = re.compile(f"[{_ALONE}]")
# `.net`, `c#`, `c++` are names of their own.
_WORD = re.compile(
    r"(?<![\w.])\.net(?!\w)"
    r"|(?<!\w)[a-z](?:#|\+\+)(?!\w)"
    f"|[{_ALONE}]|(?:[{_SIGNS}]|[^\\W{_ALONE}])+"
)
_TOKEN = re.compile(rf"{_WORD.pattern}|[^\w\s]")
# What ASCII words consist of in lower case; everything else is a gap.
_ASCII_WORD = bytes(c if c < 128 and (chr(c).isalnum() or c == ord("_")) else ord(" ") for c in range(256))
# Typographic marks: good English has no other characters beyond ASCII.
_ASCII_MARKS = {"\xa0": " ", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "..."}
_TYPOGRAPHIC = re.compile(f"[{''.join(_ASCII_MARKS)}]")

# One character stands for all that look like it, or are typed in its place.
_LOOK = {
    "-": "\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e17\u2e1a\u2e3a\u2e3b\u30a0",
    "'": "`\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u055a\u05f3\u07f4\u07f5\u2018\u2019\u201a\u201b\u2032\u2035\ua78b\ua78c",
    '"': "\xab\xbb\u02ba\u05f4\u201c\u201d\u201e\u201f\u2033\u2036\u275d\u275e\u300c\u300d\u300e\u300f\u301d\u301e\u301f",
    "~": "\u223c\u301c",
    "/": "\u2044\u2215",
    "\xb7": "\u0387\u2022\u2219\u22c5\u2027\u30fb\u318d",
    "i": "ı",
    # Arabic and Persian keyboards have other code points for two letters that look alike.
    "\u06a9": "\u0643",
    "\u06cc": "\u064a",
}
# What does not show: Default_Ignorable_Code_Point and the rest of Cf. Then what is optional: the stretching of
# Arabic and the vowel points of Arabic and Hebrew. Then frames around a character, as a keycap has.
_DROPPED = (
    "\xad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u0640\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u0652\u0670"
    "\u20dd-\u20e0\u20e2-\u20e4"
)
_DIGITS = {chr(ord(zero) + value): str(value) for zero in "٠۰߀०০੦૦୦௦౦೦൦๐໐༠၀០᠐" for value in range(10)}
_SAME = {each: one for one, every in _LOOK.items() for each in every} | _DIGITS
_VARIANT = re.compile(f"[{_DROPPED}{''.join(_SAME)}]")
# What decomposing would make letters of the word before, or an accent of.
_BEFORE = {
    "™": " ",
    "℠": " ",
    "\xb4": "'",
    "\u1fbd": "'",
    "\u1fbf": "'",
    "\u1ffd": "'",
    "\u1ffe": "'",
    "\u02dd": '"',
    "\u02dc": "~",
}
_INDIVISIBLE = re.compile(f"[{''.join(_BEFORE)}]")
# Capitals have no accents in Greek, only the dots of a separate vowel, and an i in capitals has a dot in Turkish.
_GREEK = re.compile("(?<=[α-ω])[\u0300\u0301\u0308\u0313\u0314\u0342\u0345]+")
_DOTTED = re.compile("(?<=i)\u0307+")

_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0653-\u0655\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
# Letters that are accented in the eyes of those who have no key for them, but not to Unicode.
_STROKES = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "æ": "ae", "œ": "oe"}
_STROKED = re.compile(f"[{''.join(_STROKES)}]")


def fold(text: str) -> str:
    """The text without differences of case and of form: in width, composition, dashes, quotes and what does not show."""
    if not text.isascii():
        text = _TYPOGRAPHIC.sub(_in_ascii, text)
        if not text.isascii():
            return unicodedata.normalize("NFKC", _decomposed(text))
    return text.lower().replace("`", "'")


def _in_ascii(mark: re.Match[str]) -> str:
    return _ASCII_MARKS[mark[0]]


def plain(text: str) -> str:
    """The same without accents. Kana keep their marks, which are letters of their own."""
    if text.isascii():
        return text.lower()
    text = _STROKED.sub(lambda letter: _STROKES[letter[0]], _ACCENTS.sub("", _decomposed(text)))
    return unicodedata.normalize("NFKC", text)


def _decomposed(text: str) -> str:
    text = _INDIVISIBLE.sub(lambda mark: _BEFORE[mark[0]], text)
    text = unicodedata.normalize("NFKD", text).casefold()
    text = unicodedata.normalize("NFKD", _VARIANT.sub(lambda variant: _SAME.get(variant[0], ""), text))
    return _GREEK.sub(lambda accents: "\u0308" if "\u0308" in accents[0] else "", _DOTTED.sub("", text))


@lru_cache(maxsize=16_384)  # the same few names are compared all the time
def name_key(name: str) -> str:
    """What a name of a topic, an outlet or a mute compares by: folded, with one space where white space is."""
    return " ".join(fold(name).split())


def search_key(text: str) -> str:
    """What a part of a title is looked for in: without accents, with one space where white space is."""
    return " ".join(plain(text).split())


def words(text: str) -> list[str]:
    """The text's words in order, folded; accents count.

    A word is a run of letters, digits and `_`; `.net` (not the end of `asp.net`), `c#`, `c++` and
    their like are words of their own, so that `c` does not find them, nor they `c`. Han, kana, Thai, Lao, Khmer and
    Myanmar give a word per character.
    """
    return _words(text, fold)


def plain_words(text: str) -> list[str]:
    """The text's words without accents."""
    return _words(text, plain)


def tokens(text: str) -> list[str]:
    """The text's words and the marks between them: `model-driven app` is not `model driven app`."""
    return _TOKEN.findall(fold(text))


def stands_alone(word: str) -> bool:
    """Whether a word is a character of a script without spaces."""
    return _STANDS_ALONE.match(word) is not None


def _words(text: str, folded: Callable[[str], str]) -> list[str]:
    if not text.isascii():
        text = _TYPOGRAPHIC.sub(" ", text)
        if not text.isascii():
            return _WORD.findall(folded(text))
    text = text.lower()
    if "#" in text or "+" in text or ".net" in text:
        return _WORD.findall(text)
    return text.encode().translate(_ASCII_WORD).decode().split()


class Place(NamedTuple):
    """A word or a mark, and from where to where it stands: `text[start:end]`, as it is written there."""

    word: str
    start: int
    end: int


def word_places(text: str) -> Iterator[Place]:
    """The text's `plain_words`, and where each stands."""
    return _places(text, _WORD, lambda piece: plain(_TYPOGRAPHIC.sub(" ", piece)))


def token_places(text: str) -> Iterator[Place]:
    """The text's `tokens`, and where each stands."""
    return _places(text, _TOKEN, fold)


def _places(text: str, pattern: re.Pattern[str], folded: Callable[[str], str]) -> Iterator[Place]:
    """Piece by piece, as no word goes across white space."""
    for piece in re.finditer(r"\S+", text):
        start, written = piece.start(), piece[0]
        whole = folded(written)
        origins = _origin(written, whole, folded)
        for match in pattern.finditer(whole):
            if origins is None:  # characters that only together make a word: all of them are meant
                yield Place(match[0], start, piece.end())
            else:
                yield Place(match[0], start + origins[match.start()][0], start + origins[match.end() - 1][1])


def _origin(written: str, whole: str, folded: Callable[[str], str]) -> list[tuple[int, int]] | None:
    """For each character of the folded piece what it comes of; None where that cannot be said of each alone."""
    if written.isascii():
        return [(place, place + 1) for place in range(len(written))]
    origins: list[tuple[int, int]] = []
    alone: list[str] = []
    place = 0
    for cluster in clusters(written):
        single = folded(cluster)
        alone.append(single)
        origins += [(place, place + len(cluster))] * len(single)
        place += len(cluster)
    return origins if "".join(alone) == whole else None


def likeness(one: str, other: str) -> float:
    """From 0 to 100: by the letters that two words have in the same order (`rapidfuzz.fuzz.ratio`)."""
    from rapidfuzz import fuzz  # here, as it takes megabytes, and few processes compare words

    return fuzz.ratio(one, other)


def nearest(text: str, names: Iterable[str], limit: int) -> list[str]:
    """The names that may have been meant by a text with a slip in it, the nearest first, at most `limit`.

    Near is by the letters that both have in the same order (`rapidfuzz.fuzz.ratio`).
    """
    from rapidfuzz import fuzz, process

    return [
        name for name, _, _ in process.extract(text, names, scorer=fuzz.ratio, limit=limit, score_cutoff=NEAR)
    ]
