"""The servers that the bot has left. Their data stays, unused, until the bot is back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import queue, revisions, schema
from bot.store.sql import insert_new, upsert

_l = schema.left_servers
_g = schema.greeted_servers
_s = schema.server_languages

DEFAULT_LOCALE = "en-US"  # which Discord gives to servers that cannot choose one

LEFT = sa.select(_l.c.guild_id)
_LANGUAGES = sa.select(_s).where(_s.c.guild_id.in_(sa.bindparam("servers", expanding=True)))


def of_present(column: sa.Column[Any], guild_id: int | None) -> sa.ColumnElement[bool]:
    """Rows of one server, or (None) of all servers that the bot is in."""
    return column.not_in(LEFT) if guild_id is None else column == guild_id


async def leave(connection: AsyncConnection, guild_ids: Collection[int], now: datetime) -> None:
    """Note that the bot has left these servers."""
    await insert_new(connection, _l, [{"guild_id": n, "at": now} for n in guild_ids], on=["guild_id"])
    await connection.execute(sa.update(_g).where(_g.c.guild_id.in_(list(guild_ids))).values(joined_at=None))
    await revisions.advance(connection, revisions.TOPICS)  # those of the servers are matched no longer


async def come_back(connection: AsyncConnection, guild_id: int) -> None:
    """Note that the bot is in a server again."""
    if (await connection.execute(sa.delete(_l).where(_l.c.guild_id == guild_id))).rowcount:
        await revisions.advance(connection, revisions.TOPICS)
        await queue.check_server(connection, guild_id)


async def left_among(connection: AsyncConnection, guild_ids: Collection[int]) -> set[int]:
    """Those of these servers that the bot has left."""
    return set((await connection.execute(LEFT.where(_l.c.guild_id.in_(list(guild_ids))))).scalars())


async def is_greeted(connection: AsyncConnection, guild_id: int, joined_at: datetime) -> bool:
    """Whether a server was greeted since the bot joined it at that time."""
    greeted = sa.select(_g.c.joined_at).where(_g.c.guild_id == guild_id)
    at: datetime | None = await connection.scalar(greeted)
    return at is not None and at >= joined_at


async def greet(connection: AsyncConnection, guild_id: int, joined_at: datetime) -> bool:
    """Note that a server is greeted since the bot joined it at that time. False if it was already."""
    if await is_greeted(connection, guild_id, joined_at):
        return False
    await upsert(connection, _g, [{"guild_id": guild_id, "joined_at": joined_at}], on=["guild_id"])
    return True


@dataclass(frozen=True, slots=True)
class ServerLanguage:
    """The language of a server's posts, by Discord's codes: what was chosen, or else what Discord says that it prefers."""

    preferred: str | None = None
    chosen: str | None = None

    @property
    def code(self) -> str:
        """The code that counts."""
        return self.chosen or self.preferred or DEFAULT_LOCALE


async def languages(connection: AsyncConnection, guild_ids: Collection[int]) -> dict[int, ServerLanguage]:
    """The languages of these servers, as far as they are stored."""
    rows = await connection.execute(_LANGUAGES, {"servers": list(guild_ids)})
    return {row.guild_id: ServerLanguage(row.preferred, row.chosen) for row in rows}


async def language(connection: AsyncConnection, guild_id: int) -> ServerLanguage:
    """The language of a server."""
    return (await languages(connection, [guild_id])).get(guild_id, ServerLanguage())


async def set_language(connection: AsyncConnection, guild_id: int, value: ServerLanguage) -> None:
    """Store the language of a server."""
    row = {"guild_id": guild_id, "preferred": value.preferred, "chosen": value.chosen}
    await upsert(connection, _s, [row], on=["guild_id"])


async def with_something(connection: AsyncConnection) -> set[int]:
    """The servers with stored data that the bot has not left, as far as is known."""
    return set((await connection.execute(_with_something())).scalars())


@cache
def _with_something() -> sa.Select[int]:
    tables = [table for table in schema.OF_SERVERS if table not in (*schema.BULKY, _l)]
    every = sa.union(*(sa.select(table.c.guild_id).where(table.c.guild_id != 0) for table in tables))
    of = every.subquery().c.guild_id
    return sa.select(of).where(of.not_in(LEFT))
