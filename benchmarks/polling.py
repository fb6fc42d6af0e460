"""Thousands of feeds, each of a host of its own, polled from a server on the loopback that is another process.

The real polling and intake, and a database in a file; only names are resolved here. The first intake and the
rounds after it are processes of their own, so that each has a peak of memory of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import accumulate
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar
from unittest.mock import patch

from aiohttp.abc import ResolveResult

from benchmarks.table import line
from bot.domain.clustering.assign import StoryWindow
from bot.domain.model import Topic, Volume
from bot.domain.polling import FeedOrigin, NewFeed, PollResult
from bot.domain.posting import plan
from bot.domain.records import intake
from bot.runtime import process
from bot.services.context import Context
from bot.services.subscribe import SubscribeRequest, subscribe
from bot.sources.feeds import source
from bot.sources.feeds.parse import parse
from bot.sources.parsing.pool import ParserPool
from bot.sources.web.fetch import Web
from bot.store import feeds
from bot.store.database import Database
from bot.workers import ingest, rematch, story_window
from bot.workers.ingest import Ingest
from bot.workers.poller import Poller, _FinishedPoll

FEEDS = 10_000
ITEMS = 10  # of a feed
CHANGED = 5  # one feed of so many has something new in a round
DAYS = 30  # over which the items of a feed are spread
# From one round to the next: so no more comes in a day than before.
LATER = timedelta(days=DAYS) / (ITEMS * CHANGED)

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
_ADDRESSES = [f"127.0.0.{last}" for last in range(1, 9)]  # several, so that there are ports enough
_TOPICS = ("Harbours", "Energy", "Robots", "Space", "Health")
_CHANNELS = {101: "Harbours", 102: "Energy", 103: "Space"}
P = ParamSpec("P")
T = TypeVar("T")


# The server.


def _words() -> list[str]:
    choose = random.Random(1)  # noqa: S311 - nothing secret
    syllables = [a + b for a in "bcdfghjklmnprstvwz" for b in "aeiou"]
    return ["".join(choose.choices(syllables, k=choose.randint(2, 4))) for _ in range(20_000)]


_WORDS = _words()
_OFTEN = list(
    accumulate(1 / (rank + 20) for rank in range(len(_WORDS)))
)  # as in a language: a few words are everywhere


def _item(number: int, place: int, date: datetime) -> str:
    choose = random.Random(number * 1_000 + place)  # noqa: S311 - nothing secret
    title = " ".join(choose.choices(_WORDS, cum_weights=_OFTEN, k=8)).capitalize()
    text = " ".join(choose.choices(_WORDS, cum_weights=_OFTEN, k=30)).capitalize()
    return (
        f"<item><title>{title}</title><link>http://{host(number)}/{place}</link><guid>{number}-{place}</guid>"
        f"<pubDate>{format_datetime(date)}</pubDate><description>{text}.</description></item>\n"
    )


def host(number: int) -> str:
    """The host of a feed."""
    return f"feed{number:05}.example"


def addresses(count: int) -> Iterator[str]:
    """Where so many feeds are."""
    return (f"http://{host(number)}/feed" for number in range(count))


def number_of_host(name: str) -> int:
    """The number of a feed by its host."""
    return int(name[4:9])


def _news(number: int, turn: int) -> list[int]:
    """The rounds up to this one in which something new came in the feed."""
    return [at for at in range(1, turn + 1) if (number + at) % CHANGED == 0]


def etag_of(number: int, turn: int) -> str:
    """What a server calls a feed as it is in a round."""
    return f'"{number}-{len(_news(number, turn))}"'


def feed(number: int, turn: int) -> bytes:
    """A feed as it is in a round."""
    old = random.Random(number)  # noqa: S311
    dates = [START - timedelta(days=DAYS) * old.random() for _ in range(ITEMS)]
    items = [_item(number, place, date) for place, date in enumerate(dates)]
    items += [_item(number, ITEMS + at, START + at * LATER) for at in _news(number, turn)]
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Feed {number}</title>'
        f"<link>http://{host(number)}/</link><language>en</language>{''.join(items[-ITEMS:])}</channel></rss>"
    ).encode()


class FeedAnswer(asyncio.Protocol):
    """Gives the feed of the host that is asked for as it is in a round, or 304; after so many seconds.

    `number_of` tells the number of a feed by its host.
    """

    def __init__(
        self,
        turn: Callable[[], int],
        number_of: Callable[[str], int] = number_of_host,
        delay: float = 0,
    ) -> None:
        self._turn = turn
        self._number_of = number_of
        self._delay = delay
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            asyncio.get_running_loop().call_later(self._delay, self._answer)

    def _answer(self) -> None:
        fields = dict(row.split(": ", 1) for row in self._head.decode().split("\r\n")[1:-2])
        number, turn = self._number_of(fields["Host"]), self._turn()
        etag = etag_of(number, turn)
        head = f"ETag: {etag}\r\nDate: {format_datetime(START + turn * LATER, usegmt=True)}\r\nConnection: close\r\n"
        if fields.get("If-None-Match") == etag:
            self._transport.write(f"HTTP/1.1 304 Not Modified\r\n{head}\r\n".encode())
        else:
            body = feed(number, turn)
            head += f"Content-Type: application/rss+xml\r\nContent-Length: {len(body)}\r\n"
            self._transport.write(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body)
        self._transport.close()


def _serve(turn: Synchronized[int], told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: FeedAnswer(lambda: turn.value), _ADDRESSES[0], 0, backlog=1000
        )
        port = server.sockets[0].getsockname()[1]
        for address in _ADDRESSES[1:]:
            await asyncio.get_running_loop().create_server(
                lambda: FeedAnswer(lambda: turn.value), address, port, backlog=1000
            )
        told.send(port)
        await server.serve_forever()

    asyncio.run(run())


class _Names:
    """Every host is on the loopback, at the port of the server."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """One address, by the host's number."""
        address = _ADDRESSES[number_of_host(host) % len(_ADDRESSES)]
        return [
            ResolveResult(
                hostname=host, host=address, port=self._port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """There is nothing to be freed."""


# What the time goes into.


@dataclass
class _Spent:
    """Seconds of processor time. What runs in a thread of its own is told by the thread, the rest by where it is called."""

    parsing: float = 0.0
    deciding: float = 0.0
    statements: float = 0.0

    def timed(self, part: str, call: Callable[P, T]) -> Callable[P, T]:
        """The function, charging what it takes."""

        def timed(*args: P.args, **kwargs: P.kwargs) -> T:
            started = time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                setattr(self, part, getattr(self, part) + time.thread_time() - started)

        return timed


class _Steps(Generic[T]):
    """A coroutine, charging what each of its steps takes: what others do while it waits is theirs."""

    def __init__(self, inner: Coroutine[Any, Any, T], spent: _Spent) -> None:
        self._steps = inner.__await__()
        self._next = spent.timed("statements", self._steps.__next__)

    def __await__(self) -> Generator[Any, Any, T]:
        """As the coroutine itself, which nobody cancels."""
        while True:
            try:
                waiting = self._next()
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            yield waiting


class _Poll(Poller):
    """The real one, charging what it asks of the store."""

    spent: _Spent

    async def _begin(self) -> None:
        await _Steps(super()._begin(), self.spent)

    async def _store(self, over: Sequence[_FinishedPoll]) -> None:
        await _Steps(super()._store(over), self.spent)


@contextmanager
def _measured(poller: _Poll) -> Iterator[dict[str, float]]:
    """How long it takes, on the clock and of the processors, and in which part."""
    poller.spent = spent = _Spent()
    figures: dict[str, float] = {}
    before = dict(poller.counts)
    clock, everything, loop = time.perf_counter(), time.process_time(), time.thread_time()
    with (
        patch.object(source, "parse", spent.timed("parsing", parse)),
        patch.object(ingest, "identify", spent.timed("deciding", intake.identify)),
        patch.object(story_window, "StoryWindow", spent.timed("deciding", StoryWindow)),
        patch.object(story_window, "place", spent.timed("deciding", plan.place)),
        patch.object(ingest, "plan", spent.timed("deciding", plan.plan)),
    ):
        yield figures
    everything, loop = time.process_time() - everything, time.thread_time() - loop
    figures |= {
        "seconds": time.perf_counter() - clock,
        "processor": everything,
        "parsing": spent.parsing,
        "deciding": spent.deciding,
        "store": spent.statements + everything - loop - spent.deciding,
        "network": loop - spent.parsing - spent.statements,
        "resident": _resident(),
    }
    figures |= {got.value: poller.counts[got.value] - before.get(got.value, 0) for got in PollResult}


def _resident() -> float:
    """MB of resident memory."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS")) / 1024


# The two processes that are measured.


@asynccontextmanager
async def _polling(database: str) -> AsyncIterator[tuple[_Poll, Context, Callable[[int], None]]]:
    """The real parts, the server beside them, and what goes on to a round."""
    spawn = multiprocessing.get_context("spawn")
    turn, (ours, theirs) = spawn.Value("i", 0), spawn.Pipe()
    server = spawn.Process(target=_serve, args=(turn, theirs), daemon=True)
    server.start()
    web = Web(
        user_agent="Topicwire benchmark",
        private_networks=True,
        resolver=_Names(await asyncio.to_thread(ours.recv)),
    )
    db = await Database.open(database)
    parsers = ParserPool()
    context = Context(db, lambda: START + turn.value * LATER, web=web, parsers=parsers)

    def to(number: int) -> None:
        turn.value = number

    try:
        yield _Poll(context, Ingest(context), web, random.Random(1).random), context, to  # noqa: S311
    finally:
        await parsers.close()
        await web.close()
        await db.close()
        server.kill()


async def _first(database: str, count: int) -> dict[str, float]:
    """The first intake of so many feeds, as it is."""
    async with _polling(database) as (poller, context, _):
        started = time.perf_counter()
        await follow(context, addresses(count))
        added = time.perf_counter() - started
        with _measured(poller) as figures:
            await poller.drain()
        return figures | {"added": added, "peak": _peak()}


async def follow(context: Context, addresses: Iterable[str]) -> None:
    """Make topics, channels that follow them, and feeds with these addresses."""
    topics = [Topic(name, keywords=tuple(_WORDS[at * 40 : at * 40 + 20])) for at, name in enumerate(_TOPICS)]
    await rematch.configure(context, topics)
    for channel, topic in _CHANNELS.items():
        await subscribe(context, SubscribeRequest(1, channel, topic, volume=Volume.EVERYTHING))
    async with context.db.write() as connection:
        for number, address in enumerate(addresses):
            about = (_TOPICS[number % len(_TOPICS)],)
            new_feed = NewFeed(address, FeedOrigin.OPERATOR, topics=about)
            await feeds.add(connection, new_feed, context.polls.bounds.least, context.now())


async def _rounds(database: str, rounds: int) -> list[dict[str, float]]:
    async with _polling(database) as (poller, _, to):
        found = []
        for number in range(1, rounds + 1):
            to(number)
            with _measured(poller) as figures:
                await poller.drain()
            found.append(figures | {"peak": _peak()})
        return found


def _peak() -> float:
    """MB of memory, at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _process(what: str, database: Path, number: int) -> Any:
    command = [sys.executable, "-m", "benchmarks.polling", what, str(database), str(number)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def measure(rounds: int, count: int = FEEDS) -> None:
    """First intakes, of which the larger show how the time grows; and rounds in which one feed of five has something new."""
    with tempfile.TemporaryDirectory() as folder:
        for part in (count // 20, count // 10, count):
            database = Path(folder) / f"{part}.db"
            first = _process("first", database, part)
            print(f"\nThe first intake of {part} feeds, {part * ITEMS} records")
            _print([first])
        later = _process("rounds", database, rounds)
    print(f"\nPolling {count} feeds of {count} hosts; one in {CHANGED} has new items, the others answer 304")
    line("adding the feeds, before the first poll", [first["added"]], "s")
    _print(later)
    resident = [turn["resident"] for turn in later]
    shown = ", ".join(f"{held:.0f}" for held in resident)
    print(f"{'resident memory after each round':<58} {shown} MB")


def _print(turns: Sequence[dict[str, float]]) -> None:
    counts = {got.value: [int(turn[got.value]) for turn in turns] for got in PollResult}
    polled = [sum(turn[got.value] for got in PollResult) for turn in turns]
    print(
        f"{'polls with new items / without / failed':<58} {counts['new']} / {counts['nothing new']} / {counts['failed']}"
    )
    line("a round", [turn["seconds"] for turn in turns], "s")
    line("feeds a second", [many / turn["seconds"] for many, turn in zip(polled, turns, strict=True)], "")
    line("processor time", [turn["processor"] for turn in turns], "s")
    for part in ("network", "parsing", "deciding", "store"):
        line(f"  of which {part}", [100 * turn[part] / turn["processor"] for turn in turns], "%")
    line("peak memory", [turns[-1]["peak"]], "MB")


def _main() -> None:
    logging.basicConfig(level=logging.WARNING)
    process.collect_garbage_less_often()  # as the program does
    what, database, number = sys.argv[1:]
    run = {"first": _first, "rounds": _rounds}[what]
    print(json.dumps(asyncio.run(run(database, int(number)))))


if __name__ == "__main__":
    _main()
