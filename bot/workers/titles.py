"""Retrains the topic guesses on recent records once a day."""

from __future__ import annotations

import asyncio

from bot.domain.topics.learned import learn_from_stream
from bot.services.context import Context
from bot.store import records

NEWEST = 5_000  # records that are learned: some days of a busy bot; half a second of work in a thread


async def step(context: Context) -> int:
    """Learn anew from the newest records of which keywords or outlets say the topic. Returns how many these are."""
    if context.titles is None:
        return 0
    async with context.db.read() as connection:
        labelled = await records.labelled(connection, NEWEST)
        tree = await context.topics.load(connection, 0)
    context.topics.replace_titles(await asyncio.to_thread(learn_from_stream, context.titles, labelled, tree))
    return len(labelled)
