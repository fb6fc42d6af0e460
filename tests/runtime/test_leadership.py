"""Of several processes one leads. Each has a clock of its own here, which only the test moves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import pytest
import sqlalchemy as sa

from bot.runtime.leadership import LEASE, RENEW, WATCH, Alone, LeaseLeadership
from bot.store import leases
from bot.store.database import Database
from tests.form import sized
from tests.make import Clock
from tests.store.test_checkout import Run, once, own, this_task

TAKEOVER = (LEASE + WATCH).total_seconds()


@dataclass
class Contender:
    """A process that wants to lead: its clocks, and how often it began to."""

    name: str
    db: Database
    is_locked: bool
    seconds: float = 0.0
    gone: set[str] = field(default_factory=set)
    begun: int = 0

    def __post_init__(self) -> None:
        self.leadership = LeaseLeadership(
            self.db,
            leases.INTAKE,
            self.name,
            Clock(),
            lambda: self.seconds,
            is_gone=lambda holder: holder in self.gone,
            began=self._began,
            is_locked=self.is_locked,
        )

    def _began(self) -> None:
        self.begun += 1

    @property
    def leads(self) -> bool:
        return self.leadership.is_leading

    async def step(self, after: float = 0.0) -> bool:
        """Take a step so many seconds later; whether it leads then."""
        self.seconds += after
        await self.leadership.step()
        return self.leads

    async def leads_soon(self) -> bool:
        """Take steps without a wait until it leads: PostgreSQL ends a session a moment after it was asked to."""
        for _ in range(500):
            if await self.step():
                return True
        return False


class Contest:
    """Contenders on one database."""

    def __init__(self, url: str, stack: AsyncExitStack, *, is_locked: bool) -> None:
        self._url, self._stack, self._is_locked = url, stack, is_locked

    async def join(self, name: str, seconds: float = 0.0) -> Contender:
        """Another process, whose clock shows that; its name ends with a unique word, as that of a real one."""
        holder = f"host {name} run-of-{name}"
        db = await Database.open(self._url, session_name=leases.session_name(holder))
        self._stack.push_async_callback(db.close)
        contender = Contender(holder, db, self._is_locked, seconds)
        self._stack.push_async_callback(contender.leadership.close)
        return contender


@pytest.fixture(params=[False, True], ids=["lease", "lease and lock"])
async def contest(postgres_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Contest]:
    async with AsyncExitStack() as stack:
        yield Contest(postgres_url, stack, is_locked=request.param)


@pytest.fixture
async def locked(postgres_url: str) -> AsyncIterator[Contest]:
    async with AsyncExitStack() as stack:
        yield Contest(postgres_url, stack, is_locked=True)


async def test_the_first_one_leads_for_as_long_as_it_renews(contest: Contest) -> None:
    first, second = await contest.join("a"), await contest.join("b")
    assert await first.step()
    for _ in range(8):
        assert not await second.step(WATCH.total_seconds() * 2)
        assert await first.step(RENEW.total_seconds())
    assert (first.begun, second.begun) == (1, 0)


async def test_who_stops_lets_the_other_one_lead_at_once(contest: Contest) -> None:
    first, second = await contest.join("a"), await contest.join("b")
    assert await first.step()
    assert not await second.step()
    await first.leadership.close()
    assert not first.leads
    assert await second.step()


@pytest.mark.parametrize("leads", [False, True], ids=["campaigning", "renewing"])
async def test_who_is_stopped_in_the_middle_of_a_step_lets_the_other_one_lead_at_once(
    contest: Contest, leads: bool
) -> None:
    second = await contest.join("b")
    for stopped_at in count(1):
        first = await contest.join("a")
        if leads:
            assert await first.step()
        run = Run(first.leadership.step(), once(stopped_at, own, this_task()))
        await asyncio.gather(run.task, return_exceptions=True)
        await first.leadership.close()
        assert await second.step(), f"stopped at step {stopped_at}"
        await second.leadership.close()
        if run.steps < stopped_at:
            break
    assert stopped_at > 2


async def test_a_process_that_has_certainly_ended_is_followed_at_once(postgres_url: str) -> None:
    async with AsyncExitStack() as stack:
        contest = Contest(postgres_url, stack, is_locked=False)
        first, second = await contest.join("a"), await contest.join("b")
        assert await first.step()
        second.gone.add(first.name)
        assert await second.step()


async def test_who_does_not_renew_any_more_leads_no_more_before_another_one_does(contest: Contest) -> None:
    # The clock of the other one is days ahead, which makes no difference.
    first, second = await contest.join("a"), await contest.join("b", seconds=300_000.0)
    assert await first.step()
    assert not await second.step()
    first.seconds += LEASE.total_seconds()
    assert not first.leads
    assert not await second.step(LEASE.total_seconds() - 0.1)
    steps = 0
    while not await second.step(
        WATCH.total_seconds()
    ):  # a step ends the other's sessions, the next one leads
        steps += 1
        assert steps <= 2
    assert second.seconds - 300_000.0 <= 5
    assert not await first.step()


async def test_a_takeover_takes_less_than_five_seconds() -> None:
    # A renewal may be seen one step late, and a frozen process is ended one step before another one leads.
    assert LEASE + 2 * WATCH < 5 * RENEW
    assert TAKEOVER < 5


async def test_a_leader_whose_session_ends_is_followed_at_the_next_step(locked: Contest) -> None:
    first, second = await locked.join("a"), await locked.join("b")
    assert await first.step()
    assert not await second.step()
    async with second.db.dedicated() as connection:
        assert await leases.evict(connection, first.name) >= 1  # as PostgreSQL does when a process is killed
    assert await second.leads_soon()
    assert not await first.step()  # its connection is gone, and it says so
    assert not await first.step()
    assert second.leads


async def test_a_frozen_leader_loses_all_its_sessions(locked: Contest) -> None:
    first, second = await locked.join("a"), await locked.join("b")
    assert await first.step()
    assert not await second.step()
    async with first.db.dedicated() as connection:  # it is in the middle of something
        assert not await second.step(LEASE.total_seconds())
        await second.step(WATCH.total_seconds())
        assert await second.leads_soon()
        with pytest.raises(Exception, match=r"terminat|closed"):
            await connection.execute(sa.text("SELECT 1"))


async def test_steps_of_a_standby_wait_until_it_leads(contest: Contest) -> None:
    first, second = await contest.join("a"), await contest.join("b")
    await first.step()
    await second.step()
    done: list[str] = []

    async def step() -> datetime | None:
        done.append("done")
        return None

    waiting = asyncio.create_task(second.leadership.during(step))
    await first.leadership.during(step)
    assert done == ["done"]
    await first.leadership.close()
    await second.step()
    assert await waiting is None
    assert done == ["done", "done"]


async def test_a_step_ends_when_its_process_leads_no_more(contest: Contest) -> None:
    first, second = await contest.join("a"), await contest.join("b")
    await first.step()
    await second.step()
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless() -> datetime | None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return None

    running = asyncio.create_task(first.leadership.during(endless))
    await begun.wait()
    while not await second.step(LEASE.total_seconds()):
        pass
    await first.step(LEASE.total_seconds())
    assert await running == Clock()()  # it is due at once, if the process leads again
    assert ended.is_set()


async def test_a_failing_step_fails_as_it_would_alone(contest: Contest) -> None:
    first = await contest.join("a")
    await first.step()

    async def failing() -> datetime | None:
        raise ValueError("a bug")

    for leadership in (first.leadership, Alone()):
        with pytest.raises(ValueError, match="a bug"):
            await leadership.during(failing)


@pytest.mark.parametrize("seed", range(sized(1, long=3)))
async def test_whoever_stops_and_starts_when_at_most_one_leads(contest: Contest, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 # nothing secret
    contenders = [await contest.join(name) for name in "abc"]
    leaders = 0
    for _ in range(60):
        after = chance.choice((0.2, 0.5, 1.0, 2.0))
        for contender in contenders:
            contender.seconds += after
        awake = chance.sample(contenders, chance.randint(1, 3))
        for contender in awake:
            await contender.step()
            assert sum(each.leads for each in contenders) <= 1
        leaders += any(each.leads for each in contenders)
    assert leaders > 20
