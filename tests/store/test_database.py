"""Opening the database, its errors in a user's words, and what a transaction is."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import QueuePool

from bot.errors import DatabaseLostError, StoreError
from bot.store import schema, sources, sqlite_driver
from bot.store.database import Database, marker, newest_revision, normalise, redact
from tests.databases import new_database, opened
from tests.make import START, record
from tests.store.store_helpers import all_sources, take

pytestmark = pytest.mark.usefixtures("threads")

NOBODY = 65534
PATIENCE = 30  # seconds, for a thread that never ends


async def keep(db: Database, name: str) -> None:
    """Store something small."""
    async with db.write() as connection:
        await sources.ensure(connection, name, "test")


async def kept(db: Database) -> list[str]:
    """What was stored by `keep`."""
    async with db.read() as connection:
        return [source.name for source in await all_sources(connection)]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Everything that any database is told meanwhile."""
    told: list[str] = []

    def tell(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        told.append(statement)

    event.listen(Engine, "before_cursor_execute", tell)
    yield told
    event.remove(Engine, "before_cursor_execute", tell)


# Migrations.


# Indexes that SQLAlchemy cannot read back from SQLite, and that PostgreSQL has in other words. The test of the indexes'
# conditions compares them.
OF_EXPRESSIONS = ("ix_outbox_ready", "ix_outbox_shelved")


def of_the_schema(name: str | None, kind: str, _parents: Any) -> bool:
    """False for the index of words: each database has a table of its own kind, FTS5 with others behind it."""
    return kind != "table" or not str(name).startswith("search")


@pytest.mark.filterwarnings("ignore:.*expression-based index")
async def test_a_fresh_database_is_what_the_schema_says(stores: Database) -> None:
    def is_comparable(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
        return kind != "index" or name not in OF_EXPRESSIONS

    def compare(connection: sa.Connection) -> list[Any]:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_name": of_the_schema,
            "include_object": is_comparable,
        }
        found: list[Any] = compare_metadata(
            MigrationContext.configure(connection, opts=options), schema.metadata
        )
        return found

    async with stores.read() as connection:
        assert await connection.run_sync(compare) == []
        assert (
            await connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == newest_revision()
        )


async def test_opening_again_looks_and_does_nothing(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(store_url) as db:
        await keep(db, "one")
    monkeypatch.setitem(sys.modules, "alembic", None)  # so that nothing can migrate
    with statements() as told:
        async with opened(store_url):
            pass
    assert all(text.lstrip().lower().startswith(("select", "pragma", "show", "begin")) for text in told)
    assert not any("immediate" in text.lower() for text in told)
    assert len(told) < 12
    async with opened(store_url) as db:
        assert await kept(db) == ["one"]


@pytest.mark.usefixtures("migrations")
async def test_several_processes_that_start_at_once_make_one_database(empty_url: str) -> None:
    opening = [Database.open(empty_url) for _ in range(6)]
    found = await asyncio.gather(*opening)
    await asyncio.gather(*(keep(db, f"source {number}") for number, db in enumerate(found)))
    assert len(await kept(found[0])) == 6
    await asyncio.gather(*(db.close() for db in found))


REFUSED = {
    "9999": r"created by a newer Topicwire \(revision 9999; .*Update Topicwire",
    "0011": r"created before version 0\.1\.0 \(revision 0011\)\. .*use another database",
}


async def test_a_database_of_a_newer_topicwire_or_of_before_the_first_version_is_refused_and_left_alone(
    stores: Database, store_url: str
) -> None:
    async def set_revision(revision: str) -> None:
        async with stores.write() as connection:
            await connection.execute(
                sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
            )

    await keep(stores, "one")
    try:
        for revision, words in REFUSED.items():
            await set_revision(revision)
            with pytest.raises(StoreError, match=words):
                await Database.open(store_url)
            assert await kept(stores) == ["one"], revision
            async with stores.read() as connection:
                stored = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            assert stored == revision
    finally:
        await set_revision(newest_revision())  # PostgreSQL's is for other tests as well


async def test_the_database_itself_refuses_what_makes_no_sense(stores: Database) -> None:
    await take(stores, record("Ferry stopped by fog"))
    for broken in (
        "UPDATE stories SET lead_id = 999",
        "UPDATE stories SET merged_into = 999",
        "UPDATE records SET type = 'song'",
        "UPDATE records SET story = 999",
    ):
        with pytest.raises(IntegrityError):
            async with stores.write() as connection:
                await connection.execute(sa.text(broken))
        async with stores.read() as connection:
            assert await connection.scalar(sa.text("SELECT type FROM records")) == "article", broken


@pytest.mark.filterwarnings("ignore:.*expression-based index")
async def test_conditions_of_indexes_and_columns_are_as_the_schema_says(
    stores: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What `compare_metadata` does not compare."""

    def index_of(index: Any) -> str:
        options = {name: str(value) for name, value in index.pop("dialect_options", {}).items()}
        return f"{index} {options}"

    def described(connection: sa.Connection) -> dict[str, Any]:
        inspector = sa.inspect(connection)
        indexes = {
            "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name NOT LIKE 'search%'",
            "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        }[connection.dialect.name]
        rows = connection.execute(sa.text(indexes)).all()
        expressions = {name: sql for name, sql in rows if name in OF_EXPRESSIONS}
        assert len(expressions) == len(OF_EXPRESSIONS)
        return expressions | {
            name: (
                sorted(map(index_of, inspector.get_indexes(name))),
                sorted(map(str, inspector.get_check_constraints(name))),
                sorted(map(str, inspector.get_foreign_keys(name))),
            )
            for name in schema.metadata.tables
        }

    async with stores.read() as connection:
        migrated = await connection.run_sync(described)
    async with AsyncExitStack() as stack:
        plain_url = str(tmp_path / "plain.db")
        if stores.dialect == "postgresql":
            server: str = request.getfixturevalue("postgres_server")
            plain_url = await stack.enter_async_context(new_database(server))
        engine = create_async_engine(normalise(plain_url))
        async with engine.begin() as connection:
            await connection.run_sync(schema.metadata.create_all)
            plain = await connection.run_sync(described)
        await engine.dispose()
    assert plain == migrated


# Addresses.


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("data/x.db", "sqlite+aiosqlite:///data/x.db"),
        ("/data/x.db", "sqlite+aiosqlite:////data/x.db"),
        ("sqlite:///data/x.db", "sqlite+aiosqlite:///data/x.db"),
        ("postgres://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("postgresql://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("postgresql+asyncpg://u@h/d", "postgresql+asyncpg://u@h/d"),
    ],
)
def test_an_address_as_a_user_writes_it(written: str, meant: str) -> None:
    assert normalise(written) == meant


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@host/db",
        "postgresql://me:s3cret@host:5432/db?ssl=require",
        "postgresql://me:p@s3cret@host/db",
        "postgresql://me:a/s3cret@host/db",
        "postgresql://host/db?user=me&password=s3cret",
        "postgresql://host/db?password=s3cret&user=me",
        "postgresql+asyncpg://:s3cret@/db?host=/run",
    ],
)
def test_no_password_is_shown(url: str) -> None:
    shown = redact(url)
    assert "s3cret" not in shown
    assert "***" in shown
    assert shown.startswith("postgresql")
    assert "db" in shown


@pytest.mark.parametrize(
    "url", ["x.db", "/srv/a:b@c/x.db", "a?b.db", "sqlite:///x.db", "postgresql://host:5432/db"]
)
def test_an_address_without_a_password_is_shown_whole(url: str) -> None:
    assert redact(url) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nosuch://host/db", "is not valid"),
        ("mysql://host/db", "is not valid"),
        ("postgresql+pg8000://host/db", "is not valid"),
        ("postgresql://me:s3cret@host:port/db", "is not valid"),
        ("://", "is not valid"),
    ],
)
async def test_an_address_that_means_nothing_says_what_is_allowed(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=f"{words}.*sqlite:///.*postgresql://") as told:
        await Database.open(url)
    assert "s3cret" not in str(told.value)


async def test_a_missing_driver_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(StoreError, match=r"needs a driver. Run pip install '\.\[postgres\]'") as told:
        await Database.open("postgresql://me:s3cret@host/db")
    assert "s3cret" not in str(told.value)


async def test_a_postgresql_that_is_not_there_is_named_without_its_password() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match=r"Check that PostgreSQL is running there") as told:
            await Database.open(f"postgresql://me:s3cret@127.0.0.1:{port}/db")
    assert "127.0.0.1" in str(told.value)
    assert "s3cret" not in str(told.value)


async def test_a_postgresql_without_the_database_or_the_user_says_so(postgres_server: str) -> None:
    server = sa.make_url(postgres_server)
    for url, what in (
        (server.set(database="nosuch"), "nosuch"),
        (server.set(username="stranger"), "stranger"),
    ):
        with pytest.raises(StoreError, match=f'"{what}" does not exist. Create it in PostgreSQL, or correct'):
            await Database.open(url.render_as_string(hide_password=False))


async def test_a_postgresql_in_which_nothing_may_be_made_says_so(empty_postgres: str) -> None:
    user = f"reader_of_{sa.make_url(empty_postgres).database}"
    engine = create_async_engine(normalise(empty_postgres))
    async with engine.begin() as connection:
        await connection.execute(sa.text(f"CREATE ROLE {user} LOGIN"))
    url = sa.make_url(empty_postgres).set(username=user)
    with pytest.raises(
        StoreError,
        match=r"permission denied for schema public. Give the bot.s user permission to write there",
    ):
        await Database.open(url.render_as_string(hide_password=False))
    async with engine.begin() as connection:
        await connection.execute(sa.text(f"DROP ROLE {user}"))
    await engine.dispose()


# Files.


async def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    async with opened(str(tmp_path / "some" / "where" / "x.db")) as db:
        assert await kept(db) == []


@pytest.mark.usefixtures("migrations")
async def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.touch()
    async with opened(str(path)) as db:
        assert await kept(db) == []


async def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes. " * 1000)
    with pytest.raises(StoreError, match=r"notes\.txt cannot be used.*choose another path in database\.url"):
        await Database.open(str(path))
    assert path.read_text() == "These are my notes. " * 1000
    assert [child.name for child in tmp_path.iterdir()] == ["notes.txt"]


async def test_a_file_that_is_refused_is_let_go(tmp_path: Path) -> None:
    """Each connection to SQLite has a thread, which would outlive the program."""
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes. " * 1000)
    before = set(threading.enumerate())
    with pytest.raises(StoreError):
        await Database.open(str(path))
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
        assert not thread.is_alive()


async def test_a_damaged_database_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with opened(str(path)) as db:
        await keep(db, "one")
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 4000 + content[4100:])
    with pytest.raises(StoreError, match=r"restore a backup|Restore a backup"):
        await Database.open(str(path))


async def test_damage_that_shows_while_the_bot_runs_needs_a_person(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with opened(str(path)) as db:
        await keep(db, "one")
        await db.engine.dispose()
        content = path.read_bytes()
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
        with pytest.raises(DatabaseLostError, match=r"restore a backup|Restore a backup"):
            await kept(db)


@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_a_file_that_is_deleted_or_replaced_while_the_bot_runs_is_noticed(
    tmp_path: Path, how: str
) -> None:
    path = tmp_path / "x.db"
    async with opened(str(path)) as db:
        await keep(db, "one")
        if how == "replaced":
            shutil.copy(path, tmp_path / "copy.db")
            (tmp_path / "copy.db").replace(path)
        else:
            path.unlink()
        for use in (kept(db), keep(db, "two")):
            with pytest.raises(
                DatabaseLostError, match=r"x\.db was deleted or replaced while Topicwire was running"
            ):
                await use


@pytest.mark.parametrize("loss", ["deleted", "emptied"])
async def test_a_guarded_database_that_is_gone_is_not_made_anew(tmp_path: Path, loss: str) -> None:
    path = tmp_path / "x.db"
    db = await Database.open(str(path), guarded=True)
    await keep(db, "one")
    await db.close()
    backup = path.read_bytes()
    for file in tmp_path.glob("x.db*"):
        if file != marker(path):
            file.unlink()
    if loss == "emptied":
        path.touch()
    with pytest.raises(
        DatabaseLostError, match=r"x.db is missing, .* Restore a backup\. .* delete .*x.db-exists"
    ):
        await Database.open(str(path), guarded=True)
    path.write_bytes(backup)
    restored = await Database.open(str(path), guarded=True)
    assert await kept(restored) == ["one"]
    await restored.close()
    path.unlink()
    marker(path).unlink()
    anew = await Database.open(str(path), guarded=True)
    assert await kept(anew) == []
    await anew.close()


async def test_a_write_that_waits_for_another_program_can_be_stopped(db_url: str) -> None:
    async with opened(db_url) as db:
        with closing(sqlite3.connect(db_url, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.ensure_future(keep(db, "one"))
            await asyncio.wait([waiting], timeout=0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            other.execute("ROLLBACK")
        assert await kept(db) == []


async def test_closing_waits_for_a_connection_that_a_cancelled_task_is_returning(
    stores: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    returning, may_return = asyncio.Event(), asyncio.Event()
    close = AsyncConnection.close

    async def late(connection: AsyncConnection) -> None:
        returning.set()
        await may_return.wait()
        await close(connection)

    async def read() -> None:
        async with stores.read() as connection:
            await connection.execute(sa.text("SELECT 1"))

    pool = stores.engine.pool
    assert isinstance(pool, QueuePool)
    monkeypatch.setattr(AsyncConnection, "close", late)
    reading = asyncio.ensure_future(read())
    await returning.wait()
    reading.cancel()
    [error] = await asyncio.gather(reading, return_exceptions=True)
    assert isinstance(error, asyncio.CancelledError)
    assert pool.checkedout() == 1
    closing = asyncio.ensure_future(stores.close())
    await asyncio.sleep(0)
    may_return.set()
    await closing
    assert pool.checkedout() == 0


async def test_a_write_that_is_cancelled_while_it_reads_leaves_no_lock(stores: Database) -> None:
    """SQLite keeps the lock of a closed connection as long as a traceback holds one of its statements."""
    reading = asyncio.Event()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "UNION" in statement:
            reading.set()

    event.listen(stores.engine.sync_engine, "before_cursor_execute", note)

    async def read_in_a_write() -> None:
        async with stores.write() as connection:
            await connection.execute(sa.text("SELECT 1 UNION ALL SELECT 2"))

    writing = asyncio.ensure_future(read_in_a_write())
    await reading.wait()
    writing.cancel()
    [error] = await asyncio.gather(writing, return_exceptions=True)
    assert isinstance(error, asyncio.CancelledError)
    await keep(stores, "one")
    assert await kept(stores) == ["one"]


async def test_a_path_below_a_file_and_a_path_that_is_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "x.db", tmp_path / "file" / "below" / "x.db", tmp_path):
        with pytest.raises(StoreError, match=r"choose another path in database\.url"):
            await Database.open(str(place))


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom permissions bind: root is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def bound(path: Path, mode: int) -> Iterator[None]:
    """A file or folder with other permissions."""
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that any user gets to: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="topicwire-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_a_folder_that_cannot_be_written_is_named(public: Path, db: Database) -> None:
    with bound(public, 0o555), unprivileged():
        with pytest.raises(StoreError, match=r"x.db cannot be used: .*(choose another path|write there)"):
            await Database.open(str(public / "below" / "x.db"))
    assert await kept(db) == []


async def test_a_database_that_cannot_be_written_says_so_and_keeps_what_it_has(public: Path) -> None:
    path = public / "x.db"
    async with opened(str(path)) as db:
        await keep(db, "one")
    with bound(public, 0o777), bound(path, 0o444), unprivileged():
        with pytest.raises(StoreError, match="write to the file and its directory"):
            async with opened(str(path)) as db:
                await keep(db, "two")
    async with opened(str(path)) as db:
        assert await kept(db) == ["one"]


async def test_a_full_disk_loses_nothing_that_was_stored(db_url: str) -> None:
    async with opened(db_url) as db:
        await keep(db, "before")
        async with db.read() as connection:
            pages = await connection.scalar(sa.text("PRAGMA page_count"))
        await db.engine.dispose()
        limit = {"pages": pages + 1}

        @event.listens_for(db.engine.sync_engine, "connect")
        def full(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA max_page_count={limit['pages']}")
            cursor.close()

        with pytest.raises(StoreError, match=r"full. Free some disk space; no stored data is lost"):
            async with db.write() as connection:
                for number in range(100):
                    await sources.ensure(connection, f"source {number} {'x' * 1000}", "test")
        assert await kept(db) == ["before"]
        await db.engine.dispose()
        limit["pages"] = pages + 1000  # somebody freed some
        await keep(db, "after")
        assert await kept(db) == ["before", "after"]


async def test_a_database_that_another_program_holds_says_so(db_url: str) -> None:
    async with opened(db_url) as db:

        @event.listens_for(db.engine.sync_engine, "connect")
        def impatient(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA busy_timeout=0")
            cursor.close()

        await db.engine.dispose()
        with closing(sqlite3.connect(db_url, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match=r"another program is using it|Another program is using it"):
                await keep(db, "one")
            assert await kept(db) == []  # reading goes on
            other.execute("ROLLBACK")
        await keep(db, "one")


async def test_a_connection_that_breaks_is_told_and_the_next_one_works(postgres_url: str) -> None:
    async with opened(postgres_url) as db, opened(postgres_url) as other:
        await keep(db, "before")
        with pytest.raises(StoreError, match="cannot be used"):
            async with db.write() as connection:
                await sources.ensure(connection, "lost", "test")
                number = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
                async with other.write() as killing:
                    await killing.execute(sa.select(sa.func.pg_terminate_backend(number)))
                await sources.ensure(connection, "lost too", "test")
        assert await kept(db) == ["before"]
        await keep(db, "after")
        # Connections that the server dropped while nobody used them are made anew unseen.
        async with other.write() as killing:
            rest = sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await killing.execute(rest)
        assert await kept(db) == ["before", "after"]


# Transactions.


async def test_a_write_is_stored_whole_or_not_at_all(stores: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with stores.write() as connection:
            await sources.ensure(connection, "one", "test")
            raise ZeroDivisionError
    assert await kept(stores) == []


async def test_a_bug_in_a_statement_is_no_trouble_of_the_users(stores: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        async with stores.write() as connection:
            for _ in range(2):
                await connection.execute(sa.insert(schema.topics).values(key="a", keywords=[], aliases=[]))
    with pytest.raises((sa.exc.OperationalError, sa.exc.ProgrammingError)):
        async with stores.read() as connection:
            await connection.execute(sa.text("SELECT nothing FROM nowhere"))


OF_THE_WORK = (
    FileNotFoundError(2, "No such file or directory", "picture.png"),
    PermissionError(13, "Permission denied"),
    OSError(28, "No space left on device"),
    ConnectionResetError("a feed's server hung up"),
    TimeoutError("a page took too long"),
    ValueError("malformed"),
    sqlite3.OperationalError("of a file that is no database of ours"),
)


@pytest.mark.parametrize("way", ["read", "write", "intake"])
async def test_an_error_of_the_work_in_a_transaction_is_not_the_databases(stores: Database, way: str) -> None:
    transaction = getattr(stores, way)
    for error in OF_THE_WORK:
        with pytest.raises(type(error)) as raised:
            async with transaction() as connection:
                await all_sources(connection)
                raise error
        assert raised.value is error


@pytest.mark.parametrize("error", [ConnectionResetError("reset by peer"), OSError(5, "Input/output error")])
async def test_what_breaks_below_a_statement_is_the_databases(
    stores: Database, error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    kind = {
        "sqlite": aiosqlite.AsyncAdapt_aiosqlite_cursor,
        "postgresql": asyncpg.AsyncAdapt_asyncpg_cursor,
    }[stores.dialect]
    monkeypatch.setattr(kind, "execute", broken)
    with pytest.raises(StoreError, match=str(error.args[-1])):
        async with stores.read() as connection:
            await all_sources(connection)
    monkeypatch.undo()
    assert await kept(stores) == []


def sqlite_error(code: int, text: str = "what SQLite says") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


def postgresql_error(state: str) -> Exception:
    error = Exception("what PostgreSQL says")
    error.sqlstate = state  # type: ignore[attr-defined] # as the driver's errors have it
    return error


TO_BLAME = [
    (sqlite_error(sqlite3.SQLITE_FULL), True),
    (sqlite_error(sqlite3.SQLITE_BUSY), True),
    (sqlite_error(sqlite3.SQLITE_IOERR | 3 << 8), True),  # an extended code: a write failed
    (sqlite_error(sqlite3.SQLITE_CORRUPT), True),
    (sqlite_error(sqlite3.SQLITE_ERROR, "no such module: fts5"), True),
    (sqlite_error(sqlite3.SQLITE_ERROR, "no such table: stories"), True),
    (sqlite_error(sqlite3.SQLITE_ERROR, "no such table: storeis"), False),
    (sqlite_error(sqlite3.SQLITE_CONSTRAINT), False),
    (sqlite_error(sqlite3.SQLITE_TOOBIG), False),
    (sqlite_error(sqlite3.SQLITE_MISUSE), False),
    (postgresql_error("08006"), True),  # the connection failed
    (postgresql_error("28P01"), True),  # wrong password
    (postgresql_error("3D000"), True),  # no such database
    (postgresql_error("42501"), True),  # may not
    (postgresql_error("53100"), True),  # the disk is full
    (postgresql_error("57P01"), True),  # the server shuts down
    (postgresql_error("23503"), False),  # a reference to nothing
    (postgresql_error("22P02"), False),  # not a number
    (postgresql_error("42P01"), False),  # no such table
    (postgresql_error("42601"), False),  # not SQL
    (postgresql_error("25P02"), False),  # a statement after one that failed
]


async def test_the_code_of_an_error_says_who_is_to_blame(db: Database) -> None:
    for error, is_outside in TO_BLAME:
        code = getattr(error, "sqlstate", getattr(error, "sqlite_errorcode", ""))
        with pytest.raises((StoreError, sa.exc.DBAPIError)) as raised:
            async with db.read():
                raise sa.exc.DBAPIError("SELECT 1", None, error)
        assert isinstance(raised.value, StoreError) == is_outside, (code, error)


async def test_a_read_sees_one_moment(stores: Database) -> None:
    await keep(stores, "one")
    async with stores.read() as connection:
        before = await all_sources(connection)
        await keep(stores, "two")
        assert await all_sources(connection) == before
    assert await kept(stores) == ["one", "two"]


async def test_writes_and_intakes_of_two_processes_are_all_stored(stores: Database, store_url: str) -> None:
    async with opened(store_url) as other:
        await asyncio.gather(
            *(keep(db, f"{name} {n}") for n in range(10) for name, db in (("a", stores), ("b", other)))
        )
    assert sorted(await kept(stores)) == sorted(f"{name} {n}" for n in range(10) for name in "ab")


async def test_there_is_one_intake_at_a_time(stores: Database, store_url: str) -> None:
    """So one that reads the highest number and stores the next one gives no number out twice."""

    async def take(db: Database) -> None:
        async with db.intake() as connection:
            highest = await connection.scalar(
                sa.select(sa.func.coalesce(sa.func.max(schema.sources.c.taken), 0))
            )
            await connection.execute(sa.select(sa.func.count()).select_from(schema.records))
            assert highest is not None
            row = {"name": f"source {highest + 1}", "taken": highest + 1}
            await connection.execute(sa.insert(schema.sources).values(**row))

    async with opened(store_url) as other:
        await asyncio.gather(*(take(db) for _ in range(10) for db in (stores, other)))
    assert sorted(await kept(stores)) == sorted(f"source {number}" for number in range(1, 21))


# Times.


async def test_a_time_comes_back_as_it_was(stores: Database) -> None:
    moment = START + timedelta(microseconds=123456)
    east = moment.astimezone(timezone(timedelta(hours=9)))
    for given in (moment, east, datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        async with stores.write() as connection:
            source = await sources.ensure(connection, "one", "test")
            await sources.failed(connection, source.id, "why", given)
            found = (await all_sources(connection))[0].last_error_at
        assert found == given
        assert found is not None
        assert found.tzinfo is UTC


async def test_times_are_compared_as_times(stores: Database) -> None:
    moments = [
        START,
        START + timedelta(microseconds=1),
        START.replace(microsecond=999999),
        START + timedelta(1),
    ]
    async with stores.write() as connection:
        for number, moment in enumerate(moments):
            source = await sources.ensure(connection, str(number), "test")
            await sources.failed(connection, source.id, "why", moment)
        at = schema.sources.c.last_error_at
        for number, moment in enumerate(moments):
            east = moment.astimezone(timezone(timedelta(hours=-11)))
            later = await connection.scalar(sa.select(sa.func.count()).where(at > east))
            assert later == len(moments) - number - 1


async def test_a_time_without_a_zone_is_a_bug(stores: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a zone"):
        async with stores.write() as connection:
            source = await sources.ensure(connection, "one", "test")
            await sources.failed(connection, source.id, "why", datetime(2026, 1, 1))  # noqa: DTZ001


async def test_a_driver_that_has_stopped_is_not_waited_for(db_url: str) -> None:
    """Its thread has ended, and answers nobody."""
    connection = await sqlite_driver.connect(db_url)
    stopping = connection.stop()
    assert stopping is not None
    await stopping
    assert connection.stop() is None


def test_a_connection_may_be_closed_twice(db_url: str) -> None:
    """The driver does so where a cancelled task closes a connection that is being closed."""
    connection = sqlite3.connect(db_url, isolation_level=None, factory=sqlite_driver.SqliteConnection)
    connection.execute("BEGIN IMMEDIATE")
    connection.close()
    connection.close()
    with closing(sqlite3.connect(db_url, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
