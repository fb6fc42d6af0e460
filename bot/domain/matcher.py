"""All topics whose queries a document satisfies, found at the cost of the document rather than of the queries.

Each query is entered under anchors: terms of which a document must have one to satisfy it. A query that asks
for nothing else is answered by such a term; any other is evaluated only where one of its anchors is found. Equal
queries are one entry with many topics; an entry is known by the query's canonical text.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import chain, count, islice
from sys import intern
from typing import Generic, TypeAlias, TypeVar

from bot.domain.document import Document
from bot.domain.query import MAX_LENGTH, MIN_PREFIX, Query, parse
from bot.domain.query_tree import And, Near, Node, Not, Number, Or, Prefix, Sign, Term, Value, compares

K = TypeVar("K")
T = TypeVar("T", bound=Hashable)

Anchor: TypeAlias = Term | Prefix | Value | Number

# Most anchors have few entries, for which a tuple takes the least memory; a list takes one more in quickly.
Entries: TypeAlias = tuple[str, ...] | list[str]
_FEW = 16


class Matcher(Generic[T]):
    """Topics and their queries. What is added or removed counts from the next document on.

    `frequencies` says in how many documents a word was seen, as far as anybody counted. It makes no
    difference to what matches, only to how fast, and must stay as it is.
    """

    def __init__(self, frequencies: Mapping[str, int] | None = None) -> None:
        self._frequencies = frequencies or {}
        self._queries: dict[T, str] = {}
        self._topics: dict[str, Collection[T]] = {}
        self._conditions: dict[str, Node] = {}
        self._index = _Index()

    def __len__(self) -> int:
        return len(self._queries)

    def __contains__(self, topic: object) -> bool:
        return topic in self._queries

    def add(self, topic: T, query: Query) -> None:
        """A topic's query, in place of the one that it may have had."""
        if topic in self._queries:
            self.remove(topic)
        text = self._queries[topic] = intern(query.text)
        topics = self._topics.get(text)
        if topics is None:
            self._topics[text] = (topic,)
            if not _is_sure(query.root):
                self._conditions[text] = query.root
            for anchor in self._anchors(query.root):
                self._index.add(anchor, text)
        elif isinstance(topics, set):
            topics.add(topic)
        else:
            self._topics[text] = {*topics, topic}

    def remove(self, topic: T) -> None:
        """Forget a topic. Raises `KeyError` where it is not known."""
        text = self._queries.pop(topic)
        topics = self._topics[text]
        if len(topics) > 1:
            assert isinstance(topics, set)
            topics.remove(topic)
            return
        del self._topics[text]
        root = self._conditions.pop(text) if text in self._conditions else parse(text).root
        for anchor in self._anchors(root):
            self._index.remove(anchor, text)

    def match(self, document: Document) -> set[T]:
        """The topics whose queries the document satisfies."""
        found = self._index.find(document)
        conditions = self._conditions
        for text in found & conditions.keys():
            if not conditions[text].holds(document):
                found.remove(text)
        return set(chain.from_iterable(map(self._topics.__getitem__, found)))

    def _anchors(self, node: Node) -> Sequence[Anchor]:
        """Terms of which a document that satisfies the tree has at least one; none for a negation."""
        match node:
            case Or(parts):
                every = [self._anchors(part) for part in parts]
                return list(dict.fromkeys(chain.from_iterable(every))) if all(every) else ()
            case And(parts):
                return self._rarest(parts)
            case Near(first, second):
                return self._rarest((first, second))
            case Not():
                return ()
            case Prefix(field, text) if " " in text:
                return (Term(field, text.rpartition(" ")[0]),)
        return (node,)

    def _rarest(self, parts: Sequence[Node]) -> Sequence[Anchor]:
        """The anchors of the part that fewest documents will have."""
        every = [own for part in parts if (own := self._anchors(part))]
        return max(every, key=lambda own: min(map(self._rarity, own)), default=())

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


class _Index:
    """The entries of each anchor."""

    def __init__(self) -> None:
        self._terms: dict[str, _Trie] = {}
        self._prefixes: dict[str, _Prefixes] = {}
        self._values: dict[str, dict[str, Entries]] = {}
        self._numbers: dict[tuple[str, Sign], dict[int, Entries]] = {}

    def add(self, anchor: Anchor, entry: str) -> None:
        match anchor:
            case Term(field, text):
                self._terms.setdefault(field, _Trie()).add(text.split(" "), entry)
            case Prefix(field, text):
                self._prefixes.setdefault(field, _Prefixes()).add(text, entry)
            case Value(field, text):
                _enter(self._values.setdefault(field, {}), text, entry)
            case Number(field, sign, bound):
                _enter(self._numbers.setdefault((field, sign), {}), bound, entry)

    def remove(self, anchor: Anchor, entry: str) -> None:
        match anchor:
            case Term(field, text):
                self._terms[field].remove(text.split(" "), entry)
            case Prefix(field, text):
                self._prefixes[field].remove(text, entry)
            case Value(field, text):
                _strike(self._values[field], text, entry)
            case Number(field, sign, bound):
                _strike(self._numbers[field, sign], bound, entry)

    def find(self, document: Document) -> set[str]:
        """The entries of all anchors that the document has."""
        found: set[str] = set()
        for field, trie in self._terms.items():
            trie.find(document.words(field), found)
        for field, prefixes in self._prefixes.items():
            prefixes.find(document.words(field), found)
        for field, values in self._values.items():
            found.update(*[values.get(value, ()) for value in document.values[field]])
        for (field, sign), bounds in self._numbers.items():
            number = document.numbers[field]
            found.update(*[own for bound, own in bounds.items() if compares(sign, number, bound)])
        return found


class _Node:
    """A place in the trie: the entries of what ends here, and the words that may follow."""

    __slots__ = ("entries", "following")

    def __init__(self) -> None:
        self.entries: Entries = ()
        self.following: dict[str, _Node] | None = None


class _Trie:
    """Terms by their words. Those of one word, which most documents have many of, lie apart.

    A script without spaces has a word per character, so parts of its sentences are found as well.
    """

    def __init__(self) -> None:
        self._words: dict[str, Entries] = {}
        self._starts: dict[str, dict[str, _Node]] = {}

    def add(self, words: Sequence[str], entry: str) -> None:
        first = intern(words[0])
        if len(words) == 1:
            _enter(self._words, first, entry)
            return
        following = self._starts.setdefault(first, {})
        node = _child(following, words[1])
        for word in words[2:]:
            if node.following is None:
                node.following = {}
            node = _child(node.following, word)
        node.entries = _with(node.entries, entry)

    def remove(self, words: Sequence[str], entry: str) -> None:
        if len(words) == 1:
            _strike(self._words, words[0], entry)
            return
        following: dict[str, _Node] | None = self._starts[words[0]]
        path = []
        for word in words[1:]:
            assert following
            path.append((following, word))
            node = following[word]
            following = node.following
        node.entries = _without(node.entries, entry)
        for siblings, word in reversed(path):
            if siblings[word].entries or siblings[word].following:
                return
            del siblings[word]
        if not self._starts[words[0]]:
            del self._starts[words[0]]

    def find(self, words: Sequence[str], found: set[str]) -> None:
        """Add the entries of all terms that stand in these words."""
        found.update(*filter(None, map(self._words.get, words)))
        # Position, all that may follow the word before it, and the word that does.
        for at, following, word in zip(count(2), map(self._starts.get, words), islice(words, 1, None)):
            if following is None:
                continue
            node = following.get(word)
            while node is not None:
                if node.entries:
                    found.update(node.entries)
                if not node.following or at == len(words):
                    break
                node = node.following.get(words[at])
                at += 1


def _child(following: dict[str, _Node], word: str) -> _Node:
    node = following.get(word)
    if node is None:
        node = following[intern(word)] = _Node()
    return node


class _Prefixes:
    """Beginnings of words, by their first letters."""

    def __init__(self) -> None:
        self._heads: dict[str, dict[str, Entries]] = {}

    def add(self, prefix: str, entry: str) -> None:
        _enter(self._heads.setdefault(prefix[:MIN_PREFIX], {}), prefix, entry)

    def remove(self, prefix: str, entry: str) -> None:
        head = self._heads[prefix[:MIN_PREFIX]]
        _strike(head, prefix, entry)
        if not head:
            del self._heads[prefix[:MIN_PREFIX]]

    def find(self, words: Sequence[str], found: set[str]) -> None:
        for word in words:
            prefixes = self._heads.get(word[:MIN_PREFIX])
            if prefixes:
                for length in range(MIN_PREFIX, min(len(word), MAX_LENGTH) + 1):
                    found.update(prefixes.get(word[:length], ()))


def _enter(entries: dict[K, Entries], key: K, entry: str) -> None:
    entries[key] = _with(entries.get(key, ()), entry)


def _strike(entries: dict[K, Entries], key: K, entry: str) -> None:
    left = _without(entries[key], entry)
    if left:
        entries[key] = left
    else:
        del entries[key]


def _with(entries: Entries, entry: str) -> Entries:
    if isinstance(entries, list):
        entries.append(entry)
        return entries
    return (*entries, entry) if len(entries) < _FEW else [*entries, entry]


def _without(entries: Entries, entry: str) -> Entries:
    if isinstance(entries, list):
        entries.remove(entry)
        return entries
    return tuple(other for other in entries if other != entry)
