"""Documents from outside are parsed in processes: what takes too long or too much is ended, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar, TypeVarTuple

import pytest

from bot.domain.polling import PollResult
from bot.errors import SourceError
from bot.sources.feeds.discover import feed_links
from bot.sources.feeds.parse import FeedSpec, NotAFeed, parse
from bot.sources.feeds.source import find_feed, poll_feed
from bot.sources.parsing.pool import (
    SMALL,
    InProcessParsers,
    ParserBugError,
    ParserPool,
    TooCostlyError,
    loads,
)
from bot.sources.parsing.worker import main
from bot.sources.records import parse as records
from tests.feeds import Entry, Page, Site, reader, rss
from tests.sources import parsers

SOON = 0.2  # seconds that a document may take here, where it never ends
ORIGIN = FeedSpec("https://paper.example/feed")
NOW = datetime(2026, 1, 1, tzinfo=UTC)

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

limits_memory = pytest.mark.skipif(sys.platform != "linux", reason="the system keeps no limit of memory")


@pytest.fixture
async def pool() -> AsyncIterator[ParserPool]:
    async with ParserPool() as made:
        yield made
    assert made.processes == 0


async def until(true: Callable[[], bool]) -> None:
    """Wait for it; the test's own timeout is the end."""
    while not true():  # noqa: ASYNC110 - nothing tells of a process that has started or ended
        await asyncio.sleep(0.01)


# What it gives.


async def test_a_parser_gives_the_same_in_a_process(pool: ParserPool) -> None:
    calls: list[tuple[Callable[..., object], bytes, tuple[Any, ...]]] = [
        (parse, rss(Entry("Żółw &amp; <b>harbour</b>", 1, text="A word."), "No date"), (ORIGIN, "")),
        (
            parse,
            b'{"version": "https://jsonfeed.org/version/1", "title": "T", "items": [{"id": 1}]}',
            (ORIGIN,),
        ),
        (
            feed_links,
            b"<link rel=alternate type=application/rss+xml href=/feed>",
            ("https://paper.example/",),
        ),
        (records, b'{"title": "T", "webUrl": "https://a.example/1", "topics": ["x"]}', ("body.json", 0)),
        (records, b"[1, {}]", ("body.json", 0)),
    ]
    for parser, body, arguments in calls:
        there = await pool.run(1, parser, body, *arguments)
        here = await InProcessParsers().run(1, parser, body, *arguments)
        assert there == parser(body, *arguments) == here, body


async def test_what_a_parser_objects_to_is_said_in_its_words(pool: ParserPool) -> None:
    with pytest.raises(NotAFeed, match="3 bytes of nothing"):
        await pool.run(1, parsers.refuses, b"abc")
    assert pool.processes == 1, "an objection is an answer like any other"


async def test_a_bug_of_a_parser_is_told_with_its_traceback(pool: ParserPool) -> None:
    with pytest.raises(ParserBugError, match=r"(?s)has_a_bug.*KeyError: 'missing'"):
        await pool.run(1, parsers.has_a_bug, b"")


async def test_what_a_library_prints_is_no_answer(pool: ParserPool) -> None:
    assert await pool.run(1, parsers.says, b"hello") == "hello"


# Bounds.


async def test_a_parser_that_never_ends_is_ended_and_named() -> None:
    async with ParserPool(1, deadline=SOON) as pool:
        with pytest.raises(TooCostlyError, match=r"longer than 0\.2 seconds to read"):
            await pool.run(1, parsers.never_ends, b"ab")
        assert pool.processes == 0


@limits_memory
async def test_a_parser_that_eats_memory_is_ended_and_named() -> None:
    async with ParserPool(1, memory=100_000_000) as pool:
        with pytest.raises(TooCostlyError, match="more than 100 MB of memory"):
            await pool.run(1, parsers.eats_memory, b"ab")
        assert pool.processes == 0
        assert await pool.run(1, parsers.says, b"the next") == "the next"


@limits_memory
async def test_the_ceiling_of_memory_is_that_of_the_system() -> None:
    async with ParserPool(1, memory=200_000_000) as pool:
        most, has = await pool.run(1, parsers.memory_allowed, b"")
    assert has < most < has + 200_000_000


async def test_a_document_that_ends_its_process_is_named_and_no_other_is_lost(pool: ParserPool) -> None:
    done = await asyncio.gather(
        pool.run(1, parsers.crashes, b""),
        *(pool.run(server, parsers.says, b"fine") for server in (0, 1, 2, 3)),
        return_exceptions=True,
    )
    assert isinstance(done[0], TooCostlyError)
    assert done[1:] == ["fine"] * 4


async def test_a_process_that_ends_while_it_has_nothing_to_do_costs_no_document(pool: ParserPool) -> None:
    before = await pool.run(1, parsers.process, b"")
    os.kill(before, 9)
    after = await pool.run(1, parsers.process, b"")
    assert after != before
    assert pool.processes == 1


async def test_whoever_waits_no_longer_leaves_no_process_busy(pool: ParserPool) -> None:
    waiting = asyncio.ensure_future(pool.run(1, parsers.never_ends, b"ab"))
    await until(lambda: pool.processes == 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pool.processes == 0


async def test_a_process_is_used_again_and_ended_when_it_has_nothing_to_do() -> None:
    async with ParserPool(idle=3600) as pool:
        assert len({await pool.run(1, parsers.process, b"") for _ in range(3)}) == 1
    async with ParserPool(idle=0) as pool:
        await pool.run(1, parsers.process, b"")
        await until(lambda: pool.processes == 0)


async def test_where_no_process_can_be_started_the_document_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with ParserPool() as pool:
        with pytest.raises(TooCostlyError, match="the parser cannot be started"):
            await pool.run(1, parsers.says, b"")


async def test_a_process_ends_with_the_program_that_started_it() -> None:
    """Its input ends then, however the program ended."""
    boot = (
        "import sys; sys.path[:] = sys.argv[1:]; from bot.sources.parsing.worker import main; main(10**9, 30)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", boot, *sys.path, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate(b"")
    assert said == b"\n"
    assert process.returncode == 0
    assert main.__module__ == "bot.sources.parsing.worker"


# What comes back.


def test_an_answer_cannot_run_anything(tmp_path: Any) -> None:
    """A process whose parser was taken over by a document cannot take over the bot."""
    with pytest.raises(pickle.UnpicklingError, match="an answer must not contain"):
        loads(parsers.runs(f"touch {tmp_path}/taken"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "value",
    [struct.Struct, pickle.loads, SourceError, ParserPool, asyncio.Semaphore, parse],
    ids=lambda value: value.__name__,
)
def test_an_answer_holds_nothing_but_results(value: object) -> None:
    with pytest.raises(pickle.UnpicklingError, match="an answer must not contain"):
        loads(pickle.dumps(("value", value)))


@pytest.mark.parametrize(
    "answer", [pickle.dumps(1), pickle.dumps((1, 2)), pickle.dumps(("a", 1, 2)), b"", b"x"]
)
def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    with pytest.raises((pickle.UnpicklingError, EOFError)):
        loads(answer)


# Nobody else waits.


async def busy_with(pool: ParserPool, servers: list[int], processes: int) -> list[asyncio.Task[str]]:
    """Hostile documents of these servers under way, in so many processes."""
    waiting = [asyncio.ensure_future(pool.run(server, parsers.never_ends, b"ab")) for server in servers]
    await until(lambda: pool.processes == processes)
    return waiting


async def end(waiting: list[asyncio.Task[str]]) -> None:
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_six_hostile_documents_take_no_thread_that_an_intake_needs(pool: ParserPool) -> None:
    loop: Any = asyncio.get_running_loop()
    waiting = await busy_with(pool, [1, 2, 3, 4, 5, 6], processes=2)
    assert loop._default_executor is None, "none of the threads that everybody shares was asked"
    threads = 64  # more than there ever are: had one been taken, the last of these would wait
    barrier = await asyncio.gather(*(asyncio.to_thread(int, "1") for _ in range(threads)))
    assert barrier == [1] * threads
    await end(waiting)


async def test_one_server_has_one_process_and_others_go_on(pool: ParserPool) -> None:
    waiting = await busy_with(pool, [1] * 6, processes=1)
    assert await pool.run(2, parsers.says, b"another server's") == "another server's"
    assert await pool.run(0, parsers.says, b"the operator's") == "the operator's"
    assert pool.processes == 2
    await end(waiting)


async def test_all_servers_together_leave_a_process_for_the_operators_feeds(pool: ParserPool) -> None:
    waiting = await busy_with(pool, list(range(1, 9)), processes=2)
    assert await pool.run(0, parsers.says, b"the operator's") == "the operator's"
    await end(waiting)


async def test_a_server_that_has_had_its_turn_waits_behind_the_others() -> None:
    """However many documents it has."""
    order: list[str] = []

    async def read(pool: ParserPool, server: int, name: str) -> None:
        order.append(await pool.run(server, parsers.says, name.encode()))

    async with ParserPool(2) as pool:
        names = [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (3, "c1")]
        await asyncio.gather(*(read(pool, server, name) for server, name in names))
    assert order == ["a1", "b1", "c1", "a2", "a3"]


# Feeds.


class _Counting(InProcessParsers):
    """Parses here, and notes for which servers."""

    def __init__(self) -> None:
        self.servers: list[int] = []

    async def run(self, server: int, parser: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        self.servers.append(server)
        return await super().run(server, parser, *arguments)


@pytest.mark.parametrize(
    ("server", "size", "apart"),
    [(0, SMALL // 2, False), (0, SMALL, True), (7, 0, True), (7, SMALL, True)],
)
async def test_only_a_small_feed_of_the_operators_is_parsed_at_once(
    server: int, size: int, apart: bool
) -> None:
    counting = _Counting()
    async with Site({"/feed": Page(rss(Entry("One", 1, text="x" * size)))}).serving() as site:
        web = reader()
        done = await poll_feed(web, FeedSpec(site.url()), {}, NOW, counting, server)
        found = await find_feed(web, FeedSpec(site.url()), counting, server)
        await web.close()
    assert done.result is PollResult.NEW
    assert done.document == found.document
    assert counting.servers == ([server] * 2 if apart else [])


class _TooCostly:
    async def run(self, _server: int, _parser: object, *_arguments: object) -> Any:
        raise TooCostlyError("the document takes longer than 30 seconds to read")


async def test_a_feed_that_takes_too_long_to_read_has_failed_for_that_reason() -> None:
    async with Site({"/feed": Page(rss(Entry("One", 1)))}).serving() as site:
        web = reader()
        done = await poll_feed(web, FeedSpec(site.url()), {}, NOW, _TooCostly(), 7)
        with pytest.raises(SourceError, match="the document takes longer than 30 seconds to read"):
            await find_feed(web, FeedSpec(site.url()), _TooCostly(), 7)
        await web.close()
    assert (done.result, done.reason) == (
        PollResult.FAILED,
        "the document takes longer than 30 seconds to read",
    )
    assert site.paths == ["/feed", "/feed"], "no other address is tried for it"
