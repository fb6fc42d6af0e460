"""What becomes of a process that died, and of the feeds that it had taken."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from bot.domain.text.cleaning import plural
from bot.runtime.leadership import WATCH, Watch
from bot.store import feeds, leases
from bot.store.database import Database

log = logging.getLogger(__name__)


class AbsenceWatch:
    """Watches the leases of all processes. Of those that are gone it makes the feeds due again; `freed` is called then."""

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

    async def step(self) -> datetime:
        """Look at all processes once. Returns when to look again."""
        began = self._stopwatch()
        async with self._db.read() as connection:
            stored = await leases.of_processes(connection)
        self._watches = {
            lease.name: self._watches.get(lease.name) or Watch(self._stopwatch, self._is_gone)
            for lease in stored
        }
        for lease in stored:
            if self._watches[lease.name].is_free(lease, began):
                await self._give_back(lease)
        return self._now() + WATCH

    async def _give_back(self, lease: leases.Lease) -> None:
        async with self._db.write() as connection:
            if not await leases.remove(
                connection, lease
            ):  # it is there after all, or another process was faster
                return
            count = await feeds.give_back(connection, leases.process_of(lease))
        if count:
            log.info("a poller is gone; %s that it had taken can be polled", plural(count, "feed"))
            self._freed()
