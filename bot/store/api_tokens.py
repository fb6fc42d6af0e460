"""The tokens with which programs read a server's stories. Of a token's secret only the hash is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.servers import LEFT

_a = schema.api_tokens


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token of a server, and who made it when."""

    id: int
    guild_id: int
    name: str
    secret_hash: str
    user_id: int
    created_at: datetime


def _token(row: sa.Row[Any]) -> ApiToken:
    return ApiToken(row.id, row.guild_id, row.name, row.secret_hash, row.user_id, row.created_at)


async def add(connection: AsyncConnection, token: ApiToken) -> int:
    """Store a new token. Returns its id."""
    row = {
        "guild_id": token.guild_id,
        "name": token.name,
        "secret_hash": token.secret_hash,
        "user_id": token.user_id,
        "created_at": token.created_at,
    }
    number: int = (await connection.execute(sa.insert(_a).values(row).returning(_a.c.id))).scalar_one()
    return number


async def of_server(connection: AsyncConnection, guild_id: int) -> list[ApiToken]:
    """The tokens of a server, oldest first."""
    rows = await connection.execute(sa.select(_a).where(_a.c.guild_id == guild_id).order_by(_a.c.id))
    return list(map(_token, rows))


async def by_id(connection: AsyncConnection, token_id: int) -> ApiToken | None:
    """The token with this id; None if there is none, or the bot has left its server."""
    present = sa.and_(_a.c.id == token_id, _a.c.guild_id.not_in(LEFT))
    row = (await connection.execute(sa.select(_a).where(present))).first()
    return None if row is None else _token(row)


async def hashes(connection: AsyncConnection, limit: int) -> list[str]:
    """The hashes of the oldest tokens of servers that the bot is in."""
    chosen = sa.select(_a.c.secret_hash).where(_a.c.guild_id.not_in(LEFT)).order_by(_a.c.id).limit(limit)
    return list((await connection.execute(chosen)).scalars())


async def remove(connection: AsyncConnection, guild_id: int, token_id: int) -> bool:
    """Delete a token of a server. False if there is none."""
    chosen = sa.and_(_a.c.id == token_id, _a.c.guild_id == guild_id)
    return bool((await connection.execute(sa.delete(_a).where(chosen))).rowcount)


async def count(connection: AsyncConnection) -> int:
    """How many tokens the servers have that the bot is in."""
    return (
        await connection.scalar(sa.select(sa.func.count()).select_from(_a).where(_a.c.guild_id.not_in(LEFT)))
        or 0
    )
