"""Deletes old rows that nobody needs, ends follows of stories that have ended, and deletes servers that removed the bot long ago, once a day."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from bot.services import erasure
from bot.services.context import Context
from bot.store import follows, forwards, outbox, retention, votes
from bot.store.retention import Pass

KEEP_HELD = timedelta(days=30)  # why a story was not posted in a channel
KEEP_VOTES = timedelta(days=90)  # that members gave
KEEP_DELIVERIES = timedelta(days=30)  # of stories to forwards, after their last change
KEEP_CLOSED = timedelta(days=30)  # digests and publishings that are over


# Rows that are looked at in a transaction: others wait for it no longer than for a batch of articles.
STORIES_AT_ONCE = 200
ROWS_AT_ONCE = 1000


async def step(context: Context) -> int:
    """Delete what is old: reasons, messages that are over, votes, deliveries, follows of stories that have ended, stories, and servers that removed the bot. Returns how many rows went."""
    return await _tidy(context) + await erasure.erase_left(context) + await _retain(context)


async def _tidy(context: Context) -> int:
    now = context.now()
    async with context.db.write() as connection:
        ended = await follows.end_quiet(connection, now - context.alert_limits.follow_quiet)
        forgotten = await outbox.forget(
            connection, withheld_before=now - KEEP_HELD, closed_before=now - KEEP_CLOSED
        )
        delivered = await forwards.forget_old(connection, now - KEEP_DELIVERIES)
        return ended + forgotten + delivered + await votes.forget(connection, now - KEEP_VOTES)


async def _retain(context: Context) -> int:
    """Delete stories and articles that are older than they are kept."""
    if context.keep is None:
        return 0
    now = context.now()
    before = now - context.keep
    stories = partial(retention.forget_stories, before=before, now=now, limit=STORIES_AT_ONCE)
    strays = partial(retention.forget_strays, before=before, now=now, limit=ROWS_AT_ONCE)
    return (
        await _in_passes(context, stories) + await _in_passes(context, strays) + await _keys(context, before)
    )


async def _in_passes(context: Context, forget: Callable[..., Awaitable[Pass | None]]) -> int:
    """Delete batch after batch. Returns how many rows went."""
    deleted, last = 0, None
    while (last := await _one_pass(context, forget, last)) is not None:
        deleted += last.deleted
        await asyncio.sleep(0)  # an intake that waits has its turn
    return deleted


async def _one_pass(
    context: Context, forget: Callable[..., Awaitable[Pass | None]], after: Pass | None
) -> Pass | None:
    """Delete one batch, in a transaction of its own, during which no articles are stored."""
    async with context.db.intake() as connection:
        return await forget(connection, after=after)


async def _keys(context: Context, before: datetime) -> int:
    deleted = 0
    while count := await _some_keys(context, before):
        deleted += count
    return deleted


async def _some_keys(context: Context, before: datetime) -> int:
    async with context.db.write() as connection:
        return await retention.forget_keys(connection, before, ROWS_AT_ONCE)
