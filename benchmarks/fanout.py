"""One article to many subscribed channels, next to SQLite's own `INSERT ... SELECT` of the same rows in the same run."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.table import line
from bot.domain.model import Outlet, Record
from bot.services.context import Context
from bot.sources.model import Item, ItemBatch, Progress
from bot.store import schema, topics
from bot.store.database import Database
from bot.workers.ingest import Ingest

SIZES = (1_000, 10_000, 100_000, 1_000_000)
CHANNELS_A_SERVER = 10
FOLLOWED, IGNORED = "Harbours", "Orchards"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST = 1 << 60  # ids of Discord are as long
SUBSCRIBE = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
INSERT INTO subscriptions (guild_id, channel_id, topic_id, mode, volume, publish, created_at, posts_from)
SELECT :first + i / :a_server, :first + i, :topic, 'live', 'everything', 0, :at, 0 FROM n
"""
BARE = """
INSERT INTO outbox (kind, dedupe, nonce, guild_id, channel_id, story, priority, created_at, due_at, revision, attempts,
claims, reason, closed, shown)
SELECT 'story', 'story:' || :story || ':' || channel_id, printf('%08x%016x', :story, channel_id), guild_id, channel_id,
:story, 60, :at, :at, 0, 0, 0, '', 0, '' FROM subscriptions WHERE topic_id = :topic
"""
STORY = """
INSERT INTO stories (number, heat, notable, outlets, first, last, last_seen, removed, search)
VALUES (:story, 60, 0, 1, :at, :at, :at, 0, '')
"""


class _Articles:
    """A source of articles on a topic, each of an event of its own."""

    kind = "list"

    def __init__(self) -> None:
        self.name = "list:fan-out"
        self.next: list[Record] = []

    def add(self, number: int, topic: str) -> _Articles:
        word = "".join(chr(ord("a") + int(digit)) for digit in f"{number:05}")
        url = f"https://outlet.example/{number}"
        title = f"{word.title()} {word}ra {word}li {word}mo {word}nu"
        self.next = [
            Record(
                url,
                url,
                title,
                Outlet("Outlet", "outlet.example"),
                quality=60,
                published=NOW,
                topics=(topic,),
            )
        ]
        return self

    async def fetch(self, _progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        waiting, self.next = self.next, []
        items = tuple(Item("list", position, record) for position, record in enumerate(waiting, 1))
        yield ItemBatch(items, last=True)

    async def changes(self) -> AsyncGenerator[None, None]:
        yield


async def _prepare(file: Path, count: int) -> None:
    """A database with so many channels that follow a topic, past the first intake of the source."""
    db = await Database.open(str(file))
    async with db.write() as connection:
        ids = await topics.ensure(connection, [FOLLOWED, IGNORED])
        if count:
            values: dict[str, Any] = {"count": count, "first": FIRST, "a_server": CHANNELS_A_SERVER}
            values |= {"topic": ids[FOLLOWED.lower()], "at": "2026-03-01 00:00:00.000000"}
            await connection.execute(sa.text(SUBSCRIBE), values)
    await Ingest(Context(db, lambda: NOW - timedelta(hours=1))).step(_Articles())
    await db.close()


async def _taken(file: Path, topic: str, runs: int = 1) -> tuple[list[float], int]:
    """Seconds of processor time that the intake of an article takes, and how many posts it brings."""
    db = await Database.open(str(file))
    ingest, source, seconds, posted = Ingest(Context(db, lambda: NOW)), _Articles(), [], 0
    await ingest.step(source.add(99_999, IGNORED))  # so that statements are compiled, as in a bot that runs
    for number in range(runs):
        began = time.process_time()
        posted += (await ingest.step(source.add(number, topic))).posted
        seconds.append(time.process_time() - began)
    async with db.read() as connection:
        stored = await connection.scalar(sa.select(sa.func.count()).select_from(schema.outbox))
    await db.close()
    assert stored == posted, f"{posted} posts were counted, and {stored} are stored"
    return seconds, posted


def _bare(file: Path) -> float:
    """Seconds of processor time that SQLite takes for the rows alone, with the connection's settings as the bot has them."""
    values = {"story": 1, "topic": 1, "at": "2026-03-02 12:00:00.000000"}
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(STORY, values)
        began = time.process_time()
        connection.execute(BARE, values)
        connection.execute("COMMIT")
        return time.process_time() - began


def _remove(database: Path) -> None:
    for file in database.parent.glob(f"{database.name}*"):
        file.unlink()


async def measure(runs: int) -> None:
    """Print what an article costs by the number of channels that get it, and one that nobody gets."""
    each: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="topicwire-fanout-") as folder:
        for size in SIZES:
            prepared = Path(folder, f"{size}.db")
            await _prepare(prepared, size)
            ours, bare = [], []
            for run in range(runs):
                for kind in ("ours", "bare") if run % 2 else ("bare", "ours"):
                    copy = Path(folder, "copy.db")
                    shutil.copy(prepared, copy)
                    if kind == "bare":
                        bare.append(_bare(copy))
                    else:
                        [seconds], posted = await _taken(copy, FOLLOWED)
                        assert posted == size
                        ours.append(seconds)
                    _remove(copy)
            each[size] = min(ours) / size
            line(f"an article to {size:,} channels", [s * 1e3 for s in ours], "ms")
            line("  the same rows by SQLite alone", [s * 1e3 for s in bare], "ms")
            line("  relative to SQLite alone", [a / b for a, b in zip(ours, bare, strict=True)], "x")
            line("  each post", [s / size * 1e6 for s in ours], "µs")
        line(
            "cost of a post at the most channels, relative to the fewest",
            [each[SIZES[-1]] / each[SIZES[0]]],
            "x",
        )
        empty = Path(folder, "0.db")
        await _prepare(empty, 0)
        nobody = {}
        for count, file in ((0, empty), (SIZES[-1], Path(folder, f"{SIZES[-1]}.db"))):
            nobody[count], posted = await _taken(file, IGNORED, 20 * runs)
            assert not posted
            line(
                f"an article that nobody gets, beside {count:,} channels",
                [s * 1e3 for s in nobody[count]],
                "ms",
            )
