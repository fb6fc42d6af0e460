"""Topics in the database: the configured ones, and those that records brought along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Topic
from bot.domain.topics import Topics, known_as
from bot.store import schema
from bot.store.sql import insert_new, upsert

_t = schema.topics


def _row(topic: Topic, configured: bool) -> dict[str, Any]:
    return {
        "key": topic.name.casefold(),
        "name": topic.name,
        "shortname": topic.shortname,
        "slug": topic.slug,
        "parent": topic.parent,
        "keywords": list(topic.keywords),
        "aliases": list(topic.aliases),
        "fields": topic.fields,
        "colour": topic.colour,
        "query": topic.query,
        "configured": configured,
    }


def _topic(row: sa.Row[Any]) -> Topic:
    return Topic(
        row.name,
        row.shortname,
        row.slug,
        row.parent,
        tuple(row.keywords),
        tuple(row.aliases),
        cast(Literal["title", "title+excerpt"], row.fields),
        row.colour,
        row.query,
    )


async def load(connection: AsyncConnection) -> Topics:
    """All topics that are known."""
    rows = await connection.execute(sa.select(_t).order_by(_t.c.id))
    return Topics(_topic(row) for row in rows)


async def ids(connection: AsyncConnection) -> dict[str, int]:
    """Casefolded name -> id."""
    return {row.key: row.id for row in await connection.execute(sa.select(_t.c.key, _t.c.id))}


async def tree(connection: AsyncConnection) -> frozenset[tuple[str, str]]:
    """Every topic's casefolded name with its parent's name."""
    rows = await connection.execute(sa.select(_t.c.key, _t.c.parent))
    return frozenset((row.key, row.parent) for row in rows)


async def learn(connection: AsyncConnection, names: Iterable[str]) -> dict[str, int]:
    """Make sure that these names are topics, as the first spells them; returns all ids by casefolded name."""
    known = await ids(connection)
    missing: dict[str, str] = {}
    for name in names:
        if name.casefold() not in known:
            missing.setdefault(name.casefold(), name)
    if not missing:
        return known
    await insert_new(connection, _t, [_row(Topic(name), False) for name in missing.values()], on=["key"])
    return await ids(connection)


async def _configured(connection: AsyncConnection) -> dict[str, Topic]:
    rows = await connection.execute(sa.select(_t).where(_t.c.configured))
    return {row.key: _topic(row) for row in rows}


async def define(connection: AsyncConnection, topics: Iterable[Topic]) -> bool:
    """Add topics to the configured ones, or change them. Returns whether any definition changed."""
    before = await _configured(connection)
    wanted = [topic for topic in topics if before.get(topic.name.casefold()) != topic]
    await upsert(connection, _t, [_row(topic, True) for topic in wanted], on=["key"])
    await _absorb(connection, wanted)
    return bool(wanted)


async def _absorb(connection: AsyncConnection, defined: Iterable[Topic]) -> None:
    """What records brought along under another name of a topic is that topic now, for those who follow it too."""
    other_names = {
        name: topic for topic in defined for name in known_as(topic) if name != topic.name.casefold()
    }
    rows = await connection.execute(sa.select(_t.c.id, _t.c.key).where(~_t.c.configured))
    stray = {row.key: row.id for row in rows if row.key in other_names}
    if not stray:
        return
    known = await ids(connection)
    subs = schema.subscriptions
    for key, old in stray.items():
        new = known[other_names[key].name.casefold()]
        both = sa.select(subs.c.channel_id).where(subs.c.topic_id == new)
        await connection.execute(sa.delete(subs).where(subs.c.topic_id == old, subs.c.channel_id.in_(both)))
        await connection.execute(sa.update(subs).where(subs.c.topic_id == old).values(topic_id=new))
        await connection.execute(sa.delete(_t).where(_t.c.id == old))


async def configure(connection: AsyncConnection, topics: Iterable[Topic]) -> bool:
    """Make the configured topics exactly these. Returns whether any definition changed.

    One that is configured no longer stays known, without keywords: stories and subscriptions name it.
    """
    wanted = {topic.name.casefold(): topic for topic in topics}
    gone = {key: topic for key, topic in (await _configured(connection)).items() if key not in wanted}
    await upsert(connection, _t, [_row(Topic(topic.name), False) for topic in gone.values()], on=["key"])
    return await define(connection, wanted.values()) or bool(gone)


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """Topic name -> the number of stories that it is a topic of, itself (not one below it)."""
    st = schema.story_topics
    rows = await connection.execute(
        sa.select(_t.c.name, sa.func.count(st.c.story))
        .join_from(_t, st, isouter=True)
        .group_by(_t.c.id, _t.c.name)
    )
    return dict(rows.all())
