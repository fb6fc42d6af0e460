"""Keeps the volumes of subscriptions up to date: a topic that brings more needs a higher threshold for as many posts."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.services import volumes
from bot.services.context import Context

AT_ONCE = 200  # subscriptions in a step
IDLE = timedelta(minutes=10)


async def step(context: Context) -> datetime:
    """Compute the calibrations that are due. Returns when to look again."""
    now = context.now()
    if await volumes.refresh_due(context, AT_ONCE) == AT_ONCE:
        return now
    return min(now + IDLE, await volumes.next_due(context) or now + IDLE)
