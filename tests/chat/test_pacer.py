"""Requests of discord.py at Discord's pace, against a Discord that refuses every one too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import discord
import pytest

from bot.chat.pacer import Pacer
from bot.chat.transport import DiscordAddresses, WebhookAdapter, supervise, tracing, webhook_session
from bot.domain.posting.face import WebhookKey
from bot.domain.requests import pace
from bot.domain.requests.buckets import route_of
from bot.domain.requests.invalid import CAREFUL
from tests.loopback import CHANNEL, GUILD, Bucket, Fault, GuildLayout, Limit, Limits, Loopback
from tests.loopback.objects import webhook

CHANNELS = range(CHANNEL, CHANNEL + 40)
SEND = Bucket("send", Limit(3, 0.15), ("POST /channels/*/messages",))
SMALL = Limits(per_token=Limit(20, 0.1), invalid=None, buckets=(SEND,), sublimits=())


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests count until they are answered, so that a machine that stops for a moment changes nothing."""
    monkeypatch.setattr(pace, "LONGEST_DELAY", 60.0)


@asynccontextmanager
async def paced(server: Loopback, pacer: Pacer) -> AsyncIterator[discord.Client]:
    """A client of that Discord that keeps to the pace."""
    async with server.serving():
        client = discord.Client(intents=discord.Intents.none(), http_trace=tracing(pacer))
        supervise(client.http, pacer, DiscordAddresses(f"http://127.0.0.1:{server.port}/api"))
        try:
            await client.login("a.made-up.token")
            yield client
        finally:
            await client.close()


def many_channels(limits: Limits = SMALL) -> Loopback:
    """A Discord with small limits."""
    return Loopback((GuildLayout(GUILD, dict.fromkeys(CHANNELS, 0)),), limits)


async def send(client: discord.Client, channel: int) -> Any:
    """Send a message."""
    return await client.get_partial_messageable(channel).send("A night train.")


async def test_as_many_requests_as_there_are_at_once_are_taken_without_a_refusal() -> None:
    server, pacer = many_channels(), Pacer(20, period=0.1)
    async with paced(server, pacer) as client:
        await asyncio.gather(*(send(client, channel) for channel in CHANNELS for _ in range(2)))
    assert server.limited == {}
    assert len(server.messages) == 2 * len(CHANNELS)
    assert pacer.refused == {}


async def test_a_channel_gets_no_more_than_its_bucket_holds_and_others_do_not_wait_for_it() -> None:
    server, pacer = many_channels(), Pacer(20, period=0.1)
    async with paced(server, pacer) as client:
        await send(client, CHANNELS[1])  # from which the bucket is known
        hot = [asyncio.create_task(send(client, CHANNEL)) for _ in range(7)]
        await asyncio.gather(*(send(client, channel) for channel in CHANNELS[2:5]))
        assert not all(task.done() for task in hot)
        await asyncio.gather(*hot)
    assert server.limited == {}
    assert len(server.messages) == 11


async def test_the_answer_to_the_last_request_of_a_bucket_is_not_withheld() -> None:
    long = Bucket("send", Limit(1, 3600), SEND.routes)
    server, pacer = many_channels(Limits(None, None, invalid=None, buckets=(long,), sublimits=())), Pacer()
    async with paced(server, pacer) as client:
        await send(client, CHANNEL)
        routes = [route_of("POST", f"/channels/{channel}/messages") for channel in (CHANNEL, CHANNEL + 1)]
        assert pacer.ready_in(routes[:1]) > 3000
        assert pacer.ready_in(routes[1:]) == 0
        with pytest.raises(discord.RateLimited) as refused:
            await send(client, CHANNEL)
    assert refused.value.retry_after > 3000
    assert (server.limited, len(server.messages)) == ({}, 1), "Discord was not asked"


async def test_answers_to_interactions_wait_for_nothing() -> None:
    server, pacer = many_channels(), Pacer(20, period=0.1)
    async with paced(server, pacer) as client:
        pacer.pace.hold(asyncio.get_running_loop().time() + 3600)
        waiting = asyncio.create_task(send(client, CHANNEL))
        session: Any = client.http._HTTPClient__session  # type: ignore[attr-defined] # with which discord.py answers
        address = f"http://127.0.0.1:{server.port}/api/interactions/7/made-up/callback"
        used = pacer.pace.used(asyncio.get_running_loop().time())
        async with session.post(address, json={"type": 5}) as response:
            assert response.status < 500
        assert pacer.pace.used(asyncio.get_running_loop().time()) <= used
        with pytest.raises(discord.RateLimited):
            await waiting
    assert server.messages == {}


@pytest.mark.parametrize(
    ("fault", "scope", "invalid"),
    [
        (Fault.GLOBAL, "global", 1),
        (Fault.USER, "user", 1),
        (Fault.SHARED, "shared", 0),
        (Fault.BAN, "none", 1),
    ],
)
async def test_refusals_are_counted_by_their_scope(fault: Fault, scope: str, invalid: int) -> None:
    server, pacer = many_channels(Limits(None, None, buckets=(), sublimits=())), Pacer()
    server.faults, server.wait = [fault], 0.0
    async with paced(server, pacer) as client:
        if fault in (Fault.GLOBAL, Fault.BAN):
            with pytest.raises((discord.RateLimited, discord.HTTPException)):
                await send(client, CHANNEL)
        else:
            await send(client, CHANNEL)
        assert pacer.invalid.count(asyncio.get_running_loop().time()) == invalid
    assert pacer.refused == {scope: 1}


POST, EXECUTE = route_of("POST", "/channels/1/messages"), route_of("POST", "/webhooks/1/made-up")


@pytest.mark.parametrize(
    ("limit", "webhook_limit", "one_pace", "webhooks", "held_with_the_token"),
    [
        (50, 0, True, 50, True),  # the default: 50 a second for all requests
        (20, 0, True, 20, True),
        (400, 0, False, 50, True),  # a token with a higher limit does not raise that of the address
        (50, 50, False, 50, False),
        (50, 30, False, 30, False),
    ],
)
async def test_webhooks_have_a_pace_of_their_own_only_if_it_is_set(
    limit: int, webhook_limit: int, one_pace: bool, webhooks: int, held_with_the_token: bool
) -> None:
    pacer = Pacer(limit, webhook_limit)
    assert (pacer.has_one_pace, pacer.limit, pacer.webhook_limit) == (one_pace, limit, webhooks)
    pacer.refuse(POST, 3600, everywhere=True)
    if held_with_the_token:
        with pytest.raises(discord.RateLimited):
            await pacer.turn(EXECUTE)
    else:
        pacer.departs(await pacer.turn(EXECUTE))
        assert pacer.pace.used(asyncio.get_running_loop().time()) == 0


async def test_a_webhook_that_waits_for_the_limit_of_the_address_holds_up_no_other_request() -> None:
    pacer = Pacer(400, 0)
    pacer.refuse(EXECUTE, 29, everywhere=True)
    waiting = asyncio.create_task(pacer.turn(EXECUTE))
    await asyncio.sleep(0)
    pacer.departs(await pacer.turn(POST))
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("webhook_limit", [0, 5])
async def test_messages_of_webhooks_and_of_the_bot_are_all_taken_without_a_refusal(
    webhook_limit: int,
) -> None:
    limits = replace(SMALL, per_token=Limit(5, 0.1), per_address=Limit(5, 0.1))
    server, pacer = many_channels(limits), Pacer(5, webhook_limit, period=0.1)
    keys = {channel: WebhookKey(9_000 + channel, "made-up") for channel in CHANNELS[:10]}
    server.webhooks |= {key.id: webhook(key, channel, GUILD) for channel, key in keys.items()}
    async with paced(server, pacer) as client:
        session: Any = webhook_session(client.http, pacer)
        WebhookAdapter(DiscordAddresses(server.api_url)).use()
        hooks = [discord.Webhook.partial(key.id, key.token, session=session) for key in keys.values()]
        slots = asyncio.Semaphore(4)  # fewer than the limit, so none waits for answers of a busy machine

        async def send_both(channel: int, hook: discord.Webhook) -> None:
            async with slots:
                await send(client, channel)
                await hook.send("A day train.")

        await asyncio.gather(*map(send_both, keys, hooks))
    assert server.limited == {}
    assert len(server.messages) == 2 * len(keys)


async def test_many_invalid_requests_slow_the_bot_down_and_are_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pacer, route = Pacer(50), route_of("POST", "/channels/1/messages")
    for _ in range(CAREFUL + 10):
        pacer.learn(route, 403, {})
    pacer.departs(await pacer.turn(route))
    now = asyncio.get_running_loop().time()
    assert pacer.pace.next_start(now) - now > 0.1
    assert [line.levelname for line in caplog.records] == ["WARNING"]
