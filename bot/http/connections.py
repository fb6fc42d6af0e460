"""Connections of the HTTP endpoint: their limits, and no version in any response."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from ipaddress import IPv6Network
from typing import Any, cast

from aiohttp import web

MAX_CONNECTIONS = 200  # connections: the bot needs descriptors for Discord, feeds and the database too
MAX_PER_ADDRESS = 50  # a proxy has one address for all
IDLE_SECONDS = 15.0  # without a whole request, from the start and after each answer

SERVER_HEADER = {"Server": "Topicwire"}  # aiohttp's own names its version and Python's

_unlogged = logging.Logger("malformed requests", logging.CRITICAL)  # or their sender could fill the log


def network_of(address: str) -> str:
    """Who sends from an address: an IPv4 address itself, and of an IPv6 address its /64, as one customer has at least that much."""
    host = address.partition("%")[0]
    try:
        return str(IPv6Network((host, 64), strict=False))
    except ValueError:
        return address


class Connections:
    """Creates the protocol of each new connection, and counts open connections by client address."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._open: Counter[str] = Counter()

    def __call__(self) -> asyncio.Protocol:
        """The protocol factory for `loop.create_server`."""
        return _ClientConnection(self, self._server)

    def enter(self, address: str) -> bool:
        """Count a new connection. Returns False if there are too many."""
        if self._open.total() >= MAX_CONNECTIONS or self._open[address] >= MAX_PER_ADDRESS:
            return False
        self._open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Count a closed connection."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


class _ClientConnection(web.RequestHandler):
    """A connection of a client."""

    __slots__ = ("_address", "_connections")

    def __init__(self, connections: Connections, server: web.Server) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            server, loop=loop, keepalive_timeout=IDLE_SECONDS, access_log=_unlogged, logger=_unlogged
        )
        self._connections = connections
        self._address: str | None = None  # None before it was accepted, and after it was closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or drop it if there are too many."""
        address = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._connections.enter(address):
            cast("asyncio.Transport", transport).abort()
            return
        self._address = address
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Process data, unless the connection was dropped."""
        if self._address is not None:
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count the closed connection."""
        if self._address is not None:
            self._connections.leave(self._address)
            self._address = None
            super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer invalid HTTP with JSON like all responses, and close the connection."""
        error = "internal error" if status == 500 else "not a valid HTTP request"
        answer = web.json_response({"error": error}, status=status, headers=SERVER_HEADER)
        answer.force_close()
        return answer


async def name_server(_request: web.Request, response: web.StreamResponse) -> None:
    """Replace the `Server` header; a signal handler of aiohttp."""
    response.headers.update(SERVER_HEADER)


async def listen(runner: web.AppRunner, host: str, port: int) -> asyncio.Server:
    """Accept connections for an application. Raises OSError if the address cannot be used."""
    server: Any = runner.server
    return await asyncio.get_running_loop().create_server(Connections(server), host, port)
