"""Notices to channels about failing sources."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import outbox, schema
from bot.store.database import TransactionLock, take

_o = schema.outbox
_f = schema.feeds
_s = schema.sources


async def one_at_a_time(connection: AsyncConnection) -> None:
    """Wait for other transactions that decide about notices: each has to see what the one before has written."""
    await take(connection, TransactionLock.NOTICES)


async def notified_since(connection: AsyncConnection, since: datetime, channels: Collection[int]) -> set[int]:
    """The channels among these that got a notice since then."""
    recent_notices = sa.and_(
        _o.c.kind == outbox.NOTICE, _o.c.created_at >= since, _o.c.channel_id.in_(channels)
    )
    return set((await connection.execute(sa.select(_o.c.channel_id).where(recent_notices))).scalars())


async def any_feed_succeeded(connection: AsyncConnection, since: datetime) -> bool:
    """Whether any feed was fetched since then. If none was, the bot's own network is to blame."""
    fine = sa.select(_f.c.source_id).join(_s).where(_s.c.last_success >= since).limit(1)
    return await connection.scalar(fine) is not None
