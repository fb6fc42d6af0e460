"""A small Discord on the loopback: as much of its HTTP API and gateway as `topicwire run` uses.

For what the simulated Discord cannot show: the whole process with its real sockets, its start, its
memory, its end by a signal. Point a process at it with `python -m tests.loopback PORT run ...`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import WSMsgType, web

from bot.domain.model import Mode, Subscription
from bot.store import subscriptions, topics
from bot.store.database import Database

GUILD, CHANNEL, BOT, ROLE_EVERYONE = 1000, 2000, 3000, 1000
SEND_ALL = str(1 << 10 | 1 << 11 | 1 << 14 | 1 << 16 | 1 << 38)  # view, send, embed links, history, threads


@asynccontextmanager
async def on_a_free_port(app: web.Application, shutdown_timeout: float) -> AsyncIterator[int]:
    """Serve an application on the loopback meanwhile; the port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_timeout)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def follow_trains(database: str) -> None:
    """Have the channel follow the topic Trains."""
    db = await Database.open(database)
    async with db.write() as connection:
        ids = await topics.learn(connection, ["Trains"])
        wish = Subscription(0, GUILD, CHANNEL, "Trains", Mode.LIVE)
        await subscriptions.subscribe(connection, wish, ids["trains"], datetime.now(UTC))
    await db.close()


def user() -> dict[str, Any]:
    """The bot's own account."""
    return {"id": str(BOT), "username": "topicwire", "discriminator": "0", "avatar": None, "bot": True}


def channel() -> dict[str, Any]:
    """The one text channel."""
    return {
        "id": str(CHANNEL),
        "type": 0,
        "guild_id": str(GUILD),
        "name": "news",
        "position": 0,
        "permission_overwrites": [],
        "nsfw": False,
        "parent_id": None,
    }


def guild() -> dict[str, Any]:
    """The one server, as the gateway sends it."""
    role = {
        "id": str(ROLE_EVERYONE),
        "name": "@everyone",
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0,
        "permissions": SEND_ALL,
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }
    me = {"user": user(), "roles": [], "joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False}
    return {
        "id": str(GUILD),
        "name": "Loopback",
        "owner_id": "1",
        "roles": [role],
        "emojis": [],
        "stickers": [],
        "features": [],
        "channels": [channel()],
        "threads": [],
        "members": [me | {"flags": 0}],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "member_count": 1,
        "large": False,
        "verification_level": 0,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "afk_timeout": 300,
        "system_channel_flags": 0,
    }


def _json(data: Any, status: int = 200) -> web.Response:
    # discord.py reads a body as JSON only where the type says no more than that.
    return web.Response(
        body=json.dumps(data).encode(), status=status, headers={"Content-Type": "application/json"}
    )


class Loopback:
    """The server; `messages` are what was sent, by id, `requests` all that was asked."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.arrived = asyncio.Event()
        self.synced = asyncio.Event()
        self.failing = False
        self.refusals: dict[str, list[Callable[[], web.Response]]] = {}  # by the end of a path, one a request
        self.port = 0
        self._ids = itertools.count(5000)
        self._nonces: dict[str, str] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Loopback]:
        """Serve on a free port of the loopback."""
        app = web.Application()
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_route("*", "/api/{path:.*}", self._api)
        async with on_a_free_port(app, shutdown_timeout=1) as self.port:
            yield self

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        if (refused := self._refused("websocket")) is not None:
            raise web.HTTPTooManyRequests(headers=refused.headers)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}, "s": None, "t": None})
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            op = json.loads(message.data)["op"]
            if op == 1:
                await socket.send_json({"op": 11, "d": None, "s": None, "t": None})
            elif op == 2:
                ready = {
                    "v": 10,
                    "user": user(),
                    "session_id": "s",
                    "resume_gateway_url": f"ws://127.0.0.1:{self.port}/gateway/",
                    "application": {"id": str(BOT), "flags": 0},
                    "guilds": [{"id": str(GUILD), "unavailable": True}],
                }
                await socket.send_json({"op": 0, "s": 1, "t": "READY", "d": ready})
                await socket.send_json({"op": 0, "s": 2, "t": "GUILD_CREATE", "d": guild()})
        return socket

    async def _api(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        self.requests.append((request.method, path))
        if (refused := self._refused(path)) is not None:
            return refused
        body = await request.json() if request.can_read_body and "json" in request.content_type else {}
        if path.startswith(f"channels/{CHANNEL}/messages"):
            return self._message(request.method, path.rpartition("/")[2], body)
        if path == "oauth2/applications/@me":
            return _json({"id": str(BOT), "name": "topicwire", "description": "", "icon": None, "flags": 0,
                                      "rpc_origins": [], "bot_public": True, "bot_require_code_grant": False,
                                      "verify_key": "", "owner": user(), "team": None})  # fmt: skip
        if path.endswith("/commands"):
            self.synced.set()
            made = [
                command | {"id": str(next(self._ids)), "application_id": str(BOT), "version": "1"}
                for command in body
            ]
            return _json(made)
        return _json(user())

    def _refused(self, path: str) -> web.Response | None:
        for end, answers in self.refusals.items():
            if path.endswith(end) and answers:
                return answers.pop(0)()
        return None

    def _message(self, method: str, name: str, body: dict[str, Any]) -> web.Response:
        if self.failing:
            return _json({"code": 0, "message": "down"}, status=503)
        if method == "POST" and (known := self._nonces.get(str(body.get("nonce")))) is not None:
            return _json(self.messages[known])
        known = name if method == "PATCH" else str(next(self._ids))
        message = {
            "id": known,
            "channel_id": str(CHANNEL),
            "author": user(),
            "content": body.get("content") or "",
            "timestamp": "2026-01-01T00:00:00+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": body.get("embeds") or [],
            "components": body.get("components") or [],
            "pinned": False,
            "type": 0,
            "flags": 0,
        }
        self.messages[known] = message
        if body.get("nonce") is not None:
            self._nonces[str(body["nonce"])] = known
        self.arrived.set()
        return _json(message)


def main() -> None:
    """`topicwire`, with Discord at the port that comes first."""
    import discord
    import yarl
    from discord.gateway import DiscordWebSocket

    from bot.__main__ import main as topicwire
    from bot.chat import connection

    port = sys.argv.pop(1)
    connection.FIRST_PAUSE = timedelta(milliseconds=10)
    discord.http.Route.BASE = f"http://127.0.0.1:{port}/api"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://127.0.0.1:{port}/gateway/")
    topicwire()


if __name__ == "__main__":
    main()
