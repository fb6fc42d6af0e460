"""Subscriptions, what a channel is set to, and mutes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.domain.model import Mode, Mute, Subscription, Topic, Volume
from bot.store import outbox, subscriptions, topics
from bot.store.database import Database
from bot.store.subscriptions import ChannelState
from tests.databases import opened
from tests.make import at
from tests.store.store_helpers import CHANNEL, GUILD, OTHER

ROLE = (1 << 60) + 9
WISH = Subscription(0, GUILD, CHANNEL, "AI", Mode.BOTH, Volume.MAJOR, ROLE, publish=True)


async def subscribe(db: Database, wanted: Subscription, hours: float = 0) -> None:
    """Subscribe a channel; its topic becomes known."""
    async with db.write() as connection:
        ids = await topics.ensure(connection, [wanted.topic])
        await subscriptions.subscribe(connection, wanted, ids[wanted.topic.casefold()], at(hours))


async def listed(db: Database) -> tuple[Subscription, ...]:
    async with db.read() as connection:
        return await subscriptions.subscriptions(connection)


async def test_a_subscription_comes_back_as_it_was_made(stores: Database) -> None:
    plain = Subscription(0, GUILD, OTHER, "Space")
    await subscribe(stores, WISH)
    await subscribe(stores, plain, hours=1)
    first, second = await listed(stores)
    assert first == replace(WISH, id=first.id, created_at=at())
    assert second == replace(plain, id=second.id, created_at=at(1))


async def test_again_changes_it_and_keeps_its_age(stores: Database) -> None:
    await subscribe(stores, WISH)
    (before,) = await listed(stores)
    changed = Subscription(0, GUILD, CHANNEL, "ai", Mode.DIGEST)
    await subscribe(stores, changed, hours=5)
    assert await listed(stores) == (replace(changed, id=before.id, topic="AI", created_at=at()),)


async def test_they_are_listed_by_server_and_by_channel(stores: Database) -> None:
    everywhere = [
        Subscription(0, GUILD, CHANNEL, "Space"),
        Subscription(0, GUILD, OTHER, "AI"),
        Subscription(0, GUILD + 1, OTHER + 1, "AI"),
        Subscription(0, GUILD, CHANNEL, "AI"),
    ]
    for wanted in everywhere:
        await subscribe(stores, wanted)
    async with stores.read() as connection:

        async def found(**only: object) -> list[tuple[int, str]]:
            rows = await subscriptions.subscriptions(connection, **only)  # type: ignore[arg-type] # either of two
            return [(s.channel_id, s.topic) for s in rows]

        assert await found() == [(s.channel_id, s.topic) for s in everywhere]
        assert await found(guild_id=GUILD) == [(CHANNEL, "Space"), (OTHER, "AI"), (CHANNEL, "AI")]
        assert await found(channel_ids=[CHANNEL, OTHER + 1]) == [
            (CHANNEL, "Space"), (OTHER + 1, "AI"), (CHANNEL, "AI"),
        ]  # fmt: skip
        assert await found(channel_ids=[]) == []
        assert await found(guild_id=GUILD, channel_ids=[OTHER + 1]) == []


async def test_unsubscribing_ends_one(stores: Database) -> None:
    await subscribe(stores, WISH)
    await subscribe(stores, replace(WISH, topic="Space"))
    async with stores.write() as connection:
        ids = await topics.ids(connection)
        assert await subscriptions.unsubscribe(connection, CHANNEL, ids["ai"])
        assert not await subscriptions.unsubscribe(connection, CHANNEL, ids["ai"])
        assert not await subscriptions.unsubscribe(connection, OTHER, ids["space"])
    assert [s.topic for s in await listed(stores)] == ["Space"]


async def test_a_topic_is_shown_by_its_configured_name(stores: Database) -> None:
    await subscribe(stores, replace(WISH, topic="ai"))
    async with stores.write() as connection:
        await topics.define(connection, [Topic("AI", aliases=("Artificial Intelligence",))])
    assert [s.topic for s in await listed(stores)] == ["AI"]


async def test_a_channel_has_a_state_once_something_was_set(stores: Database) -> None:
    async with stores.write() as connection:
        assert await subscriptions.channel(connection, CHANNEL) is None
        await subscriptions.ensure_channel(connection, CHANNEL, GUILD)
        await subscriptions.ensure_channel(connection, CHANNEL, GUILD)
        assert await subscriptions.channel(connection, CHANNEL) == ChannelState(CHANNEL, GUILD)
        assert await subscriptions.channels(connection) == [ChannelState(CHANNEL, GUILD)]
        assert await subscriptions.channels(connection, GUILD + 1) == []


async def test_a_pause_has_its_first_reason_until_it_ends(stores: Database) -> None:
    await subscribe(stores, WISH)
    async with stores.write() as connection:
        assert await subscriptions.pause(connection, CHANNEL, GUILD, "gone", at())
        assert not await subscriptions.pause(connection, CHANNEL, GUILD, "hidden", at(1))
        assert await subscriptions.pause(connection, OTHER, GUILD, "hidden", at())  # nothing was set for it
    assert [s.paused_reason for s in await listed(stores)] == ["gone"]
    async with stores.write() as connection:
        assert await subscriptions.resume(connection, []) == 0
        assert await subscriptions.resume(connection, [CHANNEL, OTHER, OTHER + 1]) == 2
        assert await subscriptions.resume(connection, [CHANNEL]) == 0
    assert [s.paused_reason for s in await listed(stores)] == [""]


async def test_of_a_channel_that_is_gone_nothing_is_kept(stores: Database) -> None:
    async with stores.write() as connection:
        ids = await topics.ensure(connection, ["AI"])
        for channel in (CHANNEL, OTHER):
            await subscriptions.subscribe(connection, replace(WISH, channel_id=channel), ids["ai"], at())
            await subscriptions.mute(connection, GUILD, channel, "Crypto")
            row = outbox.new_row(outbox.DIGEST, str(channel), GUILD, channel, at(), payload={})
            await outbox.enqueue(connection, row)
        await subscriptions.mute(connection, GUILD, None, "Crypto")
    async with stores.write() as connection:
        assert await subscriptions.remove_channel(connection, CHANNEL)
        assert not await subscriptions.remove_channel(connection, CHANNEL)
        assert await subscriptions.channel(connection, CHANNEL) is None
        assert [c.channel_id for c in await outbox.claim(connection, at(), 50)] == [OTHER]
        assert [m.channel_id for m in await subscriptions.mutes(connection)] == [OTHER, None]
    assert [s.channel_id for s in await listed(stores)] == [OTHER]


async def test_mutes_of_a_channel_and_of_its_server(stores: Database) -> None:
    async with stores.write() as connection:
        for channel, value in (
            (None, "a.example"),
            (CHANNEL, "Crypto"),
            (OTHER, "Crypto"),
            (CHANNEL, "CRYPTO"),
        ):
            await subscriptions.mute(connection, GUILD, channel, value)
        await subscriptions.mute(connection, GUILD + 1, None, "Elsewhere")
        everything = await subscriptions.mutes(connection)
        assert [(m.guild_id, m.channel_id, m.value) for m in everything] == [
            (GUILD, None, "a.example"),
            (GUILD, CHANNEL, "Crypto"),
            (GUILD, OTHER, "Crypto"),
            (GUILD + 1, None, "Elsewhere"),
        ]
        here = await subscriptions.mutes_in(connection, GUILD, CHANNEL)
        assert [m.value for m in here] == ["a.example", "Crypto"]
        assert len(await subscriptions.mutes(connection, GUILD + 1)) == 1


async def test_a_mute_is_taken_back_where_it_was_made(stores: Database) -> None:
    async with stores.write() as connection:
        await subscriptions.mute(connection, GUILD, CHANNEL, "Straße")
        assert not await subscriptions.unmute(connection, GUILD, None, "Straße")
        assert not await subscriptions.unmute(connection, GUILD + 1, CHANNEL, "Straße")
        assert await subscriptions.unmute(connection, GUILD, CHANNEL, "STRASSE")
        assert await subscriptions.mutes(connection) == ()


async def test_the_same_wish_from_two_processes_is_one(stores: Database, store_url: str) -> None:
    async with stores.write() as connection:
        ids = await topics.ensure(connection, ["AI"])

    async def both(db: Database) -> None:
        async with db.write() as connection:
            await subscriptions.subscribe(connection, WISH, ids["ai"], at())
            await subscriptions.mute(connection, GUILD, None, "Crypto")

    async with opened(store_url) as other:
        await asyncio.gather(*(both(db) for db in (stores, other) * 3))
    assert len(await listed(stores)) == 1
    async with stores.read() as connection:
        (mute,) = await subscriptions.mutes(connection)
    assert mute == Mute(mute.id, GUILD, None, "Crypto")
