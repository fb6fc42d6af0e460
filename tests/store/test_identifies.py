"""Shards identify one after the other, whatever process they are in."""

from __future__ import annotations

from datetime import timedelta

from bot.store import identifies
from bot.store.database import Database
from bot.store.identifies import LONGEST_QUEUE, SPACING
from tests.make import Clock

NOW = Clock()()


async def test_the_shards_of_a_bucket_queue_up_and_buckets_and_tokens_do_not_wait_for_each_other(
    stores: Database,
) -> None:
    async with stores.write() as connection:
        queue = [await identifies.reserve(connection, "a", 0, NOW) for _ in range(4)]
        assert queue == [NOW + SPACING * place for place in range(4)]
        assert await identifies.reserve(connection, "a", 1, NOW) == NOW
        assert await identifies.reserve(connection, "b", 0, NOW) == NOW
        later = NOW + timedelta(minutes=1)
        assert await identifies.reserve(connection, "a", 0, later) == later
        assert await identifies.reserve(connection, "a", 0, later) == later + SPACING


async def test_a_clock_that_was_ahead_keeps_no_shard_waiting_for_days(stores: Database) -> None:
    async with stores.write() as connection:
        await identifies.reserve(connection, "a", 0, NOW + timedelta(days=3))
        assert await identifies.reserve(connection, "a", 0, NOW) == NOW
        assert await identifies.reserve(connection, "a", 0, NOW) <= NOW + LONGEST_QUEUE
