"""The stories that arrivals are compared with: recent ones in memory, older ones read on demand."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Collection, Iterable, Mapping
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


class StoryWindowCache:
    """Finds the stories of arrivals, whenever these were published.

    The window follows the database. Stories that people corrected in this process, which are in `log`, are read again. The
    whole window is read again if another process changed a story, and after a transaction that failed.
    `semantic`: stories are compared by what reports mean, too.
    """

    def __init__(self, log: StoryLog | None = None, *, semantic: bool = False) -> None:
        self._log = log or StoryLog()
        self._semantic = semantic
        self._window: StoryWindow | None = None
        self._revision = 0
        self._outdated: set[int] = set()  # stories that changed outside of the window

    def forget(self) -> None:
        """Drop the window, because the last placement was not stored."""
        self._window = None

    def leave(self, crowded_out: Mapping[int, Collection[int]]) -> None:
        """Take reports, given by story, out of what is kept: they are in no story any more."""
        if self._window is not None:
            for story, report_ids in crowded_out.items():
                self._window.leave(story, report_ids)

    def read_again(self, stories: Iterable[int]) -> None:
        """These stories changed outside of the window."""
        self._outdated.update(stories)

    async def place(self, connection: AsyncConnection, identified: Identified, now: datetime) -> Clustering:
        """Find arrivals their stories, in the transaction that stores what follows from it."""
        if not identified.arrivals and not identified.withdrawn:
            return Clustering({}, {}, {})
        start = now - _SPAN
        window = await self._current(connection, start - _NEAR)
        self._revision = await revisions.advance(connection, revisions.STORIES)
        recent = [report for report in identified.arrivals if report.day >= day_of(start)]
        old = [report for report in identified.arrivals if report.day < day_of(start)]
        next_number = identified.context.next_story
        # In a thread: many reports take longer than Discord waits for an answer.
        placed = await asyncio.to_thread(place, identified, window, recent, next_number)
        if not old:
            return placed
        near = await _reports(connection, [report.day for report in old], semantic=self._semantic)
        past = StoryWindow(near, await story_overrides.apart(connection))
        next_number = max([next_number, *(number + 1 for number in placed.stories.values())])
        more = await asyncio.to_thread(place, identified, past, old, next_number)
        both = _joined(placed, more)
        self._outdated |= {*more.stories.values(), *chain.from_iterable(both.merged.items())}
        return both

    async def _current(self, connection: AsyncConnection, since: datetime) -> StoryWindow:
        """The window of all stories with a record published from a time on, as they are stored."""
        revision = await revisions.of(connection, revisions.STORIES)
        changed = self._log.changed(self._revision, revision)
        window = self._window  # another intake that fails meanwhile forgets it
        if window is None or changed is None:
            self._window = window = None  # two at once would be twice the memory
            self._window = window = await read(connection, since, semantic=self._semantic)
        else:
            window.evict(day_of(since))
            await self._correct(connection, window, changed | self._outdated, since)
        self._outdated.clear()
        return window

    async def _correct(
        self, connection: AsyncConnection, window: StoryWindow, numbers: Collection[int], since: datetime
    ) -> None:
        """Read some stories of the window anew."""
        if numbers:
            reports = await records.reports_of(connection, numbers, since, semantic=self._semantic)
            await asyncio.to_thread(window.correct, numbers, reports, await story_overrides.apart(connection))


async def read(connection: AsyncConnection, since: datetime, *, semantic: bool = False) -> StoryWindow:
    """The window of all stories with a record published from a time on."""
    collecting = gc.isenabled()
    gc.disable()  # all of it stays: looking for garbage again and again would double the time
    try:
        reports = await records.reports(connection, since, semantic=semantic)
        window = await asyncio.to_thread(StoryWindow, reports, await story_overrides.apart(connection))
    finally:
        if collecting:
            gc.enable()
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


async def _reports(connection: AsyncConnection, days: Iterable[float], *, semantic: bool) -> list[Report]:
    """The reports of the stories near these days."""
    reports: dict[int, Report] = {}
    for first, last in _intervals(days):
        since, until = time_of(first - NEAR), time_of(last + NEAR)
        reports |= {r.id: r for r in await records.reports(connection, since, until, semantic=semantic)}
    return list(reports.values())


def _intervals(days: Iterable[float]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for day in sorted(days):
        if joined and day - joined[-1][1] <= _TOGETHER:
            joined[-1] = (joined[-1][0], day)
        else:
            joined.append((day, day))
    return joined
