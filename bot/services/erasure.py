"""Deleting everything of a server: when its administrators ask for it, or when the bot has been gone for long."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from bot.services.context import Context
from bot.store import erasure
from bot.store.erasure import ErasedBatch

log = logging.getLogger(__name__)

KEEP_LEFT = timedelta(days=30)  # what a server has after it has removed the bot
ROWS_AT_ONCE = 1_000  # that are deleted in a transaction


async def erase(context: Context, guild_id: int) -> int:
    """Delete everything of a server that the bot is in. Messages in its channels stay. Returns how many rows went."""
    deleted = 0
    while batch := await _erase_batch(context, guild_id):
        deleted += batch
        await asyncio.sleep(0)  # an intake that waits has its turn
    log.info("everything of server %d was deleted, as it asked for: %d rows", guild_id, deleted)
    return deleted


async def erase_left(context: Context) -> int:
    """Delete everything of the servers that the bot left longer than `KEEP_LEFT` ago. Returns how many rows went."""
    before = context.now() - KEEP_LEFT
    async with context.db.read() as connection:
        guild_ids = await erasure.left_before(connection, before)
    total = 0
    for guild_id in guild_ids:
        deleted = 0
        while batch := await _erase_batch(context, guild_id, left_before=before):
            deleted += batch
            await asyncio.sleep(0)
        log.info(
            "everything of server %d was deleted, which removed the bot more than %d days ago: %d rows",
            guild_id,
            KEEP_LEFT.days,
            deleted,
        )
        total += deleted
    return total


async def _erase_batch(context: Context, guild_id: int, left_before: datetime | None = None) -> int:
    """Delete one batch. With `left_before` only if the bot left before then and is not back. Returns how many rows went."""
    async with context.db.intake() as connection:
        if left_before is not None and not await erasure.has_left(connection, guild_id, left_before):
            return 0
        batch: ErasedBatch = await erasure.erase_batch(
            connection, guild_id, ROWS_AT_ONCE, entirely=left_before is not None
        )
    if batch.stories:
        context.story_log.note(batch.revision, batch.stories)
    return batch.rows
