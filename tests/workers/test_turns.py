"""Who gets the next turn of the pace, in virtual time: nobody waits for what is less urgent, or for a channel with a backlog."""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from bot.chat.pacer import SECONDS_A_RANK, Pacer
from bot.chat.port import FIRST_REQUEST, REQUEST_RANK
from bot.chat.transport import PacedSession
from bot.domain.requests.buckets import route_of
from bot.domain.requests.line import Urgency
from bot.workers.admission import Admission
from tests.virtual_time import run_virtually

LIMIT = 50
RENDERING, ANSWERING = 0.01, 0.03  # seconds
COLD = 10_000  # the first channel with a single message
COLD_A_SECOND = 20


@dataclass
class Line:
    """Messages on their way to Discord.

    `started` are the channels of their requests in order, and `passed_by` how many others started between the moment when a
    channel's single message was rendered and its own start, apart from single ones.
    """

    pacer: Pacer = field(default_factory=lambda: Pacer(LIMIT))
    admission: Admission = field(default_factory=lambda: Admission(8, LIMIT))
    started: list[int] = field(default_factory=list)
    passed_by: Counter[int] = field(default_factory=Counter)

    async def send(self, channel: int, urgency: Urgency = Urgency.LIVE) -> float:
        """Send a message; how long after this call its request started."""
        due = _now()
        admitted = await self.admission.enter(channel, urgency, 0.0)
        FIRST_REQUEST.set(admitted.requests)
        REQUEST_RANK.set(admitted.rank)
        await asyncio.sleep(RENDERING)
        earlier = len(self.started)
        request = await self.pacer.turn(route_of("POST", f"/channels/{channel}/messages"))
        start = _now()
        self.passed_by[channel] = sum(other < COLD for other in self.started[earlier:])
        self.started.append(channel)
        self.pacer.departs(request)
        await asyncio.sleep(ANSWERING)
        self.pacer.ends(request)
        admitted.leave(answered=True)
        return start - due

    async def cold_messages(
        self, backlogs: Sequence[int], urgency: Urgency, *, count: int = 300
    ) -> list[float]:
        """How long single messages waited that come at 20 a second, beside channels that always have another one."""

        async def backlog(channel: int) -> None:
            while True:
                await asyncio.create_task(self.send(channel, urgency))

        numbers = random.Random(4)  # noqa: S311 - a sequence to repeat
        hot = [asyncio.create_task(backlog(channel)) for channel in backlogs]
        await asyncio.sleep(5)
        cold = []
        for channel in range(COLD, COLD + count):
            await asyncio.sleep(numbers.expovariate(COLD_A_SECOND))
            cold.append(asyncio.create_task(self.send(channel)))
        delays = await asyncio.gather(*cold)
        for task in hot:
            task.cancel()
        await asyncio.gather(*hot, return_exceptions=True)
        return delays


def _now() -> float:
    return asyncio.get_running_loop().time()


def _p99(delays: Sequence[float]) -> float:
    return statistics.quantiles(delays, n=100)[98]


@pytest.mark.parametrize("urgency", [Urgency.LIVE, Urgency.EDIT, Urgency.PUBLICATION])
def test_a_message_waits_no_longer_beside_channels_with_a_backlog(urgency: Urgency) -> None:
    alone = run_virtually(Line().cold_messages((), Urgency.LIVE))
    beside = Line()
    delays = run_virtually(beside.cold_messages(range(40), urgency))
    assert len(beside.started) > 900, "the backlogs take what is left of the pace"
    assert max(beside.passed_by[channel] for channel in beside.started if channel >= COLD) == 0
    assert statistics.median(delays) == pytest.approx(statistics.median(alone))
    # Those of the first second come while the backlogs use all of the limit.
    assert _p99(delays[COLD_A_SECOND:]) <= 1.1 * _p99(alone)
    assert max(delays) <= 6 / LIMIT


def test_a_request_that_is_ready_is_the_next_to_start_whatever_was_ready_before() -> None:
    async def scene() -> list[int]:
        line, order = Pacer(LIMIT), list[int]()

        async def ask(number: int, rank: int) -> None:
            REQUEST_RANK.set(rank)
            line.departs(await line.turn(route_of("POST", f"/channels/{number}/messages")))
            order.append(number)

        tasks = [asyncio.create_task(ask(number, 2)) for number in range(20)]
        await asyncio.sleep(0.05)
        before = len(order)
        tasks += [asyncio.create_task(ask(number, 1)) for number in range(100, 108)]
        tasks += [asyncio.create_task(ask(108, 0))]
        await asyncio.gather(*tasks)
        assert order[:before] == list(range(before))
        return order[before : before + 9]

    order = run_virtually(scene())
    assert sorted(order) == list(range(100, 109))
    assert order[-1] == 107, "not the one that came last"


def test_requests_of_webhooks_and_of_the_bot_share_one_pace_in_the_order_in_which_they_came() -> None:
    async def scene() -> Counter[bool]:
        pacer = Pacer(LIMIT + 20, webhook_limit=0)
        routes = [route_of("POST", "/channels/1/messages"), route_of("POST", "/webhooks/1/a-token")]

        async def ask(number: int) -> None:
            request = await pacer.turn(routes[number % 2])
            started[request.route.is_of_webhook] += 1
            pacer.departs(request)
            await asyncio.sleep(ANSWERING)
            pacer.ends(request)

        started = Counter[bool]()
        tasks = [asyncio.create_task(ask(number)) for number in range(10 * LIMIT)]
        await asyncio.sleep(4)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return started

    started = run_virtually(scene())
    assert started.total() >= 0.97 * 4 * (LIMIT + 20)
    assert abs(started[True] - started[False]) <= 2


def test_no_request_waits_for_ever_for_those_of_a_lower_rank() -> None:
    async def scene() -> float:
        pacer = Pacer(LIMIT)
        rank = 9

        async def ask(rank: int) -> None:
            REQUEST_RANK.set(rank)
            request = await pacer.turn(route_of("POST", "/channels/1/messages"))
            pacer.departs(request)
            pacer.ends(request)

        last = asyncio.create_task(ask(rank))
        others = set[asyncio.Task[None]]()
        await asyncio.sleep(0)
        for _ in itertools.count():
            await asyncio.sleep(1 / LIMIT)
            if last.done():
                break
            others.add(asyncio.create_task(ask(0)))
            others.add(asyncio.create_task(ask(0)))  # twice as many as there are turns
        for task in others:
            task.cancel()
        return _now()

    assert run_virtually(scene()) <= 9 * SECONDS_A_RANK * 2 + 1


def test_requests_that_are_given_up_while_they_wait_take_nobodys_turn() -> None:
    async def scene() -> float:
        pacer = Pacer(LIMIT)
        waiting = [asyncio.create_task(pacer.turn(route_of("GET", f"/channels/{n}"))) for n in range(40)]
        await asyncio.sleep(0.031)  # some have their turn
        given_up = [task for task in waiting if not task.done()]
        for task in given_up:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for task in waiting:
            if not task.cancelled():
                pacer.ends(task.result())
        assert len(given_up) > 30
        begun = _now()
        await pacer.turn(route_of("GET", "/channels/7"))
        return _now() - begun

    assert run_virtually(scene()) <= 2 / LIMIT


def test_a_turn_that_comes_with_the_cancellation_of_its_request_is_free_again() -> None:
    async def scene() -> None:
        pacer = Pacer(1)

        async def ask() -> None:
            await pacer.turn(route_of("GET", "/channels/7"))

        pacer.pace.hold(_now() + 1)
        task = asyncio.create_task(ask())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_at(_now() + 1, lambda: task.cancel())
        await asyncio.gather(task, return_exceptions=True)
        assert not pacer.pace._begun

    run_virtually(scene())


def test_an_answer_lets_the_next_request_start_when_it_may_and_not_when_it_might_have_had_to_wait() -> None:
    async def scene() -> float:
        pacer = Pacer(1)
        first = await pacer.turn(route_of("GET", "/channels/7"))
        pacer.departs(first)
        second = asyncio.create_task(pacer.turn(route_of("GET", "/channels/8")))
        await asyncio.sleep(0.02)
        pacer.ends(first)
        await second
        return _now()

    assert run_virtually(scene()) < 1.1


def test_a_process_that_takes_over_keeps_to_the_limit_together_with_the_one_before() -> None:
    async def scene() -> list[float]:
        starts = list[float]()

        async def send(pacer: Pacer, channel: int) -> None:
            request = await pacer.turn(route_of("POST", f"/channels/{channel}/messages"))
            starts.append(_now())
            pacer.departs(request)
            await asyncio.sleep(ANSWERING)
            pacer.ends(request)

        before, after = Pacer(LIMIT), Pacer(LIMIT)
        tasks = [asyncio.create_task(send(before, channel)) for channel in range(3 * LIMIT)]
        await asyncio.sleep(1.5)
        for task in tasks:
            task.cancel()  # it has ended
        after.rest()
        tasks += [asyncio.create_task(send(after, channel)) for channel in range(2 * LIMIT)]
        await asyncio.gather(*tasks, return_exceptions=True)
        return starts

    starts = run_virtually(scene())
    assert len(starts) > 3 * LIMIT
    assert max(sum(start <= time < start + 1 - 1e-9 for time in starts) for start in starts) <= LIMIT


def test_the_time_in_which_a_request_of_a_webhook_waits_for_its_turn_is_not_the_requests() -> None:
    class Session:
        """A session whose requests begin, and may last for so long, when they are called."""

        begun: ClassVar[list[float]] = []

        @asynccontextmanager
        async def request(self, _method: str, _url: str, **_options: Any) -> AsyncIterator[None]:
            self.begun.append(_now())
            yield

    async def scene() -> None:
        pacer = Pacer(LIMIT, webhook_limit=LIMIT)
        pacer.refuse(route_of("POST", "/webhooks/1/a-token"), 29.0, everywhere=True)
        session: Any = Session()
        async with PacedSession(session, pacer).request("POST", "https://discord.example/api/webhooks/1/b"):
            pass

    run_virtually(scene())
    assert Session.begun == [29.0]


def test_a_message_that_is_given_up_as_it_is_called_takes_no_slot_and_holds_up_no_other() -> None:
    async def scene() -> float:
        admission = Admission(1, LIMIT)
        given_up = asyncio.create_task(admission.enter(1, Urgency.LIVE, 0.0))
        others = [asyncio.create_task(admission.enter(number, Urgency.LIVE, 0.0)) for number in (2, 3)]
        await asyncio.sleep(0)
        given_up.cancel()  # it learns of that after the line has called it
        begun = _now()
        (await others[0]).leave()
        (await others[1]).leave()
        return _now() - begun

    failures = list[object]()

    async def watched() -> float:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        return await scene()

    assert run_virtually(watched()) == 0
    assert failures == []
