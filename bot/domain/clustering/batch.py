"""A batch of reports on their way into stories: who declares whom, where each is by now, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from bot.domain.clustering.story_cluster import Report

# Of the records that declare one, so many say where it belongs. What more of them would say costs each intake
# something, and whoever writes a source could make them any number.
DECLARERS = 30


@dataclass(frozen=True, slots=True)
class Why:
    """What put a report into a story: terms that both have, those of the title first, the rarest first.

    `declares`: the record of the story that it declares; `declared_by`: the one that declares it. `translated`: both mean
    the same in different languages. Nothing of all that: it opened the story.
    """

    shares: tuple[str, ...] = ()
    declares: int | None = None
    declared_by: int | None = None
    translated: bool = False


@dataclass(frozen=True, slots=True)
class Clustering:
    """What came of arrivals.

    `stories`: report -> story, for each arrival that is in one, and for partial reports that found theirs.
    `merged`: story -> the one that it goes on under, for stories that there were before. `why`: report ->
    what put it there, for those that were in no story before.
    """

    stories: Mapping[int, int]
    merged: Mapping[int, int]
    why: Mapping[int, Why]


@dataclass(slots=True)
class Batch:
    """What is known of a batch besides the window: who declares whom, and where each report is by now."""

    reports: Mapping[int, Report]
    first_number: int
    next_number: int
    stories: dict[int, int] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    why: dict[int, Why] = field(default_factory=dict)
    declarers: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, arrivals: Sequence[Report], related: Mapping[int, Report], next_number: int) -> Batch:
        reports = {**related, **{report.id: report for report in arrivals}}
        batch = cls(reports, next_number, next_number)
        for i, report in sorted(reports.items()):
            if report.story is not None:
                batch.stories[i] = report.story
            for declared in report.declares:
                declarers = batch.declarers.setdefault(declared, [])
                if len(declarers) < DECLARERS:
                    declarers.append(i)
        return batch

    def opens(self) -> int:
        """The number of a story that is opened."""
        self.next_number += 1
        return self.next_number - 1

    def put(self, report: Report, story: int, why: Why) -> None:
        """A report is in a story now."""
        self.stories[report.id] = story
        self.why[report.id] = why

    def story_of(self, report_id: int) -> int | None:
        """The story that a report is in by now."""
        number = self.stories.get(report_id)
        while number in self.merged:
            number = self.merged[number]
        return number

    def declarations(self, report: Report) -> Iterator[tuple[int, bool]]:
        """The reports, partial ones apart, that declare this one (False), and those that it declares (True)."""
        for other in self.declarers.get(report.id, ()):
            if not self.reports[other].partial:
                yield other, False
        for other in sorted(report.declares & self.reports.keys()):
            if not self.reports[other].partial:
                yield other, True

    def linked(self, report: Report) -> set[int]:
        """The stories of those."""
        stories = (self.story_of(other) for other, _ in self.declarations(report))
        return {number for number in stories if number is not None}

    def waiting(self, report: Report) -> Iterator[Report]:
        """The partial reports that it declares and that are in no story yet."""
        for declared in sorted(report.declares & self.reports.keys()):
            if self.reports[declared].partial and declared not in self.stories:
                yield self.reports[declared]

    def outcome(self, arrivals: Sequence[Report]) -> Clustering:
        """The decisions, each merger followed to its end."""
        concerned = dict.fromkeys(chain((report.id for report in arrivals), self.why))
        stories = {i: story for i in concerned if (story := self.story_of(i)) is not None}
        merged = {old: self._end(old) for old in self.merged if old < self.first_number}
        return Clustering(stories, merged, self.why)

    def _end(self, number: int) -> int:
        while number in self.merged:
            number = self.merged[number]
        return number
