"""Digests in the database: whose turn it is, and what was told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import time, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Topic
from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.posting.digest import Digest, DigestEntry, DigestMention, Section
from bot.domain.posting.schedule import DigestStyle, Schedule
from bot.domain.stories import story as domain_stories
from bot.store import digests, servers, stories, subscriptions, topics
from bot.store.database import Database
from tests.databases import opened
from tests.make import at, record
from tests.store.store_helpers import CHANNEL, GUILD, ONE, OTHER, TWO, merge, take

HERE, THERE = 1, 2  # the digests' ids
DAILY = Schedule(time(9), "UTC")


@pytest.fixture
async def channels(stores: Database) -> Database:
    """Two channels with a digest each of which nothing is set."""
    async with stores.write() as connection:
        for channel in (CHANNEL, OTHER):
            await subscriptions.ensure_channel(connection, channel, GUILD)
            await digests.add(connection, ChannelDigest(0, GUILD, channel), None, at())
    return stores


async def due(db: Database, hours: float) -> list[int]:
    async with db.read() as connection:
        return [digest.channel_id for digest in await digests.due(connection, at(hours))]


async def of(connection: AsyncConnection, digest_id: int) -> ChannelDigest:
    """A digest as it is stored."""
    [digest] = await digests.stored(connection, ids=[digest_id])
    return digest


async def digest(db: Database, numbers: Sequence[int], hours: float) -> Digest:
    """A digest that tells these stories."""
    async with db.read() as connection:
        views = [
            domain_stories.story_view(story) for story in (await stories.load(connection, numbers)).values()
        ]
    entries = tuple(DigestEntry(view, 1.0) for view in views if view is not None)
    return Digest(at(), at(hours), (Section("AI", entries),))


async def test_a_digest_comes_back_as_it_was_set(channels: Database) -> None:
    weekly = Schedule(time(7, 5), "Europe/Berlin", frozenset((6, 0, 3)), 5, DigestStyle.HEADLINES)
    async with channels.write() as connection:
        topic_id = (await topics.ensure(connection, ["Space"]))["space"]
        wish = ChannelDigest(0, GUILD, CHANNEL, "Sky", "Space", weekly, next_at=at(5))
        added = await digests.add(connection, wish, topic_id, at(1))
        assert added == replace(wish, id=3, created_at=at(1))
        assert await of(connection, 3) == added
        await digests.set_off(connection, CHANNEL, off=True)
        assert await of(connection, 3) == replace(added, next_at=None)
        later = replace(added, name="", topic=None, schedule=Schedule(time(0), "UTC"), next_at=at(6))
        await digests.change(connection, later, None)
        assert await of(connection, 3) == later
        await digests.change(connection, replace(later, schedule=None), None)
        assert await of(connection, 3) == replace(later, schedule=None)
        assert [d.id for d in await digests.stored(connection, channel_ids=[CHANNEL])] == [HERE, 3]
        assert [d.id for d in await digests.stored(connection, guild_id=GUILD)] == [HERE, THERE, 3]
        assert await digests.stored(connection, guild_id=GUILD + 1) == ()


async def test_only_digests_that_somebody_set_are_counted(channels: Database) -> None:
    async with channels.write() as connection:
        assert await digests.count(connection, GUILD) == 0
        await digests.add(connection, ChannelDigest(0, GUILD, CHANNEL, schedule=DAILY), None, at())
        assert (await digests.count(connection, GUILD), await digests.count(connection, GUILD + 1)) == (1, 0)


async def test_the_id_of_a_removed_digest_is_not_used_again(channels: Database) -> None:
    """Its message may still wait, and must not pass for one of the next digest."""
    await take(channels, record(ONE, "a.example"))
    async with channels.write() as connection:
        await digests.remember(connection, THERE, await digest(channels, [1], 1), [1], at())
        await digests.remove(connection, [THERE])
        added = await digests.add(connection, ChannelDigest(0, GUILD, OTHER), None, at())
        assert added.id == 3
        assert await digests.mentions(connection, THERE) == {}
        assert await digests.stored(connection, ids=[THERE]) == ()


async def test_with_a_deleted_channel_its_digests_go_and_no_others(channels: Database) -> None:
    await take(channels, record(ONE, "a.example"))
    async with channels.write() as connection:
        for digest_id in (HERE, THERE):
            await digests.remember(connection, digest_id, await digest(channels, [1], 1), [1], at())
        await subscriptions.remove_channel(connection, CHANNEL)
        assert [d.id for d in await digests.stored(connection)] == [THERE]
        assert await digests.mentions(connection, HERE) == {}
        assert await digests.mentions(connection, THERE) != {}


async def test_digests_of_a_server_that_was_left_rest(channels: Database) -> None:
    async with channels.write() as connection:
        await digests.plan_next(connection, HERE, at(1))
        await servers.leave(connection, [GUILD], at())
        assert await digests.next_due(connection) is None
        assert await digests.stored(connection) == ()
    assert await due(channels, 5) == []
    async with channels.write() as connection:
        await servers.come_back(connection, GUILD)
    assert await due(channels, 5) == [CHANNEL]


async def test_the_topic_of_a_digest_alone_is_one_that_feeds_are_read_for(channels: Database) -> None:
    async with channels.write() as connection:
        topic_id = (await topics.ensure(connection, ["Space"]))["space"]
        assert await topics.followed(connection) == frozenset()
        wish = ChannelDigest(0, GUILD, CHANNEL, topic="Space", schedule=DAILY)
        await digests.add(connection, wish, topic_id, at())
        assert len(await topics.followed(connection)) == 1
        await servers.leave(connection, [GUILD], at())
        assert await topics.followed(connection) == frozenset()


async def test_a_topic_that_is_another_name_of_a_defined_one_hands_on_its_digests(channels: Database) -> None:
    async with channels.write() as connection:
        topic_id = (await topics.ensure(connection, ["Outer space"]))["outer space"]
        wish = ChannelDigest(0, GUILD, CHANNEL, topic="Outer space", schedule=DAILY)
        await digests.add(connection, wish, topic_id, at())
        await topics.define(connection, [Topic("Space", aliases=("Outer space",))])
        assert (await of(connection, 3)).topic == "Space"


async def test_a_digest_is_due_from_its_time_on_the_longest_waiting_first(channels: Database) -> None:
    async with channels.write() as connection:
        await digests.plan_next(connection, HERE, at(2))
        await digests.plan_next(connection, THERE, at(1))
        assert await digests.next_due(connection) == at(1)
    assert await due(channels, 0.9) == []
    assert await due(channels, 1) == [OTHER]
    assert await due(channels, 50) == [OTHER, CHANNEL]


async def test_a_paused_channel_one_that_is_off_and_one_without_a_time_wait(channels: Database) -> None:
    async with channels.write() as connection:
        assert await digests.next_due(connection) is None
        await digests.plan_next(connection, HERE, at(1))
        await subscriptions.pause(connection, CHANNEL, GUILD, "gone", at())
        assert await digests.next_due(connection) is None
    assert await due(channels, 5) == []
    async with channels.write() as connection:
        await subscriptions.resume(connection, [CHANNEL])
        assert await digests.next_due(connection) == at(1)
    assert await due(channels, 5) == [CHANNEL]
    async with channels.write() as connection:
        await digests.set_off(connection, CHANNEL, off=True)
        assert await digests.next_due(connection) is None
    assert await due(channels, 5) == []


async def test_a_turn_is_taken_once(channels: Database, store_url: str) -> None:
    async with channels.write() as connection:
        await digests.plan_next(connection, HERE, at(1))
        planned = await of(connection, HERE)

    async def turn(db: Database) -> bool:
        async with db.write() as connection:
            return await digests.turn(connection, planned, at(25), at(1.5))

    async with opened(store_url) as other:
        assert sorted(await asyncio.gather(*(turn(db) for db in (channels, other) * 3))) == [False] * 5 + [
            True
        ]
    async with channels.read() as connection:
        digest, untouched = await of(connection, HERE), await of(connection, THERE)
    assert (digest.covered_until, digest.next_at) == (at(1.5), at(25))
    assert untouched.covered_until is None


async def test_a_turn_without_a_time_is_one_too(channels: Database) -> None:
    async with channels.write() as connection:
        unplanned = await of(connection, HERE)
        assert not await digests.turn(connection, replace(unplanned, next_at=at(1)), None, at(1))
        assert await digests.turn(connection, unplanned, None, at(1))
        assert not await digests.turn(connection, replace(unplanned, id=77), None, at(1))


async def test_planning_the_next_one_leaves_the_last_one(channels: Database) -> None:
    async with channels.write() as connection:
        await digests.turn(connection, await of(connection, HERE), at(5), at(1))
        await digests.plan_next(connection, HERE, None)
        digest = await of(connection, HERE)
    assert (digest.covered_until, digest.next_at) == (at(1), None)


async def test_one_that_failed_is_put_off_unless_somebody_else_had_its_turn(channels: Database) -> None:
    async with channels.write() as connection:
        await digests.plan_next(connection, HERE, at(1))
        (failed,) = await digests.due(connection, at(1))
        await digests.put_off(connection, failed, at(1.5))
        assert await digests.next_due(connection) == at(1.5)
        await digests.put_off(connection, failed, at(2))
        assert await digests.next_due(connection) == at(1.5)


async def test_one_that_begins_again_tells_of_nothing_before(channels: Database) -> None:
    async def last() -> object:
        return (await of(connection, HERE)).covered_until

    async with channels.write() as connection:
        await digests.begin_again(connection, HERE, at(9))
        assert await last() is None, "there was never one: it looks back as a first one does"
        await digests.turn(connection, await of(connection, HERE), at(5), at(1))
        await digests.begin_again(connection, HERE, at(9))
        assert await last() == at(1), "one is planned, which covers everything"
        await digests.plan_next(connection, HERE, None)
        await digests.begin_again(connection, HERE, at(0.5))
        assert await last() == at(1)
        await digests.begin_again(connection, HERE, at(9))
        assert await last() == at(9)


async def test_what_was_told_is_known_per_digest_and_forgotten_in_time(channels: Database) -> None:
    await take(channels, record(ONE, "a.example"), record(ONE, "b.example"), record(TWO, "c.example"))
    async with channels.write() as connection:
        await digests.remember(connection, HERE, await digest(channels, [1, 2], 1), [1, 2], at())
        await digests.remember(connection, THERE, await digest(channels, [2], 2), [2], at())
        assert await digests.mentions(connection, HERE) == {
            1: DigestMention(2, at(1)),
            2: DigestMention(1, at(1)),
        }
        assert await digests.mentions(connection, THERE) == {2: DigestMention(1, at(2))}
    await take(channels, record(TWO, "d.example"))
    async with channels.write() as connection:
        await digests.remember(connection, HERE, await digest(channels, [2], 9), [2], at(5))
        assert await digests.mentions(connection, HERE) == {2: DigestMention(2, at(9))}
        assert await digests.mentions(connection, THERE) == {2: DigestMention(1, at(2))}


async def test_what_was_told_of_a_merged_story_was_told_of_the_one_that_goes_on(channels: Database) -> None:
    await take(channels, record(ONE, "a.example"), record(TWO, "b.example"), record(TWO, "c.example"))
    async with channels.write() as connection:
        await digests.remember(connection, HERE, await digest(channels, [2], 1), [2], at())
        await digests.remember(connection, THERE, await digest(channels, [1], 2), [1], at())
        await digests.remember(connection, THERE, await digest(channels, [2], 3), [2], at())
    await merge(channels, 2, 1)
    async with channels.read() as connection:
        assert await digests.mentions(connection, HERE) == {1: DigestMention(2, at(1))}
        assert (await digests.mentions(connection, THERE))[1] == DigestMention(1, at(2))


async def test_times_of_turns_are_exact(channels: Database) -> None:
    moment = at() + timedelta(microseconds=1)
    async with channels.write() as connection:
        await digests.plan_next(connection, HERE, moment)
        planned = await of(connection, HERE)
        assert not await digests.turn(connection, replace(planned, next_at=at()), None, at())
        assert await digests.turn(connection, planned, None, at())
