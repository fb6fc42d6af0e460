"""Tokens that read a server's stories: a manager creates, lists and revokes them in Discord."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

import pytest

from bot.services import api_tokens
from bot.services.context import ApiAccess
from tests.chat.world import World, seen
from tests.store.store_helpers import GUILD


def listen(world: World, **access: Any) -> None:
    """Have the bot listen, as far as commands are concerned."""
    api = replace(ApiAccess(is_on=True, public_url="https://news.example"), **access)
    object.__setattr__(world.app.context, "api", api)


async def test_a_token_is_shown_once_to_whoever_creates_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    listen(world)
    await world.ask("subscribe", topic="Computer Vision")
    made = seen(await world.ask("api-token create", name="our *site*"))
    [token, again] = re.findall(r"tw_\d+_[\w-]{43}", made)
    assert token == again
    assert f"https://news.example/feeds/Computer%20Vision.atom?token={token}" in made
    context = world.app.context
    shown = await api_tokens.authenticate(context, token)
    assert shown is not None
    assert shown.guild_id == world.guild.id
    listed = seen(await world.ask("api-token list"))
    assert r"our \*site\*" in listed
    assert token.rpartition("_")[2] not in listed + caplog.text
    assert not world.posts()
    assert r"our \*site\*" in seen(await world.ask("api-token revoke", name="our *site*"))
    assert await api_tokens.authenticate(context, token) is None
    assert "no tokens" in seen(await world.ask("api-token list"))


async def test_there_are_so_many_tokens_and_each_has_a_name_of_its_own(world: World) -> None:
    listen(world, tokens_per_server=2)
    await world.ask("api-token create", name="one")
    assert "another name" in await world.refused("api-token create", name=" one ")
    assert "name that says" in await world.refused("api-token create", name="\u200b")
    await world.ask("api-token create", name="two")
    assert "2 tokens" in await world.refused("api-token create", name="three")
    await world.ask("api-token revoke", name="one")
    await world.ask("api-token create", name="three")


async def test_a_server_can_revoke_its_own_tokens_alone(world: World) -> None:
    listen(world)
    theirs = await api_tokens.create(world.app.context, GUILD, "theirs", 7)
    assert "no such token" in await world.refused("api-token revoke", name="theirs")
    assert "theirs" not in seen(await world.ask("api-token list"))
    assert await api_tokens.authenticate(world.app.context, theirs.text) is not None


async def test_without_an_endpoint_there_are_no_tokens_and_the_answer_says_why(world: World) -> None:
    assert "http.listen" in await world.refused("api-token create", name="one")


async def test_members_without_the_permission_are_refused(world: World) -> None:
    listen(world)
    world.open_command("api-token", world.member)
    for command in ("create", "list", "revoke"):
        options: dict[str, Any] = {} if command == "list" else {"name": "x"}
        text = await world.refused(f"api-token {command}", by=world.member, **options)
        assert "Manage Server" in text, command
