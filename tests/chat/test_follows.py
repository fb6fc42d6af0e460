"""*Follow this story*: a member gets what changes by direct message, until the story ends."""

from __future__ import annotations

import discord
import pytest
import sqlalchemy as sa
from simcord.enums import AppCommandType

from bot.domain.posting.alerts import AlertLimits
from bot.store import schema
from tests.chat.test_alerts import inbox, limit, rows
from tests.chat.world import METRO, World, buttons, labels, message_of, seen
from tests.make import record

FOLLOW, STOP = "Follow this story", "Stop following"


async def posted(world: World, layout: str = "card") -> discord.Message:
    """The post of a story."""
    await world.ask("subscribe", topic="AI", volume="everything")
    if layout != "card":
        await world.ask("appearance set", topic="AI", layout=layout)
    await world.report(record(METRO[0], "a.example", quality=80))
    return world.posts()[-1]


async def followed(world: World) -> discord.Message:
    """The post of a story that a member follows."""
    post = await posted(world)
    world.answer(await world.press(post, FOLLOW, by=world.member))
    world.clock.forward(minutes=5)
    return post


async def grows(world: World, report: int = 1) -> None:
    """One more outlet reports the story, and everything is delivered."""
    await world.report(record(METRO[report], f"o{report}.example", quality=70))
    world.clock.forward(minutes=5)
    await world.deliver()


@pytest.mark.parametrize("layout", ["card", "compact", "headline"])
async def test_every_post_can_be_followed(world: World, layout: str) -> None:
    post = await posted(world, layout)
    assert FOLLOW in labels(post)
    answer = seen(world.answer(await world.press(post, FOLLOW, by=world.member)))
    assert "You follow story #1" in answer
    world.clock.forward(minutes=5)
    await grows(world)
    [message] = inbox(world, world.member)
    assert "What changed" in seen(message)
    assert "+1 outlet" in seen(message)
    assert STOP in labels(message)


async def test_one_message_of_a_story_is_edited_as_it_goes_on(world: World) -> None:
    await followed(world)
    assert not inbox(world, world.member)
    for report in (1, 2, 3):
        await grows(world, report)
    [message] = inbox(world, world.member)
    assert "+3 outlets" in seen(message)
    assert not inbox(world, world.manager)


async def test_a_change_without_a_new_report_is_not_told(world: World) -> None:
    post = await followed(world)
    url = next(button.url for button in buttons(post) if button.url)
    await world.report(record(f"{METRO[0]}, mayor says", "a.example", quality=80, url=str(url)))
    world.clock.forward(minutes=5)
    await world.deliver()
    assert not inbox(world, world.member)


async def test_a_second_press_ends_it(world: World) -> None:
    post = await followed(world)
    assert "no longer follow" in seen(world.answer(await world.press(post, FOLLOW, by=world.member)))
    await grows(world)
    assert not inbox(world, world.member)
    assert await rows(world, "follows") == 0


async def test_the_button_of_the_direct_message_ends_it_and_begins_it_again(world: World) -> None:
    await followed(world)
    await grows(world)
    [message] = inbox(world, world.member)
    stopped = await world.member.user.click(message, label=STOP)
    assert "no longer follow" in seen(world.answer(stopped))
    await world.deliver()
    [message] = inbox(world, world.member)
    assert FOLLOW in labels(message)
    again = await world.member.user.click(message, label=FOLLOW)
    assert "You follow" in seen(world.answer(again))
    related = await world.member.user.click(message, label="Related coverage")
    assert METRO[1] in seen(world.answer(related))


async def test_the_menu_of_a_post_does_the_same(world: World) -> None:
    post = await posted(world)
    chosen = await world.member.context_menu(world.news, FOLLOW, message_of(post))
    assert "You follow story #1" in seen(world.answer(chosen))
    assert world.env.backend.find_command(FOLLOW, world.guild.id, AppCommandType.MESSAGE)


async def test_who_left_or_lost_the_channel_gets_nothing_and_is_answered_nothing(world: World) -> None:
    await followed(world)
    await grows(world)
    [message] = inbox(world, world.member)
    before = seen(message)
    world.hide(world.news, world.member)
    refused = await world.member.user.click(message, label="Related coverage")
    assert "no longer see the channel" in world.refusal(refused)
    await grows(world, 2)
    assert seen(inbox(world, world.member)[0]) == before
    assert await rows(world, "follows") == 0


async def test_who_left_the_server_is_forgotten(world: World) -> None:
    await followed(world)
    await grows(world)
    [message] = inbox(world, world.member)
    world.env.backend.remove_member(world.guild.id, world.member.id)
    refused = await world.member.user.click(message, label=STOP)
    assert "no longer a member" in world.refusal(refused)
    assert await rows(world, "follows") == 0
    o = schema.outbox
    async with world.app.context.db.read() as connection:
        assert (await connection.execute(sa.select(o.c.id).where(o.c.user_id.is_not(None)))).all() == []


async def test_closed_direct_messages_end_it_after_one_notice(world: World) -> None:
    await followed(world)
    dm = world.member.user.dm_channel
    world.refuse("POST", f"/channels/{dm.id}/messages", 403, 50007)
    await grows(world)
    await world.later()
    notices = [post for post in world.posts() if f"<@{world.member.id}>" in seen(post)]
    assert len(notices) == 1
    assert await rows(world, "follows") == 0
    assert "paused" not in seen(await world.ask("subscriptions"))


async def test_it_ends_by_itself_when_nothing_is_reported_any_more(world: World) -> None:
    post = await followed(world)
    world.clock.forward(days=6)
    await world.app.tidy()
    assert await rows(world, "follows") == 1
    world.clock.forward(days=2)
    await world.app.tidy()
    assert await rows(world, "follows") == 0
    assert "has ended" in world.refusal(await world.press(post, FOLLOW, by=world.member))


async def test_a_member_follows_no_more_stories_than_allowed(world: World) -> None:
    limit(world, AlertLimits(follows_per_member=0))
    post = await posted(world)
    assert "can follow" in world.refusal(await world.press(post, FOLLOW, by=world.member))


async def test_a_follow_goes_on_with_the_story_that_another_was_merged_into(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    one = record("Harbour bridge closed after crack found", "a.example", quality=80, topics=["Space"])
    two = record("Engineers inspect damaged steel girder overnight", "b.example", topics=["Space"])
    await world.report(one, two)
    for post in world.posts():
        world.answer(await world.press(post, FOLLOW, by=world.member))
    assert await rows(world, "follows") == 2
    world.clock.forward(minutes=5)
    title = "Harbour bridge closed after crack found, engineers inspect damaged steel girder overnight"
    await world.report(record(title, "c.example", hours=1, quality=70, related=[one, two], topics=["Space"]))
    world.clock.forward(minutes=5)
    await world.deliver()
    assert await rows(world, "follows") == 1
    [message] = inbox(world, world.member)
    assert "Story #1" in seen(message)


async def test_an_alert_and_a_follow_of_one_story_are_one_message(world: World) -> None:
    await world.ask("alert create", query="metro", by=world.member)
    post = await posted(world)
    await world.app.alert()
    await world.deliver()
    world.answer(await world.press(post, FOLLOW, by=world.member))
    world.clock.forward(minutes=5)
    await grows(world)
    await world.app.alert()
    await world.deliver()
    [message] = inbox(world, world.member)
    assert "+1 outlet" in seen(message)
    assert STOP in labels(message)


async def test_two_messages_of_stories_that_become_one_are_one_story_and_a_pointer(world: World) -> None:
    await world.ask("alert create", query="harbour OR girder", by=world.member)
    one = record("Harbour bridge closed after crack found", "a.example", quality=80, topics=["Space"])
    two = record("Engineers inspect damaged steel girder overnight", "b.example", topics=["Space"])
    await world.take_in(one, two)
    await world.app.alert()
    await world.deliver()
    assert len(inbox(world, world.member)) == 2
    title = "Harbour bridge closed after crack found, engineers inspect damaged steel girder overnight"
    await world.take_in(record(title, "c.example", hours=1, quality=70, related=[one, two], topics=["Space"]))
    await world.app.alert()
    await world.later()
    assert sorted("continues in #1" in seen(m) for m in inbox(world, world.member)) == [False, True]


async def test_managers_see_how_much_there_is_and_nobody_sees_whose(world: World) -> None:
    await followed(world)
    await world.ask("alert create", query="whales", by=world.member)
    text = seen(await world.ask("status"))
    assert "1 alert of members · 1 followed story" in text
    assert "whales" not in text
    assert str(world.member.id) not in text
