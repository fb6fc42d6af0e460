"""Documents, which queries are matched against: the words of a record, split once.

Words compare without regard to case and accents (`plain_words`); marks between words never count here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from bot.domain.model import Record
from bot.domain.text.words import Place, plain_words, word_places

# The texts of a document, and those in which a term is looked for that names none.
TEXTS = ("title", "excerpt", "outlet")
ANYWHERE = ("title", "excerpt")
_LAST = chr(0x10FFFF)  # sorts behind every character of a word
BREAK = "\n"  # stands between texts where they are joined; no word, so no phrase goes across it


class Document:
    """A record as queries see it. `topics` are the names it has, `domain` that of its outlet, `lang` a language tag."""

    __slots__ = ("_joined", "_places", "_positions", "_words", "numbers", "texts", "values")

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
        words: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.texts = {"title": title, "excerpt": excerpt, "outlet": outlet}
        self.numbers = {"quality": quality, "heat": heat}
        self.values: dict[str, Collection[str]] = {
            "domain": _tails(domain.lower()),
            "type": (type,),
            "lang": _heads(lang.lower().replace("_", "-")),
            "topic": [" ".join(plain_words(topic)) for topic in topics],
        }
        self._words = {text: every.split() for text, every in words.items()}
        self._joined: dict[str, str] = {}
        self._positions: dict[str, Positions] = {}
        self._places: dict[str, list[Place]] = {}

    @classmethod
    def of(
        cls, record: Record, topics: Iterable[str] = (), words: Mapping[str, str] = MappingProxyType({})
    ) -> Document:
        """A record that is about these topics. `words`: of its texts, as far as they were cut before, joined with spaces."""
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
            words=words,
        )

    def words(self, field: str) -> list[str]:
        """The words of one of the texts; for no field those of title and excerpt, with a break between."""
        words = self._words.get(field)
        if words is None:
            if field:
                words = plain_words(self.texts[field])
            else:
                words = [*self.words("title"), BREAK, *self.words("excerpt")]
            self._words[field] = words
        return words

    def joined(self, field: str) -> str:
        """The same with a space around each: a phrase is a part of it."""
        joined = self._joined.get(field)
        if joined is None:
            joined = self._joined[field] = f" {' '.join(self.words(field))} "
        return joined

    def positions(self, text: str) -> Positions:
        """Where the words of one of the texts stand, by number."""
        positions = self._positions.get(text)
        if positions is None:
            positions = self._positions[text] = Positions(self.words(text))
        return positions

    def places(self, text: str) -> Sequence[Place]:
        """Where the words of one of the texts stand, by character."""
        places = self._places.get(text)
        if places is None:
            places = self._places[text] = list(word_places(self.texts[text]))
        return places


class Positions:
    """Where terms begin in a text. Positions are the bits of an integer, so they are compared all at once.

    Each term is looked for once, whatever the number of queries that ask for it.
    """

    __slots__ = ("_by_word", "_sorted", "_terms")

    def __init__(self, words: Sequence[str]) -> None:
        self._by_word: dict[str, int] = {}
        bit = 1
        for word in words:
            self._by_word[word] = self._by_word.get(word, 0) | bit
            bit <<= 1
        self._sorted: list[str] | None = None
        self._terms: dict[tuple[str, bool], int] = {}

    def of(self, term: str, begun: bool = False) -> int:
        """The positions at which these words begin to follow each other; `begun`: the last is only a beginning."""
        positions = self._terms.get((term, begun))
        if positions is None:
            *before, last = term.split(" ")
            positions = (self._begun(last) if begun else self._by_word.get(last, 0)) >> len(before)
            for place, word in enumerate(before):
                if not positions:
                    break
                positions &= self._by_word.get(word, 0) >> place
            self._terms[term, begun] = positions
        return positions

    def _begun(self, prefix: str) -> int:
        if self._sorted is None:
            self._sorted = sorted(self._by_word)
        positions = 0
        for at in range(bisect_left(self._sorted, prefix), bisect_left(self._sorted, prefix + _LAST)):
            positions |= self._by_word[self._sorted[at]]
        return positions


def _tails(domain: str) -> list[str]:
    """The domain and those above it."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(len(labels)) if labels[start]]


def _heads(tag: str) -> list[str]:
    """The language tag, and the wider ones that it is of: `en-gb`, `en`."""
    parts = tag.split("-")
    return ["-".join(parts[:end]) for end in range(len(parts), 0, -1)] if tag else []
