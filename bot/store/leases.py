"""Leases: who does what one process at a time may do, and which processes there are.

No clock of one machine is compared with that of another. The holder counts its renewals in `beat`; others watch the
count with their own clocks, and take a lease whose count has stood still for too long. The times in a lease are for people:
they are written and compared by the clock of PostgreSQL, and nothing is decided by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.processes import ProcessState
from bot.store import schema
from bot.store.sql import insert_new

INTAKE = "intake"
_SENDER = "sender "
_PROCESS = "process "
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
    return f"{_SENDER}{token_hash}"


def session_name(holder: str) -> str:
    """How PostgreSQL names the sessions of a process, in the 63 bytes that it has for that. The last word of `holder` is unique."""
    return f"{SESSIONS} {holder.rpartition(' ')[2]}"


async def read(connection: AsyncConnection, name: str) -> Lease:
    """The lease with this name; one that nobody holds if there was none yet."""
    row = (await connection.execute(sa.select(_l).where(_l.c.name == name))).first()
    return Lease(name, "", 0) if row is None else Lease(row.name, row.holder, row.beat)


def process(holder: str) -> str:
    """The name of the lease with which a process says that it is there."""
    return f"{_PROCESS}{holder}"


def process_of(lease: Lease) -> str:
    """The process that has, or had, such a lease."""
    return lease.name.removeprefix(_PROCESS)


async def of_processes(connection: AsyncConnection) -> list[Lease]:
    """The leases of all processes that were there and have not been removed."""
    rows = await connection.execute(sa.select(_l).where(_l.c.name.startswith(_PROCESS)).order_by(_l.c.name))
    return [Lease(row.name, row.holder, row.beat) for row in rows]


async def processes(connection: AsyncConnection) -> list[ProcessState]:
    """The processes that share the database, the oldest first; none on SQLite, which one process has for itself."""
    if connection.dialect.name != "postgresql":
        return []
    silence = (sa.func.clock_timestamp() - _l.c.renewed_at).label("silence")
    rows = (await connection.execute(sa.select(_l, silence).where(_l.c.holder != ""))).all()
    leads: dict[str, set[str]] = {}
    for row in rows:
        if row.name == INTAKE or row.name.startswith(_SENDER):
            leads.setdefault(row.holder, set()).add(row.name.partition(" ")[0])
    present = [
        ProcessState(
            row.holder,
            frozenset(row.roles.split(",")),
            frozenset(leads.get(row.holder, ())),
            row.since,
            max(row.silence, timedelta(0)),
        )
        for row in rows
        if row.name.startswith(_PROCESS) and row.since is not None
    ]
    return sorted(present, key=lambda one: (one.since, one.identity))


def _unchanged(seen: Lease) -> sa.ColumnElement[bool]:
    return sa.and_(_l.c.name == seen.name, _l.c.holder == seen.holder, _l.c.beat == seen.beat)


async def remove(connection: AsyncConnection, seen: Lease) -> bool:
    """Remove a lease that is still as it was `seen`. False if it is not."""
    return bool((await connection.execute(sa.delete(_l).where(_unchanged(seen)))).rowcount)


async def lock_unchanged(connection: AsyncConnection, seen: Lease) -> bool:
    """Whether a lease is still as it was `seen`. If so, nobody renews it until the transaction ends."""
    statement = sa.select(_l.c.name).where(_unchanged(seen)).with_for_update()
    return await connection.scalar(statement) is not None


async def take(
    connection: AsyncConnection, seen: Lease, holder: str, roles: Iterable[str] = ()
) -> Lease | None:
    """Take or renew a lease that is still as it was `seen`; None if somebody else was faster. `roles` are those of a process."""
    await insert_new(connection, _l, [{"name": seen.name, "holder": "", "beat": 0}], on=["name"])
    taken = Lease(seen.name, holder, seen.beat + 1)
    values = {"holder": taken.holder, "beat": taken.beat, "roles": ",".join(sorted(roles))}
    now = sa.func.clock_timestamp()
    times = {"renewed_at": now, "since": now if holder != seen.holder else sa.func.coalesce(_l.c.since, now)}
    on_postgresql = connection.dialect.name == "postgresql"
    result = await connection.execute(
        sa.update(_l).where(_unchanged(seen)).values(**values, **(times if on_postgresql else {}))
    )
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
