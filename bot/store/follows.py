"""The stories that members follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.alerts import Follow
from bot.store import schema
from bot.store.sql import among, chunks, insert_new

Key: TypeAlias = tuple[int, int, int]  # server, member, story

_f = schema.follows
_s = schema.stories


def _follow(row: sa.Row[Any]) -> Follow:
    return Follow(row.guild_id, row.user_id, row.story, row.channel_id, row.language, row.created_at)


async def add(connection: AsyncConnection, follow: Follow) -> None:
    """Have a member follow a story."""
    row = {
        "guild_id": follow.guild_id,
        "user_id": follow.user_id,
        "story": follow.story,
        "channel_id": follow.channel_id,
        "language": follow.language,
        "created_at": follow.since,
    }
    await insert_new(connection, _f, [row], on=["guild_id", "user_id", "story"])


async def remove(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> int:
    """End the follows that fulfil a condition. Returns how many there were."""
    return (await connection.execute(sa.delete(_f).where(condition))).rowcount


async def remove_one(connection: AsyncConnection, guild_id: int, user_id: int, story: int) -> bool:
    """End a member's follow of a story. False if there is none."""
    same = sa.and_(_f.c.guild_id == guild_id, _f.c.user_id == user_id, _f.c.story == story)
    return bool(await remove(connection, same))


async def count(connection: AsyncConnection, guild_id: int | None = None, user_id: int | None = None) -> int:
    """How many stories are followed in a server or in all, by a member or by all."""
    conditions = [
        column == value
        for column, value in ((_f.c.guild_id, guild_id), (_f.c.user_id, user_id))
        if value is not None
    ]
    statement = sa.select(sa.func.count()).select_from(_f).where(sa.true(), *conditions)
    return await connection.scalar(statement) or 0


async def of_stories(connection: AsyncConnection, numbers: Iterable[int]) -> dict[Key, Follow]:
    """The follows of these stories."""
    result: dict[Key, Follow] = {}
    for part in chunks(numbers):
        for row in await connection.execute(sa.select(_f).where(among(connection, _f.c.story, part))):
            result[row.guild_id, row.user_id, row.story] = _follow(row)
    return result


async def move(connection: AsyncConnection, merged: Mapping[int, int]) -> None:
    """Follow the stories that others were merged into."""
    if not merged:
        return
    old, new = sa.bindparam("old", type_=schema.ID), sa.bindparam("new", type_=schema.ID)
    other = _f.alias("other")
    both = sa.exists().where(
        other.c.guild_id == _f.c.guild_id, other.c.user_id == _f.c.user_id, other.c.story == new
    )
    moved = sa.update(_f).where(_f.c.story == old, ~both).values(story=new)
    await connection.execute(moved, [{"old": number, "new": into} for number, into in merged.items()])
    await connection.execute(sa.delete(_f).where(_f.c.story == old), [{"old": number} for number in merged])


async def end_quiet(connection: AsyncConnection, before: datetime) -> int:
    """End the follows of stories that had no new report since then, or of which nothing is left."""
    over = sa.select(_s.c.number).where(sa.or_(_s.c.last_seen < before, _s.c.removed))
    return await remove(connection, sa.and_(_f.c.created_at < before, _f.c.story.in_(over)))
