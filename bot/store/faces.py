"""Under which name and picture the posts of channels appear."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.face import Face, WebhookKey
from bot.store import schema
from bot.store.sql import upsert

_f = schema.faces


def _face(row: sa.Row[Any]) -> Face:
    return Face(
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        webhook=WebhookKey(row.webhook_id, row.token),
        name=row.name,
        avatar_url=row.avatar_url,
        has_picture=row.has_picture,
        is_lost=row.is_lost,
    )


async def in_channels(connection: AsyncConnection, channel_ids: Collection[int]) -> dict[int, Face]:
    """The faces of those of these channels that have one, by channel."""
    rows = await connection.execute(sa.select(_f).where(_f.c.channel_id.in_(list(channel_ids))))
    return {row.channel_id: _face(row) for row in rows}


async def channels_with(connection: AsyncConnection, guild_id: int) -> set[int]:
    """The channels of a server that have a face."""
    rows = await connection.execute(sa.select(_f.c.channel_id).where(_f.c.guild_id == guild_id))
    return set(rows.scalars())


async def lost_in(connection: AsyncConnection, guild_id: int) -> list[int]:
    """The channels of a server whose webhook Discord no longer knows."""
    lost = sa.and_(_f.c.guild_id == guild_id, _f.c.is_lost)
    rows = await connection.execute(sa.select(_f.c.channel_id).where(lost).order_by(_f.c.channel_id))
    return list(rows.scalars())


async def put(connection: AsyncConnection, face: Face) -> None:
    """Store the face of a channel, in place of the one that it had."""
    row = asdict(face)
    webhook = row.pop("webhook")
    row |= {"webhook_id": webhook["id"], "token": webhook["token"]}
    await upsert(connection, _f, [row], on=["channel_id"])


async def remove(connection: AsyncConnection, channel_id: int) -> None:
    """The posts of a channel appear as the bot's from now on."""
    await connection.execute(sa.delete(_f).where(_f.c.channel_id == channel_id))


async def lose(connection: AsyncConnection, channel_id: int, webhook_id: int) -> bool:
    """Note that Discord no longer knows the webhook of a channel. False if that was noted already, or it has another one."""
    same = sa.and_(_f.c.channel_id == channel_id, _f.c.webhook_id == webhook_id, _f.c.is_lost.is_(False))
    return bool((await connection.execute(sa.update(_f).where(same).values(is_lost=True))).rowcount)
