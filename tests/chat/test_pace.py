"""A channel is never flooded: a limit of posts an hour, one list of what is beyond it, and quiet hours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store import schema
from tests.chat.world import World, seen, unrelated
from tests.make import at, record
from tests.shown import plain, shown
from tests.workers.test_volumes import TITLES


def numbers_in(text: str) -> set[int]:
    """The stories that a message names."""
    return {int(part.split("`")[0]) for part in text.split("`#")[1:]}


async def test_five_hundred_notable_stories_in_an_hour_leave_ten_posts_and_one_list(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="notable")
    flood = [
        record(title, f"o{n}.example", quality=70 + n % 30, topics=["Space"])
        for n, title in enumerate(TITLES)
    ]
    for part in range(0, 500, 100):
        await world.take_in(*flood[part : part + 100])
        await world.deliver()
        world.clock.forward(minutes=11)
        await world.deliver()
    posts = world.posts()
    assert len(posts) == 11
    [listing] = [post for post in posts if shown(post).title == "More stories"]
    text = seen(listing)
    listed = numbers_in(text)
    outbox = schema.outbox
    async with world.app.context.db.read() as connection:
        rows = (
            await connection.execute(
                sa.select(outbox.c.message_id, outbox.c.rollup).where(outbox.c.kind == "story")
            )
        ).all()
    stories = len(rows)
    assert stories == 500
    assert sum(row.message_id is not None for row in rows) == 10
    assert all((row.message_id is None) == (row.rollup is not None) for row in rows)
    assert f"and {stories - 10 - len(listed):,} more stories, see `/latest`" in text
    assert len(world.sends()) == 11, "the list is edited, not sent anew"


async def test_earlier_posts_are_still_updated_and_a_listed_story_that_grew_gets_the_next_free_post(
    world: World,
) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.ask("post-limit", per_hour=2)
    big, bigger, small, other = unrelated(4)
    await world.report(
        replace(big, quality=90),
        replace(bigger, quality=95),
        replace(small, quality=10),
        replace(other, quality=20),
    )
    assert [shown(post).title for post in world.posts()] == [bigger.title, big.title, "More stories"]
    world.clock.forward(minutes=10)
    grown = [
        record(small.title, f"more{n}.example", hours=0.1, quality=10, topics=["Space"]) for n in range(6)
    ]
    update = record(big.title, "update.example", hours=0.1, quality=10, topics=["Space"])
    await world.report(*grown, update)
    world.clock.forward(minutes=2)
    await world.deliver()
    assert len(world.posts()) == 3, "never one more in the hour"
    assert "2 outlets" in seen(world.posts()[1])
    assert "7 outlets" in seen(world.posts()[2]), "the list follows"
    world.clock.forward(minutes=50)
    await world.deliver()
    assert [shown(post).title for post in world.posts()][3:] == [small.title]
    world.clock.forward(hours=3)
    await world.deliver()
    assert len(world.posts()) == 4


async def test_a_story_that_waits_for_a_free_post_gets_it_when_the_limit_is_raised(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.ask("post-limit", per_hour=1)
    big, small = unrelated(2)
    await world.report(replace(big, quality=90), replace(small, quality=10))
    world.clock.forward(minutes=10)
    grown = [
        record(small.title, f"more{n}.example", hours=0.1, quality=10, topics=["Space"]) for n in range(20)
    ]
    await world.report(*grown)
    assert len(world.sends()) == 2, "a post, and the list that has the other story"
    await world.ask("post-limit", per_hour=2)
    await world.deliver()
    assert [shown(post).title for post in world.posts()] == [big.title, "More stories", small.title]


async def test_the_next_hour_has_posts_and_a_list_of_its_own(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.ask("post-limit", per_hour=1)
    stories = unrelated(6)
    await world.report(*stories[:3])
    world.clock.forward(hours=1)
    await world.report(*(replace(story, published=at(1)) for story in stories[3:]))
    titles = [shown(post).title for post in world.posts()]
    assert len(titles) == 4
    assert titles.count("More stories") == 2
    listed = [numbers_in(seen(post)) for post in world.posts() if shown(post).title == "More stories"]
    assert [len(numbers) for numbers in listed] == [2, 2]
    assert not listed[0] & listed[1]


async def test_what_a_list_shows_is_taken_out_when_its_outlets_remove_it(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.ask("post-limit", per_hour=1)
    first, second, third = unrelated(3)
    await world.report(replace(first, quality=90), second, third)
    assert second.title in seen(world.posts()[1])
    await world.take_in(replace(second, removed=True), replace(third, removed=True))
    world.clock.forward(minutes=5)
    await world.deliver()
    assert second.title not in seen(world.posts()[1])
    assert "All of them were removed." in seen(world.posts()[1])


UNWANTED: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "unsubscribed": [("unsubscribe", {"topic": "Space"})],
    "one muted": [("mute", {"what": "outlet1.example"})],
    "all muted": [("mute", {"what": "outlet1.example"}), ("mute", {"what": "outlet2.example"})],
}


@pytest.mark.parametrize("commands", UNWANTED.values(), ids=UNWANTED)
async def test_a_list_that_is_out_never_takes_for_removed_what_is_only_unwanted(
    world: World, commands: list[tuple[str, dict[str, Any]]]
) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.ask("post-limit", per_hour=1)
    first, second, third = unrelated(3)
    await world.report(replace(first, quality=90), second, third)
    for command, options in commands:
        await world.ask(command, **options)
    world.clock.forward(minutes=5)
    await world.take_in(replace(third, excerpt="More was said of it."))
    world.clock.forward(minutes=5)
    await world.deliver()
    listing = seen(world.posts()[1])
    assert third.title in listing
    assert "removed" not in listing


async def test_why_says_that_a_story_is_listed(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.ask("post-limit", per_hour=1)
    await world.report(*unrelated(2))
    answers = [plain(seen(await world.ask("why", story=f"#{number}"))) for number in (1, 2)]
    assert sum("Listed here together with other stories" in answer for answer in answers) == 1
    assert sum("Posted here" in answer for answer in answers) == 1


async def test_quiet_hours_end_with_one_list_of_what_came(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.report(record("Rocket lifts off", quality=80))
    answer = await world.ask("quiet-hours set", start="13:00", end="3 pm", timezone="UTC")
    assert "gets no new posts from 13:00 to 15:00 (UTC)" in seen(answer)
    world.clock.forward(hours=1, minutes=30)
    first, second = (replace(story, published=at(1.5)) for story in unrelated(2))
    await world.report(first)
    update = record("Rocket lifts off", "b.example", hours=1.5, quality=80)
    await world.report(second, update)
    world.clock.forward(minutes=5)
    await world.deliver()
    assert len(world.posts()) == 1
    assert "2 outlets" in seen(world.posts()[0]), "earlier posts are updated"
    world.clock.forward(hours=1, minutes=25)
    await world.deliver()
    assert [shown(post).title for post in world.posts()][1:] == ["News from the quiet hours"]
    assert first.title in seen(world.posts()[1])
    assert second.title in seen(world.posts()[1])
    (third,) = (replace(story, title="Satellite found", published=at(3)) for story in unrelated(1))
    await world.report(third)
    assert len(world.posts()) == 3


async def test_ending_quiet_hours_brings_what_waits_at_once(world: World) -> None:
    assert "This channel has no quiet hours." in await world.refused("quiet-hours off")
    await world.ask("subscribe", topic="Space", volume="everything")
    answer = seen(await world.ask("quiet-hours set", start="11:00", end="20:00", timezone="UTC"))
    assert "Quiet hours have begun and end at <t:" in answer
    await world.report(*unrelated(2))
    assert world.posts() == []
    assert "Quiet hours from 11:00 to 20:00 (UTC)" in seen(await world.ask("subscriptions"))
    await world.ask("quiet-hours off")
    await world.deliver()
    assert [shown(post).title for post in world.posts()] == ["News from the quiet hours"]


async def test_a_limit_is_shown_and_can_be_taken_back(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    assert "gets at most 3 posts an hour" in seen(await world.ask("post-limit", per_hour=3))
    assert "At most 3 posts an hour" in seen(await world.ask("subscriptions"))
    assert "gets at most 10 posts an hour" in seen(await world.ask("post-limit"))
    assert "At most" not in seen(await world.ask("subscriptions"))
    for bad in (0, -1, 61):
        assert "Choose a limit from 1 to 60 posts an hour." in await world.refused("post-limit", per_hour=bad)


async def test_quiet_hours_that_cannot_be_say_why(world: World) -> None:
    for start, end, problem in (
        ("25:00", "07:00", "is not a time of day"),
        ("22:00", "22:00", "a start and an end that differ"),
    ):
        assert problem in await world.refused("quiet-hours set", start=start, end=end, timezone="UTC")


async def test_a_restart_in_a_flood_repeats_nothing(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.take_in(*unrelated(30))
    await world.app.deliver.step()
    await world.restart()
    await world.deliver()
    world.clock.forward(minutes=10)
    await world.deliver()
    titles = [shown(post).title for post in world.posts()]
    assert len(titles) == len(set(titles)) == 11


async def test_two_processes_in_a_flood_keep_the_limit(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.take_in(*unrelated(30))
    await world.deliver_twice_at_once()
    titles = [shown(post).title for post in world.posts()]
    assert len(titles) == len(set(titles)) == 11
