"""A database as people would have left it, and waiting for what the bot does with it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import sqlalchemy as sa

from bot.domain.model import Mode, Subscription, Volume
from bot.domain.posting.face import Face
from bot.store import faces, schema, subscriptions, topics
from bot.store.database import Database
from tests.loopback.objects import CHANNEL, GUILD, WEBHOOK


async def follow_trains(database: str) -> None:
    """Have the channel follow everything of the topic Trains."""
    db = await Database.open(database)
    async with db.write() as connection:
        ids = await topics.ensure(connection, ["Trains"])
        wish = Subscription(0, GUILD, CHANNEL, "Trains", Mode.LIVE, Volume.EVERYTHING)
        await subscriptions.subscribe(connection, wish, ids["trains"], datetime.now(UTC))
    await db.close()


async def give_face(database: str) -> None:
    """Have the posts of the channel appear under a name, by the bot's webhook."""
    db = await Database.open(database)
    async with db.write() as connection:
        await faces.put(connection, Face(GUILD, CHANNEL, WEBHOOK, "Station clock"))
    await db.close()


async def first_intake(database: str) -> None:
    """Wait until a source's first, silent intake is over: what comes in before is not posted."""
    db = await Database.open(database)
    done = sa.select(sa.func.count()).where(schema.sources.c.intake_done)
    try:
        async with asyncio.timeout(100):
            while True:
                async with db.read() as connection:
                    if await connection.scalar(done):
                        return
                await asyncio.sleep(0.05)
    finally:
        await db.close()
