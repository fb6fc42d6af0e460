"""Records: what a batch needs to know, and writing what was decided about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.intake import STORY_WINDOW, Arrival, Known, Plan, all_keys, digest_of, keys_of
from bot.domain.model import Image, Outlet, Record, RecordType, Stored, StoryView, TopicMatch
from bot.store import outbox, schema, topics
from bot.store.sql import chunks, upsert

_r = schema.records
_s = schema.stories
_d = schema.declarations
_k = schema.record_keys
_rt = schema.record_topics

OLD = timedelta(days=30)
OWN_MOST = 500  # records of servers' own sources that everybody's are compared with


def _stored(row: sa.Row[Any], declares: tuple[int, ...]) -> Stored:
    record = Record(
        key=row.key,
        url=row.url,
        title=row.title,
        outlet=Outlet(row.outlet_name, row.outlet_domain),
        excerpt=row.excerpt,
        published=row.published,
        type=cast(RecordType, row.type),
        quality=row.quality,
        heat=row.heat,
        notable=row.notable,
        topics=tuple(row.declared_topics),
        image=Image(**row.image) if row.image else None,
        language=row.language,
        removed=row.removed,
    )
    return Stored(
        row.id,
        record,
        row.published,
        row.first_seen,
        row.partial,
        row.news,
        row.story,
        declares,
        row.guild_id,
        row.source_id,
    )


def _row(stored: Stored, digest: str) -> dict[str, Any]:
    record = stored.record
    return {
        "id": stored.id,
        "key": record.key,
        "url": record.url,
        "title": record.title,
        "excerpt": record.excerpt,
        "outlet_name": record.outlet.name,
        "outlet_domain": record.outlet.domain,
        "published": stored.published,
        "first_seen": stored.first_seen,
        "type": record.type,
        "quality": record.quality,
        "heat": record.heat,
        "notable": record.notable,
        "declared_topics": list(record.topics),
        "image": asdict(record.image) if record.image else None,
        "language": record.language,
        "removed": record.removed,
        "partial": stored.partial,
        "news": stored.news,
        "story": stored.story,
        "source_id": stored.source,
        "guild_id": stored.guild_id,
        "digest": digest,
    }


async def _select(
    connection: AsyncConnection, column: sa.Column[Any], values: Iterable[Any]
) -> tuple[dict[int, Stored], dict[int, str]]:
    """Records by a column's values, with what they declare; and their digests."""
    rows: dict[int, sa.Row[Any]] = {}
    declares: dict[int, list[int]] = {}
    for part in chunks(values):
        rows |= {row.id: row for row in await connection.execute(sa.select(_r).where(column.in_(part)))}
        declared = (
            sa.select(_d.c.record_id, _d.c.declared_id)
            .join(_r, _r.c.id == _d.c.record_id)
            .where(column.in_(part))
            .order_by(_d.c.record_id, _d.c.position)
        )
        for record_id, declared_id in await connection.execute(declared):
            declares.setdefault(record_id, []).append(declared_id)
    found = {i: _stored(row, tuple(declares.get(i, ()))) for i, row in sorted(rows.items())}
    return found, {i: row.digest for i, row in rows.items()}


async def by_id(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, Stored]:
    """Records by id."""
    return (await _select(connection, _r.c.id, ids))[0]


async def members(connection: AsyncConnection, numbers: Iterable[int]) -> dict[int, Stored]:
    """The same-event records of these stories, removed ones included, by id."""
    return (await _select(connection, _r.c.story, numbers))[0]


async def topics_of(connection: AsyncConnection, numbers: Iterable[int]) -> dict[int, tuple[TopicMatch, ...]]:
    """Record id -> its topics, for the records of these stories."""
    found: dict[int, list[TopicMatch]] = {}
    for part in chunks(numbers):
        rows = await connection.execute(
            sa.select(_rt.c.record_id, schema.topics.c.name, _rt.c.declared, _rt.c.keywords)
            .join(schema.topics, schema.topics.c.id == _rt.c.topic_id)
            .join(_r, _r.c.id == _rt.c.record_id)
            .where(_r.c.story.in_(part))
            .order_by(_rt.c.record_id, _rt.c.declared.desc(), _rt.c.topic_id)
        )
        for record_id, name, declared, keywords in rows:
            found.setdefault(record_id, []).append(TopicMatch(name, declared, tuple(keywords)))
    return {record_id: tuple(matches) for record_id, matches in found.items()}


async def ids_by_key(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, int]:
    """Canonical URL -> record id, for those that are known."""
    found: dict[str, int] = {}
    for part in chunks(keys):
        rows = await connection.execute(sa.select(_k.c.key, _k.c.record_id).where(_k.c.key.in_(part)))
        found |= dict(rows.all())
    return found


def _intervals(times: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """The times, each widened by the story window, overlapping ones joined."""
    joined: list[tuple[datetime, datetime]] = []
    for time in sorted(times):
        start, end = time - STORY_WINDOW, time + STORY_WINDOW
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _is_known(
    record: Record, by_key: Mapping[str, int], named: Mapping[int, Stored], digests: Mapping[int, str]
) -> bool:
    """Whether a record says nothing but what is stored, as most of a feed do: then no story can change by it."""
    found = next((by_key[key] for key in keys_of(record) if key in by_key), None)
    if found is None or record.related or named[found].partial:
        return False
    return digests[found] == digest_of(record)


async def known(connection: AsyncConnection, batch: Sequence[Arrival], now: datetime) -> Known:
    """Everything stored that a decision about this batch can depend on."""
    named_records = [arrival.own() for arrival in batch]
    by_key = await ids_by_key(connection, all_keys(named_records))
    named, digests = await _select(connection, _r.c.id, set(by_key.values()))
    told = [record for record in named_records if not _is_known(record, by_key, named, digests)]
    of_told = (named[by_key[key]].story for key in all_keys(told) if key in by_key)
    changing = {story for story in of_told if story is not None}
    guilds = {arrival.guild_id for arrival in batch}
    times = [record.published or now for record in told]
    if all(arrival.polled for arrival in batch):  # old items of feeds are no news, whichever event they were
        times = [time for time in times if now - time < OLD]
    for part in chunks(_intervals(times), 50):
        near = sa.or_(*(_r.c.published.between(start, end) for start, end in part))
        near = sa.and_(_r.c.story.is_not(None), near)
        stories = sa.select(_r.c.story).distinct().where(near, _r.c.guild_id.in_((0, *guilds)))
        changing |= set((await connection.execute(stories)).scalars())
        if 0 in guilds:  # what servers' own sources brought last may be the same event
            own = sa.select(_r.c.story).where(near, _r.c.guild_id != 0).order_by(_r.c.id.desc())
            changing |= set((await connection.execute(own.limit(OWN_MOST))).scalars())
    numbers = changing | {stored.story for stored in named.values() if stored.story is not None}
    inside, more_digests = await _select(connection, _r.c.story, numbers)
    records = inside | named
    declared = {i for stored in records.values() for i in stored.declares} - set(records)
    records |= await by_id(connection, declared)
    next_record = await connection.scalar(sa.select(sa.func.coalesce(sa.func.max(_r.c.id), 0) + 1))
    next_story = await connection.scalar(sa.select(sa.func.coalesce(sa.func.max(_s.c.number), 0) + 1))
    return Known(
        by_key=by_key,
        records=records,
        digests=digests | more_digests,
        topics=await topics_of(connection, numbers),
        posts=await outbox.posts(connection, numbers),
        next_record=next_record or 1,
        next_story=next_story or 1,
        complete=frozenset(changing),
    )


def _story_row(number: int, view: StoryView) -> dict[str, Any]:
    return {
        "number": number,
        "lead_id": view.lead.id,
        "heat": view.heat,
        "notable": view.notable,
        "outlets": view.outlets,
        "first": view.first,
        "last": view.last,
        "last_seen": max(m.first_seen for m in view.members if not m.partial or view.lead.partial),
        "removed": False,
        "forwards_to": None,
        "search": view.lead.record.title.casefold(),
        "guild_id": min(member.guild_id for member in view.members),
    }


async def apply(connection: AsyncConnection, plan: Plan, now: datetime) -> None:
    """Write a plan, in the transaction of the caller."""
    seen = {story: view for story, view in plan.stories.items() if view is not None}
    rows = [_story_row(number, view) for number, view in seen.items()]
    await upsert(connection, _s, rows, on=["number"])
    gone = [number for number, view in plan.stories.items() if view is None]
    for part in chunks(gone):
        await connection.execute(sa.update(_s).where(_s.c.number.in_(part)).values(removed=True))
        await connection.execute(sa.delete(schema.story_topics).where(schema.story_topics.c.story.in_(part)))
    await _write_records(connection, plan)
    names = [match.topic for matches in plan.topics.values() for match in matches]
    names += [topic for view in seen.values() for topic in view.topics]
    topic_ids = await topics.learn(connection, names)
    await _write_topics(connection, plan.topics, topic_ids)
    await _write_story_topics(connection, seen, topic_ids)
    await _forward(connection, plan.merged)
    await outbox.apply(connection, plan, now)


async def _write_records(connection: AsyncConnection, plan: Plan) -> None:
    # A record may be written for its story alone: then its content, and so its digest, is as it was.
    written = [stored for stored in plan.records.values() if stored.id in plan.digests]
    rows = [_row(stored, plan.digests[stored.id]) for stored in written]
    await upsert(connection, _r, rows, on=["id"])
    moved = [
        {"of": stored.id, "to": stored.story}
        for stored in plan.records.values()
        if stored.id not in plan.digests
    ]
    if moved:
        statement = sa.update(_r).where(_r.c.id == sa.bindparam("of")).values(story=sa.bindparam("to"))
        await connection.execute(statement, moved)
    keys = [{"key": key, "record_id": record_id} for key, record_id in plan.keys.items()]
    await upsert(connection, _k, keys, on=["key"])
    for part in chunks(plan.declares):
        await connection.execute(sa.delete(_d).where(_d.c.record_id.in_(part)))
    declared = [
        {"record_id": record_id, "position": position, "declared_id": declared_id}
        for record_id, ids in plan.declares.items()
        for position, declared_id in enumerate(ids)
    ]
    if declared:
        await connection.execute(sa.insert(_d), declared)


async def _write_topics(
    connection: AsyncConnection, matches: Mapping[int, Sequence[TopicMatch]], ids: Mapping[str, int]
) -> None:
    for part in chunks(matches):
        await connection.execute(sa.delete(_rt).where(_rt.c.record_id.in_(part)))
    rows = [
        {
            "record_id": record_id,
            "topic_id": ids[match.topic.casefold()],
            "declared": match.declared,
            "keywords": list(match.keywords),
        }
        for record_id, own in matches.items()
        for match in own
    ]
    if rows:
        await connection.execute(sa.insert(_rt), rows)


async def _write_story_topics(
    connection: AsyncConnection, views: Mapping[int, StoryView], ids: Mapping[str, int]
) -> None:
    st = schema.story_topics
    for part in chunks(views):
        await connection.execute(sa.delete(st).where(st.c.story.in_(part)))
    rows = [
        {"story": number, "topic_id": ids[topic.casefold()]}
        for number, view in views.items()
        for topic in view.topics
    ]
    if rows:
        await connection.execute(sa.insert(st), rows)


async def _forward(connection: AsyncConnection, merged: Mapping[int, int]) -> None:
    told = schema.told
    for old, new in merged.items():
        await connection.execute(
            sa.update(_s).where(sa.or_(_s.c.number == old, _s.c.forwards_to == old)).values(forwards_to=new)
        )
        known_of = sa.select(told.c.channel_id).where(told.c.story == new)
        await connection.execute(
            sa.update(told).where(told.c.story == old, told.c.channel_id.not_in(known_of)).values(story=new)
        )
        await connection.execute(sa.delete(schema.held).where(schema.held.c.story == old))
        await connection.execute(sa.delete(schema.story_topics).where(schema.story_topics.c.story == old))


async def own_after(connection: AsyncConnection, after: int, limit: int) -> dict[int, Stored]:
    """The records that came in themselves, by id, the first `limit` of those above `after`."""
    rows = await connection.execute(
        sa.select(_r.c.id).where(_r.c.id > after, ~_r.c.partial).order_by(_r.c.id).limit(limit)
    )
    return await by_id(connection, rows.scalars())


async def rematch(
    connection: AsyncConnection, stored: Mapping[int, Stored], matches: Mapping[int, Sequence[TopicMatch]]
) -> None:
    """Replace the topics of these records, and so those of their stories."""
    ids = await topics.learn(connection, [match.topic for own in matches.values() for match in own])
    await _write_topics(connection, matches, ids)
    numbers = {record.story for record in stored.values() if record.story is not None}
    st = schema.story_topics
    for part in chunks(numbers):
        await connection.execute(sa.delete(st).where(st.c.story.in_(part)))
        of_members = (
            sa.select(_r.c.story, _rt.c.topic_id)
            .distinct()
            .join(_rt, _rt.c.record_id == _r.c.id)
            .join(_s, _s.c.number == _r.c.story)
            .where(_r.c.story.in_(part), ~_r.c.removed, _r.c.guild_id == _s.c.guild_id)
        )
        await connection.execute(sa.insert(st).from_select(["story", "topic_id"], of_members))
