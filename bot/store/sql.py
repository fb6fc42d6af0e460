"""The few statements that SQLAlchemy spells differently for each database."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, Any]
T = TypeVar("T")
ROWS_AT_ONCE = 1000  # that are made values of in one go: some milliseconds
IN_MOST = 5000  # bound parameters in one IN: well below SQLite's 32,766 and PostgreSQL's 32,767


def chunks(values: Iterable[T], size: int = IN_MOST) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    ordered = list(values)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


async def batches(
    connection: AsyncConnection, statement: sa.Select[Any] | sa.CompoundSelect[Any]
) -> AsyncGenerator[Sequence[Any]]:
    """The rows of a statement that may have very many, `ROWS_AT_ONCE` at a time: the event loop has its turn in between.

    No other statement runs on the connection until the last row is read.
    """
    async with connection.stream(statement) as result:
        async for part in result.partitions(ROWS_AT_ONCE):
            yield part


def among(
    connection: AsyncConnection, column: sa.ColumnElement[Any], values: Sequence[Any]
) -> sa.ColumnElement[bool]:
    """Whether a column has one of these values: on PostgreSQL as one array, where `IN` has a parameter for each of them."""
    if connection.dialect.name != "postgresql":
        return column.in_(values)
    from sqlalchemy.dialects.postgresql import ARRAY

    return column == sa.any_(sa.literal(values, ARRAY(column.type)))


def visible_to(column: sa.Column[Any], guild_id: int | None) -> sa.ColumnElement[bool]:
    """Rows that a server sees, by the server whose own they are: its own, and shared ones (0). None: all.

    `+ 0`: no index finds rows by it. Nearly all are shared, and a database would prefer it to a better index.
    """
    return sa.true() if guild_id is None else (column + 0).in_((0, guild_id))


_VALUE = sa.column("value", sa.BigInteger)
_NUMBERS: sa.ARRAY[int] = sa.ARRAY(sa.BigInteger)


def list_parameter(dialect: str, name: str) -> sa.Select[tuple[int]]:
    """Whole numbers as a subquery, for `IN`: one parameter, which takes what `list_value` gives.

    `dialect` is the name of the database's: statements that are built once have no connection yet.
    """
    if dialect == "postgresql":
        array = sa.bindparam(name, type_=sa.ARRAY(sa.BigInteger))
        return sa.select(sa.func.unnest(array, type_=sa.BigInteger).column_valued("listed"))
    return sa.select(sa.func.json_each(sa.bindparam(name, type_=sa.Text)).table_valued(_VALUE).c.value)


def list_value(connection: AsyncConnection, values: Iterable[int]) -> Any:
    """The value of a `list_parameter`."""
    return sorted(values) if connection.dialect.name == "postgresql" else json.dumps(sorted(values))


def listed(connection: AsyncConnection, values: Iterable[int]) -> sa.Select[tuple[int]]:
    """These whole numbers as a subquery, for `IN`: one parameter, however many they are."""
    if connection.dialect.name == "postgresql":
        array = sa.literal(sorted(values), _NUMBERS)
        return sa.select(sa.func.unnest(array, type_=sa.BigInteger).column_valued("listed"))
    return sa.select(sa.func.json_each(json.dumps(sorted(values))).table_valued(_VALUE).c.value)


def none_of(
    connection: AsyncConnection, column: sa.ColumnElement[int], values: Iterable[int]
) -> sa.ColumnElement[bool]:
    """Whether a column has none of these whole numbers: one statement with one parameter, however many they are."""
    return column.not_in(listed(connection, values))


def rows_as_table(
    connection: AsyncConnection,
    name: str,
    columns: Mapping[str, type[sa.types.TypeEngine[Any]]],
    rows: Iterable[Sequence[Any]],
) -> sa.Subquery:
    """Rows of numbers as a table to join with: one parameter for all of them, or one a column.

    A subquery, as Python does not count what a statement changes that begins with `WITH`.
    """
    given = list(rows)
    if connection.dialect.name == "postgresql":
        arrays = (
            sa.literal([row[position] for row in given], sa.ARRAY(kind))
            for position, kind in enumerate(columns.values())
        )
        table = sa.func.unnest(*arrays).table_valued(
            *(sa.column(column, kind) for column, kind in columns.items()), name=f"{name}_rows"
        )
        return sa.select(table.render_derived()).subquery(name)
    each = sa.func.json_each(json.dumps(given)).table_valued(_VALUE)
    values = (
        sa.func.json_extract(each.c.value, f"$[{position}]", type_=kind).label(column)
        for position, (column, kind) in enumerate(columns.items())
    )
    # With a limit, SQLite reads it once. Else it would read JSON again for each row that this is joined with.
    return sa.select(*values).limit(len(given)).subquery(name)


def later(connection: AsyncConnection, time: sa.ColumnElement[Any], by: timedelta) -> sa.ColumnElement[Any]:
    """A time of a row, so many whole seconds later."""
    seconds = round(by.total_seconds())
    if connection.dialect.name == "postgresql":
        return time + sa.literal(timedelta(seconds=seconds), sa.Interval)
    # SQLite computes with milliseconds, and the text of a time has microseconds, which stay as they are.
    second = sa.func.substr(time, 1, 19, type_=sa.Text)
    whole = sa.func.strftime("%Y-%m-%d %H:%M:%S", second, f"{seconds:+d} seconds", type_=sa.Text)
    return sa.type_coerce(whole + sa.func.substr(time, 20, type_=sa.Text), time.type)


@cache
def insert(dialect: str, table: sa.Table) -> Any:
    """An insert that can say what becomes of rows that are there already."""
    # Imported when needed: each dialect takes its part of a short command's time.
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


async def upsert(
    connection: AsyncConnection,
    table: sa.Table,
    rows: Sequence[Row],
    *,
    on: Sequence[str],
    keep: Collection[str] = (),
) -> None:
    """Insert rows; where one with the same `on` exists, replace its values but those in `keep`."""
    if rows:
        replaced = frozenset(rows[0]) - {*on, *keep}
        await connection.execute(_upsert(connection.dialect.name, table, tuple(on), replaced), list(rows))


@cache
def _upsert(dialect: str, table: sa.Table, on: tuple[str, ...], replaced: frozenset[str]) -> Any:
    statement = insert(dialect, table)
    values = {name: statement.excluded[name] for name in sorted(replaced)}
    return statement.on_conflict_do_update(index_elements=on, set_=values)


async def upsert_numbered(
    connection: AsyncConnection, table: sa.Table, rows: Sequence[Row], *, by: str, keep: Collection[str] = ()
) -> frozenset[int]:
    """As `upsert` on a column whose numbers are given out in their order: what is beyond the highest is appended.

    In a transaction of `Database.intake`, in which nobody else gives out numbers. Returns the new numbers.
    """
    if not rows:
        return frozenset()
    highest = await connection.scalar(sa.select(sa.func.coalesce(sa.func.max(table.c[by]), 0)))
    new = [row for row in rows if row[by] > highest]
    await append(connection, table, new)
    await upsert(connection, table, [row for row in rows if row[by] <= highest], on=[by], keep=keep)
    return frozenset(row[by] for row in new)


async def insert_new(
    connection: AsyncConnection, table: sa.Table, rows: Sequence[Row], *, on: Sequence[str]
) -> None:
    """Insert the rows that are not there yet."""
    if rows:
        await connection.execute(_insert_new(connection.dialect.name, table, tuple(on)), list(rows))


@cache
def _insert_new(dialect: str, table: sa.Table, on: tuple[str, ...]) -> Any:
    return insert(dialect, table).on_conflict_do_nothing(index_elements=on)


async def append(connection: AsyncConnection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert many rows that are not there yet: on PostgreSQL with COPY. Columns without a value get what the database sets.

    SQLAlchemy's executemany takes several times as long, as it goes through every value of every row.
    """
    if not rows:
        return
    names = list(rows[0])
    values = zip(
        *(_bound(connection, table.c[name], [row[name] for row in rows]) for name in names), strict=True
    )
    if connection.dialect.name != "postgresql":
        marks = ", ".join("?" * len(names))
        quoted = ", ".join(f'"{name}"' for name in names)
        await connection.exec_driver_sql(
            f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks})',  # noqa: S608 - names of the schema
            list(values),
        )
        return
    await connection.execute(sa.select(1))  # SQLAlchemy begins the transaction with its first statement
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    await driver.copy_records_to_table(table.name, columns=names, records=values)


def _bound(connection: AsyncConnection, column: sa.Column[Any], values: list[Any]) -> list[Any]:
    """Values of a column as the driver takes them."""
    dialect = connection.dialect
    processed = column.type.dialect_impl(dialect).bind_processor(dialect)
    return values if processed is None else [processed(value) for value in values]


async def lock(connection: AsyncConnection, column: sa.Column[Any], ids: Iterable[int]) -> None:
    """Lock the rows with these ids, in their order, so that two transactions that change several never wait for each other.

    On SQLite, where one transaction writes at a time, there is nothing to be done.
    """
    if connection.dialect.name == "postgresql":
        for part in chunks(sorted(set(ids))):
            rows = sa.select(column).where(among(connection, column, part)).order_by(column)
            await connection.execute(rows.with_for_update(key_share=True))


async def lock_free(
    connection: AsyncConnection, column: sa.Column[Any], ids: Collection[int]
) -> frozenset[int]:
    """Lock the rows with these ids and wait for none. Returns the ids of those that another transaction has locked.

    On SQLite, where one transaction writes at a time, there are none.
    """
    taken: set[int] = set()
    if connection.dialect.name == "postgresql":
        for part in chunks(sorted(ids)):
            rows = sa.select(column).where(column.in_(part)).order_by(column)
            taken.update((await connection.execute(rows)).scalars())
            free = rows.with_for_update(skip_locked=True, key_share=True)
            taken.difference_update((await connection.execute(free)).scalars())
    return frozenset(taken)
