"""Writing what became of messages: what ends within a short moment is one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.errors import StoreError
from bot.store import outbox
from bot.store.database import Database
from bot.store.outbox import Settlement

MOST = 200  # messages of one transaction


class Settler:
    """Collects what becomes of messages in one turn of the loop, or while it writes, and writes it at once.

    What fails in a transaction of several is written again by itself, so that it takes no other with it.
    """

    def __init__(self, db: Database, now: Callable[[], datetime], edit_interval: timedelta) -> None:
        self._db = db
        self._now = now
        self._edit_interval = edit_interval
        self._waiting: list[tuple[Settlement, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def settle(self, settlement: Settlement) -> bool:
        """Store the result of a try. False if another worker has claimed the message meanwhile."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((settlement, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="storing what became of messages")
        return await done

    async def close(self) -> None:
        """End what is being written. It is as if it were not known yet."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(self) -> None:
        try:
            await asyncio.sleep(0)  # for those that end in this turn of the loop
            while self._waiting:
                batch = self._next()
                # Rows that others have locked, as the intake does many at once, are waited for one by one.
                if not await self._store(batch, alone=len(batch) == 1):
                    for settlement, done in batch:
                        if not done.done():
                            await self._store([(settlement, done)], alone=True)
        finally:
            self._writing = None

    def _next(self) -> list[tuple[Settlement, asyncio.Future[bool]]]:
        """The next results to write, of different messages; those that nobody waits for any more are left out."""
        batch: dict[int, tuple[Settlement, asyncio.Future[bool]]] = {}
        rest: list[tuple[Settlement, asyncio.Future[bool]]] = []
        for settlement, done in self._waiting:
            if len(batch) == MOST or settlement.claimed.id in batch:
                rest.append((settlement, done))
            elif not done.done():
                batch[settlement.claimed.id] = settlement, done
        self._waiting = rest
        return list(batch.values())

    async def _store(self, batch: list[tuple[Settlement, asyncio.Future[bool]]], *, alone: bool) -> bool:
        """Write results; False if some are left to be written alone. Whoever waits for them gets what went wrong."""
        try:
            async with self._db.write() as connection:
                settled = await outbox.settle_all(
                    connection,
                    [settlement for settlement, _ in batch],
                    self._now(),
                    self._edit_interval,
                    skip_locked=not alone,
                )
        except Exception as error:
            if not alone and not isinstance(error, StoreError):
                return False
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return True
        for settlement, done in batch:
            still_claimed = settled.get(settlement.claimed.id, False if alone else None)
            if still_claimed is not None and not done.done():
                done.set_result(still_claimed)
        return all(done.done() for _, done in batch)
