"""New subscriptions get their first posts when the feeds of their topics have been read for the first time."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.services import first_posts
from bot.services.context import Context

EVERY = timedelta(seconds=20)


async def step(context: Context) -> datetime:
    """Queue what is due. Returns when to look again."""
    await first_posts.begin_waiting(context)
    return context.now() + EVERY
