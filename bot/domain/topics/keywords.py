"""Keywords: whole words of a title, all topics at once.

Keywords are kept in one trie of words, so matching a title costs its length and not the number of topics. Case does
not count, the marks inside a keyword do: as sites use it, `model driven app` does not stand for `model-driven app`.
A word that ends in `*` is a stem, and stands for all words that begin with it: `robot*` for robots and robotics.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bot.domain.model import Topic
from bot.domain.text.words import tokens

STEM = "*"  # ends a word of a keyword that stands for all words that begin with it
SHORTEST_STEM = 3  # characters: what begins with less may mean anything


class KeywordToken(NamedTuple):
    """A word or a mark of a keyword; `is_stem`: any word that begins with it matches."""

    text: str
    is_stem: bool = False

    def matches(self, word: str) -> bool:
        """Whether it stands for that word or mark of a text."""
        return word.startswith(self.text) if self.is_stem else word == self.text


def keyword_tokens(keyword: str) -> tuple[KeywordToken, ...]:
    """A keyword cut as titles are. A stem of less than `SHORTEST_STEM` characters is a word and a mark."""
    result: list[KeywordToken] = []
    for piece in keyword.split():
        cut = [KeywordToken(text) for text in tokens(piece)]
        if piece.endswith(STEM) and len(cut) > 1 and len(cut[-2].text) >= SHORTEST_STEM:
            cut[-2:] = [KeywordToken(cut[-2].text, is_stem=True)]
        result += cut
    return tuple(result)


def short_stems(keyword: str) -> tuple[str, ...]:
    """The words of a keyword that are meant as stems and are too short for it."""
    pieces = (piece for piece in keyword.split() if piece.endswith(STEM) and len(tokens(piece)) > 1)
    return tuple(piece for piece in pieces if len(tokens(piece)[-2]) < SHORTEST_STEM)


def main_language(code: str) -> str:
    """The language of a code without its region: `pt` of `pt-BR`."""
    return code.lower().replace("_", "-").partition("-")[0].strip()


class _Keyword(NamedTuple):
    topic: str
    keyword: str
    in_excerpt: bool
    language: str  # in whose articles it counts; empty: in all


class _Node:
    """A place in the trie: the words and marks that may follow, and the keywords that end here."""

    __slots__ = ("ends", "next", "stems")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.stems: dict[str, _Node] = {}
        self.ends: list[_Keyword] = []

    def child(self, token: KeywordToken) -> _Node:
        """The place behind a word of a keyword, made if need be."""
        return (self.stems if token.is_stem else self.next).setdefault(token.text, _Node())

    def after(self, word: str) -> list[_Node]:
        """The places behind a word of a text."""
        node = self.next.get(word)
        nodes = [] if node is None else [node]
        if self.stems:
            beginnings = (word[:end] for end in range(SHORTEST_STEM, len(word) + 1))
            nodes += [self.stems[beginning] for beginning in beginnings if beginning in self.stems]
        return nodes


class KeywordIndex:
    """The keywords of topics, to be looked up in titles and excerpts."""

    def __init__(self, topics: Iterable[Topic] = ()) -> None:
        self._root = _Node()
        for topic in topics:
            in_excerpt = topic.fields == "title+excerpt"
            for keyword in topic.keywords:
                self._add(_Keyword(topic.name, keyword, in_excerpt, ""))
            for language, keyword in topic.language_keywords:
                self._add(_Keyword(topic.name, keyword, in_excerpt, language))

    def _add(self, keyword: _Keyword) -> None:
        sequence = keyword_tokens(keyword.keyword)
        if not sequence:
            return
        node = self._root
        for token in sequence:
            node = node.child(token)
        node.ends.append(keyword)

    def match(self, title: str, excerpt: str = "", language: str = "") -> dict[str, tuple[str, ...]]:
        """Topic name -> the keywords (as configured) that occur, for every topic that matches.

        `language` is that of the text, as records have it. Where it is not known, keywords of all languages count.
        """
        spoken = main_language(language)
        matched: dict[str, dict[str, None]] = {}
        for text, is_excerpt in ((title, False), (excerpt, True)):
            for keyword in self._scan(tokens(text)) if text else ():
                in_place = keyword.in_excerpt or not is_excerpt
                if in_place and (not spoken or keyword.language in ("", spoken)):
                    matched.setdefault(keyword.topic, {})[keyword.keyword] = None
        return {topic: tuple(keywords) for topic, keywords in matched.items()}

    def _scan(self, text: Sequence[str]) -> Iterator[_Keyword]:
        """The keywords that stand in a text, by where they begin."""
        for start, word in enumerate(text, 1):
            nodes, following = self._root.after(word), start
            while nodes:
                for node in nodes:
                    yield from node.ends
                if following == len(text):
                    break
                nodes = [after for node in nodes for after in node.after(text[following])]
                following += 1
