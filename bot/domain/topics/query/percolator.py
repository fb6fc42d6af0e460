"""All topics whose queries a document satisfies, found at the cost of the document rather than of the queries.

Each query is entered under anchors: terms of which a document must have one to satisfy it. A query that asks
for nothing else is answered by such a term. One that excludes terms is entered under these, too, and taken out
again where one of them is found. Only what else it asks for is evaluated, and only where an anchor is found.
Equal queries are entered once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence, Set
from itertools import chain, islice
from sys import intern
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, get_args

from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import MAX_LENGTH, MIN_PREFIX, Query, parse
from bot.domain.topics.query.meter import CHEAP
from bot.domain.topics.query.tree import (
    And,
    Near,
    Node,
    Not,
    Number,
    Or,
    Prefix,
    Sign,
    Term,
    Value,
    compares,
    price,
)

T = TypeVar("T", bound=Hashable)

_NONE: Set[Any] = frozenset()

Anchor: TypeAlias = Term | Prefix | Value | Number
Role: TypeAlias = Literal["satisfied", "begun", "ended", "possible", "excluded"]


class Posting(Generic[T]):
    """The topics of an anchor, by what it says of them.

    `satisfied`: that the query is satisfied. `begun`: that one of its two parts is, `ended`: that the other is.
    `possible`: that it has to be evaluated. `excluded`: that it is not satisfied, whatever else is found.
    """

    __slots__ = get_args(Role)

    def __init__(self) -> None:
        # Sets have the hashes beside them, so that no topic is looked at while they are joined.
        self.satisfied: Set[T] = _NONE
        self.begun: Set[T] = _NONE
        self.ended: Set[T] = _NONE
        self.possible: Set[T] = _NONE
        self.excluded: Set[T] = _NONE

    def is_empty(self) -> bool:
        return not any(getattr(self, role) for role in get_args(Role))

    def enter(self, role: Role, topic: T) -> None:
        topics = getattr(self, role)
        if topics:
            topics.add(topic)
        else:
            setattr(self, role, {topic})

    def strike(self, role: Role, topic: T) -> None:
        topics = getattr(self, role)
        topics.remove(topic)
        if not topics:
            setattr(self, role, _NONE)


class _Entrance(NamedTuple):
    """The anchors of a query by what they do, and what is left to evaluate where one is found, if anything."""

    anchors: Sequence[tuple[Role, Anchor]]
    condition: Node | None


class Matcher(Generic[T]):
    """Topics and their queries. What is added or removed counts from the next document on.

    `frequencies` says in how many documents a word was seen, as far as anybody counted. It makes no
    difference to what matches, only to how fast, and must stay as it is.
    """

    def __init__(self, frequencies: Mapping[str, int] | None = None) -> None:
        self._frequencies = frequencies or {}
        self._index: Index[T] = Index()
        self._texts: dict[T, str] = {}
        # A query is entered for the first topic that has it; the others stand beside that one.
        self._first: dict[str, T] = {}
        self._beside: dict[T, set[T]] = {}
        self._conditions: dict[T, Node] = {}
        self._prices: dict[T, int] = {}  # of the conditions that are not cheap

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, topic: object) -> bool:
        return topic in self._texts

    def add(self, topic: T, query: Query) -> None:
        """A topic's query, in place of the one that it may have had."""
        if topic in self._texts:
            self.remove(topic)
        text = self._texts[topic] = intern(query.text)
        first = self._first.setdefault(text, topic)
        if first is topic:
            self._enter(topic, query.root)
        else:
            self._beside.setdefault(first, set()).add(topic)

    def remove(self, topic: T) -> None:
        """Forget a topic. Raises `KeyError` where it is not known."""
        text = self._texts.pop(topic)
        first = self._first[text]
        beside = self._beside.pop(first, set())
        if first == topic:
            root = parse(text).root
            self._strike(topic, root)
            if not beside:
                del self._first[text]
                return
            first = self._first[text] = beside.pop()
            self._enter(first, root)
        else:
            beside.remove(topic)
        if beside:
            self._beside[first] = beside

    def _enter(self, topic: T, root: Node) -> None:
        anchors, condition = self._entrance(root)
        if condition is not None:
            self._conditions[topic] = condition
            if (cost := price(condition)) > CHEAP:
                self._prices[topic] = cost
        for role, anchor in anchors:
            self._index.at(anchor).enter(role, topic)

    def _strike(self, topic: T, root: Node) -> None:
        self._conditions.pop(topic, None)
        self._prices.pop(topic, None)
        for role, anchor in self._entrance(root).anchors:
            posting = self._index.at(anchor)
            posting.strike(role, topic)
            if posting.is_empty():
                self._index.drop(anchor)

    def match(self, document: Document, spent: MutableMapping[T, int] | None = None) -> set[T]:
        """The topics whose queries the document satisfies.

        `spent` gets the price of each query that was evaluated and is not cheap; of equal ones, for one topic.
        """
        postings, conditions = self._index.find(document), self._conditions
        satisfied: set[T] = set()
        begun: set[T] = set()
        possible: set[T] = set()
        satisfied.update(*[posting.satisfied for posting in postings])
        begun.update(*[posting.begun for posting in postings])
        possible.update(*[posting.possible for posting in postings])
        # Many queries may end with or exclude a frequent word: & takes as many steps as the smaller set has topics.
        for posting in postings:
            if posting.ended:
                satisfied |= begun & posting.ended
        satisfied.update([topic for topic in possible if conditions[topic].holds(document)])
        if spent is not None and self._prices:
            spent.update({topic: self._prices[topic] for topic in possible & self._prices.keys()})
        for posting in postings:
            if posting.excluded:
                satisfied -= satisfied & posting.excluded
        for topic in satisfied & self._beside.keys():
            satisfied |= self._beside[topic]
        return satisfied

    def _entrance(self, root: Node) -> _Entrance:
        parts = root.of if isinstance(root, And) else (root,)
        rarest, anchors = self._rarest(parts)
        excluded: list[Anchor] = []
        left: list[Node] = []
        for part in parts:
            if isinstance(part, Not) and _is_sure(part.of):
                excluded += self._anchors(part.of)
            elif part is not rarest or not _is_sure(part):
                left.append(part)
        anchored: dict[Role, Sequence[Anchor]] = {"excluded": excluded}
        if not left:
            anchored["satisfied"] = anchors
        elif len(left) == 1 and _is_sure(left[0]):
            anchored |= {"begun": anchors, "ended": self._anchors(left[0])}
            left = []
        else:
            anchored["possible"] = anchors
        return _Entrance(
            [(role, anchor) for role, of_role in anchored.items() for anchor in of_role],
            left[0] if len(left) == 1 else And(tuple(left)) if left else None,
        )

    def _anchors(self, node: Node) -> Sequence[Anchor]:
        """Terms of which a document that satisfies the tree has at least one; none for a negation."""
        match node:
            case Term() | Value() | Number():
                return (node,)
            case Prefix(field, text):
                return (Term(field, text.rpartition(" ")[0]),) if " " in text else (node,)
            case Or(parts):
                every = [self._anchors(part) for part in parts]
                return list(dict.fromkeys(chain.from_iterable(every))) if all(every) else ()
            case And(parts):
                return self._rarest(parts)[1]
            case Near(first, second):
                return self._rarest((first, second))[1]
            case Not():
                return ()

    def _rarest(self, parts: Sequence[Node]) -> tuple[Node, Sequence[Anchor]]:
        """The part that fewest documents will satisfy, and its anchors."""
        every = [(part, self._anchors(part)) for part in parts]
        if len(every) == 1:
            return every[0]
        return max(every, key=lambda candidate: min(map(self._rarity, candidate[1]), default=(-1, 0, 0)))

    def _rarity(self, anchor: Anchor) -> tuple[int, int, int]:
        """Text is rarer than values, these than ranges. Where nothing was counted, what is long is rare."""
        match anchor:
            case Number():
                return 0, 0, 0
            case Value(_, text):
                return 1, 0, len(text)
        seen = min(self._frequencies.get(word, 0) for word in anchor.words.split(" "))
        # Characters of scripts without spaces have three bytes, and say as much as three letters.
        return 2, -seen, len(anchor.words.encode())


def _is_sure(node: Node) -> bool:
    """Whether a query is satisfied as soon as one of its anchors is found."""
    if isinstance(node, Or):
        return all(map(_is_sure, node.of))
    return isinstance(node, Term | Value | Number) or (isinstance(node, Prefix) and " " not in node.words)


class Index(Generic[T]):
    """A posting for each anchor."""

    def __init__(self) -> None:
        self._terms: dict[str, _Trie[T]] = {}
        self._prefixes: dict[str, _Prefixes[T]] = {}
        self._values: dict[str, dict[str, Posting[T]]] = {}
        self._bounds: dict[tuple[str, Sign], dict[int, Posting[T]]] = {}

    def at(self, anchor: Anchor) -> Posting[T]:
        """The anchor's posting, a new one where there is none."""
        match anchor:
            case Term(field, text):
                return self._terms.setdefault(field, _Trie()).at(text.split(" "))
            case Prefix(field, text):
                return self._prefixes.setdefault(field, _Prefixes()).at(text)
            case Value(field, text):
                return self._values.setdefault(field, {}).setdefault(text, Posting())
            case Number(field, sign, bound):
                return self._bounds.setdefault((field, sign), {}).setdefault(bound, Posting())

    def drop(self, anchor: Anchor) -> None:
        """Forget an anchor whose posting is empty."""
        match anchor:
            case Term(field, text):
                self._terms[field].drop(text.split(" "))
            case Prefix(field, text):
                self._prefixes[field].drop(text)
            case Value(field, text):
                del self._values[field][text]
            case Number(field, sign, bound):
                del self._bounds[field, sign][bound]

    def find(self, document: Document) -> list[Posting[T]]:
        """The postings of all anchors that the document has."""
        postings: list[Posting[T]] = []
        for field, trie in self._terms.items():
            trie.find(document.words(field), postings)
        for field, prefixes in self._prefixes.items():
            prefixes.find(document.words(field), postings)
        for field, values in self._values.items():
            postings += [values[value] for value in document.values[field] if value in values]
        for (field, sign), bounds in self._bounds.items():
            given = document.numbers[field]
            postings += [posting for bound, posting in bounds.items() if compares(sign, given, bound)]
        return postings


class _Node(Posting[T]):
    """A place in the trie: the posting of what ends here, and the words that may come next."""

    __slots__ = ("next",)

    def __init__(self) -> None:
        super().__init__()
        self.next: dict[str, _Node[T]] | None = None

    def is_needed(self) -> bool:
        return bool(self.next) or not self.is_empty()


_TURN = ""  # no word: in a node's `next`, in front of the words that stand before the pair


class _Trie(Generic[T]):
    """Terms by their words: those of one word, and nodes by two neighbouring words of all others.

    Of a longer term these are its longest two, as what is long is rare: where a document has only them, every term
    that has them is looked for in vain. From there it is read on to its end, then from the pair back to its beginning.
    A script without spaces has a word per character, so parts of its sentences are found as well.
    """

    def __init__(self) -> None:
        self._words: dict[str, Posting[T]] = {}
        self._pairs: dict[tuple[str, str], _Node[T]] = {}
        # Their keys: a set says of most words with one look at memory that they are none; a dict needs two or three.
        self._known_words: set[str] = set()
        self._known_pairs: set[tuple[str, str]] = set()

    def at(self, words: Sequence[str]) -> Posting[T]:
        if len(words) == 1:
            self._known_words.add(words[0])
            return _at(self._words, words[0], Posting)
        pair, others = _path(words)
        self._known_pairs.add(pair)
        node = _at(self._pairs, pair, _Node)
        for word in others:
            if node.next is None:
                node.next = {}
            node = _at(node.next, word, _Node)
        return node

    def drop(self, words: Sequence[str]) -> None:
        if len(words) == 1:
            del self._words[words[0]]
            self._known_words.remove(words[0])
            return
        pair, others = _path(words)
        node = self._pairs[pair]
        path = []
        for word in others:
            assert node.next
            path.append((node.next, word))
            node = node.next[word]
        for siblings, word in reversed(path):
            if not siblings[word].is_needed():
                del siblings[word]
        if not self._pairs[pair].is_needed():
            del self._pairs[pair]
            self._known_pairs.remove(pair)

    def find(self, words: Sequence[str], postings: list[Posting[T]]) -> None:
        """Add the postings of all terms that stand in these words, some more than once."""
        postings += [self._words[word] for word in self._known_words.intersection(words)]
        for pair in self._known_pairs.intersection(zip(words, islice(words, 1, None), strict=False)):
            node = self._pairs[pair]
            postings.append(node)
            if node.next:
                first, second = pair
                for place in [place for place, word in enumerate(words[:-1]) if word == first]:
                    if words[place + 1] == second:
                        _read(node, words, place, postings)


def _path(words: Sequence[str]) -> tuple[tuple[str, str], list[str]]:
    """The pair by which a term of several words is known, and what leads from there to its node."""
    words = list(map(intern, words))
    start = max(range(len(words) - 1), key=lambda place: len("".join(words[place : place + 2]).encode()))
    back = [_TURN, *reversed(words[:start])] if start else []
    return (words[start], words[start + 1]), words[start + 2 :] + back


def _read(node: _Node[T], words: Sequence[str], place: int, postings: list[Posting[T]]) -> None:
    """Add the postings of the longer terms of which the pair at the given place is a part."""
    after = place + 2
    while node.next:
        turned = node.next.get(_TURN)
        before = place - 1
        while turned is not None:
            postings.append(turned)
            turned = turned.next.get(words[before]) if turned.next and before >= 0 else None
            before -= 1
        if after == len(words) or (following := node.next.get(words[after])) is None:
            return
        postings.append(following)
        node, after = following, after + 1


class _Prefixes(Generic[T]):
    """Beginnings of words, by their first letters."""

    def __init__(self) -> None:
        self._heads: dict[str, dict[str, Posting[T]]] = {}

    def at(self, prefix: str) -> Posting[T]:
        return self._heads.setdefault(prefix[:MIN_PREFIX], {}).setdefault(prefix, Posting())

    def drop(self, prefix: str) -> None:
        head = self._heads[prefix[:MIN_PREFIX]]
        del head[prefix]
        if not head:
            del self._heads[prefix[:MIN_PREFIX]]

    def find(self, words: Sequence[str], postings: list[Posting[T]]) -> None:
        for word in words:
            prefixes = self._heads.get(word[:MIN_PREFIX])
            if prefixes:
                beginnings = (word[:length] for length in range(MIN_PREFIX, min(len(word), MAX_LENGTH) + 1))
                postings += [prefixes[prefix] for prefix in beginnings if prefix in prefixes]


K = TypeVar("K")
P = TypeVar("P")


def _at(places: dict[K, P], key: K, make: Callable[[], P]) -> P:
    """As `setdefault`, but nothing is made where there is something."""
    value = places.get(key)
    if value is None:
        value = places[key] = make()
    return value
