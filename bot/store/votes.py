"""What members think of stories, in the servers that have votes switched on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.sql import insert_new, upsert

_v = schema.votes
_s = schema.voting_servers
_stories = schema.stories
_UP = sa.func.sum(sa.case((_v.c.up, 1), else_=0))
# A story that was merged into another one counts as that one.
_NUMBER = sa.func.coalesce(_stories.c.merged_into, _stories.c.number)


@dataclass(frozen=True, slots=True)
class VoteCount:
    """How many members voted for and against."""

    up: int = 0
    down: int = 0

    def __add__(self, other: VoteCount) -> VoteCount:
        return VoteCount(self.up + other.up, self.down + other.down)


async def voting(connection: AsyncConnection, guild_ids: Collection[int]) -> frozenset[int]:
    """Those of these servers that have votes switched on."""
    rows = await connection.execute(sa.select(_s.c.guild_id).where(_s.c.guild_id.in_(list(guild_ids))))
    return frozenset(rows.scalars())


async def switch(connection: AsyncConnection, guild_id: int, *, on: bool) -> None:
    """Switch a server's votes on, or off. The votes that were given stay."""
    if on:
        await insert_new(connection, _s, [{"guild_id": guild_id}], on=["guild_id"])
    else:
        await connection.execute(sa.delete(_s).where(_s.c.guild_id == guild_id))


async def vote(
    connection: AsyncConnection, guild_id: int, story: int, user_id: int, up: bool | None, now: datetime
) -> None:
    """Store a member's vote, in the place of an earlier one. None withdraws it."""
    key = {"guild_id": guild_id, "story": story, "user_id": user_id}
    if up is None:
        theirs = sa.and_(*(_v.c[name] == value for name, value in key.items()))
        await connection.execute(sa.delete(_v).where(theirs))
    else:
        await upsert(connection, _v, [{**key, "up": up, "at": now}], on=list(key))


async def vote_of(connection: AsyncConnection, guild_id: int, story: int, user_id: int) -> bool | None:
    """What a member voted on a story; None: nothing."""
    theirs = sa.and_(_v.c.guild_id == guild_id, _v.c.story == story, _v.c.user_id == user_id)
    up: bool | None = await connection.scalar(sa.select(_v.c.up).where(theirs))
    return up


async def tallies(
    connection: AsyncConnection, guild_id: int, since: datetime, *, most: int
) -> Mapping[int, VoteCount]:
    """The votes of a server since then by story, of the `most` stories that were voted on last."""
    statement = (
        sa.select(_NUMBER.label("number"), _UP.label("up"), sa.func.count().label("all"))
        .join(_stories, _stories.c.number == _v.c.story)
        .where(_v.c.guild_id == guild_id, _v.c.at >= since)
        .group_by(_NUMBER)
        .order_by(sa.func.max(_v.c.at).desc())
        .limit(most)
    )
    rows = await connection.execute(statement)
    return {row.number: VoteCount(row.up, row.all - row.up) for row in rows}


async def forget(connection: AsyncConnection, before: datetime) -> int:
    """Delete the votes given before then. Returns how many there were."""
    return (await connection.execute(sa.delete(_v).where(_v.c.at < before))).rowcount
