"""Moves an installation between SQLite and PostgreSQL: every row is copied, and then compared with its original."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store import schema, search
from bot.store.database import Database, file_of, normalise, redact
from bot.store.sql import batches

# Is given the name of a table, how many of its rows are copied, and how many it has.
Progress = Callable[[str, int, int], None]

INDEX = "search"  # each database has a table of its own kind for the words of articles


@dataclass(frozen=True)
class _CopiedTable:
    """A table as the copy reads and writes it: rows as mappings, in an order that both databases agree on."""

    name: str
    read: Callable[[AsyncConnection], AsyncGenerator[Sequence[Mapping[str, Any]]]]
    write: Callable[[AsyncConnection, list[Mapping[str, Any]]], Any]


async def copy(source_url: str, target_url: str, progress: Progress) -> dict[str, int]:
    """Copy a whole database into an empty one, which is created if it does not exist. Returns the number of rows by table.

    The source is read as it is when the copying begins; what is stored there later is not copied. Each row of the copy is
    read again and compared with its original. All is stored in one transaction. Raises StoreError, and leaves the target
    empty, if the source is of another revision, the target has rows, a row cannot be stored, or one differs.
    """
    if _same(source_url, target_url):
        raise StoreError("the source and the target are the same database. Name another target.")
    async with _opened_source(source_url) as source:
        target = await Database.open(target_url)
        try:
            async with source.read() as origin, target.write() as copied:
                await _require_empty(copied, target_url)
                counts = {}
                for table in _tables(origin, copied):
                    counts[table.name] = await _copy_table(table, origin, copied, progress)
                for table in _tables(origin, copied):
                    await _compare(table, origin, copied)
                await _continue_numbers(copied)
            return counts
        finally:
            await target.close()


def _same(one: str, other: str) -> bool:
    with suppress(exc.ArgumentError, ValueError):
        first, second = (sa.make_url(normalise(url)) for url in (one, other))
        files = file_of(first), file_of(second)
        if files[0] is not None and files[1] is not None:
            return files[0].resolve() == files[1].resolve()
        return first == second
    return one == other


@asynccontextmanager
async def _opened_source(url: str) -> AsyncGenerator[Database]:
    await Database.open_as_is(url).close()  # says why there is none
    source = await Database.open_if_current(url)
    if source is None:
        raise StoreError(
            f"the database {redact(url)} cannot be copied: it cannot be reached, or is of another revision than this version "
            "of Topicwire. `topicwire db check` says which; starting the bot once brings an older one up to date."
        )
    try:
        yield source
    finally:
        await source.close()


async def _require_empty(connection: AsyncConnection, url: str) -> None:
    for table in schema.metadata.sorted_tables:
        if (await connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1))).first():
            raise StoreError(
                f"the database {redact(url)} has rows already ({table.name}). Name an empty target."
            )


def _tables(origin: AsyncConnection, copied: AsyncConnection) -> Iterable[_CopiedTable]:
    """All tables, those that others refer to first."""
    for table in schema.metadata.sorted_tables:
        yield _CopiedTable(table.name, _reader(table), _writer(table, copied.dialect.name))
    yield _CopiedTable(INDEX, search.all_words, search.write_words)


def _reader(table: sa.Table) -> Callable[[AsyncConnection], AsyncGenerator[Sequence[Mapping[str, Any]]]]:
    async def read(connection: AsyncConnection) -> AsyncGenerator[Sequence[Mapping[str, Any]]]:
        columns = [_as_stored(column, connection.dialect.name) for column in table.c]
        order = [_ordered(column, connection.dialect.name) for column in table.primary_key]
        async for rows in batches(connection, sa.select(*columns).order_by(*order)):
            yield [dict(row._mapping) for row in rows]

    return read


def _as_stored(column: sa.Column[Any], dialect: str) -> sa.ColumnElement[Any]:
    """A column as it is read. JSON is read as its text, which both databases keep: as values, NULL and `null` are the same."""
    if not isinstance(column.type, sa.JSON):
        return column
    text = sa.cast(column, sa.Text) if dialect == "postgresql" else sa.type_coerce(column, sa.Text)
    return text.label(column.name)


def _ordered(column: sa.Column[Any], dialect: str) -> sa.ColumnElement[Any]:
    """A column to sort by. SQLite compares texts by their bytes; PostgreSQL does so if it is told."""
    is_text = isinstance(column.type, sa.Text) and dialect == "postgresql"
    return sa.collate(column, "C") if is_text else column


def _writer(table: sa.Table, dialect: str) -> Callable[[AsyncConnection, list[Mapping[str, Any]]], Any]:
    values = {
        column.name: sa.cast(sa.bindparam(column.name, type_=sa.Text), column.type)
        if isinstance(column.type, sa.JSON) and dialect == "postgresql"
        else sa.bindparam(column.name, type_=sa.Text if isinstance(column.type, sa.JSON) else column.type)
        for column in table.c
    }
    statement = sa.insert(table).values(values)

    async def write(connection: AsyncConnection, rows: list[Mapping[str, Any]]) -> None:
        await connection.execute(statement, rows)

    return write


async def _copy_table(
    table: _CopiedTable, origin: AsyncConnection, copied: AsyncConnection, progress: Progress
) -> int:
    total = await origin.scalar(sa.select(sa.func.count()).select_from(sa.table(table.name))) or 0
    done = 0
    async for rows in table.read(origin):
        try:
            await table.write(copied, list(rows))
        except exc.DBAPIError as error:
            if not _is_about_a_value(error):
                raise
            reason = str(error.orig).splitlines()[0]
            raise StoreError(
                f"a row of {table.name} after row {done} cannot be stored in the target: {reason}. Nothing was copied."
            ) from error
        done += len(rows)
        progress(table.name, done, total)
    return done


def _is_about_a_value(error: exc.DBAPIError) -> bool:
    """Whether the database refuses a value, as PostgreSQL does a text with a NUL (class 22 of its errors)."""
    is_refused = isinstance(error, exc.DataError | exc.IntegrityError)
    return is_refused or str(getattr(error.orig, "sqlstate", "")).startswith("22")


async def _compare(table: _CopiedTable, origin: AsyncConnection, copied: AsyncConnection) -> None:
    """Raise StoreError if a row of the copy is not as it is in the source."""
    position = 0
    async with aclosing(table.read(origin)) as one, aclosing(table.read(copied)) as other:
        async for before, after in _side_by_side(one, other):
            position += 1
            if before != after:
                raise StoreError(
                    f"the copy of {table.name} differs from the source in row {position}. Nothing was copied."
                )


async def _side_by_side(
    one: AsyncGenerator[Sequence[Mapping[str, Any]]], other: AsyncGenerator[Sequence[Mapping[str, Any]]]
) -> AsyncGenerator[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]:
    """The rows of two tables in pairs; None where one has no more. Both come in batches of the same size."""
    while True:
        before: Sequence[Mapping[str, Any]] = await anext(one, [])
        after: Sequence[Mapping[str, Any]] = await anext(other, [])
        if not before and not after:
            return
        for pair in zip_longest(before, after):
            yield pair


async def _continue_numbers(connection: AsyncConnection) -> None:
    """Have PostgreSQL give out numbers after the copied ones. SQLite goes by the rows that are there."""
    if connection.dialect.name != "postgresql":
        return
    for table in schema.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        sequence = await connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
        if sequence is not None:
            most = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
            await connection.execute(sa.select(sa.func.setval(sequence, most, False)))
