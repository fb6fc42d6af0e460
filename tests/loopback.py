"""A small Discord on the loopback: as much of its HTTP API and gateway as `topicwire run` uses.

For what the simulated Discord cannot show: the whole process with its real sockets, its start, its
memory, its end by a signal. Point a process at it with `python -m tests.loopback PORT run ...`.

It has rate limits, remembers nonces for `nonce_life` seconds, fails as `faults` say, and logs what it `accepted`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from aiohttp import WSMsgType, web

from bot.domain.model import Mode, Subscription, Volume
from bot.domain.posting.face import Face, WebhookKey
from bot.store import faces, schema, subscriptions, topics
from bot.store.database import Database

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GUILD, CHANNEL, FORUM, BOT, ROLE_EVERYONE = 1000, 2000, 2001, 3000, 1000
WEBHOOK = WebhookKey(3001, "made-up-token-of-a-webhook")  # the bot's own in the channel
EPOCH_MS = 1_420_070_400_000  # Discord's ids count from here
NONCE_LIFE = 180.0  # seconds
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


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[int]:
    """Serve on the loopback meanwhile, every path by this handler; the port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with on_a_free_port(app, shutdown_timeout=0.1) as port:
        yield port
    await asyncio.sleep(0)  # its last callbacks


async def follow_trains(database: str) -> None:
    """Have the channel follow everything of the topic Trains."""
    db = await Database.open(database)
    async with db.write() as connection:
        ids = await topics.ensure(connection, ["Trains"])
        wish = Subscription(0, GUILD, CHANNEL, "Trains", Mode.LIVE, Volume.EVERYTHING)
        await subscriptions.subscribe(connection, wish, ids["trains"], datetime.now(UTC))
    await db.close()


async def give_face(database: str) -> None:
    """Have the posts of the channel appear under a name, by the bot's webhook."""
    db = await Database.open(database)
    async with db.write() as connection:
        await faces.put(connection, Face(GUILD, CHANNEL, WEBHOOK, "Station clock"))
    await db.close()


async def first_intake(database: str) -> None:
    """Wait until a source's first, silent intake is over: what comes in before is not posted."""
    db = await Database.open(database)
    done = sa.select(sa.func.count()).where(schema.sources.c.intake_done)
    try:
        async with asyncio.timeout(100):
            while True:
                async with db.read() as connection:
                    if await connection.scalar(done):
                        return
                await asyncio.sleep(0.05)
    finally:
        await db.close()


def user() -> dict[str, Any]:
    """The bot's own account."""
    return {"id": str(BOT), "username": "topicwire", "discriminator": "0", "avatar": None, "bot": True}


def channel(number: int = CHANNEL, kind: int = 0) -> dict[str, Any]:
    """A text channel, or another kind."""
    return {
        "id": str(number),
        "type": kind,
        "guild_id": str(GUILD),
        "name": f"news-{number}",
        "position": 0,
        "permission_overwrites": [],
        "nsfw": False,
        "parent_id": None,
        "available_tags": [],
    }


def thread(message: dict[str, Any]) -> dict[str, Any]:
    """The post of the forum that a message opens."""
    return {
        "id": message["id"],
        "guild_id": str(GUILD),
        "parent_id": str(FORUM),
        "owner_id": str(BOT),
        "name": message.get("name", "post"),
        "type": 11,
        "message_count": 0,
        "member_count": 1,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": "2026-01-01T00:00:00+00:00",
            "locked": False,
        },
    }


class Fault(StrEnum):
    """What goes wrong with a request to send or edit a message. After some of them it is accepted nevertheless."""

    HANG = "hang"  # for `hang_seconds`
    RESET = "reset"
    UNAVAILABLE = "503"
    BAD_GATEWAY = "502"
    BAN = "ban"  # a page of the network in front of Discord
    GLOBAL = "global"
    SHARED = "shared"
    USER = "user"
    ACCEPTED_HANG = "accepted, hang"
    ACCEPTED_RESET = "accepted, reset"
    ACCEPTED_UNAVAILABLE = "accepted, 503"
    ACCEPTED_BAD_GATEWAY = "accepted, 502"
    ACCEPTED_PAGE = "accepted, page"
    ACCEPTED_CUT = "accepted, cut JSON"


@dataclass(frozen=True)
class Accepted:
    """A message that was made or edited."""

    method: str
    channel: str
    id: str
    body: dict[str, Any]


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
        "channels": [channel(), channel(FORUM, 15)],
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
        self.asked = asyncio.Event()  # anything at all
        self.identified = asyncio.Event()
        self.synced = asyncio.Event()
        self.failing = False
        self.has_webhook = True
        self.faults: list[Fault] = []  # of the next requests to send or edit, in order
        self.fault: Fault | None = None  # of every such request
        self.hang_seconds = 90.0
        self.wait = 1.0  # seconds that a 429 asks for
        self.nonce_life = NONCE_LIFE
        self.allowance: tuple[int, float] | None = None  # requests in so many seconds, a channel
        self.accepted: list[Accepted] = []
        self.refused_at: list[tuple[float, int]] = []  # when a message was refused, and with what
        self.sockets: set[web.WebSocketResponse] = set()
        self.identify_closes: list[int] = []  # close codes of the next connections, in order
        self.refusals: dict[str, list[Callable[[], web.Response]]] = {}  # by the end of a path, one a request
        self.port = 0
        self._ids = itertools.count(5000)
        self._nonces: dict[str, tuple[str, float]] = {}
        self._spent: dict[str, list[float]] = {}

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
            elif op in (2, 6) and self.identify_closes:
                await socket.close(code=self.identify_closes.pop(0))
            elif op == 6:
                await socket.send_json({"op": 9, "d": False, "s": None, "t": None})
            elif op == 2:
                self.sockets.add(socket)
                self.identified.set()
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
        self.sockets.discard(socket)
        return socket

    async def say(self, frame: str) -> None:
        """Send this to whoever is connected to the gateway, whether it makes sense or not."""
        for socket in tuple(self.sockets):
            await socket.send_str(frame)

    async def hang_up(self, code: int) -> None:
        """Close the gateway's connections with a code."""
        for socket in tuple(self.sockets):
            await socket.close(code=code)

    def shown(self, where: int = CHANNEL) -> list[dict[str, Any]]:
        """The messages that stand in a channel, or that open the posts of a forum."""
        return [m for m in self.messages.values() if m["in"] == str(where)]

    async def _api(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        self.requests.append((request.method, path))
        self.asked.set()
        if (refused := self._refused(path)) is not None:
            return refused
        body = await request.json() if request.can_read_body and "json" in request.content_type else {}
        match [request.method, *path.split("/")]:
            case ["GET", "channels", number, "messages"]:
                return self._history(number, int(request.query.get("after", "0")))
            case [method, "webhooks", number, token, *rest]:
                return await self._webhook(request, method, WebhookKey(int(number), token), rest, body)
            case ["GET", "channels", _, "messages", name]:
                found = self.messages.get(name)
                return _json(found) if found else _json({"code": 10008, "message": "Unknown"}, 404)
            case ["GET", "guilds", _, "threads", "active"]:
                return _json({"threads": [thread(m) for m in self.shown(FORUM)], "members": []})
            case ["GET", "channels", _, "threads", "archived", "public"]:
                return _json({"threads": [], "members": [], "has_more": False})
            case ["GET", "channels", name]:
                return _json(thread(self.messages[name]))
            case ["PATCH", "channels", name]:
                self.messages[name]["name"] = body.get("name") or self.messages[name]["name"]
                return _json(thread(self.messages[name]))
            case ["POST" | "PATCH" as method, "channels", number, "messages" | "threads", *rest]:
                return await self._message(request, method, number, rest, body)
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

    async def _webhook(
        self, request: web.Request, method: str, key: WebhookKey, rest: list[str], body: dict[str, Any]
    ) -> web.Response:
        """Everything that a webhook is asked for with its token."""
        if key.id != WEBHOOK.id or not self.has_webhook:
            return _json({"code": 10015, "message": "Unknown Webhook"}, 404)
        if key != WEBHOOK:
            return _json({"code": 50027, "message": "Invalid Webhook Token"}, 401)
        if method != "GET":
            return await self._message(request, method, str(CHANNEL), rest, body, WEBHOOK.id)
        message = self.messages.get(rest[-1])
        return _json(message) if message else _json({"code": 10008, "message": "Unknown"}, 404)

    def _refused(self, path: str) -> web.Response | None:
        for end, answers in self.refusals.items():
            if path.endswith(end) and answers:
                return answers.pop(0)()
        return None

    def _history(self, number: str, after: int) -> web.Response:
        later = [m for m in self.shown(int(number)) if int(m["id"]) > after]
        # Without a privileged intent, the bot sees of the messages of webhooks that they are there.
        hidden = {"content": "", "components": [], "embeds": []}
        shown = [m | hidden if "webhook_id" in m else m for m in later]
        return _json(sorted(shown, key=lambda m: int(m["id"]))[:100][::-1])

    async def _message(
        self,
        request: web.Request,
        method: str,
        number: str,
        rest: list[str],
        body: dict[str, Any],
        webhook: int = 0,
    ) -> web.Response:
        fault = self.fault or (self.faults.pop(0) if self.faults else None)
        if self.failing:
            fault = Fault.UNAVAILABLE
        if fault is not None and not fault.startswith("accepted"):
            return await self._fail(request, fault)
        if (limit := self._limit(number)) is not None:
            return limit
        if method == "PATCH" and webhook != int(self.messages[rest[-1]].get("webhook_id", 0)):
            return _json({"code": 50005, "message": "Cannot edit a message authored by another user"}, 403)
        is_post = number == str(FORUM) and method == "POST"
        message = self._accept(method, number, rest, body.get("message", body), is_post, body)
        if webhook:
            author = {"id": str(webhook), "username": body.get("username", "topicwire"), "avatar": None}
            of_webhook = {"webhook_id": str(webhook), "application_id": str(BOT)}
            message |= of_webhook | {"author": author | {"discriminator": "0000", "bot": True}}
        if fault is not None:
            return await self._fail(request, fault)
        answer = thread(message) | {"message": message} if is_post else message
        return self._with_headers(_json(answer), number)

    def _accept(
        self,
        method: str,
        number: str,
        rest: list[str],
        body: dict[str, Any],
        is_post: bool,
        whole: dict[str, Any],
    ) -> dict[str, Any]:
        nonce = str(body.get("nonce")) if method == "POST" and not is_post and body.get("nonce") else None
        first, until = self._nonces.get(nonce or "", ("", 0.0))
        if nonce and body.get("enforce_nonce") and time.monotonic() < until:
            return self.messages[first]
        name = rest[-1] if method == "PATCH" else self._new_id()
        message = {
            "id": name,
            "in": number if method == "POST" else self.messages[name]["in"],
            "name": whole.get("name") if method == "POST" else self.messages[name]["name"],
            "channel_id": name if is_post else number,
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
            "flags": body.get("flags") or 0,
        }
        self.messages[name] = message
        self.accepted.append(Accepted(method, number, name, body))
        if nonce:
            self._nonces[nonce] = name, time.monotonic() + self.nonce_life
        self.arrived.set()
        return message

    def _new_id(self) -> str:
        return str(((int(time.time() * 1000) - EPOCH_MS) << 22) + next(self._ids) % (1 << 22))

    def _limit(self, number: str) -> web.Response | None:
        if self.allowance is None:
            return None
        most, seconds = self.allowance
        now = time.monotonic()
        spent = self._spent[number] = [t for t in self._spent.get(number, []) if t > now - seconds]
        if len(spent) < most:
            spent.append(now)
            return None
        return self._with_headers(self._too_many("user", spent[0] + seconds - now), number)

    def _with_headers(self, answer: web.Response, number: str) -> web.Response:
        if self.allowance is not None:
            most, seconds = self.allowance
            spent = self._spent.get(number, [])
            after = max(0.0, spent[0] + seconds - time.monotonic()) if spent else 0.0
            answer.headers["X-RateLimit-Bucket"] = "messages"
            answer.headers["X-RateLimit-Limit"] = str(most)
            answer.headers["X-RateLimit-Remaining"] = str(most - len(spent))
            answer.headers["X-RateLimit-Reset-After"] = f"{after:.3f}"
            answer.headers["X-RateLimit-Reset"] = f"{time.time() + after:.3f}"
        return answer

    def _too_many(self, scope: str, wait: float) -> web.Response:
        self.refused_at.append((time.monotonic(), 429))
        whole = scope == "global"
        answer = _json({"message": "You are being rate limited.", "retry_after": wait, "global": whole}, 429)
        answer.headers.update({"Via": "1.1 proxy", "Retry-After": f"{wait:.3f}", "X-RateLimit-Scope": scope})
        if whole:
            answer.headers["X-RateLimit-Global"] = "true"
        return answer

    async def _fail(self, request: web.Request, fault: Fault) -> web.Response:
        match fault:
            case Fault.HANG | Fault.ACCEPTED_HANG:
                await asyncio.sleep(self.hang_seconds)
            case Fault.RESET | Fault.ACCEPTED_RESET:
                assert request.transport is not None
                request.transport.abort()
            case Fault.GLOBAL | Fault.SHARED | Fault.USER:
                return self._too_many(fault.value, self.wait)
            case Fault.ACCEPTED_PAGE:
                return web.Response(text="<!doctype html><h1>Hello</h1>", content_type="text/html")
            case Fault.ACCEPTED_CUT:
                return web.Response(body=b'{"id": "50', headers={"Content-Type": "application/json"})
            case Fault.BAN:
                self.refused_at.append((time.monotonic(), 429))
                headers = {"Retry-After": str(self.wait)}
                page = "<!doctype html><h1>You are being blocked</h1>"
                return web.Response(text=page, status=429, content_type="text/html", headers=headers)
            case Fault.BAD_GATEWAY | Fault.ACCEPTED_BAD_GATEWAY:
                self.refused_at.append((time.monotonic(), 502))
                return web.Response(text="<h1>Bad gateway</h1>", status=502, content_type="text/html")
        self.refused_at.append((time.monotonic(), 503))
        return _json({"code": 0, "message": "down"}, status=503)


def replacements(port: int) -> list[tuple[object, str, object]]:
    """What leads a program to this Discord, and shortens its waits: an object, its attribute, and the new value."""
    import discord
    import yarl
    from discord.gateway import DiscordWebSocket
    from discord.state import ConnectionState

    from bot.chat import connection
    from bot.domain import retry
    from bot.workers import delivery

    return [
        (discord.http.Route, "BASE", f"http://127.0.0.1:{port}/api"),
        (DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(f"ws://127.0.0.1:{port}/gateway/")),
        # discord.py waits so long for another server before it says that it is ready, and has no setting for it.
        (ConnectionState, "guild_ready_timeout", property(lambda _: 0.1, lambda *_: None)),
        (connection, "FIRST_PAUSE", timedelta(milliseconds=10)),
        (retry, "FIRST_RETRY", timedelta(milliseconds=100)),
        (delivery, "SETTLING", timedelta(milliseconds=200)),
    ]


def main() -> None:
    """`topicwire`, with Discord at the port that comes first."""
    from bot.cli.main import main as topicwire

    for owner, name, value in replacements(int(sys.argv.pop(1))):
        setattr(owner, name, value)
    topicwire()


if __name__ == "__main__":
    main()
