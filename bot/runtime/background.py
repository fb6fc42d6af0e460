"""Background work: a step that repeats when it is due, when somebody wakes it, and after growing pauses when it fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from bot.domain.retry import doubled

Step = Callable[[], Awaitable[datetime | None]]
OnFailure = Callable[[str, Exception, timedelta], None]

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=10)


class Repeating:
    """A step that repeats. It does one thing and returns when there is more to do; None: when somebody wakes it.

    It is taken again after `longest` at the latest, if that is given. After a failure it is tried again: `failed` gets
    the name, the error, and how long that takes, which is 5 seconds, doubled with each failure up to 10 minutes. Where
    `failed` ends the work instead, it sets the event that `run` got, or has the task cancelled.
    """

    def __init__(
        self,
        name: str,
        step: Step,
        now: Callable[[], datetime],
        failed: OnFailure,
        longest: timedelta | None = None,
    ) -> None:
        self.name = name
        self._step = step
        self._now = now
        self._failed = failed
        self._longest = longest
        self._failures = 0  # in a row
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something may be due: look now. A step in progress is followed by another one."""
        self._woken.set()

    async def run(self, until: asyncio.Event | None = None) -> None:
        """Repeat the step until this task is cancelled, or until the event is set and the step in progress is over."""
        while until is None or not until.is_set():
            await self.idle(await self.step())

    async def step(self) -> datetime | None:
        """Take the step once. Returns when it is to be taken again, None where nothing is planned."""
        self._woken.clear()
        try:
            due = await self._step()
        except Exception as error:
            self._failures += 1
            pause = doubled(FIRST_PAUSE, self._failures, LONGEST_PAUSE)
            pause = pause if self._longest is None else min(pause, self._longest)
            self._failed(self.name, error, pause)
            return self._now() + pause
        self._failures = 0
        return due

    async def idle(self, due: datetime | None) -> None:
        """Wait until then, but not longer than `longest`, and not at all once somebody wakes it."""
        seconds = self._seconds_until(due)
        if seconds == 0:
            await asyncio.sleep(0)  # everybody else has a turn first
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    def _seconds_until(self, due: datetime | None) -> float | None:
        """How long to wait; None: as long as nobody wakes it."""
        waits = [self._longest] if self._longest is not None else []
        waits += [due - self._now()] if due is not None else []
        return max(min(waits), timedelta()).total_seconds() if waits else None
