"""What processes tell each other through PostgreSQL: that something is due, and that a server has changed.

A notification is a hint. It may be lost, as with a connection, so whoever listens also looks from time to time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database

WAKE = "topicwire_wake"  # something is due
SERVER = "topicwire_server"  # a server's channels, roles or permissions changed; the payload is its id
CHANNELS = (WAKE, SERVER)

Hear = Callable[[str, str], None]  # a channel and a payload


class Notifications:
    """Sends and hears notifications, on one connection that does nothing else.

    `hear` is called for each notification of another process, and `connected` whenever the connection is new: what was
    sent before is lost.
    """

    def __init__(self, db: Database, hear: Hear, connected: Callable[[], None]) -> None:
        self._db = db
        self._hear = hear
        self._connected = connected
        self._unsent: dict[tuple[str, str], None] = {}  # in order, each once
        self._changed = asyncio.Event()  # something is to be sent, or the connection is lost

    def send(self, channel: str, payload: str = "") -> None:
        """Have the other processes hear this. What is sent several times at once is heard once."""
        self._unsent[channel, payload] = None
        self._changed.set()

    async def run(self) -> None:
        """Listen and send until the connection is lost."""
        async with self._db.dedicated() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            me = driver.get_server_pid()

            def heard(_: object, sender: int, channel: str, payload: str) -> None:
                if sender != me:
                    self._hear(channel, payload)

            driver.add_termination_listener(lambda _: self._changed.set())
            for channel in CHANNELS:
                await driver.add_listener(channel, heard)
            self._connected()
            while not driver.is_closed():
                self._changed.clear()
                for notification in tuple(self._unsent):
                    del self._unsent[notification]  # before: what is sent from now on is to be heard anew
                    try:
                        await connection.execute(sa.select(sa.func.pg_notify(*notification)))
                    except BaseException:
                        self._unsent[notification] = None
                        raise
                if not driver.is_closed():
                    await self._changed.wait()
