"""Reads a body within size limits, before and after decompression, and without blocking the event loop."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Iterator
from typing import Protocol

from bot.i18n import mark, tr
from bot.sources.web.model import Failure, FetchLimits, Kind

STEP = 1 << 18  # bytes decompressed at a time: less than a millisecond
_SLICE = 1 << 14  # compressed bytes processed at a time
_START = 64  # bytes that identify the compression
_MEMBERS = 1000  # of a gzip file: each costs time, however small
_LAYERS = 3  # compressed by the server, again by a proxy, and a file that is compressed itself

_UNPACKED = frozenset({"gzip", "deflate"})
_REFUSED = frozenset({"br", "compress", "dcb", "dcz", "exi", "aes128gcm", "pack200-gzip", "zstd"})
_GZIP = b"\x1f\x8b"
_TEXT = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!doctype|<!--|<rss|<feed|<rdf|<html|\{\s*"|\[\s*\{)', re.IGNORECASE
)


class Stream(Protocol):
    """The part of aiohttp's stream that is used."""

    async def readany(self) -> bytes:
        """The next bytes; empty at the end."""


class _UnpackError(Exception):
    """Damaged compressed data."""


class _UnsupportedEncodingError(Exception):
    """Data in an unsupported compression."""


class Unpacker:
    """Decompresses gzip (also with several members), zlib and raw deflate. Other data stays as it is.

    The data decides, because servers declare compression that they have removed, and even charsets. `encoding` only
    says how to read data without a header.
    """

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self._pending = b""  # too few bytes to identify the compression
        self._started = False
        self._plain = False
        self._inflater: zlib._Decompress | None = None
        self._members = 0
        self.is_finished = False  # the rest is ignored

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[bytes]:
        """The decompressed bytes in pieces of at most `STEP`, some of them empty. Raises `_UnpackError`."""
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
        """Whether the data is complete."""
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
                    self.is_finished = True  # padding or garbage, which every reader ignores
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
    """The decompressed body, or a failure.

    `encoding` and `length` are those of the headers; the stream handles a wrong length. Raises the errors of the stream.
    """
    codings = [name.strip().lower().removeprefix("x-") for name in encoding.split(",")]
    packed = next(
        (name for name in codings if name in _UNPACKED | _REFUSED), ""
    )  # other names are not compressions
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
        return Failure(Kind.PASSING, tr("the response cannot be decompressed"))
    except _UnsupportedEncodingError:
        reason = tr("the response has an unsupported Content-Encoding ({encoding})", encoding=packed)
        return Failure(Kind.PASSING, reason)
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
    """Decompress a body that is a compressed file itself."""
    return await _complete(Unpacker("gzip"), packed, bytearray(), limit)


async def _complete(unpacker: Unpacker, data: bytes, body: bytearray, limit: int) -> bytes | Failure:
    """The body with the last data added, or a failure."""
    if not await _unpack_into(unpacker, data, body, limit, last=True):
        return _too_large(limit)
    if not unpacker.is_complete:
        return Failure(Kind.PASSING, tr("the response ended early"))
    return bytes(body)


async def _unpack_into(
    unpacker: Unpacker, data: bytes, body: bytearray, limit: int, *, last: bool = False
) -> bool:
    """Add the decompressed data to the body. Returns False if it is too large."""
    since_pause = 0
    for piece in unpacker.feed(data, last=last):
        body += piece
        if len(body) > limit:
            return False
        since_pause += max(len(piece), 1024)  # starting a member costs time too
        if since_pause >= STEP:
            since_pause = 0
            await asyncio.sleep(0)
    return True


def _too_large(limit: int, encoding: str = "") -> Failure:
    size = f"{limit / 1_000_000:g} MB" if limit >= 100_000 else tr("{count} bytes", count=limit)
    message = (
        mark("the response is larger than {size} compressed")
        if encoding in _UNPACKED
        else mark("the response is larger than {size}")
    )
    return Failure(Kind.TOO_LARGE, tr(message, size=size))
