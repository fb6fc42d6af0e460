"""`topicwire run` against a Discord on the loopback: time to ready and memory when idle, in one server and in many."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import READY, peak, processor_time, resident, running
from benchmarks.table import line, machine
from bot.demo.main import NEWS, TOPICS
from tests.loopback import Loopback, large

STEP = 2.0  # seconds between two looks at what the bot does after it is ready
IDLE = 0.05  # of a processor: who takes less is idle
PATIENCE = 600.0  # seconds
GUILDS = 10_000
CHANNELS = 10  # of a server

CONFIG = """\
database: {{url: {folder}/bench.db}}
topics: {{directories: [{topics}]}}
sources: [{{kind: folder, path: {news}}}]
"""


@dataclass(frozen=True)
class _Start:
    """Seconds from the start of the process to ready, processor time until then and until it is idle, and MB of memory:

    when idle, and at most.
    """

    ready: float
    processor: float
    until_idle: float
    resident: float
    peak: float


async def _start(discord: Loopback, config: Path) -> _Start:
    async with running(config, discord.environment()) as bot:
        ready = await bot.says(READY)
        processor = processor_time(bot.pid)
        until_idle = await _idle(bot.pid)
        return _Start(ready, processor, until_idle, resident(bot.pid), peak(bot.pid))


async def _idle(pid: int) -> float:
    """Wait until a process has nothing to do; its processor time then."""
    async with asyncio.timeout(PATIENCE):
        before, now = 0.0, processor_time(pid)
        while now - before > IDLE * STEP:
            await asyncio.sleep(STEP)
            before, now = now, processor_time(pid)
    return now


async def _starts(discord: Loopback, runs: int) -> tuple[_Start, Sequence[_Start]]:
    """The first start, which makes the database, and the others, which find it."""
    async with discord.serving():
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "config.yaml"
            config.write_text(CONFIG.format(folder=folder, topics=TOPICS, news=NEWS), encoding="utf-8")
            first = await _start(discord, config)
            return first, [await _start(discord, config) for _ in range(runs)]


async def measure(runs: int) -> None:
    """Print what a start and an idle bot take, in one server and in `GUILDS`."""
    machine()
    first, later = await _starts(Loopback(), runs)
    print("\ntopicwire run, the sample as its source, one server, no traffic")
    line("time to ready, first start (creates the database)", [first.ready], "s")
    _print(later)
    line("resident memory when idle, first start", [first.resident], "MB")
    _, many = await _starts(Loopback(large(GUILDS, CHANNELS)), runs)
    print(f"\nthe same in {GUILDS:,} servers with {CHANNELS} channels each")
    _print(many)
    line("peak memory", [start.peak for start in many], "MB")


def _print(starts: Sequence[_Start]) -> None:
    line("time to ready", [start.ready for start in starts], "s")
    line("processor time until ready", [start.processor for start in starts], "s")
    line("processor time until idle", [start.until_idle for start in starts], "s")
    line("resident memory when idle", [start.resident for start in starts], "MB")
