"""Pointers: the messages of stories that were merged into others, of which each points to the other's message."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.conditions import has_value
from bot.store.decisions import IDLE, IN_SERVER, MESSAGES_OF, Audiences, audience_rows
from bot.store.outbox import STORY, Claimed, is_claimed_as
from bot.store.sql import among, chunks

_o = schema.outbox
_s = schema.stories


async def follow(connection: AsyncConnection, survivors: Audiences, now: datetime) -> None:
    """Stories were merged into these: their messages are edited in any case, and pointers to them looked at again.

    An edit that changes nothing would not be sent, and so would not tell whether the message is still there.
    """
    if not survivors:
        return
    rows = audience_rows(survivors)
    sent = sa.update(_o).where(MESSAGES_OF, _o.c.message_id.is_not(None)).values(shown="")
    await connection.execute(sent, rows)
    pointers = sa.select(_s.c.number).where(_s.c.merged_into == sa.bindparam("of"))
    pointing = sa.update(_o).where(_o.c.kind == STORY, _o.c.story.in_(pointers), IN_SERVER, IDLE)
    await connection.execute(pointing.values(due_at=now), rows)


async def look_again(
    connection: AsyncConnection, stories: Iterable[int], now: datetime, channel_id: int | None = None
) -> None:
    """Schedule the messages that point to these stories, in one channel or in all, because their targets have changed."""
    in_scope = has_value(_o.c.channel_id, channel_id)
    for part in chunks(stories):
        merged = sa.select(_s.c.number).where(among(connection, _s.c.merged_into, part))
        pointing = sa.update(_o).where(_o.c.kind == STORY, _o.c.story.in_(merged), in_scope, IDLE)
        await connection.execute(pointing.values(due_at=now))


async def take_over(connection: AsyncConnection, claimed: Claimed, story: int) -> bool:
    """Have a message show another story from now on. False where the lease was lost to another worker meanwhile."""
    done = await connection.execute(sa.update(_o).where(is_claimed_as(claimed)).values(story=story, shown=""))
    return bool(done.rowcount)


async def merged_from(connection: AsyncConnection, story: int, leads: Collection[int]) -> list[int]:
    """The stories that were merged into this one and that one of these records led."""
    rows = await connection.execute(
        sa.select(_s.c.number, _s.c.lead_id).where(_s.c.merged_into == story).order_by(_s.c.number)
    )
    return [number for number, lead in rows if lead in leads]
