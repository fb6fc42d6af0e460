"""Reading bodies: bounded, however they are packed."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.web import body
from bot.sources.web.model import Failure, FetchLimits, Kind
from tests.form import sized

FEED = b'<?xml version="1.0"?><rss>' + b"<item>news</item>" * 200 + b"</rss>"
LIMITS = replace(FetchLimits(), body=1_000_000, compressed=500_000)


class Stream:
    """Bytes in pieces of a size; `read` is how much of them was taken."""

    def __init__(self, data: bytes, size: int = 1 << 30) -> None:
        self.data = data
        self.size = size
        self.read = 0

    async def readany(self) -> bytes:
        part = self.data[self.read : self.read + self.size]
        self.read += len(part)
        return part


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


async def read(data: bytes, encoding: str = "gzip", size: int = 1 << 30) -> bytes | Failure:
    return await body.read(Stream(data, size), encoding, None, LIMITS)


PACKED = [
    pytest.param("", FEED, id="plain"),
    pytest.param("identity", FEED, id="identity"),
    pytest.param("gzip", gzip.compress(FEED), id="gzip"),
    pytest.param(" X-GZip ", gzip.compress(FEED), id="x-gzip"),
    pytest.param("gzip", gzip.compress(FEED[:99]) + gzip.compress(FEED[99:]), id="two members"),
    pytest.param("gzip", gzip.compress(FEED) + b"\0" * 999, id="padded"),
    pytest.param("gzip", gzip.compress(FEED) + b"\x1f", id="padded with the start of a member"),
    pytest.param("gzip", FEED, id="not gzip"),
    pytest.param("deflate", zlib.compress(FEED), id="deflate"),
    pytest.param("deflate", raw(FEED), id="raw deflate"),
    pytest.param("deflate", gzip.compress(FEED), id="gzip called deflate"),
    pytest.param("deflate", FEED, id="not deflate"),
]


@pytest.mark.parametrize("size", [1, 7, 1 << 30])
@pytest.mark.parametrize(("encoding", "data"), PACKED)
async def test_packed_in_every_way(encoding: str, data: bytes, size: int) -> None:
    assert await read(data, encoding, size) == FEED


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
@pytest.mark.parametrize("text", [b"", b"<", b"{", b"<?xml?>", b'{"items": []}', b"\xef\xbb\xbf<rss/>"])
async def test_short_texts_that_are_not_packed(encoding: str, text: bytes) -> None:
    if len(text) != 1 or encoding != "deflate":
        assert await read(text, encoding) == text


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_what_ends_early(encoding: str) -> None:
    data = gzip.compress(FEED) if encoding == "gzip" else raw(FEED)
    for end in (len(data) // 2, len(data) - 1):
        assert await read(data[:end], encoding) == Failure(Kind.PASSING, "the response ended early")


async def test_what_is_damaged() -> None:
    data = bytearray(gzip.compress(FEED))
    data[-6] ^= 1
    damaged = Failure(Kind.PASSING, "the response cannot be decompressed")
    assert await read(bytes(data)) == damaged
    assert await read(b"\x1f\x8b" + b"x" * 99) == damaged
    assert await read(b"\xff" * 99, "deflate") == damaged


@pytest.mark.parametrize("encoding", ["br", "zstd\r\n", "X-Compress", "identity, br", "utf-8, zstd"])
async def test_packed_in_a_way_that_was_not_asked_for(encoding: str) -> None:
    found = await read(b"\x28\xb5\x2f\xfd" + bytes(range(255)), encoding)
    assert isinstance(found, Failure)
    assert found.kind is Kind.PASSING
    assert len(found.reason) < 100


NOT_PACKING = [
    "none",
    "UTF-8",
    "binary",
    "8bit",
    "7bit",
    "chunked",
    "aws-chunked",
    "text/xml",
    "iso-8859-1",
    "null",
]
PACKING = ["identity", "gzip", "x-gzip", "deflate", "br", "zstd", "compress", "gzip, gzip", "br, gzip"]


@pytest.mark.parametrize("encoding", [*NOT_PACKING, *PACKING, "", ",", "\x00" * 999])
@pytest.mark.parametrize("size", [1, 1 << 30])
async def test_a_feed_that_is_not_packed_is_read_whatever_is_declared(encoding: str, size: int) -> None:
    assert await read(FEED, encoding, size) == FEED


@pytest.mark.parametrize("encoding", ["", "none", "identity", "utf-8", "gzip", "gzip, gzip", "br", "deflate"])
@pytest.mark.parametrize("layers", [1, 2, 3])
async def test_gzip_is_unpacked_whatever_is_declared(encoding: str, layers: int) -> None:
    data = FEED
    for _ in range(layers):
        data = gzip.compress(data)
    assert await read(data, encoding) == FEED


@pytest.mark.parametrize("layers", [2, 3])
async def test_no_layer_unpacks_to_more_than_allowed(layers: int) -> None:
    data = bytes(1_000_001)
    for _ in range(layers):
        data = gzip.compress(data)
    assert await read(data) == Failure(Kind.TOO_LARGE, "the response is larger than 1 MB")


@pytest.mark.parametrize("size", [1000, 1 << 30])
async def test_no_more_is_unpacked_than_allowed(size: int) -> None:
    zeros = bytes(1_000_000)
    assert await read(gzip.compress(zeros), size=size) == zeros
    for packed in (gzip.compress(zeros + b"\0"), gzip.compress(zeros) + gzip.compress(b"\0")):
        found = await read(packed, size=size)
        assert found == Failure(Kind.TOO_LARGE, "the response is larger than 1 MB")
    found = await read(zlib.compress(zeros + b"\0"), "deflate", size)
    assert found == Failure(Kind.TOO_LARGE, "the response is larger than 1 MB")


async def test_no_more_is_read_than_allowed() -> None:
    stream = Stream(bytes(10_000_000), 1000)
    assert await body.read(stream, "", None, LIMITS) == Failure(
        Kind.TOO_LARGE, "the response is larger than 1 MB"
    )
    assert stream.read <= 1_001_000
    # Stored blocks of nothing: much to read, nothing to unpack.
    stream = Stream(b"\x1f\x8b\x08" + bytes(7) + b"\0\0\0\xff\xff" * 1_000_000, 1000)
    found = await body.read(stream, "gzip", None, LIMITS)
    assert found == Failure(Kind.TOO_LARGE, "the response is larger than 0.5 MB compressed")
    assert stream.read <= 501_000


@pytest.mark.parametrize(("encoding", "length"), [("", 1_000_001), ("gzip", 500_001)])
async def test_what_says_that_it_is_too_large_is_not_read(encoding: str, length: int) -> None:
    stream = Stream(FEED)
    found = await body.read(stream, encoding, length, LIMITS)
    assert isinstance(found, Failure)
    assert (found.kind, stream.read) == (Kind.TOO_LARGE, 0)


async def test_a_great_many_members() -> None:
    found = await read(gzip.compress(b"") * 5000)
    assert found == Failure(Kind.PASSING, "the response cannot be decompressed")


async def test_others_run_while_much_is_unpacked() -> None:
    limits = replace(FetchLimits(), body=100_000_000)
    packed = gzip.compress(bytes(sized(10_000_000, long=50_000_000)))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    found = await body.read(Stream(packed), "gzip", None, limits)
    task.cancel()
    assert isinstance(found, bytes)
    assert turns >= len(found) // body.STEP


@given(st.binary(max_size=300), st.sampled_from(["", "gzip", "deflate"]), st.integers(1, 20), st.booleans())
def test_any_bytes_are_a_body_or_a_failure(data: bytes, encoding: str, size: int, magic: bool) -> None:
    found = asyncio.run(read((b"\x1f\x8b\x08\0" if magic else b"") + data, encoding, size))
    assert isinstance(found, bytes | Failure)


@given(st.binary(max_size=3000), st.integers(1, 3000), st.integers(1, 3))
def test_what_was_packed_comes_out(data: bytes, size: int, members: int) -> None:
    packed = gzip.compress(data) * members
    assert asyncio.run(read(packed, "gzip", size)) == data * members
    assert asyncio.run(read(zlib.compress(data), "deflate", size)) == data
