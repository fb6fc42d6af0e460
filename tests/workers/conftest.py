"""A bot at work, on either database.

What depends on the database alone has its tests in tests/store, on both. Here those of locks, leases and crashes run
on both (whole files, and tests marked `both_stores`), and of all other cases one in four on PostgreSQL and the others on
SQLite, which is cheaper; the long form of the tests runs each on both.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases import ReusedDatabase, opened_as, run_aside
from tests.form import LONG
from tests.make import Clock
from tests.models import Endpoint
from tests.workers.bench import Bench
from tests.workers.desk import BotHarness, InterruptibleDatabase, prepare, prepared_file

HERE = Path(__file__).parent
ON_BOTH = {
    "test_crash",
    "test_leases",
    "test_rollups",
    "test_together",
    "test_workers",
}
STORES = ("sqlite", "postgresql")
ON_POSTGRESQL = 4  # one case in so many
BEGUN = "begun"  # under which name PostgreSQL keeps what a bot has that has begun


def _elsewhere(item: pytest.Item) -> bool:
    """Whether this test runs on the other database."""
    if item.path.parent != HERE or not isinstance(item, pytest.Function):
        return False
    if item.path.stem in ON_BOTH or item.get_closest_marker("both_stores"):
        return False
    case = getattr(item, "callspec", None)
    store = case.params.get("store_url") if case is not None else None
    if case is None or store not in STORES:
        return False
    name = item.originalname + case.id.replace(store, "", 1)  # the same for both
    return bool(store != STORES[zlib.crc32(name.encode()) % ON_POSTGRESQL == 0])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one database a test."""
    if LONG:
        return
    left_out = [item for item in items if _elsewhere(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not _elsewhere(item)]


async def _begin(desk: BotHarness) -> None:
    await desk.begin("AI", "Space")


@pytest.fixture(scope="session")
def begun_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file of a bot that has begun, to be copied."""
    return prepared_file(migrated_file, tmp_path_factory.mktemp("begun"), _begin)


@pytest.fixture(scope="session")
def begun_database(reused_database: ReusedDatabase) -> ReusedDatabase:
    """The PostgreSQL database, which keeps the rows of a bot that has begun."""
    run_aside(prepare(reused_database.empty(), _begin))
    reused_database.keep(BEGUN)
    reused_database.empty()
    return reused_database


@pytest.fixture
def begun_url(store_url: str, request: pytest.FixtureRequest) -> str:
    """The database of a bot that has begun."""
    if store_url.startswith("postgres"):
        request.getfixturevalue("begun_database").fill(BEGUN)
    else:
        shutil.copyfile(request.getfixturevalue("begun_file"), store_url)
    return store_url


@pytest.fixture
async def desk(begun_url: str, clock: Clock) -> AsyncIterator[BotHarness]:
    """A bot that knows the topics AI and Space, and is past its source's first intake."""
    async with opened_as(begun_url, InterruptibleDatabase) as db:
        yield BotHarness(db, clock)


@pytest.fixture
async def fresh(store_url: str, clock: Clock) -> AsyncIterator[BotHarness]:
    """A bot that has never taken anything in."""
    async with opened_as(store_url, InterruptibleDatabase) as db:
        yield BotHarness(db, clock)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """The endpoint of a language model."""
    async with Endpoint().serving() as served:
        yield served


@pytest.fixture
async def bench(desk: BotHarness, endpoint: Endpoint) -> AsyncIterator[Bench]:
    """A bot with that model, whose day has two calls."""
    made = Bench(desk, endpoint, 2)
    await desk.follow()
    yield made
    await made.client.close()
