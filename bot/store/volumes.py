"""How many stories a day topics get, and how big these are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Outlet, Record
from bot.domain.posting.volume import PastStory
from bot.domain.stories.story import Muted
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
    lowest, recent = _recent(now - days * DAY, now)
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


def _recent(since: datetime, now: datetime) -> tuple[sa.ScalarSelect[int], sa.ColumnElement[bool]]:
    """The lowest number of a story that began after `since`, and the condition that one did.

    What began after `since` also got a record after it, which has an index, and numbers rise with time: what is
    looked through is as long as the time that is asked for. `+ 0` keeps databases from other ways.
    """
    recent = sa.and_(_s.c.last_seen > since, _s.c.first > since, _s.c.first <= now)
    return sa.select(sa.func.min(_s.c.number + 0)).where(recent).scalar_subquery(), recent


async def past_stories(
    connection: AsyncConnection,
    names: Iterable[str],
    since: datetime,
    now: datetime,
    guild_id: int = 0,
    muted: Muted | None = None,
) -> list[PastStory]:
    """The stories of these topics that began after `since`, as a server sees them, without those whose lead is `muted`."""
    lowest, recent = _recent(since, now)
    ids = {i for of_name in (await ids_seen(connection, names, guild_id)).values() for i in of_name}
    stories: dict[int, PastStory] = {}
    columns = (_s.c.number, _s.c.size, _s.c.first, _s.c.heat, _s.c.notable)
    leads = (_r.c.title, _r.c.outlet_name, _r.c.outlet_domain)
    for part in chunks(ids):
        statement = (
            sa.select(*columns, *(leads if muted else ()))
            .distinct()
            .join_from(_st, _s, _s.c.number == _st.c.story)
            .where(_st.c.story >= lowest, (_st.c.topic_id + 0).in_(part), recent, is_live_story(guild_id))
            .where(visible_to(_st.c.guild_id, guild_id))
        )
        if muted:
            statement = statement.join(_r, _r.c.id == _s.c.lead_id)
        async for rows in batches(connection, statement):
            for row in rows:
                if muted is None or not muted(_lead(row)):
                    stories[row.number] = PastStory(row.size, row.first, row.heat, row.notable)
    return list(stories.values())


def _lead(row: Any) -> Record:
    """As much of a story's lead as mutes look at."""
    return Record("", "", row.title, Outlet(row.outlet_name, row.outlet_domain))


async def first_news(
    connection: AsyncConnection, names: Iterable[str], since: datetime, now: datetime, guild_id: int = 0
) -> datetime | None:
    """When the first news of these topics came after `since`, of the stories that began after it; None: there is none."""
    lowest, recent = _recent(since, now)
    first: datetime | None = None
    ids = {i for of_name in (await ids_seen(connection, names, guild_id)).values() for i in of_name}
    for part in chunks(ids):
        earliest: datetime | None = await connection.scalar(
            sa.select(sa.func.min(_r.c.first_seen, type_=schema.UtcTime))
            .join_from(_st, _s, _s.c.number == _st.c.story)
            .join(_r, _r.c.story == _s.c.number)
            .where(_st.c.story >= lowest, (_st.c.topic_id + 0).in_(part), recent, is_live_story(guild_id))
            .where(visible_to(_st.c.guild_id, guild_id), _r.c.news, _r.c.first_seen > since)
        )
        first = min(filter(None, (first, earliest)), default=None)
    return first


async def watched(connection: AsyncConnection, now: datetime, days: int) -> int:
    """For how many whole days the bot has received news, at most `days`. Records of earlier days come from first intakes alone."""
    since = now - days * DAY
    news = sa.select(_r.c.first_seen).where(_r.c.news, _r.c.first_seen >= since).order_by(_r.c.first_seen)
    first: datetime | None = await connection.scalar(news.limit(1))
    return 0 if first is None else (now - first) // DAY
