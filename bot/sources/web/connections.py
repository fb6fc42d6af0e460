"""Connections that accept slightly invalid HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from bot.sources.web.framing import AnswerFilter


class _Answer(ResponseHandler):
    """aiohttp's handler of a connection, which receives only valid HTTP."""

    def __init__(self, loop: asyncio.AbstractEventLoop, longest: int) -> None:
        super().__init__(loop)
        self._filter = AnswerFilter(longest)

    def data_received(self, data: bytes) -> None:
        """Filter the data. Without a parser aiohttp stores it and calls this again later."""
        if self._parser is None or not data:
            super().data_received(data)
        elif valid := self._filter.feed(data):
            super().data_received(valid)
        else:
            self.start_timeout()  # data has arrived, so restart the timeout

    def connection_lost(self, exc: BaseException | None) -> None:
        """Complete the response, if its end is missing."""
        if exc is None and self._parser is not None and (ending := self._filter.end()):
            super().data_received(ending)
        super().connection_lost(exc)


class LenientConnector(aiohttp.TCPConnector):
    """Opens a connection for each request. `longest` limits a header line in bytes."""

    def __init__(self, longest: int, **options: Any) -> None:
        super().__init__(force_close=True, **options)
        # aiohttp has no public way to choose the protocol of a connection.
        protocol: Callable[..., ResponseHandler] = _Answer
        self._factory = partial(protocol, longest=longest, loop=self._loop)
