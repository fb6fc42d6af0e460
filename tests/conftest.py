"""Fixtures that several folders of tests share."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bot.store.database import Database
from tests.databases import (
    MIGRATED,
    MigratedFile,
    ReusedDatabase,
    named,
    new_database,
    opened,
    postgres,
    run_statements_here,
    run_statements_in_threads,
    share_what_engines_need,
)
from tests.form import LONG, sized
from tests.make import Clock
from tests.processor_time import ProcessorTime

# No test may depend on how fast the machine is. `gate` draws the same examples on every run; `make fuzz` takes
# `search`, which draws new ones for longer.
settings.register_profile("gate", deadline=None, derandomize=True, max_examples=sized(15, long=40))
settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


@pytest.hookimpl(optionalhook=True)  # pytest-xdist may be absent
def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores: now and then a test waits for a database or a socket.

    Each process imports everything, collects all tests and starts a PostgreSQL server.
    """
    return (os.cpu_count() or 1) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option of our own."""
    parser.addoption("--cpu", action="store_true", help="say which tests take the processor, and how long")


def pytest_configure(config: pytest.Config) -> None:
    """Measure if asked to."""
    if config.getoption("--cpu"):
        config.pluginmanager.register(ProcessorTime())


gc.disable()  # imports and collecting make a million objects that stay: no look for garbage among them, now or later


def pytest_collection_finish(session: pytest.Session) -> None:
    """From here on there is garbage again. It is looked for rarely: tests leave little, and each look costs."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look for what tests left once: pytest does so five times after this, and need not go through everything again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MigratedFile]:
    """Statements are compiled once for all tests, and migrations run once."""
    template = MigratedFile(tmp_path_factory.mktemp("migrated"))
    with pytest.MonkeyPatch.context() as patch:
        share_what_engines_need(patch, template)
        yield template


@pytest.fixture(scope="session", autouse=True)
def statements_here() -> Iterator[None]:
    """In the short form SQLite's statements run in the thread of the test, except in tests with `threads`."""
    with pytest.MonkeyPatch.context() as patch:
        if not LONG:
            run_statements_here(patch)
        yield


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection to SQLite runs its statements in its thread, as it does for users."""
    run_statements_in_threads(monkeypatch)


@pytest.fixture
def migrations(migrated: MigratedFile) -> Iterator[None]:
    """Migrations make the databases of a test, as they do for users."""
    with migrated.switched_off():
        yield


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
async def db(sqlite_url: str) -> AsyncIterator[Database]:
    """A migrated, empty database."""
    database = await Database.open(sqlite_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def migrated_file(migrated: MigratedFile) -> Path:
    """A migrated SQLite file, to be copied."""
    return migrated.make()


@pytest.fixture
async def empty_postgres(postgres_server: str) -> AsyncIterator[str]:
    """A database of the PostgreSQL server in which nothing is."""
    async with new_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def reused_database(postgres_server: str) -> Iterator[ReusedDatabase]:
    """The migrated database of the PostgreSQL server. In the short form its connections stay from test to test."""
    database = ReusedDatabase(named(postgres_server, MIGRATED))
    with pytest.MonkeyPatch.context() as patch:
        if not LONG:
            database.kept.share(patch)
        yield database
    database.close()


@pytest.fixture
def postgres_url(reused_database: ReusedDatabase) -> str:
    """The migrated database of the PostgreSQL server, emptied."""
    return reused_database.empty()


@pytest.fixture
def sqlite_url(db_url: str, migrated_file: Path) -> str:
    """A migrated, empty SQLite file."""
    shutil.copy(migrated_file, db_url)
    return db_url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Where nothing is yet: a SQLite file, then a database on a real PostgreSQL."""
    fixture = {"sqlite": "db_url", "postgresql": "empty_postgres"}[request.param]
    return str(request.getfixturevalue(fixture))


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Where a migrated, empty database is: a SQLite file, then one on a real PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(fixture))


@pytest.fixture
async def stores(store_url: str) -> AsyncIterator[Database]:
    """A migrated, empty database: SQLite, then PostgreSQL. No connection may be left in use."""
    async with opened(store_url) as database:
        yield database
