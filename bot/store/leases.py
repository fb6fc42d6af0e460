"""Leases: who does what one process at a time may do.

No clock of one machine is compared with that of another. The holder counts its renewals in `beat`; others watch the
count with their own clocks, and take a lease whose count has stood still for too long.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.sql import insert_new

INTAKE = "intake"
_POLLER = "poller "
SESSIONS = "topicwire"  # begins the names of this program's sessions in PostgreSQL
_LOCKS = 0x70C2  # any number of our own: the space of the session locks

_l = schema.leases


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it is stored: who holds it, and the count of renewals. An empty `holder`: nobody."""

    name: str
    holder: str
    beat: int


def sender(token_hash: str) -> str:
    """The name of the lease of whoever sends with a token, as Discord's limits are the token's."""
    return f"sender {token_hash}"


def session_name(holder: str) -> str:
    """How PostgreSQL names the sessions of a process, in the 63 bytes that it has for that. The last word of `holder` is unique."""
    return f"{SESSIONS} {holder.rpartition(' ')[2]}"


async def read(connection: AsyncConnection, name: str) -> Lease:
    """The lease with this name; one that nobody holds if there was none yet."""
    row = (await connection.execute(sa.select(_l).where(_l.c.name == name))).first()
    return Lease(name, "", 0) if row is None else Lease(row.name, row.holder, row.beat)


def poller(holder: str) -> str:
    """The name of the lease with which a poller says that it is there."""
    return f"{_POLLER}{holder}"


def poller_of(lease: Lease) -> str:
    """The process that has, or had, a poller's lease."""
    return lease.name.removeprefix(_POLLER)


async def pollers(connection: AsyncConnection) -> list[Lease]:
    """The leases of all pollers that were there and have not been removed."""
    rows = await connection.execute(sa.select(_l).where(_l.c.name.startswith(_POLLER)).order_by(_l.c.name))
    return [Lease(row.name, row.holder, row.beat) for row in rows]


async def remove(connection: AsyncConnection, seen: Lease) -> bool:
    """Remove a lease that is still as it was `seen`. False if it is not."""
    unchanged = sa.and_(_l.c.name == seen.name, _l.c.holder == seen.holder, _l.c.beat == seen.beat)
    return bool((await connection.execute(sa.delete(_l).where(unchanged))).rowcount)


async def take(connection: AsyncConnection, seen: Lease, holder: str) -> Lease | None:
    """Take or renew a lease that is still as it was `seen`; None if somebody else was faster."""
    await insert_new(connection, _l, [{"name": seen.name, "holder": "", "beat": 0}], on=["name"])
    unchanged = sa.and_(_l.c.name == seen.name, _l.c.holder == seen.holder, _l.c.beat == seen.beat)
    taken = Lease(seen.name, holder, seen.beat + 1)
    values = {"holder": taken.holder, "beat": taken.beat}
    result = await connection.execute(sa.update(_l).where(unchanged).values(**values))
    return taken if result.rowcount else None


async def lock(connection: AsyncConnection) -> bool:
    """Take PostgreSQL's lock of the intake for the session, which must be a dedicated one. False if another session has it.

    It is free again at the moment at which its session ends, as when its process is killed.
    """
    return bool(await connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_LOCKS, 0))))


async def evict(connection: AsyncConnection, holder: str) -> int:
    """End all sessions of a process that does not answer any more, and with them its locks. Returns how many."""
    sessions = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name "
        "AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    return len((await connection.execute(sessions, {"name": session_name(holder)})).all())
