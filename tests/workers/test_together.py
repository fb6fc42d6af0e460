"""Two processes that do everything at once, on one database."""

from __future__ import annotations

import asyncio
from collections import Counter

from bot.domain.model import Mode
from bot.store import outbox
from bot.workers import digests
from tests.databases import opened_as
from tests.form import sized
from tests.make import Clock, ListSource, record
from tests.store.store_helpers import CHANNEL, GUILD, headlines, story_numbers, two_events_and_their_report
from tests.workers.desk import BotHarness, InterruptibleDatabase

ROUNDS = sized(3, long=6)
CHANNELS = range(CHANNEL, CHANNEL + 4)


async def test_every_story_is_posted_once_and_ends_up_to_date(
    desk: BotHarness, store_url: str, clock: Clock
) -> None:
    for channel in CHANNELS:
        await desk.follow(channel=channel, mode=Mode.BOTH)
    titles = list(headlines(ROUNDS * 3))
    one, two, both = two_events_and_their_report("AI")
    async with opened_as(store_url, InterruptibleDatabase) as db:
        rival = BotHarness(db, clock)
        rival.source = ListSource("list:rival")
        await rival.take_in()
        for number in range(ROUNDS):
            part = titles[number * 3 : number * 3 + 3]
            desk.source.add(*(record(title, "a.example", topics=["AI"]) for title in part), one)
            rival.source.add(*(record(title, "b.example", topics=["AI"]) for title in part), two)
            if number == ROUNDS // 2:
                desk.source.add(both)
            await asyncio.gather(
                desk.take_in(),
                rival.take_in(),
                *(worker.deliver() for worker in (desk, rival) * 2),
                digests.step(desk.context),
                digests.step(rival.context),
                rival.follow("Space", CHANNEL + number),
                desk.pause(CHANNELS[-1]),
            )
            clock.forward(minutes=20)
        await desk.resume(CHANNELS[-1])
        await asyncio.gather(digests.step(desk.context), digests.step(rival.context))
        for _ in range(3):
            await asyncio.gather(desk.deliver(), rival.deliver())
            clock.forward(seconds=outbox.LEASE.total_seconds())
        asked = desk.mailbox.sent + rival.mailbox.sent
        edits = desk.mailbox.edited + rival.mailbox.edited
    posts = [a for a in asked if a.shown.buttons]
    told = Counter((a.target.channel_id, a.title) for a in posts)
    assert set(told.values()) == {1}
    assert all(told[channel, title] == 1 for channel in CHANNELS for title in titles)
    # What stands in a channel now shows both outlets, whether it was sent or edited so.
    shown = {(a.target.channel_id, a.title): a.text for a in (*posts, *edits)}
    assert all("2 outlets" in shown[channel, title] for channel in CHANNELS for title in titles)
    assert Counter(a.target.channel_id for a in asked if not a.shown.buttons) == Counter(CHANNELS)
    assert await desk.queue() == 0
    async with desk.db.read() as connection:
        assert len(await story_numbers(connection)) == 2 + len(titles) + 1
        dropped = await outbox.given_up(connection, GUILD, clock.now.replace(year=2000))
    assert all(reason.startswith("merged into") for _, reason in dropped)
