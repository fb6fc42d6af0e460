"""What becomes of a process that died, and of the feeds that it had taken."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.text.cleaning import plural
from bot.runtime.leadership import WATCH, Watch
from bot.store import feeds, leases
from bot.store.database import Database

log = logging.getLogger(__name__)

REMOVE = timedelta(hours=1)  # after so long without a sign of life, the record of a process is removed
# Does something with a lease that is still as it was seen, or returns False.
Settle = Callable[[AsyncConnection, leases.Lease], Awaitable[bool]]


class AbsenceWatch:
    """Watches the leases of all processes. Of those that are gone it makes the feeds due again; `freed` is called then.

    A lease that was given up is removed at once. That of a process that is gone otherwise stays for an hour, so that people
    see that there was one, and since when it gives no sign of life.
    """

    def __init__(
        self,
        db: Database,
        now: Callable[[], datetime],
        stopwatch: Callable[[], float],
        *,
        is_gone: Callable[[str], bool],
        freed: Callable[[], None],
    ) -> None:
        self._db = db
        self._now = now
        self._stopwatch = stopwatch
        self._is_gone = is_gone
        self._freed = freed
        self._watches: dict[str, Watch] = {}
        self._handled: set[leases.Lease] = set()  # of processes that are gone, whose feeds were given back

    async def step(self) -> datetime:
        """Look at all processes once. Returns when to look again."""
        began = self._stopwatch()
        async with self._db.read() as connection:
            stored = await leases.of_processes(connection)
        self._watches = {
            lease.name: self._watches.get(lease.name) or Watch(self._stopwatch, self._is_gone)
            for lease in stored
        }
        self._handled.intersection_update(stored)
        for lease in stored:
            watch = self._watches[lease.name]
            is_gone = watch.is_free(lease, began)
            if not lease.holder or watch.silence(began) >= REMOVE.total_seconds():
                await self._give_back(lease, leases.remove)
            elif is_gone and lease not in self._handled:
                await self._give_back(lease, leases.lock_unchanged)
                self._handled.add(lease)
        return self._now() + WATCH

    async def _give_back(self, lease: leases.Lease, settle: Settle) -> None:
        async with self._db.write() as connection:
            if not await settle(connection, lease):  # it is there after all, or another process was faster
                return
            count = await feeds.give_back(connection, leases.process_of(lease))
        if count:
            log.info("a poller is gone; %s that it had taken can be polled", plural(count, "feed"))
            self._freed()
