"""Polls the feeds that are due, many at once, and stores their records together.

A slow server keeps nobody waiting, and neither does the database: while one part of the answers is stored,
more are fetched, and all that has come by the end is the next part. What a transaction costs hardly depends
on how much is stored in it, so with many feeds there are few large ones, and with few feeds none waits.

Feeds are claimed before they are polled, so that of several processes on a database one polls each.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.outages import FeedStreak, OutageKind
from bot.domain.polling import Feed, PollResult, next_schedule, to_warn
from bot.domain.text.addresses import host_of, hosts_only
from bot.domain.topics.topics import Topics
from bot.errors import StoreError
from bot.services.context import Context
from bot.sources.feeds.parse import FeedSpec
from bot.sources.feeds.source import STATE, PollOutcome, poll_feed
from bot.sources.model import Progress
from bot.sources.web.fetch import Web
from bot.store import feeds, sources, topics
from bot.store.feeds import SettledPoll
from bot.store.sources import SourceState
from bot.store.topic_cache import TopicCache
from bot.workers.batches import BatchStore, SourceBatch, Summary
from bot.workers.ingest import report
from bot.workers.notices import warn

log = logging.getLogger(__name__)

AT_ONCE = 100  # feeds that are polled at the same time
AHEAD = 1000  # feeds that are looked up at the same time
RECORDS_AT_ONCE = 2000  # that are stored in one transaction, about
# What counts as how many of them, before it is known how many are new:
POLL = 0.2  # a poll, whatever it brought
SEEN = 0.1  # a record of a feed that was taken in before
PER_HOST = 2  # of these, so that a host with many feeds keeps none of another's waiting
MOST_WAITING = 5000  # feeds that are looked up ahead, where few hosts have many
NO_ROOM = timedelta(seconds=1)  # until it is looked again whether more may be polled
PATIENCE = 1.0  # seconds to wait for the next answer, so that what becomes due meanwhile is not late


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A feed that is to be polled before its lease ends."""

    feed: Feed
    progress: Progress
    until: datetime


@dataclass(frozen=True, slots=True)
class _FinishedPoll:
    """A finished poll."""

    feed: Feed
    outcome: PollOutcome

    @property
    def size(self) -> float:
        """About how many new records it takes as long to store as."""
        items = len(self.outcome.batch.items) if self.outcome.batch else 0
        return POLL + items * (SEEN if self.feed.intake_done else 1)


class Poller:
    """Polls feeds. `jitter` gives numbers from 0 to 1, so that feeds spread out."""

    def __init__(
        self,
        context: Context,
        store: BatchStore,
        web: Web,
        jitter: Callable[[], float],
        at_once: int = AT_ONCE,
        *,
        holder: str = "",
    ) -> None:
        self._context = context
        self._batches = store
        self._web = web
        self._jitter = jitter
        self._at_once = at_once
        self._holder = holder
        self._busy: set[int] = set()  # the feeds that are in any of these, and go from one to the next:
        self._due: dict[str, deque[_Claimed]] = {}  # by host
        self._hosts: Counter[str] = Counter()  # how many are running at each
        self._running: dict[asyncio.Task[PollOutcome], Feed] = {}
        self._over: list[_FinishedPoll] = []
        self._storing: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()  # something is ready
        self._followed = _Followed()
        self._streak = FeedStreak()
        self.counts: Counter[str] = Counter()

    async def step(self) -> int:
        """Begin the polls that are due, and store those that are over; returns with how many feeds it was busy."""
        await self._begin()
        busy = len(self._busy)
        if busy:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._woken.wait()
            self._woken.clear()
            self._gather()
        return busy

    async def drain(self) -> None:
        """Poll until nothing is due any more."""
        while await self.step():
            pass

    async def next_due(self) -> datetime | None:
        """When to look for feeds that are due: when one is, or, where what was stored fills the inbox, soon."""
        async with self._context.db.read() as connection:
            if not await self._batches.has_room(connection):
                return self._context.now() + NO_ROOM
            followed = await self._followed.of(connection, self._context.topics)
            return await feeds.next_due(connection, followed)

    async def close(self) -> None:
        """Cancel running polls, which stay due for any process. A store in progress is completed."""
        for task in self._running:
            task.cancel()
        storing = [self._storing] if self._storing else []
        await asyncio.gather(*self._running, *storing, return_exceptions=True)
        self._running.clear()
        with suppress(StoreError):  # then the leases end by themselves
            await self._release(self._busy)

    async def _begin(self) -> None:
        """Begin polls, unless as much has come already as can be stored at once."""
        if sum(done.size for done in self._over) >= RECORDS_AT_ONCE:
            return
        while len(self._running) < self._at_once:
            host = next((host for host in self._due if self._hosts[host] < PER_HOST), None)
            if host is None:
                if sum(map(len, self._due.values())) >= MOST_WAITING or not await self._look_up():
                    return
                continue
            claimed = self._due[host].popleft()
            if not self._due[host]:
                del self._due[host]
            feed = claimed.feed
            if claimed.until - self._context.now() < feeds.LONGEST_POLL:  # it waited too long for its host
                self._busy.discard(feed.source_id)
                continue
            self._hosts[host] += 1
            spec = spec_of(feed, self._context.polls.quality)
            task = asyncio.create_task(
                poll_feed(
                    self._web,
                    spec,
                    claimed.progress,
                    self._context.now(),
                    self._context.parsers,
                    feed.guild_id,
                ),
                name=f"polling feed {feed.source_id}",
            )
            task.add_done_callback(lambda _: self._woken.set())
            self._running[task] = feed

    async def _look_up(self) -> int:
        """Claim feeds that are due; returns how many more there are to be polled."""
        now, most = self._context.now(), AHEAD + len(self._busy)
        async with self._context.db.read() as connection:
            if not await self._batches.has_room(connection):
                return 0
            followed = await self._followed.of(connection, self._context.topics)
            due = await feeds.due(connection, now, followed, most)
            # One that is busy is among them if its lease has ended meanwhile.
            due = [feed for feed in due if feed.source_id not in self._busy][:AHEAD]
            progress_by_source = await sources.progress_of(
                connection, [feed.source_id for feed in due], STATE
            )
        if not due:
            return 0
        async with self._context.db.write() as connection:
            claimed = await feeds.claim(connection, [feed.source_id for feed in due], now, self._holder)
        for feed in due:
            if feed.source_id in claimed:
                progress = (
                    {STATE: progress_by_source[feed.source_id]}
                    if feed.source_id in progress_by_source
                    else {}
                )
                waiting = self._due.setdefault(_host(feed), deque())
                waiting.append(_Claimed(feed, progress, now + feeds.LEASE))
        self._busy |= claimed
        return len(claimed)

    async def _release(self, ids: Collection[int]) -> None:
        if not ids:
            return
        async with self._context.db.write() as connection:
            await feeds.release(connection, list(ids))

    def _gather(self) -> None:
        """Collect finished polls, and start storing as many as fit one transaction, one part at a time."""
        for task in [task for task in self._running if task.done()]:
            feed = self._running.pop(task)
            self._hosts[_host(feed)] -= 1
            self._over.append(_FinishedPoll(feed, _result(task)))
        self._hosts = +self._hosts  # without those at which nothing runs
        storing = self._storing
        if storing is not None and storing.done():
            self._storing = None
            storing.result()
        if self._storing is None and self._over:
            part, self._over = _portion(self._over)
            self._storing = asyncio.create_task(self._store(part), name="storing polls")
            self._storing.add_done_callback(lambda _: self._woken.set())

    async def _store(self, over: Sequence[_FinishedPoll]) -> None:
        ids = {done.feed.source_id for done in over}
        try:
            await self._settle(over)
        except BaseException:  # what could not be stored is due still
            with suppress(StoreError):
                await self._release(ids)
            raise
        finally:
            self._busy -= ids

    async def _settle(self, over: Sequence[_FinishedPoll]) -> None:
        """Store the records and the results of polls in one transaction."""
        async with self._context.db.read() as connection:
            states = await feeds.states(connection, [done.feed.source_id for done in over])
        over = [done for done in over if done.feed.source_id in states]  # the others were removed meanwhile
        outage = self._streak if self._streak.is_outage else None
        self._note(over)
        is_down = self._streak.is_outage
        brought = _brought(over, states)

        async def settle(connection: AsyncConnection, summaries: Sequence[Summary]) -> None:
            fresh = {done.feed.source_id for (done, _), s in zip(brought, summaries, strict=True) if s.new}
            now = self._context.now()
            settled = [self._settled(done, done.feed.source_id in fresh, now) for done in over]
            failing = [
                (done.feed, k)
                for done, k in zip(over, settled, strict=True)
                if to_warn(k.polling, now) and not is_down
            ]
            await feeds.settle(connection, settled, now)
            if outage is not None and outage.since is not None and not is_down:
                await feeds.hasten(connection, outage.since, now)
            await feeds.mark_warned(connection, await warn(connection, self._context.topics, failing, now))

        summaries = await self._batches.store([part for _, part in brought], settle)
        for (done, _), summary in zip(
            brought, summaries, strict=False
        ):  # none if they are taken in elsewhere
            report(f"feed {_host(done.feed)}", summary)
        for done in over:
            if done.outcome.reason and not done.feed.polling.failures:  # said once, not at every try
                log.warning("feed %s: %s", _host(done.feed), hosts_only(done.outcome.reason))

    def _note(self, over: Sequence[_FinishedPoll]) -> None:
        """Learn whether any feed can be reached at all. One that answers with an error is reached, too.

        Feeds whose readers were told days ago that they fail say nothing about the network. The feeds of a server count as one
        host, as it could have any number of dead ones, and why they fail is for that server alone.
        """
        now, before = self._context.now(), self._streak
        unreached = [done for done in over if done.outcome.is_unreached]
        failed_hosts = {
            str(done.feed.guild_id or _host(done.feed)) for done in unreached if not done.feed.polling.warned
        }
        self._streak = before.after(len(unreached) < len(over), failed_hosts, now)
        if self._streak.is_outage:
            present = self._context.monitor.health.of(OutageKind.FEEDS)
            reasons = [hosts_only(done.outcome.reason) for done in unreached if not done.feed.guild_id]
            reason = reasons[-1] if reasons else present.reason if present else ""
            self._context.monitor.note(OutageKind.FEEDS, reason, now)
            if not before.is_outage:
                log.error("no feed can be reached, the last because of: %s", reason)
        else:
            self._context.monitor.note(OutageKind.FEEDS, None, now)

    def _settled(self, done: _FinishedPoll, fresh: bool, now: datetime) -> SettledPoll:
        outcome = done.outcome
        result = PollResult.NOTHING_NEW if outcome.result is PollResult.NEW and not fresh else outcome.result
        polling = next_schedule(
            done.feed.polling,
            result,
            now,
            self._context.polls.bounds,
            hints=outcome.hints,
            retry_after=outcome.retry_after,
            jitter=self._jitter(),
        )
        title = outcome.document.title if outcome.document else ""
        self.counts[result.value] += 1
        return SettledPoll(done.feed.source_id, polling, outcome.reason, title, outcome.moved)


def _host(feed: Feed) -> str:
    return host_of(feed.url)


def _brought(
    over: Iterable[_FinishedPoll], states: Mapping[int, SourceState]
) -> list[tuple[_FinishedPoll, SourceBatch]]:
    """What polls brought, to be stored."""
    brought: list[tuple[_FinishedPoll, SourceBatch]] = []
    for done in over:
        batch = done.outcome.batch
        if batch is not None and (batch.items or batch.rejected or batch.progress):
            state = states[done.feed.source_id]
            brought.append((done, SourceBatch(state, batch, len(batch.rejected), done.feed.guild_id)))
    return brought


def _result(task: asyncio.Task[PollOutcome]) -> PollOutcome:
    error = task.exception()
    if error is None:
        return task.result()
    log.error("a feed could not be read", exc_info=error)
    return PollOutcome(PollResult.FAILED, "internal error; the bot's log has the details")


def spec_of(feed: Feed, quality: int) -> FeedSpec:
    """What parsing needs to know of a feed; `quality` is the default."""
    return FeedSpec(feed.url, feed.name, feed.topics, quality if feed.quality is None else feed.quality)


def _portion(over: Sequence[_FinishedPoll]) -> tuple[list[_FinishedPoll], list[_FinishedPoll]]:
    """What is stored together, so that a transaction stays short; and the rest."""
    size = 0.0
    for count, done in enumerate(over):
        size += done.size
        if count and size > RECORDS_AT_ONCE:
            return list(over[:count]), list(over[count:])
    return list(over), []


class _Followed:
    """The catalogue feeds that subscriptions need, computed again when subscriptions or topics have changed."""

    def __init__(self) -> None:
        self._of: object = None
        self._ids: frozenset[int] = frozenset()

    async def of(self, connection: AsyncConnection, cache: TopicCache) -> frozenset[int]:
        """The feeds of topics that somebody follows, and of those above and below."""
        catalogue = await feeds.catalogue(connection)
        followed = await topics.followed(connection)
        signature = (followed, await topics.tree(connection), frozenset(catalogue.items()))
        if signature != self._of:
            loaded_topics = await cache.load(connection)
            self._of = signature
            self._ids = await asyncio.to_thread(_feeds_about, loaded_topics, catalogue, followed)
        return self._ids


def _feeds_about(
    topics: Topics, catalogue: Mapping[int, Sequence[str]], followed: Collection[str]
) -> frozenset[int]:
    """The feeds that may bring something on one of these topics."""
    return frozenset(i for i, names in catalogue.items() if topics.concerns(names, followed))
