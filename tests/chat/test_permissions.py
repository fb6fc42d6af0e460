"""Who may do what: as declared to Discord, and as checked again."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest
from simcord.backend.errors import SetupError

from tests.chat.world import ROCKET, World, seen
from tests.make import record

MANAGE_CHANNELS = discord.Permissions(manage_channels=True).value
MANAGE_MESSAGES = discord.Permissions(manage_messages=True).value
ADMINISTRATOR = discord.Permissions(administrator=True).value
MANAGE_GUILD = discord.Permissions(manage_guild=True).value


def synced(world: World) -> dict[str, dict[str, Any]]:
    """The commands as the bot declared them to Discord, by name."""
    (request,) = world.requests("PUT", "/applications/*/commands")
    assert request.json is not None
    return {command["name"]: command for command in request.json}


async def test_the_commands_and_who_is_shown_them(world: World) -> None:
    shown_to = {name: command["default_member_permissions"] for name, command in synced(world).items()}
    assert shown_to == {
        "subscribe": MANAGE_CHANNELS,
        "unsubscribe": MANAGE_CHANNELS,
        "appearance": MANAGE_CHANNELS,
        "subscriptions": None,
        "topics": None,
        "topic": None,  # likewise: everybody may try one
        "latest": None,
        "related": None,
        "why": None,
        "search": None,
        "digest": None,  # a group is shown as a whole, and everybody may look at the preview
        "alert": None,
        "api-token": MANAGE_GUILD,
        "data": ADMINISTRATOR,
        "forward": MANAGE_GUILD,
        "source": MANAGE_GUILD,
        "briefs": MANAGE_GUILD,
        "setup": MANAGE_GUILD,
        "votes": MANAGE_GUILD,
        "post-limit": MANAGE_CHANNELS,
        "quiet-hours": MANAGE_CHANNELS,
        "threads": MANAGE_CHANNELS,
        "mute": MANAGE_CHANNELS,
        "unmute": MANAGE_CHANNELS,
        "status": MANAGE_GUILD,
        "help": None,
        "Related": None,
        "Why is this here?": None,
        "Mute this outlet": MANAGE_CHANNELS,
        "Not the same story": MANAGE_MESSAGES,
        "Follow this story": None,
    }


async def test_all_commands_are_for_servers_only(world: World) -> None:
    everywhere = [name for name, command in synced(world).items() if command.get("contexts") != [0]]
    assert everywhere == []
    assert world.member.user.available_commands() == ()
    answer = await world.member.slash(world.news, "help")
    assert "Three steps to start" in seen(world.answer(answer))


async def test_every_command_and_option_is_described(world: World) -> None:
    def described(node: dict[str, Any]) -> None:
        assert re.fullmatch(r"[A-Z/].{5,99}", node["description"]), node
        for option in node.get("options", []):
            described(option)

    for command in synced(world).values():
        if command["type"] == discord.AppCommandType.chat_input.value:  # Discord refuses others a description
            described(command)


async def test_what_can_be_chosen_is_offered_as_a_choice(world: World) -> None:
    options = {option["name"]: option for option in synced(world)["subscribe"]["options"]}
    assert [choice["value"] for choice in options["mode"]["choices"]] == ["live", "digest", "both"]
    assert [choice["value"] for choice in options["volume"]["choices"]] == [
        "few",
        "some",
        "many",
        "everything",
        "notable",
        "major",
    ]
    assert options["topic"]["autocomplete"]
    assert [name for name, option in options.items() if option["required"]] == ["topic"]
    kinds = {discord.ChannelType(number).name for number in options["channel"]["channel_types"]}
    assert kinds == {"text", "news", "news_thread", "public_thread", "private_thread", "forum", "media"}


MANAGED: list[tuple[str, dict[str, Any], str]] = [
    ("subscribe", {"topic": "AI"}, "Manage Channels"),
    ("unsubscribe", {"topic": "AI"}, "Manage Channels"),
    ("appearance preview", {}, "Manage Channels"),
    ("appearance set", {"layout": "card"}, "Manage Channels"),
    ("appearance language", {"language": "fr"}, "Manage Channels"),
    ("mute", {"what": "x"}, "Manage Channels"),
    ("unmute", {"what": "x"}, "Manage Channels"),
    ("threads", {"switch": "on"}, "Manage Channels"),
    ("status", {}, "Manage Server"),
    ("data export", {}, "Administrator"),
    ("data delete", {}, "Administrator"),
]


async def test_a_member_is_not_shown_what_he_may_not_do_and_is_refused_all_the_same(world: World) -> None:
    for command, options, _ in MANAGED:
        with pytest.raises(SetupError, match="not visible to this user"):
            await world.member.slash(world.news, command, **options)
    # A server can show a command to whom it likes; that gives nobody the right.
    for command, options, permission in MANAGED:
        world.open_command(command.split()[0], world.member)
        text = await world.refused(command, by=world.member, **options)
        assert f"You need this permission: {permission}. Ask an admin of this server." in text
        assert "No channel has a subscription yet" in seen(await world.ask("subscriptions"))


async def test_managing_one_channel_gives_no_right_in_another(world: World) -> None:
    other = world.guild.create_text_channel("other")
    world.allow(world.news, world.member, manage_channels=True)
    await world.ask("subscribe", topic="AI", channel=other)
    for command in ("subscribe", "unsubscribe"):
        text = await world.refused(command, by=world.member, topic="AI", channel=other)
        assert f"You need the Manage Channels permission in {other.mention}." in text
    assert "follows" in seen(await world.ask("subscribe", by=world.member, topic="AI"))


async def test_the_bot_asks_for_the_least_it_needs(world: World) -> None:
    """The invitation in the log of a bot that is in no server yet."""
    (invitation,) = re.findall(r"invite it: (\S+)", world.setup_log)
    asked = re.search(r"permissions=(\d+)", invitation)
    assert asked is not None
    assert {name for name, has in discord.Permissions(int(asked[1])) if has} == {
        "read_messages",  # View Channel
        "send_messages",
        "send_messages_in_threads",
        "embed_links",
        "read_message_history",
    }
    assert "scope=bot+applications.commands" in invitation


async def test_the_bot_hears_of_servers_and_channels_only(world: World) -> None:
    assert {name for name, has in world.app.client.intents if has} == {"guilds"}
    await world.member.send(world.news, "hello, bot")
    dropped = {name for kind, name, _ in world.env.backend.transcript if kind == "DROPPED"}
    assert "MESSAGE_CREATE" in dropped
    assert not world.app.client.cached_messages
    assert [member.id for member in world.app.client.get_all_members()] == [world.env.backend.bot_user.id]


async def test_a_command_that_the_bot_no_longer_has(world: World) -> None:
    """Discord shows commands for a while after they changed."""
    world.env.backend.commands[None]["gone", 1] = {
        **synced(world)["help"],
        "name": "gone",
        "id": "77",
        "type": 1,
        "contexts": None,
    }
    text = world.refusal(await world.manager.slash(world.news, "gone"), raised=1)
    assert "Discord still shows an old version of this command. Try again in a minute." in text


async def test_posting_needs_no_more_than_the_invitation_gives(world: World) -> None:
    forum, wire = world.forum(tags=["Space"]), world.guild.create_news_channel("wire")
    thread = world.thread()
    for channel in (world.news, forum, thread):
        await world.ask("subscribe", topic="Space", channel=channel, mention=world.role("readers"))
    await world.ask("subscribe", topic="Space", channel=wire, publish=True)
    await world.report(record(ROCKET[0], quality=80))
    assert [len(world.posts(channel)) for channel in (world.news, thread, wire)] == [1, 1, 1]
    assert len(forum.threads) == 1
    assert world.published(wire) == world.posts(wire)
