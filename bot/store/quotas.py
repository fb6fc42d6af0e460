"""Quotas: how much each server has of its own, counted in the transactions that store and remove it.

A row is changed under the lock of its transaction. So a limit that is checked after a change holds for servers that
add two things at once: the second transaction waits for the first, and sees what that stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.sql import among, chunks, insert_new

Kind = Literal["feeds", "topics", "records"]

_q = schema.quotas
_r = schema.records
_MORE = sa.bindparam("more", type_=sa.Integer)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server has: its feeds and topics, and the records of its feeds, those of removed feeds included.

    `records_that_day` are the new ones among them on `day` (UTC), the last day on which there were any.
    """

    feeds: int = 0
    topics: int = 0
    records: int = 0
    day: date | None = None
    records_that_day: int = 0

    def records_on(self, day: date) -> int:
        """How many new records there were on a day that is not before `day`."""
        return self.records_that_day if day == self.day else 0


async def usage(connection: AsyncConnection, guild_ids: Iterable[int]) -> dict[int, Usage]:
    """What each of these servers has."""
    by_guild = dict.fromkeys(guild_ids, Usage())
    for part in chunks(by_guild):
        for row in await connection.execute(sa.select(_q).where(among(connection, _q.c.guild_id, part))):
            by_guild[row.guild_id] = Usage(row.feeds, row.topics, row.records, row.day, row.records_that_day)
    return by_guild


async def usage_of(connection: AsyncConnection, guild_id: int) -> Usage:
    """What one server has; the shared ones (0) have no quota, and so no usage."""
    return (await usage(connection, [guild_id]))[guild_id]


async def add(connection: AsyncConnection, kind: Kind, changes: Mapping[int, int]) -> None:
    """Add to the usage of servers, in the caller's transaction; negative changes subtract. Shared items (0) have no quota."""
    await _change(connection, changes, {kind: _q.c[kind] + _MORE})


async def count_records(connection: AsyncConnection, servers: Mapping[int, int]) -> None:
    """Count records that are about to be written: `servers` has by their ids the server that each belongs to."""
    changes = Counter(servers.values())
    for part in chunks(servers):
        stored = (
            sa.select(_r.c.guild_id, sa.func.count())
            .where(among(connection, _r.c.id, part))
            .group_by(_r.c.guild_id)
        )
        changes.subtract(dict((await connection.execute(stored)).all()))
    await add(connection, "records", changes)


async def count_new_records(connection: AsyncConnection, new: Mapping[int, int], today: date) -> None:
    """Count the new records that the feeds of servers bring on a day."""
    that_day = sa.case((_q.c.day == today, _q.c.records_that_day + _MORE), else_=_MORE)
    await _change(connection, new, {"day": today, "records_that_day": that_day})


async def _change(connection: AsyncConnection, changes: Mapping[int, int], values: Mapping[str, Any]) -> None:
    """Set values for each server that has a change, which they name as `_MORE`; always in the same order."""
    rows = [{"of": guild_id, "more": more} for guild_id, more in sorted(changes.items()) if guild_id and more]
    if rows:
        await insert_new(connection, _q, [{"guild_id": row["of"]} for row in rows], on=["guild_id"])
        statement = sa.update(_q).where(_q.c.guild_id == sa.bindparam("of"))
        await connection.execute(statement.values(**values), rows)
