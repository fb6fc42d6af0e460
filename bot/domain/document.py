"""What queries look at: the words of a record, cut once.

Words compare without regard to case and accents (`plain_words`); marks between words never count here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bot.domain.model import Record
from bot.domain.words import plain_words

# The texts of a document, and those in which a term is looked for that names none.
TEXTS = ("title", "excerpt", "outlet")
ANYWHERE = ("title", "excerpt")
BREAK = "\n"  # stands between texts where they are joined; no word, so no phrase goes across it


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
            "topic": [" ".join(plain_words(topic)) for topic in topics],
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
                found = plain_words(self.texts[field])
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
