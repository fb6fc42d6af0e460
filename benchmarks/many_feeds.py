"""Feeds of many hosts for a whole process: each is at an address of its own in 127.0.0.0/8, so no name is resolved.

Their first intake is over. In round 0 all answer 304; in round 1 one in `polling.CHANGED` has new items.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import sqlalchemy as sa

from benchmarks import polling
from bot.domain.polling import FeedOrigin
from bot.sources.feeds.parse import FeedSpec
from bot.sources.feeds.source import STATE, poll_feed
from bot.sources.web.fetch import Web
from bot.store import schema
from bot.store.database import Database
from bot.store.feeds import KIND, source_name

LOOPBACK = 127
EVERYWHERE = "0.0.0.0"  # noqa: S104 - of the loopback's addresses; others are turned away
INTERVAL = timedelta(hours=1)
TOPICS = ("Harbours",)
AT_ONCE = 5000  # feeds that are written in a transaction


def _number_of(host: str) -> int:
    _, *parts = host.partition(":")[0].split(".")
    return int.from_bytes(bytes(map(int, parts)), "big") - (1 << 16)


def url(number: int, port: int) -> str:
    """Where a feed is: from 127.1.0.0 on."""
    high, middle, low = (number + (1 << 16)).to_bytes(3, "big")
    return f"http://{LOOPBACK}.{high}.{middle}.{low}:{port}/feed"


class _LoopbackAnswer(polling.FeedAnswer):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if not transport.get_extra_info("peername")[0].startswith(f"{LOOPBACK}."):
            self._transport.abort()


@dataclass(frozen=True)
class FeedServer:
    """The server of the feeds, a process of its own."""

    port: int
    pid: int
    _turn: Synchronized[int]

    def go_on(self, turn: int) -> None:
        """Serve the feeds as they are in another round."""
        self._turn.value = turn


def _serve(turn: Synchronized[int], delay: float, parent: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: _LoopbackAnswer(lambda: turn.value, _number_of, delay), EVERYWHERE, 0, backlog=1000
        )
        parent.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def serving(turn: int, delay: float = 0) -> Iterator[FeedServer]:
    """Serve the feeds as they are in a round, each answer after so many seconds."""
    spawn = multiprocessing.get_context("spawn")
    shared_turn, (ours, theirs) = spawn.Value("i", turn), spawn.Pipe()
    process = spawn.Process(target=_serve, args=(shared_turn, delay, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        assert process.pid is not None
        yield FeedServer(ours.recv(), process.pid, shared_turn)
    finally:
        process.kill()
        process.join()


async def add(database: str, port: int, count: int, over: timedelta = timedelta()) -> None:
    """Write feeds whose first intake is over into a database: due from now on, evenly spread over a duration."""
    now = datetime.now(UTC)
    db = await Database.open(database)
    web = Web(user_agent="Topicwire benchmark", private_networks=True)
    outcome = await poll_feed(web, FeedSpec(url(0, port), topics=TOPICS), {}, now)
    assert outcome.batch is not None, outcome.reason
    state: Any = outcome.batch.progress[STATE]
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        addresses = {number: url(number, port) for number in numbers}
        async with db.write() as connection:
            await connection.execute(
                sa.insert(schema.sources),
                [
                    {"id": n + 1, "name": source_name(address, 0), "kind": KIND, "intake_done": True}
                    for n, address in addresses.items()
                ],
            )
            await connection.execute(
                sa.insert(schema.feeds),
                [
                    {
                        "source_id": n + 1,
                        "address": address,
                        "url": address,
                        "topics": TOPICS,
                        "origin": FeedOrigin.OPERATOR,
                        "added_at": now,
                        "interval": int(INTERVAL.total_seconds()),
                        "next_poll": now + over * (n / count),
                    }
                    for n, address in addresses.items()
                ],
            )
            await connection.execute(
                sa.insert(schema.progress),
                [
                    {
                        "source_id": n + 1,
                        "key": STATE,
                        "value": state | {"etag": polling.etag_of(n, 0), "digest": str(n)},
                    }
                    for n in numbers
                ],
            )
    await web.close()
    await db.close()


async def polled(db: Database) -> int:
    """How many of the feeds were polled."""
    count = sa.select(sa.func.count()).where(schema.feeds.c.polled_at.is_not(None))
    async with db.read() as connection:
        return await connection.scalar(count) or 0
