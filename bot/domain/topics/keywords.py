"""Keywords: whole words of a title, all topics at once.

Keywords are kept in tries of words, one for each language, so matching a title costs its length and neither the number
of topics nor that of languages. Case does not count, the marks inside a keyword do: as sites use it, `model driven app`
does not stand for `model-driven app`. A star at an end of a word stands for any letters: `robot*` for robots and
robotics, `*gericht` for the German Landgericht, `*unfall*` for Verkehrsunfall and Unfallort.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from bot.domain.model import Topic
from bot.domain.text.language import likely_languages
from bot.domain.text.words import fold, plain, tokens

STEM = "*"  # at an end of a word of a keyword: any letters may stand there
SHORTEST_STEM = 3  # characters beside a star: what has less in common may mean anything


class KeywordToken(NamedTuple):
    """A word or a mark of a keyword; `open_start` and `open_end`: whether a word may have more letters there."""

    text: str
    open_start: bool = False
    open_end: bool = False

    def matches(self, word: str) -> bool:
        """Whether it stands for that word or mark of a text."""
        match self.open_start, self.open_end:
            case True, True:
                return self.text in word
            case True, False:
                return word.endswith(self.text)
            case False, True:
                return word.startswith(self.text)
        return word == self.text


def keyword_tokens(keyword: str) -> tuple[KeywordToken, ...]:
    """A keyword cut as titles are. A star beside less than `SHORTEST_STEM` characters is a mark like any other."""
    result: list[KeywordToken] = []
    for piece in keyword.split():
        cut = [KeywordToken(text) for text in tokens(piece)]
        if piece.endswith(STEM) and len(cut) > 1 and len(cut[-2].text) >= SHORTEST_STEM:
            cut[-2:] = [cut[-2]._replace(open_end=True)]
        if piece.startswith(STEM) and len(cut) > 1 and len(cut[1].text) >= SHORTEST_STEM:
            cut[:2] = [cut[1]._replace(open_start=True)]
        result += cut
    return tuple(result)


def short_stems(keyword: str) -> tuple[str, ...]:
    """The words of a keyword that are meant as stems and are too short for it."""
    if STEM not in keyword:  # as in most of them
        return ()
    return tuple(
        piece for piece in keyword.split() if any(len(text) < SHORTEST_STEM for text in _starred(piece))
    )


def _starred(piece: str) -> list[str]:
    """The words of a piece that stand beside a star at one of its ends."""
    cut = tokens(piece)
    if len(cut) < 2:
        return []
    return [cut[at] for star, at in ((piece.endswith(STEM), -2), (piece.startswith(STEM), 1)) if star]


def main_language(code: str) -> str:
    """The language of a code without its region: `pt` of `pt-BR`."""
    return code.lower().replace("_", "-").partition("-")[0].strip()


# Languages that are often written without their accents, in capitals or in addresses, and what Germans type for umlauts.
# Not Turkish nor Polish, in which that makes other words of many.
_ACCENTS_ARE_OPTIONAL = frozenset({"ar", "ca", "es", "fr", "it", "pt", "ro", "ru"})
_UMLAUTS = {"de": str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})}


def spellings(keyword: str, language: str) -> tuple[str, ...]:
    """How a keyword of a language may be written: as it is, and as it is often typed there; each once."""
    if language in _UMLAUTS:
        typed = fold(keyword).translate(_UMLAUTS[language])
    else:
        typed = plain(keyword) if language in _ACCENTS_ARE_OPTIONAL else keyword
    return (keyword,) if typed == fold(keyword) else (keyword, typed)


class _Keyword(NamedTuple):
    topic: str
    keyword: str
    in_excerpt: bool


class _Stems:
    """The places behind stems of one form: with more letters behind them, before them, or on both sides.

    By their first letters, so that a word without any of them costs one look, or one for each letter where a stem may
    stand inside.
    """

    __slots__ = ("_backwards", "_inside", "_places", "_sizes")

    def __init__(self, token: KeywordToken) -> None:
        self._inside = token.open_start and token.open_end
        self._backwards = not token.open_end  # what a word ends with is what it begins with, read backwards
        self._places: dict[str, _Node] = {}
        self._sizes: dict[str, tuple[int, ...]] = {}

    def child(self, stem: str) -> _Node:
        """The place behind a stem, made if need be."""
        stem = stem[::-1] if self._backwards else stem
        first = stem[:SHORTEST_STEM]
        self._sizes[first] = tuple(sorted({*self._sizes.get(first, ()), len(stem)}))
        return self._places.setdefault(stem, _Node())

    def after(self, word: str) -> Iterator[_Node]:
        """The places behind a word of a text."""
        word = word[::-1] if self._backwards else word
        for start in range(len(word) - SHORTEST_STEM + 1) if self._inside else (0,):
            for size in self._sizes.get(word[start : start + SHORTEST_STEM], ()):
                part = word[start : start + size]
                if len(part) == size and part in self._places:
                    yield self._places[part]


class _Node:
    """A place in the trie: the words and marks that may follow, and the keywords that end here.

    There are tens of thousands of them, and nothing follows on most: those share what is empty.
    """

    __slots__ = ("ends", "next", "stems")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = _NONE
        self.stems: dict[tuple[bool, bool], _Stems] = _NO_STEMS  # by form
        self.ends: tuple[_Keyword, ...] = ()

    def child(self, token: KeywordToken) -> _Node:
        """The place behind a word of a keyword, made if need be."""
        if token.open_start or token.open_end:
            self.stems = self.stems or {}
            form = (token.open_start, token.open_end)
            return self.stems.setdefault(form, _Stems(token)).child(token.text)
        self.next = self.next or {}
        return self.next.setdefault(token.text, _Node())

    def after(self, word: str) -> list[_Node]:
        """The places behind a word of a text."""
        node = self.next.get(word)
        nodes = [] if node is None else [node]
        for stems in self.stems.values():
            nodes += stems.after(word)
        return nodes


# Never written to.
_NONE: dict[str, _Node] = {}
_NO_STEMS: dict[tuple[bool, bool], _Stems] = {}


class KeywordIndex:
    """The keywords of topics, to be looked up in titles and excerpts."""

    def __init__(self, topics: Iterable[Topic] = ()) -> None:
        self._tries: dict[str, _Node] = {}  # by language; empty: the keywords that count in all
        self._in_excerpts = False
        for topic in topics:
            in_excerpt = topic.fields == "title+excerpt"
            self._in_excerpts |= in_excerpt
            for keyword in topic.keywords:
                self._add(_Keyword(topic.name, keyword, in_excerpt), "")
            for language, keyword in topic.language_keywords:
                self._add(_Keyword(topic.name, keyword, in_excerpt), language)

    def _add(self, keyword: _Keyword, language: str) -> None:
        trie = self._tries.setdefault(language, _Node())
        for sequence in filter(None, map(keyword_tokens, spellings(keyword.keyword, language))):
            node = trie
            for token in sequence:
                node = node.child(token)
            node.ends += (keyword,)

    def match(self, title: str, excerpt: str = "", language: str = "") -> dict[str, tuple[str, ...]]:
        """Topic name -> the keywords (as configured) that occur, for every topic that matches.

        `language` is that of the text, as records have it: an outlet may declare another one than it writes in, and the
        language of a short title is often mistaken. So keywords count in every language that the title is likely to be
        in as well, and in all languages where nothing is known about it.
        """
        matched: dict[str, dict[str, None]] = {}
        tries = self._spoken(title, language)
        for text, is_excerpt in ((title, False), (excerpt if self._in_excerpts else "", True)):
            words = tokens(text)
            for keyword in chain.from_iterable(_scan(trie, words) for trie in tries):
                if keyword.in_excerpt or not is_excerpt:
                    matched.setdefault(keyword.topic, {})[keyword.keyword] = None
        return {topic: tuple(keywords) for topic, keywords in matched.items()}

    def _spoken(self, title: str, language: str) -> list[_Node]:
        """The keywords that count in a title."""
        if self._tries.keys() <= {""}:
            return list(self._tries.values())
        spoken = {main_language(language), *likely_languages(title)} - {""}
        return [trie for code, trie in self._tries.items() if not spoken or code in spoken or not code]


def _scan(trie: _Node, text: Sequence[str]) -> Iterator[_Keyword]:
    """The keywords of a trie that stand in a text, by where they begin."""
    for start, word in enumerate(text, 1):
        nodes, following = trie.after(word), start
        while nodes:
            for node in nodes:
                yield from node.ends
            if following == len(text):
                break
            nodes = [after for node in nodes for after in node.after(text[following])]
            following += 1
