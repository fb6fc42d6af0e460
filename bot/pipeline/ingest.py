"""From a source to the store: fetch, plan, and one transaction a batch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mute, Subscription
from bot.domain.plan import Intake, Plan, announce, plan
from bot.domain.posting import Send
from bot.domain.topics import Topics
from bot.sources.model import Batch, Rejected, Source
from bot.store import records, sources, subscriptions, topics
from bot.store.sources import SourceState
from bot.usecases.context import Context

log = logging.getLogger(__name__)

MOST_ERRORS = 10_000
MOST_LOGGED = 20  # lines of each kind about one intake


@dataclass(slots=True)
class Summary:
    """How an intake went, in items; `read` is the sum of the other four."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    posted: int = 0

    @property
    def read(self) -> int:
        return self.new + self.changed + self.unchanged + self.rejected

    def merge(self, other: Summary) -> None:
        """Count another intake as well."""
        self.new += other.new
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.errors += other.errors
        self.posted += other.posted
        for reason, count in other.held.items():
            self.held[reason] = self.held.get(reason, 0) + count

    def add(self, batch: Batch, result: Plan) -> None:
        """Count a batch that was stored."""
        self.new += result.new
        self.changed += result.changed
        self.unchanged += result.unchanged + batch.unchanged
        self.rejected += len(batch.rejected)
        self.errors += batch.rejected[: MOST_ERRORS - len(self.errors)]
        self.notes += [
            f"{item.path}: item {item.item}: {note}" for item in batch.items for note in item.notes
        ]
        self.posted += len(result.sends)
        for reason, count in result.held.items():
            self.held[reason.value] = self.held.get(reason.value, 0) + count


async def _audience(connection: AsyncConnection) -> tuple[Topics, tuple[Subscription, ...], tuple[Mute, ...]]:
    return (
        await topics.load(connection),
        await subscriptions.subscriptions(connection),
        await subscriptions.mutes(connection),
    )


class Ingest:
    """Takes sources in. `replay` tells old records on their own clock (the demo, `--as-of`)."""

    def __init__(self, context: Context, *, replay: bool = False) -> None:
        self._context = context
        self._replay = replay

    async def step(
        self, source: Source, *, backfill: int = 0, progressed: Callable[[Summary], None] = lambda _s: None
    ) -> Summary:
        """Take in what is new at a source. A batch and the source's progress are one transaction.

        The first intake is silent but for the newest `backfill` records. An error of the source is
        noted with it and raised.
        """
        db, now = self._context.db, self._context.now
        async with db.write() as connection:
            state = await sources.ensure(connection, source.name, source.kind)
            progress = await sources.progress(connection, state.id)
        summary = Summary()
        try:
            async for batch in source.fetch(progress):
                refused = summary.rejected + len(batch.rejected)
                summary.add(batch, await self._store(batch, state, refused, backfill))
                progressed(summary)
        except Exception as error:
            async with db.write() as connection:
                await sources.failed(connection, state.id, f"{type(error).__name__}: {error}", now())
            raise
        if summary.new or summary.changed:
            self._context.wake()
        return summary

    async def _store(self, batch: Batch, state: SourceState, rejected: int, backfill: int) -> Plan:
        fresh = [item.record for item in batch.items]
        async with self._context.db.intake() as connection:
            # Read only now, as digests do: what came in after one is told by the next.
            now = self._context.now()
            intake = Intake(now, silent=not state.intake_done and not self._replay, replay=self._replay)
            if fresh:
                known = await records.known(connection, fresh, now)
                result = plan(fresh, known, *await _audience(connection), intake, self._context.rules)
                await records.apply(connection, result, state.id, now)
            else:
                result = Plan()
            await sources.advance(
                connection,
                state.id,
                batch.progress,
                taken=result.new + result.changed,
                finished=now if batch.last else None,
                rejected=rejected,
            )
            if backfill and batch.last and not state.intake_done:
                result.sends += await self._backfill(connection, state, backfill, now)
        return result

    async def _backfill(
        self, connection: AsyncConnection, state: SourceState, count: int, now: datetime
    ) -> list[Send]:
        """Announce the newest records of a first intake after all, in the transaction that ends it."""
        newest = await records.by_id(connection, await sources.newest_records(connection, state.id, count))
        known = await records.known(connection, [stored.record for stored in newest.values()], now)
        audience = await _audience(connection)
        result = announce(newest, known, *audience, now, self._context.rules)
        await records.apply(connection, result, state.id, now)
        return result.sends


def report(source: Source, summary: Summary, told: Container[Rejected] = ()) -> None:
    """Log how an intake of the running bot went; nothing where nothing happened.

    `told` are the errors of the last intake: what is still refused is not said again.
    """
    fresh = [error for error in summary.errors if error not in told]
    if summary.new or summary.changed or fresh:
        held = ", ".join(f"{reason}: {count}" for reason, count in sorted(summary.held.items())) or "none"
        log.info(
            "%s: %d new, %d changed, %d rejected; %d posts to send; held back: %s",
            source.name,
            summary.new,
            summary.changed,
            summary.rejected,
            summary.posted,
            held,
        )
    for error in fresh[:MOST_LOGGED]:
        log.warning("%s: item %s: %s", error.path, error.item, error.reason)
    for note in summary.notes[:MOST_LOGGED]:
        log.info("%s", note)
