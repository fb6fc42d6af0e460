"""Topics in the database: the configured ones, and those that records brought along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Topic
from bot.domain.text.words import name_key
from bot.domain.topics.query.meter import Label
from bot.domain.topics.tree import feed_topic_of, name_keys
from bot.store import revisions, schema
from bot.store.servers import LEFT
from bot.store.sql import chunks, insert_new, upsert

_CHANGED = "topics_changed"  # an execution option of a connection: true of this transaction alone

_t = schema.topics
_shared = _t.c.guild_id == 0
_IDS_OF = sa.select(_t.c.key, _t.c.id).where(_t.c.key.in_(sa.bindparam("keys", expanding=True)))


def key_of(name: str, guild_id: int = 0) -> str:
    """What a topic is known by: its `name_key`, for a server topic behind its server. No name has a line break."""
    return f"{guild_id}\n{name_key(name)}" if guild_id else name_key(name)


def keys_of(names: Iterable[str], guild_id: int) -> list[str]:
    """The keys of the shared topics and of a server's own of these names."""
    return list(dict.fromkeys(key_of(name, of) for name in names for of in (0, guild_id)))


def row_of(topic: Topic, configured: bool = False) -> dict[str, Any]:
    """A topic as it is stored."""
    return {
        "key": key_of(topic.name, topic.guild_id),
        "name": topic.name,
        "shortname": topic.shortname,
        "slug": topic.slug,
        "parent": topic.parent,
        "keywords": _keywords_row(topic),
        "aliases": list(topic.aliases),
        "fields": topic.fields,
        "colour": topic.colour,
        "query": topic.query,
        "configured": configured,
        "guild_id": topic.guild_id,
        "suspended": topic.suspended,
    }


def _keywords_row(topic: Topic) -> list[str] | dict[str, list[str]]:
    """Keywords as they are stored: a list, or lists by language where any counts in one alone ("": in all)."""
    if not topic.language_keywords:
        return list(topic.keywords)
    by_language: dict[str, list[str]] = {"": list(topic.keywords)}
    for language, keyword in topic.language_keywords:
        by_language.setdefault(language, []).append(keyword)
    return by_language


def topic_of(row: sa.Row[Any]) -> Topic:
    """A topic as a row has it."""
    by_language = dict(row.keywords) if isinstance(row.keywords, dict) else {"": row.keywords}
    return Topic(
        row.name,
        row.shortname,
        row.slug,
        row.parent,
        tuple(by_language.pop("", ())),
        tuple(row.aliases),
        cast(Literal["title", "title+excerpt"], row.fields),
        row.colour,
        row.query,
        row.guild_id,
        row.suspended,
        tuple((language, keyword) for language, every in by_language.items() for keyword in every),
    )


async def changed(connection: AsyncConnection) -> None:
    """Mark the topics as changed by this transaction. Call it before the change, so that concurrent changes wait for each other."""
    await revisions.advance(connection, revisions.TOPICS)
    await connection.execution_options(**{_CHANGED: True})


def changes(connection: AsyncConnection) -> bool:
    """Whether the transaction of this connection has changed the topics."""
    assert connection.sync_connection is not None
    return _CHANGED in connection.sync_connection.get_execution_options()


async def ids(connection: AsyncConnection) -> dict[str, int]:
    """Key -> id, of shared topics."""
    rows = await connection.execute(sa.select(_t.c.key, _t.c.id).where(_shared))
    return {row.key: row.id for row in rows}


async def ids_of(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, int]:
    """The ids of topics by their keys."""
    ids_by_key: dict[str, int] = {}
    for part in chunks(keys):
        ids_by_key |= dict((await connection.execute(_IDS_OF, {"keys": part})).all())
    return ids_by_key


async def ids_by_label(connection: AsyncConnection, labels: Iterable[Label]) -> dict[Label, int]:
    """The ids of topics, each by its server (0: shared) and the key of its name."""
    keys = {key_of(name, guild_id): (guild_id, name) for guild_id, name in labels}
    return {keys[key]: topic_id for key, topic_id in (await ids_of(connection, keys)).items()}


async def ids_seen(connection: AsyncConnection, names: Iterable[str], guild_id: int) -> dict[str, set[int]]:
    """The ids of the topics of these names that a server sees, shared ones and its own, by the key of the name."""
    labels = [(server, name_key(name)) for name in names for server in {0, guild_id}]
    ids_by_name: dict[str, set[int]] = {}
    for (_, key), topic_id in (await ids_by_label(connection, labels)).items():
        ids_by_name.setdefault(key, set()).add(topic_id)
    return ids_by_name


async def id_of(connection: AsyncConnection, topic: Topic) -> int:
    """The id of a stored topic. KeyError if it is not stored."""
    key = key_of(topic.name, topic.guild_id)
    return (await ids_of(connection, [key]))[key]


async def tree(connection: AsyncConnection) -> frozenset[tuple[str, str]]:
    """Every topic's key with its parent's name, of the shared ones."""
    rows = await connection.execute(sa.select(_t.c.key, _t.c.parent).where(_shared))
    return frozenset((row.key, row.parent) for row in rows)


async def ensure(connection: AsyncConnection, names: Iterable[str]) -> dict[str, int]:
    """Create the topics that are missing among these names, in their first spelling. Returns the ids of all shared topics by key."""
    known_ids = await ids(connection)
    missing: dict[str, str] = {}
    for name in names:
        if name_key(name) not in known_ids:
            missing.setdefault(name_key(name), name)
    if not missing:
        return known_ids
    await changed(connection)
    await insert_new(connection, _t, [row_of(Topic(name)) for name in missing.values()], on=["key"])
    return await ids(connection)


async def _configured(connection: AsyncConnection) -> dict[str, Topic]:
    rows = await connection.execute(sa.select(_t).where(_t.c.configured))
    return {row.key: topic_of(row) for row in rows}


async def define(connection: AsyncConnection, topics: Iterable[Topic]) -> bool:
    """Add topics to the configured ones, or change them. Returns whether any definition changed."""
    before = await _configured(connection)
    changed_topics = [topic for topic in topics if before.get(name_key(topic.name)) != topic]
    if changed_topics:
        await changed(connection)
    await upsert(connection, _t, [row_of(topic, configured=True) for topic in changed_topics], on=["key"])
    await _absorb(connection, changed_topics)
    return bool(changed_topics)


async def _absorb(connection: AsyncConnection, defined: Iterable[Topic]) -> None:
    """Replace topics that records declared under another name of a defined topic, in subscriptions, digests and forwards too."""
    other_names = {
        name: topic for topic in defined for name in name_keys(topic) if name != name_key(topic.name)
    }
    rows = await connection.execute(sa.select(_t.c.id, _t.c.key).where(~_t.c.configured, _shared))
    stray = {row.key: row.id for row in rows if row.key in other_names}
    if not stray:
        return
    known_ids = await ids(connection)
    subs = schema.subscriptions
    for key, old in stray.items():
        new = known_ids[name_key(other_names[key].name)]
        both = sa.select(subs.c.channel_id).where(subs.c.topic_id == new)
        await connection.execute(sa.delete(subs).where(subs.c.topic_id == old, subs.c.channel_id.in_(both)))
        for table in (subs, schema.digests, schema.forwards):
            await connection.execute(sa.update(table).where(table.c.topic_id == old).values(topic_id=new))
        await connection.execute(sa.delete(_t).where(_t.c.id == old))


async def configure(connection: AsyncConnection, topics: Iterable[Topic]) -> bool:
    """Make the configured topics exactly these. Returns whether any definition changed.

    A topic that is no longer configured stays, without keywords, because stories and subscriptions name it.
    """
    configured = {name_key(topic.name): topic for topic in topics}
    removed = {key: topic for key, topic in (await _configured(connection)).items() if key not in configured}
    if removed:
        await changed(connection)
    await upsert(connection, _t, [row_of(Topic(topic.name)) for topic in removed.values()], on=["key"])
    return await define(connection, configured.values()) or bool(removed)


async def followed(connection: AsyncConnection) -> frozenset[str]:
    """The topics by which feeds are chosen for all subscriptions, forwards, and digests of a topic, see `feed_topic_of`."""
    of_present = (
        sa.select(table.c.topic_id).where(table.c.guild_id.not_in(LEFT))
        for table in (schema.subscriptions, schema.digests, schema.forwards)
    )
    rows = await connection.execute(
        sa.select(_t.c.name, _t.c.parent, _t.c.guild_id).where(sa.or_(*map(_t.c.id.in_, of_present)))
    )
    return frozenset(feed_topic_of(Topic(row.name, parent=row.parent, guild_id=row.guild_id)) for row in rows)
