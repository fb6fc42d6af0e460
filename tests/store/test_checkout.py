"""No connection stays checked out, wherever a task that uses one is cancelled or forgotten."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from itertools import count
from types import coroutine
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from bot.store.database import Database

pytestmark = pytest.mark.usefixtures("threads")

Work = Callable[[Database], Coroutine[Any, Any, None]]
Cancel = Callable[[asyncio.Task[Any]], None]


async def read(db: Database) -> None:
    async with db.read() as connection:
        await connection.execute(sa.text("SELECT 1"))


async def write(db: Database) -> None:
    async with db.write() as connection:
        await connection.execute(sa.text("DELETE FROM sources"))


@coroutine
def stepped(work: Coroutine[Any, Any, object], waits: Callable[[], None]) -> Generator[Any, Any, None]:
    """Run a coroutine, and call `waits` each time that it waits for something."""
    step = partial(work.send, None)
    while True:
        try:
            future = step()
        except StopIteration:
            return
        waits()
        try:
            yield future
            step = partial(work.send, None)
        except BaseException as error:
            step = partial(work.throw, error)


def this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def checked_out(db: Database) -> int:
    pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


async def settle(test: asyncio.Task[Any]) -> None:
    """Wait for every task but the test."""
    while others := asyncio.all_tasks() - {test}:
        await asyncio.wait(others)


def own(_test: asyncio.Task[Any]) -> None:
    """Cancel the task that uses the connection."""
    this_task().cancel()


def everything(test: asyncio.Task[Any]) -> None:
    """Cancel all tasks, as `asyncio.run` does at its end."""
    for task in asyncio.all_tasks() - {test}:
        task.cancel()


class Run:
    """Work that calls `act` at each of its steps. `task` runs it."""

    def __init__(self, work: Coroutine[Any, Any, object], act: Callable[[int], None]) -> None:
        self.steps = 0
        self._act = act
        self.task = asyncio.create_task(self._run(work))

    async def _run(self, work: Coroutine[Any, Any, object]) -> None:
        await stepped(work, self._waits)

    def _waits(self) -> None:
        self.steps += 1
        self._act(self.steps)


def from_then_on(first: int, cancel: Cancel, test: asyncio.Task[Any]) -> Callable[[int], None]:
    """Cancel at each step from one on."""
    return lambda step: cancel(test) if step >= first else None


def once(at: int, cancel: Cancel, test: asyncio.Task[Any]) -> Callable[[int], None]:
    """Cancel at one step."""
    return lambda step: cancel(test) if step == at else None


@pytest.mark.parametrize("pooled", [True, False], ids=["from-the-pool", "new"])
@pytest.mark.parametrize("repeated", [False, True], ids=["once", "repeatedly"])
@pytest.mark.parametrize("cancel", [own, everything])
@pytest.mark.parametrize("work", [read, write])
async def test_a_task_that_is_cancelled_at_any_step_returns_its_connection(
    stores: Database, work: Work, cancel: Cancel, repeated: bool, pooled: bool
) -> None:
    test = this_task()
    for first in count(1):
        await stores.engine.dispose()
        if pooled:
            await read(stores)
        act = (from_then_on if repeated else once)(first, cancel, test)
        run = Run(work(stores), act)
        await settle(test)
        assert checked_out(stores) == 0, f"cancelled at step {first}"
        if run.steps < first:
            break
    assert first > 3
    await write(stores)  # no lock is left
    gc.collect()  # SQLAlchemy warns about a connection that is found here


async def wait_in(db: Database, reading: asyncio.Event) -> None:
    """Wait for something to which nobody else refers."""
    async with db.read():
        reading.set()
        await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    "collect", [gc.collect, partial(asyncio.to_thread, gc.collect)], ids=["here", "in-a-thread"]
)
async def test_a_task_that_becomes_garbage_returns_its_connection(
    stores: Database, collect: Callable[[], Any]
) -> None:
    test = this_task()
    reading = asyncio.Event()
    task = asyncio.create_task(wait_in(stores, reading))
    await reading.wait()
    assert checked_out(stores) == 1
    del task
    if asyncio.iscoroutine(collecting := collect()):
        await collecting
    await asyncio.sleep(0)  # the loop starts to return the connection
    await settle(test)
    assert checked_out(stores) == 0


async def test_closing_returns_a_connection_that_a_task_still_uses(stores: Database) -> None:
    reading = asyncio.Event()
    task = asyncio.create_task(wait_in(stores, reading))
    await reading.wait()
    await stores.close()
    assert checked_out(stores) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
