"""Intake: fetches from a source, plans, and stores each batch in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.plan import IntakePlan, affected, announce, draft, plan
from bot.domain.records.analysis import Analyses, analyse_all
from bot.domain.records.intake import Arrival, Fate, content_hash, identify, keys_of
from bot.domain.text.addresses import hosts_only
from bot.domain.text.cleaning import plural
from bot.domain.text.language import with_language
from bot.domain.topics.query import meter
from bot.domain.topics.topics import Topics
from bot.errors import TopicwireError
from bot.services.context import Context
from bot.sources.model import ItemBatch, Rejected, Source
from bot.store import fan_outs, feeds, quotas, records, retention, server_topics, sources
from bot.store.records import PostingResult
from bot.store.sources import SourceStep
from bot.workers import feed_limits
from bot.workers.batches import Also, SourceBatch, Summary, nothing_else
from bot.workers.story_window import StoryWindowCache

log = logging.getLogger(__name__)

MOST_LOGGED = 20  # lines of each kind about one intake


class Ingest:
    """Takes sources in. `replay` tells old records on their own clock (the demo, `--as-of`)."""

    def __init__(self, context: Context, *, replay: bool = False) -> None:
        self._context = context
        self._replay = replay
        self._windows = StoryWindowCache(context.story_log, semantic=context.semantic)

    async def step(
        self,
        source: Source,
        *,
        guild_id: int = 0,
        backfill: int = 0,
        progressed: Callable[[Summary], None] = lambda _s: None,
    ) -> Summary:
        """Read and store what is new at a source. A batch and the source's progress are stored in one transaction.

        The first intake is silent but for the newest `backfill` records. An error of the source is
        noted with it and raised.
        """
        db, now = self._context.db, self._context.now
        async with db.write() as connection:
            state = await sources.ensure(connection, source.name, source.kind)
            progress = await sources.progress(connection, state.id)
        summary = Summary()
        try:
            async with aclosing(source.fetch(progress)) as batches:
                async for batch in batches:
                    refused = summary.rejected + len(batch.rejected)
                    [stored] = await self.store([SourceBatch(state, batch, refused, guild_id, backfill)])
                    summary.merge(stored)
                    progressed(summary)
        except Exception as error:
            async with db.write() as connection:
                text = str(error) if isinstance(error, TopicwireError) else f"{type(error).__name__}: {error}"
                await sources.failed(connection, state.id, text, now())
            raise
        return summary

    async def has_room(self, _connection: AsyncConnection) -> bool:
        """Always: who stores here waits until it is done."""
        return True

    async def store(self, parts: Sequence[SourceBatch], also: Also = nothing_else) -> list[Summary]:
        """Store batches, each with its source's progress, in one transaction with what `also` writes then.

        An item that cannot be stored, which is a bug, is refused, and keeps nothing else back. Of feeds of servers only
        what their limits allow is stored.
        """
        if feed_limits.of_servers(parts):
            async with self._context.db.read() as connection:
                today = self._context.now().date()
                parts = await feed_limits.limited(connection, parts, self._context.polls, today)
        try:
            return await self._together(parts, also)
        except (TopicwireError, MemoryError):
            raise
        except Exception:
            if not any(part.batch.items for part in parts):
                raise
            log.exception("a batch could not be stored; the bot stores its items one by one")
        summaries = [await self._one_by_one(part) for part in parts]
        async with self._context.db.intake() as connection:
            await also(connection, summaries)
        return summaries

    async def _one_by_one(self, part: SourceBatch) -> Summary:
        summary = Summary()
        bad: list[Rejected] = []
        for item in part.batch.items:
            alone = replace(part, batch=ItemBatch(items=(item,)), backfill=0)
            try:
                [stored] = await self._together([alone], nothing_else)
                summary.merge(stored)
            except (TopicwireError, MemoryError):
                raise
            except Exception as error:
                log.error("%s: item %s could not be stored", hosts_only(item.path), item.item, exc_info=error)
                bad.append(Rejected(item.path, item.item, "internal error; the bot's log has the details"))
        rest = replace(part.batch, items=(), rejected=(*part.batch.rejected, *bad))
        [stored] = await self._together(
            [replace(part, batch=rest, refused=part.refused + len(bad))], nothing_else
        )
        summary.merge(stored)
        return summary

    async def _together(self, parts: Sequence[SourceBatch], also: Also) -> list[Summary]:
        try:
            return await self._transaction(parts, also)
        except BaseException:
            self._windows.forget()
            raise

    async def _transaction(self, parts: Sequence[SourceBatch], also: Also) -> list[Summary]:
        # Before the transaction, and off the event loop: others need not wait for texts to be looked at.
        arrivals = await asyncio.to_thread(self._arrivals, parts)
        analyses = await self._analyses(parts, arrivals)
        async with self._context.db.intake() as connection:
            # Read only now, as digests do: what came in after one is told by the next.
            now = self._context.now()
            stored, posted = await self._take_in(connection, arrivals, analyses, now)
            summaries = _summaries(parts, stored.fates)
            await sources.advance(
                connection,
                [_step(part, summary, now) for part, summary in zip(parts, summaries, strict=True)],
            )
            new = feed_limits.new_by_server(parts, summaries)
            await quotas.count_new_records(connection, new, now.date())
            announced = await self._backfill(connection, parts, now)
            await also(connection, summaries)
        if summaries:  # of several sources it is told as a whole
            summaries[0].posted = posted.sends + announced
            summaries[0].withheld = {reason.value: count for reason, count in posted.withheld.items()}
        if stored.new or stored.changed:
            self._context.wake()
        return summaries

    def _arrivals(self, parts: Iterable[SourceBatch]) -> list[Arrival]:
        """The records of batches, each with its language."""
        return [arrival for part in parts for arrival in arrivals_of(part, replay=self._replay)]

    async def _analyses(self, parts: Iterable[SourceBatch], arrivals: Sequence[Arrival]) -> Analyses:
        """The text analyses of the new and changed records. Most polled records are unchanged, or were deleted."""
        made = [part.analyses for part in parts if part.analyses is not None]
        if made:
            return dict(chain.from_iterable(analyses.items() for analyses in made))
        if not arrivals:
            return {}
        keys = chain.from_iterable(keys_of(arrival.scoped()) for arrival in arrivals)
        async with self._context.db.read() as connection:
            stored = await records.content_hashes(connection, keys)
            changed = [arrival for arrival in arrivals if content_hash(arrival.scoped()) not in stored]
            identities = chain.from_iterable(arrival.identity for arrival in changed)
            forgotten = await retention.forgotten(connection, identities)
        present = [arrival.scoped() for arrival in changed if not arrival.was_deleted(forgotten)]
        return await asyncio.to_thread(analyse_all, present, semantic=self._context.semantic)

    async def _take_in(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival], analyses: Analyses, now: datetime
    ) -> tuple[IntakePlan, PostingResult]:
        """Plan the intake of records, and store it."""
        if not arrivals:
            return IntakePlan(), PostingResult()
        decided = await self._decide(connection, arrivals, analyses, now)
        posted = await records.apply(connection, decided, now, self._context.rules)
        self._windows.leave(decided.crowded_out)
        self._windows.read_again(decided.separated)
        return decided, posted

    async def _decide(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival], analyses: Analyses, now: datetime
    ) -> IntakePlan:
        # In threads: with many stories it takes longer than Discord waits for an answer.
        rules, semantic = self._context.rules, self._context.semantic
        stored_context = await records.stored_context(connection, arrivals)
        await retention.note_seen(connection, stored_context.forgotten, now)
        topics = await self._context.topics.load(connection)
        identified = await asyncio.to_thread(
            identify, arrivals, stored_context, topics, now, rules.max_age, analyses, semantic=semantic
        )
        await _suspend(connection, topics)
        clustering = await self._windows.place(connection, identified, now)
        stored = await records.affected(connection, affected(identified, clustering))
        drafted = await asyncio.to_thread(draft, identified, clustering, stored, topics, now, rules)
        apart = await fan_outs.apart(connection, drafted.fan_outs, now - rules.edit_window)
        return await asyncio.to_thread(plan, drafted, apart, now, rules)

    async def _backfill(
        self, connection: AsyncConnection, parts: Iterable[SourceBatch], now: datetime
    ) -> int:
        """Announce the newest records of first intakes that end here. Returns how many posts are to be sent."""
        sends, rules = 0, self._context.rules
        for part in parts:
            if part.backfill and part.batch.last and not part.state.intake_done:
                ids = await sources.newest_records(connection, part.state.id, part.backfill)
                newest = await records.by_id(connection, ids)
                numbers = {stored.story for stored in newest.values() if stored.story is not None}
                stored = await records.affected(connection, numbers)
                topics = await self._context.topics.load(connection)
                drafted = await asyncio.to_thread(announce, newest, stored, topics, now, rules)
                apart = await fan_outs.apart(connection, drafted.fan_outs, now - rules.edit_window)
                announced = await asyncio.to_thread(plan, drafted, apart, now, rules)
                sends += (await records.apply(connection, announced, now, rules)).sends
        return sends


def arrivals_of(part: SourceBatch, *, replay: bool = False) -> Iterator[Arrival]:
    """The records of a batch, each with its language."""
    for item in part.batch.items:
        yield Arrival(
            with_language(item.record) if part.analyses is None else item.record,
            part.state.id,
            part.guild_id,
            silent=not part.state.intake_done and not replay,
            replay=replay,
            polled=part.state.kind == feeds.KIND,
        )


def _summaries(parts: Iterable[SourceBatch], fates: Iterable[Fate]) -> list[Summary]:
    """How each batch went, given what became of all their items in order."""
    rest = iter(fates)
    summaries = []
    for part in parts:
        summary = Summary.of(part.batch)
        summary.count(islice(rest, len(part.batch.items)))
        summaries.append(summary)
    return summaries


def _step(part: SourceBatch, summary: Summary, now: datetime) -> SourceStep:
    """How far a batch moves its source on."""
    finished = now if part.batch.last else None
    return SourceStep(
        part.state.id, part.batch.progress, summary.new + summary.changed, finished, part.refused
    )


async def _suspend(connection: AsyncConnection, topics: Topics) -> None:
    """Suspend the topics that cost too much, from the next transaction on."""
    excess = {label: meter.reason(price) for label, price in topics.matcher.meter.excess().items()}
    await server_topics.suspend(connection, excess)
    for (guild_id, name), why in excess.items():
        log.warning("topic %r of server %d is suspended: %s", name, guild_id, why)


def report(name: str, summary: Summary, previous_errors: Container[Rejected] = ()) -> None:
    """Log how an intake of the running bot went; nothing where nothing happened.

    `previous_errors` are those of the last intake; they are not logged again.
    """
    fresh = [error for error in summary.errors if error not in previous_errors]
    if summary.new or summary.changed or fresh:
        withheld = (
            ", ".join(f"{reason}: {count}" for reason, count in sorted(summary.withheld.items())) or "none"
        )
        log.info(
            "%s: %d new, %d changed, %d rejected; %s to send; not posted: %s",
            name,
            summary.new,
            summary.changed,
            summary.rejected,
            plural(summary.posted, "post"),
            withheld,
        )
    for error in fresh[:MOST_LOGGED]:
        log.warning("%s: item %s: %s", hosts_only(error.path), error.item, hosts_only(error.reason))
    for note in summary.notes[:MOST_LOGGED]:
        log.info("%s", hosts_only(note))
