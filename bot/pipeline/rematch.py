"""Topics that changed in the config are matched against what is already stored."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bot.domain.model import Topic
from bot.store import records, topics
from bot.usecases.context import Context

log = logging.getLogger(__name__)

AT_ONCE = 1000


async def configure(context: Context, wanted: Iterable[Topic]) -> bool:
    """Make these the configured topics; returns whether that changed anything.

    Where it did, every record is matched anew, a thousand in a transaction: the bot is not running yet.
    """
    async with context.db.write() as connection:
        if not await topics.configure(connection, wanted):
            return False
    await _match_anew(context)
    return True


async def define(context: Context, wanted: Iterable[Topic]) -> bool:
    """Add topics to the configured ones; returns whether that changed anything."""
    async with context.db.write() as connection:
        if not await topics.define(connection, wanted):
            return False
    await _match_anew(context)
    return True


async def _match_anew(context: Context) -> None:
    async with context.db.read() as connection:
        known = await topics.load(connection)
    after, total = 0, 0
    while True:
        async with context.db.write() as connection:
            stored = await records.own_after(connection, after, AT_ONCE)
            if not stored:
                break
            await records.rematch(
                connection, stored, {i: known.of(record.record) for i, record in stored.items()}
            )
        after = max(stored)
        total += len(stored)
    if total:
        log.info("the topics changed: %d records were matched anew", total)
