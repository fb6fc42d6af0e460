"""Sockets that count received bytes.

HTTP parsers do not limit data that is neither header nor body: interim responses, chunk extensions, tiny chunks,
endless handshakes.
"""

from __future__ import annotations

import socket
from typing import Any

BEFORE_THE_ANSWER = 1_000_000  # bytes of handshake and headers, and of data right behind them
_AT_ONCE = 1 << 16  # bytes parsed at a time


class MeteredSocket(socket.socket):
    """A socket that fails once more than `limit` bytes have arrived; see `exhausted`."""

    def __init__(self, family: int, kind: int, protocol: int) -> None:
        super().__init__(family, kind, protocol)
        self.limit = BEFORE_THE_ANSWER
        self.received = 0

    @property
    def exhausted(self) -> bool:
        return self.received > self.limit

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive and count."""
        data = super().recv(min(size, _AT_ONCE), flags)
        self._count(len(data))
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Receive and count."""
        size_read = super().recv_into(buffer, min(size or len(buffer), _AT_ONCE), flags)
        self._count(size_read)
        return size_read

    def _count(self, size: int) -> None:
        self.received += size
        if self.exhausted:
            raise ConnectionAbortedError("the response exceeds the size limit")
