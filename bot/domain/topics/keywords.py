"""Keywords: whole words of a title, all topics at once.

Keywords are kept in one trie of words, so matching a title costs its length and not the number of topics. Case does
not count, the marks inside a keyword do: as sites use it, `model driven app` does not stand for `model-driven app`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bot.domain.model import Topic
from bot.domain.text.words import tokens


class _Keyword(NamedTuple):
    topic: str
    keyword: str
    in_excerpt: bool


class _Node:
    """A place in the trie: the words and marks that may follow, and the keywords that end here."""

    __slots__ = ("ends", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.ends: list[_Keyword] = []


class KeywordIndex:
    """The keywords of topics, to be looked up in titles and excerpts."""

    def __init__(self, topics: Iterable[Topic] = ()) -> None:
        self._root = _Node()
        for topic in topics:
            for keyword in topic.keywords:
                self._add(keyword, _Keyword(topic.name, keyword, topic.fields == "title+excerpt"))

    def _add(self, text: str, keyword: _Keyword) -> None:
        sequence = tokens(text)
        if not sequence:
            return
        node = self._root
        for word in sequence:
            node = node.next.setdefault(word, _Node())
        node.ends.append(keyword)

    def match(self, title: str, excerpt: str = "") -> dict[str, tuple[str, ...]]:
        """Topic name -> the keywords (as configured) that occur, for every topic that matches."""
        matched: dict[str, dict[str, None]] = {}
        for keyword in self._scan(tokens(title)):
            matched.setdefault(keyword.topic, {})[keyword.keyword] = None
        if excerpt:
            for keyword in self._scan(tokens(excerpt)):
                if keyword.in_excerpt:
                    matched.setdefault(keyword.topic, {})[keyword.keyword] = None
        return {topic: tuple(keywords) for topic, keywords in matched.items()}

    def _scan(self, text: Sequence[str]) -> Iterator[_Keyword]:
        first = self._root.next
        for start, word in enumerate(text):
            node = first.get(word)
            position = start + 1
            while node is not None:
                yield from node.ends
                node = node.next.get(text[position]) if position < len(text) else None
                position += 1
