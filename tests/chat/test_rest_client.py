"""A sender has no gateway: it asks Discord for what it needs to know of a server, and only then."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

import pytest
from discord.ext import commands

from bot.chat import rest_client
from bot.chat.client import ClientOptions
from bot.chat.pacer import Pacer
from bot.chat.port import Target
from bot.chat.rest_client import RestClient
from bot.chat.sender import MEMBER_AGE, SERVER_AGE, DiscordSender
from bot.chat.server_changes import EVENTS, report_changes
from bot.chat.transport import DiscordAddresses
from bot.domain.retry import SendStatus
from bot.messages.layout import Markdown
from bot.messages.message import Message
from bot.services.context import Context
from bot.store.database import Database
from tests.loopback import large
from tests.loopback.objects import CHANNEL, FORUM, GUILD, SEND_ALL, SMALL, TEXT, GuildLayout
from tests.loopback.server import Loopback
from tests.make import Clock

OF_A_SERVER = ("guilds/*", "guilds/*/channels", "guilds/*/members/*")
MANY = 10_000_000  # requests an hour, of which few are made here
MUTE = GuildLayout(9 << 22, {90: TEXT}, SEND_ALL & ~(1 << 16))  # the bot may read no history there


async def _no_commands(_bot: commands.Bot, _context: Context) -> None:
    """None are needed."""


@dataclass
class Office:
    """A sender and the Discord that it sends to."""

    discord: Loopback
    pacer: Pacer
    client: RestClient
    sender: DiscordSender
    clock: Clock

    async def send(self, channel_id: int, guild_id: int = GUILD, user_id: int | None = None) -> SendStatus:
        """Send a message; what became of it."""
        target = Target(guild_id, channel_id, user_id=user_id)
        outcome = await self.sender.send(
            target, Message((Markdown.of("A ferry sails"),)), f"n{len(self.discord.requests)}"
        )
        return outcome.result

    def read(self) -> Counter[str]:
        """What was asked about servers since the last time, by path without ids."""
        asked = Counter(
            "/".join("*" if part.isdecimal() else part for part in path.split("/"))
            for method, path in self.discord.requests
            if method == "GET" and path.startswith("guilds/")
        )
        self.discord.requests.clear()
        return asked


@pytest.fixture
async def office(sqlite_url: str, clock: Clock) -> AsyncIterator[Office]:
    db = await Database.open(sqlite_url)
    discord = Loopback((*SMALL, *large(2, 1), MUTE))
    async with discord.serving():
        pacer = Pacer(MANY, period=3600.0)
        client = RestClient(
            Context(db, clock),
            _no_commands,
            ClientOptions(pacer=pacer, addresses=DiscordAddresses(f"http://127.0.0.1:{discord.port}/api")),
        )
        connected = asyncio.create_task(client.stay_connected("a.made-up.token"))
        await client.up.wait()
        assert client.is_connected
        yield Office(discord, pacer, client, DiscordSender(client), clock)
        await client.close()
        await connected
        assert not client.is_connected
    await db.close()
    assert not discord.gateway.sessions


async def test_a_server_is_read_once_for_all_messages_to_it(office: Office) -> None:
    assert await office.send(CHANNEL) is SendStatus.OK
    assert office.read() == Counter(OF_A_SERVER)
    results = await asyncio.gather(*(office.send(where) for where in (CHANNEL, FORUM, CHANNEL)))
    assert set(results) == {SendStatus.OK}
    assert office.read() == Counter()


async def test_all_requests_count_towards_the_pace_also_those_that_read_a_server(office: Office) -> None:
    await office.send(CHANNEL)
    await office.send(FORUM, user_id=4)
    requests = len(office.discord.requests)
    assert office.pacer.pace.used(asyncio.get_running_loop().time()) * MANY == pytest.approx(requests)


async def test_messages_at_the_same_time_read_a_server_once(office: Office) -> None:
    await asyncio.gather(*(office.send(CHANNEL) for _ in range(5)))
    assert office.read() == Counter(OF_A_SERVER)


async def test_a_server_is_read_again_after_a_change_there_and_after_a_while(office: Office) -> None:
    one, other = 1 << 22, 2 << 22
    for guild_id in (one, other):
        await office.send(guild_id | 1, guild_id)
    office.read()
    office.client.forget_server(one)
    for guild_id in (one, other):
        await office.send(guild_id | 1, guild_id)
    assert office.read() == Counter(OF_A_SERVER)
    office.client.forget_servers()
    for guild_id in (one, other):
        await office.send(guild_id | 1, guild_id)
    assert set(office.read().values()) == {2}
    office.clock.forward(seconds=(SERVER_AGE + timedelta(seconds=1)).total_seconds())
    await office.send(one | 1, one)
    assert office.read() == Counter(OF_A_SERVER)


async def test_what_a_member_may_see_is_known_from_the_last_minutes(office: Office) -> None:
    assert await office.send(CHANNEL) is SendStatus.OK
    office.clock.forward(seconds=(MEMBER_AGE + timedelta(seconds=1)).total_seconds())
    office.read()
    assert await office.send(CHANNEL) is SendStatus.OK
    assert office.read() == Counter()
    assert await office.send(CHANNEL, user_id=4) is SendStatus.OK
    assert office.read() == Counter((*OF_A_SERVER, "guilds/*/members/*"))


async def test_the_cache_has_what_a_gateway_would_bring(office: Office) -> None:
    await office.send(90, MUTE.id)
    guild = office.client.get_guild(MUTE.id)
    assert guild is not None
    channel = guild.get_channel(90)
    assert channel is not None
    assert guild.me.id == office.client.user.id  # type: ignore[union-attr] # it is logged in
    may = channel.permissions_for(guild.me)
    assert (may.send_messages, may.read_message_history) == (True, False)
    assert guild.default_role is not None
    assert not guild.unavailable


async def test_a_server_without_the_bot_is_refused_by_discord_and_asked_for_once(office: Office) -> None:
    for _ in range(2):
        assert await office.send(77, 7 << 22) is SendStatus.REFUSED
    assert office.read()["guilds/*"] == 1


async def test_a_failed_reading_is_tried_again_with_the_next_message(office: Office) -> None:
    office.discord.gateway.guilds, present = (), office.discord.gateway.guilds
    assert await office.send(CHANNEL) is SendStatus.OK  # the channel is asked for by itself
    office.discord.gateway.guilds = present
    office.client.forget_server(GUILD)
    assert await office.send(CHANNEL) is SendStatus.OK
    assert office.client.get_guild(GUILD) is not None


async def test_the_servers_that_were_used_longest_ago_leave_the_cache(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_client, "MOST_SERVERS", 2)
    one, other = 1 << 22, 2 << 22
    for guild_id in (one, other, one):
        await office.send(guild_id | 1, guild_id)
    await office.send(CHANNEL)
    assert {guild.id for guild in office.client.guilds} == {one, GUILD}


async def test_a_server_that_left_the_cache_costs_no_request_until_it_is_too_old(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More servers than the cache has objects of, one after the other, again and again."""
    monkeypatch.setattr(rest_client, "MOST_SERVERS", 1)
    servers = {1 << 22: 1 << 22 | 1, 2 << 22: 2 << 22 | 1, GUILD: CHANNEL}
    for _ in range(3):
        for guild_id, channel_id in servers.items():
            assert await office.send(channel_id, guild_id) is SendStatus.OK
            assert [guild.id for guild in office.client.guilds] == [guild_id]
    assert office.read() == Counter(OF_A_SERVER * len(servers))
    office.client.forget_server(GUILD)
    for guild_id, channel_id in servers.items():
        await office.send(channel_id, guild_id)
    assert office.read() == Counter(OF_A_SERVER)
    monkeypatch.setattr(rest_client, "MOST_PACKED", 2)
    await office.send(CHANNEL)
    await office.send(1 << 22 | 1, 1 << 22)
    assert office.read() == Counter(OF_A_SERVER), "it went with what was kept of it"


async def test_servers_that_are_read_at_once_may_be_more_than_are_remembered(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is being read leaves the cache because of others, and comes back with what Discord answers."""
    monkeypatch.setattr(rest_client, "MOST_PACKED", 1)
    servers = (1 << 22, 2 << 22, GUILD)
    for _ in range(2):
        await asyncio.gather(*(office.client.read_server(server, SERVER_AGE) for server in servers))
        assert len(office.client.guilds) == 1, "none stays beyond the bound"
        office.client.forget_servers()
    await office.client.read_server(GUILD, SERVER_AGE)
    assert [guild.id for guild in office.client.guilds] == [GUILD]


async def test_gateways_report_every_change_that_a_sender_must_know_of() -> None:
    heard: list[int] = []
    listeners: dict[str, object] = {}
    client = SimpleNamespace(add_listener=lambda function, event: listeners.update({event: function}))
    report_changes(client, heard.append)  # type: ignore[arg-type] # as much of it as is used
    assert set(listeners) == set(EVENTS)
    guild = SimpleNamespace(id=5)
    for event, function in listeners.items():
        arguments = (guild,) if event.startswith("on_guild_a") else (SimpleNamespace(guild=guild),)
        await function(*arguments)  # type: ignore[operator] # a coroutine function
    assert heard == [5] * len(EVENTS)
