"""Messages at Discord's pace: the urgent first, and a channel whose limit is spent keeps nobody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from typing import Any

import pytest

from bot.chat.port import FIRST_REQUEST, Target
from bot.domain.model import Record
from bot.domain.requests import line
from bot.domain.requests.buckets import Route
from bot.domain.retry import Outcome
from bot.errors import StoreError
from bot.messages.message import Message
from bot.store import delivery as stored_delivery
from bot.store import outbox
from bot.store.outbox import Claimed
from bot.workers import delivery, rendering
from bot.workers.admission import Admission
from bot.workers.delivery import Delivery
from tests.form import sized
from tests.make import record
from tests.store.store_helpers import CHANNEL, ONE, OTHER, TWO, headlines
from tests.workers.desk import BotHarness, RecordingSender

SLOTS = 8  # messages on their way at first


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


class SenderInTurns(RequestingSender):
    """A sender that sends as many messages as the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = asyncio.Semaphore(0)

    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Wait for a turn."""
        await self.turns.acquire()
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


def counted_claims(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each claim from now on gets."""
    claims, claim = list[int](), outbox.claim

    async def counting(*args: Any, **options: Any) -> list[Claimed]:
        claimed = await claim(*args, **options)
        claims.append(len(claimed))
        return claimed

    monkeypatch.setattr(outbox, "claim", counting)
    return claims


async def test_a_message_does_not_wait_for_channels_in_which_bigger_stories_wait(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have all places for claimed messages several times over."""
    for name, value in {"BATCH": 20, "AHEAD_SECONDS": 0.0, "LONGEST_AHEAD": 0.0}.items():
        monkeypatch.setattr(delivery, name, value)
    monkeypatch.setattr(line, "RECENT", 1e9)  # however slow the machine is
    hot = [CHANNEL + 100 + n for n in range(20)]
    stories = sized(5, long=9)
    for channel in hot:
        await desk.follow(channel=channel)
    await desk.follow("Space", OTHER)
    await desk.take_in(*(ai(title, quality=90) for title in headlines(stories)))
    desk.mailbox = sender = SenderInTurns()
    desk.deliverer = Delivery(desk.context, sender, limits=KnownLimits())
    claims = counted_claims(monkeypatch)
    on_their_way = 0  # at most: more at once where a request takes longer, as on a busy machine

    async def send_until(done: Callable[[], bool]) -> int:
        """Let one message after the other go out."""
        nonlocal on_their_way
        while not done():
            await desk.deliverer.begin_due()
            on_their_way = max(on_their_way, desk.deliverer.in_flight)
            sender.turns.release()
            await desk.queue()
        return len(sender.sent)

    await send_until(lambda: len(sender.sent) > 2 * len(hot))
    await desk.take_in(record("Satellite lost", topics=["Space"], quality=10))
    before = len(sender.sent)
    passed_by = await send_until(lambda: "Satellite lost" in sender.titles) - before
    assert passed_by <= max(on_their_way, SLOTS)
    await send_until(lambda: len(sender.sent) == stories * len(hot) + 1)
    assert claims.count(0) <= 2, "that others wait for which there is no place is no reason to claim"
    await desk.deliver()


async def test_each_message_that_becomes_due_costs_one_claim(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = counted_claims(monkeypatch)
    for n, topic in enumerate(("AI", "Space")):
        await desk.follow(topic, CHANNEL + n)
    desk.deliverer = Delivery(desk.context, desk.mailbox, limits=KnownLimits())
    for title, topic in zip(headlines(2), ("AI", "Space"), strict=True):
        await desk.take_in(record(title, topics=[topic]))
        while (due := await desk.deliverer.begin_due()) is not None and due <= desk.clock():
            await desk.deliverer.finish()
        await desk.deliverer.finish()
        assert await desk.deliverer.begin_due() is None
    assert (len(desk.mailbox.sent), claims) == (2, [1, 1])


async def test_messages_are_claimed_while_others_are_being_prepared(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads, load, go_on = list[int](), rendering.load, asyncio.Event()

    async def slow_at_first(connection: Any, cache: Any, claimed: Any, *rest: Any) -> Any:
        loads.append(len(claimed))
        if len(loads) == 1:
            await go_on.wait()
        return await load(connection, cache, claimed, *rest)

    monkeypatch.setattr(rendering, "load", slow_at_first)
    await desk.follow()
    await desk.follow("Space", OTHER)
    desk.deliverer = Delivery(desk.context, desk.mailbox, limits=KnownLimits())
    await desk.take_in(ai(ONE))
    assert await desk.deliverer.begin() == 1
    await desk.take_in(record(TWO, topics=["Space"]))
    assert await desk.deliverer.begin() == 1
    while not desk.mailbox.sent:
        await desk.queue()
    assert desk.mailbox.titles == [TWO]
    go_on.set()
    await desk.deliverer.finish()
    assert desk.mailbox.titles == [TWO, ONE]


async def test_what_ends_many_channels_at_once_is_one_failure_and_nothing_is_lost(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = [CHANNEL + n for n in range(10)]
    for channel in channels:
        await desk.follow(channel=channel)
    await desk.take_in(ai(ONE))
    desk.deliverer = Delivery(desk.context, desk.mailbox, limits=KnownLimits())

    async def lost(*_: Any) -> Any:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "load", lost)
        await desk.deliverer.begin()
        with pytest.raises(StoreError):
            await desk.deliverer.finish()
    await desk.deliver()  # at once: they were given back
    assert {sent.target.channel_id for sent in desk.mailbox.sent} == set(channels)
    assert not desk.mailbox.looked, "none was tried before, so none is in doubt"


async def test_what_was_being_prepared_is_given_back_when_the_bot_stops(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait in a line that nobody calls any more."""
    load, go_on = rendering.load, asyncio.Event()

    async def slow(*args: Any) -> Any:
        await go_on.wait()
        return await load(*args)

    monkeypatch.setattr(rendering, "load", slow)
    await desk.follow()
    await desk.take_in(ai(ONE))
    limits, stopping = KnownLimits(), [False]
    desk.deliverer = Delivery(desk.context, desk.mailbox, stopping=lambda: stopping[0], limits=limits)
    await desk.deliverer.begin()
    stopping[0] = True
    finishing = asyncio.create_task(desk.deliverer.finish())
    await asyncio.sleep(0)
    go_on.set()
    await finishing
    assert (limits.asked, desk.mailbox.titles, desk.deliverer.queued) == ([], [], 0)
    assert await Delivery(desk.context, desk.mailbox).drain() == 1


async def test_publications_leave_the_kept_places_to_others_as_all_messages_do(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "KEPT_FOR_OTHERS", 0.0)
    monkeypatch.setattr(Admission, "recent", frozenset({CHANNEL}))
    options: dict[str, tuple[object, object]] = {}

    def noting(name: str, claim: Callable[..., Awaitable[list[Claimed]]]) -> Any:
        async def noted(*args: Any, **given: Any) -> list[Claimed]:
            options[name] = given["resting"], given["per_channel"]
            return await claim(*args, **given)

        return noted

    for name in ("claim", "claim_publishing"):
        monkeypatch.setattr(outbox, name, noting(name, getattr(outbox, name)))
    desk.deliverer = Delivery(desk.context, desk.mailbox, limits=KnownLimits())
    await desk.deliver()
    assert options == dict.fromkeys(("claim", "claim_publishing"), (frozenset({CHANNEL}), 1))


async def test_what_fails_while_others_are_hastened_is_hastened_next(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.deliverer = Delivery(desk.context, desk.mailbox)
    hastened: list[list[int]] = []

    async def hasten(_connection: object, ids: Collection[int], _now: object) -> None:
        hastened.append(sorted(ids))
        if len(hastened) == 1:
            desk.deliverer._to_hasten |= {2}  # as at the end of an outage

    monkeypatch.setattr(stored_delivery, "hasten", hasten)
    desk.deliverer._to_hasten |= {1}
    for _ in range(3):
        await desk.deliverer.begin()
    assert hastened == [[1], [2]]
