"""Matches stored records again when the configured topics change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Stored, Topic, TopicMatch
from bot.domain.stories.owners import MediaOwners
from bot.domain.text.cleaning import plural
from bot.domain.topics.topics import Topics
from bot.services.context import Context
from bot.store import records, stories, topics
from bot.store.sql import chunks
from bot.store.topic_cache import TopicCache

log = logging.getLogger(__name__)

AT_ONCE = 1000


async def configure(context: Context, configured: Iterable[Topic]) -> bool:
    """Make these the configured topics; returns whether that changed anything.

    Where it did, every record is matched anew, in the same transaction: topics that are stored were matched.
    """
    async with context.db.intake() as connection:
        changed = await topics.configure(connection, configured)
        if changed:
            await _match_anew(connection, context.topics, context.rules.owners)
    return changed


async def define(context: Context, added: Iterable[Topic]) -> bool:
    """Add topics to the configured ones; returns whether that changed anything."""
    async with context.db.intake() as connection:
        changed = await topics.define(connection, added)
        if changed:
            await _match_anew(connection, context.topics, context.rules.owners)
    return changed


async def forget_guesses(context: Context) -> None:
    """Take learned topics from all records, and from stories that have them for no other reason."""
    async with context.db.intake() as connection:
        numbers = await records.forget_guesses(connection)
        for part in chunks(numbers, AT_ONCE):
            await stories.decide_topics(connection, part, context.rules.owners)
    if numbers:
        log.info(
            "topics are not guessed any more; the bot removed the guesses in %s",
            plural(len(numbers), "story", "stories"),
        )


def _matches(topics: Topics, stored: Mapping[int, Stored]) -> dict[int, tuple[TopicMatch, ...]]:
    return {i: topics.matcher.of(record.record, record.guild_id) for i, record in stored.items()}


async def _match_anew(connection: AsyncConnection, cache: TopicCache, owners: MediaOwners) -> None:
    topics = await cache.load(connection)
    after, total = 0, 0
    numbers: set[int] = set()
    while stored := await records.arrived_after(connection, after, AT_ONCE):
        matches = await asyncio.to_thread(_matches, topics, stored)
        await records.rematch(connection, matches)
        numbers.update(record.story for record in stored.values() if record.story is not None)
        after = max(stored)
        total += len(stored)
    # Only now: half of a story's reports by the old topics and half by the new ones would assign what neither do.
    for part in chunks(sorted(numbers), AT_ONCE):
        await stories.decide_topics(connection, part, owners)
    if total:
        log.info("the topics changed; the bot matched %s again", plural(total, "record"))
