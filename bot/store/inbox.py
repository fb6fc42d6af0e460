"""The inbox: what pollers fetched, one row for each poll, until the intake has taken it in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store import schema
from bot.store.sql import append, chunks

MOST_POLLS = 1000  # that are taken in at once

_i = schema.inbox
_f = schema.feeds


class TakenElsewhereError(StoreError):
    """Rows of the inbox are gone: another process took them in, or their feed was removed."""


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A row of the inbox: its feed, with the server whose own it is (0: shared) and its address, and what was fetched."""

    id: int
    source_id: int
    guild_id: int
    url: str
    payload: bytes


async def put(connection: AsyncConnection, polls: Iterable[tuple[int, int, bytes]]) -> None:
    """Add polls, each with its source, its number of items and its payload, in the order given.

    A feed that was removed meanwhile is left out; so its row must be locked, as `feeds.settle` does it.
    """
    polls = list(polls)
    followed: set[int] = set()
    for part in chunks(source_id for source_id, _, _ in polls):
        rows = await connection.execute(sa.select(_f.c.source_id).where(_f.c.source_id.in_(part)))
        followed.update(rows.scalars())
    waiting = [
        {"source_id": source_id, "item_count": count, "payload": payload}
        for source_id, count, payload in polls
        if source_id in followed
    ]
    await append(connection, _i, waiting)


async def oldest(connection: AsyncConnection, most_items: int) -> list[WaitingRow]:
    """The rows that have waited longest: as many as have at most so many items, but at least one."""
    first = sa.select(_i.c.id, _i.c.item_count).order_by(_i.c.id).limit(MOST_POLLS).subquery()
    before = sa.func.sum(first.c.item_count).over(order_by=first.c.id, rows=(None, 0)) - first.c.item_count
    placed = sa.select(first.c.id, first.c.item_count, before.label("before")).subquery()
    fitting = sa.or_(placed.c.before == 0, placed.c.before + placed.c.item_count <= most_items)
    rows = await connection.execute(
        sa.select(_i.c.id, _i.c.source_id, _f.c.guild_id, _f.c.url, _i.c.payload)
        .join(placed, placed.c.id == _i.c.id)
        .join(_f, _f.c.source_id == _i.c.source_id)
        .where(fitting)
        .order_by(_i.c.id)
    )
    return [WaitingRow(*row) for row in rows]


async def remove(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Remove rows, in the transaction that stores what is in them. Raises TakenElsewhereError unless all were there."""
    removed = 0
    for part in chunks(ids):
        rows = await connection.execute(sa.delete(_i).where(_i.c.id.in_(part)).returning(_i.c.id))
        removed += len(rows.all())
    if removed != len(ids):
        raise TakenElsewhereError("the inbox has been read by another process meanwhile")


async def waiting_of(connection: AsyncConnection, source_ids: Collection[int]) -> set[int]:
    """Those of these sources of which something waits."""
    sources: set[int] = set()
    for part in chunks(source_ids):
        waiting = sa.select(_i.c.source_id).where(_i.c.source_id.in_(part)).distinct()
        sources.update((await connection.execute(waiting)).scalars())
    return sources


async def is_full(connection: AsyncConnection, most: int) -> bool:
    """Whether at least so many items wait; a poll without any counts as one."""
    first = sa.select((_i.c.item_count + 1).label("item_count")).limit(most).subquery()
    waiting = await connection.scalar(sa.select(sa.func.sum(first.c.item_count)))
    return (waiting or 0) >= most
