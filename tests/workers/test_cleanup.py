"""What is removed in time, and what never is."""

from __future__ import annotations

import sqlalchemy as sa

from bot.domain.retry import Outcome, SendStatus, Sent
from bot.services.context import Context
from bot.services.mutes import mute
from bot.services.subscribe import SubscribeRequest, subscribe
from bot.store import outbox, schema
from bot.store.database import Database
from bot.workers import cleanup
from bot.workers.ingest import Ingest
from tests.make import Clock, ListSource, record

GUILD, CHANNEL = 1, 2


async def count(db: Database, table: sa.Table) -> int:
    """The number of rows of a table."""
    async with db.read() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


async def test_reasons_and_old_digests_go_and_posts_stay(db: Database, clock: Clock) -> None:
    context = Context(db, clock)
    ingest, source = Ingest(context), ListSource()
    await ingest.step(source.add(record("A first note on trains", topics=["Trains"])))
    clock.forward(days=1, hours=1)  # or the new subscription would begin with it
    await subscribe(context, SubscribeRequest(GUILD, CHANNEL, "Trains"))
    await mute(context, GUILD, CHANNEL, "ferry")  # a reason that holds for one channel is stored
    await ingest.step(source.add(record("Night ferry delayed by fog", topics=["Trains"], quality=90)))
    await ingest.step(source.add(record("Volcano stops every railway", topics=["Trains"], quality=90)))
    async with db.write() as connection:
        await outbox.enqueue(
            connection, outbox.new_row(outbox.DIGEST, "d", GUILD, CHANNEL, clock(), payload={})
        )
        for claimed in await outbox.claim(connection, clock(), 10):
            sent = Outcome(SendStatus.OK, message_id=9)
            await outbox.settle(connection, claimed, sent, Sent(), clock(), context.rules.edit_interval)
    assert (await count(db, schema.withheld_posts), await count(db, schema.outbox)) == (1, 2)
    clock.forward(days=29)
    assert await cleanup.step(context) == 0
    clock.forward(days=2)
    assert await cleanup.step(context) == 2
    async with db.read() as connection:
        assert list((await connection.execute(sa.select(schema.outbox.c.kind))).scalars()) == [outbox.STORY]
