"""From the inbox to the outbox: what pollers have analysed is taken in, with stories, topics and posts.

The feeds are those of the benchmark of polling: articles of the last 30 days, and three channels that follow their
topics. A first intake is over, so that what is recent is posted. On PostgreSQL, its server is another process.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import sqlalchemy as sa

from benchmarks import polling
from benchmarks.table import line
from bot.services.context import Context
from bot.sources.feeds.parse import FeedSpec, parse
from bot.sources.model import ItemBatch
from bot.store import feeds, schema, sources
from bot.store.database import Database
from bot.store.sources import SourceStep
from bot.workers.batches import SourceBatch
from bot.workers.inbox import Inbox, InboxReader
from bot.workers.ingest import Ingest
from tests.databases import new_database, postgres

FEEDS = 1000
POLLS_AT_ONCE = 100  # that a poller stores together


async def _batches(context: Context) -> list[SourceBatch]:
    """What a poll of each feed brings."""
    await polling.follow(context, polling.addresses(FEEDS))
    numbers = range(1, FEEDS + 1)
    async with context.db.intake() as connection:
        done = [SourceStep(number, {}, 0, context.now(), 0) for number in numbers]
        await sources.advance(connection, done)
    async with context.db.read() as connection:
        states = await feeds.states(connection, list(numbers))
    batches = []
    for number, state in states.items():
        document = parse(polling.feed(number, 0), FeedSpec(f"http://{polling.host(number)}/feed"), "text/xml")
        progress = {"http": {"digest": str(number)}}
        batches.append(SourceBatch(state, ItemBatch(document.items, progress=progress, last=True)))
    return batches


async def _run(url: str) -> dict[str, float]:
    """Seconds of the clock and of this process's processor time, for the poller's part and for the intake's."""
    db = await Database.open(url)
    try:
        context = Context(db, lambda: polling.START)
        batches = await _batches(context)
        inbox, reader = Inbox(context), InboxReader(context, Ingest(context))
        marks = [(time.perf_counter(), time.process_time())]
        for start in range(0, len(batches), POLLS_AT_ONCE):
            await inbox.store(batches[start : start + POLLS_AT_ONCE])
        marks.append((time.perf_counter(), time.process_time()))
        await reader.drain()
        marks.append((time.perf_counter(), time.process_time()))
        async with db.read() as connection:
            count = sa.select(sa.func.count())
            records = await connection.scalar(count.select_from(schema.records)) or 0
            posts = await connection.scalar(count.select_from(schema.outbox)) or 0
    finally:
        await db.close()
    clock, processor = ([b - a for a, b in pairwise(column)] for column in zip(*marks, strict=True))
    return {
        "records": records,
        "posts": posts,
        "poller": processor[0] / records * 1e6,
        "intake": processor[1] / records * 1e6,
        "rate": records / clock[1],
    }


async def _run_anew(server: str) -> dict[str, float]:
    async with new_database(server) as url:
        return await _run(url)


def measure(runs: int) -> None:
    """Each run has a new database."""
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        results = {
            "SQLite": [asyncio.run(_run(str(Path(folder, f"{number}.db")))) for number in range(runs)],
            "PostgreSQL": [asyncio.run(_run_anew(server)) for _ in range(runs)],
        }
    for engine, figures in results.items():
        print(f"\n{figures[0]['records']} articles of {FEEDS} feeds, {figures[0]['posts']} posts, {engine}")
        line("poller, analysis to inbox: processor time an article", [f["poller"] for f in figures], "µs")
        line("intake, inbox to outbox: processor time an article", [f["intake"] for f in figures], "µs")
        line("intake, inbox to outbox: articles a second", [f["rate"] for f in figures], "")
