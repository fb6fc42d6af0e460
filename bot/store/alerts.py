"""Alerts of members, the channels that are open to them, and the records that wait to be compared with them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.alerts import Alert, AlertIndex
from bot.domain.topics.query.meter import Label
from bot.store import revisions, schema
from bot.store.servers import LEFT
from bot.store.sql import chunks, insert_new

log = logging.getLogger(__name__)

_a = schema.alerts
_ch = schema.alert_channels
_q = schema.alert_queue


def _alert(row: sa.Row[Any]) -> Alert:
    return Alert(
        row.id,
        row.guild_id,
        row.user_id,
        row.query,
        row.channel_id,
        row.home_id,
        row.language,
        row.suspended,
    )


@dataclass(slots=True)
class AlertCache:
    """The alerts of one database in memory, as of a revision; empty until somebody asks."""

    _revision: int = -1
    _index: AlertIndex | None = None

    async def load(self, connection: AsyncConnection) -> AlertIndex:
        """The alerts of all servers that the bot is in."""
        revision = await revisions.of(connection, revisions.ALERTS)
        if self._index is None or self._revision != revision:
            rows = await connection.execute(sa.select(_a).where(_a.c.guild_id.not_in(LEFT)).order_by(_a.c.id))
            meter = self._index.meter if self._index else None
            self._index = await asyncio.to_thread(AlertIndex, list(map(_alert, rows)), meter)
            self._revision = revision
            for alert, error in self._index.refused:
                log.error("the query of alert %d is ignored: %s", alert.id, error)
        return self._index


async def add(connection: AsyncConnection, alert: Alert, now: datetime) -> int:
    """Store a new alert. Returns its id."""
    await revisions.advance(connection, revisions.ALERTS)
    row = {
        "guild_id": alert.guild_id,
        "user_id": alert.user_id,
        "query": alert.query,
        "channel_id": alert.channel_id,
        "home_id": alert.home_id,
        "language": alert.language,
        "created_at": now,
        "suspended": "",
    }
    number: int = (await connection.execute(sa.insert(_a).values(row).returning(_a.c.id))).scalar_one()
    return number


async def of_member(connection: AsyncConnection, guild_id: int, user_id: int) -> list[Alert]:
    """A member's alerts in a server, oldest first."""
    own = sa.and_(_a.c.guild_id == guild_id, _a.c.user_id == user_id)
    return list(map(_alert, await connection.execute(sa.select(_a).where(own).order_by(_a.c.id))))


async def by_id(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, Alert]:
    """Alerts by id."""
    result: dict[int, Alert] = {}
    for part in chunks(ids):
        rows = await connection.execute(sa.select(_a).where(_a.c.id.in_(part)))
        result |= {row.id: _alert(row) for row in rows}
    return result


async def count(connection: AsyncConnection, guild_id: int | None = None) -> int:
    """How many alerts the members of a server have, or of all."""
    of_server = sa.true() if guild_id is None else _a.c.guild_id == guild_id
    return await connection.scalar(sa.select(sa.func.count()).select_from(_a).where(of_server)) or 0


async def remove(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> int:
    """Delete the alerts that fulfil a condition. Returns how many there were."""
    removed = (await connection.execute(sa.delete(_a).where(condition))).rowcount
    if removed:
        await revisions.advance(connection, revisions.ALERTS)
    return removed


async def remove_one(connection: AsyncConnection, guild_id: int, user_id: int, alert_id: int) -> bool:
    """Delete an alert of a member. False if the member has no such alert."""
    own = sa.and_(_a.c.guild_id == guild_id, _a.c.user_id == user_id, _a.c.id == alert_id)
    return bool(await remove(connection, own))


async def suspend(connection: AsyncConnection, reasons: Mapping[Label, str]) -> None:
    """Stop matching queries, given by server and text with a reason each."""
    for (guild_id, query), reason in reasons.items():
        same = sa.and_(_a.c.guild_id == guild_id, _a.c.query == query)
        await connection.execute(sa.update(_a).where(same).values(suspended=reason))
    if reasons:
        await revisions.advance(connection, revisions.ALERTS)


async def open_channels(connection: AsyncConnection, guild_id: int) -> list[int]:
    """The channels of a server in which alerts may mention members."""
    rows = await connection.execute(
        sa.select(_ch.c.channel_id).where(_ch.c.guild_id == guild_id).order_by(_ch.c.channel_id)
    )
    return list(rows.scalars())


async def channels_with(connection: AsyncConnection, guild_id: int) -> set[int]:
    """The channels of a server that are open to alerts, or that alerts go to."""
    of_alerts = sa.and_(_a.c.guild_id == guild_id, _a.c.channel_id.is_not(None))
    rows = await connection.execute(sa.select(_a.c.channel_id).where(of_alerts).distinct())
    return {*rows.scalars(), *await open_channels(connection, guild_id)}


async def open_channel(connection: AsyncConnection, guild_id: int, channel_id: int) -> None:
    """Let alerts mention members in a channel."""
    await open_all(connection, guild_id, [channel_id])


async def open_all(connection: AsyncConnection, guild_id: int, channel_ids: Iterable[int]) -> None:
    """Let alerts mention members in these channels."""
    rows = [{"channel_id": channel_id, "guild_id": guild_id} for channel_id in channel_ids]
    await insert_new(connection, _ch, rows, on=["channel_id"])


async def close_channel(connection: AsyncConnection, channel_id: int) -> int:
    """Let alerts mention nobody in a channel any more. Returns how many alerts that ends."""
    await connection.execute(sa.delete(_ch).where(_ch.c.channel_id == channel_id))
    return await remove(connection, _a.c.channel_id == channel_id)


async def queue(connection: AsyncConnection, record_ids: Collection[int]) -> None:
    """Have these records compared with alerts, if there are any."""
    if record_ids and await connection.scalar(sa.select(_a.c.id).limit(1)) is not None:
        await connection.execute(sa.insert(_q), [{"record_id": record_id} for record_id in record_ids])


async def queued(connection: AsyncConnection, limit: int) -> dict[int, int]:
    """The records that wait, the first `limit`: the id of the row, and that of the record."""
    rows = await connection.execute(sa.select(_q.c.id, _q.c.record_id).order_by(_q.c.id).limit(limit))
    return dict(rows.all())


async def unqueue(connection: AsyncConnection, ids: Iterable[int]) -> None:
    """These rows have been compared."""
    for part in chunks(ids):
        await connection.execute(sa.delete(_q).where(_q.c.id.in_(part)))
