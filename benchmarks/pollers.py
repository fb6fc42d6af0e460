"""Feeds a second with one poller and with two: processes of the role `poller` on one PostgreSQL.

The pollers, PostgreSQL and the server of the feeds are processes that share this machine. So the rate is measured with feeds that
answer at once, where the processors are the limit, and with feeds that answer after a second, where the requests
that a poller makes at once are.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks import many_feeds, polling
from benchmarks.processes import processor_time, running
from benchmarks.table import line, machine
from bot.store.database import Database
from tests.databases import new_database, postgres

POLLERS = (1, 2)
PARTS = ("pollers", "PostgreSQL", "the server of the feeds")
FEEDS = {0.0: 8_000, 1.0: 3_000}  # by the seconds after which they answer
ROUND = 1  # in which one feed in five has something new
STEP = 0.25  # seconds between two looks
PATIENCE = 300.0  # seconds for all feeds
# From the first look at which so much is polled to the last, the pollers do nothing but poll.
FROM, TO = 0.1, 0.85
CONFIG = """\
database: {{url: "{url}"}}
discord: {{token: made-up}}
feeds: {{catalogue: false, private_networks: true}}
"""


@dataclass(frozen=True)
class _Look:
    """How many feeds are polled at a moment, and the processor time until then: of pollers, PostgreSQL, the server."""

    at: float
    polled: int
    spent: tuple[float, float, float]


@dataclass(frozen=True)
class _Rate:
    """Feeds a second, and milliseconds of processor time a feed: of the pollers, of PostgreSQL, of the server."""

    feeds: float
    spent: tuple[float, ...]


def _config(folder: Path, url: str) -> Path:
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(url=url), encoding="utf-8")
    return config


async def _postmaster(db: Database) -> int:
    async with db.read() as connection:
        folder = await connection.scalar(sa.text("SHOW data_directory"))
    return int(await asyncio.to_thread(_first_line, Path(str(folder), "postmaster.pid")))


def _first_line(file: Path) -> str:
    return file.read_text(encoding="ascii").splitlines()[0]


async def _run(server: str, pollers: int, delay: float) -> _Rate:
    count = FEEDS[delay]
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(new_database(server))
        feeds = stack.enter_context(many_feeds.serving(ROUND, delay))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        await many_feeds.add(url, feeds.port, count)
        db = await Database.open(url)
        stack.push_async_callback(db.close)
        config, postmaster = _config(Path(folder), url), await _postmaster(db)
        run = [
            await stack.enter_async_context(running(config, {}, "--role", "poller")) for _ in range(pollers)
        ]
        looks: list[_Look] = []
        async with asyncio.timeout(PATIENCE):
            while not looks or looks[-1].polled < TO * count:
                await asyncio.sleep(STEP)
                spent = (
                    sum(processor_time(poller.pid) for poller in run),
                    processor_time(postmaster, with_children=True),
                    processor_time(feeds.pid),
                )
                looks.append(_Look(time.monotonic(), await many_feeds.polled(db), spent))
    first, last = next(look for look in looks if look.polled >= FROM * count), looks[-1]
    polled = last.polled - first.polled
    return _Rate(
        polled / (last.at - first.at),
        tuple(1000 * (b - a) / polled for a, b in zip(first.spent, last.spent, strict=True)),
    )


def measure(runs: int) -> None:
    """Print feeds a second and processor time with one poller and with two, and how they compare."""
    machine()
    with postgres() as server:
        for delay in FEEDS:
            # In turns, so that what else the machine does disturbs all alike.
            rates = [[asyncio.run(_run(server, pollers, delay)) for pollers in POLLERS] for _ in range(runs)]
            print(
                f"\n{FEEDS[delay]:,} feeds that answer after {delay:.0f} s; one in {polling.CHANGED} has new items"
            )
            for pollers, of_number in zip(POLLERS, zip(*rates, strict=True), strict=True):
                _print(f"{pollers} poller{'s' * (pollers > 1)}", of_number)
            line("two pollers, relative to one", [two.feeds / one.feeds for one, two in rates], "x")
    machine()


def _print(who: str, rates: Sequence[_Rate]) -> None:
    line(f"{who}: feeds a second", [rate.feeds for rate in rates], "")
    for part, spent in zip(PARTS, zip(*(rate.spent for rate in rates), strict=True), strict=True):
        line(f"  processor time a feed, {part}", spent, "ms")
