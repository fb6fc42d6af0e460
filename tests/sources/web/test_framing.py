"""Answers that bend the rules of HTTP, as the client reads them and as the parser gets to see them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.web.framing import AnswerFilter
from bot.sources.web.model import Response
from tests.sources.web.servers import Server, opened, saying

FEED = b"<rss><channel>quay</channel></rss>"
LENGTH = b"Content-Length: %d\r\n" % len(FEED)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
LONGEST = 1000


def filtered(*pieces: bytes) -> bytes:
    """What the parser gets, once the connection has ended."""
    answer = AnswerFilter(LONGEST)
    return b"".join([answer.feed(piece) for piece in pieces]) + answer.end()


READ = {
    "a line without a colon": OK + b"no colon\r\n" + LENGTH + b"\r\n" + FEED,
    "a quoted line": OK + b'"X-Frame-Options: DENY"\r\n' + LENGTH + b"\r\n" + FEED,
    "a space before the colon": OK + b"X-Cache : hit\r\n" + LENGTH + b"\r\n" + FEED,
    "a space before the colon of a length": OK + b"Content-Length : %d\r\n\r\n" % len(FEED) + FEED,
    "a name with a space": OK + b"X Cache: hit\r\n" + LENGTH + b"\r\n" + FEED,
    "no name": OK + b": hit\r\n" + LENGTH + b"\r\n" + FEED,
    "a zero byte": OK + b"X: a\0b\r\n" + LENGTH + b"\r\n" + FEED,
    "control characters": OK + b"X: a\x01\x7fb\r\n" + LENGTH + b"\r\n" + FEED,
    "a stray carriage return": OK + b"X: a\rb\r\n" + LENGTH + b"\r\n" + FEED,
    "bytes that are no text": OK + b"X-\xff\xfe: a\r\nY: \xe9\r\n" + LENGTH + b"\r\n" + FEED,
    "a folded line": OK + b"X: a\r\n b\r\n\tc\r\n" + LENGTH + b"\r\n" + FEED,
    "a folded line first": OK + b" folded\r\n" + LENGTH + b"\r\n" + FEED,
    "a folded line after a bad one": OK + b"bad\r\n Content-Length: 3\r\n" + LENGTH + b"\r\n" + FEED,
    "bare line feeds": b"HTTP/1.1 200 OK\n" + LENGTH.replace(b"\r", b"") + b"\n" + FEED,
    "both kinds of line ends": OK + b"X: a\n" + LENGTH + b"\n" + FEED,
    "blank lines first": b"\r\n\r\n" + OK + LENGTH + b"\r\n" + FEED,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + FEED,
    "a reason that is no text": b"HTTP/1.1 200 \xff\x00\x01\r\n" + LENGTH + b"\r\n" + FEED,
    "another version": b"HTTP/2 200 \r\n" + LENGTH + b"\r\n" + FEED,
    "a version that is none": b"http/1.12 200 OK\r\n" + LENGTH + b"\r\n" + FEED,
    "the length twice": OK + LENGTH + LENGTH + b"\r\n" + FEED,
    "the length twice in a line": OK + LENGTH.rstrip() + b", %d\r\n\r\n" % len(FEED) + FEED,
    "an empty length": OK + b"Content-Length:\r\n\r\n" + FEED,
    "more than the length": OK + LENGTH + b"\r\n" + FEED + b"<!-- cached -->" * 99,
    "another answer behind it": OK + LENGTH + b"\r\n" + FEED + OK + b"\r\n<html>",
    "no length": OK + b"\r\n" + FEED,
    "a coding that is none": OK + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\n" + FEED,
    "an interim answer": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK + LENGTH + b"\r\n" + FEED,
    "chunks": CHUNKED + b"\r\n5\r\n" + FEED[:5] + b"\r\n%x\r\n" % len(FEED[5:]) + FEED[5:] + b"\r\n0\r\n\r\n",
    "chunks and a length": CHUNKED + b"Content-Length: 3\r\n\r\n%x\r\n" % len(FEED) + FEED + b"\r\n0\r\n\r\n",
    "sizes with spaces and zeros": CHUNKED + b"\r\n00%X  \r\n" % len(FEED) + FEED + b"\r\n0  \r\n\r\n",
    "extensions": CHUNKED + b"\r\n%x;a=b\r\n" % len(FEED) + FEED + b"\r\n0;c\r\n\r\n",
    "chunks with bare line feeds": CHUNKED + b"\n%x\n" % len(FEED) + FEED + b"\n0\n\n",
    "trailers": CHUNKED + b"\r\n%x\r\n" % len(FEED) + FEED + b"\r\n0\r\nX: y\r\nno colon\r\n\r\n",
    "no end after the last chunk": CHUNKED + b"\r\n%x\r\n" % len(FEED) + FEED + b"\r\n0\r\n",
    "garbage after the last chunk": CHUNKED + b"\r\n%x\r\n" % len(FEED) + FEED + b"\r\n0\r\n\r\n\0\0rubbish",
    "called chunked": CHUNKED + b"\r\n" + FEED,
}
EMPTY = {
    "a body of a 304": b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + b"\r\n" + FEED,
    "chunks of a 304": b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a body without a length of a 304": b"HTTP/1.1 304 Not Modified\r\n\r\n" + FEED,
    "contradictory lengths of a 304": b"HTTP/1.1 304 -\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "a body of a 204": b"HTTP/1.1 204 No Content\r\n" + LENGTH + b"\r\n" + FEED,
    "a body of a 205": b"HTTP/1.1 205 Reset Content\r\n\r\n" + FEED,
}


@pytest.mark.parametrize("said", READ.values(), ids=READ)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
async def test_an_answer_that_bends_the_rules_is_read(said: bytes, piece: int) -> None:
    pieces = [said[at : at + piece] for at in range(0, len(said), piece)]
    async with Server(saying(*pieces)).serving() as server, opened() as web:
        assert await web.get(server.url()) == Response(200, server.url(), body=FEED)


@pytest.mark.parametrize("said", EMPTY.values(), ids=EMPTY)
async def test_an_answer_that_has_no_body_is_one_whatever_follows(said: bytes) -> None:
    async with Server(saying(said)).serving() as server, opened() as web:
        assert await web.get(server.url()) == Response(int(said[9:12]), server.url())


async def test_a_bad_line_costs_no_other() -> None:
    said = OK + b'ETag: "1"\r\nbad line\r\nContent-Type:\r\n text/xml\r\n' + LENGTH + b"\r\n" + FEED
    async with Server(saying(said)).serving() as server, opened() as web:
        found = await web.get(server.url())
        assert found == Response(200, server.url(), body=FEED, etag='"1"', content_type="text/xml")


@given(st.sampled_from([*READ.values(), *EMPTY.values()]), st.lists(st.integers(0, 300), max_size=6))
def test_it_does_not_matter_where_the_network_cuts(said: bytes, cuts: list[int]) -> None:
    ends = sorted({min(cut, len(said)) for cut in cuts} | {0, len(said)})
    pieces = [said[start:end] for start, end in pairwise(ends)]
    assert _unchunked(filtered(*pieces)) == _unchunked(filtered(said))


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([OK, CHUNKED, LENGTH, b"\r\n", b"5\r\n"]), max_size=12)
)
def test_it_never_keeps_more_than_a_line(pieces: list[bytes]) -> None:
    answer = AnswerFilter(LONGEST)
    for piece in pieces:
        answer.feed(piece)
        answer.feed(b"x" * 3000)
        assert len(answer._data) - answer._at <= LONGEST + 1


def test_many_small_chunks_become_one() -> None:
    answer = AnswerFilter(LONGEST)
    answer.feed(CHUNKED + b"\r\n")
    assert answer.feed(b"1\r\nx\r\n" * 500) == b"1f4\r\n" + b"x" * 500 + b"\r\n"


def _unchunked(valid: bytes) -> bytes:
    """The answer without the borders between its chunks, which are where the network cuts."""
    head, _, body = valid.partition(b"\r\n\r\n")
    if b"chunked" not in head:
        return valid
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        out, body = out + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return head + out
