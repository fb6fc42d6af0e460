"""Roll-ups through crashes: no story is lost, none is posted twice, and the limit holds."""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa

from bot.domain.posting.decisions import PostingSettings
from bot.domain.retry import Outcome, SendStatus
from bot.services import pace
from bot.services.subscribe import post_now
from bot.store import outbox, queue, rollups, schema
from bot.workers.delivery import Delivery
from tests.make import record
from tests.store.store_helpers import CHANNEL, GUILD, OTHER, headlines
from tests.workers.desk import BotHarness, RecordingSender

TITLES = tuple(headlines(40))


async def follow(desk: BotHarness) -> None:
    """The channel follows AI, and gets at most ten posts an hour."""
    await desk.follow()
    await pace.limit(desk.context, GUILD, CHANNEL, 10)


async def flood(desk: BotHarness, *titles: str) -> None:
    """Unrelated stories come in, the first the biggest."""
    await desk.take_in(*(record(title, topics=["AI"], quality=99 - n) for n, title in enumerate(titles)))


async def states(desk: BotHarness) -> tuple[int, int, int]:
    """How many stories have a message, are listed, and wait."""
    o = schema.outbox
    async with desk.db.read() as connection:
        rows = (await connection.execute(sa.select(o).where(o.c.kind == "story"))).all()
    posted = sum(row.message_id is not None for row in rows)
    listed = sum(outbox.is_listed(row) for row in rows)
    return posted, listed, len(rows) - posted - listed


async def test_a_process_that_dies_after_its_claim_leaves_the_limit_as_it_is(desk: BotHarness) -> None:
    await follow(desk)
    await flood(desk, *TITLES[:30])
    async with desk.db.write() as connection:
        keep_pace = partial(rollups.keep_pace, settings=PostingSettings())
        claimed = await outbox.claim(connection, desk.clock(), 50, keep_pace=keep_pace)
    assert len(claimed) == queue.PER_CHANNEL
    assert await states(desk) == (0, 20, 10)
    await desk.deliver()
    assert await states(desk) == (5, 20, 5), (
        "those of the dead process are on their way, for all that is known"
    )
    desk.clock.forward(minutes=3)
    await desk.deliver()
    assert await states(desk) == (10, 20, 0)
    assert desk.mailbox.titles.count("More stories") == 1
    assert len(desk.mailbox.titles) == len(set(desk.mailbox.titles)) == 11


async def test_a_list_that_may_have_been_sent_is_looked_for_by_its_title(desk: BotHarness) -> None:
    await desk.follow()
    await pace.limit(desk.context, GUILD, CHANNEL, 1)
    await flood(desk, *TITLES[:3])
    await desk.deliverer.step()  # the post
    desk.mailbox.answers[CHANNEL] = Outcome(SendStatus.UNREACHABLE)
    await desk.deliver()
    desk.mailbox.answers.clear()
    desk.mailbox.standing[CHANNEL] = Outcome(SendStatus.EXISTS, message_id=77)
    sent = len(desk.mailbox.sent)
    desk.clock.forward(minutes=5)
    await desk.deliver()
    desk.clock.forward(minutes=1)
    await desk.deliver()
    assert desk.mailbox.sent[-1].message.title == "### More stories"
    assert "### More stories" in desk.mailbox.looked[-1].titles
    assert len(desk.mailbox.sent) == sent
    assert [asked.target.message_id for asked in desk.mailbox.edited] == [77]


async def test_a_flood_in_one_channel_delays_no_other(desk: BotHarness) -> None:
    await follow(desk)
    await desk.follow(channel=OTHER)
    await pace.limit(desk.context, GUILD, OTHER, 60)
    await flood(desk, *TITLES[:25])
    await desk.deliver()
    by_channel = [asked.target.channel_id for asked in desk.mailbox.sent]
    assert by_channel.count(CHANNEL) == 11
    assert by_channel.count(OTHER) == 25


async def test_two_workers_at_once_keep_the_limit(desk: BotHarness) -> None:
    await follow(desk)
    await flood(desk, *TITLES)
    others = [Delivery(desk.context, desk.mailbox), Delivery(desk.context, RecordingSender())]
    for _ in range(12):
        for worker in (desk.deliverer, *others):
            await worker.begin()
        for worker in (desk.deliverer, *others):
            await worker.finish()
    assert await states(desk) == (10, 30, 0)


async def test_after_an_outage_what_waited_is_a_list_and_no_flood(desk: BotHarness) -> None:
    await follow(desk)
    await desk.pause()
    for part in range(4):
        await flood(desk, *TITLES[part * 10 : part * 10 + 10])
        desk.clock.forward(hours=1)
    await desk.deliver()
    assert desk.mailbox.sent == []
    await desk.resume()
    await desk.deliver()
    assert await states(desk) == (10, 30, 0)
    assert len(desk.mailbox.sent) == 11


async def test_a_listed_story_can_be_posted_on_demand_when_there_is_room(desk: BotHarness) -> None:
    await desk.follow()
    await pace.limit(desk.context, GUILD, CHANNEL, 1)
    await flood(desk, *TITLES[:2])
    await desk.deliver()
    assert await states(desk) == (1, 1, 0)
    desk.clock.forward(hours=2)
    assert await post_now(desk.context, 3 + 1, GUILD, CHANNEL)
    await desk.deliver()
    assert await states(desk) == (2, 0, 0)
