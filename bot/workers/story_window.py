"""The stories that arrivals are compared with: recent ones in memory, older ones read on demand."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.batch import Clustering
from bot.domain.clustering.story_cluster import NEAR, SPAN, Report, day_of, time_of
from bot.domain.posting.plan import place
from bot.domain.records.intake import Identified
from bot.domain.stories.groups import Groups
from bot.store import records, revisions, story_overrides
from bot.store.revisions import StoryLog

_NEAR = timedelta(days=NEAR)
_SPAN = timedelta(days=SPAN)
MANY = 20_000  # stories from which the garbage collector is kept away from a window
_TOGETHER = 30.0  # days: old reports less apart than that are read in one go


@dataclass(slots=True)
class _KeptWindow:
    """All stories with a record published from a time on, up to another (None: without an end).

    `outdated`: the numbers of those that changed outside of the window since it was read.
    """

    stories: StoryWindow
    since: datetime
    until: datetime | None = None
    outdated: set[int] = field(default_factory=set)


class StoryWindowCache:
    """Finds the stories of arrivals, whenever these were published.

    There is a window of the present, and one of the past as long as each batch has articles of its time: a first intake has
    many. Both follow the database. Stories that people corrected in this process, which are in `log`, are read again. Both
    windows are read again if another process changed a story, and after a transaction that failed.
    `semantic`: stories are compared by what reports mean, too.
    """

    def __init__(self, log: StoryLog | None = None, *, semantic: bool = False) -> None:
        self._log = log or StoryLog()
        self._semantic = semantic
        self._recent: _KeptWindow | None = None
        self._past: _KeptWindow | None = None
        self._revision = 0

    def forget(self) -> None:
        """Drop the windows, because the last placement was not stored."""
        self._recent = self._past = None

    def leave(self, crowded_out: Mapping[int, Collection[int]]) -> None:
        """Take reports, given by story, out of what is kept: they are in no story any more."""
        for kept in self._kept():
            for story, report_ids in crowded_out.items():
                kept.stories.leave(story, report_ids)

    def read_again(self, stories: Collection[int]) -> None:
        """These stories changed outside of the windows."""
        for kept in self._kept():
            kept.outdated.update(stories)

    def _kept(self) -> list[_KeptWindow]:
        return [kept for kept in (self._recent, self._past) if kept is not None]

    async def place(self, connection: AsyncConnection, identified: Identified, now: datetime) -> Clustering:
        """Find arrivals their stories, in the transaction that stores what follows from it."""
        if not identified.arrivals and not identified.withdrawn:
            return Clustering({}, {}, {})
        start = now - _SPAN
        present = await self._of_present(connection, start - _NEAR)
        self._revision = await revisions.advance(connection, revisions.STORIES)
        recent = [report for report in identified.arrivals if report.day >= day_of(start)]
        old = [report for report in identified.arrivals if report.day < day_of(start)]
        next_number = identified.context.next_story
        # In a thread: many reports take longer than Discord waits for an answer.
        placed = await asyncio.to_thread(place, identified, present.stories, recent, next_number)
        if not old:
            self._past = None
            return placed
        past = await self._of_past(connection, [report.day for report in old])
        next_number = max([next_number, *(number + 1 for number in placed.stories.values())])
        more = await asyncio.to_thread(place, identified, past.stories, old, next_number)
        both = _joined(placed, more)
        merged = set(chain.from_iterable(both.merged.items()))
        present.outdated |= merged.union(more.stories.values())
        past.outdated |= merged.union(_reaching(past, recent, both))
        return both

    async def _of_present(self, connection: AsyncConnection, since: datetime) -> _KeptWindow:
        """The window of all stories with a record published from a time on, as they are stored."""
        revision = await revisions.of(connection, revisions.STORIES)
        changed = self._log.changed(self._revision, revision)
        if changed is None:
            self.forget()
        else:
            self.read_again(changed)
        present = self._recent  # another intake that fails meanwhile forgets it
        if present is None:
            stories = await read(connection, since, semantic=self._semantic)
            self._recent = present = _KeptWindow(stories, since)
        else:
            present.since = since
            present.stories.evict(day_of(since))
            await self._correct(connection, present)
        return present

    async def _of_past(self, connection: AsyncConnection, days: Iterable[float]) -> _KeptWindow:
        """A window of all stories near these days, of which more than half is near them."""
        spans = [(time_of(first - NEAR), time_of(last + NEAR)) for first, last in _intervals(days)]
        needed = sum((until - since for since, until in spans), timedelta())
        since, until = spans[0][0], spans[-1][1]
        past = self._past
        if past is not None and past.until is not None:
            both = max(until, past.until) - min(since, past.since)
            if both <= 2 * needed:
                await self._extend(connection, past, since, until)
                return past
        self._past = past = None  # two at once would be twice the memory
        reports = await self._reports(connection, spans)
        with _undisturbed():
            stories = await asyncio.to_thread(StoryWindow, reports, await story_overrides.apart(connection))
        past = _KeptWindow(stories, since, until)
        if len(spans) == 1:
            self._past = past
        return past

    async def _extend(
        self, connection: AsyncConnection, past: _KeptWindow, since: datetime, until: datetime
    ) -> None:
        """Bring a window of the past up to date, and have it reach from a time to another at least."""
        assert past.until is not None
        before, after = (since, past.since), (past.until, until)
        past.since, past.until = min(since, past.since), max(until, past.until)
        await self._correct(connection, past)
        missing = [span for span in (before, after) if span[0] < span[1]]
        if missing:
            reports = await self._reports(connection, missing)
            new = [r for r in reports if r.story is None or r.story not in past.stories]
            await asyncio.to_thread(past.stories.correct, (), new, await story_overrides.apart(connection))

    async def _reports(
        self, connection: AsyncConnection, spans: Iterable[tuple[datetime, datetime]]
    ) -> list[Report]:
        """The reports of the stories with a record published between times of a pair."""
        reports: dict[int, Report] = {}
        for since, until in spans:
            of_span = await records.reports(connection, since, until, semantic=self._semantic)
            reports |= {report.id: report for report in of_span}
        return list(reports.values())

    async def _correct(self, connection: AsyncConnection, kept: _KeptWindow) -> None:
        """Read the outdated stories of a window anew."""
        if kept.outdated:
            numbers = sorted(kept.outdated)
            reports = await records.reports_of(
                connection, numbers, kept.since, kept.until, semantic=self._semantic
            )
            apart = await story_overrides.apart(connection)
            await asyncio.to_thread(kept.stories.correct, numbers, reports, apart)
            kept.outdated.clear()


def _reaching(past: _KeptWindow, recent: Iterable[Report], clustering: Clustering) -> set[int]:
    """The stories that recent reports were put into, and that a window of the past has, or should have."""
    assert past.until is not None
    end = day_of(past.until)
    stories = ((report.day, clustering.stories.get(report.id)) for report in recent)
    return {
        number for day, number in stories if number is not None and (day <= end or number in past.stories)
    }


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without garbage collection: all of a window stays, and looking for garbage again and again would double the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


async def read(connection: AsyncConnection, since: datetime, *, semantic: bool = False) -> StoryWindow:
    """The window of all stories with a record published from a time on."""
    with _undisturbed():
        reports = await records.reports(connection, since, semantic=semantic)
        window = await asyncio.to_thread(StoryWindow, reports, await story_overrides.apart(connection))
    if len(window) > MANY:
        gc.freeze()  # nor is it looked through later, which would stop the bot for a second at a time
    return window


def _joined(first: Clustering, second: Clustering) -> Clustering:
    """Both; a story that is in both windows is followed through what either merged."""
    survivors: Groups[int] = Groups()
    for old, new in chain(first.merged.items(), second.merged.items()):
        survivors.join(old, new)
    stories = {i: survivors.root(number) for i, number in {**first.stories, **second.stories}.items()}
    return Clustering(stories, dict(survivors), {**first.why, **second.why})


def _intervals(days: Iterable[float]) -> list[tuple[float, float]]:
    """First and last of days that are together, in their order."""
    joined: list[tuple[float, float]] = []
    for day in sorted(days):
        if joined and day - joined[-1][1] <= _TOGETHER:
            joined[-1] = (joined[-1][0], day)
        else:
            joined.append((day, day))
    return joined
