"""The tree of a query: matching documents, and writing it as text.

A tree is always in its canonical shape: `both` and `either` drop repeats and sort, so equal meanings are
equal trees as far as order, case and spacing go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Literal, TypeAlias

from bot.domain.text.words import plain_words, stands_alone
from bot.domain.topics.query.document import ANYWHERE, Document


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or words that follow each other; `field` is empty for title and excerpt."""

    field: str
    words: str

    def holds(self, document: Document) -> bool:
        return f" {self.words} " in document.joined(self.field)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The same, but the last word is only begun."""

    field: str
    words: str

    def holds(self, document: Document) -> bool:
        return f" {self.words}" in document.joined(self.field)


@dataclass(frozen=True, slots=True)
class Near:
    """Two terms of one field in one text, apart, the later at most `distance` words after the earlier ends."""

    first: Term | Prefix
    second: Term | Prefix
    distance: int

    @property
    def field(self) -> str:
        return self.first.field

    def holds(self, document: Document) -> bool:
        if not (self.first.holds(document) and self.second.holds(document)):
            return False
        return any(
            _near(self.first, self.second, self.distance, document, text) for text in texts(self.field)
        )


@dataclass(frozen=True, slots=True)
class Value:
    """A domain, type, language or topic that the document has."""

    field: str
    value: str

    def holds(self, document: Document) -> bool:
        return self.value in document.values[self.field]


Sign: TypeAlias = Literal["=", "<=", ">="]


@dataclass(frozen=True, slots=True)
class Number:
    """A bound for quality or heat."""

    field: str
    sign: Sign
    bound: int

    def holds(self, document: Document) -> bool:
        return compares(self.sign, document.numbers[self.field], self.bound)


@dataclass(frozen=True, slots=True)
class Not:
    """What a document must not satisfy; never a negation itself."""

    of: Node

    def holds(self, document: Document) -> bool:
        return not self.of.holds(document)


@dataclass(frozen=True, slots=True)
class And:
    """All of several, none of which is an `And`."""

    of: tuple[Node, ...]

    def holds(self, document: Document) -> bool:
        for part in self.of:  # noqa: SIM110 - a loop is twice as fast as all()
            if not part.holds(document):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Or:
    """Any of several, none of which is an `Or`."""

    of: tuple[Node, ...]

    def holds(self, document: Document) -> bool:
        for part in self.of:  # noqa: SIM110
            if part.holds(document):
                return True
        return False


Text: TypeAlias = Term | Prefix | Near
Node: TypeAlias = Term | Prefix | Near | Value | Number | Not | And | Or


def compares(sign: Sign, number: int, bound: int) -> bool:
    """Whether a number is within a bound."""
    if sign == "=":
        return number == bound
    return number <= bound if sign == "<=" else number >= bound


def texts(field: str) -> Sequence[str]:
    """The texts in which a term of that field is looked for."""
    return (field,) if field else ANYWHERE


# Building.


def near(first: Term | Prefix, second: Term | Prefix, distance: int) -> Near:
    """Two terms near each other, in canonical order."""
    first, second = sorted((first, second), key=written)
    return Near(first, second, distance)


def both(parts: Sequence[Node]) -> Node:
    """All of these, in canonical order, each once."""
    nodes = _canonical([each for part in parts for each in (part.of if isinstance(part, And) else (part,))])
    return nodes[0] if len(nodes) == 1 else And(nodes)


def either(parts: Sequence[Node]) -> Node:
    """Any of these, in canonical order, each once."""
    nodes = _canonical([each for part in parts for each in (part.of if isinstance(part, Or) else (part,))])
    return nodes[0] if len(nodes) == 1 else Or(nodes)


def _canonical(parts: Sequence[Node]) -> tuple[Node, ...]:
    """Each once, what is wanted before what is not."""
    if len(parts) == 1:
        return (parts[0],)
    by_text = {(isinstance(part, Not), written(part)): part for part in parts}
    return tuple(by_text[key] for key in sorted(by_text))


# Writing.


def written(node: Node) -> str:
    """The query as text, from which the same tree is read again."""
    match node:
        case Not(of):
            return f"-{_within(of, (Or, And, Near))}"
        case And(parts):
            return _series(parts, " ", (Or,))
        case Or(parts):
            return _series(parts, " OR ", ())
        case Near(field=""):
            return _bare(node)
        case Near(field=field):
            return f"{field}:({_bare(node)})"
        case Number():
            return _bare(node)
    return f"{node.field}:{_bare(node)}" if node.field else _bare(node)


def _bare(leaf: Text | Value | Number) -> str:
    """A leaf without its field."""
    match leaf:
        case Term():
            return _phrase(leaf.words)
        case Prefix():
            return _phrase(leaf.words, "*")
        case Near():
            return f"{_bare(leaf.first)} NEAR/{leaf.distance} {_bare(leaf.second)}"
        case Value(field="topic"):
            return _phrase(leaf.value)
        case Value():
            return leaf.value
    return f"{leaf.field}{leaf.sign}{leaf.bound}"


def _phrase(text: str, end: str = "") -> str:
    """Words, in quotes where they are several. Characters of scripts without spaces are written together."""
    together = text if text.isascii() else _together(text.split(" "))
    return f'"{together}{end}"' if " " in together else together + end


def _together(words: list[str]) -> str:
    text = words[0]
    for before, word in pairwise(words):
        text += word if stands_alone(before) and stands_alone(word) else f" {word}"
    return text if plain_words(text) == words else " ".join(words)  # some combine to another character


def _field(part: Node) -> str:
    """The field of a part that can be written in that field's group with others."""
    if isinstance(part, Not) and isinstance(part.of, Term | Prefix | Value):
        return part.of.field
    return part.field if isinstance(part, Term | Prefix | Near | Value) else ""


def _is_one_group(node: Node) -> bool:
    """Whether it is written as `field:(...)`, which needs no parentheses around it."""
    if isinstance(node, And | Or):
        fields = set(map(_field, node.of))
        return len(fields) == 1 and "" not in fields
    return isinstance(node, Near) and bool(node.field)


def _within(node: Node, enclosed: tuple[type[Node], ...]) -> str:
    """A part as it stands in something else."""
    text = written(node)
    return f"({text})" if isinstance(node, enclosed) and not _is_one_group(node) else text


def _series(parts: Sequence[Node], joint: str, enclosed: tuple[type[Node], ...]) -> str:
    """Parts of the same field are written in one group where the first of them stands."""
    groups: dict[object, list[Node]] = {}
    for part in parts:
        groups.setdefault(_field(part) or part, []).append(part)
    return joint.join(
        _within(group[0], enclosed) if len(group) == 1 else f"{field}:({joint.join(map(_in_group, group))})"
        for field, group in groups.items()
    )


def _in_group(part: Node) -> str:
    if isinstance(part, Not):
        return f"-{_in_group(part.of)}"
    assert isinstance(part, Term | Prefix | Near | Value)
    return _bare(part)


# What it costs.

LOOK = 1  # the price of looking for a word, a phrase or a value in a document
BEGINNING = 2  # of a word that is only begun: more documents have it
NEARNESS = 8  # of comparing positions, beside the price of both terms


def price(node: Node) -> int:
    """How much work a document can make at most, in looks at it. What it has is worked out once for all queries."""
    match node:
        case Prefix():
            return BEGINNING
        case Near(first, second):
            return NEARNESS + price(first) + price(second)
        case Not(of):
            return price(of)
        case And(parts) | Or(parts):
            return sum(map(price, parts))
    return LOOK


# Where in a document.

MOST_OCCURRENCES = 50  # of one term in one text that are listed


def _starts(term: Term | Prefix, document: Document, text: str) -> int:
    """Where a term begins in a text, as bits."""
    return document.positions(text).of(term.words, isinstance(term, Prefix))


def _near(first: Term | Prefix, second: Term | Prefix, distance: int, document: Document, text: str) -> int:
    """Where the one begins near the other, as bits. Steps grow with the logarithm of the distance."""
    near = _starts(second, document, text)
    after = near >> _size(first)
    before = near << _size(second)
    reach = 1
    while reach < distance:
        step = min(reach, distance - reach)
        after |= after >> step
        before |= before << step
        reach += step
    return _starts(first, document, text) & (after | before)


def _size(term: Term | Prefix) -> int:
    return term.words.count(" ") + 1


def _spans(term: Term | Prefix, text: str, starts: int) -> Iterator[tuple[str, int, int]]:
    size = _size(term)
    return ((text, start, start + size) for start in islice(_bits(starts), MOST_OCCURRENCES))


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def occurrences(node: Node, document: Document) -> Iterator[tuple[str, int, int]]:
    """Text, first word and the word after the last, of what makes a document satisfy the tree.

    Of each term there are at most `MOST_OCCURRENCES` in a text, the first ones.
    """
    match node:
        case And(parts):
            for part in parts:
                yield from occurrences(part, document)
        case Or(parts):
            for part in parts:
                if part.holds(document):
                    yield from occurrences(part, document)
        case Term() | Prefix():
            for text in texts(node.field):
                yield from _spans(node, text, _starts(node, document, text))
        case Near(first, second, distance):
            for text in texts(node.field):
                for subject, neighbour in ((first, second), (second, first)):
                    yield from _spans(subject, text, _near(subject, neighbour, distance, document, text))


def fields(node: Node, document: Document) -> Iterator[str]:
    """What makes a document satisfy the tree beside its text, as it is written: `domain:bbc.co.uk`, `quality>=60`."""
    match node:
        case And(parts):
            for part in parts:
                yield from fields(part, document)
        case Or(parts):
            for part in parts:
                if part.holds(document):
                    yield from fields(part, document)
        case Value() | Number():
            yield written(node)
