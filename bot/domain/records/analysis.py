"""What is computed from the texts of a record: once for each, before the intake that stores it, and carried along as a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.domain.clustering.embeddings import embed
from bot.domain.clustering.story_cluster import Terms, extract_terms
from bot.domain.model import Record
from bot.domain.text.words import plain_words


class Texts(NamedTuple):
    """The texts of a record: all that its analysis depends on. `language`: ISO 639-1; empty: unknown.

    `partial`: the record is listed as related by another one, and did not arrive itself.
    """

    title: str
    excerpt: str
    outlet: str
    language: str
    partial: bool = False

    @classmethod
    def of(cls, record: Record, *, partial: bool = False) -> Texts:
        """The texts of a record."""
        return cls(record.title, record.excerpt, record.outlet.name, record.language, partial)


@dataclass(frozen=True, slots=True)
class TextAnalysis:
    """What the texts of a record say.

    `terms`: what clustering compares. `meaning`: their vector; empty where reports are not compared by meaning.
    `words`: the words of title, excerpt and outlet as queries see them, each joined with spaces. A partial record has
    terms alone: it is neither searched for nor embedded.
    """

    terms: Terms
    meaning: bytes = b""
    words: Mapping[str, str] = field(default_factory=dict)


Analyses = Mapping[Texts, TextAnalysis]


def analyse(texts: Texts, *, semantic: bool = False) -> TextAnalysis:
    """The analysis of texts. `semantic`: with what they mean, for which the model must be installed."""
    terms = extract_terms(texts.title, texts.excerpt, texts.language)
    if texts.partial:
        return TextAnalysis(terms)
    return TextAnalysis(
        terms,
        embed(texts.title, texts.excerpt, texts.language) if semantic else b"",
        {
            "title": " ".join(plain_words(texts.title)),
            "excerpt": " ".join(plain_words(texts.excerpt)),
            "outlet": " ".join(plain_words(texts.outlet)),
        },
    )


def texts_of(records: Iterable[Record]) -> list[Texts]:
    """The texts of records and of those that they list as related, each once, in an order that depends on them alone."""
    every: dict[Texts, None] = {}
    for record in records:
        every.setdefault(Texts.of(record))
        for related in record.related:
            every.setdefault(Texts.of(related, partial=True))
    return list(every)


def analyse_all(records: Iterable[Record], *, semantic: bool = False) -> Analyses:
    """The analyses of arriving records, and of those that they list as related, by their texts."""
    return {texts: analyse(texts, semantic=semantic) for texts in texts_of(records)}
