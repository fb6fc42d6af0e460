"""Fetching from servers that do anything but answer."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.web.model import Failure, Kind, Response
from tests.make import examples
from tests.sources.web.servers import (
    Names,
    Script,
    Server,
    answer,
    endless,
    opened,
    saying,
    silent_after,
)

OK = b"HTTP/1.1 200 OK\r\n"


async def ask(script: Script, **limits: Any) -> Response | Failure:
    """What one request gives; by then the server must be rid of its client, or be so at once."""
    async with Server(script).serving() as server, opened(**limits) as web:
        found = await web.get(server.url())
        await asyncio.wait_for(server.gone.wait(), 5)
        return found


@pytest.mark.parametrize(
    "said",
    [
        b"220 mail ready\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 20x OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 5, 6\r\n\r\nabcde",
        OK + b"A: b\r\n" + b" c\r\n" * 9_000 + b"\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        OK + b"X: " + b"x" * 20_000 + b"\r\n\r\n",
        OK + b"x" * 20_000 + b": x\r\n\r\n",
        OK + b"".join(b"X-%d: x\r\n" % number for number in range(300)) + b"\r\n",
        b"HTTP/1.1 200 " + b"x" * 20_000 + b"\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nwhat\r\n",
    ],
)
async def test_what_is_not_http(said: bytes) -> None:
    found = await ask(saying(said))
    assert isinstance(found, Failure)
    assert found.kind is Kind.PASSING


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "the server closed the connection"),
        (OK[:9], "the server closed the connection"),
        (OK + b"Content-Length: 10\r\n\r\nshort", "the response ended early"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "the response ended early"),
    ],
)
async def test_what_breaks_off(said: bytes, reason: str) -> None:
    assert await ask(saying(said)) == Failure(Kind.PASSING, reason)


async def test_more_than_was_declared_is_not_taken() -> None:
    found = await ask(saying(OK + b"Content-Length: 5\r\n\r\n<rss>", b"much more"))
    assert isinstance(found, Response)
    assert found.body == b"<rss>"


@pytest.mark.parametrize("more", [b"X: x\r\n", b"rubbish" * 1000])
async def test_after_the_last_chunk_nothing_is_waited_for(more: bytes) -> None:
    found = await ask(endless(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n0\r\n", more))
    assert isinstance(found, Response)
    assert found.body == b"<rss>"


async def test_a_connection_that_is_reset() -> None:
    async def reset(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 10\r\n\r\nxx")
        writer.transport.abort()

    found = await ask(reset)
    assert isinstance(found, Failure)
    assert found.kind is Kind.PASSING


async def test_nobody_listens() -> None:
    async with Server(saying(b"")).serving() as server:
        port = server.port
    async with opened() as web:
        found = await web.get(f"http://feeds.example:{port}/")
    assert found == Failure(Kind.PASSING, "the server cannot be reached (Connection refused)")


async def test_a_name_that_is_not_known() -> None:
    async with opened(Names({"feeds.example": [[]]})) as web:
        found = await web.get("http://feeds.example/")
    assert found == Failure(Kind.PASSING, "the host name does not exist")


@pytest.mark.parametrize("said", [b"", OK, OK + b"Content-Length: 10\r\n\r\nxx", OK + b"\r\nxx"])
async def test_silence(said: bytes) -> None:
    found = await ask(silent_after(said), idle=0.1)
    assert found == Failure(Kind.PASSING, "the server sent nothing for 0.1 s")


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"", b"H"),
        (OK, b"X"),
        (OK + b"Content-Length: 1000\r\n\r\n", b"x"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"\r\n"),
    ],
)
async def test_drop_by_drop(start: bytes, more: bytes) -> None:
    found = await ask(endless(start, more, pause=0.01), total=0.25)
    assert isinstance(found, Failure)
    assert found.kind is Kind.PASSING


async def test_redirects_share_the_time() -> None:
    async def slow(head: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.06)
        writer.write(answer(status=302, location=head.split(" ")[1] + "x"))
        writer.close()

    async with Server(slow).serving() as server, opened(total=0.15, redirects=50) as web:
        found = await web.get(server.url())
    assert found == Failure(Kind.PASSING, "after a redirect: the server did not answer within 0.15 s")


async def test_a_name_server_that_does_not_answer() -> None:
    class Slow(Names):
        async def resolve(self, *_: object, **__: object) -> list[object]:  # type: ignore[override]
            await asyncio.Event().wait()
            raise AssertionError

    async with opened(Slow(), connect=0.1) as web:
        found = await web.get("http://feeds.example/")
    assert found == Failure(Kind.PASSING, "no connection to the server within 0.1 s")


class Counted:
    """A script that sends parts as long as anybody listens, and counts what was sent."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self.sent = 0
        self._parts = parts

    async def __call__(self, head: str, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(0)
        for part in self._parts:
            writer.write(part)
            await writer.drain()
            self.sent += len(part)


def two_gigabytes(head: bytes, part: bytes = bytes(1_000_000), unpacked: int = 1_000_000) -> Iterator[bytes]:
    yield head
    for _ in range(2_000_000_000 // unpacked):
        yield part


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\n\r\n"
BOMB = gzip.compress(bytes(4_000_000))


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        pytest.param(two_gigabytes(OK + b"\r\n"), Kind.TOO_LARGE, id="plain"),
        pytest.param(two_gigabytes(OK + b"Content-Length: 2000000000\r\n\r\n"), Kind.TOO_LARGE, id="declared"),
        pytest.param(two_gigabytes(CHUNKED, b"F4240\r\n" + bytes(1_000_000) + b"\r\n"), Kind.TOO_LARGE, id="chunked"),
        pytest.param(two_gigabytes(GZIP, BOMB, 4_000_000), Kind.TOO_LARGE, id="gzip"),
        pytest.param(two_gigabytes(GZIP), Kind.TOO_LARGE, id="called gzip"),
        pytest.param(two_gigabytes(OK + b"Content-Encoding: deflate\r\n\r\n"), Kind.PASSING, id="called deflate"),
        pytest.param(two_gigabytes(b"HTTP/1.1 404 Not Found\r\n\r\n"), None, id="not found"),
    ],
)  # fmt: skip
async def test_two_gigabytes(parts: Iterator[bytes], kind: Kind | None) -> None:
    script = Counted(parts)
    found = await ask(script)
    if kind is None:
        assert isinstance(found, Response)
        assert (found.status, found.body) == (404, b"")
    else:
        assert isinstance(found, Failure)
        assert found.kind is kind
    assert script.sent < 30_000_000  # the limit, and what the system buffers on both sides


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (OK, b"X: x\r\n"),
        (OK + b"X: ", b"x" * 1000),
        (b"HTTP/1.1 200 ", b"x" * 1000),
        (OK + b"X: x\r\n", b" x\r\n"),
    ],
)
async def test_headers_without_end(start: bytes, more: bytes) -> None:
    found = await ask(endless(start, more))
    assert isinstance(found, Failure)
    assert found.kind is Kind.PASSING


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (CHUNKED, b"0" * 10_000),
        (CHUNKED + b"1;", b"x" * 10_000),
        (CHUNKED, b"1\r\nx\r\n" * 1000),
        (b"", b"\r\n" * 5000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    ],
)
async def test_what_is_neither_header_nor_body(start: bytes, more: bytes) -> None:
    found = await ask(endless(start, more), body=100_000, compressed=100_000)
    assert isinstance(found, Failure)
    assert found.kind is Kind.TOO_LARGE or more.startswith(b"00")


async def test_answers_without_end() -> None:
    """The first one counts."""
    found = await ask(endless(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx" * 100))
    assert isinstance(found, Response)
    assert found.body == b"x"


async def test_packed_and_cut() -> None:
    packed = gzip.compress(b"<rss/>" * 1000)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (len(packed) - 4)
    found = await ask(saying(head + packed[:-4]))
    assert found == Failure(Kind.PASSING, "the response ended early")


async def test_a_server_that_failed_costs_the_next_request_nothing() -> None:
    """Connections and turns are given back, whatever happened."""
    answers = iter([b"rubbish\r\n\r\n", OK + b"Content-Length: 9\r\n\r\nx", b"", answer(b"<rss/>")])

    async def script(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))
        writer.close()

    async with Server(script).serving() as server, opened(connections=1, per_host=1) as web:
        found = [await web.get(server.url()) for _ in range(4)]
        assert len(server.requests) == 4  # none was asked twice
    assert [isinstance(each, Failure) for each in found] == [True, True, True, False]


pieces = st.sampled_from(
    [
        OK, b"HTTP/1.0 200\r\n", b"HTTP/1.1 301 M\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"\r\n", b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"Location: /x\r\n", b"Retry-After: 1\r\n",
        b"Expires: Mon, 99\r\n", b"Cache-Control: max-age=x\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"\x1f\x8b\x08\0",
    ]
)  # fmt: skip


@given(st.lists(pieces | st.binary(max_size=50), max_size=8).map(b"".join))
@examples(4)
def test_any_bytes_are_an_answer_or_a_failure(said: bytes) -> None:
    found = asyncio.run(ask(saying(said), total=5.0))
    assert isinstance(found, Response | Failure)
    if isinstance(found, Failure):
        assert found.reason.isprintable()
        assert "cannot be read" not in found.reason
