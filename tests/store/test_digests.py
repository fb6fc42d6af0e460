"""Digests: exactly once, whatever happens."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time

import sqlalchemy as sa

from bot.domain.digest import Schedule
from bot.domain.model import Mode
from bot.pipeline import digests as pipeline
from bot.pipeline.ingest import Ingest
from bot.store import digests, schema, subscriptions
from bot.store.database import Database
from bot.usecases import digests as use
from bot.usecases.context import Context
from bot.usecases.subscribe import Wish, subscribe
from tests.make import Clock, ListSource, record
from tests.store.conftest import Open

GUILD, CHANNEL = 1 << 60, 2 << 60


async def prepared(db: Database, clock: Clock) -> tuple[Context, Ingest, ListSource]:
    """A channel with a digest of Trains at 09:00 UTC, and a source that is past its first intake."""
    context = Context(db, clock, digest_default=Schedule(time(9), "UTC"))
    ingest, source = Ingest(context), ListSource()
    await ingest.step(source.add(record("An old note on trains", topics=["Trains"], hours=-2000)))
    await subscribe(context, Wish(GUILD, CHANNEL, "Trains", Mode.DIGEST))
    return context, ingest, source


async def sent(db: Database) -> list[str]:
    """The texts of all digests in the outbox, in order."""
    o = schema.outbox
    async with db.read() as connection:
        rows = await connection.execute(sa.select(o.c.payload).where(o.c.kind == "digest").order_by(o.c.id))
    return [embed["description"] for payload in rows.scalars() for embed in payload["embeds"]]


async def test_a_digest_comes_at_its_time_and_once(store: Database, clock: Clock) -> None:
    context, ingest, source = await prepared(store, clock)
    await ingest.step(source.add(record("Night train reaches the coast", topics=["Trains"])))
    assert await pipeline.step(context) == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert await sent(store) == []
    clock.now = datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert await pipeline.step(context) == datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert await pipeline.step(context) == datetime(2026, 3, 4, 9, tzinfo=UTC)
    [text] = await sent(store)
    assert "Night train reaches the coast" in text


async def test_two_processes_send_one_digest(open_db: Open, clock: Clock) -> None:
    one, other = await open_db(), await open_db()
    context, ingest, source = await prepared(one, clock)
    clock.forward(minutes=1)
    await ingest.step(source.add(record("Night train reaches the coast", topics=["Trains"])))
    clock.forward(days=1)
    async with one.read() as connection:
        [state] = await digests.due(connection, clock())
    contexts = [context, Context(other, clock, digest_default=context.digest_default)] * 3
    assert sorted(await asyncio.gather(*(use.send_due(c, state) for c in contexts))) == [0, 0, 0, 0, 0, 1]
    assert len(await sent(one)) == 1


async def test_after_days_of_downtime_one_digest_covers_the_gap(store: Database, clock: Clock) -> None:
    context, ingest, source = await prepared(store, clock)
    clock.now = datetime(2026, 3, 3, 9, tzinfo=UTC)
    await pipeline.step(context)
    clock.forward(hours=1)
    await ingest.step(source.add(record("Night train reaches the coast", topics=["Trains"], hours=20)))
    clock.forward(days=5)
    await pipeline.step(context)
    assert len(await sent(store)) == 1


async def test_an_empty_day_says_nothing_and_the_turn_moves_on(store: Database, clock: Clock) -> None:
    context, _, _ = await prepared(store, clock)
    clock.now = datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert await pipeline.step(context) == datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert await sent(store) == []


async def test_a_story_comes_again_only_when_outlets_joined(store: Database, clock: Clock) -> None:
    context, ingest, source = await prepared(store, clock)
    await ingest.step(
        source.add(record("Crane collapses onto railway line", "one.example", topics=["Trains"]))
    )
    clock.now = datetime(2026, 3, 3, 9, tzinfo=UTC)
    await pipeline.step(context)
    clock.forward(hours=1)
    more = record(
        "Crane collapses onto railway line, trains stop", "two.example", topics=["Trains"], hours=21
    )
    await ingest.step(source.add(more))
    clock.now = datetime(2026, 3, 4, 9, tzinfo=UTC)
    await pipeline.step(context)
    clock.now = datetime(2026, 3, 5, 9, tzinfo=UTC)
    await pipeline.step(context)
    first, second = await sent(store)
    assert "since" not in first
    assert "+1 outlet since yesterday" in second


async def test_a_paused_channel_and_one_that_is_off_get_none(store: Database, clock: Clock) -> None:
    context, ingest, source = await prepared(store, clock)
    await ingest.step(source.add(record("Night train reaches the coast", topics=["Trains"])))
    async with store.write() as connection:
        await subscriptions.pause(connection, CHANNEL, GUILD, "gone", clock())
    clock.forward(days=2)
    await pipeline.step(context)
    assert await sent(store) == []
    async with store.write() as connection:
        await subscriptions.resume(connection, [CHANNEL])
    await use.switch_off(context, CHANNEL)
    assert await pipeline.step(context) is None
    assert await sent(store) == []


async def test_a_schedule_of_its_own_is_kept(store: Database, clock: Clock) -> None:
    context, _, _ = await prepared(store, clock)
    wanted = Schedule(time(7, 30), "Europe/Berlin", frozenset((0, 3)), 5)
    done = await use.set_schedule(context, GUILD, CHANNEL, wanted)
    async with store.read() as connection:
        state = await subscriptions.channel(connection, CHANNEL)
    assert state is not None
    assert state.schedule == wanted
    assert state.next_digest == done.next_digest == wanted.after(clock())
    assert done.topics == ("Trains",)


async def test_sending_now_starts_the_next_one_from_here(store: Database, clock: Clock) -> None:
    context, ingest, source = await prepared(store, clock)
    await ingest.step(source.add(record("Night train reaches the coast", topics=["Trains"])))
    clock.forward(minutes=1)
    assert await use.send_now(context, GUILD, CHANNEL) == 1
    assert await use.send_now(context, GUILD, CHANNEL) == 0
    clock.forward(days=2)
    await pipeline.step(context)
    assert len(await sent(store)) == 1
