"""Limits per host: concurrent requests, and the gap between two starts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class _Host:
    """The state of a host with current or recent requests."""

    __slots__ = ("not_before", "slots", "start", "users")

    def __init__(self, at_once: int) -> None:
        self.slots = asyncio.Semaphore(at_once)
        self.start = asyncio.Lock()
        self.not_before = float("-inf")
        self.users = 0


class Hosts:
    """Schedules requests to hosts in their order.

    A host is remembered while it is in use and until its gap is over.
    """

    def __init__(
        self,
        per_host: int,
        gap: float,
        connections: int,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._per_host = per_host
        self._gap = gap
        self._monotonic = monotonic
        self._sleep = sleep
        self._connections = asyncio.Semaphore(connections)
        self._hosts: dict[str, _Host] = {}
        self._idle: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._hosts)

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Wait until a request to the host may start; it must end within the context."""
        self._forget()
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(self._per_host)
        host.users += 1
        try:
            async with host.slots:
                # Requests start one at a time. They wait for the gap before they take a connection.
                async with host.start:
                    while (wait := host.not_before - self._monotonic()) > 0:
                        await self._sleep(wait)
                    await self._connections.acquire()
                    host.not_before = self._monotonic() + self._gap
                try:
                    yield
                finally:
                    self._connections.release()
        finally:
            host.users -= 1
            if not host.users:
                self._idle.append(name)

    def _forget(self) -> None:
        """Drop the hosts whose gap is over. All gaps are alike, so those idle longest are first."""
        now = self._monotonic()
        while self._idle:
            host = self._hosts.get(self._idle[0])
            if host is not None and not host.users:
                if host.not_before > now:
                    return
                del self._hosts[self._idle[0]]
            self._idle.popleft()
