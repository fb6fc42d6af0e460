"""Evaluates queries on stored records: off the event loop, in turns, and within a budget of steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

P = ParamSpec("P")
T = TypeVar("T")

STEPS = 1_000_000  # that one command may cost: some seconds of one processor
DOCUMENT = 20  # the price of an article's words, beside that of the query
AT_ONCE = 200  # articles in one slice, after which another server has its turn


def affordable(price: int) -> int:
    """How many articles a query of this price may be evaluated on for one command."""
    return STEPS // (DOCUMENT + price)


class Evaluations:
    """Runs slices of work in a thread of its own, so that neither the event loop nor intakes and feeds wait for them.

    Slices take turns in the order in which they come. A server has one evaluation at a time; its others wait, so many
    commands of one server take no more turns than one.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "evaluation")
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, guild_id: int) -> AsyncIterator[None]:
        """Wait until the server's other evaluations are done."""
        lock = self._turns.get(guild_id)
        if lock is None:
            lock = self._turns[guild_id] = asyncio.Lock()
        async with lock:
            yield

    async def in_turn(self, guild_id: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What one slice of work returns that is all of an evaluation. Never inside of another turn of the server."""
        async with self.turn(guild_id):
            return await self.run(work, *args, **kwargs)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a slice of work returns, in the turn of its server, which the caller has taken.

        As `asyncio.to_thread` does it: in the context of the caller, so that its texts are in the same language.
        """
        context = copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: context.run(work, *args, **kwargs)
        )
