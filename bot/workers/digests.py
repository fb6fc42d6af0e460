"""Digests that are due become outbox rows; a step at a time, and the database decides what is due."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from bot.domain.text.cleaning import plural
from bot.services.context import Context
from bot.services.digests import send_due
from bot.store import digests
from bot.store.subscriptions import ChannelState

log = logging.getLogger(__name__)

RETRY = timedelta(minutes=1)


async def step(context: Context) -> datetime | None:
    """Compose every digest that is due. Returns when the next one is, None where none is set.

    One that fails is logged and put off for `RETRY`; the others get theirs at their time.
    """
    async with context.db.read() as connection:
        due = await digests.due(connection, context.now())
    failed: list[ChannelState] = []
    for state in due:
        try:
            told = await send_due(context, state)
        except Exception:
            log.exception("the digest for channel %s failed; next try in %s", state.channel_id, RETRY)
            failed.append(state)
            continue
        log.info("digest for channel %s: %s", state.channel_id, plural(told, "story", "stories"))
    if failed:
        async with context.db.write() as connection:
            for state in failed:
                await digests.put_off(connection, state, context.now() + RETRY)
    if due:
        context.wake()
    async with context.db.read() as connection:
        return await digests.next_due(connection)
