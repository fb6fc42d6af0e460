"""Stories by number, URL, title, topic and time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Stored
from bot.domain.records.intake import scoped
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.ranking import HALF_LIFE, hotness
from bot.domain.stories.story import Story, topics_by_server
from bot.domain.text.words import name_key, search_key
from bot.domain.topics.query.meter import Label
from bot.store import answer_cache, records, schema, story_topics
from bot.store.conditions import has_value, is_live_story
from bot.store.sql import IN_MOST, ROWS_AT_ONCE, batches, chunks, visible_to
from bot.store.topics import ids_seen

MOST_WORDS = 12  # of a search
NEWEST = 2_000  # shared stories, and of a server's own, among which a title or a topic is sought first
STORIES_AT_ONCE = 200  # that are read in one go, so that the event loop has its turn in between
MOST_HOT = (
    5000  # stories among which the hottest are sought: weeks, where it is not so that hundreds come a day
)

_s = schema.stories
_ORDERED = (_s.c.number, _s.c.last_seen, _s.c.last)  # what stories are put in order by
_r = schema.records
_st = schema.story_topics
_o = schema.outbox


async def load(
    connection: AsyncConnection, numbers: Iterable[int], guild_id: int | None = None
) -> dict[int, Story]:
    """Stories by number, each with its members, what these declare, and their topics.

    With a `guild_id` as that server sees them (0: as everybody does), else with all that there is.
    """
    stories: dict[int, Story] = {}
    for part in chunks(dict.fromkeys(numbers), STORIES_AT_ONCE):
        stories |= await _load(connection, part, guild_id)
    return stories


async def _load(
    connection: AsyncConnection, numbers: Sequence[int], guild_id: int | None
) -> dict[int, Story]:
    stored = await records.members(connection, numbers, guild_id)
    declared_ids = {i for record in stored.values() for i in record.declares} - set(stored)
    everything = stored | await records.by_id(connection, declared_ids, guild_id)
    topics = await records.topics_of(connection, numbers, guild_id)
    assigned = await story_topics.assigned(connection, numbers, guild_id)
    inside: dict[int | None, list[Stored]] = {}
    for record in stored.values():
        if not record.record.removed:
            inside.setdefault(record.story, []).append(record)
    stories = {}
    for number in numbers:
        members = tuple(inside.get(number, ()))
        declared = {
            i: everything[i]
            for member in members
            for i in member.declares
            if i in everything and not everything[i].record.removed
        }
        of_members = {m.id: topics.get(m.id, ()) for m in members}
        story = Story(number, members, declared, of_members, assigned.get(number, {}))
        stories[number] = story if guild_id is None else story.visible_to(guild_id)
    return stories


async def survivor(connection: AsyncConnection, number: int, guild_id: int | None = None) -> int | None:
    """The number under which a story goes on: its own, or the one that it was merged into.

    With a `guild_id` only if that server sees it.
    """
    is_visible = sa.and_(_s.c.number == number, visible_to(_s.c.guild_id, guild_id))
    row = (await connection.execute(sa.select(_s.c.merged_into).where(is_visible))).first()
    return None if row is None else (row.merged_into or number)


async def survivors(connection: AsyncConnection, numbers: Iterable[int]) -> dict[int, int]:
    """The merged ones among these stories, each with the story that it was merged into."""
    merged_into: dict[int, int] = {}
    for part in chunks(numbers):
        merged = sa.and_(_s.c.number.in_(part), _s.c.merged_into.is_not(None))
        rows = await connection.execute(sa.select(_s.c.number, _s.c.merged_into).where(merged))
        merged_into |= dict(rows.all())
    return merged_into


async def by_key(connection: AsyncConnection, key: str, guild_id: int = 0) -> int | None:
    """The story of the record with that canonical URL: the shared one, else the server's own."""
    keys = [key, scoped(key, guild_id)]
    number: int | None = await connection.scalar(
        sa.select(_r.c.story)
        .join(schema.record_keys, schema.record_keys.c.record_id == _r.c.id)
        .where(schema.record_keys.c.key.in_(keys), _r.c.story.is_not(None))
        .order_by(_r.c.guild_id)
    )
    return number


async def by_message(
    connection: AsyncConnection, message_ids: Iterable[int], guild_id: int | None = None
) -> int | None:
    """The story whose post is one of these messages, or opened the thread of that id; of one server, or (None) of any."""
    ids = [message_id for message_id in message_ids if message_id < 1 << 63]
    post = sa.or_(_o.c.message_id.in_(ids), _o.c.thread_id.in_(ids))
    if guild_id is not None:
        post = sa.and_(post, _o.c.guild_id == guild_id)
    number: int | None = await connection.scalar(
        sa.select(_o.c.story).where(post, _o.c.story.is_not(None)).order_by(_o.c.closed, _o.c.id)
    )
    return number


async def titles(
    connection: AsyncConnection, text: str, limit: int, guild_id: int | None = None
) -> list[tuple[int, str]]:
    """Number and lead's title of the stories whose lead's title has all words of the text in it, newest first.

    Of the `NEWEST` shared stories and of the server's own: all others are found by whole words alone, see
    `search.by_title`.
    """
    words = search_key(text).split()[:MOST_WORDS]
    columns = (_s.c.number, _s.c.lead_id, _s.c.search, _s.c.last_seen)
    newest = sa.union_all(*(_newest(columns, owner_id, NEWEST) for owner_id in _guilds(guild_id))).subquery()
    rows = await connection.execute(
        sa.select(newest.c.number, _r.c.title)
        .join(_r, _r.c.id == newest.c.lead_id)
        .where(*(newest.c.search.contains(word, autoescape=True) for word in words))
        .order_by(newest.c.last_seen.desc(), newest.c.number.desc())
        .limit(limit)
    )
    return [(number, title) for number, title in rows]


def _guilds(guild_id: int | None) -> Sequence[int | None]:
    """Whose stories a server sees, by the server that alone sees them."""
    return (guild_id,) if not guild_id else (0, guild_id)


def _newest(columns: Sequence[sa.Column[Any]], guild_id: int | None, limit: int) -> Any:
    """The stories of one server (0: shared; None: all) that something arrived for last, from an index."""
    of_server = has_value(_s.c.guild_id, guild_id)
    rows = _by_arrival(sa.select(*columns).where(of_server, is_live_story()), _s).limit(limit)
    return sa.select(rows.subquery())


def _of_topics(ids: Iterable[int], guild_id: int | None) -> Any:
    """The stories of these topics, as a server sees them."""
    seen = visible_to(_st.c.guild_id, guild_id)
    return sa.select(_st.c.story).where(_st.c.topic_id.in_(ids), seen)


async def recent_counts(
    connection: AsyncConnection, below: Mapping[str, Sequence[str]], now: datetime, guild_id: int = 0
) -> dict[str, int]:
    """The result of `counts`; a large one is cached for some minutes."""
    key = (guild_id, frozenset((name, tuple(names)) for name, names in below.items()))
    return await answer_cache.cached(
        connection,
        "counts",
        key,
        now,
        lambda: counts(connection, below, guild_id),
        lambda result: sum(result.values()),
    )


async def counts(
    connection: AsyncConnection, below: Mapping[str, Sequence[str]], guild_id: int = 0
) -> dict[str, int]:
    """How many stories each of these topics has, as a server sees them: each story once, whatever topics it is of.

    `below` are the names of topics, each with those of itself and of all topics below it.
    """
    seen = await ids_seen(connection, chain.from_iterable(below.values()), guild_id)
    pairs = [
        (place, topic_id)
        for place, names in enumerate(below.values())
        for name in dict.fromkeys(map(name_key, names))
        for topic_id in seen.get(name, ())
    ]
    counts_by_place: dict[int, int] = {}
    for part in _of_whole_topics(pairs):
        columns = (sa.column("place", sa.Integer), sa.column("topic_id", sa.Integer))
        topic_places = sa.values(*columns, literal_binds=True).data(part).cte("wanted")
        every = (
            sa.select(topic_places.c.place, _st.c.story)
            .join(_st, _st.c.topic_id == topic_places.c.topic_id)
            .where(visible_to(_st.c.guild_id, guild_id))
            .subquery()
        )
        rows = await connection.execute(
            sa.select(every.c.place, sa.func.count(every.c.story.distinct()))
            .join(_s, _s.c.number == every.c.story)
            .where(is_live_story(guild_id))
            .group_by(every.c.place)
        )
        counts_by_place |= dict(rows.all())
    return {name: counts_by_place.get(place, 0) for place, name in enumerate(below)}


def _of_whole_topics(pairs: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """The pairs in lists of about `IN_MOST`, those of one place together."""
    part: list[tuple[int, int]] = []
    for _, group in groupby(pairs, key=lambda pair: pair[0]):
        part += group
        if len(part) >= IN_MOST:
            yield part
            part = []
    if part:
        yield part


async def latest(
    connection: AsyncConnection,
    topics: Sequence[str] | None,
    limit: int | None,
    guild_id: int | None = None,
) -> list[int]:
    """The stories of these topics (None: of all) that something arrived for last, newest first; with no `limit` all."""
    if limit is not None:
        if topics is not None:
            return await _latest_of_topics(connection, topics, limit, guild_id)
        every = sa.union_all(
            *(_newest(_ORDERED, owner_id, limit) for owner_id in _guilds(guild_id))
        ).subquery()
        rows = await connection.execute(_by_arrival(sa.select(every.c.number), every).limit(limit))
        return list(rows.scalars())
    statement = sa.select(_s.c.number).where(is_live_story(guild_id))
    if topics is not None:
        ids = await _ids(connection, topics, guild_id)
        statement = statement.where(_s.c.number.in_(_of_topics(ids, guild_id)))
    return list((await connection.execute(_by_arrival(statement, _s))).scalars())


async def _latest_of_topics(
    connection: AsyncConnection, topics: Sequence[str], limit: int, guild_id: int | None
) -> list[int]:
    """The same without looking at all that there is.

    Most often the newest stories have enough of the topics among them. Where they have not, the stories of the topics
    with the highest numbers are looked at as well, which are those that began last.
    """
    most = max(limit, NEWEST)
    ids = await _ids(connection, topics, guild_id)
    windows = [_newest(_ORDERED, owner_id, most) for owner_id in _guilds(guild_id)]
    complete_since: datetime | None = None  # of what arrived before, the newest are not all
    for window in windows:
        rows = window.subquery()
        size, oldest = (
            await connection.execute(sa.select(sa.func.count(), sa.func.min(rows.c.last_seen)))
        ).one()
        if size == most:
            complete_since = max(complete_since or oldest, oldest)
    newest = sa.union_all(*windows).subquery()
    inside = sa.select(newest).where(_about(newest.c.number, ids, guild_id))
    if complete_since is not None:
        inside = inside.where(newest.c.last_seen >= complete_since)
    rows_by_number = {
        row.number: row for row in await connection.execute(_by_arrival(inside, newest).limit(limit))
    }
    if len(rows_by_number) < limit and complete_since is not None:
        began_last = await _began_last(connection, ids, guild_id, most)
        for part in chunks(began_last):
            more = sa.select(*_ORDERED).where(_s.c.number.in_(part), is_live_story(guild_id))
            rows_by_number |= {
                row.number: row for row in await connection.execute(_by_arrival(more, _s).limit(limit))
            }
    best = sorted(
        rows_by_number.values(), key=lambda row: (row.last_seen, row.last, row.number), reverse=True
    )
    return [row.number for row in best[:limit]]


def _by_arrival(statement: sa.Select[Any], of: sa.FromClause) -> sa.Select[Any]:
    return statement.order_by(of.c.last_seen.desc(), of.c.last.desc(), of.c.number.desc())


async def _ids(connection: AsyncConnection, names: Iterable[str], guild_id: int | None) -> list[int]:
    """The ids of the topics of these names that a server sees."""
    seen = await ids_seen(connection, names, guild_id or 0)
    return sorted(chain.from_iterable(seen.values()))


def _about(number: sa.ColumnElement[int], ids: Iterable[int], guild_id: int | None) -> sa.ColumnElement[bool]:
    """Whether a story is about one of these topics, as a server sees it. `+ 0` has databases go by the story."""
    seen = visible_to(_st.c.guild_id, guild_id)
    return sa.exists().where(_st.c.story == number, (_st.c.topic_id + 0).in_(ids), seen)


async def _began_last(
    connection: AsyncConnection, ids: Iterable[int], guild_id: int | None, limit: int
) -> set[int]:
    """The stories of each of these topics with the highest numbers, from an index."""
    numbers: set[int] = set()
    for topic_id in ids:
        of_topic = sa.select(_st.c.story).where(
            _st.c.topic_id == topic_id, visible_to(_st.c.guild_id, guild_id)
        )
        numbers.update(
            (await connection.execute(of_topic.order_by(_st.c.story.desc()).limit(limit))).scalars()
        )
    return numbers


async def decide_topics(connection: AsyncConnection, numbers: Iterable[int], owners: MediaOwners) -> None:
    """Decide the topics of these stories anew, as those of their records have changed."""
    loaded = await load(connection, numbers)
    await story_topics.write(connection, await asyncio.to_thread(_decided, loaded, owners))


def _decided(loaded: Mapping[int, Story], owners: MediaOwners) -> dict[int, dict[int, frozenset[Label]]]:
    return {number: topics_by_server(story, owners) for number, story in loaded.items()}


async def hottest(
    connection: AsyncConnection,
    topics: Sequence[str] | None,
    limit: int | None,
    now: datetime,
    guild_id: int | None = None,
) -> list[int]:
    """The hottest stories of these topics (None: of all) at a moment, best first: of the `MOST_HOT` newest."""
    newest = await latest(connection, topics, MOST_HOT, guild_id)
    return await hottest_of(connection, newest, limit, now)


async def hottest_of(
    connection: AsyncConnection,
    numbers: Iterable[int],
    limit: int | None,
    now: datetime,
    half_life: timedelta = HALF_LIFE,
) -> list[int]:
    """The hottest of these stories at a moment, best first."""
    rows: list[Any] = []
    for part in chunks(numbers, ROWS_AT_ONCE):
        columns = sa.select(_s.c.number, _s.c.heat, _s.c.last_seen)
        rows += (await connection.execute(columns.where(_s.c.number.in_(part)))).all()
    return await asyncio.to_thread(_hottest_first, rows, limit, now, half_life)


def _hottest_first(rows: Iterable[Any], limit: int | None, now: datetime, half_life: timedelta) -> list[int]:
    def order(row: Any) -> tuple[float, int]:
        return -hotness(row.heat, row.last_seen, now, half_life), row.number

    return [row.number for row in sorted(rows, key=order)[:limit]]


async def _arrived(
    connection: AsyncConnection,
    topics: Sequence[str] | None,
    since: datetime,
    until: datetime,
    guild_id: int | None,
) -> sa.Select[Any]:
    inside = sa.and_(_r.c.first_seen > since, _r.c.first_seen <= until, ~_r.c.partial, ~_r.c.removed)
    statement = (
        sa.select(_r.c.story)
        .distinct()
        .join(_s, _s.c.number == _r.c.story)
        .where(inside, is_live_story(guild_id))
    )
    if topics is None:
        return statement
    ids = await _ids(connection, topics, guild_id)
    return statement.where(_r.c.story.in_(_of_topics(ids, guild_id)))


async def arrived(
    connection: AsyncConnection,
    topics: Sequence[str] | None,
    since: datetime,
    until: datetime,
    guild_id: int | None = None,
) -> list[int]:
    """The stories of these topics (None: of all) with a record first seen in (`since`, `until`]."""
    numbers: list[int] = []
    statement = await _arrived(connection, topics, since, until, guild_id)
    async for part in batches(connection, statement):
        numbers += [number for (number,) in part]
    return sorted(numbers)


async def newest_arrived(
    connection: AsyncConnection,
    topics: Sequence[str] | None,
    since: datetime,
    until: datetime,
    guild_id: int | None,
    limit: int,
) -> list[int]:
    """The same, at most `limit` of them: those with the highest numbers, which began last, and these first."""
    statement = await _arrived(connection, topics, since, until, guild_id)
    newest = statement.order_by(_r.c.story.desc()).limit(limit)
    return list((await connection.execute(newest)).scalars())


async def recent_totals(
    connection: AsyncConnection, now: datetime, guild_id: int | None = None
) -> tuple[int, int]:
    """As `totals`; a large result is cached for some minutes."""
    return await answer_cache.cached(
        connection, "totals", guild_id, now, lambda: totals(connection, guild_id), sum
    )


async def totals(connection: AsyncConnection, guild_id: int | None = None) -> tuple[int, int]:
    """How many records came in themselves, and how many stories are alive. With a `guild_id` of those that it sees."""
    count = sa.func.count()
    seen = visible_to(_r.c.guild_id, guild_id)
    record_count = await connection.scalar(sa.select(count).select_from(_r).where(~_r.c.partial, seen))
    story_count = await connection.scalar(sa.select(count).select_from(_s).where(is_live_story(guild_id)))
    return record_count or 0, story_count or 0
