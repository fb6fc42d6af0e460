"""`/search` and related coverage over many records: from the query to the pages, in a SQLite file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from benchmarks.matching import Writer
from benchmarks.table import line
from bot.domain.model import Outlet, Record, Stored
from bot.domain.records.analysis import Texts, analyse
from bot.domain.stories.order import Order
from bot.domain.text.words import plain_words as words
from bot.messages.search import pages
from bot.services.context import Context
from bot.services.search import find
from bot.store import records, schema, search
from bot.store.database import Database

RECORDS = 100_000
AT_ONCE = 2_000
OUTLETS = 500
START = datetime(2026, 1, 1, tzinfo=UTC)
T = TypeVar("T")


def stored(writer: Writer, number: int) -> Stored:
    """An article that is a story by itself."""
    title, excerpt = writer.record()
    outlet = Outlet(f"Outlet {number % OUTLETS}", f"outlet{number % OUTLETS}.example")
    url = f"https://{outlet.domain}/{number}"
    at = START + timedelta(minutes=number)
    record = Record(url, url, title, outlet, excerpt, at, quality=number % 100)
    return Stored(number, record, at, at, story=number)


async def _fill(db: Database) -> tuple[float, list[Stored]]:
    """Seconds that the index took, and some of the records."""
    writer, took, some = Writer(0), 0.0, []
    for first in range(1, RECORDS, AT_ONCE):
        batch = [stored(writer, number) for number in range(first, first + AT_ONCE)]
        some.append(batch[0])
        opened = [
            {"number": s.id, "lead_id": s.id, "heat": 0, "first": s.published, "last": s.published, "last_seen": s.first_seen}
            for s in batch
        ]  # fmt: skip
        async with db.intake() as connection:
            await connection.execute(sa.insert(schema.stories), opened)
            await connection.execute(
                sa.insert(schema.records), [records.row_of(s, "", analyse(Texts.of(s.record))) for s in batch]
            )
            began = time.perf_counter()
            await search.index(
                connection,
                [search.row_of(connection.dialect.name, s, analyse(Texts.of(s.record))) for s in batch],
            )
            took += time.perf_counter() - began
    return took, some


async def _times(runs: int, work: Callable[[], Awaitable[T]]) -> list[float]:
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        await work()
        found.append((time.perf_counter() - began) * 1e3)
    return found


def _queries(some: Sequence[Stored]) -> dict[str, str]:
    """What is asked, by what it is an example of. Words that stand first in the vocabulary are the most frequent."""
    ranked = sorted({w for s in some for w in words(s.record.excerpt)}, key=lambda w: (len(w), w))
    often, other, rare = ranked[0], ranked[1], ranked[-1]
    return {
        "a rare word": rare,
        "a frequent word": often,
        "two frequent words without a third": f"{often} {other} -{ranked[2]}",
        "a phrase of frequent words": f'"{often} {other}"',
        "frequent words near each other": f"{often} NEAR/3 {other}",
        "a word prefix": f"{rare[:2]}*",
        "a frequent word, quality": f"{often} quality>=99",
        "an outlet or a rare word": f"domain:outlet7.example OR {rare}",
        "a topic that no record has": "topic:nothing",
    }


async def measure(runs: int) -> None:
    """Each query in both orders; then the stories that are like a story."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "search.db"
        db = await Database.open(str(path))
        try:
            took, some = await _fill(db)
            context = Context(db, lambda: START)
            print(f"\nsearch, {RECORDS:,} records of 60 words, SQLite")
            line("indexing a record", [took / RECORDS * 1e6], "µs")
            line("database file", [path.stat().st_size / 1e6], "MB")
            for what, text in _queries(some).items():
                for order in Order:

                    async def ask(text: str = text, order: Order = order) -> None:
                        found = await find(context, text, 1, 1, order)
                        pages(text, found.hits, found.left_out)

                    line(f"{what}, {order} first", await _times(runs, ask), "ms")
            for what, size in (("a title", 12), ("title and excerpt", search.MOST_WORDS)):
                taken = iter(some)

                async def like(size: int = size) -> None:
                    stored = next(taken)  # noqa: B023 - used up before the next one is made
                    own = words(f"{stored.record.title} {stored.record.excerpt}")[:size]
                    async with db.read() as connection:
                        await search.similar(connection, own, guild_id=1, limit=10, exclude=[stored.id])

                line(
                    f"similar stories by the words of {what}", await _times(min(runs, len(some)), like), "ms"
                )
        finally:
            await db.close()
