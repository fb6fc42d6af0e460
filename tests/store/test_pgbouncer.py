"""Topicwire behind PgBouncer in transaction mode, as `database.direct_url` allows it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.model import Mode, Subscription
from bot.runtime.leadership import Alone, LeaseLeadership
from bot.store import leases, subscriptions, topics
from bot.store.database import Database
from bot.store.notifications import WAKE, Notifications
from tests.databases import new_database
from tests.make import Clock

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")
CONFIG = """\
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 100
default_pool_size = 2
"""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def pooled(url: str) -> AsyncIterator[str]:
    """The URL of a PgBouncer in front of a PostgreSQL, with two sessions for all of its clients."""
    server = sa.make_url(url)
    listen = _free_port()
    with tempfile.TemporaryDirectory(prefix="topicwire-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        config = Path(folder, "pgbouncer.ini")
        host = server.host or server.query["host"]
        port = server.port or 5432
        config.write_text(CONFIG.format(host=host, port=port, user=server.username, listen=listen))
        # It refuses to run as root, and only the user of the server gets at its socket.
        as_user = ["-u", Path(str(host)).owner()] if os.geteuid() == 0 else []
        process = await asyncio.create_subprocess_exec(
            str(PGBOUNCER), *as_user, str(config), stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(30):
                async for line in process.stderr:
                    if b"process up" in line:
                        break
            reading = asyncio.ensure_future(process.stderr.read())
            yield f"postgresql://{server.username}@127.0.0.1:{listen}/{server.database}"
        finally:
            process.kill()
            await process.wait()
        await reading


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with pooled(postgres_url) as url:
        db = await Database.open(url, direct_url=postgres_url, session_name="topicwire a")
        yield db
        await db.close()


async def test_many_transactions_at_once_share_a_few_sessions(database: Database) -> None:
    async def follow(number: int) -> int:
        async with database.write() as connection:
            ids = await topics.ensure(connection, [f"Topic {number}"])
            wish = Subscription(0, 1, number, f"Topic {number}", Mode.LIVE)
            await subscriptions.subscribe(
                connection, wish, ids[f"topic {number}"], datetime.fromisoformat("2026-11-01T00:00Z")
            )
        async with database.intake() as connection:
            return int(await connection.scalar(sa.select(sa.func.pg_backend_pid())) or 0)

    sessions = await asyncio.gather(*(follow(number) for number in range(1, 31)))
    assert 1 <= len(set(sessions)) <= 2
    async with database.read() as connection:
        assert await subscriptions.count(connection) == 30


async def test_a_database_is_migrated_through_it(postgres_server: str) -> None:
    async with new_database(postgres_server) as url, pooled(url) as through:
        db = await Database.open(through, direct_url=url)
        async with db.read() as connection:
            assert await subscriptions.count(connection) == 0
        await db.close()


async def test_the_lock_of_the_intake_and_the_listening_connection_go_past_it(
    database: Database, postgres_url: str
) -> None:
    leadership = LeaseLeadership(
        database, leases.INTAKE, "host 1 a", Clock(), lambda: 0.0,
        is_gone=lambda _: False, began=lambda: None, is_locked=True,
    )  # fmt: skip
    await leadership.step()
    await leadership.step()
    assert leadership.is_leading
    heard: asyncio.Queue[str] = asyncio.Queue()
    connected = asyncio.Event()
    listening = asyncio.create_task(
        Notifications(database, lambda channel, _: heard.put_nowait(channel), connected.set).run()
    )
    await connected.wait()
    async with database.write() as connection:
        await connection.execute(sa.select(sa.func.pg_notify(WAKE, "")))
    assert await heard.get() == WAKE
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await leadership.close()
    assert Alone().is_leading
