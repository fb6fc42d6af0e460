"""Forwards: a manager sends the stories of a topic to an address outside of Discord."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from bot.domain.forwarding import ForwardLimits
from bot.domain.model import Volume
from bot.services import forwards
from bot.services.forwards import ForwardRequest
from tests.chat.world import World, seen
from tests.store.store_helpers import GUILD

URL = "https://hooks.example/services/very-secret"


async def test_the_secret_and_the_path_of_an_address_are_shown_once_and_logged_never(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    made = seen(await world.ask("forward add", topic="cv", url=URL, volume="notable"))
    [secret] = re.findall(r"twsec_[\w-]{43}", made)
    assert "Computer Vision" in made
    [forward] = (await forwards.listing(world.app.context, world.guild.id)).forwards
    assert (forward.url, forward.secret, forward.volume) == (URL, secret, Volume.NOTABLE)
    assert forward.channel_id == world.news.id
    listed = seen(await world.ask("forward list"))
    assert "hooks.example" in listed
    assert "notable" in listed
    for text in (listed, caplog.text):
        assert secret not in text
        assert "very-secret" not in text
    assert "hooks.example" in seen(await world.ask("forward resume", forward=f"#{forward.id}"))
    assert "hooks.example" in seen(await world.ask("forward remove", forward=str(forward.id)))
    assert "sends no stories" in seen(await world.ask("forward list"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example/x", "must begin with https://"),
        ("ftp://hooks.example/x", "does not begin with http"),
        ("https://me:pass@hooks.example/x", "user name or password"),
        ("https://0x7f000001/x", "number in an unusual form"),
        ("https://hooks.example:22/x", "port 22"),
        ("https://10.0.0.5/x", "private network (10.0.0.5), and forwards.private"),
        ("https://[::1]:8443/x", "private network (::1), and forwards.private"),
        ("nothing", "begin with http"),
    ],
)
async def test_an_address_that_may_not_be_is_refused_with_the_reason(
    world: World, url: str, reason: str
) -> None:
    assert reason in await world.refused("forward add", topic="AI", url=url)
    assert not (await forwards.listing(world.app.context, world.guild.id)).forwards


async def test_there_are_so_many_forwards_and_each_once(world: World) -> None:
    object.__setattr__(world.app.context, "forward_limits", ForwardLimits(per_server=2, plain_http=True))
    await world.ask("forward add", topic="AI", url=URL)
    assert "already sends" in await world.refused("forward add", topic="Artificial Intelligence", url=URL)
    await world.ask("forward add", topic="AI", url="http://hooks.example/y")
    assert "2 forwards" in await world.refused("forward add", topic="Space", url=URL)
    assert "no topic" in await world.refused("forward add", topic="Knitting", url=URL)


async def test_a_server_has_its_own_forwards_alone(world: World) -> None:
    request = ForwardRequest(GUILD, "AI", URL, Volume.EVERYTHING, 1)
    theirs = await forwards.add(world.app.context, request)
    for command in ("remove", "resume"):
        assert "no such forward" in await world.refused(f"forward {command}", forward=str(theirs.id))
    assert "hooks" not in seen(await world.ask("forward list"))
    assert (await forwards.listing(world.app.context, GUILD)).forwards


async def test_a_channel_in_which_the_bot_cannot_post_cannot_be_told_of_failures(world: World) -> None:
    world.deny(world.news, send_messages=True)
    assert "Send Messages" in await world.refused("forward add", topic="AI", url=URL)


async def test_a_topic_that_is_deleted_takes_its_forwards_along(world: World) -> None:
    await world.ask("topic create", name="Bridges", query="bridge")
    await world.ask("forward add", topic="Bridges", url=URL)
    assert len((await forwards.listing(world.app.context, world.guild.id)).forwards) == 1
    answer = await world.ask("topic delete", topic="Bridges")
    assert "It is sent to 1 address outside of Discord" in seen(answer)
    await world.press(answer, "Delete it")
    assert not (await forwards.listing(world.app.context, world.guild.id)).forwards


@pytest.mark.parametrize("command", ["add", "list", "remove", "resume"])
async def test_members_without_the_permission_are_refused(world: World, command: str) -> None:
    world.open_command("forward", world.member)
    options: dict[str, Any] = {"add": {"topic": "AI", "url": URL}, "list": {}}.get(command, {"forward": "1"})
    assert "Manage Server" in await world.refused(f"forward {command}", by=world.member, **options)
