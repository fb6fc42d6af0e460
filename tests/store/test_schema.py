"""Opening a database: migrations, and what cannot be opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.errors import StoreError
from bot.store.database import Database, newest_revision, normalise, redact
from bot.store.schema import metadata
from tests.store.conftest import Open


async def test_the_migrations_end_at_the_schema(store: Database) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with store.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_second_start_finds_the_database_up_to_date(open_db: Open) -> None:
    await open_db()
    again = await open_db()
    async with again.read() as connection:
        assert (
            await connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == newest_revision()
        )


async def test_a_database_of_a_newer_topicwire_is_refused(store: Database, new_url: str) -> None:
    async with store.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer Topicwire"):
        await Database.open(new_url)


async def test_a_failed_transaction_leaves_nothing(store: Database) -> None:
    insert = sa.insert(metadata.tables["mutes"]).values(guild_id=1, channel_id=0, value="x", key="x")

    async def write_and_fail() -> None:
        async with store.write() as connection:
            await connection.execute(insert)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        await write_and_fail()
    async with store.read() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM mutes")) == 0


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("data/x.db", "sqlite+aiosqlite:///data/x.db"),
        ("sqlite:////abs/x.db", "sqlite+aiosqlite:////abs/x.db"),
        ("postgres://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("postgresql+asyncpg://u@h/d", "postgresql+asyncpg://u@h/d"),
    ],
)
def test_urls_are_taken_as_people_write_them(given: str, wanted: str) -> None:
    assert normalise(given) == wanted


def test_a_password_is_never_shown() -> None:
    assert redact("postgresql://me:s3cret@host/db") == "postgresql://me:***@host/db"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://me:s3cret@host/db", "postgresql://"),
        ("postgresql://me:s3cret@127.0.0.1:1/db", "see whether PostgreSQL runs there"),
    ],
)
async def test_a_url_that_leads_nowhere_is_told_without_its_password(url: str, told: str) -> None:
    with pytest.raises(StoreError) as caught:
        await Database.open(url)
    assert told.casefold() in str(caught.value).casefold()
    assert "s3cret" not in str(caught.value)


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and no database\n" * 50)
    with pytest.raises(StoreError, match="not a database"):
        await Database.open(str(path))
    assert path.read_text().startswith("these are notes")


FILL = """
import asyncio, resource, sys
import sqlalchemy as sa
from bot.errors import StoreError
from bot.store.database import Database
from bot.store.schema import mutes

async def main() -> None:
    db = await Database.open(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    stored = 0
    try:
        while True:
            async with db.write() as connection:
                row = {"guild_id": stored, "channel_id": 0, "value": "x" * 5000, "key": "x"}
                await connection.execute(sa.insert(mutes), row)
            stored += 1
    except StoreError as error:
        print(stored, str(error).splitlines()[0])
    sys.stdout.flush()
    import os
    os._exit(0)  # closing would write once more

import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
asyncio.run(main())
"""


async def test_a_full_disk_is_told_and_what_was_stored_stays(tmp_path: Path) -> None:
    path = tmp_path / "small.db"
    done = subprocess.run(  # noqa: ASYNC221 - the test has nothing else to do meanwhile
        [sys.executable, "-c", FILL, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    stored, _, told = done.stdout.partition(" ")
    assert "cannot be used" in told, done.stderr
    database = await Database.open(str(path))
    async with database.read() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM mutes")) == int(stored) > 0
    await database.close()
