"""A whole bot with 100,000 feeds that have nothing new: what memory it takes while it polls them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks import many_feeds
from benchmarks.processes import READY, peak, processor_time, resident, running
from benchmarks.table import line, machine
from bot.store.database import Database
from tests.loopback import Loopback

FEEDS = 100_000
EVERY = timedelta(hours=1)  # a feed is polled
SECONDS = 120.0  # of polling
STEP = 10.0  # seconds between two looks
CONFIG = """\
database: {{url: {folder}/feeds.db}}
feeds: {{catalogue: false, private_networks: true}}
"""


def _config(folder: Path) -> Path:
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(folder=folder), encoding="utf-8")
    return config


async def measure() -> None:
    """Print the memory of the bot, and what its polling takes of a processor."""
    machine()
    discord = Loopback()
    with tempfile.TemporaryDirectory(prefix="topicwire-feeds-") as folder, many_feeds.serving(0) as server:
        database = str(Path(folder, "feeds.db"))
        await many_feeds.add(database, server.port, FEEDS, over=EVERY)
        db = await Database.open(database)
        async with discord.serving(), running(_config(Path(folder)), discord.environment()) as bot:
            ready = await bot.says(READY)
            before, spent, began = await many_feeds.polled(db), processor_time(bot.pid), time.monotonic()
            memory = []
            while time.monotonic() - began < SECONDS:
                await asyncio.sleep(STEP)
                memory.append(resident(bot.pid))
            seconds = time.monotonic() - began
            polls = await many_feeds.polled(db) - before
            spent = processor_time(bot.pid) - spent
            most = peak(bot.pid)
        await db.close()
    print(f"\n{FEEDS:,} feeds, each of a host of its own and polled every hour, that answer 304")
    line("time to ready", [ready], "s")
    line("polls a second; due are " + f"{FEEDS / EVERY.total_seconds():.1f}", [polls / seconds], "")
    line("processor time of the bot", [100 * spent / seconds], "%")
    line("resident memory", memory, "MB")
    line("peak memory", [most], "MB")
