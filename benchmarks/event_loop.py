"""How free the event loop stays: its longest callback, and how long a command takes, while much else is computed."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from asyncio.events import Handle
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.commands import CHANNEL, EVERY, GUILD, NEVER, dearest, fill
from benchmarks.matching import Writer
from benchmarks.search import START, stored
from benchmarks.table import line
from bot.domain.model import Record
from bot.messages.story import related_pages, story_pages
from bot.runtime import process
from bot.services import digests, mutes, related, search, tryout
from bot.services.context import Context
from bot.sources.model import Item, ItemBatch, Progress
from bot.store.database import Database
from bot.workers.ingest import Ingest

RECORDS = 10_000
AT_ONCE = 200  # of a folder's batches
AIM_CALLBACK, AIM_ANSWER = 50.0, 1000.0  # ms
PAUSE = 0.05  # seconds between two commands

Work = Callable[[], Awaitable[object]]


class Callbacks:
    """The longest callback of the event loop and the longest run of the garbage collector, in ms."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.name = ""
        self.over_aim = 0
        self.longest_collection = 0.0
        self._collecting = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Time every callback, as the event loop's debug mode does, but without its cost."""
        run = Handle._run

        def timed(handle: Handle) -> None:
            began = time.perf_counter()
            run(handle)
            self._note(handle, (time.perf_counter() - began) * 1e3)

        with patch.object(Handle, "_run", timed):
            gc.callbacks.append(self._collected)
            try:
                yield
            finally:
                gc.callbacks.remove(self._collected)

    def _note(self, handle: Handle, took: float) -> None:
        self.over_aim += took > AIM_CALLBACK
        if took > self.longest:
            self.longest, self.name = took, _name_of(handle)

    def _collected(self, phase: str, _info: object) -> None:
        if phase == "start":
            self._collecting = time.perf_counter()
        else:
            took = (time.perf_counter() - self._collecting) * 1e3
            self.longest_collection = max(self.longest_collection, took)


def _name_of(handle: Handle) -> str:
    """The task that ran, and the innermost coroutine that it waits in now; or the callback."""
    callback: Any = getattr(handle, "_callback", None)
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return str(getattr(callback, "__qualname__", callback))
    awaited: Any = task.get_coro()
    innermost = ""
    while awaited is not None and hasattr(awaited, "cr_code"):
        innermost, awaited = awaited.cr_code.co_qualname, awaited.cr_await
    return f"{task.get_name()}, before or in {innermost}"


class Arriving:
    """A folder's worth of new articles."""

    kind, name = "list", "list:benchmark"

    def __init__(self, first: int, number: int) -> None:
        self._numbers = range(first, first + number)

    async def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """The articles, as a folder gives them."""
        first = self._numbers.start
        writer = await asyncio.to_thread(Writer, first)
        for start in range(first, self._numbers.stop, AT_ONCE):
            batch = await asyncio.to_thread(_written, writer, start)
            items = tuple(Item("benchmark", place, record) for place, record in enumerate(batch, 1))
            yield ItemBatch(items, last=start + AT_ONCE >= self._numbers.stop)

    async def changes(self) -> AsyncGenerator[None, None]:
        """One look, and no more."""
        yield


def _written(writer: Writer, start: int) -> list[Record]:
    return [stored(writer, number).record for number in range(start, start + AT_ONCE)]


async def _latest(context: Context) -> None:
    title, views = await related.latest(context, None, GUILD, CHANNEL)
    await context.evaluations.run(story_pages, title, views, "")


async def _related(context: Context) -> None:
    found = await related.related(context, "7", GUILD, CHANNEL)
    await context.evaluations.run(related_pages, found.view, (), found.topics, found.before, found.after)


async def _answers(context: Context, until: asyncio.Event) -> list[float]:
    """How long commands of one user took, in ms, one after the other."""
    times: list[float] = []
    commands = (_latest, _related)
    while not until.is_set() or not times:
        for command in commands:
            began = time.perf_counter()
            await command(context)
            times.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(PAUSE)
    return times


async def _measured(name: str, context: Context, work: Work, runs: int) -> None:
    """Run the work `runs` times, beside commands of somebody else."""
    longest: list[float] = []
    collections: list[float] = []
    answers: list[float] = []
    names: list[str] = []
    over = 0
    for _ in range(runs):
        callbacks, until = Callbacks(), asyncio.Event()
        with callbacks.watched():
            answering = asyncio.create_task(_answers(context, until), name="a command")
            await asyncio.create_task(_ended(work, until), name=name)
            answers += await answering
        longest.append(callbacks.longest)
        collections.append(callbacks.longest_collection)
        names.append(callbacks.name)
        over += callbacks.over_aim
    print(f"\nwhile: {name}")
    line(f"longest callback (aim {AIM_CALLBACK:.0f}), {over} over the aim", longest, "ms")
    line("longest run of the garbage collector", collections, "ms")
    line(f"answer of a command (aim {AIM_ANSWER:.0f})", answers, "ms")
    print(f"  the longest was in {names[longest.index(max(longest))]}")


async def _ended(work: Work, until: asyncio.Event) -> None:
    try:
        await work()
    finally:
        until.set()


async def measure(runs: int, number: int) -> None:
    """Print the figures for an intake, for the dearest queries, and for nothing at all."""
    with tempfile.TemporaryDirectory() as folder:
        db = await Database.open(str(Path(folder) / "loop.db"))
        await fill(db, number)
        context = Context(db, lambda: START + timedelta(minutes=number))
        ingest = Ingest(context, replay=True)
        arrivals = iter(range(number + 1, number + 1 + RECORDS * runs, RECORDS))

        async def intake() -> None:
            await ingest.step(Arriving(next(arrivals), RECORDS))

        never = dearest(NEVER, " OR ")
        process.freeze_startup_objects()
        print(f"{number:,} stories; somebody else uses /latest and /related all the time")
        works: dict[str, Work] = {
            "nothing else": partial(asyncio.sleep, 1),
            f"{RECORDS:,} articles come in": intake,
            "/topic backtest, every article": partial(tryout.backtest, context, GUILD, CHANNEL, EVERY),
            "/topic backtest, a topic": partial(tryout.backtest, context, GUILD, CHANNEL, "AI"),
            "/topic backtest, the dearest query": partial(tryout.backtest, context, GUILD, CHANNEL, never),
            "/search, the dearest query": partial(search.find, context, never, GUILD, CHANNEL),
            "/mute": partial(mutes.effect, context, GUILD, None, "nothing"),
            "a digest of a week": partial(
                digests.between, context, "AI", context.now() - timedelta(days=7), context.now(), 10
            ),
        }
        for name, work in works.items():
            await _measured(name, context, work, runs)
        await db.close()
