"""The other processes of an installation on PostgreSQL: who leads, and what they tell each other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial

from bot.domain.processes import Role
from bot.errors import StoreError
from bot.runtime import clock, process
from bot.runtime.absence import AbsenceWatch
from bot.runtime.background import OnFailure, Repeating
from bot.runtime.leadership import RENEW, Alone, Leadership, LeaseLeadership
from bot.store import identifies, leases
from bot.store.database import Database
from bot.store.notifications import SERVER, WAKE, Notifications

log = logging.getLogger(__name__)

LONGEST_DEAF = timedelta(seconds=30)  # between tries to listen again


def _nothing() -> None:
    """Nothing begins with a process that is there."""


class Peers:
    """What a process shares with others.

    `woken` is called when another process has something due, `server_changed` with the id of a server of which one has
    reported a change, `reconnected` when such a report may have been lost, and `began` with a role when this process begins to
    lead in it. `account` stands for the token.
    """

    def __init__(
        self,
        db: Database,
        roles: frozenset[Role],
        account: str,
        now: Callable[[], datetime],
        *,
        woken: Callable[[], None],
        server_changed: Callable[[int], None],
        reconnected: Callable[[], None],
        began: Callable[[Role], None],
    ) -> None:
        self._db = db
        self._roles = roles
        self._account = account
        self._now = now
        self._woken = woken
        self._server_changed = server_changed
        self._notifications = Notifications(db, self._heard, reconnected)
        self._absence = AbsenceWatch(
            db, now, clock.stopwatch, is_gone=process.has_ended, freed=lambda: began(Role.POLLER)
        )
        names = {Role.INTAKE: leases.INTAKE, Role.SENDER: leases.sender(account)}
        self._leaderships = {
            role: self._lease(name, partial(began, role), is_locked=role is Role.INTAKE)
            for role, name in names.items()
            if role in roles
        }
        # Nobody else wants this one: it says that this process is there.
        self._presence = self._lease(
            leases.process(process.identity()),
            partial(began, Role.POLLER) if Role.POLLER in roles else _nothing,
            roles=roles,
        )

    def _lease(
        self, name: str, began: Callable[[], None], *, is_locked: bool = False, roles: Iterable[Role] = ()
    ) -> LeaseLeadership:
        return LeaseLeadership(
            self._db,
            name,
            process.identity(),
            self._now,
            clock.stopwatch,
            is_gone=process.has_ended,
            began=began,
            is_locked=is_locked,
            roles=roles,
        )

    def leadership(self, role: Role) -> Leadership:
        """Whether this process leads in a role: the intake, or sending."""
        return self._leaderships[role] if role in self._leaderships else Alone()

    def steps(self, failed: OnFailure) -> Iterator[Repeating]:
        """The steps that keep this process in touch with the others."""
        yield Repeating("listening", self._listen, self._now, failed, LONGEST_DEAF)
        yield Repeating("lease of the process", self._presence.step, self._now, failed, RENEW)
        for role, leadership in self._leaderships.items():
            yield Repeating(f"lease of the {role}", leadership.step, self._now, failed, RENEW)
        if not self._roles.isdisjoint((Role.POLLER, Role.INTAKE)):
            yield Repeating("absent processes", self._absence.step, self._now, failed, LONGEST_DEAF)

    def wake(self) -> None:
        """Have the other processes look for what is due."""
        self._notifications.send(WAKE)

    def report_server(self, guild_id: int) -> None:
        """Tell the other processes that a server has changed."""
        self._notifications.send(SERVER, str(guild_id))

    async def identify(self, shard_id: int, max_concurrency: int) -> None:
        """Wait until this shard may identify with Discord's gateway."""
        now, bucket = self._now(), shard_id % max_concurrency
        try:
            async with self._db.write() as connection:
                at = await identifies.reserve(connection, self._account, bucket, now)
        except StoreError as error:  # at worst Discord refuses the shard, which then identifies again
            log.warning("shard %s does not wait for those of other processes: %s", shard_id, error)
            at = now + identifies.SPACING
        await asyncio.sleep((at - now).total_seconds())

    async def close(self) -> None:
        """Let others lead."""
        for lease in (*self._leaderships.values(), self._presence):
            await lease.close()

    async def _listen(self) -> None:
        await self._notifications.run()
        raise StoreError("the connection to PostgreSQL on which the bot listens was closed")

    def _heard(self, channel: str, payload: str) -> None:
        if channel == WAKE:
            self._woken()
        elif payload.isdecimal():
            self._server_changed(int(payload))
