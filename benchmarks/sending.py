"""How near sending comes to what Discord takes, without a refusal: Topicwire beside simpler ways, on the loopback.

The Discord on the loopback is a process of its own. It has Discord's limits: 50 requests a second, and 5 messages in 5 seconds for each
channel. Topicwire is the whole bot: database, claims, rendering, its client and its gateway connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

import discord
import sqlalchemy as sa
from aiolimiter import AsyncLimiter
from discord.http import Route

from bot.chat.transport import DiscordAddresses
from bot.domain.model import Mode, Subscription, Volume
from bot.domain.posting.decisions import PostingSettings
from bot.runtime.app import App
from bot.services.context import Context
from bot.store import schema, subscriptions, topics
from bot.store.database import Database
from tests.loopback import DISCORD, Loopback, large
from tests.make import ListSource, record
from tests.store.store_helpers import headlines

CEILING = 50.0  # requests a second
TOKEN = "a.made-up.token"  # noqa: S105 - nobody's
BACKLOG = 1_000  # channels to which one message each is due at once
COLD, COLD_SECONDS = 600, 30.0  # channels that get one message each, and in how many seconds
HOT, HOT_MESSAGES = 40, 30  # channels in which much waits: more than Discord takes beside the others
HEAD_START = 5.0  # seconds, of these
PATIENCE = 240.0  # seconds for all messages

Arrivals = Mapping[int, Sequence[float]]  # of messages, by channel, in seconds of the monotonic clock


@dataclass(frozen=True)
class Job:
    """Messages to send: how many seconds after the start each is due in which channel."""

    due: tuple[tuple[float, int], ...]

    @property
    def channels(self) -> dict[int, int]:
        """How many messages each channel gets."""
        counts: dict[int, int] = {}
        for _, channel in self.due:
            counts[channel] = counts.get(channel, 0) + 1
        return counts


@dataclass(frozen=True)
class Sent:
    """What arrived, when, and what Discord refused, by scope. `began` is the zero of the times of the job."""

    began: float
    arrivals: Arrivals
    refused: Mapping[str, int]


# ------------------------------------------------------------------------------------------- Discord


def _discord(parent: Connection, channels: int) -> None:
    """The Discord, in a process of its own."""
    asyncio.run(_serve(parent, channels))


async def _serve(parent: Connection, channels: int) -> None:
    server = Loopback(large(1, channels), limits=DISCORD)
    async with server.serving():
        parent.send(server.port)
        while await asyncio.to_thread(parent.recv):
            parent.send((dict(server.arrivals), dict(server.limited)))


class Remote:
    """The Discord, as seen from here."""

    def __init__(self, connection: Connection, port: int, channels: Sequence[int]) -> None:
        self._connection = connection
        self.port = port
        self.channels = channels

    def state(self) -> tuple[Arrivals, Mapping[str, int]]:
        """What has arrived, and what was refused."""
        self._connection.send(True)
        state: tuple[Arrivals, Mapping[str, int]] = self._connection.recv()
        return state

    async def all_arrived(self, count: int) -> tuple[Arrivals, Mapping[str, int]]:
        """Wait until so many messages have arrived."""
        state = self.state()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while sum(map(len, state[0].values())) < count:
                    await asyncio.sleep(0.5)
                    state = await asyncio.to_thread(self.state)
        return state


@asynccontextmanager
async def serving(channels: int) -> AsyncIterator[Remote]:
    """A new Discord with so many channels."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_discord, args=(there, channels))
    process.start()
    there.close()
    try:
        port = await asyncio.to_thread(here.recv)
        yield Remote(here, port, sorted(large(1, channels)[0].channels))
    finally:
        here.send(False)
        await asyncio.to_thread(process.join, 10)
        process.kill()


# ------------------------------------------------------------------------------------------- ways to send


async def topicwire(remote: Remote, job: Job) -> Sent:
    """The whole bot, with rows in its outbox."""
    with tempfile.TemporaryDirectory() as folder:
        db = await Database.open(str(Path(folder) / "sending.db"))
        context = Context(db, lambda: datetime.now(UTC), PostingSettings(per_hour=1000, most_per_hour=1000))
        app = App(
            context,
            addresses=DiscordAddresses(
                f"http://127.0.0.1:{remote.port}/api", f"ws://127.0.0.1:{remote.port}/gateway/"
            ),
            requests_per_second=CEILING,
        )
        await fill(app, remote.channels, job)
        running = asyncio.create_task(app.run(TOKEN))
        await app.client.up.wait()
        await asyncio.sleep(3)  # for its commands
        began = await make_due(app, remote.channels, job)
        arrivals, refused = await remote.all_arrived(len(job.due))
        app.stop()
        await running
        await db.close()
        return Sent(began, arrivals, refused)


async def fill(app: App, channels: Sequence[int], job: Job) -> None:
    """Stories of one article each: the first for every channel, the others for those with several messages."""
    source = ListSource()
    titles = headlines(2 + max(job.channels.values()))
    now = datetime.now(UTC)
    old = [record(next(titles), topics=[topic]) for topic in ("News", "More news")]
    await app.ingest.step(source.add(*(replace(r, published=now - timedelta(days=90)) for r in old)))
    guild = channels[0] >> 22 << 22
    async with app.context.db.write() as connection:
        ids = await topics.ensure(connection, ["News", "More news"])
        for place, count in job.channels.items():
            for topic in ("News", "More news")[: 1 + (count > 1)]:
                wish = Subscription(0, guild, channels[place], topic, Mode.LIVE, Volume.EVERYTHING)
                await subscriptions.subscribe(connection, wish, ids[topic.casefold()], now)
    named = ["News"] + ["More news"] * (max(job.channels.values()) - 1)
    new = [replace(record(next(titles), topics=[topic]), published=now) for topic in named]
    await app.ingest.step(source.add(*new))
    async with app.context.db.write() as connection:
        await connection.execute(sa.update(schema.outbox).values(due_at=now + timedelta(days=1)))


async def make_due(app: App, channels: Sequence[int], job: Job) -> float:
    """Give each row its time; the moment on the monotonic clock from which those count."""
    row = schema.outbox.c
    async with app.context.db.write() as connection:
        rows = await connection.execute(sa.select(row.id, row.channel_id).order_by(row.id))
        waiting: dict[int, list[int]] = {}
        for id_, channel_id in rows:
            waiting.setdefault(channel_id, []).append(id_)
        start, began = datetime.now(UTC) + timedelta(seconds=1), time.monotonic() + 1
        for seconds, place in job.due:
            id_ = waiting[channels[place]].pop(0)
            due = start + timedelta(seconds=seconds)
            await connection.execute(
                sa.update(schema.outbox).where(row.id == id_).values(due_at=due, created_at=due)
            )
        assert not any(waiting.values()), "every story has its place in the job"
    app.wake()
    return began


Send = Callable[[int], Awaitable[object]]


async def _with_discord_py(remote: Remote, job: Job, around: Callable[[Send], Send]) -> Sent:
    """discord.py alone, with one task for each message."""
    with patch.object(Route, "BASE", f"http://127.0.0.1:{remote.port}/api"):
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(TOKEN)

            async def post(channel: int) -> None:
                await client.get_partial_messageable(remote.channels[channel]).send("A story.")

            send = around(post)
            began = time.monotonic() + 1

            async def later(seconds: float, channel: int) -> None:
                await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
                await send(channel)

            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await asyncio.gather(*(later(*due) for due in job.due), return_exceptions=True)
    return Sent(began, *remote.state())


def _unbounded(send: Send) -> Send:
    return send


def _semaphore(size: int) -> Callable[[Send], Send]:
    def around(send: Send) -> Send:
        slots = asyncio.Semaphore(size)

        async def bounded(channel: int) -> None:
            async with slots:
                await send(channel)

        return bounded

    return around


def _leaky_bucket(rate: float, seconds: float) -> Callable[[Send], Send]:
    def around(send: Send) -> Send:
        limiter = AsyncLimiter(rate, seconds)

        async def paced(channel: int) -> None:
            await limiter.acquire()
            await send(channel)

        return paced

    return around


Way = Callable[[Remote, Job], Awaitable[Sent]]
WAYS: Mapping[str, Way] = {
    "Topicwire": topicwire,
    "discord.py, all at once": partial(_with_discord_py, around=_unbounded),
    "discord.py, 50 at once": partial(_with_discord_py, around=_semaphore(50)),
    "discord.py, aiolimiter 50 a second": partial(_with_discord_py, around=_leaky_bucket(CEILING, 1)),
    "discord.py, aiolimiter 1 in 20 ms": partial(_with_discord_py, around=_leaky_bucket(1, 1 / CEILING)),
}


# ------------------------------------------------------------------------------------------- figures


def _backlog() -> Job:
    """One message for each of many channels, at once."""
    return Job(tuple((0.0, channel) for channel in range(BACKLOG)))


def _cold() -> Job:
    """One message for each of many channels, one after the other."""
    times = random.Random(1)  # noqa: S311 - a sequence to repeat
    return Job(tuple((HEAD_START + times.uniform(0, COLD_SECONDS), channel) for channel in range(COLD)))


def _cold_beside_hot() -> Job:
    """The same, and other channels with many messages each."""
    hot = [(0.0, channel) for channel in range(COLD, COLD + HOT) for _ in range(HOT_MESSAGES)]
    return Job((*_cold().due, *hot))


def rate(sent: Sent) -> float:
    """Messages a second from the first to the last."""
    times = sorted(time for times in sent.arrivals.values() for time in times)
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def most_in_a_second(sent: Sent) -> int:
    """The most messages in any window of a second."""
    times = sorted(time for times in sent.arrivals.values() for time in times)
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def _delays(sent: Sent, job: Job, channels: Sequence[int]) -> list[float]:
    """How long after it was due each message of the cold channels arrived."""
    due = {channel: seconds for seconds, channel in job.due if channel < COLD}
    return [
        sent.arrivals[number][0] - sent.began - due[channel]
        for channel, number in enumerate(channels[:COLD])
        if sent.arrivals.get(number)
    ]


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


async def _run(way: Way, job: Job) -> tuple[Sent, Sequence[int]]:
    async with serving(len(job.channels)) as remote:
        return await way(remote, job), remote.channels


JOBS = ("backlog", "cold")


async def measure(jobs: Collection[str] = (), ways: Collection[str] = ()) -> None:
    """Print, for each way to send, the share of the ceiling, refusals and losses, and the delay of cold channels.

    `jobs` and the beginnings of the names of `ways` narrow that; all if there are none.
    """
    logging.disable(logging.WARNING)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    chosen = {name: way for name, way in WAYS.items() if not ways or name.startswith(tuple(ways))}
    if not jobs or "backlog" in jobs:
        await _measure_backlog(chosen)
    if not jobs or "cold" in jobs:
        await _measure_cold(chosen)


async def _measure_backlog(ways: Mapping[str, Way]) -> None:
    print(f"\nA message for each of {BACKLOG:,} channels, at once")
    print(f"{'':36}{'of 50/s':>8}{'429s':>7}{'most in 1 s':>13}{'missing':>9}{'twice':>7}")
    for name, way in ways.items():
        sent, _ = await _run(way, _backlog())
        counts = [len(times) for times in sent.arrivals.values()]
        missing, twice = BACKLOG - len(counts), sum(count - 1 for count in counts)
        share, refused = rate(sent) / CEILING, sum(sent.refused.values())
        print(f"{name:36}{share:8.1%}{refused:7}{most_in_a_second(sent):13}{missing:9}{twice:7}")


async def _measure_cold(ways: Mapping[str, Way]) -> None:
    print(
        f"\n{COLD} cold channels in {COLD_SECONDS:.0f} s, alone and beside {HOT} with {HOT_MESSAGES} messages each"
    )
    print(
        f"{'':36}{'median':>8}{'p99':>8}{'beside: median':>16}{'p99':>8}{'times':>7}{'429s':>7}{'missing':>9}"
    )
    for name, way in ways.items():
        alone, beside = _cold(), _cold_beside_hot()
        first = _delays(*await _delayed(way, alone))
        sent, job, channels = await _delayed(way, beside)
        second = _delays(sent, job, channels)
        missing = len(job.due) - sum(map(len, sent.arrivals.values()))
        print(
            f"{name:36}{statistics.median(first):7.2f}s{_p99(first):7.2f}s{statistics.median(second):15.2f}s{_p99(second):7.2f}s"
            f"{_p99(second) / _p99(first):7.2f}{sum(sent.refused.values()):7}{missing:9}"
        )


async def _delayed(way: Way, job: Job) -> tuple[Sent, Job, Sequence[int]]:
    sent, channels = await _run(way, job)
    return sent, job, channels
