"""Deletes everything of a server, in batches. Running it again completes what a crash has interrupted.

Which rows are a server's is not listed here: every table with a `guild_id` counts, so a new table is deleted from, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import feeds, quotas, retention, revisions, schema, topics

_r = schema.records
_s = schema.stories
_o = schema.outbox
_l = schema.left_servers

# What stays while the bot is in the server, and why. None of it says what the server set, read or posted.
KEPT: Mapping[sa.Table, str] = {
    schema.greeted_servers: "or the bot would greet the server once more",
    schema.quotas: "or a server could delete everything to get more articles in a day than the limit",
}


@dataclass(frozen=True, slots=True)
class ErasedBatch:
    """How many rows went, and which shared stories changed with them, as of that revision of the stories."""

    rows: int
    stories: frozenset[int] = frozenset()
    revision: int = 0


async def erase_batch(
    connection: AsyncConnection, guild_id: int, limit: int, *, entirely: bool = False
) -> ErasedBatch:
    """Delete at most `limit` rows of a server, with what depends on them, in a transaction of `Database.intake`.

    What was set goes first, then messages, articles and stories. `entirely`: what is in `KEPT`, too, and that the bot has
    left. Nothing is left if no row went.
    """
    assert guild_id, "what is shared belongs to no server"
    settings = [table for table in schema.OF_SERVERS if table not in (*schema.BULKY, *KEPT, _l)]
    bulky = [table for table in schema.OF_SERVERS if table in schema.BULKY and table not in (_r, _s)]
    await _forget_backlogs(connection, guild_id)
    rows = 0
    for table in (*settings, *bulky):
        rows += await _delete(connection, table, guild_id, limit - rows)
    ids = await _some(connection, _r, guild_id, limit - rows)
    changed = await _delete_records(connection, ids)
    rows += len(ids)
    rows += await _delete_stories(connection, guild_id, limit - rows, changed)
    rows += await _delete_sources(connection, guild_id, limit - rows)
    if entirely and rows < limit:
        for table in (*KEPT, _l):
            await connection.execute(sa.delete(table).where(table.c.guild_id == guild_id))
    revision = await revisions.advance(connection, revisions.STORIES) if changed else 0
    return ErasedBatch(rows, frozenset(changed), revision)


async def left_before(connection: AsyncConnection, before: datetime) -> list[int]:
    """The servers that the bot left before then, and has not come back to."""
    rows = await connection.execute(sa.select(_l.c.guild_id).where(_l.c.at < before).order_by(_l.c.at))
    return list(rows.scalars())


async def has_left(connection: AsyncConnection, guild_id: int, before: datetime) -> bool:
    """Whether the bot left a server before then, and has not come back."""
    left = sa.select(_l.c.guild_id).where(_l.c.guild_id == guild_id, _l.c.at < before)
    return await connection.scalar(left) is not None


async def _forget_backlogs(connection: AsyncConnection, guild_id: int) -> None:
    its_channels = sa.select(_o.c.channel_id).where(_o.c.guild_id == guild_id)
    backlogs = schema.backlogs
    await connection.execute(sa.delete(backlogs).where(backlogs.c.channel_id.in_(its_channels)))


async def _some(connection: AsyncConnection, table: sa.Table, guild_id: int, limit: int) -> Sequence[Any]:
    """The keys of some rows of a server: values, or tuples where a key has several columns."""
    key = list(table.primary_key.columns)
    rows = (
        await connection.execute(sa.select(*key).where(table.c.guild_id == guild_id).limit(max(0, limit)))
    ).all()
    return [row[0] if len(key) == 1 else tuple(row) for row in rows]


async def _delete(connection: AsyncConnection, table: sa.Table, guild_id: int, limit: int) -> int:
    keys = await _some(connection, table, guild_id, limit)
    if not keys:
        return 0
    if table is schema.feeds:
        await feeds.remove(connection, keys)
        return len(keys)
    if table is schema.topics:
        await topics.changed(connection)
        await quotas.add(connection, "topics", {guild_id: -len(keys)})
    if table is schema.alerts:
        await revisions.advance(connection, revisions.ALERTS)
    columns = list(table.primary_key.columns)
    chosen = columns[0].in_(keys) if len(columns) == 1 else sa.tuple_(*columns).in_(keys)
    await connection.execute(sa.delete(table).where(chosen))
    return len(keys)


async def _delete_records(connection: AsyncConnection, ids: Sequence[int]) -> set[int]:
    """Delete records of a server, without a trace of their keys. Returns the stories that had them."""
    if not ids:
        return set()
    await revisions.remember_numbers(connection, _r.c.id, revisions.LAST_RECORD)
    inside = sa.select(_r.c.story).where(_r.c.id.in_(ids), _r.c.story.is_not(None)).distinct()
    numbers = set((await connection.execute(inside)).scalars())
    await connection.execute(sa.update(_s).where(_s.c.lead_id.in_(ids)).values(lead_id=None))
    await retention.delete_records(connection, ids)
    return numbers


async def _delete_stories(connection: AsyncConnection, guild_id: int, limit: int, changed: set[int]) -> int:
    """Delete stories that a server alone sees, and the numbers that forward to them. Notes them in `changed`."""
    numbers = set(await _some(connection, _s, guild_id, limit))
    if not numbers:
        return 0
    await revisions.remember_numbers(connection, _s.c.number, revisions.LAST_STORY)
    forwarding = numbers
    while forwarding:
        rows = await connection.execute(sa.select(_s.c.number).where(_s.c.merged_into.in_(list(forwarding))))
        forwarding = set(rows.scalars()) - numbers
        numbers |= forwarding
    # A record of somebody else would not be there; if it is, it is in no story any more.
    await connection.execute(sa.update(_r).where(_r.c.story.in_(list(numbers))).values(story=None))
    await connection.execute(sa.delete(_o).where(_o.c.story.in_(list(numbers))))
    await connection.execute(sa.delete(_s).where(_s.c.number.in_(list(numbers))))
    changed |= numbers
    return len(numbers)


async def _delete_sources(connection: AsyncConnection, guild_id: int, limit: int) -> int:
    """Delete the sources of a server's feeds, those of removed feeds too."""
    source = schema.sources
    feeds_of_server = source.c.name.startswith(feeds.source_name("", guild_id), autoescape=True)
    ids = sa.select(source.c.id).where(feeds_of_server).limit(max(0, limit))
    chosen = (await connection.execute(ids)).scalars().all()
    await connection.execute(sa.delete(source).where(source.c.id.in_(chosen)))
    return len(chosen)
