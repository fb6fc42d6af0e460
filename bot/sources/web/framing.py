"""Repairs HTTP responses for a strict parser.

Servers send header lines without a colon, bodies after a 304, more bytes than `Content-Length` and garbage after the
last chunk. Browsers accept all of that. A connection carries only one response here, so data after it is ignored and
response smuggling is impossible.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TypeAlias

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d{1,2})?[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,16})[ \t]*(?:;.*)?", re.DOTALL)
_LONGEST_LENGTH = 19  # digits
_BLANK_LINES = 8  # before the status line
_SWITCHING = 101
_WITHOUT_BODY = frozenset({204, 205, 304})
_FEED_START = frozenset(b"<{")  # no chunk begins with one of these
_LAST_CHUNK = b"0\r\n\r\n"

_Steps: TypeAlias = Generator[None, None, None]  # yields wherever it needs more data


class _PassThroughError(Exception):
    """The rest is passed on unchanged."""


class AnswerFilter:
    """Turns the bytes of a response to a GET request into a valid response.

    Invalid header lines are removed, folded ones joined, repeated lengths merged, and the body ends where its framing
    says. Lines longer than `longest` bytes, invalid status lines and chunks, and contradictory lengths are passed on
    unchanged. Buffers at most one line.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._data = b""
        self._at = 0
        self._line_start = 0
        self._output: list[bytes] = []
        self._chunk: list[bytes] = []  # of a chunked body; small chunks are merged
        self._ending = b""
        self._steps = self._filter()
        next(self._steps)

    def feed(self, data: bytes) -> bytes:
        """The next bytes of the valid response; may be empty."""
        self._data = self._data[self._at :] + data
        self._at = 0
        next(self._steps)
        self._flush()
        output = b"".join(self._output)
        self._output.clear()
        return output

    def end(self) -> bytes:
        """The bytes that complete the response after the server closed the connection."""
        return self._ending

    def _filter(self) -> _Steps:
        yield
        try:
            yield from self._answer()
        except _PassThroughError:
            while True:
                self._output.append(self._next_piece())
                yield
        while True:
            self._at = len(self._data)
            yield

    def _answer(self) -> _Steps:
        status = yield from self._status_line()
        while status // 100 == 1 and status != _SWITCHING:  # interim responses are removed
            yield from self._fields([])
            status = yield from self._status_line()
        self._output.append(b"HTTP/1.1 %d -\r\n" % status)
        lengths, codings = yield from self._fields(self._output)
        if status in _WITHOUT_BODY:
            self._output.append(b"Content-Length: 0\r\n\r\n")
        elif b"chunked" in codings:
            self._output.append(b"Transfer-Encoding: chunked\r\n\r\n")
            yield from self._chunks()
        elif lengths:
            self._output += [b"Content-Length: %s\r\n" % length for length in lengths]
            self._output.append(b"\r\n")
            if len(lengths) > 1 or not _is_length(*lengths):
                raise _PassThroughError
            yield from self._counted(int(*lengths))
        else:
            self._output.append(b"\r\n")
            raise _PassThroughError  # up to the end of the connection

    def _status_line(self) -> Generator[None, None, int]:
        for _ in range(_BLANK_LINES):
            line = yield from self._line()
            if line:
                break
        status = _STATUS_LINE.match(line)
        if status is None:
            raise self._from_this_line()
        return int(status[1])

    def _fields(self, head: list[bytes]) -> Generator[None, None, tuple[set[bytes], set[bytes]]]:
        """Append the header lines that do not frame the body to `head`. Returns the lengths and transfer codings."""
        lengths: set[bytes] = set()
        codings: set[bytes] = set()
        field = b""
        while True:
            line = yield from self._line()
            if line[:1] in (b" ", b"\t"):  # a folded line
                field += b" " + line.strip()
                if len(field) > self._longest:
                    raise self._from_this_line()
                continue
            name, colon, value = field.partition(b":")
            name, value = name.strip(), value.strip()
            if colon and _NAME.fullmatch(name) and not _CONTROL.search(value):
                match name.lower():
                    case b"content-length":
                        lengths.update(length for part in value.split(b",") if (length := part.strip()))
                    case b"transfer-encoding":
                        codings.update(part.strip().lower() for part in value.split(b","))
                    case _:
                        head.append(b"%s: %s\r\n" % (name, value))
            if not line:
                return lengths, codings
            field = line

    def _counted(self, remaining: int) -> _Steps:
        while remaining:
            piece = self._next_piece(remaining)
            remaining -= len(piece)
            self._output.append(piece)
            if remaining:
                yield

    def _chunks(self) -> _Steps:
        while self._at == len(self._data):
            yield
        if self._data[self._at] in _FEED_START:  # it is not chunked at all
            self._ending = _LAST_CHUNK
            while True:
                self._chunk.append(self._next_piece())
                yield
        while size := (yield from self._chunk_size()):
            while size:
                piece = self._next_piece(size)
                size -= len(piece)
                self._chunk.append(piece)
                if size:
                    yield
            if (yield from self._line()):
                raise self._from_this_line()
        self._flush()
        self._output.append(_LAST_CHUNK)

    def _chunk_size(self) -> Generator[None, None, int]:
        size = _CHUNK_SIZE.fullmatch((yield from self._line()))
        if size is None:
            raise self._from_this_line()
        return int(size[1], 16)

    def _line(self) -> Generator[None, None, bytes]:
        while (end := self._data.find(b"\n", self._at)) < 0 and len(self._data) - self._at <= self._longest:
            yield
        if not 0 <= end - self._at <= self._longest:
            raise _PassThroughError
        self._line_start, self._at = self._at, end + 1
        return self._data[self._line_start : end].removesuffix(b"\r")

    def _next_piece(self, limit: int | None = None) -> bytes:
        """The buffered data, up to `most` bytes."""
        end = len(self._data) if limit is None else self._at + limit
        piece = self._data[self._at : end]
        self._at += len(piece)
        return piece

    def _flush(self) -> None:
        """Output the buffered part of a chunked body as one chunk."""
        if body := b"".join(self._chunk):
            self._output += (b"%x\r\n" % len(body), body, b"\r\n")
        self._chunk.clear()

    def _from_this_line(self) -> _PassThroughError:
        """Go back to the start of the last line, to pass on everything from there."""
        self._flush()
        self._at = self._line_start
        return _PassThroughError()


def _is_length(text: bytes) -> bool:
    return text.isdigit() and len(text) <= _LONGEST_LENGTH
