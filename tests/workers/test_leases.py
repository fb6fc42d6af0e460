"""Leases of processes that are gone, clocks that are set back, and a delivery that makes no progress."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.store import delivery, outbox, schema
from tests.make import record
from tests.store.store_helpers import ONE, TWO
from tests.workers.desk import BotHarness

HOUR = timedelta(hours=1)


@pytest.fixture
async def due(desk: BotHarness) -> BotHarness:
    """Two messages that are due."""
    await desk.follow()
    await desk.take_in(record(ONE, topics=["AI"]), record(TWO, topics=["AI"]))
    return desk


async def claim(desk: BotHarness, holder: str = "") -> list[outbox.Claimed]:
    async with desk.db.write() as connection:
        return await outbox.claim(connection, desk.clock(), 1, holder=holder)


async def test_leases_of_a_process_that_is_gone_end_and_those_in_doubt_go_first(due: BotHarness) -> None:
    (first,) = await claim(due, "gone")
    await claim(due, "alive")
    due.clock.forward(seconds=1)
    assert await claim(due) == []
    async with due.db.write() as connection:
        assert await delivery.give_back(connection, lambda holder: holder == "gone") == 1
    (again,) = await claim(due)
    assert (again.id, first.in_doubt_since, again.in_doubt_since) == (
        first.id,
        None,
        first.lease_until - outbox.LEASE,
    )


async def test_a_sender_that_takes_over_waits_a_minute_for_what_another_machine_may_be_sending(
    due: BotHarness,
) -> None:
    (other,), (mine,) = await claim(due, "on another machine"), await claim(due, "me")
    async with due.db.write() as connection:
        await delivery.take_over(connection, "me", due.clock())
    due.clock.forward(seconds=outbox.LONGEST_SEND.total_seconds() + 1)
    assert [again.id for again in await claim(due)] == [other.id]
    due.clock.forward(seconds=(outbox.LEASE - outbox.LONGEST_SEND).total_seconds())
    assert [again.id for again in await claim(due)] == [mine.id]


async def test_what_is_given_back_untried_is_not_in_doubt(due: BotHarness) -> None:
    claimed = await claim(due)
    async with due.db.write() as connection:
        await outbox.release(connection, claimed)
    due.clock.forward(seconds=1)
    assert [c.in_doubt_since for c in await claim(due)] == [None]


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_clock_that_is_set_back_delays_nothing(due: BotHarness, is_known: bool) -> None:
    await claim(due)
    latest = due.clock()
    due.clock.forward(hours=-1)
    async with due.db.write() as connection:
        assert await delivery.after_clock_change(connection, due.clock(), latest if is_known else None)
        assert not await delivery.after_clock_change(connection, due.clock(), due.clock())
        until = await connection.scalar(sa.select(sa.func.max(schema.outbox.c.lease_until)))
    assert until is not None
    assert len(await claim(due)) == 1
    due.clock.forward(seconds=outbox.LEASE.total_seconds())
    assert len(await claim(due)) == 1


async def test_a_clock_a_little_behind_that_of_another_machine_sends_nothing_early(due: BotHarness) -> None:
    later = due.clock() + timedelta(minutes=20)
    async with due.db.write() as connection:
        await connection.execute(sa.update(schema.outbox).values(due_at=later))
        due.clock.forward(seconds=-delivery.SKEW.total_seconds())
        assert not await delivery.after_clock_change(connection, due.clock(), None)
        due.clock.forward(seconds=-1)
        assert await delivery.after_clock_change(connection, due.clock(), None) == 2


async def test_it_is_noticed_that_nothing_is_delivered_though_something_is_due(due: BotHarness) -> None:
    async with due.db.read() as connection:
        assert await delivery.stalled(connection, due.clock()) == 0
        assert await delivery.stalled(connection, due.clock() + delivery.STALL) == 2
    await due.deliver()
    async with due.db.read() as connection:
        assert await delivery.stalled(connection, due.clock() + HOUR) == 0


async def test_what_waits_in_a_paused_channel_is_no_stall(due: BotHarness) -> None:
    await due.pause()
    async with due.db.read() as connection:
        assert await delivery.stalled(connection, due.clock() + HOUR) == 0
