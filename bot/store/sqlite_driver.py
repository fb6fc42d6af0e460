"""How SQLAlchemy reaches a SQLite file: a thread for each connection, which is woken once for a statement."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import aiosqlite
from aiosqlite.context import Result

AHEAD = 64  # rows that are read together with the statement, and at once while somebody iterates


class SqliteConnection(sqlite3.Connection):
    """Ends its transaction when it is closed.

    SQLite itself keeps the lock of a closed connection until its last statement is freed, and the traceback of a
    cancelled task may hold that statement for as long as the process runs.
    """

    def close(self) -> None:
        """Roll back and close."""
        with suppress(sqlite3.ProgrammingError):  # it is closed already
            if self.in_transaction:
                self.rollback()
        super().close()


class _Cursor(aiosqlite.Cursor):
    """A cursor that runs a statement and reads its first rows in one call to the connection's thread.

    aiosqlite makes a call each for the cursor, the statement, its rows and the end, and nearly every statement of the
    bot is shorter than it takes to wake a thread. Only what may wait for the file or take long needs the thread.
    """

    def __init__(self, connection: SqliteDriver, cursor: sqlite3.Cursor) -> None:
        super().__init__(connection, cursor)
        self._ahead: list[Any] = []
        self._finished = True  # whether the thread has nothing to do for it any more

    def _run(self, sql: str, parameters: Any) -> list[Any]:
        """In the thread: run the statement. Returns its first rows."""
        self._cursor.execute(sql, parameters)
        return [] if self._cursor.description is None else self._cursor.fetchmany(AHEAD)

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> _Cursor:
        """Run a statement."""
        self._ahead, self._finished = [], False
        values = () if parameters is None else parameters
        self._ahead = await self._execute(self._run, sql, values)  # type: ignore[no-untyped-call] # aiosqlite's
        self._finished = len(self._ahead) < AHEAD
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> _Cursor:
        """Run a statement once for each of the parameters."""
        self._ahead, self._finished = [], False
        await super().executemany(sql, parameters)
        self._finished = True
        return self

    async def fetchone(self) -> Any:
        """The next row; None after the last."""
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        """The next rows: fewer than `size` only at the end."""
        number = self.arraysize if size is None else size
        rows, self._ahead = self._ahead[:number], self._ahead[number:]
        if len(rows) < number and not self._finished:
            rows += await super().fetchmany(number - len(rows))
            self._finished = len(rows) < number
        return rows

    async def fetchall(self) -> Sequence[Any]:
        """All rows that were not read yet."""
        rows, self._ahead = self._ahead, []
        if not self._finished:
            rows += await super().fetchall()
            self._finished = True
        return rows

    async def close(self) -> None:
        """Free the statement: in the thread if it may still be running there, as after a cancellation."""
        if self._finished:
            self._cursor.close()
        else:
            await super().close()


class SqliteDriver(aiosqlite.Connection):
    """A connection with its thread, which is stopped once.

    aiosqlite has the thread answer each stop, and waits for that without end where the thread has ended before. So
    closing a connection whose closing was cancelled would never end, nor would `asyncio.run`, which waits for all tasks.
    """

    def cursor(self) -> Result[aiosqlite.Cursor]:
        """A new cursor. Making it touches no file."""
        return Result(self._cursor_here())

    async def _cursor_here(self) -> aiosqlite.Cursor:
        return _Cursor(self, self._conn.cursor())

    def stop(self) -> asyncio.Future[Any] | None:
        """Stop the thread. Returns what to wait for; None if it was stopped before."""
        return super().stop() if self._running else None


def connect(file: str, **options: Any) -> SqliteDriver:
    """As `aiosqlite.connect`, with the thread as SQLAlchemy wants it: no process waits for it at its end.

    Cursors are made and freed outside of that thread, which SQLite allows (it is compiled to be safe with threads).
    """
    options |= {"factory": SqliteConnection, "check_same_thread": False}
    connector = partial(sqlite3.connect, file, **options)
    connection = SqliteDriver(connector, AHEAD)
    connection._thread.daemon = True
    return connection
