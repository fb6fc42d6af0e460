"""`topicwire db copy`: an installation moves between SQLite and PostgreSQL whole, or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.demo.main import NEWS, TOPICS
from bot.store import schema, search
from bot.store.database import Database
from tests.cli.command import topicwire
from tests.databases import new_database

WORDS = "SELECT rowid, title, excerpt, outlet, value FROM search ORDER BY rowid"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample, and a row in every table that the sample leaves empty, with values that differ between databases."""
    path = tmp_path_factory.mktemp("installation") / "one.db"
    done = topicwire("ingest", NEWS, "--topics", TOPICS, "--db", path, "--as-of", "2026-01-10")
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(path)) as connection:
        for table in schema.metadata.sorted_tables:
            if not _select(connection, "1", table):
                _add_row(connection, table)
        connection.commit()
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
    return path


def _select(connection: sqlite3.Connection, columns: str, table: sa.FromClause) -> list[Any]:
    statement = f"SELECT {columns} FROM {table}"  # noqa: S608 - names of the schema
    return connection.execute(statement).fetchall()


def _add_row(connection: sqlite3.Connection, table: sa.Table) -> None:
    """Add a row that refers to rows that are there; where a column may be NULL it is."""
    values: dict[str, Any] = {}
    for column in table.c:
        if column.foreign_keys and not column.nullable:
            target = next(iter(column.foreign_keys)).column
            values[column.name] = _select(connection, target.name, target.table)[0][0]
        elif not column.nullable:
            values[column.name] = _example(table, column)
    marks = ", ".join("?" * len(values))
    names = ", ".join(f'"{name}"' for name in values)
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - names of the schema
    connection.execute(statement, list(values.values()))


def _example(table: sa.Table, column: sa.Column[Any]) -> Any:
    for constraint in table.constraints:
        if isinstance(constraint, sa.CheckConstraint):
            text = str(constraint.sqltext)
            if text.startswith(f"{column.name} IN ('"):
                return text.split("'")[1]
    match column.type:
        case sa.JSON():
            return '{"b":  [1, 2.50], "a": null}'  # as it stands, blanks included
        case sa.Boolean():
            return 1
        case sa.BigInteger():
            return 1 << 60
        case sa.Integer():
            return 7
        case sa.LargeBinary():
            return b"\x00\xff"
        case sa.Text():
            return "“Ärger”\n{ tab\t}"
    return "2026-01-02 03:04:05.678901"  # a time


def words(path: str | Path) -> list[Any]:
    """The index of the words of articles."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(WORDS).fetchall()


def rows(path: str | Path) -> dict[str, list[Any]]:
    """All rows of all tables, as SQLite stores them."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table.name: sorted(_select(connection, "*", table), key=repr)
            for table in schema.metadata.sorted_tables
        }


async def test_an_installation_goes_to_postgresql_and_back_without_a_difference(
    installation: Path, postgres_server: str, tmp_path: Path
) -> None:
    before = rows(installation)
    assert all(before.values())  # so that each table is tested
    async with new_database(postgres_server) as url:
        there = await asyncio.to_thread(topicwire, "db", "copy", installation, url)
        assert there.returncode == 0, there.stderr
        assert "each compared with its original" in there.stdout
        assert f"records: {len(before['records'])} of {len(before['records'])} rows copied" in there.stderr
        back = await asyncio.to_thread(topicwire, "db", "copy", url, tmp_path / "back.db")
        assert back.returncode == 0, back.stderr
        database = await Database.open(url)
        async with database.write() as connection:  # numbers go on after those that are there
            added = sa.insert(schema.topics).values(
                key="new", name="New", shortname="", slug="", parent="", keywords=[], aliases=[], fields=""
            )
            number = (await connection.execute(added.returning(schema.topics.c.id))).scalar_one()
        await database.close()
    assert number == max(row[0] for row in before["topics"]) + 1
    assert rows(tmp_path / "back.db") == before
    assert words(tmp_path / "back.db") == words(installation)
    checked = await asyncio.to_thread(topicwire, "db", "check", "--db", tmp_path / "back.db")
    assert checked.returncode == 0, checked.stdout


def test_a_target_that_has_rows_is_left_as_it_is(installation: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.db"
    assert topicwire("db", "copy", installation, target).returncode == 0
    before = target.read_bytes()
    again = topicwire("db", "copy", installation, target)
    assert again.returncode == 3
    assert "has rows already" in again.stderr
    assert target.read_bytes() == before


def test_a_database_is_not_copied_onto_itself(installation: Path) -> None:
    done = topicwire("db", "copy", installation, f"sqlite:///{installation}")
    assert done.returncode == 3
    assert "the same database" in done.stderr


def test_a_source_that_is_missing_or_older_is_named(installation: Path, tmp_path: Path) -> None:
    missing = topicwire("db", "copy", tmp_path / "none.db", tmp_path / "target.db")
    assert missing.returncode == 3
    assert "none.db does not exist" in missing.stderr
    older = tmp_path / "older.db"
    older.write_bytes(installation.read_bytes())
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0040'")
        connection.commit()
    refused = topicwire("db", "copy", older, tmp_path / "target.db")
    assert refused.returncode == 3
    assert "another revision" in refused.stderr
    assert not (tmp_path / "target.db").exists()


async def test_a_row_that_cannot_be_stored_leaves_nothing(
    installation: Path, postgres_server: str, tmp_path: Path
) -> None:
    source = tmp_path / "source.db"
    source.write_bytes(installation.read_bytes())
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("UPDATE records SET title = 'cut' || char(0) || 'off' WHERE id = 1")
        connection.commit()
    async with new_database(postgres_server) as url:
        done = await asyncio.to_thread(topicwire, "db", "copy", source, url)
        assert done.returncode == 3
        assert "a row of records" in done.stderr
        assert "Nothing was copied" in done.stderr
        database = await Database.open(url)
        async with database.read() as connection:
            for table in schema.metadata.sorted_tables:
                assert not await connection.scalar(sa.select(sa.func.count()).select_from(table))
        await database.close()


async def test_a_copy_that_differs_is_refused(
    installation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = search.write_words

    async def losing(connection: Any, rows: list[Any]) -> None:
        await write(connection, rows[1:])

    monkeypatch.setattr(search, "write_words", losing)
    done = await asyncio.to_thread(topicwire, "db", "copy", installation, tmp_path / "target.db")
    assert done.returncode == 3
    assert "the copy of search differs from the source in row 1" in done.stderr
