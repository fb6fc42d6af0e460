"""Discord fails, permissions go, moderators delete: nothing is lost, nothing is said twice."""

from __future__ import annotations

from typing import Any

import discord
import pytest
import sqlalchemy as sa
from simcord.backend import serializers
from simcord.builders import ChannelHandle

from bot.chat import lookup
from bot.domain.model import StoryView, Volume
from bot.messages import story
from bot.messages.message import Message
from bot.store import schema
from bot.store.outbox import DIGEST, ROLLUP, STORY
from tests.chat.followers import follow, following
from tests.chat.world import METRO, ROCKET, WHALES, World, body, seen, unrelated
from tests.form import sized
from tests.make import at, record
from tests.shown import plain, shown


async def test_a_retry_carries_the_same_nonce_and_has_discord_enforce_it(world: World) -> None:
    await follow(world, "Space")
    world.env.inject_error("POST", "/channels/*/messages", status=500, times=2)
    await world.report(*unrelated(2))
    for _ in range(4):
        world.clock.forward(seconds=30)
        await world.deliver()
    sends = world.sends()
    assert len(world.posts()) == 2
    assert len(sends) == 4
    assert all(body(send)["enforce_nonce"] is True for send in sends)
    nonces = [body(send)["nonce"] for send in sends]
    assert all(isinstance(nonce, str) and 1 <= len(nonce) <= 25 for nonce in nonces)
    titles = [shown(body(send)).title for send in sends]
    assert len({*zip(nonces, titles, strict=True)}) == len({*nonces}) == 2


async def test_a_nonce_outlives_a_restart(world: World) -> None:
    await follow(world, "Space")
    world.env.inject_error("POST", "/channels/*/messages", status=503)
    await world.report(record(ROCKET[0], quality=80))
    await world.restart()
    world.clock.forward(minutes=1)
    await world.deliver()
    first, second = world.sends()
    assert body(first)["nonce"] == body(second)["nonce"]
    assert len(world.posts()) == 1


async def send_every_kind(world: World) -> list[ChannelHandle]:
    """A post, a first post, lists of what a limit and quiet hours hold back, and a digest, each in a channel of its own."""
    kinds = ("posts", "first-posts", "lists", "quiet", "digests")
    plain_posts, first_posts, lists, quiet, digests = channels = [
        *map(world.guild.create_text_channel, kinds)
    ]
    stories = iter(unrelated(8))
    world.new_source()
    await world.take_in(next(stories))
    await world.ask("subscribe", topic="Space", channel=first_posts)
    await world.deliver()
    assert world.posts(first_posts)
    await follow(world, "Space", plain_posts, lists, quiet, volume=Volume.EVERYTHING)
    await world.ask("subscribe", topic="Space", mode="digest", channel=digests)
    await world.ask("post-limit", per_hour=1, at=lists)
    await world.ask("quiet-hours set", start="11:00", end="13:00", timezone="UTC", at=quiet)
    await world.report(*stories)
    world.clock.forward(hours=2)
    await world.deliver()
    world.clock.forward(hours=21)
    await world.digest()
    return channels


async def test_whatever_the_bot_died_with_before_it_noted_it_is_found_again(world: World) -> None:
    for channel in await send_every_kind(world):
        assert world.posts(channel), channel.name
    outbox = schema.outbox
    places = sa.select(outbox.c.kind, outbox.c.message_id).where(outbox.c.message_id.is_not(None))
    async with world.app.context.db.write() as connection:
        before = (await connection.execute(places.order_by(outbox.c.id))).all()
        assert {row.kind for row in before} == {STORY, ROLLUP, DIGEST}
        begun = discord.utils.snowflake_time(before[0].message_id)
        died = {
            "message_id": None,
            "sent_at": None,
            "shown": "",
            "begun_at": begun,
            "due_at": world.clock(),
        }
        await connection.execute(sa.update(outbox).where(outbox.c.message_id.is_not(None)).values(**died))
    sent = len(world.sends())
    world.clock.forward(minutes=3)
    await world.restart()
    await world.deliver()
    async with world.app.context.db.read() as connection:
        assert (await connection.execute(places.order_by(outbox.c.id))).all() == before
    assert len(world.sends()) == sent


@pytest.mark.parametrize("bound", ["MOST_MESSAGES", "MOST_POSTS"])
async def test_a_message_that_may_stand_beyond_what_is_read_is_given_up_with_a_reason(
    world: World, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: dict[str, Any] = {"channel": world.forum()} if bound == "MOST_POSTS" else {}
    await world.ask("subscribe", topic="Space", volume="everything", **place)
    await world.report(*unrelated(3))
    outbox = schema.outbox
    async with world.app.context.db.write() as connection:
        ids = (
            (await connection.execute(sa.select(outbox.c.message_id).order_by(outbox.c.message_id)))
            .scalars()
            .all()
        )
        died = {"message_id": None, "thread_id": None, "sent_at": None, "shown": "", "due_at": world.clock()}
        begun = discord.utils.snowflake_time(ids[0])
        last = sa.update(outbox).where(outbox.c.message_id == ids[-1])
        await connection.execute(last.values(begun_at=begun, **died))
    sent = len(world.sends())
    monkeypatch.setattr(lookup, bound, 2 if bound == "MOST_MESSAGES" else 0)
    await world.deliver()
    assert len(world.sends()) == sent
    answer = await world.ask("status")
    assert "cannot tell because too much was written" in shown(answer).text


async def test_an_outage_loses_nothing(world: World) -> None:
    await follow(world, "AI")
    await world.ask("subscribe", topic="Space", mode="both")
    await world.report(record(METRO[0], "a.example", quality=80))
    world.env.inject_error("*", "/channels/*", status=503, times=None)
    stories = unrelated(5)
    await world.report(*stories, record(METRO[1], "b.example", quality=90))
    hours = sized(3, 1)
    for _ in range(24 // hours):
        world.clock.forward(hours=hours)
        await world.digest()
    assert len(world.posts()) == 1
    assert "7 messages waiting" in seen(await world.ask("status"))
    assert "paused" not in seen(await world.ask("subscriptions"))
    world.env.backend.faults.clear()
    for _ in range(3):
        world.clock.forward(minutes=31)
        await world.deliver()
    posts = [post for post in world.posts() if "Daily digest" not in seen(post)]
    assert sorted(shown(post).title for post in posts) == sorted([METRO[1], *(s.title for s in stories)])
    assert len([post for post in world.posts() if "Daily digest" in seen(post)]) == 1
    assert "0 messages waiting" in seen(await world.ask("status"))


async def test_tries_become_rare_in_an_outage(world: World) -> None:
    await follow(world, "Space")
    world.env.inject_error("POST", "/channels/*/messages", status=500, times=None)
    await world.report(record(ROCKET[0], quality=80))
    minutes = sized(3, 1)
    for _ in range(60 // minutes):
        world.clock.forward(minutes=minutes)
        await world.deliver()
    assert 5 < len(world.sends()) < 12


async def test_a_permission_that_goes_pauses_the_channel_and_one_that_comes_back_resumes_it(
    world: World,
) -> None:
    other = world.guild.create_text_channel("other")
    await follow(world, "Space", world.news, other)
    world.deny(world.news, send_messages=True)
    stories = unrelated(3)
    await world.report(*stories)
    assert len(world.posts(other)) == 3
    assert len(world.sends()) == 1  # the others wait without trying
    reason = "the bot cannot post there. Give it Send Messages and Embed Links in the channel"
    assert f"⚠️ This channel is paused: {reason}" in plain(seen(await world.ask("subscriptions")))
    assert f"• {world.news.mention}: {reason}" in plain(seen(await world.ask("status")))
    await world.app.mend()
    assert await world.later() == 0
    world.mend(world.news)
    await world.app.mend()
    await world.deliver()
    assert sorted(shown(p).title for p in world.posts()) == sorted(s.title for s in stories)
    assert "paused" not in seen(await world.ask("subscriptions"))
    assert "Paused" not in seen(await world.ask("status"))
    assert f"channel {world.news.id} has resumed" in world.caplog.text


async def test_a_permission_that_goes_before_an_edit(world: World) -> None:
    await follow(world, "AI")
    await world.report(record(METRO[0], "a.example", quality=80))
    world.deny(world.news, view_channel=True)
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90))
    listed = plain(seen(await world.ask("subscriptions")))
    assert "⚠️ This channel is paused: the bot cannot see the channel. Give it View Channel there" in listed
    world.mend(world.news)
    await world.app.mend()
    await world.deliver()
    assert shown(world.posts()[0]).title == METRO[1]
    assert len(world.posts()) == 1


async def test_a_channel_that_was_deleted_is_forgotten_and_the_others_go_on(world: World) -> None:
    gone = world.guild.create_text_channel("gone")
    for channel in (gone, world.news):
        await world.ask("subscribe", topic="Space", channel=channel, mode="both")
    await world.ask("mute", what="x.example", channel=gone)
    world.clock.forward(minutes=1)
    await world.report(record(WHALES[0], "w.example", quality=80, topics=["Space"]))
    await world.take_in(record(ROCKET[0], quality=80))
    world.env.backend.delete_channel(gone.id)
    await world.env.settle()
    world.clock.forward(hours=22)
    await world.digest()
    await world.take_in(record(WHALES[1], "v.example", quality=85, topics=["Space"]))
    assert await world.later() == 1
    titles = [shown(post).title for post in world.posts()]
    assert titles == [WHALES[1], ROCKET[0], "Daily digest · Tuesday, 3 March"]
    assert world.sends(gone)[1:] == []
    assert gone.mention not in seen(await world.ask("subscriptions"))
    assert gone.mention not in seen(await world.ask("status"))
    assert "1 subscription in this server" in seen(await world.ask("status"))
    async with world.app.context.db.read() as connection:
        for table in schema.metadata.sorted_tables:
            if "channel_id" in table.c:
                rows = sa.select(table).where(table.c.channel_id == gone.id)
                assert not (await connection.execute(rows)).all(), table.name
        digests = sa.select(schema.digest_history.c.digest_id).where(
            schema.digest_history.c.digest_id.not_in(sa.select(schema.digests.c.id))
        )
        assert not (await connection.execute(digests)).all()


async def test_threads_go_with_themselves_or_with_their_channel(world: World) -> None:
    parent = world.guild.create_text_channel("parent")
    one, two = world.thread("one"), world.thread("two", parent)
    await follow(world, "Space", one, two, world.news)
    world.env.backend.delete_channel(one.id)
    world.env.backend.delete_channel(parent.id)
    await world.env.settle()
    listed = seen(await world.ask("subscriptions"))
    assert world.news.mention in listed
    assert one.mention not in listed
    assert two.mention not in listed


async def test_a_channel_that_was_deleted_while_the_bot_was_away_is_paused(world: World) -> None:
    gone = world.guild.create_text_channel("gone")
    await follow(world, "Space", gone, world.news)
    world.env.inject_error("POST", f"/channels/{gone.id}/messages", status=404, code=10003, times=None)
    await world.report(record(ROCKET[0], quality=80))
    assert len(world.posts()) == 1
    assert (
        f"{gone.mention}**\n⚠️ This channel is paused: the channel was deleted, or the bot cannot see it"
        in seen(await world.ask("subscriptions"))
    )


@pytest.mark.parametrize("away", [False, True], ids=["while it runs", "while it is away"])
async def test_a_server_that_removed_the_bot_rests_until_it_invites_it_again(
    world: World, away: bool
) -> None:
    elsewhere = world.env.create_guild("Elsewhere")
    owner, lobby = elsewhere.add_member(elsewhere.owner), elsewhere.create_text_channel("lobby")
    await world.ask("subscribe", by=owner, at=lobby, topic="Space")
    await follow(world, "Space")
    backend = world.env.backend
    guild, channel = backend.get_guild(elsewhere.id), backend.channels[lobby.id]
    backend.remove_guild(guild.id)
    await world.env.settle()
    if away:
        await world.restart()
    await world.report(record(ROCKET[0], quality=80))
    assert len(world.posts()) == 1
    assert await world.later() == 0
    backend.guilds[guild.id], backend.channels[channel.id] = guild, channel
    backend.messages[channel.id] = {}
    if away:
        await world.restart()
    else:
        backend.emit("GUILD_CREATE", serializers.guild_create_payload(backend, guild))
        await world.env.settle()
    await world.report(record(METRO[0], quality=80, topics=["Space"]))
    assert [shown(post).title for post in world.posts(lobby)] == [METRO[0]]
    assert len(world.posts()) == 2


async def test_a_post_that_a_moderator_deleted_stays_deleted(world: World) -> None:
    await follow(world, "AI")
    await world.report(record(METRO[0], "a.example", quality=80))
    world.env.backend.delete_message(world.news.id, world.posts()[0].id)
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90))
    assert world.posts() == []
    assert len(world.edits()) == 1
    world.clock.forward(minutes=5)
    await world.report(record(METRO[2], "c.example", quality=95))
    assert world.posts() == []
    assert len(world.edits()) == 1
    told = plain(seen(await world.ask("related", story="1")))
    assert (
        f"Posted here <t:{int(at().timestamp())}:R>. The post is no longer updated: the message was deleted."
        in told
    )
    await world.report(record(WHALES[0], "w.example", quality=80))
    assert len(world.posts()) == 1


async def test_whatever_discord_says_the_other_messages_go_out(world: World) -> None:
    cases = ((400, 50035), (400, 200000), (403, 50013), (404, 10003), (429, 0), (500, 0))
    [other, *troubled] = await following(world, "Space", "other", *cases)
    channels = dict(zip(cases, troubled, strict=True))
    for (status, code), channel in channels.items():
        path = f"/channels/{channel.id}/messages"
        world.env.inject_error("POST", path, status=status, code=code, message="no")
    await world.report(record(ROCKET[0], quality=80))
    assert len(world.posts(other)) == 1
    world.clock.forward(minutes=5)
    await world.app.mend()
    await world.report(record(WHALES[0], "w.example", quality=80, topics=["Space"]))
    for case, channel in channels.items():
        assert WHALES[0] in [shown(post).title for post in world.posts(channel)], case


async def test_a_message_that_the_bot_cannot_make_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await follow(world, "AI")
    good = story.story_post

    def bad(view: StoryView, **more: Any) -> Message:
        if view.lead.record.title == METRO[0]:
            raise ZeroDivisionError("a bug")
        return good(view, **more)

    with monkeypatch.context() as broken:
        broken.setattr("bot.workers.rendering.story_post", bad)
        await world.report(record(METRO[0], quality=90), record(WHALES[0], "w.example", quality=80))
    assert [shown(post).title for post in world.posts()] == [WHALES[0]]
    assert "ZeroDivisionError: a bug" in world.caplog.text
    assert "Waiting to be posted here: internal error" in plain(seen(await world.ask("related", story="1")))
    world.clock.forward(minutes=1)
    await world.deliver()
    assert [shown(post).title for post in world.posts()] == [WHALES[0], METRO[0]]


async def test_an_unsubscribed_channel_keeps_its_posts_up_to_date(world: World) -> None:
    await follow(world, "AI")
    await world.report(record(METRO[0], "a.example", quality=80))
    await world.ask("unsubscribe", topic="AI")
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90))
    assert len(world.posts()) == 1
    assert await world.later() == 0


async def test_what_waited_longer_than_news_lasts_is_not_posted(world: World) -> None:
    await follow(world, "Space")
    world.deny(world.news, send_messages=True)
    await world.report(record(ROCKET[0], quality=80))
    world.clock.forward(days=8)
    world.mend(world.news)
    await world.app.mend()
    await world.deliver()
    assert world.posts() == []
    told = plain(seen(await world.ask("related", story="1")))
    assert "Not posted here: the message waited longer than posts.max_age allows." in told
