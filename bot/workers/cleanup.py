"""Deletes old rows that nobody needs, and ends follows of stories that have ended, once a day."""

from __future__ import annotations

from datetime import timedelta

from bot.services.context import Context
from bot.store import follows, forwards, outbox, votes

KEEP_HELD = timedelta(days=30)  # why a story was not posted in a channel
KEEP_VOTES = timedelta(days=90)  # that members gave
KEEP_DELIVERIES = timedelta(days=30)  # of stories to forwards, after their last change
KEEP_CLOSED = timedelta(days=30)  # digests and publishings that are over


async def step(context: Context) -> int:
    """Remove old reasons, digests, publishings, votes and deliveries, and follows of stories that have ended. Returns how many rows went."""
    now = context.now()
    async with context.db.write() as connection:
        ended = await follows.end_quiet(connection, now - context.alert_limits.follow_quiet)
        forgotten = await outbox.forget(
            connection, withheld_before=now - KEEP_HELD, closed_before=now - KEEP_CLOSED
        )
        delivered = await forwards.forget_old(connection, now - KEEP_DELIVERIES)
        return ended + forgotten + delivered + await votes.forget(connection, now - KEEP_VOTES)
