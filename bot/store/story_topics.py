"""The topics assigned to stories: the shared ones (0), and by server those that only this server sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.text.words import name_key
from bot.domain.topics.query.meter import Label
from bot.store import schema, topics
from bot.store.sql import among, append, chunks, visible_to

_st = schema.story_topics
_t = schema.topics


async def assigned(
    connection: AsyncConnection, numbers: Iterable[int], guild_id: int | None = None
) -> dict[int, dict[int, frozenset[str]]]:
    """The keys of the topics of stories, by story and server. With a `guild_id` those that this server sees."""
    sets: dict[int, dict[int, set[str]]] = {}
    for part in chunks(numbers):
        rows = await connection.execute(
            sa.select(_st.c.story, _st.c.guild_id, _t.c.name)
            .join(_t, _t.c.id == _st.c.topic_id)
            .where(among(connection, _st.c.story, part), visible_to(_st.c.guild_id, guild_id))
        )
        for number, server, name in rows:
            sets.setdefault(number, {}).setdefault(server, set()).add(name_key(name))
    return {n: {server: frozenset(keys) for server, keys in of.items()} for n, of in sets.items()}


async def write(connection: AsyncConnection, decided: Mapping[int, Mapping[int, frozenset[Label]]]) -> None:
    """Make these the topics of these stories, by server."""
    labels = {label for of in decided.values() for every in of.values() for label in every}
    ids = await topics.ids_by_label(connection, labels)
    for part in chunks(decided):
        await connection.execute(sa.delete(_st).where(among(connection, _st.c.story, part)))
    rows = [
        {"story": number, "topic_id": ids[label], "guild_id": server}
        for number, of in decided.items()
        for server, every in of.items()
        for label in sorted(every)
        if label in ids
    ]
    await append(connection, _st, rows)


async def forget(connection: AsyncConnection, numbers: Iterable[int]) -> None:
    """These stories have no topics any more."""
    for part in chunks(numbers):
        await connection.execute(sa.delete(_st).where(among(connection, _st.c.story, part)))
