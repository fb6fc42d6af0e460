"""How often people may ask, and from where: by member, by server, and only where the bot is."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.chat.limits import COMPLETIONS, OTHERS, RATES, ROLE_CHANGES, GuildRateLimit, Rate
from tests.chat.panel_user import PanelUser
from tests.chat.world import METRO, World, seen
from tests.make import record

COMMANDS = [command for rate in RATES for command in rate.commands]


def rate_of(command: str) -> Rate:
    """What a command is limited to."""
    return next(rate for rate in RATES if command in rate.commands)


def all_commands(world: World) -> list[str]:
    """The names of all slash commands."""
    tree = world.app.client.tree
    return [
        command.qualified_name
        for command in tree.walk_commands()
        if isinstance(command, discord.app_commands.Command)
    ]


async def test_every_limit_is_that_of_a_command(world: World) -> None:
    assert set(COMMANDS) <= set(all_commands(world))
    for rate in (*RATES, OTHERS, COMPLETIONS, ROLE_CHANGES):
        assert 0 < rate.member <= rate.server


async def test_a_member_can_only_ask_so_often_and_is_told_when_again(world: World) -> None:
    limited: dict[str, dict[str, Any]] = {
        "topic test": {"topic": "wind"},
        "search": {"query": "wind"},
        "topic create": {"name": "AI", "query": "x"},  # a name that is taken
    }
    for command, options in limited.items():
        for _ in range(rate_of(command).member):
            await world.manager.slash(world.news, command, **options)
        assert "Try again in 60 seconds." in await world.refused(command, **options), command
        assert "Topics" in seen(await world.ask("topics")), "other commands go on"


LIMITED_FORMS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("source add", "Feeds", "Add a feed…", {"url": "no address", "topic": ""}),
    ("topic create", "Server", "New topic…", {"name": "X", "query": "(", "aliases": "", "parent": ""}),
    ("appearance face", "Channel", "Name and picture…", {"name": "", "address": "no address"}),
)


async def test_what_is_limited_as_a_command_is_as_limited_in_the_panel(world: World) -> None:
    for command, page, label, typed in LIMITED_FORMS:
        user = await PanelUser.opens(world)
        await user.presses(page)
        for _ in range(rate_of(command).member):
            await user.types(label, **typed)
            assert "Too many requests." not in user.text, command
        await user.types(label, **typed)
        assert "Too many requests." in user.text, command
        await world.a_minute_later()


async def test_one_member_does_not_use_up_what_others_may_ask(world: World) -> None:
    for _ in range(rate_of("search").member + 5):
        await world.member.slash(world.news, "search", query="wind")
    assert "Search: wind" in seen(await world.ask("search", query="wind"))


async def test_commands_without_a_limit_of_their_own_have_one_too(world: World) -> None:
    for _ in range(OTHERS.member):
        await world.manager.slash(world.news, "help")
    assert "Too many requests" in await world.refused("latest")


def _asked(guild_id: int, user_id: int, seconds: float) -> Any:
    class Asked:
        created_at = discord.utils.snowflake_time(discord.utils.time_snowflake(discord.utils.utcnow()))
        user = discord.Object(user_id)

    asked = Asked()
    asked.guild_id = guild_id  # type: ignore[attr-defined]
    asked.created_at = discord.utils.snowflake_time(int(seconds * 1000) << 22)
    return asked


def test_a_server_has_a_limit_for_all_its_members_together() -> None:
    limit = GuildRateLimit(Rate((), member=2, server=5))
    for user in range(5):
        limit.count(_asked(7, user, 0))
    with pytest.raises(discord.app_commands.CommandOnCooldown) as caught:
        limit.count(_asked(7, 99, 1))
    assert caught.value.retry_after == 59
    limit.count(_asked(8, 99, 1))  # another server
    limit.count(_asked(7, 98, 61))  # a minute later


def test_what_a_member_is_refused_does_not_count_for_the_server() -> None:
    limit = GuildRateLimit(Rate((), member=1, server=2))
    limit.count(_asked(7, 1, 0))
    for _ in range(5):
        with pytest.raises(discord.app_commands.CommandOnCooldown):
            limit.count(_asked(7, 1, 1))
    limit.count(_asked(7, 2, 2))


async def test_who_types_too_fast_is_offered_nothing_for_a_while(world: World) -> None:
    await world.report(record(METRO[0], quality=80))
    for _ in range(COMPLETIONS.member):
        assert await world.typing("related", "story", "metro")
    assert await world.typing("related", "story", "metro") == {}
    assert "page" not in await world.typing("latest", "topic", "sp", sort="newest")


async def test_buttons_count_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.member.slash(world.news, "help")
    await world.report(record(METRO[0], quality=80, topics=["AI"]))
    counted: list[object] = []
    limits = world.app.client.tree.limits  # type: ignore[attr-defined]
    monkeypatch.setattr(limits, "count", counted.append)
    await world.ask("subscribe", topic="AI", volume="everything")
    before = len(counted)
    await world.report(record("Robots sort apples at last", "b.example", quality=80, topics=["AI"]))
    await world.press(world.posts()[-1], "Related coverage")
    assert len(counted) == before + 1


# From where.


async def test_commands_are_for_servers_that_installed_the_bot(world: World) -> None:
    tree = world.app.client.tree
    for command in tree.get_commands():
        declared = command.to_dict(tree)
        assert declared["integration_types"] == [0], command.name  # servers, and no users
        assert declared["contexts"] == [0], command.name


def from_elsewhere(world: World, name: str, options: list[dict[str, Any]], kind: int = 2) -> Any:
    """An interaction in a server without the bot, by somebody who installed the application for themselves."""
    permissions = str((1 << 50) - 1)
    user = {"id": "77", "username": "mallory", "discriminator": "0", "avatar": None}
    data: dict[str, Any] = {
        "id": str(discord.utils.time_snowflake(discord.utils.utcnow())),
        "application_id": "1",
        "type": kind,
        "token": "token",
        "version": 1,
        "guild_id": "5150",
        "guild": {"id": "5150", "features": [], "locale": "en-GB"},
        "channel_id": "5151",
        "channel": {
            "id": "5151",
            "type": 0,
            "guild_id": "5150",
            "name": "lounge",
            "permissions": permissions,
            "position": 0,
        },
        "member": {
            "user": user,
            "roles": [],
            "joined_at": "2021-05-01T00:00:00+00:00",
            "deaf": False,
            "mute": False,
            "permissions": permissions,
            "flags": 0,
        },
        "authorizing_integration_owners": {"1": "77"},
        "context": 0,
        "app_permissions": "0",
        "entitlements": [],
        "locale": "en-GB",
        "attachment_size_limit": 1,
        "data": {"id": "9", "name": name, "type": 1, "options": options},
    }
    return discord.Interaction(data=data, state=world.app.client._connection)  # type: ignore[arg-type]


class Answers:
    """Takes the place of what an interaction answers with."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.choices: list[object] = []

    async def defer(self, **_: object) -> None:
        """It was heard."""

    def is_done(self) -> bool:
        """It was deferred."""
        return True

    async def autocomplete(self, choices: list[object]) -> None:
        """These are offered."""
        self.choices.append(choices)


async def _called(world: World, interaction: Any, monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    interaction._cs_response = answers

    async def reply(_interaction: object, *, view: discord.ui.LayoutView, **_: object) -> None:
        answers.texts.append(
            "\n".join(
                item.content for item in view.walk_children() if isinstance(item, discord.ui.TextDisplay)
            )
        )

    monkeypatch.setattr("bot.chat.errors.reply", reply)
    await world.app.client.tree._call(interaction)
    return answers


async def test_in_a_server_without_the_bot_no_command_works(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = [
        {"name": "name", "type": 3, "value": "Mine"},
        {"name": "query", "type": 3, "value": "mine"},
    ]
    for command in ("topic create", "help", "latest", "source add"):
        name, _, sub = command.partition(" ")
        options = [{"name": sub, "type": 1, "options": filled}] if sub else []
        answers = await _called(world, from_elsewhere(world, name, options), monkeypatch)
        (text,) = answers.texts
        assert "servers that the bot was added to" in text, command
        async with world.app.context.db.read() as connection:
            assert (await world.app.context.topics.load(connection, 5150)).resolve("Mine") is None, command


async def test_in_a_server_without_the_bot_nothing_is_completed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [{"name": "topic", "type": 3, "value": "a", "focused": True}]
    answers = await _called(world, from_elsewhere(world, "latest", typed, kind=4), monkeypatch)
    assert answers.choices == [[]]
    assert answers.texts == []
