"""What the reports of one event say together, and how like that is to what others say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from sys import intern
from typing import NamedTuple

from bot.domain.terms import letters, tells, terms

NEAR = 4.0  # days between a report and the nearest one of its story, at most
SPAN = 14.0  # days from a story's first to its last report, at most: what comes later is a follow-up

PRIOR = 30  # reports that the word statistics pretend to have seen
EXCERPT = 0.3  # weight of a word of the excerpt; one of the title has 1
EXCERPT_TERMS = 40
INSTALMENT = 0.33  # share of terms from which two titles of an outlet follow one pattern
FEW = 8  # reports up to which a story's words are counted when they are asked for, to save memory

_NONE: frozenset[int] = frozenset()


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
        return cls._make(tuple(map(intern, line.split())) for line in kept.split("\n"))


class Report(NamedTuple):
    """A record as clustering sees it.

    `day` is when it was published, in days since 1970; `outlet` the registered domain; `guild_id` the server
    that alone sees it, 0: everybody does. `declares` are the records that it names as related: evidence, not
    proof. `partial`: known only through such a declaration. `story` is the number of the story that it is in
    already.
    """

    id: int
    terms: Terms
    day: float
    outlet: str
    guild_id: int = 0
    declares: frozenset[int] = _NONE
    partial: bool = False
    story: int | None = None


def day_of(time: datetime) -> float:
    """A time in days since 1970."""
    return time.timestamp() / 86_400


def time_of(day: float) -> datetime:
    """The time of a day since 1970, aware UTC."""
    return datetime.fromtimestamp(day * 86_400, UTC)


def compared(title: str, excerpt: str, language: str) -> Terms:
    """The terms of a title and of an excerpt. `language`: see `terms`."""
    first = terms(title, language)
    kinds: tuple[list[str], ...] = ([], [], [], [])
    cases = _cases(title)
    for term, written in first.items():
        kinds[cases.get(written, _OTHER) if tells(term) else _MARK].append(intern(term))
    more = (term for term in terms(excerpt, language) if term not in first and tells(term)) if excerpt else ()
    names, words, others, marks = map(tuple, kinds)
    return Terms(names, words, others, marks, tuple(map(intern, islice(more, EXCERPT_TERMS))))


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
        word.casefold(): _NAME if letter.isupper() else _WORD
        for word, letter in cased
        if letter.isupper() or letter.islower()
    }


def rarity(reports: int, stories: int, term: str) -> float:
    """How much a term tells, in nats, where `stories` of all that `reports` are in have it.

    Inverse frequency among stories (Spärck Jones, 1972); never 0, for a word of all still counts.
    """
    return max(math.log((PRIOR + reports) / (stories + 2 + _expected(term))), 0.01)


@lru_cache(maxsize=65_536)
def _expected(term: str) -> float:
    """In how many of `PRIOR` stories a term is taken to be before any was seen.

    In every language short words are the common ones (Zipf's law of abbreviation): a letter halves the guess.
    """
    return PRIOR * 2.0 ** (1 - letters(term))


class Said(NamedTuple):
    """What is kept of a report in a window; see `Terms`."""

    id: int
    outlet: str
    title: tuple[str, ...]
    marks: tuple[str, ...]
    excerpt: tuple[str, ...]


class Event:
    """The reports of a story, and the sum of their words.

    `number` is the story's; 0 while it has none. `first` and `last` are days. `squares` are the sum of the
    squares of its weights with rarities, as these were when the window had `measured` reports; 0: not known.
    """

    __slots__ = (
        "_outlets",
        "_weights",
        "first",
        "guild_id",
        "last",
        "measured",
        "number",
        "reports",
        "squares",
    )

    def __init__(self, number: int, *reports: Report) -> None:
        self.number = number
        self.guild_id = reports[0].guild_id
        self.reports = tuple(_said(report) for report in reports)
        self.first = min(report.day for report in reports)
        self.last = max(report.day for report in reports)
        self.squares = 0.0
        self.measured = 0
        self._weights: dict[str, float] | None = None
        self._outlets: dict[str, int] | None = None
        self._count(self.reports)

    def __len__(self) -> int:
        return len(self.reports)

    @property
    def length(self) -> float:
        """The length of the mean of its reports' vectors with rarities, by `squares`."""
        return self.length_by(self.squares)

    def length_by(self, squares: float) -> float:
        """The same by another sum; never 0, for it is divided by."""
        return math.sqrt(squares) / len(self.reports) or 1.0

    def squared(self, rarities: Mapping[str, float]) -> float:
        """What `squares` is by these rarities."""
        squares = 0.0
        for term, weight in self.weights().items():
            part = weight * rarities[term]
            squares += part * part
        return squares

    def absorb(self, other: Event, rarities: Mapping[str, float]) -> None:
        """Take in the reports of another one."""
        if self.measured:
            weights = self.weights()
            for term, more in other.weights().items():
                rarity = rarities[term]
                self.squares += more * (2.0 * weights.get(term, 0.0) + more) * rarity * rarity
        self.reports += other.reports
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self._count(other.reports)

    def drop(self, report_id: int) -> bool:
        """Take a report out, if it is there. Returns whether anything is left."""
        self.reports = tuple(report for report in self.reports if report.id != report_id)
        self.measured = 0
        self._weights = self._outlets = None
        self._count(self.reports)
        return bool(self.reports)

    def _count(self, reports: Sequence[Said]) -> None:
        if self._weights is None or self._outlets is None:
            if len(self.reports) <= FEW:
                return
            self._weights, self._outlets, reports = {}, {}, self.reports
        _weigh(reports, self._weights)
        _tell(reports, self._outlets)

    def weights(self) -> Mapping[str, float]:
        """Term -> the sum of its weights in the reports, without regard to rarity."""
        if self._weights is not None:
            return self._weights
        first, *others = self.reports
        weights = dict.fromkeys(first.title, 1.0)
        weights.update(dict.fromkeys(first.excerpt, EXCERPT))
        return _weigh(others, weights)

    def outlets(self) -> Mapping[str, int]:
        """Outlet -> its reports."""
        return self._outlets if self._outlets is not None else _tell(self.reports, {})

    def product(self, gains: Mapping[str, float]) -> tuple[float, float]:
        """The sum over common terms of a gain with this event's weight, and the largest part of it."""
        weights = self.weights()
        small, large = (gains, weights) if len(gains) < len(weights) else (weights, gains)
        total = most = 0.0
        for term, value in small.items():
            other = large.get(term)
            if other is not None:
                part = value * other
                total += part
                if part > most:
                    most = part
        return total, most

    def gap(self, other: Event) -> float:
        """Days between the two; infinite where they could not be one story."""
        gap = max(self.first - other.last, other.first - self.last)
        if gap > NEAR or max(self.last, other.last) - min(self.first, other.first) > SPAN:
            return math.inf
        return max(gap, 0.0)

    def common_outlets(self, other: Event) -> float:
        """How far both were reported by the same outlets: 0 to 1."""
        mine, theirs = self.outlets(), other.outlets()
        return sum(
            min(reports / len(self), theirs[outlet] / len(other))
            for outlet, reports in mine.items()
            if outlet in theirs
        )

    def continues(self, other: Event) -> bool:
        """Whether one is the next instalment of a series that the other has a part of.

        So it is if an outlet gave both titles of one pattern, each with something in the place of
        something else: another number, month or product. A title that was only added to is an update.
        """
        return any(_one_pattern(frozenset(one), frozenset(two)) for one, two in self._same_outlet(other))

    def _same_outlet(self, other: Event) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        titles: dict[str, list[tuple[str, ...]]] = {}
        few, many = sorted((self, other), key=len)
        for report in few.reports:
            titles.setdefault(report.outlet, []).append(report.title + report.marks)
        for report in many.reports:
            for title in titles.get(report.outlet, ()):
                yield title, report.title + report.marks


def _said(report: Report) -> Said:
    return Said(report.id, report.outlet, report.terms.title, report.terms.marks, report.terms.excerpt)


def _weigh(reports: Sequence[Said], weights: dict[str, float]) -> dict[str, float]:
    for report in reports:
        for term in report.title:
            weights[term] = weights.get(term, 0.0) + 1.0
        for term in report.excerpt:
            weights[term] = weights.get(term, 0.0) + EXCERPT
    return weights


def _tell(reports: Sequence[Said], outlets: dict[str, int]) -> dict[str, int]:
    for report in reports:
        outlets[report.outlet] = outlets.get(report.outlet, 0) + 1
    return outlets


def _one_pattern(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one - other and other - one) and len(one & other) >= INSTALMENT * len(one | other)
