"""A process of the bot that comes to a given moment, says so on standard output, and waits to be killed.

Its arguments are DATABASE SECONDS PART STOP: it runs one step of PART, `SECONDS` after the start of the tests' clock, until its STOP-th transaction
is written and not yet stored; with 0 it runs to the end of the step.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import NoReturn

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat.port import Target
from bot.domain.model import Topic
from bot.domain.polling import FeedOrigin, NewFeed, Polling
from bot.domain.retry import Outcome
from bot.messages.message import Message
from bot.store import feeds
from bot.store.feeds import SettledPoll
from bot.workers import digests, rematch
from bot.workers.batches import SourceBatch
from bot.workers.delivery import Delivery
from bot.workers.inbox import Inbox, InboxReader
from tests.make import Clock, ListSource, record
from tests.store.store_helpers import ONE, THREE, TWO
from tests.workers.desk import BotHarness, InterruptibleDatabase, RecordingSender

WORDS = Topic("Words", keywords=tuple(ONE.split()[:1]))
NAME = "list:crash"
FEED = NewFeed("https://paper.example/feed", FeedOrigin.OPERATOR)


def source() -> ListSource:
    """Three stories, in one batch with its progress."""
    titles = {"a.example": ONE, "b.example": TWO, "c.example": THREE}
    items = (record(title, o, url=f"https://{o}/1", topics=["AI"]) for o, title in titles.items())
    return ListSource(NAME).add(*items)


async def put(desk: BotHarness) -> None:
    """Have a poll of the feed bring the same three stories into the inbox."""
    async with desk.db.read() as connection:
        feed = await feeds.find(connection, FEED.address, 0)
        assert feed is not None
        states = await feeds.states(connection, [feed.source_id])
    [batch] = [batch async for batch in source().fetch({})]

    async def settle(connection: AsyncConnection, _summaries: object) -> None:
        later = Polling(timedelta(hours=1), desk.clock() + timedelta(hours=1))
        await feeds.settle(connection, [SettledPoll(feed.source_id, later)], desk.clock())

    await Inbox(desk.context).store([SourceBatch(states[feed.source_id], batch)], settle)


async def here(*words: object) -> NoReturn:
    """Say so, and wait for the end."""
    print(*words, flush=True)  # noqa: T201
    await asyncio.Event().wait()
    raise AssertionError


class UnansweredSender(RecordingSender):
    """Discord gets the message, and its answer never comes."""

    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Until here."""
        await here("sent", nonce)


async def main(url: str, seconds: str, part: str, stop: str) -> None:
    """Run a step."""
    clock = Clock()
    clock.forward(seconds=float(seconds))
    db = await InterruptibleDatabase.open(url)
    desk = BotHarness(db, clock)
    if int(stop):
        db.at_commit(lambda: here("written"), int(stop))
    match part:
        case "intake":
            await desk.ingest.step(source())
        case "backfill":
            await desk.ingest.step(source(), backfill=2)
        case "topics":
            await rematch.configure(desk.context, [WORDS])
        case "put":
            await put(desk)
        case "take":
            await InboxReader(desk.context, desk.ingest).step()
        case "digest":
            await digests.step(desk.context)
        case "deliver":
            await desk.deliverer.step()
        case "unanswered":
            await Delivery(desk.context, UnansweredSender()).step()
    await here("done")


def run() -> None:
    """With the arguments of the process."""
    asyncio.run(main(*sys.argv[1:]))
