"""Topics that servers make themselves, and the records that they are tried on."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Stored, Topic, TopicMatch
from bot.domain.text.words import name_key
from bot.domain.topics.query.meter import Label
from bot.store import digests, quotas, records, schema, topics
from bot.store.conditions import is_full_record
from bot.store.servers import LEFT
from bot.store.sql import among, batches, chunks, upsert

_t = schema.topics
_r = schema.records
_rt = schema.record_topics
_st = schema.story_topics
_f = schema.feeds
_sub = schema.subscriptions


async def add(connection: AsyncConnection, topic: Topic) -> None:
    """Store a new one."""
    await add_all(connection, [topic])


async def add_all(connection: AsyncConnection, added: Sequence[Topic]) -> None:
    """Store new ones."""
    if added:
        await topics.changed(connection)
        await connection.execute(sa.insert(_t), [topics.row_of(topic) for topic in added])
        await quotas.add(connection, "topics", Counter(topic.guild_id for topic in added))


async def change(connection: AsyncConnection, before: Topic, after: Topic) -> None:
    """Store a changed topic. Its subscriptions and feeds stay. If its query changed, its matches are deleted."""
    await topics.changed(connection)
    topic_id = await topics.id_of(connection, before)
    await connection.execute(sa.update(_t).where(_t.c.id == topic_id).values(topics.row_of(after)))
    if before.query != after.query:
        await connection.execute(sa.delete(_rt).where(_rt.c.topic_id == topic_id, ~_rt.c.declared))
        declared_in = sa.select(_r.c.story).join(_rt, _rt.c.record_id == _r.c.id)
        declared_in = declared_in.where(_rt.c.topic_id == topic_id, _r.c.story.is_not(None))
        left = sa.and_(_st.c.topic_id == topic_id, _st.c.story.not_in(declared_in))
        await connection.execute(sa.delete(_st).where(left))
    if before.name != after.name:
        await _declare(connection, before, after.name)
        declaring = sa.select(_rt.c.record_id).where(_rt.c.topic_id == topic_id, _rt.c.declared)
        rows = await connection.execute(
            sa.select(_r.c.id, _r.c.declared_topics).where(_r.c.id.in_(declaring))
        )
        named = [{"of": i, "to": _renamed(names, before, after.name)} for i, names in rows]
        if named:
            statement = sa.update(_r).where(_r.c.id == sa.bindparam("of"))
            await connection.execute(statement.values(declared_topics=sa.bindparam("to")), named)


async def _declare(connection: AsyncConnection, before: Topic, name: str) -> None:
    """Rename a topic in the topic lists of its server's feeds. An empty name removes it, and keywords decide."""
    rows = await connection.execute(
        sa.select(_f.c.source_id, _f.c.topics).where(_f.c.guild_id == before.guild_id)
    )
    for source_id, names in rows.all():
        renamed = _renamed(names, before, name)
        if renamed != names:
            await connection.execute(sa.update(_f).where(_f.c.source_id == source_id).values(topics=renamed))


def _renamed(names: Iterable[str], before: Topic, name: str) -> list[str]:
    changed = (name if name_key(other) == name_key(before.name) else other for other in names)
    return [other for other in changed if other]


async def request_look_back(connection: AsyncConnection, changed: Iterable[Topic], now: datetime) -> None:
    """Note that earlier articles are to be matched with these topics, so that a process that ends does not forget it."""
    keys = [topics.key_of(topic.name, topic.guild_id) for topic in changed]
    for part in chunks(keys):
        await connection.execute(
            sa.update(_t).where(among(connection, _t.c.key, part)).values(look_back_at=now)
        )


async def look_back_requested(connection: AsyncConnection, topic: Topic) -> datetime | None:
    """When the look-back with this query of a topic was requested; None if none is open, or the topic has another query."""
    has_query = sa.and_(_t.c.key == topics.key_of(topic.name, topic.guild_id), _t.c.query == topic.query)
    requested: datetime | None = await connection.scalar(sa.select(_t.c.look_back_at).where(has_query))
    return requested


async def end_look_back(connection: AsyncConnection, topic: Topic, requested: datetime) -> None:
    """Note that the look-back of a topic has ended, unless it was requested anew since `requested`."""
    is_this = sa.and_(_t.c.key == topics.key_of(topic.name, topic.guild_id), _t.c.look_back_at == requested)
    await connection.execute(sa.update(_t).where(is_this).values(look_back_at=None))


async def open_look_backs(connection: AsyncConnection, before: datetime, limit: int) -> list[Topic]:
    """Topics of servers that the bot is in whose look-back was requested before then and has not ended, the longest-waiting first.

    Suspended topics match nothing, so they are left out until somebody changes them.
    """
    is_unfinished = sa.and_(_t.c.look_back_at < before, _t.c.suspended == "", _t.c.guild_id.not_in(LEFT))
    rows = await connection.execute(
        sa.select(_t).where(is_unfinished).order_by(_t.c.look_back_at, _t.c.id).limit(limit)
    )
    return [topics.topic_of(row) for row in rows]


async def suspend(connection: AsyncConnection, reasons: Mapping[Label, str]) -> None:
    """Suspend topics, given by server and name with a reason each, until they are changed."""
    if not reasons:
        return
    await topics.changed(connection)
    for (guild_id, name), reason in reasons.items():
        of_topic = _t.c.key == topics.key_of(name, guild_id)
        await connection.execute(sa.update(_t).where(of_topic).values(suspended=reason))


async def suspended(connection: AsyncConnection, guild_id: int) -> dict[str, str]:
    """The suspended topics of a server, each with the reason."""
    is_suspended = sa.and_(_t.c.guild_id == guild_id, _t.c.suspended != "")
    rows = await connection.execute(
        sa.select(_t.c.name, _t.c.suspended).where(is_suspended).order_by(_t.c.id)
    )
    return dict(rows.all())


async def remove(connection: AsyncConnection, topic: Topic) -> None:
    """Delete a topic, its subscriptions and its digests. Messages that wait for these alone are dropped when they are due."""
    await topics.changed(connection)
    await _declare(connection, topic, "")
    topic_id = await topics.id_of(connection, topic)
    await connection.execute(sa.delete(_sub).where(_sub.c.topic_id == topic_id))
    await digests.remove_of_topic(connection, topic_id)
    await connection.execute(sa.delete(_t).where(_t.c.id == topic_id))
    await quotas.add(connection, "topics", {topic.guild_id: -1})


async def channels(connection: AsyncConnection, topic: Topic, guild_id: int) -> tuple[int, ...]:
    """The channels of a server that follow a topic, in the order in which they began to."""
    topic_id = await topics.id_of(connection, topic)
    rows = await connection.execute(
        sa.select(_sub.c.channel_id)
        .where(_sub.c.topic_id == topic_id, _sub.c.guild_id == guild_id)
        .order_by(_sub.c.id)
    )
    return tuple(rows.scalars())


async def tag(connection: AsyncConnection, topic: Topic, matches: Sequence[tuple[Stored, TopicMatch]]) -> int:
    """Have these records belong to a topic; returns how many do.

    A record that has changed or is gone since it was read is left out: whoever changed it has matched it.
    """
    topic_id = await topics.id_of(connection, topic)
    current = await records.by_id(connection, (stored.id for stored, _ in matches))
    rows = [
        {
            "record_id": stored.id,
            "topic_id": topic_id,
            "declared": match.declared,
            "keywords": list(match.keywords),
        }
        for stored, match in matches
        if stored.id in current and current[stored.id].record == stored.record
    ]
    await upsert(connection, _rt, rows, on=["record_id", "topic_id"])
    return len(rows)


async def recent(
    connection: AsyncConnection, guild_id: int, since: datetime, below: int | None, limit: int
) -> list[Stored]:
    """Records that came in since then, newest first: the first `limit` with an id below that (None: of all)."""
    eligible = sa.and_(is_full_record(guild_id), _r.c.first_seen > since)
    newest = sa.select(_r.c.id).where(eligible).order_by(_r.c.id.desc()).limit(limit)
    if below is not None:
        newest = newest.where(_r.c.id < below)
    records_by_id = await records.by_id(connection, (await connection.execute(newest)).scalars())
    return list(reversed(records_by_id.values()))


async def of_topics(
    connection: AsyncConnection, names: Iterable[str], guild_id: int, since: datetime, limit: int
) -> list[Stored]:
    """Records of these topics that came in since then, newest first."""
    async with aclosing(records_about(connection, names, guild_id, since, limit)) as parts:
        ids = [row.id async for part in parts for row in part]
    records_by_id = await records.by_id(connection, ids)
    return list(reversed(records_by_id.values()))


def records_about(
    connection: AsyncConnection, names: Iterable[str], guild_id: int, since: datetime, limit: int
) -> AsyncGenerator[Sequence[Any]]:
    """The same records in parts, newest first, of each only `id`, `story` and `first_seen`."""
    statement = (
        sa.select(_r.c.id, _r.c.story, _r.c.first_seen)
        .distinct()
        .join(_rt, _rt.c.record_id == _r.c.id)
        .join(_t, _t.c.id == _rt.c.topic_id)
        .where(
            _t.c.key.in_(topics.keys_of(names, guild_id)), is_full_record(guild_id), _r.c.first_seen > since
        )
        .order_by(_r.c.id.desc())
        .limit(limit)
    )
    return batches(connection, statement)


async def first(connection: AsyncConnection, guild_id: int) -> datetime | None:
    """When the first record that a server sees arrived; None if there is none."""
    earliest = sa.select(_r.c.first_seen).where(is_full_record(guild_id)).order_by(_r.c.first_seen).limit(1)
    first_seen: datetime | None = await connection.scalar(earliest)
    return first_seen
