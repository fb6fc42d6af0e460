"""Messages at Discord's pace: the urgent first, and a channel whose limit is spent keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from bot.chat.port import FIRST_REQUEST, Target
from bot.domain.model import Record
from bot.domain.requests.buckets import Route
from bot.domain.retry import Outcome
from bot.messages.message import Message
from bot.workers import delivery
from bot.workers.delivery import Delivery
from tests.make import record
from tests.store.store_helpers import CHANNEL, ONE, OTHER, TWO, headlines
from tests.workers.desk import BotHarness, RecordingSender


class KnownLimits:
    """Limits as a test sets them: seconds until a channel can send, each of them once or for ever."""

    limit = webhook_limit = 50.0
    has_one_pace = True

    def __init__(self, *, once: bool = False) -> None:
        self.waits: dict[str, float] = {}
        self.asked: list[str] = []
        self._once = once

    def ready_in(self, routes: Iterable[Route]) -> float:
        """What the test has said about a channel."""
        channels = {route.major for route in routes}
        self.asked += sorted(channels)
        return max((self._wait(channel) for channel in channels), default=0.0)

    def _wait(self, channel: str) -> float:
        return self.waits.pop(channel, 0.0) if self._once else self.waits.get(channel, 0.0)


class RequestingSender(RecordingSender):
    """A sender that says when it makes a request, as the client does."""

    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Say that the request is made, and make it."""
        if (first_request := FIRST_REQUEST.get()) is not None:
            first_request()
        return await super().send(target, message, nonce)


def ai(title: str, **more: Any) -> Record:
    """A record on AI."""
    return record(title, topics=["AI"], **more)


async def test_everything_goes_out_in_order_at_a_pace(desk: BotHarness) -> None:
    channels = [CHANNEL + n for n in range(30)]
    await desk.follow_in(*channels)
    titles = list(headlines(4))
    await desk.take_in(*(ai(title, quality=90 - n) for n, title in enumerate(titles)))
    desk.mailbox = RequestingSender()
    desk.deliverer = Delivery(desk.context, desk.mailbox, limits=KnownLimits())
    await desk.deliver()
    for channel in channels:
        assert [sent.title for sent in desk.mailbox.sent if sent.target.channel_id == channel] == titles
        assert desk.mailbox.busiest[channel] == 1


async def test_a_channel_whose_limit_is_spent_for_a_moment_is_passed(desk: BotHarness) -> None:
    await desk.follow()
    await desk.follow("Space", OTHER)
    await desk.take_in(ai(ONE, quality=90), record(TWO, topics=["Space"], quality=60))
    limits = KnownLimits(once=True)
    limits.waits = {str(CHANNEL): 0.02}
    desk.deliverer = Delivery(desk.context, desk.mailbox, concurrency=1, limits=limits)
    await desk.deliver()
    assert desk.mailbox.titles == [TWO, ONE]


async def test_a_channel_whose_limit_is_spent_for_long_gets_its_messages_later(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE), ai(TWO))
    limits = KnownLimits()
    limits.waits = {str(CHANNEL): 300.0}
    desk.deliverer = Delivery(desk.context, desk.mailbox, limits=limits)
    await desk.deliver()
    assert desk.mailbox.titles == []
    assert await desk.deliverer.next_due() == desk.clock() + timedelta(seconds=300)
    desk.clock.forward(seconds=300)
    limits.waits.clear()
    await desk.deliver()
    assert sorted(desk.mailbox.titles) == sorted([ONE, TWO])


async def test_new_messages_are_sent_before_edits(desk: BotHarness) -> None:
    await desk.follow()
    await desk.follow("Space", OTHER)
    first = ai(ONE, quality=90, excerpt="The first report of it.")
    await desk.report(first)
    desk.clock.forward(minutes=10)
    order: list[str] = []

    class Noting(RecordingSender):
        async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
            order.append("send")
            return await super().send(target, message, nonce)

        async def edit(self, target: Target, message: Message) -> Outcome:
            order.append("edit")
            return await super().edit(target, message)

    await desk.take_in(ai(ONE, outlet="b.example", quality=80, related=[first]))
    await desk.take_in(record(TWO, topics=["Space"], quality=10))
    desk.deliverer = Delivery(desk.context, Noting(), concurrency=1, limits=KnownLimits())
    await desk.deliver()
    assert order == ["send", "edit"]


async def test_what_waits_for_a_limit_is_given_back_at_once_when_the_bot_stops(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE), ai(TWO))
    limits, stopping = KnownLimits(), [False]
    limits.waits = {str(CHANNEL): 9.0}
    desk.deliverer = Delivery(desk.context, desk.mailbox, stopping=lambda: stopping[0], limits=limits)
    await desk.deliverer.begin()
    while not limits.asked:
        await desk.queue()
    assert desk.deliverer.queued == 2
    stopping[0] = True
    await desk.deliverer.finish()
    assert (desk.mailbox.titles, desk.deliverer.queued) == ([], 0)
    assert await Delivery(desk.context, desk.mailbox).drain() == 2


async def test_messages_of_channels_that_wait_keep_no_others_from_being_claimed(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BATCH", 4)
    monkeypatch.setattr(delivery, "AHEAD_SECONDS", 0.0)
    hot = [CHANNEL + 100 + n for n in range(8)]
    for channel in hot:
        await desk.follow(channel=channel)
    await desk.take_in(*(ai(title, quality=90) for title in headlines(3)))
    await desk.follow("Space", OTHER)
    await desk.take_in(record("Satellite lost", topics=["Space"], quality=10))
    limits, stopping = KnownLimits(), [False]
    limits.waits = {str(channel): 9.0 for channel in hot}
    desk.deliverer = Delivery(desk.context, desk.mailbox, stopping=lambda: stopping[0], limits=limits)
    for _ in range(100):
        await desk.deliverer.begin()
        await desk.queue()
        if desk.mailbox.titles:
            break
    assert desk.mailbox.titles == ["Satellite lost"]
    stopping[0] = True
    await desk.deliverer.finish()
