"""Digests: which channels are due, which stories were in a digest, and writing each digest exactly once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.digest import Digest, DigestMention
from bot.store import outbox, schema
from bot.store.conditions import is_unleased
from bot.store.servers import LEFT
from bot.store.sql import upsert
from bot.store.subscriptions import ChannelState, channel_of

_c = schema.channels
_o = schema.outbox
_t = schema.digest_history
_RUNNING = sa.and_(~_c.c.digest_off, _c.c.paused_reason == "", _c.c.guild_id.not_in(LEFT))


async def due(connection: AsyncConnection, now: datetime) -> list[ChannelState]:
    """The channels whose digest is due, the longest waiting first; paused ones wait."""
    ready = sa.and_(_c.c.next_digest <= now, _RUNNING)
    rows = await connection.execute(sa.select(_c).where(ready).order_by(_c.c.next_digest))
    return [channel_of(row) for row in rows]


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next digest of any channel is due."""
    earliest: datetime | None = await connection.scalar(
        sa.select(sa.func.min(_c.c.next_digest, type_=schema.UtcTime)).where(
            _c.c.next_digest.is_not(None), _RUNNING
        )
    )
    return earliest


async def turn(
    connection: AsyncConnection,
    channel_id: int,
    expected: datetime | None,
    next_digest: datetime | None,
    now: datetime,
) -> bool:
    """Claim a channel's turn, in the transaction that stores its digest.

    False where another process had it first: then `next_digest` is no longer what was `expected`.
    """
    same = _c.c.next_digest.is_(None) if expected is None else _c.c.next_digest == expected
    done = await connection.execute(
        sa.update(_c)
        .where(_c.c.channel_id == channel_id, same)
        .values(next_digest=next_digest, last_digest=now)
    )
    return bool(done.rowcount)


async def put_off(connection: AsyncConnection, state: ChannelState, until: datetime) -> None:
    """Have a digest that could not be made wait until then, unless its turn has changed meanwhile."""
    same = sa.and_(_c.c.channel_id == state.channel_id, _c.c.next_digest == state.next_digest)
    await connection.execute(sa.update(_c).where(same).values(next_digest=until))


async def begin_again(connection: AsyncConnection, channel_id: int, since: datetime) -> None:
    """Have a channel's next digest tell of nothing before `since`, where none was planned until now."""
    unplanned = sa.and_(_c.c.channel_id == channel_id, _c.c.next_digest.is_(None), _c.c.last_digest < since)
    await connection.execute(sa.update(_c).where(unplanned).values(last_digest=since))


async def plan_next(connection: AsyncConnection, channel_id: int, next_digest: datetime | None) -> None:
    """Set when a channel's next digest comes, the last one untouched."""
    await connection.execute(
        sa.update(_c).where(_c.c.channel_id == channel_id).values(next_digest=next_digest)
    )


async def mentions(connection: AsyncConnection, channel_id: int) -> dict[int, DigestMention]:
    """The stories in the channel's digests: story number -> outlets and time of the last mention."""
    rows = await connection.execute(
        sa.select(_t.c.story, _t.c.outlets, _t.c.at).where(_t.c.channel_id == channel_id)
    )
    return {story: DigestMention(outlets, at) for story, outlets, at in rows}


async def replace_waiting(connection: AsyncConnection, channel_id: int, now: datetime) -> None:
    """Give up a digest that a channel could not be sent when it was tried: the one made now tells of it as well."""
    waiting = sa.and_(
        _o.c.channel_id == channel_id,
        _o.c.kind == outbox.DIGEST,
        _o.c.message_id.is_(None),
        _o.c.closed.is_(False),
        _o.c.reason != "",
        is_unleased(_o.c.lease_until, now),
    )
    values = {"closed": True, "due_at": None, "reason": "replaced by a newer digest"}
    rows = await connection.execute(sa.update(_o).where(waiting).values(**values).returning(_o.c.payload))
    for payload in rows.scalars().all():
        await take_back(connection, channel_id, payload)


async def take_back(connection: AsyncConnection, channel_id: int, payload: Mapping[str, Any]) -> None:
    """Return the stories of a digest that was never sent to the channel's next digest."""
    if "since" not in payload:  # an earlier version wrote it
        return
    since, until = (datetime.fromisoformat(payload[key]) for key in ("since", "until"))
    await connection.execute(sa.delete(_t).where(_t.c.channel_id == channel_id, _t.c.at == until))
    later = sa.and_(_c.c.channel_id == channel_id, _c.c.last_digest > since)
    await connection.execute(sa.update(_c).where(later).values(last_digest=since))


async def remember(
    connection: AsyncConnection,
    channel_id: int,
    digest: Digest,
    numbers: Collection[int],
    forget_before: datetime,
) -> None:
    """Store the stories of a digest with these numbers, and delete mentions that are too old to matter."""
    rows = [
        {"channel_id": channel_id, "story": e.view.number, "outlets": e.view.outlets, "at": digest.until}
        for e in digest.entries
        if e.view.number in numbers
    ]
    await upsert(connection, _t, rows, on=["channel_id", "story"])
    await connection.execute(sa.delete(_t).where(_t.c.channel_id == channel_id, _t.c.at < forget_before))
