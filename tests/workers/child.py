"""A process of the bot that comes to a given moment, says so on standard output, and waits to be killed.

Its arguments are DATABASE SECONDS PART STOP: it runs one step of PART, `SECONDS` after the start of the tests' clock, until its STOP-th transaction
is written and not yet stored; with 0 it runs to the end of the step.
"""

from __future__ import annotations

import asyncio
import sys
from typing import NoReturn

from bot.chat.port import Target
from bot.domain.model import Topic
from bot.domain.retry import Outcome
from bot.messages.message import Message
from bot.workers import digests, rematch
from bot.workers.delivery import Delivery
from tests.make import Clock, ListSource, record
from tests.store.store_helpers import ONE, THREE, TWO
from tests.workers.desk import BotHarness, InterruptibleDatabase, RecordingSender

WORDS = Topic("Words", keywords=tuple(ONE.split()[:1]))
NAME = "list:crash"


def source() -> ListSource:
    """Three stories, in one batch with its progress."""
    titles = {"a.example": ONE, "b.example": TWO, "c.example": THREE}
    items = (record(title, o, url=f"https://{o}/1", topics=["AI"]) for o, title in titles.items())
    return ListSource(NAME).add(*items)


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
