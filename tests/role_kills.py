"""Processes of every role share a PostgreSQL, and are killed in turn; then every story stands once in every channel."""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from bot.domain.model import Mode, Subscription, Volume
from bot.store import leases, schema, subscriptions, topics
from bot.store.database import Database
from bot.store.notifications import WAKE
from tests.databases import MIGRATED, named, postgres
from tests.feeds import Entry, Page, Site, rss
from tests.forks import Forked
from tests.kill_helpers import FAULTS, kill, miscounted, start, write
from tests.loopback import SEND_ALL, GuildLayout, Loopback
from tests.loopback.objects import FORUM_CHANNEL, TEXT
from tests.make import START
from tests.store.store_helpers import headlines

PATIENCE = 100.0  # seconds for what is due at the end
A_ROUND = 3  # stories that come in before each kill: one in a folder, and one in each feed
# Two servers, of which each cluster of shards has one.
GUILDS = (
    GuildLayout(1 << 22, {11: TEXT, 12: FORUM_CHANNEL}, SEND_ALL),
    GuildLayout(2 << 22, {21: TEXT}, SEND_ALL),
)
PLACES = [(layout.id, channel) for layout in GUILDS for channel in layout.channels]
CONFIG = """\
database: {{url: "{url}"}}
feeds: {{catalogue: false, private_networks: true}}
topics: {{inline: [{{name: Trains, keywords: [train]}}]}}
posts: {{edit_interval: 5s, per_hour: 1000, most_per_hour: 1000}}
sources:
  - {{kind: folder, path: {folder}/records}}
  - {{kind: feed, url: "http://127.0.0.1:{port}/one", name: One, topics: [Trains], quality: 80}}
  - {{kind: feed, url: "http://127.0.0.1:{port}/two", name: Two, topics: [Trains], quality: 80}}
"""
# The processes, by name: their roles, and the cluster of shards. In the short form some roles share a process.
GATEWAYS = {"gateway 0": ("gateway", 0), "gateway 1": ("gateway", 1)}
FEW = {**GATEWAYS, "worker a": ("poller,intake,sender", 0), "worker b": ("poller,intake,sender", 0)}
WHOLE = {"whole": ("all", 0)}
MANY = GATEWAYS | {f"{role} {name}": (role, 0) for role in ("poller", "intake", "sender") for name in "ab"}


@dataclass
class TwoFeeds:
    """Two feeds, to which entries are added."""

    site: Site = field(default_factory=Site)
    entries: Mapping[str, list[Entry]] = field(default_factory=lambda: {"/one": [], "/two": []})

    def add(self, path: str, title: str) -> None:
        """Put an article into a feed."""
        hours = (datetime.now(UTC) - START).total_seconds() / 3600
        self.entries[path].append(Entry(title, hours))
        self.site.pages[path] = Page(rss(*self.entries[path]))


class Installation:
    """Processes on one database, a Discord, and feeds."""

    def __init__(self, url: str, folder: Path, processes: Mapping[str, tuple[str, int]]) -> None:
        self._url, self._folder, self._processes = url, folder, processes
        self._killed: set[int] = set()
        self._running: dict[str, Forked] = {}
        self.discord = Loopback(GUILDS)
        self.feeds = TwoFeeds()

    async def prepare(self, db: Database) -> None:
        """The settings, a source of each kind with an old article, and channels that follow everything."""
        (self._folder / "records").mkdir()
        config = CONFIG.format(url=self._url, folder=self._folder, port=self.feeds.site.port)
        (self._folder / "config.yaml").write_text(config)
        write(self._folder, "old", "An old engine is sold")
        for path in self.feeds.entries:
            self.feeds.add(path, f"An old carriage is sold by {path[1:]}")
        async with db.write() as connection:
            ids = await topics.ensure(connection, ["Trains"])
            for guild_id, channel_id in PLACES:
                wish = Subscription(0, guild_id, channel_id, "Trains", Mode.LIVE, Volume.EVERYTHING)
                await subscriptions.subscribe(connection, wish, ids["trains"], datetime.now(UTC))

    async def start(self, name: str) -> None:
        """Start one of the processes."""
        roles, cluster = self._processes[name]
        shards = {"CLUSTER": str(cluster), "CLUSTERS": "1" if roles == "all" else "2"}
        self._running[name] = await start(
            self.discord,
            self._folder,
            "--role",
            roles,
            log=f"log of {name}",
            environment={f"TOPICWIRE_DISCORD__SHARDS__{part}": number for part, number in shards.items()},
        )

    async def start_all(self) -> None:
        """Start every process."""
        for name in self._processes:
            await self.start(name)

    async def disturb(self, name: str, db: Database, *, freeze: bool) -> None:
        """Kill a process and start it again, or freeze it; of a role that one has at a time, the one that leads.

        A frozen leader goes on once another one leads, as if nothing had happened.
        """
        role = self._processes[name][0].rpartition(",")[2]
        leads = role in ("intake", "sender")
        name = (await self._leader(db, role) if leads else None) or name
        process = self._running[name]
        if not freeze:
            self._killed.add(process.pid)
            await kill(process)
            await self.start(name)
        elif leads:
            process.send_signal(signal.SIGSTOP)
            async with asyncio.timeout(PATIENCE):
                while await self._leader(db, role) in (name, None):  # noqa: ASYNC110 # in other processes
                    await asyncio.sleep(0.1)
            process.send_signal(signal.SIGCONT)

    async def _leader(self, db: Database, role: str) -> str | None:
        held = sa.select(schema.leases.c.holder).where(schema.leases.c.name.startswith(role))
        async with db.read() as connection:
            holders = (await connection.execute(held)).scalars().all()
        numbers = {_pid(holder) for holder in holders if holder}
        return next((name for name, process in self._running.items() if process.pid in numbers), None)

    async def held(self, db: Database) -> list[str]:
        """The leases that somebody has, without the records of killed processes, which stay for an hour."""
        of_process, row_of = leases.process(""), schema.leases.c
        async with db.read() as connection:
            rows = await connection.execute(sa.select(row_of.name, row_of.holder).where(row_of.holder != ""))
            return [
                row.name
                for row in rows
                if not (row.name.startswith(of_process) and _pid(row.holder) in self._killed)
            ]

    async def stop(self) -> list[str]:
        """Stop all processes in order; what went wrong."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            codes = {name: await process.wait() for name, process in self._running.items()}
        orderly = (0, -signal.SIGTERM)  # the latter of one that has only just been started
        return [f"{name} ended with exit code {code}" for name, code in codes.items() if code not in orderly]

    async def end(self) -> None:
        """Kill what still runs."""
        for process in self._running.values():
            await kill(process)


def _pid(holder: str) -> int:
    """The number of the process that holds a lease."""
    return int(holder.split()[-2])


async def poll_now(db: Database) -> None:
    """Make all feeds due that nobody polls at the moment, and say so."""
    feeds = schema.feeds
    async with db.write() as connection:
        idle = sa.and_(feeds.c.lease_until.is_(None), feeds.c.polled_at.is_not(None))
        await connection.execute(sa.update(feeds).where(idle).values(next_poll=datetime.now(UTC)))
        await connection.execute(sa.select(sa.func.pg_notify(WAKE, "")))


async def _until(db: Database, *conditions: sa.Select[bool], polling: bool = False) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            async with db.read() as connection:
                if all([await connection.scalar(condition) for condition in conditions]):
                    return
            if polling:
                await poll_now(db)
            await asyncio.sleep(0.2)


def _count(condition: sa.ColumnElement[bool], number: int) -> sa.Select[bool]:
    return sa.select(sa.func.count() == number).where(condition)


async def run(
    kills: int,
    seed: int,
    url: str,
    folder: Path,
    processes: Mapping[str, tuple[str, int]],
    frozen: float = 0.0,
) -> list[str]:
    """Kill that many processes of an installation; what is wrong afterwards, nothing where all is right.

    The share `frozen` of them is frozen instead.
    """
    chance = random.Random(seed)  # noqa: S311 # nothing secret
    installation = Installation(url, folder, processes)
    discord, feeds = installation.discord, installation.feeds
    titles = list(headlines(A_ROUND * kills))
    async with AsyncExitStack() as stack:
        db = await Database.open(url)
        stack.push_async_callback(db.close)
        await stack.enter_async_context(discord.serving())
        await stack.enter_async_context(feeds.site.serving())
        await installation.prepare(db)
        stack.push_async_callback(installation.end)
        await installation.start_all()
        await _until(db, _count(schema.sources.c.intake_done, A_ROUND))
        turns = [*processes]
        for number in range(kills):
            of_round = titles[number * A_ROUND : (number + 1) * A_ROUND]
            discord.faults = [chance.choice(FAULTS) for _ in range(chance.randint(0, 2))]
            write(folder, f"n{number}", of_round[0])
            for path, title in zip(feeds.entries, of_round[1:], strict=True):
                feeds.add(path, title)
            await _arrivals(discord, db, chance.randint(1, len(PLACES)))
            if number % len(turns) == 0:
                chance.shuffle(turns)
            await installation.disturb(turns[number % len(turns)], db, freeze=chance.random() < frozen)
        discord.faults = []
        sent, due = schema.outbox.c.message_id.is_not(None), schema.outbox.c.due_at.is_not(None)
        await _until(db, _count(sent, len(titles) * len(PLACES)), _count(due, 0), polling=True)
        wrong = [*await _unanswered(discord), *await installation.stop()]
        wrong += [f"the lease {name} is still held" for name in await installation.held(db)]
    return wrong + miscounted(discord, [channel_id for _, channel_id in PLACES], titles)


async def _arrivals(discord: Loopback, db: Database, more: int) -> None:
    """Wait until so many more messages have arrived, while feeds are polled."""
    aim = len(discord.accepted) + more
    async with asyncio.timeout(PATIENCE):
        while len(discord.accepted) < aim:
            await poll_now(db)
            discord.arrived.clear()
            waiting = asyncio.ensure_future(discord.arrived.wait())
            await asyncio.wait([waiting], timeout=0.5)
            waiting.cancel()


def _serves(discord: Loopback, guild_id: int) -> bool:
    """Whether a gateway is connected that has the server."""
    sessions = discord.gateway.sessions.values()
    return any(session.socket is not None and session.concerns(guild_id) for session in sessions)


async def _unanswered(discord: Loopback) -> list[str]:
    """The servers in which nobody answers commands any more."""
    wrong = []
    for guild_id, channel_id in PLACES:
        try:
            async with asyncio.timeout(PATIENCE):
                while not _serves(discord, guild_id):  # noqa: ASYNC110 # what changes is in other processes
                    await asyncio.sleep(0.1)
                await discord.use("help", channel_id=channel_id)
        except TimeoutError:
            wrong.append(f"{guild_id}: a command was not answered")
    return wrong


def soak(kills: int, seed: int) -> int:
    """The long form. Returns whether something went wrong: 0 or 1."""
    with postgres() as server, tempfile.TemporaryDirectory() as folder:
        way = run(kills, seed, named(server, MIGRATED), Path(folder), MANY, frozen=0.25)
        wrong = asyncio.run(way)
    print(f"{kills} kills of processes of all roles: {len(wrong)} wrong", *wrong, sep="\n  ", flush=True)  # noqa: T201 # its output
    return min(len(wrong), 1)
