"""What a batch of messages costs, claimed and settled, beside few and very many rows of the outbox."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.table import line
from bot.domain.posting.decisions import PostingSettings
from bot.domain.retry import Outcome, SendStatus, Sent
from bot.store import outbox, rollups, schema
from bot.store.database import Database
from bot.store.outbox import Claimed, Settlement

SIZES = (100_000, 3_000_000)
BATCH = 50
CHANNELS = 200_000
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = {  # of rows: whether there is a message already, when it was sent, and when it is due
    "due now": ("1", ":past", ":now"),
    "due later": ("NULL", "NULL", ":later"),
    "sent long ago": ("1", ":past", "NULL"),
}
FILL = """
INSERT INTO outbox (kind, dedupe, nonce, guild_id, channel_id, priority, revision, created_at, due_at, attempts,
claims, reason, closed, shown, message_id, sent_at)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :size)
SELECT 'story', printf('beside:%08d', n), '', n % 997, n % {channels}, n % 100, 0, :now, {due}, 0, 0, '', 0, '', {message}, {sent}
FROM numbers
"""
INDEXES = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'outbox' AND sql IS NOT NULL"
)


async def measure(runs: int) -> None:
    """Print processor times and SQLite's steps for one batch, beside rows of each kind, and how many times those beside none."""
    empty = await _batches("", 0, runs)
    _show("an empty outbox", empty, empty)
    for kind in KINDS:
        for size in SIZES:
            _show(f"{size:,} rows {kind}", await _batches(kind, size, runs), empty)


Figures = dict[str, tuple[list[float], int]]


def _show(what: str, figures: Figures, empty: Figures) -> None:
    for name, (times, count) in figures.items():
        line(f"{name}, beside {what}", times, "ms")
        times_empty, count_empty = empty[name]
        print(
            f"{'':<58} {median(times) / median(times_empty):8.2f} x    steps: {count:,} = {count / count_empty:.2f} x"
        )


async def _batches(kind: str, size: int, runs: int) -> Figures:
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as directory:
        db = await Database.open(str(Path(directory) / "queue.db"))
        if size:
            message, sent, due = KINDS[kind]
            fill = FILL.format(channels=CHANNELS, message=message, sent=sent, due=due)
            moments = {"now": NOW, "past": NOW - timedelta(days=2), "later": NOW + timedelta(days=1)}
            stored = {
                name: f"{at:%Y-%m-%d %H:%M:%S.%f}" for name, at in moments.items() if f":{name}" in fill
            }
            async with db.write() as connection:
                # Many times faster than keeping the indexes in order meanwhile.
                indexes = (await connection.execute(sa.text(INDEXES))).all()
                for name, _ in indexes:
                    await connection.execute(sa.text(f"DROP INDEX {name}"))
                await connection.execute(sa.text(fill), stored | {"size": size})
                for _, statement in indexes:
                    await connection.exec_driver_sql(statement)
        for run in range(runs + 2):  # the first compiles the statements, the last counts steps
            await _batch(db, figures, run, is_counted=run == runs + 1)
        await db.close()
    return {name: (times[1:], count) for name, (times, count) in figures.items()}


async def _batch(db: Database, figures: Figures, run: int, *, is_counted: bool) -> None:
    """Claim and settle fifty new posts."""
    posts = [
        outbox.new_row(outbox.STORY, f"{run}:{n}", 7, CHANNELS + run * BATCH + n, NOW, priority=500)
        for n in range(BATCH)
    ]
    async with db.write() as connection:
        await connection.execute(sa.insert(schema.outbox), posts)
    claimed: list[Claimed] = []
    keep_pace = partial(rollups.keep_pace, settings=PostingSettings())

    async def claim(connection: AsyncConnection) -> None:
        claimed.extend(await outbox.claim(connection, NOW, BATCH, keep_pace=keep_pace))

    async def settle(connection: AsyncConnection) -> None:
        outcomes = [Outcome(SendStatus.OK, message_id=claim.id, shown="x") for claim in claimed]
        results = [
            Settlement(claim, outcome, Sent()) for claim, outcome in zip(claimed, outcomes, strict=True)
        ]
        await outbox.settle_all(connection, results, NOW, timedelta(minutes=1))

    async def next_due(connection: AsyncConnection) -> None:
        await outbox.next_due(connection, NOW)

    works: dict[str, Callable[[AsyncConnection], Awaitable[None]]] = {
        "claim": claim,
        "next due": next_due,
        "settle": settle,
    }
    for name, work in works.items():
        times, _ = figures.setdefault(name, ([], 0))
        if is_counted:
            figures[name] = times, await _steps(db, work)
            continue
        async with db.write() as connection:
            begun = time.process_time()
            await work(connection)
            times.append(1000 * (time.process_time() - begun))
    assert len(claimed) == BATCH


async def _steps(db: Database, work: Callable[[AsyncConnection], Awaitable[None]]) -> int:
    """How many steps SQLite takes for some work, whatever the machine does besides, in tens."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 10
        return 0

    async with db.write() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.set_progress_handler(step, 10)
        try:
            await work(connection)
        finally:
            await driver.set_progress_handler(None, 0)
    return count
