"""A forum's posts: their names and tags are what readers see of them in the list, so they follow what they show."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import discord
import pytest
from discord.http import Route
from simcord.builders import ChannelHandle

from bot.domain.model import Topic
from bot.workers import rematch
from tests.chat.world import METRO, WHALES, World, body, seen
from tests.make import record
from tests.shown import plain, shown

TIDES = Topic("Coastal Navigation Charts", "CNC", aliases=("Tide Tables",), keywords=("tide chart",))


def tags_of(world: World, thread_id: int) -> list[str]:
    """The names of a post's tags."""
    thread = world.env.backend.get_channel(thread_id)
    forum = world.env.backend.get_channel(thread.parent_id or 0)
    names = {int(tag["id"]): tag["name"] for tag in forum.available_tags}
    return [names[number] for number in thread.applied_tags]


def renames(world: World, thread_id: int) -> list[str]:
    """The names that were asked for, in order."""
    asked = [body(request) for request in world.requests("PATCH", f"/channels/{thread_id}")]
    return [sent["name"] for sent in asked if "name" in sent]


def require_tag(world: World, forum: ChannelHandle) -> None:
    """Have the forum require a tag on every post, and Discord refuse those without."""
    channel = world.app.client.get_channel(forum.id)
    assert isinstance(channel, discord.ForumChannel)
    channel._flags |= discord.ChannelFlags(require_tag=True).value
    path = f"/channels/{forum.id}/threads"
    world.refuse("POST", path, 400, 40067, when=lambda sent: not sent.get("applied_tags"))


async def test_a_corrected_headline_becomes_the_posts_name(world: World) -> None:
    forum = world.forum()
    await world.ask("subscribe", topic="AI", channel=forum)
    wrong = record("City halts facial recognition in metro on Mars", "a.example", quality=80)
    await world.report(wrong)
    (thread,) = forum.threads
    world.clock.forward(minutes=5)
    await world.report(replace(wrong, title=METRO[0]))
    assert renames(world, thread.id) == [METRO[0]]
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=20))
    assert renames(world, thread.id) == [METRO[0]], "another outlet is no other headline"


async def test_a_withdrawn_headline_goes_from_the_posts_name(world: World) -> None:
    forum = world.forum(tags=["AI"])
    await world.ask("subscribe", topic="AI", channel=forum)
    await world.report(story := record(METRO[0], "a.example", quality=80))
    world.clock.forward(minutes=5)
    await world.report(replace(story, removed=True))
    (thread,) = forum.threads
    assert renames(world, thread.id) == ["Story #1 withdrawn"]
    assert tags_of(world, thread.id) == ["AI"]


async def test_a_withdrawn_headline_is_taken_away_however_often_discord_refuses(world: World) -> None:
    forum = world.forum()
    await world.ask("subscribe", topic="AI", channel=forum)
    await world.report(story := record(METRO[0], "a.example", quality=80))
    (thread,) = forum.threads
    world.env.inject_error("PATCH", f"/channels/{thread.id}", status=403, code=50013, times=3)
    world.clock.forward(minutes=5)
    await world.report(replace(story, removed=True))
    await world.later()
    assert forum.threads[0].name == "Story #1 withdrawn"
    assert "paused" not in plain(seen(await world.ask("subscriptions")))


async def test_a_pointers_post_is_named_as_one(world: World) -> None:
    forum = world.forum()
    await world.ask("subscribe", topic="Space", channel=forum, volume="everything")
    await world.merge()
    world.clock.forward(minutes=2)
    await world.deliver()
    assert [thread.name for thread in forum.threads] == [
        "Harbour bridge closed after crack found",
        "Story #2 continues in #1",
    ]


async def test_a_topic_that_joins_becomes_a_tag_and_one_that_people_set_stays(world: World) -> None:
    forum = world.forum(tags=["AI", "Space", "Read this"])
    await world.ask("subscribe", topic="AI", channel=forum)
    await world.report(record(METRO[0], "a.example", quality=80))
    (thread,) = forum.threads
    assert tags_of(world, thread.id) == ["AI"]
    world.env.backend.edit_channel(thread.id, {"applied_tags": [9000, 9002]})
    await world.env.settle()
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90, topics=["Space"]))
    assert set(tags_of(world, thread.id)) == {"AI", "Space", "Read this"}


async def test_a_topic_that_is_no_longer_the_storys_goes_from_its_tags(world: World) -> None:
    forum = world.forum(tags=["AI", "Space"])
    await world.ask("subscribe", topic="AI", channel=forum)
    story = record(METRO[0], "a.example", quality=80, topics=["Space"])
    await world.report(story)
    (thread,) = forum.threads
    assert set(tags_of(world, thread.id)) == {"AI", "Space"}
    world.clock.forward(minutes=5)
    await world.report(replace(story, topics=(), quality=81))
    assert tags_of(world, thread.id) == ["AI"]


async def test_renames_beyond_discords_limit_become_one_when_it_allows_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    forum = world.forum()
    await world.ask("subscribe", topic="AI", channel=forum)
    story = record(METRO[0], "a.example", quality=80)
    await world.report(story)
    (thread,) = forum.threads
    http: Any = world.app.client.http
    accept = http.request
    allowed: list[datetime] = []

    async def twice_in_ten_minutes(route: Route, **more: Any) -> Any:
        if route.method == "PATCH" and "name" in (more.get("json") or {}):
            recent = [when for when in allowed if (world.clock() - when).total_seconds() < 600]
            if len(recent) >= 2:
                raise discord.RateLimited(600 - (world.clock() - recent[-2]).total_seconds())
            allowed.append(world.clock())
        return await accept(route, **more)

    monkeypatch.setattr(http, "request", twice_in_ten_minutes)
    for number in range(6):
        world.clock.forward(minutes=1)
        await world.report(replace(story, title=f"{METRO[0]}, part {number}"))
        (post,) = world.posts(thread)
        assert shown(post).title == f"{METRO[0]}, part {number}", "the message itself waits for nothing"
    assert forum.threads[0].name == f"{METRO[0]}, part 1"
    for _ in range(12):
        world.clock.forward(minutes=1)
        await world.deliver()
    assert forum.threads[0].name == f"{METRO[0]}, part 5"
    assert len(allowed) == 3
    assert await world.later() == 0


async def test_a_name_that_automod_blocks_leaves_the_message_as_it_should_be(world: World) -> None:
    forum = world.forum()
    await world.ask("subscribe", topic="AI", channel=forum)
    await world.report(record(METRO[0], "a.example", quality=80))
    (thread,) = forum.threads
    world.env.inject_error("PATCH", f"/channels/{thread.id}", status=400, code=200001)
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90))
    assert shown(world.posts(thread)[0]).title == METRO[1]
    assert await world.later() == 0
    await world.report(record(METRO[2], "c.example", quality=95, hours=4))
    assert forum.threads[0].name == METRO[2], "later ones are tried again"


@pytest.mark.parametrize("tag", ["Coastal Navigation C", "Coastal Navigati…", "CNC", "tide tables"])
async def test_a_tag_is_told_by_every_name_of_the_topic(world: World, tag: str) -> None:
    await rematch.configure(world.app.context, [TIDES])
    forum = world.forum(tags=["Else", tag])
    await world.ask("subscribe", topic="CNC", channel=forum)
    await world.report(record("Tide chart redrawn after storm", "a.example", quality=80))
    (thread,) = forum.threads
    assert tags_of(world, thread.id) == [tag]


async def test_where_a_tag_is_required_everything_gets_one(world: World) -> None:
    forum = world.forum(tags=["Staff", "General"], moderated=["Staff"])
    await world.ask("subscribe", topic="AI", channel=forum, mode="both")
    require_tag(world, forum)
    world.clock.forward(hours=1)
    await world.report(record(METRO[0], "a.example", quality=80))
    world.clock.forward(hours=24)
    await world.digest()
    await world.report(record(WHALES[0], "w.example", quality=80, hours=24))
    assert [thread.name for thread in forum.threads] == [METRO[0], "Digest of 3 March 2026", WHALES[0]]
    assert [tags_of(world, thread.id) for thread in forum.threads] == [["General"]] * 3
    assert len(world.requests("POST", f"/channels/{forum.id}/threads")) == 3


async def test_a_forum_that_has_begun_to_require_tags_is_asked_for_its_tags(world: World) -> None:
    forum = world.forum(tags=["General"])
    await world.ask("subscribe", topic="AI", channel=forum)
    path = f"/channels/{forum.id}/threads"
    world.refuse("POST", path, 400, 40067, when=lambda sent: not sent.get("applied_tags"))
    await world.report(record(METRO[0], "a.example", quality=80))
    (thread,) = forum.threads
    assert tags_of(world, thread.id) == ["General"]


async def test_a_forum_whose_tags_have_changed_is_asked_for_them(world: World) -> None:
    forum = world.forum(tags=["AI"])
    await world.ask("subscribe", topic="AI", channel=forum)
    world.env.inject_error("POST", f"/channels/{forum.id}/threads", status=400, code=10087)
    await world.report(record(METRO[0], "a.example", quality=80))
    (thread,) = forum.threads
    assert tags_of(world, thread.id) == ["AI"]


async def test_a_digests_post_has_the_tags_of_its_topics_and_one_for_digests(world: World) -> None:
    forum = world.forum(tags=["Space", "AI", "digest"])
    await world.ask("subscribe", topic="AI", channel=forum, mode="digest")
    world.clock.forward(hours=1)
    await world.take_in(record(METRO[0], "a.example", quality=80))
    world.clock.forward(hours=24)
    await world.digest()
    (thread,) = forum.threads
    assert thread.name == "Digest of 3 March 2026"
    assert tags_of(world, thread.id) == ["digest", "AI"]
