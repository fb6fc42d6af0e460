"""How SQLite's driver uses its thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store import sqlite_driver
from bot.store.database import Database
from bot.store.sqlite_driver import AHEAD, SqliteDriver

pytestmark = pytest.mark.usefixtures("threads")

COUNTED = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"


@pytest.fixture
async def driver(db_url: str) -> AsyncIterator[SqliteDriver]:
    """A connection to an empty file."""
    connection = sqlite_driver.connect(db_url, isolation_level=None)
    await connection
    yield connection
    await connection.close()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What any connection's thread was asked for, and how often."""
    counted: Counter[str] = Counter()
    execute = SqliteDriver._execute

    async def counting(self: SqliteDriver, function: Any, *args: Any, **kwargs: Any) -> Any:
        counted[function.__name__] += 1
        return await execute(self, function, *args, **kwargs)  # type: ignore[no-untyped-call] # aiosqlite's

    monkeypatch.setattr(SqliteDriver, "_execute", counting)
    return counted


async def test_a_statement_wakes_the_thread_once(db: Database, calls: Counter[str]) -> None:
    async with db.read() as connection:
        calls.clear()
        for number in range(10):
            assert await connection.scalar(sa.text(f"SELECT {number}")) == number
    assert calls.total() == 12  # with the transaction's begin and end


@pytest.mark.parametrize("number", [0, 1, AHEAD - 1, AHEAD, AHEAD + 1, 3 * AHEAD])
@pytest.mark.parametrize("way", ["all", "many", "one", "iterated"])
async def test_every_row_is_read_once_and_in_order(driver: SqliteDriver, number: int, way: str) -> None:
    cursor = await driver.cursor()
    await cursor.execute(f"{COUNTED.format(max(number, 1))} WHERE ? >= i", (number,))
    first = await cursor.fetchmany(2)
    rows = list(first)
    match way:
        case "all":
            rows += await cursor.fetchall()
        case "many":
            while part := await cursor.fetchmany(AHEAD - 1):
                rows += part
        case "one":
            while (row := await cursor.fetchone()) is not None:
                rows.append(row)
        case _:
            rows += [row async for row in cursor]
    assert [value for (value,) in rows] == list(range(1, number + 1))
    assert not await cursor.fetchall()
    await cursor.close()


async def test_a_long_answer_is_not_read_ahead_whole(driver: SqliteDriver) -> None:
    async with driver.cursor() as cursor:
        await cursor.execute(COUNTED.format(1 << 62))  # reading all of it would never end
        assert list(await cursor.fetchmany(3)) == [(1,), (2,), (3,)]


async def test_a_cursor_that_is_closed_early_frees_its_statement(
    driver: SqliteDriver, db_url: str, calls: Counter[str]
) -> None:
    cursor = await driver.cursor()
    await cursor.execute("PRAGMA journal_mode=DELETE")  # where a reader keeps writers out
    await cursor.execute("CREATE TABLE numbers AS " + COUNTED.format(2 * AHEAD))
    await cursor.execute("SELECT * FROM numbers")
    calls.clear()
    await cursor.close()
    assert calls == {"close": 1}  # SQLite may be busy with it
    with closing(sqlite3.connect(db_url, timeout=0)) as other:
        other.execute("DROP TABLE numbers")


async def test_a_cursor_whose_statement_was_cancelled_is_closed_after_it(driver: SqliteDriver) -> None:
    cursor = await driver.cursor()
    running = asyncio.create_task(cursor.execute(COUNTED.format(300_000) + " ORDER BY i DESC"))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await driver.interrupt()
    await cursor.close()
    async with driver.execute("SELECT 1") as other:
        assert await other.fetchone() == (1,)
