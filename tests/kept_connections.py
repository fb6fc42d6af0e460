"""Connections to PostgreSQL that stay from one test to the next.

A new session of PostgreSQL knows nothing: to look up the tables, plan every statement for the first time and describe it to
the driver costs several times what most tests do with it. Each test has an event loop of its own, so the connections move from
loop to loop.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import AsyncAdaptedQueue

from bot.store import database


class _RunningLoop:
    """The loop that runs, for the driver, which keeps the loop in which it connects."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of that loop. The driver keeps this method."""
        return asyncio.get_running_loop().create_future()

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio.get_running_loop(), name)


class KeptConnections:
    """Pools of connections to one database. Engines of the bot that are made one after the other get the same one."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(database.normalise(url))
        self._idle: dict[str, list[QueuePool]] = {}

    def share(self, patch: pytest.MonkeyPatch) -> None:
        """Have engines take their connections from here, and leave them here."""
        make = vars(database)["create_async_engine"]

        def keeping(url: sa.URL, **options: Any) -> AsyncEngine:
            if url != self._url or not _in_a_loop():
                engine: AsyncEngine = make(url, **options)
                return engine
            arguments = options.pop("connect_args")
            sync = make(url, **options, connect_args={**arguments, "loop": _RunningLoop()}).sync_engine
            idle = self._idle.setdefault(repr(arguments), [])
            if idle:
                sync.pool = idle.pop()
                sync.dialect = sync.pool._dialect  # which has asked the server what it has to know of it
                _continue(sync.pool)
            return _KeepingEngine(sync, idle)

        patch.setattr(database, "create_async_engine", keeping)

    def sessions(self) -> list[int]:
        """The server's processes for the connections that no engine has."""
        return [driver.get_server_pid() for pool in self._pools() for driver in _drivers(pool)]

    async def close(self) -> None:
        """Disconnect."""
        for pool in self._pools():
            _continue(pool)
            for driver in _drivers(pool):
                driver.terminate()
        self._idle.clear()

    def _pools(self) -> list[QueuePool]:
        return [pool for pools in self._idle.values() for pool in pools]


class _KeepingEngine(AsyncEngine):
    """An engine whose connections the next one gets, if they are as good as new."""

    def __init__(self, engine: sa.Engine, idle: list[QueuePool]) -> None:
        super().__init__(engine)
        self._idle = idle

    async def dispose(self, close: bool = True) -> None:
        """Leave the connections for the next engine, or close them. As always, more of them can be made afterwards."""
        pool = self.sync_engine.pool
        if close and isinstance(pool, QueuePool) and await _rested(pool):
            self.sync_engine.pool = pool.recreate()
            self._idle.append(pool)
        else:
            await super().dispose(close)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _connections(pool: QueuePool) -> list[Any]:
    queue: Any = pool._pool
    return [record.dbapi_connection for record in queue._queue._queue if record.dbapi_connection is not None]


def _drivers(pool: QueuePool) -> list[Any]:
    return [connection.driver_connection for connection in _connections(pool)]


async def _rested(pool: QueuePool) -> bool:
    """Have each session as it was in the beginning, and the loop know nothing of it any more. False if that cannot be."""
    drivers = _drivers(pool)
    if (
        not drivers
        or pool.checkedout()
        or any(driver.is_closed() or driver._cancellations for driver in drivers)
    ):
        return False
    try:
        for driver in drivers:
            await driver.reset()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False
    for connection in _connections(pool):
        connection._execute_mutex = (
            asyncio.Lock()
        )  # a lock or a queue for which somebody waited belongs to the loop
        connection.driver_connection._transport.pause_reading()
    waited_for: Any = pool._pool
    pool._pool = AsyncAdaptedQueue(waited_for.maxsize, waited_for.use_lifo)
    while not waited_for.empty():
        pool._pool.put_nowait(waited_for.get_nowait())
    return True


def _continue(pool: QueuePool) -> None:
    """Have the loop that runs attend to the connections."""
    for driver in _drivers(pool):
        driver._transport._loop = asyncio.get_running_loop()
        driver._transport.resume_reading()
