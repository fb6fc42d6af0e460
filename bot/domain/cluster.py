"""Which reports are about the same event: stories, built in arrival order.

A report is a story of one. It is merged with the nearest story that is near enough, and the result
again, until none is: finding a report's story and finding out that two stories are one are the same
step. What is compared is always the whole of both stories (their mean, not a nearest member), so that
one odd title between two events does not chain them together.

Near is a cosine over stemmed words, each weighed by how rare it is among *stories*. A word that a
hundred reports of one event share still tells that event from others; one that stands in every tenth
story tells nothing. Counting stories makes the weights adapt by themselves, to a stream of few large
events as to one of many small ones, and to what a site writes about in every title.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import islice

from bot.domain.terms import letters, tells, terms

# Tuned for B-cubed F1 on headlines of large events and on sites with many small ones. Cosines.
ALIKE = 0.24  # from here on two stories are one
UNSURE = 0.3  # added to that while nothing is known of how rare words are; halved after PRIOR reports
SAME_OUTLET = 0.5  # how far the bar rises towards 1 where one outlet wrote all: its titles are alike anyway
LATE = 0.75  # by what part of itself the bar rises until NEAR
DECLARED = 0.5  # what is left of the bar where a single report and the story declare each other
SECOND = 0.05  # what two stories must share without the word that they share most: a name is not an event
SERIES = 0.5  # part of a story that must be an outlet's own for its next title to be an instalment
INSTALMENT = 0.33  # share of terms from which two titles of an outlet follow one pattern

NEAR = 4.0  # days between a report and the nearest one of its story, at most
SPAN = 14.0  # days from a story's first to its last report, at most: what comes later is a follow-up
PRIOR = 30  # reports that the word statistics pretend to have seen
EXCERPT = 0.3  # weight of a word of the excerpt; one of the title has 1
EXCERPT_TERMS = 40
TELLING = 0.15  # part of a story's length that a word must have to lead to other stories
FAINT = 0.02  # part of a story's length below which a word is not worth looking up
ROUGH = 0.9  # of the bar, by lengths of earlier, from which it is worth computing lengths anew
COMMON = 50  # stories that a word may lead to, whatever part of all they are


@dataclass(frozen=True, slots=True)
class Report:
    """A record as clustering sees it.

    `outlet` is the registered domain, `language` an ISO 639-1 code with or without a region, or empty.
    `declares` are the records that it names as related: evidence, not proof. `partial`: known only
    through such a declaration. `story` is the number of the story that it is in already.
    """

    id: int
    title: str
    excerpt: str
    published: datetime
    outlet: str
    language: str
    declares: frozenset[int]
    partial: bool
    story: int | None


@dataclass(frozen=True, slots=True)
class Clustering:
    """What came of it.

    `stories`: report -> story, for each arrival that is in one, and for each partial report of the
    window that found one. `merged`: story -> the lower number that it goes on under. `why`: report ->
    what put it where it is.
    """

    stories: Mapping[int, int]
    merged: Mapping[int, int]
    why: Mapping[int, str]


def cluster(arrivals: Sequence[Report], window: Sequence[Report], next_number: int) -> Clustering:
    """Find each arrival its story, in order, each visible to the next.

    `window` are the members of the stories near in time, and partial reports. An arrival that has a
    story stays there, but for merges; a partial one never opens a story. New stories are numbered
    from `next_number` on, without gaps, in the order in which they were opened.
    """
    index = _Index(next_number)
    again = {report.id for report in arrivals}
    known = sorted((r for r in window if r.id not in again), key=lambda report: (report.published, report.id))
    for report in [*known, *arrivals]:
        index.remember(report)
    for report in arrivals:
        index.arrive(report)
    return index.outcome()


def _vector(report: Report) -> dict[str, float]:
    """The weights of a report's terms, before their rarity."""
    vector = {term: 1.0 for term in terms(report.title, report.language) if tells(term)}
    for term in islice(terms(report.excerpt, report.language), EXCERPT_TERMS):
        if term not in vector and tells(term):
            vector[term] = EXCERPT
    return vector


@lru_cache(maxsize=32_768)
def _expected(term: str) -> float:
    """In how many of `PRIOR` stories a term is taken to be before any was seen.

    In every language short words are the common ones (Zipf's law of abbreviation): a letter halves the guess.
    """
    return PRIOR * 2.0 ** (1 - letters(term))


@dataclass(slots=True)
class _Story:
    """The sum of its reports. Times are in days since 1970.

    `weights` are the sums of the members' vectors, `titles` the terms of each outlet's titles.
    `length` is that of the mean vector with rarities, as it was after `measured` reports; 0: not known.
    """

    number: int
    size: int
    first: float
    last: float
    weights: dict[str, float]
    outlets: dict[str, int]
    titles: dict[str, list[frozenset[str]]]
    length: float = 0.0
    measured: int = 0

    @classmethod
    def of(cls, report: Report, number: int) -> _Story:
        day = report.published.timestamp() / 86_400
        title = frozenset(terms(report.title, report.language))
        return cls(number, 1, day, day, _vector(report), {report.outlet: 1}, {report.outlet: [title]})

    def absorb(self, other: _Story) -> None:
        self.size += other.size
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        for term, weight in other.weights.items():
            self.weights[term] = self.weights.get(term, 0.0) + weight
        for outlet, reports in other.outlets.items():
            self.outlets[outlet] = self.outlets.get(outlet, 0) + reports
            self.titles.setdefault(outlet, []).extend(other.titles[outlet])
        self.measured = 0

    def gap(self, other: _Story) -> float:
        """Days between the two; infinite where they could not be one story."""
        if max(self.last, other.last) - min(self.first, other.first) > SPAN:
            return math.inf
        gap = max(self.first - other.last, other.first - self.last, 0.0)
        return gap if gap <= NEAR else math.inf

    def common_outlets(self, other: _Story) -> float:
        """How far both were reported by the same outlets: 0 to 1."""
        return sum(
            min(reports / self.size, other.outlets[outlet] / other.size)
            for outlet, reports in self.outlets.items()
            if outlet in other.outlets
        )

    def continues(self, other: _Story) -> bool:
        """Whether one is the next instalment of a series that the other has a part of.

        So it is if an outlet gave both titles of one pattern, each with something in the place of
        something else: another number, month or product. A title that was only added to is an update.
        """
        return any(
            mine - theirs and theirs - mine and len(mine & theirs) >= INSTALMENT * len(mine | theirs)
            for outlet in self.titles
            for mine in self.titles[outlet]
            for theirs in other.titles.get(outlet, ())
        )


@dataclass(slots=True)
class _Index:
    """The stories so far, found by the terms of their reports."""

    next_number: int
    stories: dict[int, _Story] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    story_of: dict[int, int] = field(default_factory=dict)
    why: dict[int, str] = field(default_factory=dict)
    opened: int = 0
    reports: int = 0
    postings: dict[str, dict[int, float]] = field(default_factory=dict)
    outlet_of: dict[int, str] = field(default_factory=dict)
    declarers: dict[int, dict[int, None]] = field(default_factory=dict)
    waiting: dict[int, Report] = field(default_factory=dict)  # partial reports without a story

    def remember(self, report: Report) -> None:
        """Take in what is known before anything arrives: stories, and partial reports that wait for one."""
        if report.story is not None:
            self.story_of[report.id] = report.story
            if not report.partial:
                self._put(report, report.story)
        elif report.partial:
            self.waiting[report.id] = report

    def arrive(self, report: Report) -> None:
        if report.partial:
            self._join(report)
            return
        if report.id in self.story_of:
            story = self.stories[self._current(self.story_of[report.id])]
            self.why[report.id] = "kept its story"
        else:
            self.story_of[report.id] = self.next_number + self.opened
            story = self._put(report, self.next_number + self.opened)
            self.opened += 1
            self.why[report.id] = "opened the story"
        self._merge(story, report)
        for declared in sorted(report.declares & self.waiting.keys()):
            self._join(self.waiting[declared])

    def outcome(self) -> Clustering:
        # A story that was opened and merged at once never existed for anybody: numbers close ranks.
        fresh = sorted(number for number in self.stories if number >= self.next_number)
        final = {number: self.next_number + place for place, number in enumerate(fresh)}
        settled = {number: final.get(self._current(number), self._current(number)) for number in self.merged}
        return Clustering(
            {
                report: settled.get(story, final.get(story, story))
                for report, story in self.story_of.items()
                if report in self.why
            },
            {old: new for old, new in settled.items() if old < self.next_number},
            self.why,
        )

    def _current(self, number: int) -> int:
        while number in self.merged:
            number = self.merged[number]
        return number

    def _put(self, report: Report, number: int) -> _Story:
        """Add a report to a story; opens it where there is none of that number."""
        self.reports += 1
        self.outlet_of[report.id] = report.outlet
        for declared in report.declares:
            self.declarers.setdefault(declared, {})[report.id] = None
        added = _Story.of(report, number)
        story = self.stories.setdefault(number, added)
        if story is not added:
            story.absorb(added)
        self._post(story, added.weights)
        return story

    def _post(self, story: _Story, terms: Iterable[str]) -> None:
        for term in terms:
            self.postings.setdefault(term, {})[story.number] = story.weights[term]

    def _merge(self, story: _Story, report: Report) -> None:
        """Merge a story, which has just got a report, with those that now turn out to be the same."""
        linked = self._linked(report)
        while (other := self._nearest(story, {self._current(number) for number in linked})) is not None:
            if self.why[report.id] == "opened the story":
                self.why[report.id] = self._reason(report, other)
            kept, gone = (story, other) if story.number < other.number else (other, story)
            kept.absorb(gone)
            for term in gone.weights:
                del self.postings[term][gone.number]
            self._post(kept, gone.weights)
            del self.stories[gone.number]
            self.merged[gone.number] = kept.number
            story = kept

    def _join(self, partial: Report) -> None:
        """Put a partial report into the nearest story that declares it, if one is near enough.

        Its words are no part of the story: what others declare must not decide what joins next.
        """
        if partial.id in self.story_of:
            self.why.setdefault(partial.id, "kept its story")
            return
        own = _Story.of(partial, 0)
        above = {
            number: sum(self._shares(own, self.stories[number]))
            - self._bar(own, self.stories[number], linked=True)
            for number in sorted(self._linked(partial))
        }
        best = max(above, key=above.__getitem__, default=None)
        if best is not None and above[best] >= 0:
            self.why[partial.id] = self._reason(partial, self.stories[best])
            self.story_of[partial.id] = best
            self.waiting.pop(partial.id, None)

    def _linked(self, report: Report) -> set[int]:
        """Stories with a report that declares this one, or that this one declares."""
        related = report.declares | self.declarers.get(report.id, {}).keys()
        return {self._current(self.story_of[i]) for i in related if i in self.outlet_of}

    def _nearest(self, story: _Story, linked: Collection[int]) -> _Story | None:
        """The story that is furthest above its bar, as a part of the way to 1; of equals the oldest."""
        length = self._length(story)
        found = []
        for number, product in self._products(story, linked):
            other = self.stories[number]
            bar = self._bar(story, other, linked=number in linked)
            scale = length * other.size
            if bar < 1 and product >= ROUGH * bar * scale * other.length:
                similarity = product / (scale * self._length(other))
                found.append(((similarity - bar) / (1 - bar), -number))
        for above, minus_number in sorted(found, reverse=True):
            if above >= 0 and self._confirmed(story, self.stories[-minus_number]):
                return self.stories[-minus_number]
        return None

    def _products(self, story: _Story, linked: Iterable[int]) -> Sequence[tuple[int, float]]:
        """The stories that share a telling term with this one, and those linked, by number.

        With each the product of this story's mean vector with the other's sum.
        """
        length = self._length(story)
        rarity = {term: self._rarity(term) for term in story.weights}
        parts = {term: weight / story.size * rarity[term] for term, weight in story.weights.items()}
        many = max(COMMON, len(self.stories) // 5)
        leading = {
            term: part
            for term, part in parts.items()
            if part > TELLING * length and len(self.postings[term]) <= many
        }
        dots = dict.fromkeys(linked, 0.0)
        for term, part in leading.items():
            for number, weight in self.postings[term].items():
                dots[number] = dots.get(number, 0.0) + part * rarity[term] * weight
        dots.pop(story.number, None)
        for term, part in parts.items():
            if part > FAINT * length and term not in leading:
                postings = self.postings[term]
                for number in dots.keys() & postings.keys():
                    dots[number] += part * rarity[term] * postings[number]
        return sorted(dots.items())

    def _bar(self, story: _Story, other: _Story, *, linked: bool) -> float:
        """The similarity from which two stories are one; infinite where no similarity is enough."""
        bar = ALIKE + UNSURE * PRIOR / (PRIOR + self.reports)
        bar *= 1 + LATE * story.gap(other) / NEAR
        if linked and min(story.size, other.size) == 1:
            # A declaration speaks for a report, not for all that are in a story with it.
            bar *= DECLARED
        if bar < 1:
            # Squared, for the large outlets meet in every large story.
            bar += (1 - bar) * SAME_OUTLET * story.common_outlets(other) ** 2
        return bar

    def _confirmed(self, story: _Story, other: _Story) -> bool:
        """Whether what makes two stories alike is more than it seems at first."""
        if min(story.size, other.size) == 1:
            return story.common_outlets(other) < SERIES or not story.continues(other)
        shares = self._shares(story, other)
        return sum(shares) - max(shares) >= SECOND

    def _shares(self, story: _Story, other: _Story) -> list[float]:
        """What each common term adds to the cosine of two stories."""
        scale = story.size * other.size * self._length(story) * self._length(other)
        return [
            weight * other.weights[term] * self._rarity(term) ** 2 / scale
            for term, weight in story.weights.items()
            if term in other.weights
        ]

    def _length(self, story: _Story) -> float:
        """The length of a story's mean vector by the rarities of now."""
        if self.reports != story.measured:
            squares = ((weight * self._rarity(term)) ** 2 for term, weight in story.weights.items())
            story.length = math.sqrt(sum(squares)) / story.size or 1.0
            story.measured = self.reports
        return story.length

    def _rarity(self, term: str) -> float:
        """Inverse frequency among stories (Spärck Jones, 1972), in nats; never 0: a word of all still counts."""
        seen = len(self.postings.get(term, ())) + 1 + _expected(term)
        return max(math.log((PRIOR + self.reports) / seen), 0.01)

    def _reason(self, report: Report, story: _Story) -> str:
        """What a report and a story share, rarest first, and who declared that they belong together."""
        shared: list[str] = []
        for text in (report.title, report.excerpt):
            written = terms(text, report.language)
            common = sorted((term for term in written if term in story.weights), key=self._rarity)
            shared += [written[term] for term in reversed(common)]
        reason = "shares: " + ", ".join(list(dict.fromkeys(shared))[:4])
        for declarer in self.declarers.get(report.id, ()):
            if self._current(self.story_of[declarer]) == story.number:
                return f"declared by {self.outlet_of[declarer]}, {reason}"
        for declared in sorted(report.declares & self.outlet_of.keys()):
            if self._current(self.story_of[declared]) == story.number:
                return f"declares {self.outlet_of[declared]}, {reason}"
        return reason
