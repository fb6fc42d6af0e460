"""The dearest that a command may ask for, over many stories: how long it takes, and how long the event loop waits."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from benchmarks.matching import Writer
from benchmarks.search import START, stored
from benchmarks.table import line
from bot.domain.model import Topic
from bot.domain.records.analysis import Texts, analyse
from bot.domain.stories.order import Order
from bot.domain.stories.ranking import Sort
from bot.domain.topics.query.language import MAX_PRICE, QueryError, parse
from bot.services import measure as measuring
from bot.services import related, status, tryout
from bot.services import search as searching
from bot.services import server_topics as use
from bot.services import topics as listing
from bot.services.context import Context
from bot.services.server_topics import Draft
from bot.store import records, schema, search, server_topics, topics
from bot.store.database import Database

AT_ONCE = 2_000
GUILD, CHANNEL = 7, 8
TICK = 0.002
COMPLETIONS = 60  # at once


def _beginnings() -> list[str]:
    """Two letters with which words of articles begin most often."""
    writer = Writer(0)
    words = [word.lower() for _ in range(500) for text in writer.record() for word in text.split()]
    seen = Counter(word[:2] for word in words if word[:2].isalpha() and len(word) > 1)
    return [beginning for beginning, _ in seen.most_common(60)]


def dearest(pattern: str, joint: str, shift: int = 0) -> str:
    """As many parts as the price allows."""
    beginnings = _beginnings()
    parts: list[str] = []
    for at, one in enumerate(beginnings):
        more = [*parts, pattern.format(one, beginnings[(at + 1 + shift) % len(beginnings)])]
        try:
            parse(joint.join(more))
        except QueryError:
            break
        parts = more
    return joint.join(parts)


NEVER = "({}* NEAR/1 {}* topic:nothing)"  # all of it is evaluated, and nothing matches
PAIRS = "({}* NEAR/50 {}*)"
EVERY = "type:article"


async def fill(db: Database, number: int) -> None:
    """Store so many stories of one article each, all on one topic."""
    writer = Writer(0)
    async with db.intake() as connection:
        ids = await topics.ensure(connection, ["AI", "Space"])
    for first in range(1, number, AT_ONCE):
        batch = [stored(writer, n) for n in range(first, min(number, first + AT_ONCE - 1) + 1)]
        async with db.intake() as connection:
            opened = [
                {
                    "number": s.id,
                    "lead_id": s.id,
                    "heat": 60,
                    "first": s.published,
                    "last": s.published,
                    "last_seen": s.first_seen,
                    "search": s.record.title.lower(),
                }
                for s in batch
            ]
            await connection.execute(sa.insert(schema.stories), opened)
            await connection.execute(
                sa.insert(schema.records), [records.row_of(s, "", analyse(Texts.of(s.record))) for s in batch]
            )
            await connection.execute(
                sa.insert(schema.story_topics), [{"story": s.id, "topic_id": ids["ai"]} for s in batch]
            )
            await connection.execute(
                sa.insert(schema.record_topics),
                [{"record_id": s.id, "topic_id": ids["ai"], "declared": True, "keywords": []} for s in batch],
            )
            await search.index(
                connection,
                [search.row_of(connection.dialect.name, s, analyse(Texts.of(s.record))) for s in batch],
            )


class _Lag:
    """The longest that the event loop let something else wait."""

    def __init__(self) -> None:
        self.longest = 0.0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch while something else runs."""

        async def tick() -> None:
            while True:
                began = time.perf_counter()
                await asyncio.sleep(TICK)
                self.longest = max(self.longest, time.perf_counter() - began - TICK)

        task = asyncio.create_task(tick())
        try:
            yield
        finally:
            task.cancel()


async def _measured(name: str, work: Callable[[], Awaitable[object]], runs: int) -> None:
    times, lags = [], []
    for _ in range(runs):
        lag = _Lag()
        async with lag.watched():
            began = time.perf_counter()
            await work()
            times.append((time.perf_counter() - began) * 1e3)
        lags.append(lag.longest * 1e3)
    line(name, times, "ms")
    line("  the event loop waits for up to", lags, "ms")


async def measure(runs: int, number: int) -> None:
    """Print how long each takes."""
    with tempfile.TemporaryDirectory() as folder:
        db = await Database.open(str(Path(folder) / "commands.db"))
        await fill(db, number)
        context = Context(db, lambda: START + timedelta(minutes=number))
        print(f"{number:,} stories; a query may cost {MAX_PRICE}")
        await _all(context, runs)
        await db.close()


async def _all(context: Context, runs: int) -> None:
    made = count()

    async def create() -> None:
        await use.create(context, GUILD, Draft(f"T{next(made)}", dear))

    async def crowd() -> None:
        """Many complete at once; how long somebody else waits is what is measured."""
        others = [asyncio.create_task(related.suggest(context, f"zq{n}", GUILD)) for n in range(COMPLETIONS)]
        await asyncio.sleep(0)
        await related.latest(context, None, GUILD, CHANNEL, limit=10)
        await asyncio.gather(*others)

    dear = dearest(NEVER, " OR ")
    queries = {
        "never": dear,
        "pairs": dearest(PAIRS, " "),
        "beginnings": dearest("{}*", " OR "),
        "every": EVERY,
    }
    for name, query in queries.items():
        for order in Order:
            await _measured(
                f"/search {name} {order.value}",
                partial(searching.find, context, query, GUILD, CHANNEL, order),
                runs,
            )
        await _measured(f"/topic test {name}", partial(tryout.newest, context, GUILD, query), runs)
        await _measured(
            f"/topic backtest {name}",
            partial(tryout.backtest, context, GUILD, CHANNEL, query),
            runs,
        )
    await _measured("/topic create never", create, runs)
    await _measured("completing a story: nothing", lambda: related.suggest(context, "zqzqzq", GUILD), runs)
    await _measured("completing a story: letters", lambda: related.suggest(context, "a e i o u", GUILD), runs)
    await _measured("completing a story: empty", lambda: related.suggest(context, "", GUILD), runs)
    await _measured("completing a topic", lambda: listing.suggest(context, "zqzq", GUILD), runs)
    await _measured("/latest topic", lambda: related.latest(context, "AI", GUILD, CHANNEL), runs)
    await _measured(
        "/latest topic, one without stories", lambda: related.latest(context, "Space", GUILD, CHANNEL), runs
    )
    await _measured(
        "/latest sort:hot", lambda: related.latest(context, "AI", GUILD, CHANNEL, sort=Sort.HOT), runs
    )
    await _measured("/topics", lambda: listing.listing(context, "", GUILD), runs)
    await _measured("/status", lambda: status.status(context, GUILD), runs)
    await _measured("/metrics", lambda: measuring.measure(context), runs)
    await _measured(f"/latest beside {COMPLETIONS} completions, all of them", crowd, runs)
    known = [
        Topic(
            f"S{number}",
            query=dearest("({}* NEAR/1 {}*) -x" + str(number), " OR ", number),
            guild_id=GUILD + 1,
        )
        for number in range(100)
    ]
    async with context.db.intake() as connection:
        for topic in known:
            await server_topics.add(connection, topic)
    async with context.db.read() as connection:
        every = await context.topics.load(connection)
    writer = Writer(1)
    articles = [stored(writer, number).record for number in range(20)]
    times = []
    for article in articles:
        began = time.process_time()
        every.matcher.of(article)
        times.append((time.process_time() - began) * 1e3)
    line("matching an article, 100 topics of the dearest query", times, "ms")
