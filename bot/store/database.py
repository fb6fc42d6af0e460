"""Opening the database: SQLite in a file (the default) or PostgreSQL, brought up to date first."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from enum import IntEnum, unique
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction, create_async_engine

from bot.errors import DatabaseAddressError, DatabaseLostError, DatabaseVersionError, StoreError
from bot.store import schema, sqlite_driver
from bot.store.checkout import Checkout

BUSY_SECONDS = 1  # that a statement waits for another program's lock; nothing, not even a stop, ends the wait
BUSY_TRIES = 30  # so it is repeated so often
SWITCH_TRIES = 10
# With write-ahead logging, a loss of power costs the last transactions at most, never the file.
SYNCHRONOUS = "NORMAL"
MIGRATIONS = Path(__file__).parent / "migrations"


@unique
class TransactionLock(IntEnum):
    """PostgreSQL's advisory locks that a transaction holds until its end. Any numbers of our own; `leases` has session locks beside them."""

    INTAKE = 0x70C1
    NOTICES = 0x70C2
    CLAIMS = 0x70C3


def normalise(url: str) -> str:
    """A SQLAlchemy URL from what a user writes: a file's path, `sqlite:///…`, `postgresql://…`."""
    if "://" not in url:
        return f"sqlite+aiosqlite:///{url}"
    scheme, rest = url.split("://", 1)
    drivers = {
        "sqlite": "sqlite+aiosqlite",
        "postgres": "postgresql+asyncpg",
        "postgresql": "postgresql+asyncpg",
    }
    return f"{drivers.get(scheme, scheme)}://{rest}"


def redact(url: str) -> str:
    """The URL without user, password and parameters, for messages and logs."""
    address, question, _ = url.partition("?") if "://" in url else (url, "", "")
    hidden = "?***" if question else ""
    before, at, place = address.rpartition("@")
    if not at or address.startswith(("/", ".", "~")):  # the latter are paths
        return address + hidden
    scheme, separator, _ = before.partition("://")
    return f"{scheme}://***@{place}{hidden}" if separator else f"***@{place}"


def revisions() -> list[str]:
    """The revisions that the code knows, in order: its numbered migrations. Read from their names, as Alembic loads slowly."""
    return sorted(path.stem.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def newest_revision() -> str:
    """The revision that the code needs."""
    return revisions()[-1]


# Words of an error after which nothing more can be stored until a person restores the database.
_LOST = ("malformed", "not a database", "file is encrypted")

# Words of an error, and what the user can do about it.
_HINTS = {
    "is full": "free some disk space; no stored data is lost",
    "No space left": "free some disk space; no stored data is lost",
    "not a database": "the file is not a database; choose another path in database.url",
    "malformed": "the file is damaged; restore a backup",
    "File exists": "part of the path is a file, not a directory; choose another path in database.url",
    "Not a directory": "part of the path is a file, not a directory; choose another path in database.url",
    "denied": "give the bot's user permission to write there",
    "no such table": "part of the database is missing; restore a backup",
    "no such module": "search needs SQLite with FTS5; run the bot with a Python that includes it",
    "unable to open": "create its directory, or choose another path in database.url",
    "readonly": "give the bot's user permission to write to the file and its directory",
    "locked": "another program is using it; check whether a second bot is running",
    'relation "': "part of the database is missing; restore a backup",
    "does not exist": "create it in PostgreSQL, or correct database.url",
    "authentication failed": "correct the user name and password in database.url",
    "Connect call failed": "check that PostgreSQL is running there",
    "No such file": "check the path; if it is the socket of PostgreSQL, check that PostgreSQL is running there",
    "not known": "check the host name in database.url",
    "closed": "the next try opens a new connection",
    "terminating": "the next try opens a new connection",
}


# What is to blame on the disk, the server, the network or a permission, and not on a statement of ours.
# SQLite's primary result codes, see https://sqlite.org/rescode.html.
_SQLITE_OUTSIDE = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOTADB,
    }
)
# The codes of a missing table are those of a faulty statement. Where the table is one of ours, the statement is right.
_MISSING_TABLE = re.compile(r"no such table: (?:main\.)?(\w+)|relation \"(\w+)\" does not exist")
# PostgreSQL's classes of errors, and single ones, see https://www.postgresql.org/docs/current/errcodes-appendix.html.
_POSTGRESQL_OUTSIDE = (
    "08",  # connection exception
    "25006",  # read-only transaction, as on a standby
    "28",  # authorization
    "3D",  # no such database
    "40",  # rolled back: deadlock, serialization
    "42501",  # insufficient privilege
    "53",  # insufficient resources
    "55",  # object not in the state for it: in use, locked
    "57",  # operator intervention: shutdown, cancelled
    "58",  # system error: I/O
    "F0",  # configuration file
    "XX",  # internal error: data corrupted
)


def _outside(error: Exception) -> bool:
    """Whether the driver raised it, and the disk, the server, the network or a permission is to blame."""
    if not isinstance(error, exc.DBAPIError):
        # Up to SQLAlchemy 2.0, what asyncpg raises while it connects comes through as it is.
        return type(error).__module__.startswith("asyncpg.")
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_OUTSIDE or "no such module" in str(error.orig) or _lacks_table(error)
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_POSTGRESQL_OUTSIDE) or _lacks_table(error)
    return error.connection_invalidated or isinstance(error, exc.OperationalError)


def _lacks_table(error: exc.DBAPIError) -> bool:
    """Whether the database has lost a table that the schema has."""
    missing = _MISSING_TABLE.search(str(error.orig))
    return missing is not None and (missing[1] or missing[2]) in schema.metadata.tables


@contextmanager
def _reaching() -> Iterator[None]:
    """What keeps the driver from reaching the database becomes an error of the driver, whatever raised it."""
    try:
        yield
    except (OSError, exc.InterfaceError) as error:
        raise exc.OperationalError(None, None, error) from error


def _of_the_driver(context: Any) -> Exception | None:
    """What SQLAlchemy raises for an error in the middle of a statement: a disk's or a socket's is the driver's."""
    error = context.original_exception
    return exc.OperationalError(context.statement, None, error) if isinstance(error, OSError) else None


def hint_of(error: str) -> str:
    """What the user can do about an error of the database. Says nothing of the machine, not even the database's address."""
    return next((hint for sign, hint in _HINTS.items() if sign in error), "the log contains the full error")


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Database errors that a user can do something about, said so."""
    try:
        yield
    except Exception as error:
        if not _outside(error):
            raise
        detail = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        detail = detail.splitlines()[0]
        hint = hint_of(detail)
        kind = DatabaseLostError if any(sign in detail for sign in _LOST) else StoreError
        raise kind(
            f"the database {redact(url)} cannot be used: {detail}. {hint[0].upper()}{hint[1:]}."
        ) from error


def _nobody(_: StoreError | None) -> None:
    """Nobody watches, as on the command line."""


class Database:
    """Reads and writes in transactions. Make it with `Database.open`; call `close` at the end."""

    def __init__(self, engine: AsyncEngine, url: str, direct: AsyncEngine | None = None) -> None:
        self._engine = engine
        self._direct = direct or engine  # for connections that keep a session, see `dedicated`
        self._url = url
        self._file = file_of(engine.url)
        self._identity: tuple[int, int] | None = None  # device and inode of the file when it was opened
        self._checkouts: set[Checkout] = set()  # until their connections are back in the pool
        self._watcher: Callable[[StoreError | None], None] = _nobody

    @classmethod
    async def open(
        cls, url: str, *, guarded: bool = False, direct_url: str = "", session_name: str = ""
    ) -> Self:
        """Connect, make what is missing, and migrate. Raises StoreError with what to do.

        With a `direct_url`, `url` leads to a pooler such as PgBouncer, which gives each transaction another session of
        PostgreSQL, and `direct_url` to PostgreSQL itself. `session_name` is how PostgreSQL names the sessions.

        A `guarded` SQLite file leaves a marker beside it. Where the marker is there and the file is not, all
        subscriptions are gone; then DatabaseLostError is raised rather than an empty database made.
        """
        if guarded:
            _check_marker(url)
        try:
            with _told(url):
                engine = _engine(
                    sa.make_url(normalise(url)), session_name=session_name, is_pooled=bool(direct_url)
                )
                direct = (
                    _engine(sa.make_url(normalise(direct_url)), session_name=session_name)
                    if direct_url
                    else None
                )
        except ModuleNotFoundError as error:
            raise DatabaseAddressError(
                f"the database {redact(url)} needs a driver. Run pip install '.[postgres]' in Topicwire's directory."
            ) from error
        except (exc.ArgumentError, ValueError) as error:
            raise DatabaseAddressError(
                f"database.url {redact(url)!r} is not valid: write a file's path, sqlite:///data/topicwire.db "
                "or postgresql://user:password@host/database"
            ) from error
        database = cls(engine, url, direct)
        try:
            with _told(url):
                await database._migrate()
        except BaseException:
            await database.close()
            raise
        if database._file is not None:
            database._identity = _identity(database._file)
            if guarded:
                marker(database._file).write_text(_MARKER.format(name=database._file.name), encoding="utf-8")
        return database

    @classmethod
    async def open_if_current(cls, url: str) -> Self | None:
        """Open the database as it is; None where it is not there, cannot be reached or is of another version."""
        try:
            parsed_url = sa.make_url(normalise(url))
            if not _may_be_there(parsed_url):
                return None
            engine = _engine(parsed_url)
        except (ModuleNotFoundError, exc.ArgumentError, ValueError):
            return None
        database = cls(engine, url)
        try:
            async with database.read() as connection:
                if await connection.run_sync(read_revision) == newest_revision():
                    return database
        except StoreError:
            pass
        await database.close()
        return None

    @classmethod
    def open_as_is(cls, url: str) -> Self:
        """The database as it is, of any revision, for looking at it. Raises StoreError if there is none to be opened."""
        try:
            parsed_url = sa.make_url(normalise(url))
            if not _may_be_there(parsed_url):
                raise StoreError(f"the database {redact(url)} does not exist. Name it with --db or --config.")
            return cls(_engine(parsed_url, write_ahead=False), url)
        except (ModuleNotFoundError, exc.ArgumentError, ValueError) as error:
            reason = (
                "its driver is missing"
                if isinstance(error, ModuleNotFoundError)
                else "it is no valid address"
            )
            raise StoreError(f"the database {redact(url)} cannot be used: {reason}.") from error

    async def close(self) -> None:
        """Return all connections, also those whose tasks were cancelled or forgotten, and close them."""
        await asyncio.gather(*[checkout.end() for checkout in self._checkouts], return_exceptions=True)
        await self._engine.dispose()
        await self._direct.dispose()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @property
    def engine(self) -> AsyncEngine:
        """The engine below, for checks of the schema and of leaked connections."""
        return self._engine

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection, which is returned even if the task is cancelled at any point, or becomes garbage."""
        async with Checkout(self._engine.connect(), self._checkouts) as checkout:
            with _reaching():
                connection = await checkout.connect()
            yield connection

    def watch(self, watcher: Callable[[StoreError | None], None]) -> None:
        """Have `watcher` called with the error after each transaction that fails because of the database, and with None after a write."""
        self._watcher = watcher

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self._watcher(error)
            raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent look at the data."""
        with self._watched(), _told(self._url):
            self._check_present()
            async with self._connected() as connection:
                if self.dialect == "postgresql":  # where each statement would see another moment
                    await connection.execution_options(isolation_level="REPEATABLE READ")
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: all of it is stored, or nothing."""
        with self._watched(), _told(self._url):
            self._check_present()
            async with self._connected() as connection:
                await connection.execution_options(writes=True)
                transaction = await _begun(connection)
                yield connection  # after an error, returning the connection rolls back
                try:
                    await transaction.commit()
                except exc.IntegrityError:
                    # SQLite keeps a transaction that it refuses to commit, and SQLAlchemy takes it for ended.
                    await connection.run_sync(lambda sync: sync.connection.rollback())
                    raise
        self._watcher(None)

    def intake(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A write transaction of which there is one at a time: numbers are given out in it, and times in order."""
        return self._one_at_a_time(TransactionLock.INTAKE)

    def claiming(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A write transaction that claims messages, one at a time.

        Of two at once, one would not see what the other puts on the shelf, and would set the channel's next check ten minutes ahead.
        """
        return self._one_at_a_time(TransactionLock.CLAIMS)

    @asynccontextmanager
    async def _one_at_a_time(self, lock: TransactionLock) -> AsyncIterator[AsyncConnection]:
        async with self.write() as connection:
            await take(connection, lock)
            yield connection

    def telling(self) -> AbstractContextManager[None]:
        """Errors of the database become StoreError in the block, as far as a person can do something about them."""
        return _told(self._url)

    @asynccontextmanager
    async def dedicated(self) -> AsyncIterator[AsyncConnection]:
        """A connection with a session of its own in PostgreSQL: each statement is a transaction, and what belongs to the
        session, such as a lock or a channel that it listens to, ends with the block. What is done with it elsewhere than in
        the block is done in `telling`.
        """
        with self.telling():
            async with Checkout(self._direct.connect(), self._checkouts) as checkout:
                with _reaching():
                    connection = await checkout.connect()
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                try:
                    yield connection
                finally:
                    await connection.invalidate()  # closed rather than given back to the pool

    def _check_present(self) -> None:
        """Raise DatabaseLostError where the file is gone or another: what is stored from now on would be lost."""
        if self._identity is not None and self._file is not None and _identity(self._file) != self._identity:
            raise DatabaseLostError(
                f"the database {self._file} was deleted or replaced while Topicwire was running. Restore it, then start "
                "Topicwire again."
            )

    async def _migrate(self) -> None:
        supported = revisions()
        newest = supported[-1]
        async with self._connected() as connection:
            stored_revision = await connection.run_sync(read_revision)
        if stored_revision == newest:
            return
        if stored_revision is not None and stored_revision > newest:
            raise DatabaseVersionError(
                f"the database {redact(self._url)} was created by a newer Topicwire (revision {stored_revision}; this version supports {newest}). "
                "Update Topicwire, or use another database."
            )
        if stored_revision is not None and stored_revision not in supported:
            raise DatabaseVersionError(
                f"the database {redact(self._url)} was created before version 0.1.0 (revision {stored_revision}). This version cannot "
                "read it: use another database, or delete this one."
            )
        async with self.write() as connection:
            # Two processes that start at once migrate one after the other.
            await take(connection, TransactionLock.INTAKE)
            await connection.run_sync(_upgrade)


async def take(connection: AsyncConnection, lock: TransactionLock) -> None:
    """Wait for other transactions that have the lock. On SQLite, one transaction writes at a time anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(int(lock))))


async def _begun(connection: AsyncConnection) -> AsyncTransaction:
    """Begin a transaction. While another program holds the lock, try again; between two tries a stop can end it."""
    for tries_left in reversed(range(BUSY_TRIES)):
        try:
            return await connection.begin()
        except exc.OperationalError as error:
            await connection.rollback()  # SQLAlchemy counts the attempt as a transaction
            if "database is locked" not in str(error) or not tries_left:
                raise
    raise AssertionError("unreachable")


def marker(file: Path) -> Path:
    """Where it is noted that there is a database."""
    return file.with_name(f"{file.name}-exists")


_MARKER = """Topicwire keeps its database in {name}, next to this file. If it is lost, restore a backup.
To start with an empty database, delete this file.
"""


def _check_marker(url: str) -> None:
    try:
        file = file_of(sa.make_url(normalise(url)))
    except (exc.ArgumentError, ValueError):
        return  # what is wrong with it is said where it is opened
    if file is not None and marker(file).exists() and (not file.exists() or not file.stat().st_size):
        raise DatabaseLostError(
            f"the database {file} is missing, although Topicwire has used it before. Restore a backup. To start with "
            f"an empty database, delete {marker(file)}."
        )


def file_of(url: sa.URL) -> Path | None:
    """The file of a SQLite database; None of one in memory or on a server."""
    if not url.drivername.startswith("sqlite") or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _may_be_there(url: sa.URL) -> bool:
    """False where connecting would make a file."""
    return not url.drivername.startswith("sqlite") or bool(url.database and Path(url.database).is_file())


def _no_name() -> str:
    return ""


# Behind a pooler, the next transaction may run in another session, which knows no statement that was prepared in this one.
# A statement without a name lives until the next one, so nothing has to be deallocated.
_UNPREPARED = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": _no_name,
}


def _engine(
    url: sa.URL, *, write_ahead: bool = True, session_name: str = "", is_pooled: bool = False
) -> AsyncEngine:
    """The engine of a database. `write_ahead` switches a SQLite file to write-ahead logging, which changes it.

    `session_name` and `is_pooled` are of PostgreSQL, see `Database.open`.
    """
    # What the store builds of the data and keeps until it changes, by name.
    options: dict[str, dict[str, Any]] = {"kept": {}}
    if url.drivername == "postgresql+asyncpg":
        arguments: dict[str, Any] = _UNPREPARED if is_pooled else {}
        if session_name:
            arguments = {**arguments, "server_settings": {"application_name": session_name}}
        engine = create_async_engine(
            url, pool_pre_ping=True, execution_options=options, connect_args=arguments
        )
        event.listen(engine.sync_engine, "handle_error", _of_the_driver)
        return engine
    if url.drivername != "sqlite+aiosqlite":
        raise exc.ArgumentError(f"{url.drivername} is not supported")
    if url.database and url.database != ":memory:":
        with _reaching():
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    connect_args = {"timeout": BUSY_SECONDS, "async_creator_fn": sqlite_driver.connect}
    engine = create_async_engine(url, connect_args=connect_args, execution_options=options)

    event.listen(engine.sync_engine, "handle_error", _of_the_driver)

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver would begin transactions at the first write only; we say when, in `begun`.
        connection.isolation_level = None
        cursor = connection.cursor()
        try:
            if write_ahead:
                _write_ahead(cursor)
            for pragma in (
                "foreign_keys=ON",
                f"synchronous={SYNCHRONOUS}",
                f"busy_timeout={BUSY_SECONDS * 1000}",
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            connection.close()  # nobody else would: the pool takes it only after this
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # A write takes its lock at once: a read that turns into a write could only fail.
        connection.exec_driver_sql(
            "BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN"
        )

    return engine


def _write_ahead(cursor: Any) -> None:
    """Switch to write-ahead logging, which the file remembers.

    Of two processes that make the file at once each can wait for the other. Then SQLite tells one of
    them at once that the file is locked; once that one lets go, the other goes on.
    """
    for tries_left in reversed(range(SWITCH_TRIES)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or not tries_left:
                raise


def read_revision(connection: sa.Connection) -> str | None:
    """The revision of the schema; None of a database in which Topicwire has made nothing."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    number: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return number


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
