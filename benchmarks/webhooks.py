"""What messages of webhooks add to those of the bot, from one address and from several, on the loopback.

The Discord on the loopback takes 50 requests a second with a token, and 50 without one from an address. Each bot is a whole one, in a process
of its own, with a token, a database and an address of its own, such as 127.0.0.2: as installations on several machines. In a channel
with a name of its own, a webhook posts.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

import aiohttp

from benchmarks.sending import CEILING, Job, Remote, Sent, fill, make_due, most_in_a_second, rate
from bot.chat.transport import DiscordAddresses
from bot.domain.posting.decisions import PostingSettings
from bot.domain.posting.face import Face, WebhookKey
from bot.runtime.app import App
from bot.services.context import Context
from bot.store import faces
from bot.store.database import Database
from tests.loopback import DISCORD, GuildLayout, Loopback, large
from tests.loopback.objects import webhook

CHANNELS = 600  # of each bot, and one message for each
SECRET = "a.made-up.token"  # noqa: S105 - nobody's
SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Setup:
    """So many bots, each on an address of its own. Webhooks post in this share of the channels, this often a second beside the bot."""

    name: str
    bots: int
    share: float
    webhooks_per_second: float


SETUPS = (
    Setup("the bot alone", 1, 0.0, 0),
    Setup("half by webhooks, which count towards the bot's (default)", 1, 0.5, 0),
    Setup("half by webhooks, with a pace of their own", 1, 0.5, CEILING),
    Setup("webhooks, 1 address", 1, 1.0, CEILING),
    Setup("webhooks, 2 addresses", 2, 1.0, CEILING),
    Setup("webhooks, 4 addresses", 4, 1.0, CEILING),
)


def _key(channel: int) -> WebhookKey:
    return WebhookKey(channel + 1, SECRET)


# ------------------------------------------------------------------------------------------- Discord


def _discord(parent: Connection, guilds: Sequence[GuildLayout]) -> None:
    """The Discord, in a process of its own, with a webhook in each channel."""
    asyncio.run(_serve(parent, guilds))


async def _serve(parent: Connection, guilds: Sequence[GuildLayout]) -> None:
    server = Loopback(guilds, limits=DISCORD)
    for guild in guilds:
        for channel in guild.channels:
            server.webhooks[_key(channel).id] = webhook(_key(channel), channel, guild.id)
    async with server.serving():
        parent.send(server.port)
        while await asyncio.to_thread(parent.recv):
            parent.send((dict(server.arrivals), dict(server.limited)))


@asynccontextmanager
async def serving(guilds: Sequence[GuildLayout]) -> AsyncIterator[Remote]:
    """A new Discord with these servers."""
    here, there = multiprocessing.Pipe()
    process = SPAWN.Process(target=_discord, args=(there, guilds))
    process.start()
    there.close()
    try:
        port = await asyncio.to_thread(here.recv)
        yield Remote(here, port, [channel for guild in guilds for channel in sorted(guild.channels)])
    finally:
        here.send(False)
        await asyncio.to_thread(process.join, 10)
        process.kill()


# ------------------------------------------------------------------------------------------- bots


def _bot(parent: Connection, number: int, setup: Setup, port: int, guild: GuildLayout) -> None:
    """A bot, in a process of its own, whose connections leave from an address of its own."""
    logging.disable(logging.WARNING)
    bound = partial(aiohttp.TCPConnector, local_addr=(f"127.0.0.{number + 2}", 0))
    with patch("aiohttp.TCPConnector", bound):
        asyncio.run(_run(parent, f"{SECRET}-{number}", setup, port, guild))


async def _run(parent: Connection, token: str, setup: Setup, port: int, guild: GuildLayout) -> None:
    channels = sorted(guild.channels)
    job = Job(tuple((0.0, place) for place in range(len(channels))))
    with tempfile.TemporaryDirectory() as folder:
        db = await Database.open(str(Path(folder) / "webhooks.db"))
        context = Context(db, lambda: datetime.now(UTC), PostingSettings(per_hour=1000, most_per_hour=1000))
        app = App(
            context,
            addresses=DiscordAddresses(f"http://127.0.0.1:{port}/api", f"ws://127.0.0.1:{port}/gateway/"),
            requests_per_second=CEILING,
            webhooks_per_second=setup.webhooks_per_second,
        )
        await fill(app, channels, job)
        async with db.write() as connection:
            for place, channel in enumerate(channels):
                if int((place + 1) * setup.share) > int(place * setup.share):
                    await faces.put(connection, Face(guild.id, channel, _key(channel), "Station clock"))
        running = asyncio.create_task(app.run(token))
        await app.client.up.wait()
        await asyncio.sleep(3)  # for its commands
        parent.send("ready")
        await asyncio.to_thread(parent.recv)
        await make_due(app, channels, job)
        await asyncio.to_thread(parent.recv)
        app.stop()
        await running
        await db.close()


async def send(setup: Setup) -> Sent:
    """Have the bots of a setup send one message to each of their channels, all at once."""
    guilds = large(setup.bots, CHANNELS)
    async with serving(guilds) as remote:
        ends, bots = [], []
        for number, guild in enumerate(guilds):
            here, there = multiprocessing.Pipe()
            bot = SPAWN.Process(target=_bot, args=(there, number, setup, remote.port, guild))
            bot.start()
            there.close()
            ends.append(here)
            bots.append(bot)
        try:
            for end in ends:
                await asyncio.to_thread(end.recv)
            for end in ends:
                end.send("begin")
            began = time.monotonic()
            arrivals, refused = await remote.all_arrived(len(remote.channels))
            for end in ends:
                end.send("stop")
        finally:
            for bot in bots:
                await asyncio.to_thread(bot.join, 30)
                bot.kill()
        return Sent(began, arrivals, refused)


async def measure() -> None:
    """Print the messages a second of each setup, and what was refused, lost or sent twice."""
    logging.disable(logging.WARNING)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {CHANNELS} channels a bot")
    print(f"{'':60}{'a second':>9}{'429s':>6}{'most in 1 s':>13}{'missing':>9}{'twice':>7}")
    rates = {}
    for setup in SETUPS:
        sent = await send(setup)
        counts = [len(times) for times in sent.arrivals.values()]
        missing, twice = setup.bots * CHANNELS - len(counts), sum(count - 1 for count in counts)
        rates[setup.name] = rate(sent)
        refused = sum(sent.refused.values())
        print(
            f"{setup.name:60}{rate(sent):9.1f}{refused:6}{most_in_a_second(sent):13}{missing:9}{twice:7}",
            flush=True,
        )
    *_, two, four = rates.values()
    print(f"4 addresses: {four / two:.2f} times as many as 2")
