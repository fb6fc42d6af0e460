"""Fixtures that several folders of tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bot.store.database import Database
from tests.databases import new_database, opened, postgres
from tests.make import Clock

# No test may depend on how fast the machine is.
settings.register_profile("topicwire", deadline=None)
settings.load_profile("topicwire")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL server, started from a wheel; one for every process that runs tests."""
    with postgres() as url:
        yield url


@pytest.fixture
def clock() -> Clock:
    """The clock of a test."""
    return Clock()


@pytest.fixture
def db_url(tmp_path: Path) -> str:
    """Where a test's database is: a file of its own."""
    return str(tmp_path / "topicwire.db")


@pytest.fixture
async def db(db_url: str) -> AsyncIterator[Database]:
    """A migrated, empty database."""
    database = await Database.open(db_url)
    yield database
    await database.close()


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """An empty database of the PostgreSQL server."""
    async with new_database(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Where nothing is yet: a SQLite file, then a database on a real PostgreSQL."""
    fixture = {"sqlite": "db_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(fixture))


@pytest.fixture
async def stores(store_url: str) -> AsyncIterator[Database]:
    """A migrated, empty database: SQLite, then PostgreSQL. No connection may be left in use."""
    async with opened(store_url) as database:
        yield database
