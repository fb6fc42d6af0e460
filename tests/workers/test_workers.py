"""Workers of channels: nobody waits for a stranger, an outage pauses all, and what is in doubt is looked for."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from bot.chat.port import Target
from bot.domain.circuit import TRIP
from bot.domain.model import Record
from bot.domain.retry import Outcome, SendStatus
from bot.errors import StoreError
from bot.messages.message import Message
from bot.store import delivery as leases_of_messages
from bot.store import outbox
from bot.workers import delivery
from bot.workers.delivery import Delivery
from tests.form import sized
from tests.make import record
from tests.store.store_helpers import CHANNEL, ONE, TWO, headlines
from tests.workers.desk import BotHarness, RecordingSender

DOWN = Outcome(SendStatus.REFUSED, 503)
HIDDEN, MISSING = Outcome(SendStatus.HIDDEN), Outcome(SendStatus.MISSING)


def ai(title: str, outlet: str = "alpha.example", **more: Any) -> Record:
    """A record on AI."""
    return record(title, outlet, topics=["AI"], **more)


class HangingSender(RecordingSender):
    """Discord does not answer in some channels before it is let go."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()

    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """As ever, but late."""
        if target.channel_id in self.channels:
            self.asked.set()
            await self.let_go.wait()
        return await super().send(target, message, nonce)


async def test_channels_that_hang_hold_up_no_other_and_keep_their_order(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", 0)
    hung = [CHANNEL + n for n in range(sized(8, long=20))]
    others = [CHANNEL + 100 + n for n in range(5)]
    await desk.follow_in(*hung, *others)
    titles = list(headlines(4))
    await desk.take_in(*(ai(title, quality=90 - n) for n, title in enumerate(titles)))
    slow = HangingSender(*hung)
    desk.deliverer = Delivery(desk.context, slow, concurrency=2)
    while len(slow.sent) < len(others) * len(titles):
        await desk.deliverer.begin()
        await asyncio.sleep(0)
    assert {asked.target.channel_id for asked in slow.sent} == set(others)
    slow.let_go.set()
    await desk.deliverer.finish()
    await desk.deliver()
    for channel in (*hung, *others):
        assert [a.title for a in slow.sent if a.target.channel_id == channel] == titles
        assert slow.busiest[channel] == 1


async def test_what_is_on_its_way_stays_with_its_worker_however_long_that_takes(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", 0)
    monkeypatch.setattr(delivery, "RENEW_SECONDS", 0)
    await desk.follow()
    await desk.take_in(ai(ONE))
    slow = HangingSender(CHANNEL)
    desk.deliverer = Delivery(desk.context, slow)
    await desk.deliverer.begin()
    await slow.asked.wait()
    desk.clock.forward(seconds=outbox.LEASE.total_seconds() - 1)
    renewed = desk.clock() + outbox.LEASE
    while await Delivery(desk.context, desk.mailbox).next_due() != renewed:  # noqa: ASYNC110 # only the store tells
        await asyncio.sleep(0)
    slow.let_go.set()
    await desk.deliverer.finish()
    assert (slow.titles, await desk.queue()) == ([ONE], 0)


async def test_a_message_on_its_way_is_settled_although_its_lease_cannot_be_renewed_meanwhile(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", 0)
    monkeypatch.setattr(delivery, "RENEW_SECONDS", 0)
    await desk.follow()
    await desk.take_in(ai(ONE), ai(TWO))
    slow = HangingSender(CHANNEL)
    desk.deliverer = Delivery(desk.context, slow)
    tried = asyncio.Event()

    async def failing(*_: object) -> None:
        tried.set()
        raise StoreError("the database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(leases_of_messages, "renew", failing)
        patch.setattr(outbox, "release", failing)
        await desk.deliverer.begin()
        await slow.asked.wait()
        await tried.wait()
        slow.let_go.set()
        with pytest.raises(StoreError, match="locked"):
            await desk.deliverer.finish()
    desk.clock.forward(seconds=outbox.LEASE.total_seconds())
    await desk.deliver()
    assert sorted(slow.titles) == sorted([ONE, TWO])
    assert len(slow.looked) == 1, "what became of the first is stored; the other could not be given back"
    desk.clock.forward(minutes=1)
    await desk.deliver()
    assert await desk.queue() == 0


async def test_while_discord_is_down_few_messages_are_tried_and_few_lines_logged(
    desk: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.workers.delivery")
    channels = [CHANNEL + n for n in range(30)]
    await desk.follow_in(*channels)
    desk.mailbox.answers = dict.fromkeys(channels, DOWN)
    await desk.take_in(ai(ONE))
    desk.deliverer = Delivery(desk.context, desk.mailbox, concurrency=2)
    for _ in range(sized(50, long=150)):
        await desk.deliver()
        desk.clock.forward(seconds=4)
    assert TRIP <= len(desk.mailbox.sent) <= 30
    assert [line.levelname for line in caplog.records] == ["ERROR"]
    desk.mailbox.answers.clear()
    desk.clock.forward(minutes=1)
    for _ in range(2):
        await desk.deliver()
        desk.clock.forward(minutes=31)
    await desk.deliver()
    assert {asked.target.channel_id for asked in desk.mailbox.sent} == set(channels)
    assert await desk.queue() == 0


async def in_doubt(desk: BotHarness) -> Record:
    """The record of a post of which nobody knows whether Discord has it."""
    await desk.follow()
    one = ai(ONE, quality=80)
    desk.mailbox.answers[CHANNEL] = Outcome(SendStatus.UNREACHABLE)
    await desk.report(one)
    desk.mailbox.answers.clear()
    desk.clock.forward(seconds=5)
    return one


async def test_a_message_that_is_there_already_is_not_sent_again_but_brought_up_to_date(
    desk: BotHarness,
) -> None:
    await in_doubt(desk)
    desk.mailbox.standing[CHANNEL] = Outcome(SendStatus.EXISTS, message_id=77)
    await desk.take_in(ai(f"{ONE} again", "beta.example", quality=95))
    await desk.deliver()
    assert len(desk.mailbox.sent) == 1
    assert 3 in desk.mailbox.looked[0].stories
    desk.clock.forward(minutes=1)
    await desk.deliver()
    (edit,) = desk.mailbox.edited
    assert (edit.target.message_id, edit.title) == (77, f"{ONE} again")


async def test_what_is_there_of_a_story_that_was_withdrawn_meanwhile_says_so(desk: BotHarness) -> None:
    one = await in_doubt(desk)
    desk.mailbox.standing[CHANNEL] = Outcome(SendStatus.EXISTS, message_id=77)
    await desk.take_in(replace(one, removed=True))
    await desk.deliver()
    desk.clock.forward(minutes=1)
    await desk.deliver()
    assert [edit.title for edit in desk.mailbox.edited] == ["Story withdrawn"]


async def test_what_is_not_there_is_sent_with_the_same_nonce(desk: BotHarness) -> None:
    await in_doubt(desk)
    desk.mailbox.standing[CHANNEL] = MISSING
    await desk.deliver()
    first, second = desk.mailbox.sent
    assert first.nonce == second.nonce


async def test_where_the_history_is_denied_the_channel_is_paused_and_says_why(desk: BotHarness) -> None:
    await in_doubt(desk)
    desk.mailbox.standing[CHANNEL] = HIDDEN
    await desk.deliver()
    assert len(desk.mailbox.sent) == 1
    assert await desk.queue() == 1
    desk.mailbox.standing[CHANNEL] = MISSING
    await desk.resume()
    await desk.deliver()
    assert len(desk.mailbox.sent) == 2


@pytest.mark.parametrize(
    "outcome", [Outcome(SendStatus.REFUSED, 429, retry_after=5.0), Outcome(SendStatus.REFUSED, 404)]
)
async def test_what_discord_refused_for_certain_is_not_looked_for(desk: BotHarness, outcome: Outcome) -> None:
    await desk.follow()
    desk.mailbox.answers[CHANNEL] = outcome
    await desk.report(ai(TWO))
    desk.mailbox.answers.clear()
    desk.clock.forward(seconds=5)
    await desk.deliver()
    assert (len(desk.mailbox.sent), desk.mailbox.looked) == (2, [])
