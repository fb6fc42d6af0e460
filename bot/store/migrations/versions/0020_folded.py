"""Names and words that look the same are stored as the same: keys of topics and mutes, titles and words to search in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from bot.domain.model import Outlet, Record
from bot.domain.text.words import name_key, search_key
from bot.store import search

revision = "0020"
down_revision = "0011"
branch_labels = None
depends_on = None

AT_ONCE = 1_000  # rows in memory


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns))


_topics = _table("topics", "id", "key", "name", "guild_id", "configured")
_subscriptions = _table("subscriptions", "topic_id", "channel_id")
_record_topics = _table("record_topics", "topic_id", "record_id")
_story_topics = _table("story_topics", "topic_id", "story")
_mutes = _table("mutes", "id", "guild_id", "channel_id", "key", "value")
_stories = _table("stories", "number", "search", "lead_id")
_columns = ("id", "key", "url", "title", "excerpt", "outlet_name", "outlet_domain", "type", "language")
_records = _table("records", *_columns, "partial", "removed")
_search = _table("search", "rowid")


def upgrade() -> None:
    fold(op.get_bind())


def fold(connection: sa.Connection) -> None:
    """Have what is stored already compare as what comes from now on. A second time changes nothing."""
    _topic_keys(connection)
    _mute_keys(connection)
    _titles(connection)
    _index(connection)


def _topic_keys(connection: sa.Connection) -> None:
    """Topics that look the same become one: the configured one, or the first. A server's keep their queries and get a number."""
    t = _topics.c
    rows = connection.execute(sa.select(_topics).order_by(t.configured.desc(), t.id)).all()
    first: dict[str, int] = {}
    keys: dict[int, str] = {}
    for row in rows:
        name, key = row.name, _key(row.name, row.guild_id)
        if key in first and not row.guild_id:
            _merge(connection, row.id, first[key])
            continue
        number = 2
        while key in first:
            name = f"{row.name} ({number})"
            key, number = _key(name, row.guild_id), number + 1
        first[key] = row.id
        if (name, key) != (row.name, row.key):
            keys[row.id] = key
            connection.execute(sa.update(_topics).where(t.id == row.id).values(name=name, key=f"\n{row.id}"))
    for topic_id, key in keys.items():  # after all old keys are gone that a new one may equal
        connection.execute(sa.update(_topics).where(t.id == topic_id).values(key=key))


def _key(name: str, guild_id: int) -> str:
    return f"{guild_id}\n{name_key(name)}" if guild_id else name_key(name)


def _merge(connection: sa.Connection, old: int, new: int) -> None:
    """What names a topic names another one, once."""
    for table, other in (
        (_subscriptions, "channel_id"),
        (_record_topics, "record_id"),
        (_story_topics, "story"),
    ):
        already = sa.select(table.c[other]).where(table.c.topic_id == new)
        of_old = table.c.topic_id == old
        connection.execute(sa.delete(table).where(of_old, table.c[other].in_(already)))
        connection.execute(sa.update(table).where(of_old).values(topic_id=new))
    connection.execute(sa.delete(_topics).where(_topics.c.id == old))


def _mute_keys(connection: sa.Connection) -> None:
    m = _mutes.c
    first: set[tuple[int, int, str]] = set()
    for row in connection.execute(sa.select(_mutes).order_by(m.id)).all():
        place = (row.guild_id, row.channel_id, name_key(row.value))
        if place in first:
            connection.execute(sa.delete(_mutes).where(m.id == row.id))
        first.add(place)
    for row in connection.execute(sa.select(_mutes)).all():
        if row.key != name_key(row.value):
            connection.execute(sa.update(_mutes).where(m.id == row.id).values(key=name_key(row.value)))


def _titles(connection: sa.Connection) -> None:
    s, after = _stories.c, -1
    own = sa.select(s.number, s.search, _records.c.title).join(_records, _records.c.id == s.lead_id)
    while rows := connection.execute(own.where(s.number > after).order_by(s.number).limit(AT_ONCE)).all():
        for row in rows:
            if row.search != (key := search_key(row.title)):
                connection.execute(sa.update(_stories).where(s.number == row.number).values(search=key))
        after = rows[-1].number


def _index(connection: sa.Connection) -> None:
    """Enter anew what is not in ASCII alone: the words of other records are cut as they were."""
    dialect = connection.dialect.name
    for rows in _read(connection):
        changed = [row for row in rows if not f"{row.title}{row.excerpt}{row.outlet_name}".isascii()]
        if changed:
            connection.execute(sa.delete(_search).where(_search.c.rowid.in_([row.id for row in changed])))
            entries = [search.row_of(dialect, row.id, _record(row)) for row in changed]
            connection.execute(search.insert(dialect), entries)


def _read(connection: sa.Connection) -> Iterator[list[sa.Row[Any]]]:
    r, after = _records.c, -1
    own = sa.select(*(r[name] for name in _columns)).where(sa.not_(r.partial), sa.not_(r.removed))
    while rows := connection.execute(own.where(r.id > after).order_by(r.id).limit(AT_ONCE)).all():
        yield list(rows)
        after = rows[-1].id


def _record(row: sa.Row[Any]) -> Record:
    outlet = Outlet(row.outlet_name, row.outlet_domain)
    return Record(row.key, row.url, row.title, outlet, row.excerpt, type=row.type, language=row.language)
