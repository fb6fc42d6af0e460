"""A connection from before it connects until it is back in the pool, whatever happens to the task that uses it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Literal, Self

from sqlalchemy.ext.asyncio import AsyncConnection


class _Uncancellable(asyncio.Task[None]):
    """A task that runs to its end.

    A task that is cancelled before its first step runs none of its code, so no `try` in it helps. `asyncio.run` cancels
    all tasks at its end, those that have just been created as well.
    """

    def cancel(self, msg: Any | None = None) -> Literal[False]:
        """Refuse. Whoever cancels all tasks and waits for them waits for this one too."""
        return False


class Checkout:
    """Connects on demand, and returns the connection at the end of an `async with`.

    `checkouts` refers to it in between: SQLAlchemy cannot return a connection that the garbage collector finds.
    """

    def __init__(self, connection: AsyncConnection, checkouts: set[Checkout]) -> None:
        self._connection = connection
        self._checkouts = checkouts
        self._loop = asyncio.get_running_loop()
        self._connecting: asyncio.Task[AsyncConnection] | None = None
        self._returning: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._checkouts.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not GeneratorExit:
            await asyncio.shield(self.end())
        elif not self._loop.is_closed():
            # The task is garbage. It must not wait any more, and the collector may run it in any thread.
            self._loop.call_soon_threadsafe(self.end)

    async def connect(self) -> AsyncConnection:
        """Take a connection from the pool, which may have to make it."""
        self._connecting = self._loop.create_task(self._start())
        return await asyncio.shield(self._connecting)

    def end(self) -> asyncio.Task[None]:
        """Return the connection, in a task that nobody can cancel. Shield it; a second call gives the same task."""
        if self._returning is None:
            self._returning = _Uncancellable(self._return(), loop=self._loop)
        return self._returning

    async def _start(self) -> AsyncConnection:
        return await self._connection.start()

    async def _return(self) -> None:
        try:
            if self._connecting is not None and not self._connecting.done():
                if not self._connecting.cancelling():  # a second one would disturb its tidying up
                    self._connecting.cancel()
                await asyncio.gather(self._connecting, return_exceptions=True)
            if self._connection.sync_connection is not None:  # it was connected
                await self._connection.close()
        finally:
            self._checkouts.discard(self)
