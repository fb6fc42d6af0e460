"""The Discord on the loopback, as clients see it that are no bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.loopback import BOT, CHANNEL, DISCORD, WEBHOOK, Bucket, Limit, Limits, Loopback, large
from tests.loopback.gateway import shard_of

SENDING = Limits(None, None, buckets=(Bucket("send", Limit(2, 5), ("POST /channels/*/messages",)),))


@asynccontextmanager
async def asking(
    discord: Loopback, address: str = "127.0.0.1", bot: str = "t"
) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the API, with a token, from an address of the loopback."""
    headers = {"Authorization": f"Bot {bot}"} if bot else {}
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    base = f"http://127.0.0.1:{discord.port}/api/v10/"
    async with aiohttp.ClientSession(base, connector=connector, headers=headers) as session:
        yield session


async def test_a_request_too_many_gets_what_discord_answers() -> None:
    now = 100.0
    discord = Loopback(limits=SENDING, clock=lambda: now)
    path = f"channels/{CHANNEL}/messages"
    async with discord.serving(), asking(discord) as session:
        for remaining in ("1", "0"):
            async with session.post(path, json={"content": "Night train"}) as response:
                assert response.status == 200
                assert response.headers["X-RateLimit-Remaining"] == remaining
        now = 103.5
        async with session.post(path, json={"content": "Night train"}) as response:
            assert response.status == 429
            assert await response.json() == {
                "message": "You are being rate limited.",
                "code": 0,
                "retry_after": 1.5,
                "global": False,
            }
            assert response.headers["Retry-After"] == "2"
            assert response.headers["X-RateLimit-Scope"] == "user"
            assert response.headers["X-RateLimit-Limit"] == "2"
            assert response.headers["X-RateLimit-Reset-After"] == "1.500"
            assert "Via" in response.headers
            assert "X-RateLimit-Global" not in response.headers
        now = 105.0
        async with session.post(path, json={"content": "Night train"}) as response:
            assert response.status == 200
    assert len(discord.messages) == 3
    assert discord.limited == {"user": 1}
    assert discord.arrivals == {CHANNEL: [100, 100, 105]}


async def test_webhooks_have_as_many_requests_as_addresses_allow() -> None:
    limits = Limits(per_token=None, per_address=Limit(2, 1), buckets=(), sublimits=())
    discord = Loopback(limits=limits, clock=lambda: 0.0)
    path = f"webhooks/{WEBHOOK.id}/{WEBHOOK.token}"
    statuses: list[int] = []
    async with discord.serving():
        for address in ("127.0.0.1", "127.0.0.2"):
            async with asking(discord, address, bot="") as session:
                for _ in range(3):
                    async with session.post(path, json={"content": "Night train"}) as response:
                        statuses.append(response.status)
                        if response.status == 429:
                            assert response.headers["X-RateLimit-Global"] == "true"
    assert statuses == [204, 204, 429, 204, 204, 429]


async def test_bots_have_accounts_and_limits_of_their_own() -> None:
    discord = Loopback(limits=Limits(per_token=Limit(2, 1), buckets=(), sublimits=()), clock=lambda: 0.0)
    path = f"channels/{CHANNEL}/messages"
    async with discord.serving(), asking(discord) as one, asking(discord, bot="other") as other:
        async with one.post(path, json={"content": "Night train"}) as response:
            message = await response.json()
        async with other.patch(f"{path}/{message['id']}", json={"content": "Day train"}) as response:
            assert (response.status, (await response.json())["code"]) == (403, 50005)
        async with one.patch(f"{path}/{message['id']}", json={"content": "Day train"}) as response:
            assert (await response.json())["content"] == "Day train"
        for session, status in ((one, 429), (other, 200)):
            async with session.get(path) as response:
                assert response.status == status


async def test_the_gateway_tells_how_many_shards_may_start() -> None:
    discord = Loopback(limits=DISCORD)
    discord.gateway.shards, discord.gateway.concurrency = 4, 2
    async with discord.serving(), asking(discord) as session:
        async with session.get("gateway/bot") as response:
            told = await response.json()
    start = told["session_start_limit"]
    assert (told["shards"], start["max_concurrency"], start["total"], start["remaining"]) == (
        4,
        2,
        1000,
        1000,
    )


async def identified(session: aiohttp.ClientSession, discord: Loopback, shard: list[int]) -> Any:
    """The answers to an identification: READY and what follows, or that the session is invalid."""
    async with session.ws_connect(discord.gateway.address) as socket:
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": "t", "shard": shard}})
        first = await socket.receive_json()
        count = len(first["d"]["guilds"]) if first["op"] == 0 else 0
        return [first, *[await socket.receive_json() for _ in range(count)]]


async def test_each_shard_gets_its_servers_and_identifies_in_its_turn() -> None:
    now = 0.0
    discord = Loopback(large(5, 3), limits=DISCORD, clock=lambda: now)
    async with discord.serving(), aiohttp.ClientSession() as session:
        first = await identified(session, discord, [0, 2])
        assert (await identified(session, discord, [1, 2]))[0]["op"] == 9
        now = 5.0
        second = await identified(session, discord, [1, 2])
    guilds = [
        {int(event["d"]["id"]) for event in events if event["t"] == "GUILD_CREATE"}
        for events in (first, second)
    ]
    assert [len(shard) for shard in guilds] == [2, 3]
    assert all(shard_of(guild, 2) == shard for shard in (0, 1) for guild in guilds[shard])


async def test_a_session_that_resumes_gets_what_it_has_missed() -> None:
    discord = Loopback()
    discord.gateway.resumable = True
    async with discord.serving(), aiohttp.ClientSession() as session:
        ready, _ = await identified(session, discord, [0, 1])
        async with session.ws_connect(discord.gateway.address) as socket:
            assert (await socket.receive_json())["op"] == 10
            resume = {"token": "t", "session_id": ready["d"]["session_id"], "seq": 1}
            await socket.send_json({"op": 6, "d": resume})
            assert [(await socket.receive_json())["t"] for _ in range(2)] == ["GUILD_CREATE", "RESUMED"]


async def test_registered_commands_have_a_description_which_is_empty_for_context_menus() -> None:
    discord = Loopback()
    commands = [
        {"name": "ferry", "type": 1, "description": "When the next ferry sails"},
        {"name": "Ferries here", "type": 3},
    ]
    path = f"applications/{BOT}/commands"
    async with discord.serving(), asking(discord) as session:
        async with session.put(path, json=commands) as response:
            registered = await response.json()
        async with session.get(path) as response:
            assert await response.json() == registered
    assert [command["description"] for command in registered] == ["When the next ferry sails", ""]
