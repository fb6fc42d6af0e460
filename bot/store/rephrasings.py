"""What a model made of briefs, and the servers that want it.

A row stands for one call of the model. It is stored before the call, so that neither a crash nor a failure makes a second
call for the same sentences, and it is what the daily budget counts. Without lines, the brief stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.briefs.rephrasing import RephrasedSentence
from bot.store import schema
from bot.store.servers import LEFT
from bot.store.sql import chunks, insert_new

MOST = 10_000  # rows: the newest; no less than the largest daily budget

_r = schema.rephrasings
_s = schema.rephrasing_servers


async def wanting(connection: AsyncConnection, guild_ids: Collection[int] | None = None) -> frozenset[int]:
    """The servers that have rephrased briefs switched on and that the bot is in, of all or of these."""
    which = sa.true() if guild_ids is None else _s.c.guild_id.in_(list(guild_ids))
    rows = await connection.execute(sa.select(_s.c.guild_id).where(which, _s.c.guild_id.not_in(LEFT)))
    return frozenset(rows.scalars())


async def want(connection: AsyncConnection, guild_id: int, user_id: int, now: datetime) -> None:
    """Switch rephrased briefs on in a server. `user_id` is who did so."""
    await insert_new(connection, _s, [{"guild_id": guild_id, "user_id": user_id, "at": now}], on=["guild_id"])


async def want_no_more(connection: AsyncConnection, guild_id: int) -> None:
    """Switch rephrased briefs off in a server."""
    await connection.execute(sa.delete(_s).where(_s.c.guild_id == guild_id))


async def of_stories(
    connection: AsyncConnection, stories: Iterable[int]
) -> dict[str, tuple[RephrasedSentence, ...]]:
    """The rephrased briefs of these stories, by `content_key`; without lines where the brief stays as it is."""
    found: dict[str, tuple[RephrasedSentence, ...]] = {}
    for part in chunks(stories):
        for row in await connection.execute(sa.select(_r.c.key, _r.c.lines).where(_r.c.story.in_(part))):
            found[row.key] = tuple(RephrasedSentence(text, tuple(cites)) for text, cites in row.lines)
    return found


async def begin(connection: AsyncConnection, key: str, story: int, now: datetime, per_day: int) -> bool:
    """Note a call of the model that is about to be made; False where the day (UTC) has no more, or it was made before."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    counts = sa.select(sa.func.count()).select_from(_r)
    spent = await connection.scalar(counts.where(_r.c.at >= midnight)) or 0
    if spent >= per_day or await connection.scalar(counts.where(_r.c.key == key)):
        return False
    await connection.execute(sa.insert(_r).values(key=key, story=story, lines=[], at=now))
    newest = sa.select(_r.c.key).order_by(_r.c.at.desc(), _r.c.key).limit(MOST)
    if (await connection.scalar(counts) or 0) > MOST:
        await connection.execute(sa.delete(_r).where(_r.c.key.not_in(newest)))
    return True


async def accept(connection: AsyncConnection, key: str, lines: Sequence[RephrasedSentence]) -> None:
    """Store an answer that passed every check."""
    await connection.execute(
        sa.update(_r).where(_r.c.key == key).values(lines=[list(line) for line in lines])
    )
