"""Discord's gateway: identifying, shards, sessions that resume, and events.

https://discord.com/developers/docs/events/gateway
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.loopback.limits import RateLimiter
from tests.loopback.objects import GuildLayout, guild, user

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
AUTHENTICATION_FAILED, RATE_LIMITED, INVALID_SHARD = 4004, 4008, 4010


def shard_of(guild_id: int, count: int) -> int:
    """The shard that gets the events of a server: https://discord.com/developers/docs/events/gateway#sharding"""
    return (guild_id >> 22) % count


@dataclass
class Session:
    """What a shard of a bot gets. `events` are all that it was sent, so that it can resume after any of them."""

    id: str
    bot: int
    shard: tuple[int, int]
    socket: web.WebSocketResponse | None
    events: list[dict[str, Any]] = field(default_factory=list)

    def concerns(self, guild_id: int) -> bool:
        """Whether the events of a server go to this shard."""
        return shard_of(guild_id, self.shard[1]) == self.shard[0]

    async def dispatch(self, name: str, data: Any) -> None:
        """Send an event now, or when the session is resumed."""
        event = {"op": DISPATCH, "s": len(self.events) + 1, "t": name, "d": data}
        self.events.append(event)
        if self.socket is not None and not self.socket.closed:
            await self.socket.send_json(event)


class Gateway:
    """All connections of all bots. `on_identify` gets each session that begins."""

    def __init__(
        self,
        guilds: Sequence[GuildLayout],
        limiter: RateLimiter,
        bot_of: Callable[[str], int],
        on_identify: Callable[[Session], None],
    ) -> None:
        self.guilds = tuple(guilds)
        self.sessions: dict[str, Session] = {}
        self.sockets: set[web.WebSocketResponse] = set()
        self.closes: list[int] = []  # codes with which the next identifications end, in order
        self.resumable = False
        self.shards = 1  # that Discord recommends
        self.concurrency = 1  # shards that may identify at the same time
        self.address = ""
        self._limiter = limiter
        self._bot_of = bot_of
        self._on_identify = on_identify
        self._numbers = itertools.count(1)

    async def talk(self, socket: web.WebSocketResponse) -> None:
        """Serve a connection until it ends."""
        await socket.send_json({"op": HELLO, "d": {"heartbeat_interval": 40_000}, "s": None, "t": None})
        session: Session | None = None
        number = next(self._numbers)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            frame = json.loads(message.data)
            if not self._limiter.allows_event(number):
                await socket.close(code=RATE_LIMITED)
            elif frame["op"] == HEARTBEAT:
                await socket.send_json({"op": ACK, "d": None, "s": None, "t": None})
            elif frame["op"] in (IDENTIFY, RESUME):
                if self.closes:
                    await socket.close(code=self.closes.pop(0))
                elif frame["op"] == RESUME:
                    session = await self._resume(socket, frame["d"])
                else:
                    session = await self._identify(socket, frame["d"])
        self.sockets.discard(socket)
        if session is not None and session.socket is socket:
            session.socket = None

    async def _identify(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> Session | None:
        token, (number, count) = data["token"], data.get("shard") or (0, 1)
        if not 0 <= number < count:
            await socket.close(code=INVALID_SHARD)
            return None
        if not self._limiter.allows_identify(token, number % self.concurrency):
            await socket.send_json({"op": INVALID_SESSION, "d": False, "s": None, "t": None})
            return None
        if not self._limiter.start_session(token):
            await socket.close(code=AUTHENTICATION_FAILED)
            return None
        session = Session(f"session-{next(self._numbers)}", self._bot_of(token), (number, count), socket)
        self.sessions[session.id] = session
        self.sockets.add(socket)
        self._on_identify(session)
        concerned = [layout for layout in self.guilds if session.concerns(layout.id)]
        ready = {
            "v": 10,
            "user": user(session.bot),
            "session_id": session.id,
            "resume_gateway_url": self.address,
            "application": {"id": str(session.bot), "flags": 0},
            "guilds": [{"id": str(layout.id), "unavailable": True} for layout in concerned],
            "shard": [number, count],
        }
        await session.dispatch("READY", ready)
        for layout in concerned:
            await session.dispatch("GUILD_CREATE", guild(layout, session.bot))
        return session

    async def _resume(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> Session | None:
        session = self.sessions.get(data["session_id"]) if self.resumable else None
        if session is None or session.bot != self._bot_of(data["token"]):
            await socket.send_json({"op": INVALID_SESSION, "d": False, "s": None, "t": None})
            return None
        missed = session.events[data["seq"] or 0 :]
        session.socket = socket
        self.sockets.add(socket)
        for event in missed:
            await socket.send_json(event)
        await session.dispatch("RESUMED", {})
        return session

    async def dispatch(self, name: str, data: Any, guild_id: int, bot: int | None = None) -> None:
        """Send an event of a server to the bots in it, or to one of them."""
        for session in tuple(self.sessions.values()):
            if session.socket is not None and session.concerns(guild_id) and bot in (None, session.bot):
                await session.dispatch(name, data)
