"""The templates of servers' posts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.sql import upsert

_t = schema.post_templates
_s = schema.subscriptions


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """A server's template as it was written, and the last story whose post did not fit into a message with it."""

    text: str
    set_at: datetime
    too_long_story: int | None = None
    too_long_at: datetime | None = None


async def texts_of(connection: AsyncConnection, guild_ids: Collection[int]) -> dict[int, str]:
    """The templates of these servers, as they were written."""
    rows = await connection.execute(
        sa.select(_t.c.guild_id, _t.c.text).where(_t.c.guild_id.in_(list(guild_ids)))
    )
    return {row.guild_id: row.text for row in rows}


async def template(connection: AsyncConnection, guild_id: int) -> StoredTemplate | None:
    """The template of a server; None if it has none."""
    row = (await connection.execute(sa.select(_t).where(_t.c.guild_id == guild_id))).first()
    return None if row is None else StoredTemplate(row.text, row.set_at, row.too_long_story, row.too_long_at)


async def save(connection: AsyncConnection, guild_id: int, text: str, user_id: int, now: datetime) -> None:
    """Give a server this template, in the place of the one that it has."""
    row = {
        "guild_id": guild_id,
        "text": text,
        "user_id": user_id,
        "set_at": now,
        "too_long_story": None,
        "too_long_at": None,
    }
    await upsert(connection, _t, [row], on=["guild_id"])


async def remove(connection: AsyncConnection, guild_id: int) -> bool:
    """Remove the template of a server, whose posts are cards again. False if it had none."""
    used = sa.and_(_s.c.guild_id == guild_id, _s.c.layout == "template")
    await connection.execute(sa.update(_s).where(used).values(layout="card"))
    return bool((await connection.execute(sa.delete(_t).where(_t.c.guild_id == guild_id))).rowcount)


async def note_too_long(connection: AsyncConnection, guild_id: int, story: int, now: datetime) -> None:
    """Note that a story's post did not fit into a message with the server's template."""
    values = {"too_long_story": story, "too_long_at": now}
    await connection.execute(sa.update(_t).where(_t.c.guild_id == guild_id).values(**values))
