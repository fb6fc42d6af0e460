"""How many stories a day topics get."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import answer_cache, schema
from bot.store.conditions import is_live_story
from bot.store.sql import batches, chunks, visible_to
from bot.store.topics import ids_seen

DAY = timedelta(days=1)

_r = schema.records
_s = schema.stories
_st = schema.story_topics

Volumes = dict[str, list[set[int]]]


async def by_day(
    connection: AsyncConnection, names: Iterable[str], now: datetime, days: int, guild_id: int = 0
) -> Volumes:
    """The result of `counted`; a large one is cached for some minutes."""
    unique_names = frozenset(names)
    return await answer_cache.cached(
        connection,
        "volumes",
        (guild_id, days, unique_names),
        now,
        lambda: counted(connection, unique_names, now, days, guild_id),
        lambda result: sum(len(of_day) for of_topic in result.values() for of_day in of_topic),
    )


async def counted(
    connection: AsyncConnection, names: Iterable[str], now: datetime, days: int, guild_id: int = 0
) -> Volumes:
    """Casefolded topic name -> the stories of each of the last so many days that a server sees, by number.

    A day is 24 hours, the first ends `now`. Stories count on the day of their first report, as its outlet says: what
    comes in late, after a downtime, is no more than usual. Topics without any story are left out.
    """
    since = now - days * DAY
    # What began after `since` also got a record after it, which has an index, and numbers rise with time: what is
    # looked through is as long as the time that is asked for. `+ 0` keeps databases from other ways.
    recent = sa.and_(_s.c.last_seen > since, _s.c.first > since, _s.c.first <= now)
    lowest = sa.select(sa.func.min(_s.c.number + 0)).where(recent).scalar_subquery()
    day = sa.case(*[(_s.c.first > now - (ago + 1) * DAY, ago) for ago in range(days)])
    volumes: Volumes = {}
    seen = await ids_seen(connection, names, guild_id)
    names_by_id = {topic_id: name for name, ids in seen.items() for topic_id in ids}
    for ids in chunks(names_by_id):
        counted_stories = (
            sa.select(_st.c.topic_id, day, _s.c.number)
            .join_from(_st, _s, _s.c.number == _st.c.story)
            .where(_st.c.story >= lowest, (_st.c.topic_id + 0).in_(ids), recent, is_live_story(guild_id))
            .where(visible_to(_st.c.guild_id, guild_id))
        )
        async for part in batches(connection, counted_stories):
            for topic_id, ago, number in part:
                of_days = volumes.setdefault(names_by_id[topic_id], [set() for _ in range(days)])
                of_days[ago].add(number)
    return volumes


async def watched(connection: AsyncConnection, now: datetime, days: int) -> int:
    """For how many whole days the bot has received news, at most `days`. Records of earlier days come from first intakes alone."""
    since = now - days * DAY
    news = sa.select(_r.c.first_seen).where(_r.c.news, _r.c.first_seen >= since).order_by(_r.c.first_seen)
    first: datetime | None = await connection.scalar(news.limit(1))
    return 0 if first is None else (now - first) // DAY
