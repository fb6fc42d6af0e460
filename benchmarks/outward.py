"""Stories out of the bot: what forwards cost an intake, how fast they are sent, and how long a feed takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from benchmarks.table import line
from bot.domain.forwarding import Forward, new_deliveries, takes
from bot.domain.model import Topic, Volume
from bot.http.server import EndpointSettings, HttpServer
from bot.services import api_tokens
from bot.services.context import ApiAccess, Context
from bot.sources.model import Item, ItemBatch
from bot.sources.web.fetch import Web
from bot.store import forwards, sources, stories, topics
from bot.store.database import Database
from bot.workers import rematch
from bot.workers.batches import SourceBatch
from bot.workers.forwarding import Forwarder
from bot.workers.ingest import Ingest
from tests.make import Clock, record
from tests.store.store_helpers import headlines

STORIES = 170  # in a batch; there are only so many titles that share no word
ADDRESSES = 20  # each of a server of its own
ELSEWHERE = 1_000  # forwards of a topic that the stories are not about
MANY = 10_000  # forwards that a story is compared with
REQUESTS = 50
LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def _receiver() -> AsyncIterator[str]:
    """The address of a server that takes everything."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/{number}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    try:
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _add(db: Database, topic: str, url: str, first: int, count: int, clock: Clock) -> None:
    """Store forwards, each of a server of its own."""
    async with db.write() as connection:
        topic_id = await topics.id_of(connection, Topic(topic))
        for guild_id in range(first, first + count):
            forward = Forward(0, guild_id, topic, f"{url}/{guild_id}", "secret", Volume.EVERYTHING)
            await forwards.add(connection, forward, topic_id, clock())


async def _intake(context: Context, ingest: Ingest, titles: list[str]) -> float:
    """Seconds of an intake of one story for each title."""
    async with context.db.write() as connection:
        state = await sources.ensure(connection, "bench", "list")
    items = [
        Item("list", n, record(title, f"o{n}.example", topics=["AI"])) for n, title in enumerate(titles, 1)
    ]
    started = time.perf_counter()
    await ingest.store([SourceBatch(state, ItemBatch(tuple(items), last=True))])
    return time.perf_counter() - started


async def _decisions(context: Context) -> tuple[float, float]:
    """Milliseconds of the processor for a story and `MANY` forwards of its topic: as the bot decides, and each by itself."""
    async with context.db.read() as connection:
        loaded = await stories.load(connection, range(2, 12))  # the first one is silent
        known = await context.topics.load(connection)
    every = [Forward(n, n, "AI", "", "", Volume.EVERYTHING) for n in range(1, MANY + 1)]
    now, rules = context.now(), context.rules
    started = time.process_time()
    pairs = new_deliveries(loaded, every, known, {}, now, rules)
    alike = (time.process_time() - started) / len(loaded)
    assert len(pairs) == len(loaded) * MANY
    story = next(iter(loaded.values()))
    started = time.process_time()
    assert all(takes(forward, story, known, (), now, rules) for forward in every)
    return alike * 1000, (time.process_time() - started) * 1000


async def _run(url: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    clock = Clock()
    titles = list(headlines(4 * STORIES + 1))
    batches = [titles[n : n + STORIES] for n in range(0, 4 * STORIES, STORIES)]
    with tempfile.TemporaryDirectory() as folder:
        db = await Database.open(str(Path(folder) / "bench.db"))
        context = Context(db, clock, api=ApiAccess(is_on=True))
        ingest = Ingest(context)
        await rematch.configure(context, [Topic("AI"), Topic("Space")])
        await _intake(context, ingest, titles[-1:])  # the first one is silent
        await _intake(context, ingest, batches[0])
        figures["intake without forwards"] = await _intake(context, ingest, batches[1])
        await _add(db, "Space", url, 1000, ELSEWHERE, clock)
        figures["intake with forwards"] = await _intake(context, ingest, batches[2])
        resolver = Web(user_agent="bench", private_networks=True)
        forwarder = Forwarder(context, resolver)
        await forwarder.step()  # nobody takes these
        figures["alike"], figures["one by one"] = await _decisions(context)
        await _add(db, "AI", url, 1, ADDRESSES, clock)
        await _intake(context, ingest, batches[3])
        started = time.perf_counter()
        while await forwarder.step():
            pass
        seconds = time.perf_counter() - started
        figures["deliveries"] = forwarder.counts["delivered"] / seconds
        assert forwarder.counts["delivered"] == STORIES * ADDRESSES
        await resolver.close()
        clock.forward(seconds=1)
        settings = EndpointSettings(LOOPBACK, 0, "", 1_000_000)
        server = HttpServer(context, ingest, settings, lambda: True, dict)
        port = await server.start()
        token = (await api_tokens.create(context, 1, "bench", 1)).text
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
            for name, path in (("feed", "/feeds/AI.atom"), ("stories", "/stories?topic=AI&limit=50")):
                times = []
                for _ in range(REQUESTS):
                    started = time.perf_counter()
                    async with session.get(f"http://{LOOPBACK}:{port}{path}") as response:
                        response.raise_for_status()
                        await response.read()
                    times.append(time.perf_counter() - started)
                figures[name] = sorted(times)[REQUESTS // 2] * 1000
        await server.close()
        await db.close()
    return figures


async def measure(runs: int) -> None:
    """Intakes, deliveries and requests, with SQLite."""
    async with _receiver() as url:
        every = [await _run(url) for _ in range(runs)]
    print(f"\nOut of the bot: batches of {STORIES} stories, {ADDRESSES} addresses that take all")
    line("intake of a batch, no forwards", [run["intake without forwards"] for run in every], "s")
    line(
        f"the same beside {ELSEWHERE:,} forwards of another topic",
        [run["intake with forwards"] for run in every],
        "s",
    )
    line(f"deciding about a story and {MANY:,} forwards", [run["alike"] for run in every], "ms")
    line("the same, each by itself", [run["one by one"] for run in every], "ms")
    line("deliveries", [run["deliveries"] for run in every], "/s")
    line("GET /feeds/TOPIC.atom, 50 stories", [run["feed"] for run in every], "ms")
    line("GET /stories, 50 stories of a topic", [run["stories"] for run in every], "ms")
