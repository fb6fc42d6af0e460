"""What the reports of one event say together, and how like that is to what others say."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from operator import mul
from sys import intern
from typing import NamedTuple

from bot.domain.clustering.embeddings import language_of
from bot.domain.clustering.meanings import Meaning
from bot.domain.clustering.vocabulary import Vocabulary, Word
from bot.domain.text.stems import is_informative, terms
from bot.domain.text.words import fold

NEAR = 6.0  # days between a report and the nearest one of its story, at most
SPAN = 14.0  # days from a story's first to its last report, at most: what comes later is a follow-up

TITLE = 1.0  # weight of a word of the title
EXCERPT = 0.5  # and of one of the excerpt
EXCERPT_TERMS = 40
INSTALMENT = 0.33  # share of terms from which two titles of an outlet follow one pattern
FEW = 8  # reports up to which a story's words are counted when they are asked for, to save memory

_NONE: frozenset[int] = frozenset()
_UNKNOWN: frozenset[str] = frozenset()
_Pattern = tuple[Word | str, ...]


class Terms(NamedTuple):
    """What of a report is compared: word stems, each once.

    Of the title, those that tell something by themselves: `names` are written with a capital inside a sentence,
    `words` without one, of `others` the case says nothing. `marks` are the numbers and single letters of the
    title, `excerpt` what that has besides.
    """

    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    excerpt: tuple[str, ...] = ()

    @property
    def title(self) -> tuple[str, ...]:
        """The terms of the title without its marks."""
        return self.names + self.words + self.others

    def kept(self) -> str:
        """As text, a line for each; stems have no spaces."""
        return "\n".join(map(" ".join, self))

    @classmethod
    def read(cls, kept: str) -> Terms:
        """What `kept` gave."""
        return cls._make(map(tuple, map(str.split, kept.split("\n"))))


class Report(NamedTuple):
    """A record as clustering sees it.

    `day` is when it was published, in days since 1970; `outlet` the registered domain; `guild_id` the server
    that alone sees it, 0: everybody does. `declares` are the records that it names as related: evidence, not
    proof. `partial`: known only through such a declaration. `story` is the number of the story that it is in
    already. `meaning` is its vector, see `bot.domain.clustering.embeddings`; empty: it is not known.
    """

    id: int
    terms: Terms
    day: float
    outlet: str
    guild_id: int = 0
    declares: frozenset[int] = _NONE
    partial: bool = False
    story: int | None = None
    meaning: bytes = b""


def day_of(time: datetime) -> float:
    """A time in days since 1970."""
    return time.timestamp() / 86_400


def time_of(day: float) -> datetime:
    """The time of a day since 1970, aware UTC."""
    return datetime.fromtimestamp(day * 86_400, UTC)


def extract_terms(title: str, excerpt: str, language: str) -> Terms:
    """The terms of a title and of an excerpt. `language`: see `terms`."""
    first = terms(title, language)
    kinds: tuple[list[str], ...] = ([], [], [], [])
    cases = _cases(title)
    for term, written in first.items():
        kinds[cases.get(written, _OTHER) if is_informative(term) else _MARK].append(term)
    more = (
        (term for term in terms(excerpt, language) if term not in first and is_informative(term))
        if excerpt
        else ()
    )
    names, words, others, marks = map(tuple, kinds)
    return Terms(names, words, others, marks, tuple(islice(more, EXCERPT_TERMS)))


_NAME, _WORD, _OTHER, _MARK = range(4)  # as in `Terms`
_WRITTEN = re.compile(r"[^\W_]+")
_SHORT = 3  # letters up to which a word is small even where All Words Have Capitals


def _cases(title: str) -> Mapping[str, int]:
    """Which words of a title are names, and which are not; empty where all are written alike.

    The first one has a capital anyway.
    """
    inside = _WRITTEN.findall(title)[1:]
    longer = [word for word in inside if len(word) > _SHORT and word[0].isalpha()]
    if len(longer) < 2 or 2 * sum(word[0].islower() for word in longer) < len(longer):
        return {}
    cased = ((word, word[0]) for word in reversed(inside))
    return {
        fold(word): _NAME if letter.isupper() else _WORD
        for word, letter in cased
        if letter.isupper() or letter.islower()
    }


class IndexedReport(NamedTuple):
    """What is kept of a report in a window; see `Terms`."""

    id: int
    outlet: str
    title: tuple[Word, ...]
    marks: tuple[str, ...]
    excerpt: tuple[Word, ...]
    meaning: bytes

    @classmethod
    def of(cls, report: Report, vocabulary: Vocabulary) -> IndexedReport:
        """A report in the words of a window."""
        terms = report.terms
        title = vocabulary.words(terms.title)
        excerpt = vocabulary.words(terms.excerpt) if terms.excerpt else ()
        return cls(report.id, intern(report.outlet), title, terms.marks, excerpt, report.meaning)

    @property
    def words(self) -> tuple[Word, ...]:
        """All its words, each once."""
        return self.title + self.excerpt

    def vector(self, vocabulary: Vocabulary) -> list[float]:
        """For each of its words its weight, times how rare it is. A word of the title weighs `TITLE`, which is 1."""
        parts = vocabulary.rarities(self.title)
        if self.excerpt:
            parts += [EXCERPT * rarity for rarity in vocabulary.rarities(self.excerpt)]
        return parts


class StoryCluster:
    """The reports of a story, and the sum of their words.

    `number` is the story's; 0 while it has none. `first` and `last` are days. By the rarities of when the window had
    `measured` reports (0: never), `total` is the length of the sum of its reports' vectors, and `squares` the sum of
    the squares of their lengths, where these are several. `place` is where the window has it. `languages` are those of
    its vectors, as far as known.
    """

    __slots__ = (
        "_meaning",
        "_weights",
        "first",
        "guild_id",
        "languages",
        "last",
        "measured",
        "number",
        "place",
        "reports",
        "squares",
        "total",
    )

    def __init__(self, number: int, reports: Sequence[Report], vocabulary: Vocabulary) -> None:
        days = [report.day for report in reports]
        self.number = number
        self.guild_id = reports[0].guild_id
        self.reports = tuple([IndexedReport.of(report, vocabulary) for report in reports])
        self.first = min(days)
        self.last = max(days)
        self.total = self.squares = 0.0
        self.measured = self.place = 0
        self._weights: dict[Word, float] | None = None
        self._meaning: Meaning | None = None
        self.languages = _languages(self.reports)
        self._count(self.reports)

    def __len__(self) -> int:
        return len(self.reports)

    @property
    def norm(self) -> float:
        """What products with the sum of its reports' vectors are divided by; 0 where it was never measured.

        It is half way between what makes a cosine of them, the length of the sum, and what makes the mean of all pairs
        of reports (average linkage), the number of reports times the root mean square of their lengths. By the cosine
        alone a story of many events is near everything on their theme, by the mean of pairs a large event near nothing.
        """
        size = len(self.reports)
        if size == 1:
            return self.total
        return math.sqrt(self.total * math.sqrt(self.squares * size))

    def measure(self, vocabulary: Vocabulary) -> None:
        """Compute `total` and `squares` by the rarities of now."""
        self.measured = vocabulary.reports
        if len(self.reports) == 1:
            self.total = (
                math.hypot(*self.reports[0].vector(vocabulary)) or 1.0
            )  # never 0, for it is divided by
            return
        weights = self.weights()
        rarities = vocabulary.rarities(weights)
        self.total = math.hypot(*map(mul, weights.values(), rarities)) or 1.0
        squares = {word: rarity * rarity for word, rarity in zip(weights, rarities, strict=True)}
        square = squares.__getitem__
        self.squares = (
            sum(
                TITLE * TITLE * sum(map(square, report.title))
                + EXCERPT * EXCERPT * sum(map(square, report.excerpt))
                for report in self.reports
            )
            or 1.0
        )

    def _squares(self) -> float:
        return self.squares if len(self.reports) > 1 else self.total * self.total

    def absorb(self, other: StoryCluster, vocabulary: Vocabulary) -> list[Word]:
        """Take in the reports of another one. Returns the words that are new to it."""
        weights, added = self.weights(), other.weights()
        if self.measured:
            total = self.total * self.total
            for (word, more), rarity in zip(added.items(), vocabulary.rarities(added), strict=True):
                total += more * (2.0 * weights.get(word, 0.0) + more) * rarity * rarity
            if not other.measured:
                other.measure(vocabulary)
            self.squares = self._squares() + other._squares()
            self.total = math.sqrt(total)
        fresh = [word for word in added if word not in weights]
        if self._meaning is not None and (meant := other.meaning()) is not None:
            self._meaning = self._meaning.joined(meant)
        self.reports += other.reports
        if other.languages:
            self.languages |= other.languages
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self._count(other.reports)
        return fresh

    def drop(self, report_ids: Collection[int]) -> bool:
        """Take reports out, as far as they are there. Returns whether anything is left."""
        self.reports = tuple(report for report in self.reports if report.id not in report_ids)
        self.measured, self.total, self.squares = 0, 0.0, 0.0
        self._weights = self._meaning = None
        self.languages = _languages(self.reports)
        self._count(self.reports)
        return bool(self.reports)

    def _count(self, reports: Sequence[IndexedReport]) -> None:
        if self._weights is None:
            if len(self.reports) <= FEW:
                return
            self._weights, reports = {}, self.reports
        _weigh(reports, self._weights)

    def words(self) -> Collection[Word]:
        """The words of its reports, each once."""
        return self.reports[0].words if len(self.reports) == 1 else self.weights()

    def weights(self) -> Mapping[Word, float]:
        """Word -> the sum of its weights in the reports, without regard to rarity."""
        if self._weights is not None:
            return self._weights
        first, *others = self.reports
        weights = dict.fromkeys(first.title, TITLE)
        if first.excerpt:
            weights.update(dict.fromkeys(first.excerpt, EXCERPT))
        return _weigh(others, weights) if others else weights

    def mean(self, rarities: Sequence[float]) -> list[float]:
        """The mean vector of its reports, given how rare each of its words is."""
        size = len(self.reports)
        if size == 1:
            titles = len(self.reports[0].title)
            return [*rarities[:titles], *(EXCERPT * rarity for rarity in rarities[titles:])]
        pairs = zip(self.weights().values(), rarities, strict=True)
        return [weight / size * rarity for weight, rarity in pairs]

    def meaning(self) -> Meaning | None:
        """What its reports mean together; None where that is known of none."""
        if self._meaning is not None:
            return self._meaning
        found = Meaning.of([report.meaning for report in self.reports])
        if len(self) > 1:  # of a single one, as most are, it takes four times the memory
            self._meaning = found
        return found

    def product(self, gains: Mapping[Word, float]) -> tuple[float, float]:
        """The sum over common words of a gain with this event's weight, and the largest part of it."""
        parts = self.common_parts(gains)
        return (sum(parts), max(parts)) if parts else (0.0, 0.0)

    def common_parts(self, gains: Mapping[Word, float]) -> list[float]:
        """For each common word the product of its gain with this event's weight."""
        weights = self._weights
        if len(self.reports) == 1:  # most of what is compared
            report, gain = self.reports[0], gains.get
            parts = list(filter(None, map(gain, report.title)))  # a gain is never 0
            if report.excerpt:
                parts += [EXCERPT * part for part in filter(None, map(gain, report.excerpt))]
            return parts
        if weights is None:
            weights = {}
            for report in self.reports:  # by hand: these are small, too
                for word in report.title:
                    if word in gains:
                        weights[word] = weights.get(word, 0.0) + TITLE
                for word in report.excerpt:
                    if word in gains:
                        weights[word] = weights.get(word, 0.0) + EXCERPT
        small, large = (gains, weights) if len(gains) < len(weights) else (weights, gains)
        return [value * large[word] for word, value in small.items() if word in large]

    def gap(self, other: StoryCluster) -> float:
        """Days between the two; infinite where they could not be one story."""
        gap = max(self.first - other.last, other.first - self.last)
        if gap > NEAR or max(self.last, other.last) - min(self.first, other.first) > SPAN:
            return math.inf
        return max(gap, 0.0)

    def common_outlets(self, other: StoryCluster) -> float:
        """How far both were reported by the same outlets: 0 to 1."""
        few, many = sorted((self.reports, other.reports), key=len)
        those = Counter(report.outlet for report in few)
        common = Counter(report.outlet for report in many if report.outlet in those)
        return sum(min(those[outlet] / len(few), count / len(many)) for outlet, count in common.items())

    def continues(self, other: StoryCluster) -> bool:
        """Whether one is the next instalment of a series that the other has a part of.

        So it is if an outlet gave both titles of one pattern, each with something in the place of
        something else: another number, month or product. A title that was only added to is an update.
        """
        return any(_one_pattern(frozenset(one), frozenset(two)) for one, two in self._same_outlet(other))

    def _same_outlet(self, other: StoryCluster) -> Iterator[tuple[_Pattern, _Pattern]]:
        titles: dict[str, list[_Pattern]] = {}
        few, many = sorted((self, other), key=len)
        for report in few.reports:
            titles.setdefault(report.outlet, []).append((*report.title, *report.marks))
        for report in many.reports:
            for title in titles.get(report.outlet, ()):
                yield title, (*report.title, *report.marks)


def _languages(reports: Iterable[IndexedReport]) -> frozenset[str]:
    vectors = [report.meaning for report in reports if report.meaning]
    return frozenset(map(language_of, vectors)) - {""} if vectors else _UNKNOWN


def _weigh(reports: Sequence[IndexedReport], weights: dict[Word, float]) -> dict[Word, float]:
    for report in reports:
        for word in report.title:  # what is there once is one number for all: most words of an event are
            weights[word] = weights[word] + TITLE if word in weights else TITLE
        for word in report.excerpt:
            weights[word] = weights[word] + EXCERPT if word in weights else EXCERPT
    return weights


def _one_pattern(one: frozenset[Word | str], other: frozenset[Word | str]) -> bool:
    return bool(one - other and other - one) and len(one & other) >= INSTALMENT * len(one | other)
