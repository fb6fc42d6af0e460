"""Reading a body: no more of it than is allowed, packed or unpacked, and never long at a stretch."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Iterator
from typing import Protocol

from bot.sources.web.model import Failure, FetchLimits, Kind

STEP = 1 << 18  # bytes unpacked in one go: less than a millisecond
_SLICE = 1 << 14  # packed bytes looked at in one go
_START = 64  # bytes that tell how a body is packed
_MEMBERS = 1000  # of a gzip file: each costs, however small
_LAYERS = 3  # packed, packed again by a proxy, and a file that was packed to begin with

_UNPACKED = frozenset({"gzip", "deflate"})
_REFUSED = frozenset({"br", "compress", "dcb", "dcz", "exi", "aes128gcm", "pack200-gzip", "zstd"})
_GZIP = b"\x1f\x8b"
_TEXT = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!doctype|<!--|<rss|<feed|<rdf|<html|\{\s*"|\[\s*\{)', re.IGNORECASE
)


class Stream(Protocol):
    """The part of aiohttp's stream that is used."""

    async def readany(self) -> bytes:
        """What has come, or what comes next; empty at the end."""


class _UnpackError(Exception):
    """Packed data that cannot be unpacked."""


class _UnsupportedEncodingError(Exception):
    """Data packed in a way that is not supported."""


class Unpacker:
    """Unpacks gzip (of several members too), zlib and raw deflate; what is not packed at all stays as it is.

    The data decides, whatever `encoding` says: servers declare compression that they have undone, and names
    of charsets. Of a supported encoding it only tells how to read data that has no header.
    """

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self._pending = b""  # bytes that are too few to tell what they are the start of
        self._started = False
        self._plain = False
        self._inflater: zlib._Decompress | None = None
        self._members = 0
        self.is_finished = False  # what is still to come would be ignored

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[bytes]:
        """The next bytes in pieces of at most `STEP`, some of them empty. Raises `_UnpackError`."""
        if not self._started:
            self._pending += data
            if len(self._pending) < _START and not last:
                return
            data, self._pending, self._started = self._pending, b"", True
            self._begin(data)
        for at in range(0, len(data), _SLICE):
            part = data[at : at + _SLICE]
            if self._plain:
                yield part
            else:
                yield from self._unpack(part)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing at the end."""
        return self._plain or self.is_finished or (self._members > 0 and self._inflater is None)

    def _begin(self, data: bytes) -> None:
        if data.startswith(_GZIP):
            self.encoding = "gzip"
            self._inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif self.encoding in ("", "gzip") or not data or _TEXT.match(data):
            self._plain = True
        elif self.encoding != "deflate":
            raise _UnsupportedEncodingError
        else:
            with_header = len(data) > 1 and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._inflater = zlib.decompressobj(zlib.MAX_WBITS if with_header else -zlib.MAX_WBITS)

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        while not self.is_finished:
            if self._inflater is None:
                data, self._pending = self._pending + data, b""
                if len(data) < len(_GZIP):
                    self._pending = data
                    return
                if not data.startswith(_GZIP) or self.encoding != "gzip":
                    self.is_finished = True  # padding or rubbish, which everybody ignores
                    return
                self._inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
            try:
                piece = self._inflater.decompress(data, STEP)
            except zlib.error as error:
                raise _UnpackError from error
            yield piece
            if self._inflater.eof:
                data = self._inflater.unused_data
                self._inflater = None
                self._members += 1
                if self._members >= _MEMBERS:
                    raise _UnpackError
            else:
                data = self._inflater.unconsumed_tail
                if not data and len(piece) < STEP:
                    return


async def read(stream: Stream, encoding: str, length: int | None, limits: FetchLimits) -> bytes | Failure:
    """The whole body, unpacked, or why there is none.

    `encoding` and `length` are what the headers say; a false length is the stream's business.
    Raises what the stream raises.
    """
    codings = [name.strip().lower().removeprefix("x-") for name in encoding.split(",")]
    packed = next((name for name in codings if name in _UNPACKED | _REFUSED), "")  # other names pack nothing
    limit = limits.compressed if packed in _UNPACKED else limits.body
    if length is not None and length > limit:
        return _too_large(limit, packed)
    try:
        content = await _read(stream, Unpacker(packed), limit, limits.body)
        for _ in range(_LAYERS - 1):
            if isinstance(content, Failure) or not content.startswith(_GZIP):
                break
            content = await _unpack_inner(content, limits.body)
    except _UnpackError:
        return Failure(Kind.PASSING, "the response cannot be decompressed")
    except _UnsupportedEncodingError:
        return Failure(Kind.PASSING, f"the response has an unsupported Content-Encoding ({packed})")
    return content


async def _read(stream: Stream, unpacker: Unpacker, limit: int, unpacked_limit: int) -> bytes | Failure:
    body = bytearray()
    received = 0
    while data := await stream.readany():
        received += len(data)
        if received > limit:
            return _too_large(limit, unpacker.encoding)
        if not await _unpack_into(unpacker, data, body, unpacked_limit):
            return _too_large(unpacked_limit)
        if unpacker.is_finished:
            break
    return await _complete(unpacker, b"", body, unpacked_limit)


async def _unpack_inner(packed: bytes, limit: int) -> bytes | Failure:
    """What a packed body has inside that is packed itself."""
    return await _complete(Unpacker("gzip"), packed, bytearray(), limit)


async def _complete(unpacker: Unpacker, data: bytes, body: bytearray, limit: int) -> bytes | Failure:
    """The body, with the last of the data."""
    if not await _unpack_into(unpacker, data, body, limit, last=True):
        return _too_large(limit)
    if not unpacker.is_complete:
        return Failure(Kind.PASSING, "the response ended early")
    return bytes(body)


async def _unpack_into(
    unpacker: Unpacker, data: bytes, body: bytearray, limit: int, *, last: bool = False
) -> bool:
    """Add the data to the body; False once that is too large."""
    since_pause = 0
    for piece in unpacker.feed(data, last=last):
        body += piece
        if len(body) > limit:
            return False
        since_pause += max(len(piece), 1024)  # to start a member costs too
        if since_pause >= STEP:
            since_pause = 0
            await asyncio.sleep(0)
    return True


def _too_large(limit: int, encoding: str = "") -> Failure:
    size = f"{limit / 1_000_000:g} MB" if limit >= 100_000 else f"{limit} bytes"
    packed = " compressed" if encoding in _UNPACKED else ""
    return Failure(Kind.TOO_LARGE, f"the response is larger than {size}{packed}")
