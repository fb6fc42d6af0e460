"""The outbox: claimed by one worker, settled once, never forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import sqlalchemy as sa

from bot.domain.retry import Drop, Got, Outcome, Pause, Retry, Sent, Verdict
from bot.store import outbox, schema, subscriptions
from bot.store.database import Database
from bot.store.outbox import Claimed
from tests.make import Clock
from tests.store.conftest import Open

GUILD, CHANNEL = 1 << 60, 2 << 60
INTERVAL = timedelta(seconds=60)
OK = Outcome(Got.OK, message_id=77, shown="look")


async def owe(store: Database, clock: Clock, name: str, *, priority: int = 0, kind: str = outbox.DIGEST,
              channel: int = CHANNEL) -> None:  # fmt: skip
    """Owe a channel a message."""
    row = outbox.new_row(
        kind,
        name,
        GUILD,
        channel,
        clock(),
        payload={"text": name},
        priority=priority,
        message_id=5 if kind == outbox.PUBLISH else None,
    )
    async with store.write() as connection:
        await outbox.enqueue(connection, row)


async def claim(store: Database, clock: Clock, limit: int = 10) -> list[Claimed]:
    async with store.write() as connection:
        return await outbox.claim(connection, clock(), limit)


async def settle(store: Database, clock: Clock, claimed: Claimed, outcome: Outcome, verdict: Verdict) -> bool:
    async with store.write() as connection:
        return await outbox.settle(connection, claimed, outcome, verdict, clock(), INTERVAL)


async def next_due(store: Database, clock: Clock) -> object:
    async with store.read() as connection:
        return await outbox.next_due(connection, clock())


async def test_the_same_message_is_owed_once(store: Database, clock: Clock) -> None:
    await owe(store, clock, "one")
    await owe(store, clock, "one")
    assert len(await claim(store, clock)) == 1


async def test_two_workers_never_hold_the_same_message(open_db: Open, clock: Clock) -> None:
    one, other = await open_db(), await open_db()
    for number in range(40):
        await owe(one, clock, str(number))
    taken = await asyncio.gather(*(claim(worker, clock, 5) for worker in (one, other) * 4))
    ids = [claimed.id for part in taken for claimed in part]
    assert len(ids) == len(set(ids)) == 40


async def test_the_biggest_go_first(store: Database, clock: Clock) -> None:
    for name, priority in (("small", 1), ("big", 300), ("middle", 70)):
        await owe(store, clock, name, priority=priority)
    assert [c.payload for c in await claim(store, clock)] == [{"text": n} for n in ("big", "middle", "small")]


async def test_a_lease_that_ran_out_is_taken_again_with_the_same_nonce(store: Database, clock: Clock) -> None:
    await owe(store, clock, "one")
    [first] = await claim(store, clock)
    assert await claim(store, clock) == []
    clock.forward(seconds=outbox.LEASE.total_seconds())
    [second] = await claim(store, clock)
    assert (second.id, second.nonce) == (first.id, first.nonce)
    assert len(first.nonce) <= 25
    assert second.attempt == 2
    assert not await settle(store, clock, first, OK, Sent()), "the first worker has lost it"
    assert await settle(store, clock, second, OK, Sent())


async def test_what_was_sent_is_due_no_more(store: Database, clock: Clock) -> None:
    await owe(store, clock, "one")
    [claimed] = await claim(store, clock)
    await settle(store, clock, claimed, OK, Sent())
    clock.forward(days=1)
    assert await claim(store, clock) == []
    assert await next_due(store, clock) is None


async def test_a_change_while_it_was_on_its_way_brings_it_back(store: Database, clock: Clock) -> None:
    await owe(store, clock, "one")
    [claimed] = await claim(store, clock)
    async with store.write() as connection:
        await connection.execute(sa.update(schema.outbox).values(revision=schema.outbox.c.revision + 1))
    await settle(store, clock, claimed, OK, Sent())
    assert await claim(store, clock) == []
    assert await next_due(store, clock) == clock() + INTERVAL
    clock.forward(seconds=60)
    [again] = await claim(store, clock)
    assert again.message_id == 77


async def test_verdicts_are_obeyed(store: Database, clock: Clock) -> None:
    await owe(store, clock, "later")
    [claimed] = await claim(store, clock)
    at = clock() + timedelta(minutes=5)
    await settle(store, clock, claimed, Outcome(Got.UNREACHABLE), Retry(at, "no network"))
    assert await claim(store, clock) == []
    assert await next_due(store, clock) == at
    clock.forward(minutes=5)
    [claimed] = await claim(store, clock)
    await settle(store, clock, claimed, Outcome(Got.REFUSED, 400), Drop("refused"))
    clock.forward(days=1)
    assert await claim(store, clock) == []
    async with store.read() as connection:
        assert await outbox.given_up(connection, GUILD, clock() - timedelta(days=2)) == [(CHANNEL, "refused")]


async def test_a_paused_channel_waits_and_goes_on(store: Database, clock: Clock) -> None:
    await owe(store, clock, "one")
    await owe(store, clock, "elsewhere", channel=CHANNEL + 1)
    [claimed] = [c for c in await claim(store, clock) if c.channel_id == CHANNEL]
    await settle(store, clock, claimed, Outcome(Got.REFUSED, 403), Pause("no permission"))
    async with store.write() as connection:
        assert await subscriptions.pause(connection, CHANNEL, GUILD, "no permission", clock())
        assert not await subscriptions.pause(connection, CHANNEL, GUILD, "again", clock())
    clock.forward(hours=1)
    assert [c.channel_id for c in await claim(store, clock)] == [CHANNEL + 1]
    async with store.write() as connection:
        assert await subscriptions.resume(connection, [CHANNEL]) == 1
    assert [c.channel_id for c in await claim(store, clock)] == [CHANNEL]


async def test_what_was_given_back_untried_counts_no_attempt(store: Database, clock: Clock) -> None:
    await owe(store, clock, "one")
    claimed = await claim(store, clock)
    async with store.write() as connection:
        await outbox.release(connection, claimed)
    [again] = await claim(store, clock)
    assert again.attempt == 1


async def test_ten_an_hour_are_published_the_biggest_first(store: Database, clock: Clock) -> None:
    for number in range(13):
        await owe(store, clock, str(number), priority=number, kind=outbox.PUBLISH)
    assert await claim(store, clock) == [], "publishing is a queue of its own"

    async def publish() -> list[int]:
        async with store.write() as connection:
            taken = await outbox.claim_publishing(connection, clock(), 50)
        for claimed in taken:
            await settle(store, clock, claimed, OK, Sent())
        return [claimed.priority for claimed in taken]

    assert await publish() == list(range(12, 2, -1))
    clock.forward(minutes=59)
    assert await publish() == []
    clock.forward(minutes=2)
    assert await publish() == [2, 1, 0]


async def test_the_next_due_time_is_never_one_at_which_nothing_can_be_claimed(
    store: Database, clock: Clock
) -> None:
    """Else the worker would spin."""
    for number in range(12):
        await owe(store, clock, str(number), kind=outbox.PUBLISH)
    async with store.write() as connection:
        for claimed in await outbox.claim_publishing(connection, clock(), 50):
            await outbox.settle(connection, claimed, OK, Sent(), clock(), INTERVAL)
    clock.forward(seconds=10)
    assert await next_due(store, clock) is None
