"""The topics in memory: built once, and again when somebody changes them, be it another process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.topics.learned import TitleModel
from bot.domain.topics.topics import Topics
from bot.store import revisions, schema, topics
from bot.store.servers import LEFT

log = logging.getLogger(__name__)

_t = schema.topics


@dataclass(slots=True)
class TopicCache:
    """The topics of one database as of a revision; empty until somebody asks.

    `titles` guesses topics where no keyword hits; None: nothing does.
    """

    titles: TitleModel | None = None
    _revision: int = -1
    _topics: Topics | None = None
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def load(self, connection: AsyncConnection, guild_id: int | None = None) -> Topics:
        """All topics, as a server sees them (0: as everybody does; None: to match for all servers)."""
        loaded = await self._current(connection)
        return loaded if guild_id is None else loaded.visible_to(guild_id)

    def replace_titles(self, titles: TitleModel) -> None:
        """Guess by another model from now on."""
        self.titles = titles
        self._revision = -1

    async def _current(self, connection: AsyncConnection) -> Topics:
        # What a transaction changes may be undone, so what it sees is for itself alone.
        if topics.changes(connection):
            return await self._built(connection)
        async with (
            self._building
        ):  # who needs the topics meanwhile waits for them, and does not build them as well
            revision = await revisions.of(connection, revisions.TOPICS)
            if self._topics is not None and self._revision == revision:
                return self._topics
            titles = self.titles
            built = await self._built(connection)
            if titles is self.titles:
                self._revision, self._topics = revision, built
            return built

    async def _built(self, connection: AsyncConnection) -> Topics:
        present = sa.select(_t).where(_t.c.guild_id.not_in(LEFT)).order_by(_t.c.id)
        rows = (await connection.execute(present)).all()
        return await asyncio.to_thread(_build, rows, self._topics, self.titles)


def _build(rows: Sequence[sa.Row[Any]], before: Topics | None, titles: TitleModel | None) -> Topics:
    old = before.matcher if before else None
    built = Topics(map(topics.topic_of, rows), old.parsed if old else {}, old.meter if old else None, titles)
    for topic, error in built.matcher.refused:
        log.error("the query of topic %r is ignored: %s", topic.name, error)
    return built
