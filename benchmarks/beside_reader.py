"""The same feeds, polled and stored by Topicwire and by lemon24/reader, each in a process of its own with a SQLite file.

A server in a third process gives both the same bytes over the loopback, at addresses that need no names. Both poll with what
they come with, store every article, and poll again when one feed in `polling.CHANGED` has a new one and the others answer 304.
Topicwire finds stories, topics and posts for three channels besides, and indexes texts for its search. reader's search
is another step, which is not taken.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks import many_feeds, polling
from benchmarks.table import line, machine
from bot.domain.polling import PollResult
from bot.runtime import process
from bot.services.context import Context
from bot.sources.parsing.pool import ParserPool
from bot.sources.web.fetch import Web
from bot.store.database import Database
from bot.workers.ingest import Ingest
from bot.workers.poller import Poller

FEEDS = 500
TURNS = ("first intake", "update")  # by the round of the server
WHO = ("Topicwire", "reader")
# The articles that each has stored.
ARTICLES = {"Topicwire": "SELECT count(*) FROM records", "reader": "SELECT count(*) FROM entries"}
Figures = dict[str, float]


@contextmanager
def _measured(figures: Figures, what: str) -> Iterator[None]:
    """Note the processor time that something takes, of all threads, in seconds."""
    started = time.process_time()
    yield
    figures[what] = time.process_time() - started


async def _topicwire(database: str, port: int) -> Figures:
    web = Web(user_agent="Topicwire benchmark", private_networks=True)
    db, parsers = await Database.open(database), ParserPool()
    turn = 0
    context = Context(db, lambda: polling.START + turn * polling.LATER, web=web, parsers=parsers)
    poller = Poller(context, Ingest(context), web, random.Random(1).random)  # noqa: S311 - nothing secret
    await polling.follow(context, [many_feeds.url(number, port) for number in range(FEEDS)])
    figures: Figures = {}
    for turn, what in enumerate(TURNS):
        _go_on(turn)
        with _measured(figures, what):
            await poller.drain()
    assert not poller.counts[PollResult.FAILED], poller.counts
    await parsers.close()
    await web.close()
    await db.close()
    return figures


def _reader(database: str, port: int) -> Figures:
    from reader import make_reader

    figures: Figures = {}
    with closing(make_reader(database)) as reader:
        for number in range(FEEDS):
            reader.add_feed(many_feeds.url(number, port))
        for turn, what in enumerate(TURNS):
            _go_on(turn)
            with _measured(figures, what):
                reader.update_feeds(scheduled=False)  # all of them, whenever they were updated last
    return figures


def _go_on(turn: int) -> None:
    """Have the parent bring the server to a round."""
    print(turn, flush=True)
    sys.stdin.readline()


def _run(who: str, folder: str, server: many_feeds.FeedServer) -> Figures:
    """The figures of one of both, from a new process and a new database."""
    database = Path(folder, who)
    command = [sys.executable, "-m", "benchmarks.beside_reader", who, str(database), str(server.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for turn in range(len(TURNS)):
            if child.stdout.readline() != f"{turn}\n":
                sys.exit(f"{who} ended early")
            server.go_on(turn)
            print(file=child.stdin, flush=True)
        figures: Figures = json.loads(child.stdout.readline())
    with closing(sqlite3.connect(database)) as connection:
        (figures["articles"],) = connection.execute(ARTICLES[who]).fetchone()
    return figures


def measure(runs: int) -> None:
    """Print the processor time of both, side by side, and how they compare."""
    machine()
    results: list[dict[str, Figures]] = []
    for _ in range(runs):  # in turns, so that what else the machine does disturbs both alike
        with tempfile.TemporaryDirectory() as folder, many_feeds.serving(0) as server:
            results.append({who: _run(who, folder, server) for who in WHO})
    articles = {figures["articles"] for result in results for figures in result.values()}
    if len(articles) != 1:
        sys.exit(f"the two have not stored the same articles: {results}")
    print(
        f"\n{FEEDS} feeds, {int(articles.pop())} articles; one in {polling.CHANGED} has a new one in the update"
    )
    for what in TURNS:
        for who in WHO:
            line(f"{what}, {who}: processor time", [result[who][what] for result in results], "s")
        line(f"{what}, Topicwire relative to reader", _ratios(results, what), "x")
    _per_article(results)
    machine()


def _ratios(results: Sequence[dict[str, Figures]], what: str) -> list[float]:
    return [result["Topicwire"][what] / result["reader"][what] for result in results]


def _per_article(results: Sequence[dict[str, Figures]]) -> None:
    for who in WHO:
        first = statistics.median(result[who][TURNS[0]] for result in results)
        print(f"{who + ': first intake, an article':<58} {first / (FEEDS * polling.ITEMS) * 1e6:8.0f} µs")


def _main() -> None:
    who, database, port = sys.argv[1:]
    process.collect_garbage_less_often()  # as the program does
    figures = asyncio.run(_topicwire(database, int(port))) if who == WHO[0] else _reader(database, int(port))
    print(json.dumps(figures))


if __name__ == "__main__":
    _main()
