"""Sockets that count what comes over the wire.

A parser of HTTP has no bound for what is neither a header nor a body: interim answers, the
extensions of chunks, chunks of a byte each, a handshake without end.
"""

from __future__ import annotations

import socket
from typing import Any

BEFORE_THE_ANSWER = 1_000_000  # bytes of handshake and headers, and of what follows them at once
_AT_ONCE = 1 << 16  # what is parsed before others have their turn


class MeteredSocket(socket.socket):
    """A socket that breaks off once more than `limit` bytes have arrived, which `exhausted` then tells."""

    def __init__(self, family: int, kind: int, protocol: int) -> None:
        super().__init__(family, kind, protocol)
        self.limit = BEFORE_THE_ANSWER
        self.received = 0

    @property
    def exhausted(self) -> bool:
        return self.received > self.limit

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As of any socket."""
        data = super().recv(min(size, _AT_ONCE), flags)
        self._count(len(data))
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """As of any socket."""
        size_read = super().recv_into(buffer, min(size or len(buffer), _AT_ONCE), flags)
        self._count(size_read)
        return size_read

    def _count(self, size: int) -> None:
        self.received += size
        if self.exhausted:
            raise ConnectionAbortedError("the response exceeds the size limit")
