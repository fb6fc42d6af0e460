"""Where a bot reaches Discord: each client at the addresses that it was given, whatever else runs in the process."""

from __future__ import annotations

import asyncio

import aiohttp
import discord
import pytest
from discord.http import Route
from discord.webhook.async_ import async_context

from bot.chat.application import application_of
from bot.chat.connection import unreachable
from bot.chat.transport import DISCORD, DiscordAddresses, WebhookAdapter
from bot.errors import TopicwireError
from tests.loopback import WEBHOOK, Loopback


def at(server: Loopback) -> DiscordAddresses:
    """The addresses of a Discord on the loopback."""
    return DiscordAddresses(f"{server.api_url}/v10", server.gateway.address)


async def test_two_bots_of_one_process_reach_a_discord_each() -> None:
    first, second = Loopback(), Loopback()
    base = Route.BASE
    async with first.serving(), second.serving():
        await asyncio.gather(application_of("one", at(first)), application_of("two", at(second)))
    asked = ["gateway", "users/@me", "oauth2/applications/@me"]
    assert [path for _, path in first.requests] == asked
    assert [path for _, path in second.requests] == asked
    assert base == Route.BASE


async def test_webhooks_of_two_bots_reach_a_discord_each() -> None:
    first, second = Loopback(), Loopback()
    usual = async_context.get()

    async def post(server: Loopback) -> None:
        WebhookAdapter(at(server)).use()
        async with aiohttp.ClientSession() as session:
            webhook = discord.Webhook.partial(WEBHOOK.id, WEBHOOK.token, session=session)
            await webhook.send("Night train", wait=True)

    async with first.serving(), second.serving():
        await asyncio.gather(asyncio.create_task(post(first)), asyncio.create_task(post(second)))
    assert len(first.messages) == len(second.messages) == 1
    assert async_context.get() is usual


async def test_an_address_at_which_nobody_answers_is_no_discord() -> None:
    nowhere = DiscordAddresses("http://127.0.0.1:1/api/v10")
    assert await unreachable(nowhere) is not None
    with pytest.raises(TopicwireError, match="Discord cannot be reached"):
        await application_of("one", nowhere)


@pytest.mark.parametrize("url", ["wss://gateway.discord.gg/", "wss://gateway-us-east1-b.discord.gg/"])
def test_every_connection_to_the_gateway_goes_to_its_address(url: str) -> None:
    query = "?v=10&encoding=json&compress=zlib-stream"
    addresses = DiscordAddresses(gateway="ws://proxy:7878/discord")
    assert addresses.socket(url + query) == "ws://proxy:7878/discord" + query
    assert DISCORD.socket(url + query) == url + query
