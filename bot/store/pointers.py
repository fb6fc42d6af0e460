"""Pointers: the messages of stories that were merged into others, of which each points to the other's message."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.decisions import of_server
from bot.store.outbox import STORY, Claimed
from bot.store.sql import chunks

_o = schema.outbox
_s = schema.stories


async def follow(
    connection: AsyncConnection, survivors: Collection[int], now: datetime, guild_id: int = 0
) -> None:
    """Stories were merged into these: their messages, in a server's channels or (0) in all, are edited in any
    case, and pointers to them looked at again.

    An edit that changes nothing would not be sent, and so would not tell whether the message is still there.
    """
    for part in chunks(survivors):
        sent = sa.and_(
            _o.c.kind == STORY, _o.c.story.in_(part), _o.c.message_id.is_not(None), of_server(guild_id)
        )
        await connection.execute(sa.update(_o).where(sent).values(shown=""))
    await _look_again(connection, survivors, now, of_server(guild_id))


async def look_again(
    connection: AsyncConnection, stories: Iterable[int], now: datetime, channel_id: int | None = None
) -> None:
    """Make the messages due that point to these stories, in one channel or in all: what they point to has changed."""
    here = sa.true() if channel_id is None else _o.c.channel_id == channel_id
    await _look_again(connection, stories, now, here)


async def _look_again(
    connection: AsyncConnection, stories: Iterable[int], now: datetime, here: sa.ColumnElement[bool]
) -> None:
    idle = sa.and_(_o.c.message_id.is_not(None), _o.c.due_at.is_(None), _o.c.closed.is_(False))
    for part in chunks(stories):
        merged = sa.select(_s.c.number).where(_s.c.merged_into.in_(part))
        pointers = sa.update(_o).where(_o.c.kind == STORY, _o.c.story.in_(merged), idle, here)
        await connection.execute(pointers.values(due_at=now))


async def take_over(connection: AsyncConnection, claimed: Claimed, story: int) -> bool:
    """Have a message show another story from now on. False where the lease was lost to another worker meanwhile."""
    mine = sa.and_(_o.c.id == claimed.id, _o.c.claims == claimed.claim)
    done = await connection.execute(sa.update(_o).where(mine).values(story=story, shown=""))
    return bool(done.rowcount)


async def merged_from(connection: AsyncConnection, story: int, lead: int) -> list[int]:
    """The stories that were merged into this one and that this record led."""
    rows = await connection.execute(
        sa.select(_s.c.number).where(_s.c.merged_into == story, _s.c.lead_id == lead).order_by(_s.c.number)
    )
    return list(rows.scalars())
