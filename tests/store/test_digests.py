"""Digests in the database: whose turn it is, and what was told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.domain.posting.digest import Digest, DigestEntry, DigestMention, Section
from bot.domain.stories import story as domain_stories
from bot.store import digests, stories, subscriptions
from bot.store.database import Database
from tests.databases import opened
from tests.make import at, record
from tests.store.store_helpers import CHANNEL, GUILD, ONE, OTHER, TWO, merge, take


@pytest.fixture
async def channels(stores: Database) -> Database:
    """Two channels of which nothing is set."""
    async with stores.write() as connection:
        for channel in (CHANNEL, OTHER):
            await subscriptions.ensure_channel(connection, channel, GUILD)
    return stores


async def due(db: Database, hours: float) -> list[int]:
    async with db.read() as connection:
        return [state.channel_id for state in await digests.due(connection, at(hours))]


async def digest(db: Database, numbers: Sequence[int], hours: float) -> Digest:
    """A digest that tells these stories."""
    async with db.read() as connection:
        views = [
            domain_stories.story_view(story) for story in (await stories.load(connection, numbers)).values()
        ]
    entries = tuple(DigestEntry(view, 1.0) for view in views if view is not None)
    return Digest(at(), at(hours), (Section("AI", entries),))


async def test_a_digest_is_due_from_its_time_on_the_longest_waiting_first(channels: Database) -> None:
    async with channels.write() as connection:
        await digests.plan_next(connection, CHANNEL, at(2))
        await digests.plan_next(connection, OTHER, at(1))
        assert await digests.next_due(connection) == at(1)
    assert await due(channels, 0.9) == []
    assert await due(channels, 1) == [OTHER]
    assert await due(channels, 50) == [OTHER, CHANNEL]


async def test_a_paused_channel_one_that_is_off_and_one_without_a_time_wait(channels: Database) -> None:
    async with channels.write() as connection:
        assert await digests.next_due(connection) is None
        await digests.plan_next(connection, CHANNEL, at(1))
        await subscriptions.pause(connection, CHANNEL, GUILD, "gone", at())
        assert await digests.next_due(connection) is None
    assert await due(channels, 5) == []
    async with channels.write() as connection:
        await subscriptions.resume(connection, [CHANNEL])
        assert await digests.next_due(connection) == at(1)
    assert await due(channels, 5) == [CHANNEL]
    async with channels.write() as connection:
        await subscriptions.set_digest_off(connection, CHANNEL)
        assert await digests.next_due(connection) is None
    assert await due(channels, 5) == []


async def test_a_turn_is_taken_once(channels: Database, store_url: str) -> None:
    async with channels.write() as connection:
        await digests.plan_next(connection, CHANNEL, at(1))

    async def turn(db: Database) -> bool:
        async with db.write() as connection:
            return await digests.turn(connection, CHANNEL, at(1), at(25), at(1.5))

    async with opened(store_url) as other:
        assert sorted(await asyncio.gather(*(turn(db) for db in (channels, other) * 3))) == [False] * 5 + [
            True
        ]
    async with channels.read() as connection:
        state = await subscriptions.channel(connection, CHANNEL)
        untouched = await subscriptions.channel(connection, OTHER)
    assert state is not None
    assert (state.last_digest, state.next_digest) == (at(1.5), at(25))
    assert untouched is not None
    assert untouched.last_digest is None


async def test_a_turn_without_a_time_is_one_too(channels: Database) -> None:
    async with channels.write() as connection:
        assert not await digests.turn(connection, CHANNEL, at(1), None, at(1))
        assert await digests.turn(connection, CHANNEL, None, None, at(1))
        assert not await digests.turn(connection, CHANNEL + 5, None, None, at(1))


async def test_planning_the_next_one_leaves_the_last_one(channels: Database) -> None:
    async with channels.write() as connection:
        await digests.turn(connection, CHANNEL, None, at(5), at(1))
        await digests.plan_next(connection, CHANNEL, None)
        state = await subscriptions.channel(connection, CHANNEL)
    assert state is not None
    assert (state.last_digest, state.next_digest) == (at(1), None)


async def test_one_that_failed_is_put_off_unless_somebody_else_had_its_turn(channels: Database) -> None:
    async with channels.write() as connection:
        await digests.plan_next(connection, CHANNEL, at(1))
        (failed,) = await digests.due(connection, at(1))
        await digests.put_off(connection, failed, at(1.5))
        assert await digests.next_due(connection) == at(1.5)
        await digests.put_off(connection, failed, at(2))
        assert await digests.next_due(connection) == at(1.5)


async def test_one_that_begins_again_tells_of_nothing_before(channels: Database) -> None:
    async def last() -> object:
        state = await subscriptions.channel(connection, CHANNEL)
        assert state is not None
        return state.last_digest

    async with channels.write() as connection:
        await digests.begin_again(connection, CHANNEL, at(9))
        assert await last() is None, "there was never one: it looks back as a first one does"
        await digests.turn(connection, CHANNEL, None, at(5), at(1))
        await digests.begin_again(connection, CHANNEL, at(9))
        assert await last() == at(1), "one is planned, which covers everything"
        await digests.plan_next(connection, CHANNEL, None)
        await digests.begin_again(connection, CHANNEL, at(0.5))
        assert await last() == at(1)
        await digests.begin_again(connection, CHANNEL, at(9))
        assert await last() == at(9)


async def test_what_was_told_is_known_per_channel_and_forgotten_in_time(channels: Database) -> None:
    await take(channels, record(ONE, "a.example"), record(ONE, "b.example"), record(TWO, "c.example"))
    async with channels.write() as connection:
        await digests.remember(connection, CHANNEL, await digest(channels, [1, 2], 1), [1, 2], at())
        await digests.remember(connection, OTHER, await digest(channels, [2], 2), [2], at())
        assert await digests.mentions(connection, CHANNEL) == {
            1: DigestMention(2, at(1)),
            2: DigestMention(1, at(1)),
        }
        assert await digests.mentions(connection, OTHER) == {2: DigestMention(1, at(2))}
    await take(channels, record(TWO, "d.example"))
    async with channels.write() as connection:
        await digests.remember(connection, CHANNEL, await digest(channels, [2], 9), [2], at(5))
        assert await digests.mentions(connection, CHANNEL) == {2: DigestMention(2, at(9))}
        assert await digests.mentions(connection, OTHER) == {2: DigestMention(1, at(2))}


async def test_what_was_told_of_a_merged_story_was_told_of_the_one_that_goes_on(channels: Database) -> None:
    await take(channels, record(ONE, "a.example"), record(TWO, "b.example"), record(TWO, "c.example"))
    async with channels.write() as connection:
        await digests.remember(connection, CHANNEL, await digest(channels, [2], 1), [2], at())
        await digests.remember(connection, OTHER, await digest(channels, [1], 2), [1], at())
        await digests.remember(connection, OTHER, await digest(channels, [2], 3), [2], at())
    await merge(channels, 2, 1)
    async with channels.read() as connection:
        assert await digests.mentions(connection, CHANNEL) == {1: DigestMention(2, at(1))}
        assert (await digests.mentions(connection, OTHER))[1] == DigestMention(1, at(2))


async def test_times_of_turns_are_exact(channels: Database) -> None:
    moment = at() + timedelta(microseconds=1)
    async with channels.write() as connection:
        await digests.plan_next(connection, CHANNEL, moment)
        assert not await digests.turn(connection, CHANNEL, at(), None, at())
        assert await digests.turn(connection, CHANNEL, moment, None, at())
