"""A new subscription begins with the best stories of the last day, marked as such, and never twice within a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.polling import FeedOrigin, NewFeed
from bot.store import feeds, sources, subscriptions
from bot.workers import first_posts
from tests.chat.world import World, mentions_in, seen, unrelated
from tests.make import at, record
from tests.shown import shown

MARK = "Already in the news"


async def news(world: World, count: int = 6) -> list[str]:
    """Stories come in during a first, silent intake: the last is the biggest. Returns their titles."""
    world.new_source()
    stories = [replace(story, quality=60 + n) for n, story in enumerate(unrelated(count))]
    await world.take_in(*stories)
    world.clock.forward(hours=2)
    return [story.title for story in stories]


async def test_the_three_best_of_the_last_day_are_posted_at_once_and_say_what_they_are(world: World) -> None:
    titles = await news(world)
    role = world.role("readers")
    answer = await world.ask("subscribe", topic="Space", mention=role)
    assert "To begin with, the 3 biggest stories of the last day are posted now." in seen(answer)
    await world.deliver()
    assert [shown(post).title for post in world.posts()] == titles[:-4:-1], "the biggest first"
    assert [shown(post).small[0] for post in world.posts()] == [MARK] * 3
    for sent in world.sends():
        assert mentions_in(sent.json) == ([], []), "they ping nobody"  # type: ignore[arg-type]


async def test_they_are_living_messages_like_any_other(world: World) -> None:
    [title] = await news(world, 1)
    await world.ask("subscribe", topic="Space")
    await world.deliver()
    world.clock.forward(minutes=5)
    await world.report(record(title, "b.example", hours=2, topics=["Space"]))
    [post] = world.posts()
    assert "2 outlets" in seen(post)
    assert shown(post).small[0] == MARK


async def test_nothing_is_repeated_by_a_restart_a_change_or_another_subscription_within_a_day(
    world: World,
) -> None:
    await news(world)
    await world.ask("subscribe", topic="Space")
    await world.deliver()
    await world.ask("subscribe", topic="Space", volume="many")
    await world.restart()
    await first_posts.step(world.app.context)
    await world.deliver()
    assert len(world.posts()) == 3
    await world.ask("unsubscribe", topic="Space")
    answer = await world.ask("subscribe", topic="Space")
    assert "To begin with" not in seen(answer)
    await first_posts.step(world.app.context)
    await world.deliver()
    assert len(world.posts()) == 3


FIRST_POSTS: tuple[tuple[dict[str, Any], int], ...] = (
    ({"volume": "few"}, 1),
    ({"volume": "everything"}, 3),
    ({"volume": "notable"}, 0),
    ({"mode": "digest"}, 0),
    ({"mode": "both"}, 3),
)


async def test_how_many_depends_on_the_volume_and_the_mode(world: World) -> None:
    await news(world)
    for options, count in FIRST_POSTS:
        channel = world.guild.create_text_channel("-".join(options.values()))
        await world.ask("subscribe", topic="Space", channel=channel, **options)
        await world.deliver()
        assert len(world.posts(channel)) == count, options


async def test_old_and_muted_stories_are_no_first_posts(world: World) -> None:
    titles = await news(world, 2)
    await world.ask("mute", what="Outlet1")
    await world.ask("subscribe", topic="Space")
    await world.deliver()
    assert [shown(post).title for post in world.posts()] == titles[:1]
    other = world.guild.create_text_channel("other")
    world.clock.forward(days=1)
    await world.ask("subscribe", topic="Space", channel=other)
    await world.deliver()
    assert world.posts(other) == []


async def test_they_come_when_the_first_intake_of_the_topics_feeds_is_through(world: World) -> None:
    context = world.app.context
    async with context.db.write() as connection:
        feed = NewFeed("https://paper.example/feed", FeedOrigin.CATALOGUE, topics=("Space",))
        await feeds.add(connection, feed, timedelta(hours=1), at())
    answer = seen(await world.ask("subscribe", topic="Space"))
    assert "In a few minutes, the biggest stories of the last day are posted here" in answer
    await first_posts.step(context)
    await news(world)
    await first_posts.step(context)
    await world.deliver()
    assert world.posts() == [], "the feed is not read yet"
    async with context.db.write() as connection:
        every = await feeds.all_feeds(connection)
        steps = [
            sources.SourceStep(one.source_id, {}, taken=0, finished=world.clock(), rejected=0)
            for one in every
        ]
        await sources.advance(connection, steps)
    await first_posts.step(context)
    await world.deliver()
    assert len(world.posts()) == 3
    await first_posts.step(context)
    await world.deliver()
    assert len(world.posts()) == 3


async def test_a_subscription_that_nothing_came_for_within_a_day_waits_no_longer(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    world.clock.forward(days=1, minutes=1)
    world.new_source()
    await world.take_in(*(replace(story, published=at(24)) for story in unrelated(3)))
    await first_posts.step(world.app.context)
    await world.deliver()
    assert world.posts() == []


@pytest.mark.parametrize("volume", ["notable", "major"])
async def test_a_subscription_whose_stories_are_all_too_small_is_looked_at_once(
    world: World, volume: str
) -> None:
    await news(world)
    await world.ask("subscribe", topic="Space", volume=volume)
    await first_posts.step(world.app.context)
    async with world.app.context.db.read() as connection:
        assert await subscriptions.awaiting_first_posts(connection, world.clock()) == ()
