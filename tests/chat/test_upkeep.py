"""Channels and roles that were deleted, while the bot was there or away."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.domain.posting.face import Face, WebhookKey
from bot.services import subscribe
from bot.store import faces, schema
from tests.chat.followers import follow
from tests.chat.world import METRO, ROCKET, World, seen
from tests.make import record
from tests.shown import plain, shown


async def nothing(*_: object) -> bool:
    """As if nobody had told."""
    return False


async def test_a_deleted_role_is_neither_pinged_nor_named(world: World) -> None:
    role, other = world.role("readers"), world.role("others")
    await follow(world, "AI", mention_role_id=role.id)
    await follow(world, "Computer Vision", mention_role_id=other.id)
    world.env.backend.delete_role(world.guild.id, role.id)
    await world.report(record(METRO[0], quality=80))
    assert shown(world.posts()[0]).lines[0] == other.mention
    listed = seen(await world.ask("subscriptions"))
    assert role.mention not in listed
    assert other.mention in listed
    assert "pings" not in seen(await world.ask("subscribe", topic="AI", volume="everything"))


async def test_a_role_that_was_deleted_while_the_bot_was_away_is_forgotten_at_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = world.role("readers")
    await follow(world, "AI", mention_role_id=role.id)
    with monkeypatch.context() as away:
        away.setattr(subscribe, "keep_roles", nothing)
        world.env.backend.delete_role(world.guild.id, role.id)
        await world.env.settle()
    await world.restart()
    async with world.app.context.db.read() as connection:
        from bot.store import subscriptions

        (own,) = await subscriptions.subscriptions(connection)
    assert own.mention_role_id is None


async def test_what_a_channel_without_subscriptions_had_is_forgotten_at_the_start_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, alerted, hidden = (
        world.guild.create_text_channel(name) for name in ("named", "alerted", "hidden")
    )
    async with world.app.context.db.write() as connection:
        for number, channel in enumerate((named, hidden), 1):
            await faces.put(connection, Face(world.guild.id, channel.id, WebhookKey(number, "token")))
    for channel in (alerted, hidden):
        await world.ask("alert channel", channel=channel)
        await world.ask("alert create", query=f"metro {channel.name}", channel=channel)
    world.deny(hidden, view_channel=True)
    with monkeypatch.context() as away:
        away.setattr(subscribe, "forget_channel", nothing)
        for channel in (named, alerted):
            world.env.backend.delete_channel(channel.id)
        await world.env.settle()
    await world.restart()
    async with world.app.context.db.read() as connection:
        for table in (schema.faces, schema.alert_channels, schema.alerts):
            left = (await connection.execute(sa.select(table.c.channel_id))).scalars()
            assert list(left) == [hidden.id]


async def test_a_channel_that_was_deleted_while_the_bot_was_away_is_forgotten_at_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, hidden = (world.guild.create_text_channel(name) for name in ("gone", "hidden"))
    await follow(world, "Space", gone, hidden, world.news)
    await world.ask("mute", what="quay.example", channel=gone)
    world.deny(hidden, view_channel=True)
    with monkeypatch.context() as away:
        away.setattr(subscribe, "forget_channel", nothing)
        world.env.backend.delete_channel(gone.id)
        await world.env.settle()
    await world.restart()
    listed = seen(await world.ask("subscriptions"))
    assert gone.mention not in listed
    assert hidden.mention in listed
    assert "quay" not in seen(await world.ask("mute"))
    await world.report(record(ROCKET[0], quality=80))
    assert len(world.posts()) == 1
    assert world.sends(gone) == []


async def test_an_archived_thread_is_not_taken_for_a_deleted_one(world: World) -> None:
    thread = world.thread()
    await follow(world, "Space", thread)
    world.close(thread)
    await world.restart()
    assert thread.mention in seen(await world.ask("subscriptions"))


async def test_what_a_channel_follows_that_cannot_be_picked_can_be_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = world.guild.create_text_channel("gone")
    for topic in ("Space", "AI"):
        await world.ask("subscribe", topic=topic, channel=gone)
    with monkeypatch.context() as away:
        away.setattr(subscribe, "forget_channel", nothing)
        world.env.backend.delete_channel(gone.id)
        await world.env.settle()
    assert "If it was deleted, use /unsubscribe" in plain(seen(await world.ask("subscriptions")))
    offered = await world.typing("unsubscribe", "topic", "")
    assert offered[f"Space in the missing channel {gone.id}"] == f"{gone.id} Space"
    text = seen(await world.ask("unsubscribe", topic=f"{gone.id} space"))
    assert f"The missing channel {gone.id} no longer follows **Space**." in text
    await world.ask("unsubscribe", topic=f"{gone.id} AI")
    assert gone.mention not in seen(await world.ask("subscriptions"))
    assert gone.mention not in seen(await world.ask("status"))


async def test_the_lost_channel_of_another_server_cannot_be_named(world: World) -> None:
    elsewhere = world.env.create_guild("Elsewhere")
    owner, lobby = elsewhere.add_member(elsewhere.owner), elsewhere.create_text_channel("lobby")
    await world.ask("subscribe", by=owner, at=lobby, topic="Space")
    assert "is not subscribed" in await world.refused("unsubscribe", topic=f"{lobby.id} Space")
    assert "Space" in seen(await world.ask("subscriptions", by=owner, at=lobby))
