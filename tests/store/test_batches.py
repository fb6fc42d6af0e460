"""An intake writes each kind of row in one go: the number of its statements does not grow with the batch."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.domain.model import Mode, Record, Subscription, Volume
from bot.domain.posting.decisions import Decisions, Edit, Hold, Reason, Send
from bot.store import decisions, outbox, pointers, schema, subscriptions, topics
from bot.store.database import Database
from tests.make import at, record
from tests.store.store_helpers import CHANNEL, GUILD, OTHER, headlines, statements, take

SIZES = (2, 9)


def pair(number: int) -> tuple[Record, Record, Record]:
    """Reports of two events, and one that shows them to be the same event."""
    one, two = list(headlines(2 * number + 2))[-2:]
    first = record(one, f"a{number}.example", topics=["Harbours"], quality=80)
    second = record(two, f"b{number}.example", topics=["Harbours"], quality=80)
    both = record(
        f"{one} {two}", f"c{number}.example", topics=["Harbours"], quality=70, related=[first, second]
    )
    return first, second, both


async def follow(db: Database) -> None:
    async with db.write() as connection:
        ids = await topics.ensure(connection, ["Harbours"])
        for channel in (CHANNEL, OTHER):
            live = Subscription(0, GUILD, channel, "Harbours", Mode.LIVE, Volume.EVERYTHING)
            await subscriptions.subscribe(connection, live, ids["harbours"], at())


async def send_all(db: Database) -> None:
    """Have every post stand in its channel."""
    o = schema.outbox
    async with db.write() as connection:
        await connection.execute(sa.update(o).values(message_id=1000 + o.c.id, sent_at=at(), due_at=None))


async def due(db: Database) -> int:
    """How many messages are to be sent or edited."""
    o = schema.outbox
    async with db.read() as connection:
        return await connection.scalar(sa.select(sa.func.count(o.c.due_at))) or 0


@pytest.mark.parametrize("stage", ["new articles", "more reports", "merged stories"])
async def test_the_statements_of_an_intake_do_not_grow_with_its_batch(stores: Database, stage: str) -> None:
    await follow(stores)
    counts = []
    start = 0
    for size in SIZES:
        pairs = [pair(number) for number in range(start, start + size)]
        start += size
        reports = [report for first, second, _ in pairs for report in (first, second)]
        if stage != "new articles":
            await take(stores, *reports)
            await send_all(stores)
        batch = {
            "new articles": reports,
            "more reports": [record(r.title, f"x{r.outlet.domain}", topics=["Harbours"]) for r in reports],
            "merged stories": [both for *_, both in pairs],
        }[stage]
        with statements(stores) as seen:
            made = await take(stores, *batch, hours=1)
        if stage == "merged stories":
            assert len(made.merged) == size
        assert await due(stores) >= 2 * size
        counts.append(len(seen))
    assert counts[1] <= counts[0], f"{counts} statements for batches of {SIZES} pairs"


async def test_the_statements_of_decisions_do_not_grow_with_stories_and_servers(stores: Database) -> None:
    stories = range(1, 13)
    await take(stores, *(record(title, "a.example") for title in headlines(len(stories))))
    counts = []
    for turn, size in enumerate((2, 2, 10)):  # from the second on, some of the stories have posts
        channels = [(story, 100 * (turn + 1) + story) for story in stories[:size]]
        decided = Decisions(
            sends=tuple(Send(story, channel, channel, 1) for story, channel in channels),
            edits=tuple(Edit(post, 1, at()) for post in range(1, size)),
            holds=tuple(Hold(story, 7, GUILD, Reason.MUTED) for story, _ in channels),
        )
        audiences = {story: frozenset({channel, channel + 1}) for story, channel in channels}
        async with stores.write() as connection:
            with statements(stores) as seen:
                await decisions.apply(connection, decided, audiences, at())
                await pointers.follow(connection, audiences, at())
        counts.append(len(seen))
    assert counts[1] == counts[2]


async def test_a_server_sees_its_own_messages_revised_and_no_others(stores: Database) -> None:
    """Of a story that changed for one server alone, the messages in other servers stay as they are."""
    await take(stores, record("Lighthouse keeper retires", "a.example"))
    sends = tuple(Send(1, channel, guild, 1) for guild, channel in ((11, 110), (22, 220)))
    async with stores.write() as connection:
        await decisions.apply(connection, Decisions(sends=sends), {}, at())
    await send_all(stores)
    later = at() + timedelta(hours=1)
    async with stores.write() as connection:
        await decisions.apply(connection, Decisions(), {1: frozenset({11})}, later)
    o = schema.outbox
    async with stores.read() as connection:
        rows = await connection.execute(
            sa.select(o.c.guild_id, o.c.revision, o.c.due_at).order_by(o.c.guild_id)
        )
        assert [tuple(row) for row in rows] == [(11, 1, later + outbox.LEASE), (22, 0, None)]
