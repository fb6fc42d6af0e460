"""What queries look at: the words of a record, cut once, and where in the text each of them stands.

Words compare without regard to case and accents. Beside `text.words`, which keywords go by, that is the
difference; marks between words never count here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

from bot.domain.model import Record

# The texts of a document, and those in which a term is looked for that names none.
TEXTS = ("title", "excerpt", "outlet")
ANYWHERE = ("title", "excerpt")
BREAK = "\n"  # stands between texts where they are joined; no word, so no phrase goes across it

# Scripts without spaces: each character is a word, so that a term is found inside a sentence.
_ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9fe\uaa60-\uaa7f"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs and the like, which belong to the word that they stand in, but are not letters to `re`.
_SIGNS = (
    "\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u0816-\u082d\u0900-\u0963\u0966-\u096f\u0971-\u0df3"
    "\u0f18\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f86\u0f87\u0f8d-\u0fbc\u135d-\u135f\u1712-\u1734\u1920-\u193b"
    "\u1b00-\u1b44\ua8e0-\ua8f1\uabe3-\uabed"
)
_STANDS_ALONE = re.compile(f"[{_ALONE}]")
_WORD = re.compile(
    r"(?<![\w.])\.net(?!\w)"
    r"|(?<!\w)[a-z](?:#|\+\+)(?!\w)"
    f"|[{_ALONE}]|(?:[{_SIGNS}]|[^\\W{_ALONE}])+"
)
# What ASCII words consist of in lower case; everything else is a gap.
_ASCII_WORD = bytes(c if c < 128 and (chr(c).isalnum() or c == ord("_")) else ord(" ") for c in range(256))
# Typographic marks: good English has no other characters beyond ASCII.
_TYPOGRAPHIC = re.compile("[\xa0\u2013\u2014\u2018\u2019\u201c\u201d\u2026]")
# Accents, vowel points of Hebrew and Arabic, and characters that are not seen.
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u0652\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
    "\xad\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+"
)
# Letters that are accented in the eyes of those who have no key for them, but not to Unicode.
_STROKES = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"}
_STROKED = re.compile("[øłđħıæœ]")


def words(text: str) -> list[str]:
    """The words of a text in order, without case and accents.

    `c#`, `c++`, `.net` are words of their own. Han, kana, Thai, Lao, Khmer and Myanmar give a word per
    character.
    """
    if not text.isascii():
        text = _TYPOGRAPHIC.sub(" ", text)
        if not text.isascii():
            return _WORD.findall(_folded(text))
    text = text.lower()
    if "#" in text or "+" in text or ".net" in text:
        return _WORD.findall(text)
    return text.encode().translate(_ASCII_WORD).decode().split()


def stands_alone(word: str) -> bool:
    """Whether a word is a character of a script without spaces."""
    return _STANDS_ALONE.match(word) is not None


def _folded(text: str) -> str:
    """Without case, accents and differences of width. Kana keep their marks, which are letters of their own."""
    text = unicodedata.normalize("NFKD", text).casefold()
    text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    text = _STROKED.sub(lambda letter: _STROKES[letter[0]], text)
    return unicodedata.normalize("NFKC", text)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """For each of the text's `words`, from where to where it stands."""
    for piece in re.finditer(r"\S+", text):
        own = words(piece[0])
        places = _places(piece[0])
        if len(places) != len(own):  # characters that only together make a word: mark all of them
            places = [(0, len(piece[0]))] * len(own)
        yield from ((piece.start() + start, piece.start() + end) for start, end in places)


def _places(piece: str) -> list[tuple[int, int]]:
    """Where the words stand in a text without spaces; found by folding each character by itself."""
    if piece.isascii():
        return [found.span() for found in _WORD.finditer(piece.lower())]
    folded: list[str] = []
    origin: list[int] = []
    for position, character in enumerate(piece):
        single = _folded(character) if character.isascii() or not _TYPOGRAPHIC.match(character) else " "
        folded.append(single)
        origin += [position] * len(single)
    places = []
    for found in _WORD.finditer("".join(folded)):
        end = origin[found.end() - 1] + 1
        while end < len(piece) and not folded[end]:  # accents that follow the last letter
            end += 1
        places.append((origin[found.start()], end))
    return places


class Document:
    """A record as queries see it. `topics` are the names it has, `domain` that of its outlet, `lang` a language tag."""

    __slots__ = ("_joined", "_values", "_words", "numbers", "texts", "values")

    def __init__(
        self,
        title: str,
        excerpt: str = "",
        *,
        outlet: str = "",
        domain: str = "",
        type: str = "article",  # noqa: A002 - what the field is called
        lang: str = "",
        topics: Iterable[str] = (),
        quality: int = 0,
        heat: int = 0,
    ) -> None:
        self.texts = {"title": title, "excerpt": excerpt, "outlet": outlet}
        self.numbers = {"quality": quality, "heat": heat}
        self.values: dict[str, Collection[str]] = {
            "domain": _tails(domain.lower()),
            "type": (type,),
            "lang": _heads(lang.lower().replace("_", "-")),
            "topic": [" ".join(words(topic)) for topic in topics],
        }
        self._words: dict[str, list[str]] = {}
        self._joined: dict[str, str] = {}

    @classmethod
    def of(cls, record: Record, topics: Iterable[str] = ()) -> Document:
        """A record that is about these topics."""
        return cls(
            record.title,
            record.excerpt,
            outlet=record.outlet.name,
            domain=record.outlet.domain,
            type=record.type,
            lang=record.language,
            topics=topics,
            quality=record.quality,
            heat=record.quality if record.heat is None else record.heat,
        )

    def words(self, field: str) -> list[str]:
        """The words of one of the texts; for no field those of title and excerpt, with a break between."""
        found = self._words.get(field)
        if found is None:
            if field:
                found = words(self.texts[field])
            else:
                found = [*self.words("title"), BREAK, *self.words("excerpt")]
            self._words[field] = found
        return found

    def joined(self, field: str) -> str:
        """The same with a space around each: a phrase is a part of it."""
        found = self._joined.get(field)
        if found is None:
            found = self._joined[field] = f" {' '.join(self.words(field))} "
        return found


def _tails(domain: str) -> list[str]:
    """The domain and those above it."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(len(labels)) if labels[start]]


def _heads(tag: str) -> list[str]:
    """The language tag, and the wider ones that it is of: `en-gb`, `en`."""
    parts = tag.split("-")
    return ["-".join(parts[:end]) for end in range(len(parts), 0, -1)] if tag else []
