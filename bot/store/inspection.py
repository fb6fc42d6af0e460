"""Whether a database is sound, as `topicwire db check` says it. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.text.cleaning import plural
from bot.errors import DatabaseLostError
from bot.store import schema
from bot.store.conditions import is_full_record
from bot.store.database import Database, newest_revision, read_revision

MOST_PROBLEMS = 20  # of each kind that are listed

_index = sa.table("search", sa.column("rowid", sa.Integer))


@dataclass(frozen=True)
class DatabaseCheck:
    """What was checked, and the problems, each a sentence without its full stop."""

    name: str
    problems: tuple[str, ...]


async def check_database(url: str) -> tuple[DatabaseCheck, ...]:
    """Check the database: whole, with its foreign keys, its schema revision, and the index of words in step.

    PostgreSQL keeps a database whole itself, so the first two are of SQLite. Raises StoreError if the database does not
    exist or cannot be reached.
    """
    db = Database.open_as_is(url)
    try:
        async with db.read() as connection:
            checks = []
            if db.dialect == "sqlite":
                checks.append(DatabaseCheck("integrity", await _integrity(connection)))
                checks.append(DatabaseCheck("foreign keys", await _foreign_keys(connection)))
            revision = await _revision(connection)
            checks.append(DatabaseCheck("schema revision", revision))
            if not revision:  # the tables may be others
                checks.append(DatabaseCheck("full-text index", await _full_text_index(connection)))
            return tuple(checks)
    except DatabaseLostError as error:  # it is damaged so badly that it cannot be read
        return (DatabaseCheck("integrity", (str(error).rstrip("."),)),)
    finally:
        await db.close()


async def _integrity(connection: AsyncConnection) -> tuple[str, ...]:
    lines = (await connection.scalars(sa.text(f"PRAGMA integrity_check({MOST_PROBLEMS})"))).all()
    return tuple(line for line in lines if line != "ok")


async def _foreign_keys(connection: AsyncConnection) -> tuple[str, ...]:
    rows = await connection.execute(sa.text("PRAGMA foreign_key_check"))
    return tuple(
        f"row {row[1]} of {row[0]} refers to a row of {row[2]} that does not exist"
        for row in rows.fetchmany(MOST_PROBLEMS)
    )


async def _revision(connection: AsyncConnection) -> tuple[str, ...]:
    revision, newest = await connection.run_sync(read_revision), newest_revision()
    if revision is None:
        return ("it is not a database of Topicwire",)
    if revision == newest:
        return ()
    if revision > newest:
        return (f"the revision is {revision}, of a newer Topicwire; this version needs {newest}",)
    return (f"the revision is {revision}; the bot migrates the database to {newest} when it starts",)


async def _full_text_index(connection: AsyncConnection) -> tuple[str, ...]:
    if not await connection.run_sync(lambda sync: sa.inspect(sync).has_table("search")):
        return ("the index is missing; restore a backup",)
    records = schema.records
    searchable = sa.select(records.c.id).where(is_full_record())
    indexed = sa.select(_index.c.rowid)
    counts = {
        "the index lacks {}": searchable.except_(indexed),
        "the index has {} that search must not show": indexed.except_(searchable),
    }
    problems = []
    for text, statement in counts.items():
        count = await connection.scalar(sa.select(sa.func.count()).select_from(statement.subquery()))
        if count:
            problems.append(text.format(plural(count, "article")))
    return tuple(problems)
