"""Background work: a step that repeats when it is due, when it is woken, and with backoff after failures."""

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
    """A step that repeats. The step returns when it is due again; None means when it is woken.

    It runs again after `longest` at the latest, if that is given. After a failure it is retried after 5 seconds, doubled
    with each failure in a row up to 10 minutes; `failed` gets the name, the error and that pause. To end the work instead,
    `failed` sets the event passed to `run`, or cancels the task.
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
        """Run the step now; after a step in progress, run another one."""
        self._woken.set()

    async def run(self, until: asyncio.Event | None = None) -> None:
        """Repeat the step until this task is cancelled, or until the event is set and the current step has ended."""
        while until is None or not until.is_set():
            await self.idle(await self.step())

    async def step(self) -> datetime | None:
        """Run the step once. Returns when it is due again, or None."""
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
        """Wait until `due`, but at most `longest`, or until `wake` is called."""
        seconds = self._seconds_until(due)
        if seconds == 0:
            await asyncio.sleep(0)  # let other tasks run
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    def _seconds_until(self, due: datetime | None) -> float | None:
        """The seconds to wait; None means until `wake` is called."""
        waits = [self._longest] if self._longest is not None else []
        waits += [due - self._now()] if due is not None else []
        return max(min(waits), timedelta()).total_seconds() if waits else None
