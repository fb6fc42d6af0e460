"""Where stories go: announcement channels, threads, forums."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.chat.permissions import problem
from bot.chat.port import REQUEST_RANK
from bot.domain.model import Volume
from bot.domain.requests.line import LOWEST_RANK
from bot.store import subscriptions
from tests.chat.followers import follow
from tests.chat.world import METRO, ROCKET, WHALES, World, body, buttons, mentions_in, seen, unrelated
from tests.make import record
from tests.shown import plain, shown


async def test_an_announcement_channel_publishes_ten_an_hour_the_biggest_first(world: World) -> None:
    wire = world.guild.create_news_channel("wire")
    await follow(world, "Space", wire, publish=True)
    await world.ask("post-limit", at=wire, per_hour=60)
    stories = [replace(story, quality=70 + number) for number, story in enumerate(unrelated(13))]
    await world.report(*stories)
    assert len(world.posts(wire)) == 13
    first = [shown(post).title for post in world.published(wire)]
    assert first == [story.title for story in reversed(stories[3:])]
    world.clock.forward(minutes=59)
    await world.deliver()
    assert len(world.published(wire)) == 10
    world.clock.forward(minutes=2)
    await world.deliver()
    later = [shown(post).title for post in world.published(wire)[10:]]
    assert later == [story.title for story in reversed(stories[:3])]


async def test_an_announcement_channel_publishes_only_on_request_and_once(world: World) -> None:
    wire = world.guild.create_news_channel("wire")
    await follow(world, "AI", wire, publish=True)
    await follow(world, "Space", wire)
    await world.report(record(METRO[0], "a.example", quality=80), record(ROCKET[0], quality=80))
    assert len(world.posts(wire)) == 2
    assert [shown(post).title for post in world.published(wire)] == [METRO[0]]
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90))
    assert [shown(post).title for post in world.published(wire)] == [METRO[1]], "edited, and published once"


async def test_a_channel_that_became_an_ordinary_one_just_posts(world: World) -> None:
    wire = world.guild.create_news_channel("wire")
    await follow(world, "AI", wire, publish=True)
    world.env.backend.edit_channel(wire.id, {"type": 0})
    await world.report(record(METRO[0], quality=80))
    assert len(world.posts(wire)) == 1
    assert world.published(wire) == []


async def test_publishing_that_fails_is_tried_again(world: World) -> None:
    wire = world.guild.create_news_channel("wire")
    await follow(world, "AI", wire, publish=True)
    world.env.inject_error("POST", "/channels/*/messages/*/crosspost", status=500)
    await world.report(record(METRO[0], quality=80))
    world.clock.forward(seconds=10)
    await world.deliver()
    assert len(world.published(wire)) == 2
    assert world.posts(wire)[0].flags.value
    world.clock.forward(hours=2)
    await world.deliver()
    assert len(world.published(wire)) == 2
    assert len(world.posts(wire)) == 1


async def test_a_thread_gets_its_posts_and_edits_also_where_it_fell_silent(world: World) -> None:
    thread = world.thread()
    await follow(world, "AI", thread)
    await world.report(record(METRO[0], "a.example", quality=80))
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90))
    assert [shown(post).title for post in world.posts(thread)] == [METRO[1]]
    world.close(thread)
    world.env.inject_error("PATCH", f"/channels/{thread.id}/messages/*", status=400, code=50083)
    world.clock.forward(minutes=5)
    await world.report(record(METRO[2], "c.example", quality=95))
    assert [shown(post).title for post in world.posts(thread)] == [METRO[2]], "the edit opens it"
    assert world.posts() == []
    assert "paused" not in seen(await world.ask("subscriptions"))


async def test_a_thread_that_was_locked_pauses_until_it_is_opened(world: World) -> None:
    threads = [world.thread("archived"), world.thread("open")]
    for thread in threads:
        await follow(world, "AI", thread)
        world.close(thread, archived=thread is threads[0], locked=True)
        world.env.inject_error("POST", f"/channels/{thread.id}/messages", status=403, code=160005)
    await world.report(record(METRO[0], quality=80))
    listed = plain(seen(await world.ask("subscriptions")))
    for thread in threads:
        assert (
            f"{thread.mention}\n⚠️ This channel is paused: the thread is locked. Unlock it, or give the bot Manage Threads"
            in listed
        )
    await world.app.mend()
    assert await world.deliver() == 0
    for thread in threads:
        world.open(thread)
    await world.app.mend()
    await world.deliver()
    assert [len(world.posts(thread)) for thread in threads] == [1, 1]


async def test_messages_go_before_looks_at_paused_channels(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await follow(world, "AI")
    world.deny(world.news, send_messages=True)
    await world.report(record(METRO[0], quality=80))
    ranks: list[int] = []

    async def noting(*_: object) -> str:
        ranks.append(REQUEST_RANK.get())
        return "still"

    monkeypatch.setattr("bot.runtime.app.problem_now", noting)
    before = REQUEST_RANK.get()
    await world.app.mend()
    assert ranks == [LOWEST_RANK]
    assert REQUEST_RANK.get() == before


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_thread_that_was_archived_while_it_was_paused_goes_on(
    world: World, *, restarted: bool
) -> None:
    """The gateway tells nothing of archived threads, and whoever may post in one opens it by that."""
    thread = world.thread()
    await follow(world, "AI", thread)
    world.deny(world.news, send_messages_in_threads=True)
    await world.report(record(METRO[0], "a.example", quality=80))
    world.close(thread)
    await world.env.settle()
    if restarted:
        await world.restart()
    await world.app.mend()
    assert "Paused" in seen(await world.ask("status"))
    world.mend(world.news)
    world.clock.forward(minutes=5)
    await world.app.mend()
    await world.deliver()
    assert len(world.posts(thread)) == 1
    assert "Paused" not in seen(await world.ask("status"))


async def test_a_thread_that_is_locked_as_well_stays_paused_until_it_is_unlocked(world: World) -> None:
    thread = world.thread()
    await follow(world, "AI", thread)
    world.close(thread, locked=True)
    world.env.inject_error("POST", f"/channels/{thread.id}/messages", status=403, code=160005)
    await world.report(record(METRO[0], "a.example", quality=80))
    await world.app.mend()
    assert "Paused" in seen(await world.ask("status"))
    world.close(thread, locked=False)
    world.clock.forward(minutes=5)
    await world.app.mend()
    await world.deliver()
    assert len(world.posts(thread)) == 1


async def test_a_channel_of_which_discord_tells_nothing_stays_paused(world: World) -> None:
    thread = world.thread()
    await follow(world, "AI", thread)
    world.close(thread, locked=True)
    world.env.inject_error("POST", f"/channels/{thread.id}/messages", status=403, code=160005)
    await world.report(record(METRO[0], "a.example", quality=80))
    world.close(thread, locked=False)
    await world.env.settle()
    for answer in ((404, 10003), (403, 50001), (503, 0), (429, 0)):
        status, code = answer
        world.env.inject_error("GET", f"/channels/{thread.id}", status=status, code=code)
        await world.app.mend()
        assert not world.env.backend.faults, f"{answer}: the bot asked"
        assert "Paused" in seen(await world.ask("status")), answer
        world.clock.forward(minutes=5)
    await world.app.mend()
    assert "Paused" not in seen(await world.ask("status"))


async def test_a_forum_gets_one_post_per_story_with_the_tags_that_fit(world: World) -> None:
    forum = world.forum(tags=["Sports", "computer vision", "AI", "Metro"])
    moderated = world.forum(tags=["Computer Vision", "AI"], moderated=["AI"])
    role = world.role("readers")
    await follow(world, "AI", forum, mention_role_id=role.id)
    await follow(world, "AI", moderated)
    await world.report(record(METRO[0], "a.example", quality=80), record(WHALES[0], "w.example", quality=75))
    metro, whales = forum.threads
    assert [metro.name, whales.name] == [METRO[0], WHALES[0]]
    request = world.requests("POST", f"/channels/{forum.id}/threads")[0]
    assert [str(tag) for tag in body(request)["applied_tags"]] == ["9002", "9001"]
    request_there = world.requests("POST", f"/channels/{moderated.id}/threads")[0]
    assert [str(tag) for tag in body(request_there)["applied_tags"]] == ["9000"], (
        "moderators alone give the other"
    )
    starter = body(request)["message"]
    assert shown(starter).lines[0] == role.mention
    assert starter["allowed_mentions"]["roles"] == [str(role.id)] or starter["allowed_mentions"]["roles"] == [
        role.id
    ]
    assert starter["allowed_mentions"].get("parse", []) == []
    (post,) = world.posts(metro)
    assert shown(post).title == METRO[0]
    assert [button.label for button in buttons(post)] == ["Read", "Related coverage", "Follow this story"]


async def test_a_forum_post_is_edited_in_place_also_where_discord_archived_it(world: World) -> None:
    forum = world.forum()
    await follow(world, "AI", forum)
    await world.report(record(METRO[0], "a.example", quality=80))
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90))
    (thread,) = forum.threads
    (post,) = world.posts(thread)
    assert shown(post).title == METRO[1]
    assert "2 outlets" in seen(post)
    world.close(thread)
    world.env.inject_error("PATCH", f"/channels/{thread.id}/messages/*", status=400, code=50083)
    world.clock.forward(minutes=5)
    await world.report(record(METRO[2], "c.example", quality=95))
    assert [shown(post).title for post in world.posts(thread)] == [METRO[2]]


async def test_a_forum_post_that_turns_out_to_be_another_points_to_it(world: World) -> None:
    forum = world.forum()
    await follow(world, "Space", forum, volume=Volume.EVERYTHING)
    await world.merge()
    world.clock.forward(minutes=2)
    await world.deliver()
    first, second = forum.threads
    (pointer,) = world.posts(second)
    # On Discord a forum's thread has the number of its first message; simcord gives it another.
    number = world.posts(first)[0].id
    assert shown(pointer).url == f"https://discord.com/channels/{world.guild.id}/{number}/{number}"


async def test_a_forum_post_that_was_deleted_stays_so_and_the_forum_goes_on(world: World) -> None:
    forum = world.forum()
    await follow(world, "AI", forum)
    await world.report(record(METRO[0], "a.example", quality=80))
    world.env.backend.delete_channel(forum.threads[0].id)
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90), record(WHALES[0], "w.example", quality=80))
    assert [thread.name for thread in forum.threads] == [WHALES[0]]
    assert "paused" not in seen(await world.ask("subscriptions"))
    assert await world.later() == 0


async def test_a_forum_post_that_was_locked_is_left_alone_and_the_forum_goes_on(world: World) -> None:
    forum = world.forum()
    await follow(world, "AI", forum)
    await world.report(record(METRO[0], "a.example", quality=80))
    (thread,) = forum.threads
    world.close(thread, locked=True)
    world.env.inject_error("PATCH", f"/channels/{thread.id}/messages/*", status=400, code=50083)
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90), record(WHALES[0], "w.example", quality=80))
    assert [thread.name for thread in forum.threads] == [METRO[0], WHALES[0]]
    assert shown(world.posts(thread)[0]).title == METRO[0]
    told = plain(seen(await world.ask("related", story="1", at=thread)))
    assert "Its last update failed: the forum post is locked." in told
    assert "paused" not in seen(await world.ask("subscriptions"))
    assert await world.later() == 0


async def test_a_forum_that_requires_tags_pauses_with_the_reason(world: World) -> None:
    forum = world.forum()
    await follow(world, "AI", forum)
    world.env.inject_error("POST", f"/channels/{forum.id}/threads", status=400, code=40067)
    await world.report(record(METRO[0], quality=80))
    listed = plain(seen(await world.ask("subscriptions")))
    assert "paused: the forum requires a tag on every post. Add a tag with the name of the topic" in listed
    await world.app.mend()
    await world.deliver()
    assert len(forum.threads) == 1


async def test_pings_are_allowed_per_message(world: World) -> None:
    other, role = world.guild.create_text_channel("other"), world.role("readers")
    await follow(world, "AI", mention_role_id=role.id)
    await follow(world, "AI", other)
    await world.report(record(METRO[0], quality=80))
    assert mentions_in(body(world.sends()[0])) == ([], [str(role.id)])
    assert mentions_in(body(world.sends(other)[0])) == ([], [])


async def test_a_thread_whose_channel_the_bot_does_not_know(world: World) -> None:
    """Discord may tell of a thread before, or without, the channel that it is in."""
    parent = world.guild.create_text_channel("parent")
    thread = world.thread("talk", parent)
    await follow(world, "Space", thread)
    await follow(world, "AI")
    guild = world.app.client.get_guild(world.guild.id)
    assert guild is not None
    channel = guild.get_channel(parent.id)
    assert channel is not None
    guild._remove_channel(channel)
    listed = seen(await world.ask("subscriptions"))
    assert world.news.mention in listed
    assert thread.mention not in listed
    assert problem(world.app.client, thread.id) == (
        "the bot cannot post there. Give it View Channel in the channel"
    )
    async with world.app.context.db.write() as connection:
        await subscriptions.pause(connection, thread.id, world.guild.id, "the channel is gone", world.clock())
    await world.app.mend()
    assert "Paused" in seen(await world.ask("status"))
    text = await world.refused("subscribe", topic="Space", channel=thread)
    assert f"You need the Manage Channels permission in {thread.mention}." in text
