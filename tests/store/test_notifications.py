"""Processes hear each other through PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa

from bot.store.database import Database
from bot.store.notifications import SERVER, WAKE, Notifications
from tests.databases import opened


class Listener:
    """A process that listens: what it heard, and how often its connection was new."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.connected = asyncio.Event()
        self.connections = 0

    def on_connected(self) -> None:
        self.connections += 1
        self.connected.set()

    @asynccontextmanager
    async def listening(
        self, url: str, session_name: str = ""
    ) -> AsyncIterator[tuple[Notifications, asyncio.Task[None]]]:
        """Listen meanwhile; the notifications, and what ends when the connection does."""
        db = await Database.open(url, session_name=session_name)
        try:
            notifications = Notifications(db, lambda *said: self.heard.put_nowait(said), self.on_connected)
            running = asyncio.create_task(notifications.run())
            await self.connected.wait()
            try:
                yield notifications, running
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        finally:
            await db.close()


async def test_others_hear_what_one_says_once_and_it_does_not_hear_itself(postgres_url: str) -> None:
    one, other = Listener(), Listener()
    async with one.listening(postgres_url) as (speaking, _), other.listening(postgres_url) as (answering, _):
        for _ in range(5):
            speaking.send(WAKE)
        speaking.send(SERVER, "1000")
        assert [await other.heard.get() for _ in range(2)] == [(WAKE, ""), (SERVER, "1000")]
        answering.send(WAKE)
        assert await one.heard.get() == (WAKE, "")
        assert one.heard.empty()
        assert other.heard.empty()


async def test_a_lost_connection_ends_the_listening_and_what_was_not_said_is_said_by_the_next(
    postgres_url: str,
) -> None:
    one, other = Listener(), Listener()
    name = "topicwire one"
    async with other.listening(postgres_url), one.listening(postgres_url, name) as (speaking, running):
        async with opened(postgres_url) as db, db.dedicated() as connection:
            listening = sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = :name AND query LIKE 'LISTEN%'"
            )
            assert (await connection.execute(listening, {"name": name})).scalars().all() == [True]
        await running
        speaking.send(WAKE)
        one.connected.clear()
        again = asyncio.create_task(speaking.run())
        await one.connected.wait()
        assert await other.heard.get() == (WAKE, "")
        assert one.connections == 2
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
