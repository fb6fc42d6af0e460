"""Servers on the loopback that do as they are told, and names that lead to them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiohttp.abc import ResolveResult

from bot.sources.web.fetch import Web
from bot.sources.web.model import FetchLimits

LOOPBACK = "127.0.0.1"

# A script gets the request's head and the writer, and is over when the server has nothing more to say.
Script = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Names:
    """A resolver. Names that it was not told lead to the loopback; of several answers each is given once."""

    def __init__(self, known: Mapping[str, Sequence[Sequence[str]]] | None = None) -> None:
        self.known = {name: list(answers) for name, answers in (known or {}).items()}
        self.asked: list[str] = []
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self.known.get(host, [[LOOPBACK]])
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        self.closed = True


class Clock:
    """A clock that moves when somebody sleeps by it."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


class Server:
    """A server of one script for all requests; `requests` are their heads.

    `asked` is set with the first, `gone` when the client of one has left.
    """

    def __init__(self, script: Script) -> None:
        self.requests: list[str] = []
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()
        self.port = 0
        self._script = script
        self._tasks: set[asyncio.Task[Any]] = set()

    def url(self, path: str = "/", host: str = "feeds.example", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
        server = await asyncio.start_server(self._serve, LOOPBACK, 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            self.asked.set()
            await self._script(head, writer)
            await reader.read()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.gone.set()
            writer.transport.abort()


def saying(*parts: bytes) -> Script:
    """A script that says this, and hangs up."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        writer.close()

    return script


def silent_after(data: bytes) -> Script:
    """A script that says this, and stays on the line."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return script


def endless(start: bytes, more: bytes, pause: float | None = None) -> Script:
    """A script that says `more` over and over, for as long as anybody listens."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(pause or 0)

    return script


def answering(answers: Mapping[str, bytes]) -> Script:
    """A script that answers by path."""

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[head.split(" ")[1]])
        writer.close()

    return script


def answer(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    """A well-formed answer; `content_type=` becomes `Content-Type:`."""
    lines = [f"HTTP/1.1 {status} Words", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def opened(
    names: Names | None = None,
    *,
    private_networks: bool = True,
    tls: ssl.SSLContext | None = None,
    clock: Clock | None = None,
    connections: int = 100,
    **limits: Any,
) -> AsyncIterator[Web]:
    """A client that waits for nothing; `limits` as in `FetchLimits`, times in seconds."""
    wanted: dict[str, Any] = {
        name: timedelta(seconds=value) if name in ("total", "connect", "idle", "gap") else value
        for name, value in limits.items()
    }
    web = Web(
        user_agent="Topicwire tests",
        private_networks=private_networks,
        limits=replace(FetchLimits(gap=timedelta(0)), **wanted),
        resolver=names or Names(),
        connections=connections,
        monotonic=clock,
        sleep=clock.sleep if clock else asyncio.sleep,
        tls=tls,
    )
    try:
        yield web
    finally:
        await web.close()
