"""Who leads: of several processes, the one that does what one process at a time may do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import DatabaseLostError, StoreError
from bot.runtime.background import Step
from bot.store import leases
from bot.store.database import Database
from bot.store.leases import Lease

log = logging.getLogger(__name__)

# A standby takes over at most LEASE + WATCH after the last renewal that it saw, which is less than five seconds.
LEASE = timedelta(seconds=3)  # without a renewal for so long, the leader counts as gone, for itself as well
RENEW = timedelta(seconds=1)
WATCH = timedelta(milliseconds=500)


class Leadership(Protocol):
    """Whether this process leads, and steps that run only while it does."""

    @property
    def is_leading(self) -> bool:
        """Whether it leads at this moment."""
        ...

    async def during(self, step: Step) -> datetime | None:
        """Run the step once this process leads. It is cancelled if the process leads no more; then it is due at once."""
        ...


class Alone:
    """There is no other process, as with SQLite."""

    is_leading = True

    async def during(self, step: Step) -> datetime | None:
        """Run the step."""
        return await step()


class Watch:
    """Tells from a lease, which it is shown again and again, whether its holder is still there."""

    def __init__(self, stopwatch: Callable[[], float], is_gone: Callable[[str], bool]) -> None:
        self._stopwatch = stopwatch
        self._is_gone = is_gone
        self._seen: Lease | None = None
        self._seen_at = 0.0

    def is_free(self, stored: Lease, now: float) -> bool:
        """Whether the lease was given up, its holder has certainly ended, or has not renewed it for too long.

        `now` is from before the lease was read.
        """
        if stored != self._seen:
            self._seen, self._seen_at = stored, self._stopwatch()  # the holder renewed it before that
        is_over = self.silence(now) >= LEASE.total_seconds()
        return not stored.holder or is_over or self._is_gone(stored.holder)

    def silence(self, now: float) -> float:
        """For how many seconds the lease that it was shown last has been the same."""
        return now - self._seen_at


class LeaseLeadership:
    """Leads while it holds a lease, and with `is_locked` also the lock of a session in PostgreSQL.

    The lease tells of a process that is frozen, or cut off. The lock tells at once of one that was killed. `step` is called
    again at the time that it returns. `stopwatch` counts seconds, and `is_gone` says whether a holder has certainly ended.
    `began` is called each time when the process begins to lead, with the holder before. `roles` are noted with the lease.
    """

    def __init__(
        self,
        db: Database,
        name: str,
        holder: str,
        now: Callable[[], datetime],
        stopwatch: Callable[[], float],
        *,
        is_gone: Callable[[str], bool],
        began: Callable[[], None],
        is_locked: bool = False,
        roles: Iterable[str] = (),
    ) -> None:
        self.name = name
        self._db = db
        self._holder = holder
        self._now = now
        self._stopwatch = stopwatch
        self._began = began
        self._is_locked = is_locked
        self._roles = tuple(roles)
        self._session = AsyncExitStack()  # of the connection that has the lock, or waits for it
        self._connection: AsyncConnection | None = None
        self._has_lock = False
        self._is_in_trouble = False
        self._watch = Watch(stopwatch, is_gone)
        self._lease: Lease | None = None
        self._valid_until = stopwatch()
        self._leads = asyncio.Event()
        self._lost = asyncio.Event()

    @property
    def is_leading(self) -> bool:
        """Whether it leads at this moment: the lease was renewed lately."""
        return self._lease is not None and self._stopwatch() < self._valid_until

    async def step(self) -> datetime:
        """Renew the lease, or try to take it. Returns when to do that again. Raises DatabaseLostError."""
        began = self._stopwatch()
        try:
            async with asyncio.timeout(LEASE.total_seconds()):
                taken = await (self._campaign(began) if self._lease is None else self._renew(self._lease))
            self._is_in_trouble = False
        except asyncio.CancelledError:
            await self._drop_session()  # what was cancelled on its connection may have broken it
            raise
        except DatabaseLostError:
            raise
        except (StoreError, TimeoutError) as error:
            if not self._is_in_trouble:  # once: the next try is soon
                log.error("%s: %s", self.name, error if str(error) else "the database does not answer")
            self._is_in_trouble = True
            await self._drop_session()
            if self._is_locked or not self.is_leading:  # the lock has ended with its session
                self._lose()
            return self._now() + RENEW
        if taken is None:
            self._lose()
            return self._now() + WATCH
        is_new, self._lease = self._lease is None, taken
        self._valid_until = began + LEASE.total_seconds()
        if is_new:
            log.info("this process takes the lease %r", self.name)
            self._lost.clear()
            self._leads.set()
            self._began()
        return self._now() + RENEW

    async def during(self, step: Step) -> datetime | None:
        """Run the step once this process leads. It is cancelled if the process leads no more; then it is due at once."""
        await self._leads.wait()
        running, lost = asyncio.ensure_future(step()), asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait((running, lost), return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return running.result()
            return self._now()
        finally:
            for task in (running, lost):
                task.cancel()
            await asyncio.gather(running, lost, return_exceptions=True)

    async def close(self) -> None:
        """Give the lease to whoever takes it first. A step that was cancelled may have taken or renewed it all the same."""
        with contextlib.suppress(StoreError, TimeoutError):  # it is over then
            async with asyncio.timeout(LEASE.total_seconds()), self._writing() as connection:
                stored = await leases.read(connection, self.name)
                if stored.holder == self._holder:
                    await leases.take(connection, stored, "")
        self._lose()
        await self._drop_session()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        """The connection that has the lock, or else a transaction."""
        if self._connection is not None:
            with self._db.telling():
                yield self._connection
            return
        async with self._db.write() as connection:
            yield connection

    async def _take(self, connection: AsyncConnection, lease: Lease) -> Lease | None:
        return await leases.take(connection, lease, self._holder, self._roles)

    async def _renew(self, lease: Lease) -> Lease | None:
        async with self._writing() as connection:
            return await self._take(connection, lease)

    async def _campaign(self, now: float) -> Lease | None:
        """Take the lease if nobody leads; None if somebody does."""
        if self._is_locked and self._connection is None:
            self._connection = await self._session.enter_async_context(self._db.dedicated())
        async with self._writing() as connection:
            stored = await leases.read(connection, self.name)
            is_free = self._watch.is_free(stored, now)
            if not self._is_locked:
                return await self._take(connection, stored) if is_free else None
            self._has_lock = self._has_lock or await leases.lock(connection)
            if self._has_lock:
                return await self._take(connection, stored)
            is_frozen = is_free and stored.holder not in ("", self._holder)
            if is_frozen and await leases.evict(connection, stored.holder):
                log.warning(
                    "%s: the process %r does not answer, so its sessions were ended", self.name, stored.holder
                )
        return None

    def _lose(self) -> None:
        if self._lease is not None:
            log.info("this process no longer has the lease %r", self.name)
        self._lease = None
        self._leads.clear()
        self._lost.set()

    async def _drop_session(self) -> None:
        self._connection, self._has_lock = None, False
        session, self._session = self._session, AsyncExitStack()
        with contextlib.suppress(Exception):  # it may be broken
            await session.aclose()
