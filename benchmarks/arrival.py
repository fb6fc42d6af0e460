"""From the arrival of an article to the requests with its posts, through the whole bot and a Discord with its limits.

An article is pushed to the HTTP endpoint of `topicwire run`, and its posts arrive at a Discord on the loopback, which
takes 50 requests a second. The clock starts when the push is begun. The network to Discord is not included.
"""

from __future__ import annotations

import asyncio
import random
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from benchmarks.processes import READY, processor_time, running
from benchmarks.table import machine, percentiles
from bot.domain.model import Mode, Subscription, Volume
from bot.store import subscriptions, topics
from bot.store.database import Database
from tests.loopback import DISCORD, Loopback, large
from tests.store.store_helpers import headlines

CAP = 50  # requests a second
CHANNELS_A_SERVER = 10
ARTICLES = {1: 100, 100: 10, 1000: 3}  # by the number of channels
PATIENCE = 60.0  # seconds for the posts of an article
AFTER_START = 5.0  # seconds, for what a start does
TOKEN = "made-up-token-of-a-benchmark"  # noqa: S105 - nobody's
CONFIG = """\
database: {{url: {folder}/arrival.db}}
feeds: {{catalogue: false}}
topics: {{inline: [{{name: Trains, keywords: [train]}}]}}
posts: {{per_hour: 1000, most_per_hour: 1000}}
http: {{listen: "127.0.0.1:0", token: {token}, per_minute: 1000}}
"""


@dataclass
class _Seconds:
    """Seconds from the push: to its answer, when all posts are queued, to the first request, and to each request.

    `behind` is how long after the earliest moment that Discord's cap allows a request came; `paced` how long after its
    turn in an even pace.
    """

    queued: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)
    paced: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def add(self, began: float, arrivals: Sequence[float]) -> None:
        """The requests of an article, in the order of their arrival."""
        self.first.append(arrivals[0] - began)
        for place, at in enumerate(arrivals):
            self.each.append(at - began)
            self.behind.append(at - began - place // CAP)
            self.paced.append(at - began - place / CAP)


def _config(folder: Path) -> Path:
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(folder=folder, token=TOKEN), encoding="utf-8")
    return config


async def _subscribe(database: str, discord: Loopback, channels: int) -> None:
    """Have so many channels follow everything of the topic."""
    db = await Database.open(database)
    async with db.write() as connection:
        ids = await topics.ensure(connection, ["Trains"])
        for number in _channels(discord)[:channels]:
            wish = Subscription(0, number >> 22 << 22, number, "Trains", Mode.LIVE, Volume.EVERYTHING)
            await subscriptions.subscribe(connection, wish, ids["trains"], datetime.now(UTC))
    await db.close()


def _channels(discord: Loopback) -> list[int]:
    return [number for layout in discord.gateway.guilds for number in layout.channels]


async def _push(session: aiohttp.ClientSession, address: str, title: str) -> None:
    name = title.split()[0].lower()
    article = {
        "title": title,
        "webUrl": f"https://{name}.example/{name}",
        "quality": 80,
        "topics": ["Trains"],
        "publishedDateTime": datetime.now(UTC).isoformat(),
    }
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with session.post(f"{address}/records", json=article, headers=headers) as response:
        answer = await response.json()
        assert answer["items"][0]["status"] == "new", answer


async def _arrived(discord: Loopback, count: int) -> list[float]:
    """Wait for so many requests. When each arrived, in order."""
    async with asyncio.timeout(PATIENCE):
        while sum(map(len, discord.arrivals.values())) < count:
            discord.arrived.clear()
            await discord.arrived.wait()
    return sorted(at for times in discord.arrivals.values() for at in times)


async def _run(channels: int, articles: int) -> tuple[_Seconds, int]:
    """What so many articles take, one after the other, and how many requests Discord refused."""
    chance = random.Random(1)  # noqa: S311 - a sequence to repeat
    discord = Loopback(large(-(-channels // CHANNELS_A_SERVER), CHANNELS_A_SERVER), DISCORD)
    seconds = _Seconds()
    with tempfile.TemporaryDirectory(prefix="topicwire-arrival-") as folder:
        await _subscribe(str(Path(folder, "arrival.db")), discord, channels)
        config = _config(Path(folder))
        async with (
            discord.serving(),
            aiohttp.ClientSession() as session,
            running(config, discord.environment()) as bot,
        ):
            await bot.says(READY)
            address = re.findall(r"listening on (\S+)", bot.log)[0]
            await asyncio.sleep(AFTER_START)
            for title in headlines(articles):
                discord.arrivals.clear()
                processor, began = processor_time(bot.pid), time.monotonic()
                await _push(session, address, title)
                seconds.queued.append(time.monotonic() - began)
                seconds.add(began, await _arrived(discord, channels))
                seconds.processor.append(processor_time(bot.pid) - processor)
                # The cap is whole again, and no article comes at the same moment of a timer as the one before.
                await asyncio.sleep(1.1 + chance.random())
                assert all(len(times) == 1 for times in discord.arrivals.values())
    return seconds, sum(discord.limited.values())


async def measure() -> None:
    """Print what an article takes to its first request, and to those after it, by the number of channels."""
    machine()
    for channels, articles in ARTICLES.items():
        seconds, refused = await _run(channels, articles)
        print(f"\n{articles} articles to {channels:,} channels each; refused by Discord: {refused}")
        percentiles("from the push to its answer: all posts are queued", seconds.queued, "s")
        percentiles("to the first request", seconds.first, "s")
        percentiles("to each request", seconds.each, "s")
        percentiles("  behind the earliest moment that the cap allows", seconds.behind, "s")
        percentiles(f"  behind its turn at an even {CAP} a second", seconds.paced, "s")
        percentiles("processor time of the bot until the last request", seconds.processor, "s")
