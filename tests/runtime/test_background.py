"""Steps that repeat: when they are due, when they are woken, and how long they wait after failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bot.runtime.background import FIRST_PAUSE, LONGEST_PAUSE, Repeating, Step
from tests.make import Clock, at

Outcome = datetime | Exception | None


class Scripted(Repeating):
    """Takes a step for each outcome, and notes until when it would wait afterwards instead of waiting."""

    def __init__(self, outcomes: Sequence[Outcome], longest: timedelta | None = None) -> None:
        self.clock = Clock()
        self.failures: list[tuple[str, str, timedelta]] = []
        self.waits: list[datetime | None] = []
        self._outcomes = iter(outcomes)
        self.over = asyncio.Event()
        super().__init__("reading", self.next_outcome, self.clock, self.note_failure, longest)

    async def next_outcome(self) -> datetime | None:
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def note_failure(self, name: str, error: Exception, pause: timedelta) -> None:
        self.failures.append((name, str(error), pause))

    async def idle(self, due: datetime | None) -> None:
        self.waits.append(due)
        if self._outcomes.__length_hint__() == 0:  # type: ignore[attr-defined]  # which iterators of lists have
            self.over.set()


async def played(outcomes: Sequence[Outcome], longest: timedelta | None = None) -> Scripted:
    scripted = Scripted(outcomes, longest)
    await scripted.run(until=scripted.over)
    return scripted


async def test_a_step_is_taken_again_when_it_says() -> None:
    assert (await played([at(1), at(2), None])).waits == [at(1), at(2), None]


async def test_failures_in_a_row_are_followed_by_pauses_that_double_up_to_a_bound() -> None:
    scripted = await played([OSError(f"no {n}") for n in range(10)])
    pauses = [pause for _, _, pause in scripted.failures]
    assert pauses[:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert scripted.waits == [at() + pause for pause in pauses]
    assert scripted.failures[0] == ("reading", "no 0", FIRST_PAUSE)


async def test_a_step_that_goes_well_ends_the_row_of_failures() -> None:
    scripted = await played([OSError(), OSError(), at(1), OSError()])
    assert [pause for *_, pause in scripted.failures] == [FIRST_PAUSE, 2 * FIRST_PAUSE, FIRST_PAUSE]


async def test_no_failure_waits_longer_than_the_step_ever_does() -> None:
    longest = 1.5 * FIRST_PAUSE
    scripted = await played([OSError(), OSError()], longest)
    assert [pause for *_, pause in scripted.failures] == [FIRST_PAUSE, longest]


def repeating(step: Step, clock: Clock, longest: timedelta | None = None) -> Repeating:
    def unexpected(_name: str, error: Exception, _pause: timedelta) -> None:
        raise error

    return Repeating("waiting", step, clock, unexpected, longest)


@pytest.mark.parametrize("due", [None, at(1)])
@pytest.mark.parametrize("longest", [None, timedelta(days=1)])
async def test_who_is_woken_waits_no_longer(due: datetime | None, longest: timedelta | None) -> None:
    steps, taken = 0, asyncio.Event()

    async def step() -> datetime | None:
        nonlocal steps
        steps += 1
        taken.set()
        return due

    waiting = repeating(step, Clock(), longest)
    task = asyncio.create_task(waiting.run())
    for expected in (1, 2, 3):
        await taken.wait()
        taken.clear()
        for _ in range(5):
            await asyncio.sleep(0)
        assert steps == expected
        waiting.wake()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_is_woken_during_a_step_takes_another_one() -> None:
    taken: list[int] = []
    over = asyncio.Event()

    async def step() -> None:
        taken.append(len(taken))
        if len(taken) == 1:
            waiting.wake()
        else:
            over.set()
            waiting.wake()

    waiting = repeating(step, Clock())
    await waiting.run(until=over)
    assert taken == [0, 1]


@pytest.mark.parametrize("due", [at(-1), at(0)])
async def test_what_is_due_at_once_still_lets_others_have_a_turn(due: datetime) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        for _ in range(3):
            turns += 1
            await asyncio.sleep(0)
        over.set()

    async def step() -> datetime:
        return due

    over = asyncio.Event()
    task = asyncio.create_task(others())
    await repeating(step, Clock()).run(until=over)
    assert turns == 3
    await task


@pytest.mark.parametrize(
    ("due", "longest", "seconds"),
    [
        (None, None, None),
        (at(1), None, 3600),
        (at(-1), None, 0),
        (None, timedelta(seconds=30), 30),
        (at(1), timedelta(seconds=30), 30),
        (at(1), timedelta(hours=2), 3600),
    ],
)
def test_the_wait_ends_when_the_step_is_due_or_after_the_longest_time(
    due: datetime | None, longest: timedelta | None, seconds: float | None
) -> None:
    async def step() -> None:
        raise AssertionError

    waiting = repeating(step, Clock(), longest)
    assert waiting._seconds_until(due) == seconds


async def test_a_failure_may_end_the_work() -> None:
    over = asyncio.Event()
    ended: list[str] = []

    async def step() -> None:
        raise ValueError("of no use")

    def end(name: str, error: Exception, _pause: timedelta) -> None:
        ended.append(f"{name}: {error}")
        waiting.wake()
        over.set()

    waiting = Repeating("connection", step, Clock(), end)
    await waiting.run(until=over)
    assert ended == ["connection: of no use"]
