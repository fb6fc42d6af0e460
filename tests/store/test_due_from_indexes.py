"""What is due is found in an index of what waits: most messages were sent long ago, and wait for nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.decisions import PostingSettings
from bot.store import (
    delivery,
    digests,
    feeds,
    forwards,
    outbox,
    pointers,
    rollups,
    schema,
    story_threads,
    subscriptions,
)
from bot.store.database import Database
from tests.make import at
from tests.store.store_helpers import plan_of

DUE: dict[str, tuple[str, Callable[[AsyncConnection], Awaitable[object]]]] = {
    "messages to send": ("ix_outbox_ready", lambda c: outbox.claim(c, at(), 10)),
    "messages to publish": ("ix_outbox_ready", lambda c: outbox.claim_publishing(c, at(), 10)),
    "messages that have become due": ("ix_outbox_unripe", lambda c: outbox.claim(c, at(), 10)),
    "channels with messages on the shelf": (
        "ix_backlogs_publishes_check_at",
        lambda c: outbox.claim(c, at(), 10),
    ),
    "stories that wait in a channel": (
        "ix_outbox_unsent",
        lambda c: rollups.keep_pace(c, [1], at(), PostingSettings()),
    ),
    "roll-ups that list a story": ("ix_outbox_rolled_up", lambda c: rollups.listings(c, [1])),
    "subscriptions that wait for first posts": (
        "ix_subscriptions_new",
        lambda c: subscriptions.awaiting_first_posts(c, at()),
    ),
    "calibrations": ("ix_subscriptions_calibrate_at", lambda c: subscriptions.to_calibrate(c, at(), 10)),
    "the next message": ("ix_outbox_unripe", lambda c: outbox.next_due(c, at())),
    "the backlog": ("ix_outbox_shelved", lambda c: delivery.backlog(c, at())),
    "leases of processes that are gone": ("ix_outbox_leased", lambda c: delivery.give_back(c, bool)),
    "feeds to poll": ("ix_feeds_due", lambda c: feeds.due(c, at(), [], 10)),
    "the next feed": ("ix_feeds_due", lambda c: feeds.next_due(c, [])),
    "digests to write": ("ix_digests_due", lambda c: digests.due(c, at())),
    "the next digest": ("ix_digests_due", lambda c: digests.next_due(c)),
    "posts to rephrase": ("ix_outbox_sent_at", lambda c: outbox.to_rephrase(c, at(), 10)),
    "what stands in a thread": ("ix_outbox_threads", lambda c: story_threads.messages_of(c, 1, 1, 1)),
    "why threads are missing": ("ix_story_threads_problem", lambda c: story_threads.problems(c, 1, at())),
    "stories for other addresses": ("ix_forward_deliveries_due", lambda c: forwards.due(c, 1, at(), 10)),
    "addresses with something due": (
        "ix_forward_deliveries_due",
        lambda c: forwards.claim(c, at(), 10, {}, 2),
    ),
    "the next address": ("ix_forward_deliveries_due", lambda c: forwards.next_due(c)),
    "stories that were merged": ("ix_stories_merged", lambda c: pointers.look_again(c, [1], at())),
}


async def plans_of_due(db: Database) -> dict[str, str]:
    """How the database goes about each kind of what is due, where a channel has got many messages."""
    async with _many_sent(db):
        return {name: "\n".join(await plan_of(db, work)) for name, (_, work) in DUE.items()}


@asynccontextmanager
async def _many_sent(db: Database) -> AsyncIterator[None]:
    """PostgreSQL goes by what is in a table: in an empty one, an index of all rows may cost no more than one of few."""
    if db.dialect != "postgresql":
        yield
        return
    sent = {"message_id": 1, "sent_at": at(-9), "due_at": None}
    rows = [outbox.new_row(outbox.DIGEST, f"d{i}", 1, 1, at(-9), payload={}) | sent for i in range(500)]
    async with db.write() as connection:
        await connection.execute(sa.insert(schema.outbox), rows)
        await connection.exec_driver_sql("ANALYZE outbox")
    try:
        yield
    finally:
        async with db.write() as connection:
            await connection.exec_driver_sql("TRUNCATE outbox CASCADE")
            await connection.exec_driver_sql("DELETE FROM pg_statistic WHERE starelid = 'outbox'::regclass")


async def test_what_is_due_comes_from_an_index_of_it_alone(stores: Database) -> None:
    plans = await plans_of_due(stores)
    assert {name: plans[name] for name, (index, _) in DUE.items() if index not in plans[name]} == {}


async def test_no_whole_outbox_is_read(stores: Database) -> None:
    whole = ("SCAN outbox", "SCAN stories", "Seq Scan on outbox", "Seq Scan on stories")
    waiting = ("ix_outbox_ready", "ix_outbox_unripe", "ix_outbox_shelved")
    partial = (*waiting, "ix_outbox_leased", "ix_stories_merged")
    for name, plan in (await plans_of_due(stores)).items():
        lines = [line for line in plan.splitlines() if any(words in line for words in whole)]
        assert [line for line in lines if not any(index in line for index in partial)] == [], name
