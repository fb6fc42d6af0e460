"""Decisions of people that override clustering: which records report the same event, and which do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.sql import chunks, upsert

_u = schema.story_overrides
_one = schema.records.alias("one")
_other = schema.records.alias("other")
_first = schema.stories.alias("first")
_second = schema.stories.alias("second")


@dataclass(frozen=True, slots=True)
class StoryOverride:
    """Two records report the same event, or do not, as a user of a server said."""

    one: int
    other: int
    same: bool
    guild_id: int
    user_id: int
    at: datetime


async def add(connection: AsyncConnection, override: StoryOverride) -> None:
    """Store an override. It replaces an earlier one for the same two records."""
    one, other = sorted((override.one, override.other))
    row = {
        "one": one,
        "other": other,
        "same": override.same,
        "guild_id": override.guild_id,
        "user_id": override.user_id,
        "at": override.at,
    }
    await upsert(connection, _u, [row], on=["one", "other"])


async def withdraw(
    connection: AsyncConnection, ones: Iterable[int], others: Iterable[int], *, same: bool
) -> None:
    """Remove the overrides between two groups of records."""
    left, right = list(ones), list(others)
    for part in chunks(left):
        for opposite in chunks(right):
            between = sa.or_(
                sa.and_(_u.c.one.in_(part), _u.c.other.in_(opposite)),
                sa.and_(_u.c.one.in_(opposite), _u.c.other.in_(part)),
            )
            await connection.execute(sa.delete(_u).where(between, _u.c.same == same))


async def apart(connection: AsyncConnection) -> list[tuple[int, int]]:
    """Pairs of stories that people keep apart.

    An override of a server's own report counts only while the report is in a story of that server. In a shared
    story it does not decide where that story belongs.
    """
    rows = await connection.execute(
        sa.select(_one.c.story, _other.c.story)
        .select_from(_u)
        .join(_one, _one.c.id == _u.c.one)
        .join(_other, _other.c.id == _u.c.other)
        .join(_first, _first.c.number == _one.c.story)
        .join(_second, _second.c.number == _other.c.story)
        .where(~_u.c.same, _one.c.story != _other.c.story)
        .where(_first.c.guild_id == _one.c.guild_id, _second.c.guild_id == _other.c.guild_id)
    )
    return [(one, other) for one, other in rows]


@dataclass(frozen=True, slots=True)
class KeyedOverride:
    """An override as another database can read it: the articles by their keys."""

    one: str
    other: str
    same: bool
    at: datetime


async def of_server(connection: AsyncConnection, guild_id: int, most: int) -> list[KeyedOverride]:
    """The newest overrides of a server's people, at most so many, the oldest of these first."""
    rows = await connection.execute(
        sa.select(_one.c.key, _other.c.key, _u.c.same, _u.c.at)
        .select_from(_u)
        .join(_one, _one.c.id == _u.c.one)
        .join(_other, _other.c.id == _u.c.other)
        .where(_u.c.guild_id == guild_id)
        .order_by(_u.c.at.desc(), _u.c.one.desc(), _u.c.other.desc())
        .limit(most)
    )
    return [KeyedOverride(*row) for row in reversed(rows.all())]


async def between(connection: AsyncConnection, one: int, other: int) -> StoryOverride | None:
    """The override of two records; None if there is none."""
    first, second = sorted((one, other))
    row = (await connection.execute(sa.select(_u).where(_u.c.one == first, _u.c.other == second))).first()
    return (
        None
        if row is None
        else StoryOverride(row.one, row.other, row.same, row.guild_id, row.user_id, row.at)
    )
