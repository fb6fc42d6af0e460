"""Feeds are polled: those that are due, many at once, and what they brought is stored together.

A slow server keeps nobody waiting: `step` begins what is due, and stores what is ready.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.polling import Feed, Got, after, to_warn
from bot.domain.topics import Topics
from bot.pipeline.ingest import Ingest, Part, Summary, report
from bot.pipeline.notices import warn
from bot.sources.feeds.parse import Origin
from bot.sources.feeds.source import STATE, Look, look
from bot.sources.web.fetch import Web
from bot.store import feeds, sources, subscriptions, topics
from bot.store.feeds import Settled
from bot.usecases.context import Context

log = logging.getLogger(__name__)

AT_ONCE = 100  # feeds that are polled at the same time
RECORDS_AT_ONCE = 2000  # that are stored in one transaction
PATIENCE = 1.0  # seconds to wait for the next answer, so that what becomes due meanwhile is not late


@dataclass(frozen=True, slots=True)
class _Done:
    """A poll that is over."""

    feed: Feed
    look: Look


class Poll:
    """Polls feeds. `jitter` gives numbers from 0 to 1, so that feeds spread out."""

    def __init__(
        self,
        context: Context,
        ingest: Ingest,
        web: Web,
        jitter: Callable[[], float],
        at_once: int = AT_ONCE,
    ) -> None:
        self._context = context
        self._ingest = ingest
        self._web = web
        self._jitter = jitter
        self._at_once = at_once
        self._running: dict[asyncio.Task[Look], Feed] = {}
        self._followed = _Followed()
        self.counts: Counter[str] = Counter()

    async def step(self) -> int:
        """Begin the polls that are due, and store those that are over; returns how many are still running or were stored."""
        await self._begin()
        if not self._running:
            return 0
        done, _ = await asyncio.wait(self._running, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        over = [_Done(self._running.pop(task), _result(task)) for task in done]
        for part in _portions(over):
            await self._store(part)
        return len(over) + len(self._running)

    async def drain(self) -> None:
        """Poll until nothing is due any more."""
        while await self.step():
            pass

    async def next_due(self) -> datetime | None:
        """When a feed is due again."""
        async with self._context.db.read() as connection:
            followed = await self._followed.of(connection)
            return await feeds.next_due(connection, followed, self._busy)

    async def close(self) -> None:
        """Give up what is running; it is due still."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()

    @property
    def _busy(self) -> list[int]:
        return [feed.source_id for feed in self._running.values()]

    async def _begin(self) -> None:
        free = self._at_once - len(self._running)
        if free <= 0:
            return
        async with self._context.db.read() as connection:
            followed = await self._followed.of(connection)
            due = await feeds.due(connection, self._context.now(), followed, self._busy, free)
            known = await sources.progress_of(connection, [feed.source_id for feed in due], STATE)
        for feed in due:
            progress = {STATE: known[feed.source_id]} if feed.source_id in known else {}
            origin = origin_of(feed, self._context.polls.quality)
            self._running[asyncio.ensure_future(look(self._web, origin, progress))] = feed

    async def _store(self, over: Sequence[_Done]) -> None:
        """Store what polls brought and how they went, in one transaction."""
        async with self._context.db.read() as connection:
            states = await feeds.states(connection, [done.feed.source_id for done in over])
        over = [done for done in over if done.feed.source_id in states]  # the others were removed meanwhile
        brought: list[tuple[_Done, Part]] = []
        for done in over:
            batch = done.look.batch
            if batch is not None and (batch.items or batch.rejected or batch.progress):
                part = Part(states[done.feed.source_id], batch, len(batch.rejected), done.feed.guild_id)
                brought.append((done, part))

        async def settle(connection: AsyncConnection, summaries: Sequence[Summary]) -> None:
            fresh = {done.feed.source_id for (done, _), s in zip(brought, summaries, strict=True) if s.new}
            now = self._context.now()
            settled = []
            for done in over:
                kept = self._settled(done, done.feed.source_id in fresh, now)
                if to_warn(kept.polling, now):
                    await warn(connection, done.feed, kept, now)
                    kept = replace(kept, polling=replace(kept.polling, warned=True))
                settled.append(kept)
            await feeds.settle(connection, settled, now)

        summaries = await self._ingest.store([part for _, part in brought], settle)
        for (done, _), summary in zip(brought, summaries, strict=True):
            report(f"feed {done.feed.url}", summary)
        for done in over:
            if done.look.reason and not done.feed.polling.failures:  # said once, not at every try
                log.warning("feed %s: %s", done.feed.url, done.look.reason)

    def _settled(self, done: _Done, fresh: bool, now: datetime) -> Settled:
        found = done.look
        got = Got.NOTHING_NEW if found.got is Got.NEW and not fresh else found.got
        polling = after(
            done.feed.polling,
            got,
            now,
            self._context.polls.bounds,
            hints=found.hints,
            retry_after=found.retry_after,
            jitter=self._jitter(),
        )
        title = found.document.title if found.document else ""
        self.counts[got.value] += 1
        return Settled(done.feed.source_id, polling, found.reason, title, found.moved)


def _result(task: asyncio.Task[Look]) -> Look:
    error = task.exception()
    if error is None:
        return task.result()
    log.error("a feed could not be read", exc_info=error)
    return Look(Got.FAILED, "an error of Topicwire: its log has it")


def origin_of(feed: Feed, quality: int) -> Origin:
    """What parsing needs to know of a feed; `quality` is the default."""
    return Origin(feed.url, feed.name, feed.topics, quality if feed.quality is None else feed.quality)


def _portions(over: Sequence[_Done]) -> Iterator[list[_Done]]:
    """What is stored together, so that a transaction stays short."""
    portion: list[_Done] = []
    records = 0
    for done in over:
        size = len(done.look.batch.items) if done.look.batch else 0
        if portion and records + size > RECORDS_AT_ONCE:
            yield portion
            portion, records = [], 0
        portion.append(done)
        records += size
    if portion:
        yield portion


class _Followed:
    """Which feeds of the catalogue are wanted; worked out anew when what is followed has changed."""

    def __init__(self) -> None:
        self._of: tuple[frozenset[str], frozenset[int]] | None = None
        self._ids: frozenset[int] = frozenset()

    async def of(self, connection: AsyncConnection) -> frozenset[int]:
        """The feeds of topics that somebody follows, and of those above and below."""
        catalogue = await feeds.catalogue(connection)
        wanted = await subscriptions.topic_keys(connection)
        signature = (wanted, frozenset(catalogue))
        if signature != self._of:
            known = await topics.load(connection)
            self._of, self._ids = signature, followed(catalogue, wanted, known)
        return self._ids


def followed(
    catalogue: Mapping[int, tuple[str, ...]], wanted: Collection[str], known: Topics
) -> frozenset[int]:
    """The feeds that may bring something on a topic in `wanted` (casefolded names).

    Those of the topic itself, of one below it, or of one above it: a site on technology writes of its parts.
    """
    above = known.with_ancestors(wanted)
    return frozenset(
        source_id
        for source_id, names in catalogue.items()
        if any(name.casefold() in above for name in names)
        or not known.with_ancestors(names).isdisjoint(wanted)
    )
