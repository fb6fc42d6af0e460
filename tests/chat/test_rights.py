"""Rights are looked at when a button is pressed, a menu used or a form sent, however long after the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from simcord.actors import MemberActor

from tests.chat.test_curate import BRIDGE, menu_of, two_stories
from tests.chat.world import World, message_of, seen
from tests.make import record

Later = Callable[[], Awaitable[Any]]
Asks = Callable[[World, MemberActor], Awaitable[Later]]
RIGHTS = discord.Permissions(manage_messages=True, manage_channels=True, manage_guild=True)


async def merging(world: World, by: MemberActor) -> Later:
    shown = await world.ask("related", story="1", by=by)
    return lambda: world.press(shown, "Merge with…", by=by)


async def merging_form(world: World, by: MemberActor) -> Later:
    asked = await (await merging(world, by))()
    return lambda: by.submit_modal(asked, {"other": "2"})


async def parting(world: World, by: MemberActor) -> Later:
    shown = await world.ask("related", story="1", by=by)
    return lambda: world.press(shown, "Not the same story…", by=by)


async def parting_menu(world: World, by: MemberActor) -> Later:
    asked = world.answer(await (await parting(world, by))())
    value = menu_of(asked).options[-1].value
    return lambda: by.select(message_of(asked), [value])


async def muting(world: World, by: MemberActor) -> Later:
    shown = await world.ask("mute", what="a.example", by=by)
    return lambda: world.press(shown, "Undo", by=by)


async def muting_much(world: World, by: MemberActor) -> Later:
    await world.report(record("A lamp is lit", topics=["Space"]), record("A walrus naps", topics=["Space"]))
    shown = await world.ask("mute", what="a", by=by)
    return lambda: world.press(shown, "Mute it", by=by)


async def setting_a_zone(world: World, by: MemberActor) -> Later:
    await world.ask("subscribe", topic="Space", mode="both", by=by)
    shown = await world.ask("digest set", time="08:00", timezone="EST", by=by)
    return lambda: world.press(shown, "Use UTC-5", by=by)


async def deleting(world: World, by: MemberActor) -> Later:
    await world.ask("topic create", name="Cranes", query="crane", by=by)
    shown = await world.ask("topic delete", topic="Cranes", by=by)
    return lambda: world.press(shown, "Delete it", by=by)


async def posting(world: World, by: MemberActor) -> Later:
    world.clock.forward(days=1, hours=1)  # or it would be one of the first posts
    shown = await world.ask(
        "subscribe", topic="Space", channel=world.guild.create_text_channel("late"), by=by
    )
    return lambda: world.press(shown, "Post the newest story now", by=by)


ASKING: tuple[Asks, ...] = (
    merging,
    merging_form,
    parting,
    parting_menu,
    setting_a_zone,
    deleting,
    posting,
    muting_much,
    muting,
)


async def test_a_right_that_was_taken_away_meanwhile_is_missed(world: World) -> None:
    await two_stories(world)
    await world.report(record(f"{BRIDGE} again", "c.example", hours=1))
    role = world.guild.create_role("desk", permissions=RIGHTS)
    by = world.guild.add_member(world.env.create_user("mara"), roles=[role])
    asked = [(asks.__name__, await asks(world, by)) for asks in ASKING]
    world.env.backend.edit_role(world.guild.id, role.id, {"permissions": 0})
    await world.env.settle()
    for case, later in asked:
        result = await later()
        answers = [seen(one) for one in (result.response, *result.followups) if one is not None]
        assert any("Manage" in one and "need" in one for one in answers), case
    world.errors = len(world.env.errors)
