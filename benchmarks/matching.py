"""A record against all topics: raw text to topics, beside other engines on the same topics and records.

The peers, hyperscan and mokaccino, come with the extra `bench`; one that is not installed is left out with a word.
Topics have 5.5 phrases on average, a quarter of them is boolean; records have 60 words; both are made up.
Every engine has to find the same topics.
"""

from __future__ import annotations

import gc
import importlib
import random
import re
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

from benchmarks.table import line
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Query, parse
from bot.domain.topics.query.percolator import Anchor, Index, Matcher, Posting
from bot.domain.topics.query.tree import And, Node, Not, Or, Term

SIZES = (1_000, 10_000, 100_000)
RECORDS = 1_000
FOR_REGEXES = 6  # records that a loop of regular expressions is given a turn
_VOCABULARY = 30_000
_COMMON = 1_000  # as many words stand in topics only beside others
_PHRASES = 100_000
_TITLE, _EXCERPT = 12, 48

_SMALL, _MEDIUM, _LARGE = (f"this, {size:,} topics" for size in SIZES)
_GROWN = "this, 1,000 topics and 99,000 that do not match"
_REGEXES = "loop of regular expressions, 10,000 topics"
_HYPERSCAN = "hyperscan and the same evaluator, 100,000 topics"
_MOKACCINO = "mokaccino, 100,000 topics"
_MADE = "mokaccino with prepared documents"
_RATIOS = (
    ("growth with 99,000 more topics that do not match", _GROWN, _SMALL),
    ("time relative to hyperscan with the same evaluator", _LARGE, _HYPERSCAN),
    ("speed relative to mokaccino", _MOKACCINO, _LARGE),
    ("speed relative to mokaccino with prepared documents", _MADE, _LARGE),
    ("speed relative to a loop of regular expressions", _REGEXES, _MEDIUM),
)

Record: TypeAlias = tuple[str, str]
Find: TypeAlias = Callable[[Record], set[int]]


class Writer:
    """Makes up words, records and topics; the same ones for the same seed. Frequent words are short."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing secret
        letters = random.Random(0)  # noqa: S311 - all writers know the same words
        words: dict[str, None] = {}
        while len(words) < _VOCABULARY:
            size = 2 + len(words).bit_length() // 2
            words["".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=size))] = None
        self._words = list(words)
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(_VOCABULARY)))
        phrases = random.Random(1)  # noqa: S311 - all know the same phrases, too
        self._phrases = [_phrase(phrases, self._words) for _ in range(_PHRASES)]
        self._liked = list(accumulate(1 / (rank + _PHRASES // 10) for rank in range(_PHRASES)))

    def _pick(self) -> str:
        """A phrase that people write of and ask for, some more than others."""
        return self._random.choices(self._phrases, cum_weights=self._liked)[0]

    def record(self) -> Record:
        """Words as often as natural language has them, with a phrase in the title and two in the excerpt."""

        def text(size: int, phrases: int) -> str:
            parts = self._random.choices(self._words, cum_weights=self._weights, k=size)
            for _ in range(phrases):
                place, phrase = self._random.randrange(size), self._pick().split()
                parts[place : place + len(phrase)] = phrase
            return " ".join(parts[:size])

        return text(_TITLE, 1).title(), f"{text(24, 1).capitalize()}, {text(_EXCERPT - 24, 1)}."

    def topic(self, absent: str = "") -> str:
        """The text of a query: any of some phrases, or a boolean query of as many. `absent` ends each phrase."""
        own = [f'"{self._pick()}{absent}"' for _ in range(self._random.randint(3, 8))]
        if self._random.random() < 0.75:
            return " OR ".join(own)
        anyone, other, excluded = " OR ".join(own[:-2]), own[-2], own[-1]
        shape = self._random.choice(("({0}) {1} -{2}", "({0}) -({1} OR {2})", "({0}) ({1} OR {2})"))
        return shape.format(anyone, other, excluded)


def _phrase(choose: random.Random, words: Sequence[str]) -> str:
    """One word that is not too common, or two or three words."""

    def word(most_common: int) -> str:
        return words[int(most_common * (len(words) / most_common) ** choose.random())]

    size = choose.choice((1, 2, 2, 3))
    return word(_COMMON) if size == 1 else " ".join(word(_COMMON // 10) for _ in range(size))


def ours(queries: Sequence[Query]) -> Find:
    matcher: Matcher[int] = Matcher()
    for topic, query in enumerate(queries):
        matcher.add(topic, query)
    return lambda record: matcher.match(Document(*record))


def regexes(queries: Sequence[Query]) -> Find:
    """A regular expression for any of several phrases, or a small tree of them, for each topic."""

    def pattern(terms: Iterable[Term]) -> re.Pattern[str]:
        phrases = (r"[^\w\n]+".join(map(re.escape, term.words.split(" "))) for term in terms)
        return re.compile(rf"\b(?:{'|'.join(phrases)})\b", re.IGNORECASE)

    def test(node: Node) -> Callable[[str], object]:
        match node:
            case Or(parts) if all(isinstance(part, Term) for part in parts):
                return pattern(part for part in parts if isinstance(part, Term)).search
            case Or(parts):
                some = list(map(test, parts))
                return lambda text: any(one(text) for one in some)
            case And(parts):
                every = list(map(test, parts))
                return lambda text: all(one(text) for one in every)
            case Not(of):
                negated = test(of)
                return lambda text: not negated(text)
        assert isinstance(node, Term)
        return pattern([node]).search

    tests = [test(query.root) for query in queries]
    return lambda record: {topic for topic, one in enumerate(tests) if one("\n".join(record))}


class _Hyperscan(Index[int]):
    """Its automaton in the place of the index, over words padded so that only whole ones are found."""

    def __init__(self) -> None:
        self._library: Any = importlib.import_module("hyperscan")
        self._by_text: dict[str, Posting[int]] = {}

    def at(self, anchor: Anchor) -> Posting[int]:
        assert isinstance(anchor, Term)
        return self._by_text.setdefault(f" {anchor.words} ", Posting())

    def compile(self) -> None:
        self._postings = list(self._by_text.values())
        self._database = self._library.Database()
        self._database.compile(
            expressions=[text.encode() for text in self._by_text],
            ids=list(range(len(self._by_text))),
            flags=self._library.HS_FLAG_SINGLEMATCH,
            literal=True,
        )

    def find(self, document: Document) -> list[Posting[int]]:
        found: list[Posting[int]] = []
        self._database.scan(document.joined("").encode(), match_event_handler=self._hit, context=found)
        return found

    def _hit(self, number: int, _start: int, _end: int, _flags: int, found: list[Posting[int]]) -> None:
        found.append(self._postings[number])


def hyperscan(queries: Sequence[Query]) -> Find:
    """All but the finding of anchors as it is here: the same entries, the same evaluator."""
    matcher: Matcher[int] = Matcher()
    index = _Hyperscan()
    matcher._index = index
    for topic, query in enumerate(queries):
        matcher.add(topic, query)
    index.compile()
    return lambda record: matcher.match(Document(*record))


class Mokaccino:
    """It knows no phrases, so a document has its pairs and triples of words as values too."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._library: Any = importlib.import_module("mokaccino")
        self._percolator = self._library.Percolator()
        for topic, query in enumerate(queries):
            self._percolator.add_query_id(self._query(query.root), topic)

    def _query(self, node: Node) -> Any:
        match node:
            case And(parts):
                return self._library.Query.from_and([self._query(part) for part in parts])
            case Or(parts):
                return self._library.Query.from_or([self._query(part) for part in parts])
            case Not(of):
                return self._library.Query.from_not(self._query(of))
        assert isinstance(node, Term)
        return self._library.Query.from_kv("t", node.words)

    def document(self, record: Record) -> Any:
        words = Document(*record).words("")
        document = self._library.Document()
        for size in (1, 2, 3):
            for run in zip(*(words[start:] for start in range(size)), strict=False):
                document.add_value("t", " ".join(run))
        return document

    def percolate(self, document: Any) -> set[int]:
        return set(self._percolator.percolate_list(document))

    def find(self, record: Record) -> set[int]:
        return self.percolate(self.document(record))


def _took(find: Callable[[Any], set[int]], records: Sequence[Any]) -> float:
    """Microseconds of processor time for one record, of the second half of them.

    The first half fills the processor's caches, which the engine before has left full of its own.
    """
    half = len(records) // 2
    for record in records[:half]:
        find(record)
    started = time.process_time()
    for record in records[half:]:
        find(record)
    return (time.process_time() - started) * 1e6 / (len(records) - half)


def _peer(name: str, build: Callable[[], Any]) -> Any:
    try:
        return build()
    except ImportError:
        print(f"{name:<58} not installed; install it with pip install -e '.[bench]'")
        return None


def _agree(name: str, one: Find, other: Find, records: Iterable[Record]) -> None:
    for record in records:
        if one(record) != other(record):
            raise SystemExit(f"{name} finds other topics in {record}")


def _costs(runs: int) -> None:
    """Reading and adding a topic, and the memory that it takes."""
    write = Writer(1)
    texts = [write.topic() for _ in range(SIZES[-1])]
    reading, adding = [], []
    for _ in range(runs):
        gc.collect()
        started = time.process_time()
        queries = list(map(parse, texts))
        reading.append((time.process_time() - started) * 1e6 / len(texts))
        matcher: Matcher[int] = Matcher()
        gc.collect()
        started = time.process_time()
        for topic, query in enumerate(queries):
            matcher.add(topic, query)
        adding.append((time.process_time() - started) * 1e6 / len(texts))
        del queries
    line("parsing a query", reading, "us")
    line(f"adding a topic, average of {SIZES[-1]:,} topics", adding, "us")
    del matcher
    parse.cache_clear()
    gc.collect()
    tracemalloc.start()
    matcher = Matcher()
    for topic, text in enumerate(texts):
        matcher.add(topic, parse(text))
    parse.cache_clear()
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line(f"memory per topic, with {SIZES[-1]:,}", [kept / 1000 / len(texts)], "KB")


def measure(runs: int) -> None:
    """All engines on the same topics, in turns."""
    write = Writer(1)
    texts = [write.topic() for _ in range(SIZES[-1])]
    queries = list(map(parse, texts))
    records = [write.record() for _ in range(RECORDS)]
    few = records[:FOR_REGEXES]
    print(f"\nMatching a record of {_TITLE + _EXCERPT} words (CPU time)")

    foreign = [parse(write.topic("zz")) for _ in range(SIZES[-1] - SIZES[0])]
    engines: dict[str, tuple[Callable[[Any], set[int]], Sequence[Any]]] = {
        _SMALL: (ours(queries[: SIZES[0]]), records),
        _GROWN: (ours([*queries[: SIZES[0]], *foreign]), records),
        _MEDIUM: (ours(queries[: SIZES[1]]), records),
        _LARGE: (ours(queries), records),
        _REGEXES: (regexes(queries[: SIZES[1]]), few),
    }
    _agree(_REGEXES, engines[_MEDIUM][0], engines[_REGEXES][0], few)
    full = engines[_LARGE][0]
    if found := _peer(_HYPERSCAN, lambda: hyperscan(queries)):
        engines[_HYPERSCAN] = (found, records)
        _agree(_HYPERSCAN, full, found, records)
    if mokaccino := _peer(_MOKACCINO, lambda: Mokaccino(queries)):
        engines[_MOKACCINO] = (mokaccino.find, records)
        engines[_MADE] = (mokaccino.percolate, [mokaccino.document(record) for record in records])
        _agree(_MOKACCINO, full, mokaccino.find, records)
    took: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(runs):
        for name, (find, given) in engines.items():
            took[name].append(_took(find, given))
    for name, values in took.items():
        line(name, values, "us")
    mean = statistics.mean(len(full(record)) for record in records)
    print(f"{'topics of a record, on average':<58} {mean:8.0f}      (of {SIZES[-1]:,})")
    for what, of, to in _RATIOS:
        if of in took and to in took:
            line(what, [a / b for a, b in zip(took[of], took[to], strict=True)], "x")
    _costs(min(runs, 3))
