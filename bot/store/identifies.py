"""When shards may identify with Discord's gateway: in each bucket one every five seconds, whatever process it is in.

https://discord.com/developers/docs/events/gateway#sharding-max-concurrency
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.sql import insert_new

SPACING = timedelta(seconds=5)
LONGEST_QUEUE = timedelta(hours=1)  # 720 shards of a bucket; a later slot was taken by a clock that was wrong

_s = schema.identify_slots


async def reserve(connection: AsyncConnection, name: str, bucket: int, now: datetime) -> datetime:
    """Take the next slot of a token's bucket; the time from which its holder may identify. `name` stands for the token."""
    await insert_new(
        connection, _s, [{"name": name, "bucket": bucket, "free_at": now}], on=["name", "bucket"]
    )
    slot = sa.and_(_s.c.name == name, _s.c.bucket == bucket)
    free_at: datetime = (
        await connection.execute(sa.select(_s.c.free_at).where(slot).with_for_update())
    ).scalar_one()
    at = max(free_at, now) if free_at - now <= LONGEST_QUEUE else now
    await connection.execute(sa.update(_s).where(slot).values(free_at=at + SPACING))
    return at
