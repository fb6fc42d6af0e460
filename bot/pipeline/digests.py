"""Digests that are due become outbox rows; a step at a time, and the database decides what is due."""

from __future__ import annotations

import logging
from datetime import datetime

from bot.store import digests
from bot.usecases.context import Context
from bot.usecases.digests import send_due

log = logging.getLogger(__name__)


async def step(context: Context) -> datetime | None:
    """Compose every digest that is due. Returns when the next one is, None where none is set.

    Raises what went wrong, once every channel had its turn.
    """
    async with context.db.read() as connection:
        due = await digests.due(connection, context.now())
    failed: list[Exception] = []
    for state in due:
        try:
            told = await send_due(context, state)
        except Exception as error:  # the other channels get theirs all the same
            failed.append(error)
            continue
        log.info("digest for channel %s: %d stories", state.channel_id, told)
    if due:
        context.wake()
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {len(due)} digests failed", failed)
    async with context.db.read() as connection:
        return await digests.next_due(connection)
