"""The servers that the bot has left. Their data stays, unused, until the bot is back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import revisions, schema
from bot.store.sql import insert_new

_l = schema.left_servers

LEFT = sa.select(_l.c.guild_id)


def of_present(column: sa.Column[Any], guild_id: int | None) -> sa.ColumnElement[bool]:
    """Rows of one server, or (None) of all servers that the bot is in."""
    return column.not_in(LEFT) if guild_id is None else column == guild_id


async def leave(connection: AsyncConnection, guild_ids: Iterable[int], now: datetime) -> None:
    """Note that the bot has left these servers."""
    await insert_new(connection, _l, [{"guild_id": n, "at": now} for n in guild_ids], on=["guild_id"])
    await revisions.advance(connection, revisions.TOPICS)  # those of the servers are matched no longer


async def come_back(connection: AsyncConnection, guild_id: int) -> None:
    """Note that the bot is in a server again."""
    if (await connection.execute(sa.delete(_l).where(_l.c.guild_id == guild_id))).rowcount:
        await revisions.advance(connection, revisions.TOPICS)


async def left_among(connection: AsyncConnection, guild_ids: Collection[int]) -> set[int]:
    """Those of these servers that the bot has left."""
    return set((await connection.execute(LEFT.where(_l.c.guild_id.in_(list(guild_ids))))).scalars())


async def with_something(connection: AsyncConnection) -> set[int]:
    """The servers with stored data that the bot has not left, as far as is known."""
    tables = (schema.channels, schema.subscriptions, schema.feeds, schema.topics)
    every = sa.union(*(sa.select(table.c.guild_id).where(table.c.guild_id != 0) for table in tables))
    of = every.subquery().c.guild_id
    return set((await connection.execute(sa.select(of).where(of.not_in(LEFT)))).scalars())
