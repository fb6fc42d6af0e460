"""Threads of posts through crashes, outages and two processes: what is written is never lost, and never there twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.model import Record
from bot.domain.posting.story_threads import ThreadState
from bot.domain.retry import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, Outcome, SendStatus
from bot.services import story_threads as threads
from bot.store import outbox, schema, story_threads, subscriptions
from bot.workers.delivery import Delivery
from tests.form import sized
from tests.make import record
from tests.store.store_helpers import CHANNEL, GUILD, ONE
from tests.workers.desk import BotHarness, SentRequest

DELETED = Outcome(SendStatus.REFUSED, 404, UNKNOWN_CHANNEL)
LOST = Outcome(SendStatus.UNREACHABLE)
POST = 1000  # the number of the first message, and so of its thread


def report(number: int, **more: Any) -> Record:
    """A report of one event by one more outlet."""
    return record(ONE, f"outlet{number}.example", topics=["AI"], quality=80, **more)


def written(desk: BotHarness) -> list[SentRequest]:
    """What the bot wanted to write in the thread."""
    return [asked for asked in desk.mailbox.sent if asked.target.channel_id == POST]


async def state_of(desk: BotHarness) -> ThreadState:
    """How far the thread of the only post is."""
    async with desk.db.read() as connection:
        (thread,) = (await story_threads.of_posts(connection, [1])).values()
    return thread.state


async def later(desk: BotHarness, *records: Record) -> None:
    """Reports that come in five minutes later."""
    desk.clock.forward(minutes=5)
    await desk.report(*records)


@pytest.fixture
async def posted(desk: BotHarness) -> BotHarness:
    """A channel with threads, and a post in it."""
    await desk.follow()
    await threads.switch(desk.context, GUILD, CHANNEL, on=True)
    await desk.report(report(0))
    assert [asked.target.message_id for asked in desk.mailbox.opened] == [POST]
    return desk


async def test_every_report_is_in_the_thread_once(posted: BotHarness) -> None:
    numbers = range(1, sized(4, long=6))
    for number in numbers:
        await later(posted, report(number))
    texts = [asked.text for asked in written(posted)]
    assert len(texts) == len(numbers)
    for number in numbers:
        assert sum(f"outlet{number}.example" in text for text in texts) == 1
    assert len({asked.nonce for asked in written(posted)}) == len(numbers)


async def test_a_channel_without_threads_has_no_rows_for_them(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(report(0))
    await later(desk, report(1))
    assert desk.mailbox.opened == []
    assert await desk.count(schema.story_threads) == 0


@pytest.mark.both_stores
async def test_two_processes_open_one_thread_and_write_each_message_once(posted: BotHarness) -> None:
    posted.clock.forward(minutes=5)
    for number in range(1, 4):
        await posted.take_in(report(number))
        other = Delivery(posted.context, posted.mailbox)
        await asyncio.gather(posted.deliver(), other.drain())
        posted.clock.forward(minutes=5)
    await posted.deliver()
    assert len(posted.mailbox.opened) == 1
    texts = [asked.text for asked in written(posted)]
    for number in range(1, 4):
        assert sum(f"outlet{number}.example" in text for text in texts) == 1


@pytest.mark.parametrize("stop", range(1, 9))
async def test_a_transaction_that_is_lost_loses_and_doubles_nothing(posted: BotHarness, stop: int) -> None:
    """As when the process dies right before it stores what it did."""
    posted.clock.forward(minutes=5)
    await posted.take_in(report(1))

    async def die() -> None:
        raise ConnectionError

    posted.db.at_commit(die, stop)
    try:
        await posted.deliver()
    except ConnectionError:
        await posted.deliverer.close()
    posted.db.at_commit(die, 0)
    posted.mailbox.standing[POST] = next(
        (
            Outcome(SendStatus.EXISTS, message_id=posted.mailbox.message_id(asked.nonce))
            for asked in written(posted)
        ),
        Outcome(SendStatus.MISSING),
    )
    posted.deliverer = Delivery(posted.context, posted.mailbox)
    for _ in range(4):
        posted.clock.forward(minutes=5)
        await posted.deliver()
    assert {asked.target.message_id for asked in posted.mailbox.opened} == {POST}
    assert len({asked.nonce for asked in written(posted)}) == 1
    assert "outlet1.example" in written(posted)[-1].text
    await later(posted, report(2))
    assert "outlet1.example" not in written(posted)[-1].text
    assert "outlet2.example" in written(posted)[-1].text


async def test_a_message_in_doubt_that_is_there_is_brought_up_to_date(posted: BotHarness) -> None:
    posted.mailbox.answers[POST] = LOST
    await later(posted, report(1))
    posted.mailbox.answers.clear()
    posted.mailbox.standing[POST] = Outcome(SendStatus.EXISTS, message_id=77)
    await later(posted, report(2))
    await later(posted)
    assert len(written(posted)) == 1
    (traits,) = posted.mailbox.looked
    assert "**What changed**" in traits.titles
    edits = [asked for asked in posted.mailbox.edited if asked.target.channel_id == POST]
    assert edits[-1].target.message_id == 77
    assert "outlet2.example" in edits[-1].text
    await later(posted, report(3))
    assert "outlet2.example" not in written(posted)[-1].text


async def test_a_deleted_thread_stays_deleted(posted: BotHarness) -> None:
    posted.mailbox.answers[POST] = DELETED
    await later(posted, report(1))
    posted.mailbox.answers.clear()
    await later(posted, report(2))
    assert await state_of(posted) is ThreadState.GONE
    assert len(written(posted)) == 1
    assert len(posted.mailbox.opened) == 1
    assert await posted.queue() == 0


async def test_a_message_that_a_moderator_deleted_in_the_thread_is_left_alone(posted: BotHarness) -> None:
    await later(posted, report(1))
    posted.mailbox.answers[POST] = Outcome(SendStatus.REFUSED, 404, UNKNOWN_MESSAGE)
    await later(posted, replace(report(1), removed=True))
    posted.mailbox.answers.clear()
    assert await posted.queue() == 0
    await later(posted, report(2))
    assert await state_of(posted) is ThreadState.OPEN
    assert "outlet2.example" in written(posted)[-1].text


async def test_an_outage_delays_a_thread_and_loses_nothing(desk: BotHarness) -> None:
    await desk.follow()
    await threads.switch(desk.context, GUILD, CHANNEL, on=True)
    await desk.take_in(report(0))
    await desk.deliverer.begin()
    await desk.deliverer.finish()
    desk.mailbox.answers[CHANNEL] = Outcome(SendStatus.REFUSED, 503)
    await desk.deliver()
    assert await state_of(desk) is ThreadState.WAITING
    desk.mailbox.answers.clear()
    await later(desk, report(1))
    await later(desk)
    assert await state_of(desk) is ThreadState.OPEN
    assert "outlet1.example" in "".join(asked.text for asked in written(desk))


async def test_what_stands_in_a_thread_is_kept_with_its_post_and_goes_with_the_channel(
    posted: BotHarness,
) -> None:
    await later(posted, report(1))
    far = posted.clock.forward(days=400)
    async with posted.db.write() as connection:
        await outbox.forget(connection, withheld_before=far, closed_before=far)
        assert len(await story_threads.messages_of(connection, 1, 3, CHANNEL)) == 2
        await subscriptions.remove_channel(connection, CHANNEL)
    assert await posted.count(schema.story_threads) == 0
    assert await posted.count(schema.outbox) == 0
