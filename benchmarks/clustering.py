"""Finding a report's story: a window of many against a full-text index of records, as it grows, and after a restart.

A made-up stream: events of one to some hundred reports each (most of them small), over fourteen days. A title
has words of its event, some of the subject it belongs to, and common ones, drawn by Zipf's law. So it is known
which reports belong together, and quality is told with every figure of speed.
"""

from __future__ import annotations

import gc
import multiprocessing
import random
import sqlite3
import statistics
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from pathlib import Path

from bot.domain.clustering.agreement import b_cubed
from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.story_cluster import Report, day_of, extract_terms

DAYS = 14
PROBES = 3_000  # reports that are timed at the end
FTS_PROBES = 300
FTS_TERMS = 8  # the rarest words of a title are asked for
WORDS = 60_000
OUTLETS = 3_000
RESTART = 200_000
LABELLED = 100_000  # reports whose stories are compared with the events
START = datetime(2026, 3, 1, tzinfo=UTC)


def stream(count: int, seed: int = 7) -> Iterator[tuple[int, str, float, str]]:
    """Event, title, day and outlet of so many reports, in the order of their times."""
    rng = random.Random(seed)  # noqa: S311 -- a made-up stream has to be the same each time
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(4, 10))) for _ in range(WORDS)]
    by_rank = list(accumulate(1 / (rank + 20) for rank in range(WORDS)))
    planned: list[tuple[float, int, tuple[str, ...]]] = []
    event = 0
    while len(planned) < count:
        size = min(int(rng.paretovariate(1.2)), 300)
        begins = rng.uniform(0, DAYS)
        own = tuple(rng.sample(words, 7))
        planned += [(min(begins + rng.expovariate(3.0), DAYS), event, own) for _ in range(size)]
        event += 1
    planned = sorted(planned[:count])
    first = day_of(START)
    for day, event, own in planned:
        title = rng.sample(own, rng.randint(3, 6)) + rng.choices(
            words, cum_weights=by_rank, k=rng.randint(3, 6)
        )
        rng.shuffle(title)
        yield event, " ".join(title), first + day, f"outlet{rng.randrange(OUTLETS)}.example"


def _reports(count: int) -> Iterator[tuple[int, Report]]:
    for number, (event, title, day, outlet) in enumerate(stream(count), 1):
        yield event, Report(number, extract_terms(title, "", ""), day, outlet)


def _memory() -> int:
    """The memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def _window(count: int) -> dict[str, float]:
    """Place so many reports, the last of them timed one by one, after their titles were cut into terms."""
    window = StoryWindow()
    made = stream(count + PROBES)
    rest = chain([next(made)], made)  # which plans it all, so that its memory is not taken for the window's
    next_number = 1
    merged: dict[int, int] = {}
    labelled = min(count, LABELLED)
    events, found = (array("q", bytes(8 * (labelled + 1))) for _ in range(2))
    gc.collect()
    before = _memory()
    took, cut = [], []
    for number, (event, title, day, outlet) in enumerate(rest, 1):
        if number == count + 1:
            gc.collect()
            after = _memory()
        began = time.perf_counter()
        report = Report(number, extract_terms(title, "", ""), day, outlet)
        told = time.perf_counter()
        result = window.place([report], {}, next_number)
        if number > count:
            took.append(time.perf_counter() - told)
            cut.append(told - began)
        story = result.stories[number]
        next_number = max(next_number, story + 1)
        merged |= result.merged
        if number <= labelled:
            events[number], found[number] = event, story
    stories = dict(enumerate(found))
    for number, story in stories.items():
        while story in merged:
            story = merged[story]
        stories[number] = story
    quality = b_cubed({number: events[number] for number in range(1, labelled + 1)}, stories)
    return {
        "us": 1e6 * statistics.median(took),
        "cut_us": 1e6 * statistics.median(cut),
        "bytes": (after - before) / count,
        "precision": quality.precision,
        "recall": quality.recall,
        "f1": quality.f1,
    }


def _fts5(count: int) -> dict[str, float]:
    """The same with an FTS5 index of records: the rarest words of a title by bm25, then an insert."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE VIRTUAL TABLE r USING fts5(terms, content='', tokenize='ascii')")
    seen: dict[str, int] = {}
    took = []
    db.execute("BEGIN")
    for number, (_, report) in enumerate(_reports(count + FTS_PROBES), 1):
        began = time.perf_counter()
        if number > count:
            rarest = sorted(report.terms.title, key=lambda term: seen.get(term, 0))[:FTS_TERMS]
            query = " OR ".join(f'"{term}"' for term in rarest)
            db.execute(
                "SELECT rowid, rank FROM r WHERE r MATCH ? ORDER BY rank LIMIT 10", (query,)
            ).fetchall()
        db.execute("INSERT INTO r(rowid, terms) VALUES (?, ?)", (number, " ".join(report.terms.title)))
        if number > count:
            took.append(time.perf_counter() - began)
        for term in report.terms.title:
            seen[term] = seen.get(term, 0) + 1
    return {"us": 1e6 * statistics.median(took)}


def _restart(count: int) -> dict[str, float]:
    """Read the window back from a database of so many records."""
    import asyncio

    from bot.domain.model import Outlet, Record, Stored
    from bot.domain.records.analysis import Texts, analyse
    from bot.store import records, schema
    from bot.store.database import Database
    from bot.workers import story_window

    async def run(url: str) -> dict[str, float]:
        db = await Database.open(url)
        async with db.write() as connection:
            stories, rows, seen = [], [], set()
            for number, (event, title, day, outlet) in enumerate(stream(count), 1):
                published = START + timedelta(days=day - day_of(START))
                record = Record(
                    f"https://{outlet}/{number}",
                    f"https://{outlet}/{number}",
                    title,
                    Outlet(outlet, outlet),
                    published=published,
                )
                if event not in seen:
                    seen.add(event)
                    stories.append(
                        {
                            "number": event + 1,
                            "heat": 0,
                            "first": START,
                            "last": published,
                            "last_seen": published,
                        }
                    )
                stored = Stored(number, record, published, published, story=event + 1)
                rows.append(records.row_of(stored, "", analyse(Texts.of(record))))
            await connection.execute(schema.stories.insert(), stories)
            await connection.execute(schema.records.insert(), rows)
        del rows, stories
        gc.collect()
        began = time.perf_counter()
        async with db.read() as connection:
            window = await story_window.read(connection, START)
        took = time.perf_counter() - began
        await db.close()
        return {"seconds": took, "stories": len(window)}

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(f"sqlite:///{folder}/bench.db"))


def _alone(work: Callable[[int], dict[str, float]], count: int) -> dict[str, float]:
    """Do it in a process of its own, so that memory is that of this alone."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(work, (count,))


def measure(largest: int) -> None:
    """Print a row a size; `largest` is 1,000,000 for the figures of the documentation."""
    sizes = [size for size in (100_000, 200_000, 1_000_000) if size <= largest] or [largest]
    print("\nFinding the story of a report and adding the report, in microseconds")
    print(
        f"{'records':>10} {'window':>8} {'FTS5':>8} {'ratio':>7} {'split':>8} {'bytes':>7} {'B-cubed P':>10} {'R':>6} {'F1':>6}"
    )
    by_size: dict[int, dict[str, float]] = {}
    for size in sizes:
        ours = by_size[size] = _alone(_window, size)
        peer = _alone(_fts5, size)
        print(
            f"{size:>10,} {ours['us']:>8.0f} {peer['us']:>8.0f} {peer['us'] / ours['us']:>6.1f}x {ours['cut_us']:>8.0f} {ours['bytes']:>7.0f}"
            f" {ours['precision']:>10.3f} {ours['recall']:>6.3f} {ours['f1']:>6.3f}"
        )
    if {200_000, 1_000_000} <= by_size.keys():
        small, large = by_size[200_000], by_size[1_000_000]
        print(
            f"growth from 200,000 to 1,000,000: {large['us'] / small['us']:.2f}x in time, {large['f1'] - small['f1']:+.3f} in F1"
        )
    count = min(RESTART, largest)
    loaded = _alone(_restart, count)
    print(f"loading {count:,} records in {loaded['stories']:,.0f} stories: {loaded['seconds']:.2f} s")
