"""The query language: search-engine syntax, parsed into a tree that a document satisfies or not.

`ferry "wind farm" -council`, `(storm OR flood) NEAR/5 coast*`, `title:moon domain:bbc.co.uk quality>=60`. Queries
that mean the same but for order, case and spacing are equal and are written alike, so that each is evaluated once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from bot.domain.topics.query.document import TEXTS, Document
from bot.domain.topics.query.parser import MAX_LENGTH, MAX_PRICE, MIN_PREFIX, Parser, QueryError
from bot.domain.topics.query.tree import Node, fields, occurrences, price

__all__ = [
    "MAX_LENGTH",
    "MAX_PRICE",
    "MIN_PREFIX",
    "Mark",
    "Query",
    "QueryError",
    "explain",
    "matched_fields",
    "matches",
    "parse",
]

MOST_MARKS = 200


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. `text` is how it is written canonically, and what it compares by."""

    root: Node = field(compare=False)
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def price(self) -> int:
        """How much work a document can make at most, at most `MAX_PRICE`."""
        return price(self.root)


class Mark(NamedTuple):
    """A part of one of a document's texts: `document.texts[text][start:end]`."""

    text: str
    start: int
    end: int


def matches(query: Query, document: Document) -> bool:
    """Whether a document matches the query."""
    return query.root.holds(document)


def explain(query: Query, document: Document) -> tuple[Mark, ...]:
    """The words that made the document match, from the title on, `MOST_MARKS` at most; nothing where it does not match.

    What a query excludes is not in the text, and what it says of domain, quality and the like is told by `matched_fields`.
    """
    if not matches(query, document):
        return ()
    marks = {
        Mark(text, document.places(text)[first].start, document.places(text)[after - 1].end)
        for text, first, after in set(occurrences(query.root, document))
    }
    in_order = sorted(marks, key=lambda mark: (TEXTS.index(mark.text), mark.start, mark.end))
    return tuple(islice(in_order, MOST_MARKS))


def matched_fields(query: Query, document: Document) -> tuple[str, ...]:
    """What else made it match, as queries write it: `domain:bbc.co.uk`, `quality>=60`; nothing where it does not match."""
    return tuple(dict.fromkeys(fields(query.root, document))) if matches(query, document) else ()


@lru_cache(maxsize=4_096)  # topics are read again with every intake; a query takes about 1 KB
def parse(text: str) -> Query:
    """The query that a text stands for. Raises `QueryError`."""
    return Query(*Parser(text).query())
