"""The HTTP API of a Discord on the loopback: as much of it as the bot uses."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.domain.posting.face import WebhookKey
from tests.loopback.contract import Contract
from tests.loopback.faults import Accepted, Fault
from tests.loopback.gateway import Gateway, Session
from tests.loopback.limits import UNLIMITED, Asked, Clock, Limits, RateLimiter, Refusal
from tests.loopback.objects import (
    ANNOUNCEMENT,
    BOT,
    CHANNEL,
    DIRECT,
    EPOCH_MS,
    FORUM_CHANNEL,
    LONG_AGO,
    OWNER,
    PUBLIC_THREAD,
    SMALL,
    WEBHOOK,
    GuildLayout,
    application,
    channel,
    guild,
    member,
    person,
    thread,
    user,
    webhook,
)
from tests.loopback.ports import on_a_free_port

NONCE_LIFE = 180.0  # seconds
MADE_UP_TOKEN = "a.made-up.token"
HISTORY = 100  # messages of a response
CROSSPOSTED, EPHEMERAL = 1 << 1, 1 << 6  # flags of a message
COMMAND, BUTTON = 2, 3  # types of interactions
SUBCOMMAND, SUBCOMMAND_GROUP = 1, 2  # types of options
DEFERRED, DEFERRED_UPDATE = 5, 6  # types of answers to an interaction that promise a later one

Message = dict[str, Any]
Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A request to the API. `ids` are the ids and tokens in its path, from left to right."""

    method: str
    path: str
    route: str
    ids: tuple[str, ...]
    query: Mapping[str, str]
    token: str
    address: str
    body: Any
    raw: web.Request


@dataclass(frozen=True)
class Place:
    """Where a message stands: in a channel, or in a thread or forum post of one."""

    channel: int
    guild: int
    kind: int


class RefusedError(Exception):
    """An error that the API answers with."""

    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code, self.message = status, code, message


def parts_of(path: str) -> tuple[str, tuple[str, ...]]:
    """A path with `*` for its ids and tokens, and these."""
    pieces = path.split("/")
    ids: list[str] = []
    secret = pieces[0] in ("webhooks", "interactions")  # the third piece is a token
    for position, piece in enumerate(pieces):
        if piece.isdecimal() or piece == "@original" or (secret and position == 2):
            ids.append(piece)
            pieces[position] = "*"
    return "/".join(("", *pieces)), tuple(ids)


def answer(data: Any, status: int = 200) -> web.Response:
    """A response in JSON."""
    # discord.py reads a body as JSON only where the type says no more than that.
    return web.Response(
        body=json.dumps(data).encode(), status=status, headers={"Content-Type": "application/json"}
    )


NOTHING = 204


async def _body(raw: web.Request) -> Any:
    """What a request says in JSON, beside files or alone; None if it has no body."""
    if not raw.can_read_body:
        return None
    if raw.content_type == "multipart/form-data":
        return json.loads(str((await raw.post())["payload_json"]))
    return await raw.json()


class Loopback:
    """The server; `messages` are what was sent, by id, `requests` all that was asked.

    `limits` are none unless a test sets them. `clock` is in seconds and only they use it. With a `contract`, `violations`
    are the requests that it does not allow.
    """

    def __init__(
        self,
        guilds: Sequence[GuildLayout] = SMALL,
        limits: Limits = UNLIMITED,
        clock: Clock = time.monotonic,
        contract: Contract | None = None,
    ) -> None:
        self.contract = contract
        self.violations: list[str] = []
        self.messages: dict[str, Message] = {}
        self.requests: list[tuple[str, str]] = []
        self.arrivals: dict[int, list[float]] = defaultdict(list)  # of messages and edits, by channel
        self.answers: dict[str, asyncio.Future[Json]] = {}  # to interactions, by id
        self.acknowledged: set[str] = set()  # interactions
        self.commands: dict[str, Json] = {}  # that a bot has registered, by name
        self.webhooks: dict[int, Json] = {WEBHOOK.id: webhook(WEBHOOK, CHANNEL, guilds[0].id)}
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
        self.accepted: list[Accepted] = []
        self.refused_at: list[tuple[float, int]] = []  # when a message was refused, and with what
        self.refusals: dict[str, list[Callable[[], web.Response]]] = {}  # by the end of a path, one a request
        self.port = 0
        self.api_url = ""  # of the API, or of a proxy in front of it
        self.clock = clock
        self.limiter = RateLimiter(limits, clock, time.time() - clock())
        self.gateway = Gateway(guilds, self.limiter, self._bot_of, self._on_identify)
        self._bots: dict[str, int] = {}
        self._places = {
            number: Place(number, layout.id, kind)
            for layout in guilds
            for number, kind in layout.channels.items()
        }
        self._threads: dict[int, Json] = {}
        self._standing: dict[int, dict[str, Message]] = defaultdict(dict)
        self._ids = itertools.count(5000)
        self._nonces: dict[tuple[int, str], tuple[str, float]] = {}
        self._routes: dict[str, Callable[[Request], Awaitable[web.Response]]] = self._table()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Loopback]:
        """Serve on a free port of the loopback."""
        app = web.Application(client_max_size=32 << 20)
        app.router.add_get("/", self._connect)
        app.router.add_get("/gateway/", self._connect)
        app.router.add_route("*", "/api/{path:.*}", self._api)
        async with on_a_free_port(app, shutdown_timeout=1) as self.port:
            self.api_url = f"http://127.0.0.1:{self.port}/api"
            self.gateway.address = f"ws://127.0.0.1:{self.port}/gateway/"
            yield self

    def environment(self, token: str = MADE_UP_TOKEN) -> dict[str, str]:
        """The settings that lead a bot to this Discord, as environment variables; without its token if that is empty."""
        settings = {
            "API_URL": self.api_url,
            "GATEWAY_URL": self.gateway.address,
            "TOKEN": token,
        }
        return {f"TOPICWIRE_DISCORD__{name}": value for name, value in settings.items() if value}

    @property
    def limited(self) -> Mapping[str, int]:
        """How many requests were answered with the status 429, by the scope of the limit."""
        return self.limiter.refused

    @property
    def identify_closes(self) -> list[int]:
        """The close codes of the next identifications, in order."""
        return self.gateway.closes

    @identify_closes.setter
    def identify_closes(self, codes: list[int]) -> None:
        self.gateway.closes = codes

    def _on_identify(self, _session: Session) -> None:
        self.identified.set()

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        if (refused := self._refused("websocket")) is not None:
            raise web.HTTPTooManyRequests(headers=refused.headers)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await self.gateway.talk(socket)
        return socket

    async def say(self, frame: str) -> None:
        """Send this to whoever is connected to the gateway, whether it makes sense or not."""
        for socket in tuple(self.gateway.sockets):
            await socket.send_str(frame)

    async def hang_up(self, code: int) -> None:
        """Close the gateway's connections with a code."""
        for socket in tuple(self.gateway.sockets):
            await socket.close(code=code)

    async def use(self, command: str, *options: Json, by: int = OWNER, channel_id: int = CHANNEL) -> Json:
        """Use a slash command, as somebody does in a channel; what the bot answers, once it has thought about it."""
        top, *below = command.split()
        given: list[Json] = list(options)
        for depth, name in enumerate(reversed(below)):
            given = [{"type": SUBCOMMAND if depth == 0 else SUBCOMMAND_GROUP, "name": name, "options": given}]
        data = {"id": self.commands[top]["id"], "name": top, "type": 1, "options": given}
        return await self._interact(COMMAND, data, by, channel_id)

    async def press(self, message: Message, custom_id: str, by: int = OWNER) -> Json:
        """Press a button of a message; what the bot answers."""
        data = {"component_type": 2, "custom_id": custom_id}
        return await self._interact(BUTTON, data, by, int(message["channel_id"]), message)

    async def _interact(
        self, kind: int, data: Json, by: int, channel_id: int, message: Message | None = None
    ) -> Json:
        place = self._places[channel_id]
        number = self._new_id()
        reading: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self.answers[number] = reading
        everything = (1 << 53) - 1
        interaction = {
            "id": number,
            "application_id": str(BOT),
            "type": kind,
            "data": data,
            "guild_id": str(place.guild),
            "channel_id": str(channel_id),
            "channel": channel(channel_id, place.kind, place.guild) | {"permissions": str(everything)},
            "member": member(person(by), everything),
            "token": f"token-of-{number}",
            "version": 1,
            "app_permissions": str(everything),
            "locale": "en-US",
            "guild_locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(place.guild)},
            "context": 0,
            "attachment_size_limit": 10 << 20,
        }
        interaction |= {} if message is None else {"message": message}
        await self.gateway.dispatch("INTERACTION_CREATE", interaction, place.guild, BOT)
        return await reading

    def routes(self) -> set[str]:
        """The routes that were asked for, such as `POST channels/*/messages`."""
        return {f"{method} {parts_of(path)[0].removeprefix('/')}" for method, path in self.requests}

    def shown(self, where: int = CHANNEL) -> list[Message]:
        """The messages that stand in a channel, or that open the posts of a forum."""
        return list(self._standing[where].values())

    def _bot_of(self, token: str) -> int:
        """The account of a token. The first token that is used is that of `BOT`."""
        return self._bots.setdefault(token, BOT + 100 * len(self._bots)) if token else BOT

    def _place(self, number: str) -> Place:
        place = self._places.get(int(number))
        if place is None:
            raise RefusedError(404, 10003, "Unknown Channel")
        return place

    def _message_of(self, name: str) -> Message:
        message = self.messages.get(name)
        if message is None:
            raise RefusedError(404, 10008, "Unknown Message")
        return message

    async def _read(self, raw: web.Request) -> Request:
        path = raw.match_info["path"]
        version, _, rest = path.partition("/")
        path = rest if version in ("v9", "v10") else path
        route, ids = parts_of(path)
        token = raw.headers.get("Authorization", "").removeprefix("Bot ")
        body = await _body(raw)
        if self.contract is not None:
            self.violations += self.contract.violations(raw.method, path, raw.query, raw.headers, body)
        route = f"{raw.method} {route}"
        return Request(raw.method, path, route, ids, raw.query, token, raw.remote or "", body or {}, raw)

    async def _api(self, raw: web.Request) -> web.Response:
        request = await self._read(raw)
        self.requests.append((request.method, request.path))
        self.asked.set()
        if (refused := self._refused(request.path)) is not None:
            return refused
        verdict = self.limiter.admit(self._limited_by(request))
        if verdict.refusal is not None:
            response = self._limit(verdict.refusal)
        else:
            try:
                response = await self._routes.get(request.route, self._unknown)(request)
            except RefusedError as error:
                response = answer({"code": error.code, "message": error.message}, error.status)
            self.limiter.note(request.address, response.status)
            self.asked.set()
        response.headers.update(verdict.headers)
        if "text" not in response.content_type:  # pages are of the network in front of the API
            response.headers.setdefault("Via", "1.1 loopback")
        return response

    def _limited_by(self, request: Request) -> Asked:
        kind, ids = request.path.split("/", 1)[0], request.ids
        numbers = 2 if kind == "webhooks" and len(ids) > 1 else 1
        major = "/".join((kind, *ids[:numbers])) if kind in ("channels", "guilds", "webhooks") else ""
        channel_id = int(ids[0]) if kind == "channels" and ids else 0
        if kind == "webhooks" and ids[0].isdecimal() and (made := self.webhooks.get(int(ids[0]))):
            channel_id = int(made["channel_id"])
        body = request.body if isinstance(request.body, dict) else {}
        return Asked(request.route, major, channel_id, request.address, request.token, body)

    def _table(self) -> dict[str, Callable[[Request], Awaitable[web.Response]]]:
        """Who answers which requests."""
        return {
            "GET /gateway": self._gateway_address,
            "GET /gateway/bot": self._gateway_address,
            "GET /users/@me": self._me,
            "GET /oauth2/applications/@me": self._application,
            "GET /applications/@me": self._application,
            "GET /applications/*/commands": self._registered,
            "PUT /applications/*/commands": self._register,
            "PUT /applications/*/guilds/*/commands": self._register,
            "GET /guilds/*": self._guild,
            "GET /guilds/*/channels": self._channels,
            "POST /users/@me/channels": self._open_direct,
            "GET /guilds/*/members/*": self._member,
            "GET /channels/*": self._channel,
            "PATCH /channels/*": self._change_channel,
            "GET /channels/*/messages": self._history,
            "POST /channels/*/messages": self._send,
            "GET /channels/*/messages/*": self._read_message,
            "PATCH /channels/*/messages/*": self._edit,
            "DELETE /channels/*/messages/*": self._delete,
            "POST /channels/*/messages/*/crosspost": self._publish,
            "POST /channels/*/messages/*/threads": self._open_thread,
            "POST /channels/*/threads": self._open_post,
            "GET /channels/*/threads/archived/public": self._archived,
            "GET /guilds/*/threads/active": self._active,
            "GET /channels/*/webhooks": self._list_webhooks,
            "POST /channels/*/webhooks": self._make_webhook,
            "PATCH /webhooks/*": self._change_webhook,
            "PATCH /webhooks/*/*": self._change_webhook,
            "DELETE /webhooks/*": self._remove_webhook,
            "DELETE /webhooks/*/*": self._remove_webhook,
            "POST /webhooks/*/*": self._execute,
            "GET /webhooks/*/*/messages/*": self._read_of_webhook,
            "PATCH /webhooks/*/*/messages/*": self._edit_of_webhook,
            "DELETE /webhooks/*/*/messages/*": self._delete_of_webhook,
            "POST /interactions/*/*/callback": self._callback,
        }

    def _refused(self, path: str) -> web.Response | None:
        for end, answers in self.refusals.items():
            if path.endswith(end) and answers:
                return answers.pop(0)()
        return None

    async def _unknown(self, _request: Request) -> web.Response:
        raise RefusedError(404, 0, "404: Not Found")

    async def _gateway_address(self, request: Request) -> web.Response:
        url = {"url": self.gateway.address}
        if not request.path.endswith("bot"):
            return answer(url)
        left, after = self.limiter.sessions_left(request.token)
        total = self.limiter.limits.sessions.requests if self.limiter.limits.sessions else 1000
        start = {"total": total, "remaining": left, "reset_after": math.ceil(after * 1000)}
        start["max_concurrency"] = self.gateway.concurrency
        return answer(url | {"shards": self.gateway.shards, "session_start_limit": start})

    async def _me(self, request: Request) -> web.Response:
        return answer(user(self._bot_of(request.token)))

    async def _application(self, request: Request) -> web.Response:
        return answer(application(self._bot_of(request.token)))

    async def _register(self, request: Request) -> web.Response:
        made = [
            {"description": ""}  # as those of context menus have none
            | command
            | {"id": str(next(self._ids)), "application_id": request.ids[0], "version": "1"}
            for command in request.body
        ]
        self.commands = {command["name"]: command for command in made}
        self.synced.set()
        return answer(made)

    async def _registered(self, _request: Request) -> web.Response:
        return answer(list(self.commands.values()))

    def _guild_of(self, request: Request) -> Json:
        number = int(request.ids[0])
        layout = next((each for each in self.gateway.guilds if each.id == number), None)
        if layout is None:
            raise RefusedError(404, 10004, "Unknown Guild")
        return guild(layout, self._bot_of(request.token))

    async def _guild(self, request: Request) -> web.Response:
        only_gateway = ("channels", "threads", "members", "presences", "voice_states")
        return answer({k: v for k, v in self._guild_of(request).items() if k not in only_gateway})

    async def _channels(self, request: Request) -> web.Response:
        return answer(self._guild_of(request)["channels"])

    async def _open_direct(self, request: Request) -> web.Response:
        reader = int(request.body["recipient_id"])
        number = reader << 22  # the same each time
        self._places.setdefault(number, Place(number, 0, DIRECT))
        return answer({"id": str(number), "type": DIRECT, "recipients": [person(reader)], "flags": 0})

    async def _member(self, request: Request) -> web.Response:
        if request.ids[1] == str(self._bot_of(request.token)):
            return answer(self._guild_of(request)["members"][0])
        return answer(member(person(int(request.ids[1]))))

    async def _channel(self, request: Request) -> web.Response:
        place = self._place(request.ids[0])
        if place.kind == PUBLIC_THREAD:
            return answer(self._threads[place.channel])
        return answer(channel(place.channel, place.kind, place.guild))

    async def _change_channel(self, request: Request) -> web.Response:
        changed = self._threads.get(int(request.ids[0]))
        if changed is None:
            return await self._channel(request)
        of_thread = ("archived", "locked", "auto_archive_duration")
        changed["thread_metadata"] |= {name: request.body[name] for name in of_thread if name in request.body}
        changed |= {name: request.body[name] for name in ("name", "applied_tags") if request.body.get(name)}
        opener = self.messages.get(request.ids[0])
        if opener is not None:
            opener["name"] = changed["name"]
        return answer(changed)

    async def _history(self, request: Request) -> web.Response:
        after = int(request.query.get("after", "0"))
        before = int(request.query.get("before", str(1 << 63)))
        place = self._place(request.ids[0])
        opener = self.messages.get(request.ids[0]) if place.kind == PUBLIC_THREAD else None
        standing = [*self._standing[place.channel].values()]
        if opener is not None and opener["channel_id"] == opener["id"]:  # it opens the post of a forum
            standing.append(opener)
        later = [message for message in standing if after < int(message["id"]) < before]
        # Without a privileged intent, the bot sees of the messages of webhooks that they are there.
        hidden = {"content": "", "components": [], "embeds": []}
        readable = [message | hidden if "webhook_id" in message else message for message in later]
        readable.sort(key=lambda message: int(message["id"]))
        most = int(request.query.get("limit", "50"))
        newest = readable[:HISTORY] if after else readable[-most:]
        return answer(newest[::-1])

    async def _read_message(self, request: Request) -> web.Response:
        return answer(self._message_of(request.ids[1]))

    async def _send(self, request: Request) -> web.Response:
        place = self._place(request.ids[0])
        return await self._take(request, place, lambda: self._new(request, place, request.body))

    async def _edit(self, request: Request) -> web.Response:
        place = self._place(request.ids[0])
        return await self._take(request, place, lambda: self._changed(request, place, request.ids[1]))

    async def _delete(self, request: Request) -> web.Response:
        self._forget(self._message_of(request.ids[1]))
        return web.Response(status=NOTHING)

    def _forget(self, message: Message) -> None:
        del self.messages[message["id"]]
        self._standing[int(message["in"])].pop(message["id"], None)

    async def _publish(self, request: Request) -> web.Response:
        message = self._message_of(request.ids[1])
        if self._place(request.ids[0]).kind != ANNOUNCEMENT:
            raise RefusedError(400, 50024, "Cannot execute action on this channel type")
        if message["flags"] & CROSSPOSTED:
            raise RefusedError(400, 40033, "This message was already crossposted")
        message["flags"] |= CROSSPOSTED
        return answer(message)

    async def _open_thread(self, request: Request) -> web.Response:
        message = self._message_of(request.ids[1])
        if int(message["id"]) in self._places:
            raise RefusedError(400, 160004, "A thread has already been created for this message")
        message["name"] = request.body["name"]
        return answer(self._opened(message, request))

    async def _open_post(self, request: Request) -> web.Response:
        place = self._place(request.ids[0])
        if place.kind != FORUM_CHANNEL:
            opener = {"id": self._new_id(), "in": str(place.channel), "guild": str(place.guild)}
            return answer(self._opened(opener | {"name": request.body["name"]}, request), 201)

        def opened() -> Json:
            message = self._new(request, place, request.body["message"], request.body["name"])
            return self._opened(message, request) | {"message": message}

        return await self._take(request, place, opened)

    def _opened(self, opener: Message, request: Request) -> Json:
        made = thread(opener, self._bot_of(request.token))
        made["applied_tags"] = request.body.get("applied_tags") or []
        number, place = int(opener["id"]), self._places[int(opener["in"])]
        self._threads[number] = made
        self._places[number] = Place(number, place.guild, PUBLIC_THREAD)
        return made

    async def _archived(self, _request: Request) -> web.Response:
        return answer({"threads": [], "members": [], "has_more": False})

    async def _active(self, request: Request) -> web.Response:
        active = [made for made in self._threads.values() if made["guild_id"] == request.ids[0]]
        return answer({"threads": active, "members": []})

    async def _list_webhooks(self, request: Request) -> web.Response:
        return answer([made for made in self.webhooks.values() if made["channel_id"] == request.ids[0]])

    async def _make_webhook(self, request: Request) -> web.Response:
        place, bot = self._place(request.ids[0]), self._bot_of(request.token)
        number = next(self._ids)
        made = webhook(WebhookKey(number, f"token-of-webhook-{number}"), place.channel, place.guild, bot)
        self.webhooks[number] = made | {"name": request.body["name"]}
        return answer(self.webhooks[number])

    async def _change_webhook(self, request: Request) -> web.Response:
        made = self._webhook(request)
        made |= {name: request.body[name] for name in ("name", "channel_id") if name in request.body}
        return answer(made)

    async def _remove_webhook(self, request: Request) -> web.Response:
        del self.webhooks[int(self._webhook(request)["id"])]
        return web.Response(status=NOTHING)

    def _webhook(self, request: Request) -> Json:
        made = self.webhooks.get(int(request.ids[0]))
        if made is None or not self.has_webhook:
            raise RefusedError(404, 10015, "Unknown Webhook")
        if not request.token and request.ids[1] != made["token"]:
            raise RefusedError(401, 50027, "Invalid Webhook Token")
        return made

    async def _execute(self, request: Request) -> web.Response:
        if (number := request.ids[1].removeprefix("token-of-")) in self.answers:
            return self._answered(number, request.body)
        made = self._webhook(request)
        place = self._place(request.query.get("thread_id", made["channel_id"]))
        response = await self._take(request, place, lambda: self._new_of_webhook(request, place, made))
        is_wanted = request.query.get("wait", "false").lower() in ("true", "1") or response.status != 200
        return response if is_wanted else web.Response(status=NOTHING)

    def _new_of_webhook(self, request: Request, place: Place, made: Json) -> Message:
        message = self._new(request, place, request.body)
        name = request.body.get("username") or made["name"]
        author = {"id": made["id"], "username": name, "avatar": None, "discriminator": "0000", "bot": True}
        message |= {"webhook_id": made["id"], "application_id": made["application_id"], "author": author}
        return message

    async def _read_of_webhook(self, request: Request) -> web.Response:
        self._webhook(request)
        return answer(self._message_of(request.ids[2]))

    async def _edit_of_webhook(self, request: Request) -> web.Response:
        if (number := request.ids[1].removeprefix("token-of-")) in self.answers:
            return self._answered(number, request.body)
        place = self._place(self._webhook(request)["channel_id"])
        return await self._take(
            request, place, lambda: self._changed(request, place, request.ids[2], request.ids[0])
        )

    async def _delete_of_webhook(self, request: Request) -> web.Response:
        if request.ids[1].removeprefix("token-of-") not in self.answers:
            self._webhook(request)
            self._forget(self._message_of(request.ids[2]))
        return web.Response(status=NOTHING)

    async def _callback(self, request: Request) -> web.Response:
        number = request.ids[0]
        if number not in self.answers:
            raise RefusedError(404, 10062, "Unknown interaction")
        if number in self.acknowledged:
            raise RefusedError(400, 40060, "Interaction has already been acknowledged.")
        self.acknowledged.add(number)
        if request.body["type"] not in (DEFERRED, DEFERRED_UPDATE):
            self._answered(number, request.body.get("data") or {})
        if request.query.get("with_response") not in ("1", "true", "True"):
            return web.Response(status=NOTHING)
        said = self._said(request.body.get("data") or {})
        state = {"response_message_id": said["id"], "response_message_loading": False}
        about = {"id": request.ids[0], "type": 2, "response_message_ephemeral": True} | state
        return answer({"interaction": about, "resource": {"type": request.body["type"], "message": said}})

    def _answered(self, number: str, body: Json) -> web.Response:
        """What an interaction is answered with, at once or later. Only the first answer is kept."""
        if not self.answers[number].done():
            self.answers[number].set_result(body)
        return answer(self._said(body))

    def _said(self, body: Json) -> Message:
        """A message that only the person who used a command sees; it stands in no channel."""
        place = self._places[CHANNEL] if CHANNEL in self._places else next(iter(self._places.values()))
        return self._message(self._new_id(), place, body, BOT) | {"flags": body.get("flags") or EPHEMERAL}

    async def _take(self, request: Request, place: Place, take: Callable[[], Json]) -> web.Response:
        """Make or edit a message, unless something goes wrong."""
        fault = self.fault or (self.faults.pop(0) if self.faults else None)
        if self.failing:
            fault = Fault.UNAVAILABLE
        if fault is not None and not fault.startswith("accepted"):
            return await self._fail(request.raw, fault)
        taken = take()
        self.arrivals[place.channel].append(self.clock())
        self.arrived.set()
        return answer(taken) if fault is None else await self._fail(request.raw, fault)

    def _new(self, request: Request, place: Place, body: Json, name: str | None = None) -> Message:
        nonce = body.get("nonce") if name is None else None
        first, until = self._nonces.get((place.channel, str(nonce)), ("", 0.0))
        if nonce and body.get("enforce_nonce") and time.monotonic() < until:
            return self.messages[first]
        message = self._message(self._new_id(), place, body, self._bot_of(request.token))
        if name is not None:  # it opens the post of a forum
            message |= {"name": name, "channel_id": message["id"]}
        self.messages[message["id"]] = message
        self._standing[place.channel][message["id"]] = message
        self.accepted.append(Accepted("POST", str(place.channel), message["id"], body))
        if nonce:
            until = time.monotonic() + self.nonce_life
            self._nonces[place.channel, str(nonce)] = message["id"], until
        return message

    def _changed(self, request: Request, place: Place, name: str, webhook_id: str | None = None) -> Message:
        message = self._message_of(name)
        author = webhook_id or str(self._bot_of(request.token))
        if message["author"]["id"] != author:
            raise RefusedError(403, 50005, "Cannot edit a message authored by another user")
        shown = {part: request.body[part] or [] for part in ("embeds", "components") if part in request.body}
        text = {"content": request.body["content"] or ""} if "content" in request.body else {}
        message |= shown | text | {"edited_timestamp": LONG_AGO}
        message["flags"] |= request.body.get("flags") or 0
        self.accepted.append(Accepted("PATCH", str(place.channel), name, request.body))
        return message

    def _message(self, name: str, place: Place, body: Json, bot: int) -> Message:
        return {
            "id": name,
            "in": str(place.channel),
            "guild": str(place.guild),
            "name": None,
            "channel_id": str(place.channel),
            "author": user(bot),
            "content": body.get("content") or "",
            "timestamp": LONG_AGO,
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

    def _new_id(self) -> str:
        return str(((int(time.time() * 1000) - EPOCH_MS) << 22) + next(self._ids) % (1 << 22))

    def _limit(self, refusal: Refusal) -> web.Response:
        """What a request gets that is one too many."""
        if refusal.by_network:
            return self._page(refusal.wait)
        response = self._too_many(refusal.scope, refusal.wait)
        response.headers["Retry-After"] = str(math.ceil(refusal.wait))
        return response

    def _too_many(self, scope: str, wait: float) -> web.Response:
        self.refused_at.append((time.monotonic(), 429))
        whole = scope == "global"
        who = "The resource is" if scope == "shared" else "You are"
        told = {"message": f"{who} being rate limited.", "code": 0, "retry_after": wait, "global": whole}
        response = answer(told, 429)
        response.headers.update({"Retry-After": f"{wait:.3f}", "X-RateLimit-Scope": scope})
        if whole:
            response.headers["X-RateLimit-Global"] = "true"
        return response

    def _page(self, wait: float) -> web.Response:
        self.refused_at.append((time.monotonic(), 429))
        page = "<!doctype html><h1>You are being blocked</h1>"
        headers = {"Retry-After": str(wait)}
        return web.Response(text=page, status=429, content_type="text/html", headers=headers)

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
                return self._page(self.wait)
            case Fault.BAD_GATEWAY | Fault.ACCEPTED_BAD_GATEWAY:
                self.refused_at.append((time.monotonic(), 502))
                return web.Response(text="<h1>Bad gateway</h1>", status=502, content_type="text/html")
        self.refused_at.append((time.monotonic(), 503))
        return answer({"code": 0, "message": "down"}, status=503)
