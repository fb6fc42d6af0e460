"""How posts look is chosen for each subscription, and shown on a real story before that."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from tests.chat.world import METRO, ROCKET, WHALES, World, body, labels, mentions_in, seen
from tests.make import record
from tests.shown import plain, shown

PICTURE = "https://pictures.example/metro.png"


async def report(world: World) -> None:
    """A story with a picture comes in."""
    await world.report(record(METRO[0], "a.example", quality=80, image=PICTURE, excerpt="It was decided."))


@pytest.mark.parametrize(
    ("layout", "picture", "brief", "buttons"),
    [
        ("card", PICTURE, True, ["Read", "Related coverage", "Follow this story"]),
        ("compact", "", False, ["Coverage", "Follow this story"]),
        ("headline", PICTURE, False, ["Read", "Related coverage", "Follow this story"]),
    ],
)
async def test_a_subscription_chooses_how_its_posts_look(
    world: World, layout: str, picture: str, brief: bool, buttons: list[str]
) -> None:
    role = world.role("readers")
    await world.ask("subscribe", topic="AI", layout=layout, mention=role)
    await report(world)
    (post,) = world.posts()
    page = shown(post)
    assert METRO[0] in page.text
    assert page.picture == picture
    assert ("It was decided." in page.text) is brief
    assert labels(post) == buttons
    assert page.lines[0] == role.mention
    assert [role.id for role in post.role_mentions] == [role.id]
    coverage = await world.press(post, buttons[-2], by=world.member)
    assert METRO[0] in seen(world.answer(coverage))


async def test_each_layout_is_shown_on_a_recent_story_and_the_one_shown_can_be_used(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await report(world)
    answer = await world.ask("appearance preview")
    assert labels(answer) == [
        "Read",
        "Related coverage",
        "Follow this story",
        "Compact",
        "Headline",
        "Use card",
    ]
    assert shown(answer).picture == PICTURE
    await world.press(answer, "Compact")
    assert labels(answer) == ["Coverage", "Follow this story", "Card", "Headline", "Use compact"]
    assert shown(answer).picture == ""
    told = world.answer(await world.press(answer, "Use compact"))
    assert f"Set for 1 subscription in {world.news.mention}." in seen(told)
    assert "compact layout" in seen(await world.ask("subscriptions"))
    world.clock.forward(minutes=5)
    await world.report(record(WHALES[0], "w.example", quality=80), record(METRO[1], "b.example", quality=70))
    assert len(world.posts()) == 2
    assert all(labels(post) == ["Coverage", "Follow this story"] for post in world.posts())


async def test_colour_and_layout_are_set_for_a_topic_a_channel_or_the_server(world: World) -> None:
    other = world.guild.create_text_channel("other")
    for channel in (world.news, other):
        for topic in ("AI", "Space"):
            await world.ask("subscribe", topic=topic, channel=channel)
    assert "1 subscription" in seen(await world.ask("appearance set", colour="#0a0B0c", topic="ai"))
    assert "2 subscriptions" in seen(await world.ask("appearance set", layout="headline"))
    everywhere = seen(await world.ask("appearance set", colour="ff0000", everywhere=True, topic="Space"))
    assert "2 subscriptions in this server" in everywhere
    await world.report(record(METRO[0], "a.example", quality=80), record(ROCKET[0], "b.example", quality=79))
    colours = {(post.channel.id, plain(shown(post).title)): shown(post).colours for post in world.posts()}
    colours |= {
        (post.channel.id, plain(shown(post).title)): shown(post).colours for post in world.posts(other)
    }
    assert colours == {
        (world.news.id, METRO[0]): (0x0A0B0C,),
        (other.id, METRO[0]): (0x112233,),
        (world.news.id, ROCKET[0]): (0xFF0000,),
        (other.id, ROCKET[0]): (0xFF0000,),
    }
    await world.ask("appearance set", colour="topic", topic="AI")
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "c.example", quality=60))
    (metro,) = [post for post in world.posts() if shown(post).title == METRO[0]]
    assert shown(metro).colours == (0x112233,), "a post follows with its next edit"


async def test_what_cannot_be_set_says_why(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "Choose a layout, a colour, or both."),
        ({"colour": "reddish"}, "“reddish” is not a colour: write it like #2D9CDB"),
        ({"colour": "#12345"}, "is not a colour"),
        ({"colour": "x" * 6000}, "is not a colour"),
        ({"layout": "card", "topic": "Space"}, "There is no such subscription yet. Start with /subscribe."),
        ({"layout": "card", "topic": "Sail"}, "There is no topic “Sail”. Did you mean: AI?"),
    ]
    for options, words in cases:
        assert words in await world.refused("appearance set", **options)


async def test_without_a_story_there_is_nothing_to_show(world: World) -> None:
    assert "No story has come in yet" in await world.refused("appearance preview")
    await world.take_in(record(ROCKET[0], quality=80))
    assert ROCKET[0] in seen(await world.ask("appearance preview")), (
        "any story, where the channel follows none"
    )
    assert "No story has come in yet" in await world.refused("appearance preview", topic="Computer Vision")


async def test_only_who_manages_channels_may_choose(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await report(world)
    world.open_command("appearance", world.member)
    commands: dict[str, dict[str, Any]] = {"appearance preview": {}, "appearance set": {"layout": "compact"}}
    for command, options in commands.items():
        refusal = await world.refused(command, by=world.member, **options)
        assert "You need this permission: Manage Channels" in refusal
    curator = world.guild.add_member(world.env.create_user("clara"))
    world.allow(world.news, curator, manage_channels=True)
    assert "whole server" in await world.refused(
        "appearance set", by=curator, layout="compact", everywhere=True
    )
    answer = await world.ask("appearance preview", by=curator)
    world.allow(world.news, curator, manage_channels=False, send_messages=True)
    world.env.backend.delete_overwrite(world.news.id, curator.id)
    assert "Manage Channels" in world.refusal(await world.press(answer, "Use card", by=curator))


async def test_a_preview_pings_nobody(world: World) -> None:
    await world.ask("subscribe", topic="AI", mention=world.role("readers"))
    await report(world)
    answer = await world.ask("appearance preview")
    assert "<@&" not in seen(answer)
    assert answer.message.flags == discord.MessageFlags(ephemeral=True, components_v2=True)
    sent = world.requests("PATCH", "/webhooks/*/messages/@original")[-1]
    assert mentions_in(body(sent)) == ([], [])
