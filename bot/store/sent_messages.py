"""What the messages that were sent show, by their IDs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import outbox, rollups, schema

_o = schema.outbox
_OF_STORIES = (*outbox.PACED, outbox.DIGEST, outbox.ROLLUP, outbox.MEMBER, outbox.MEMBER_ROLLUP)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message and the numbers of the stories that it shows: one, or those of a digest or roll-up (`is_list`)."""

    is_list: bool
    stories: tuple[int, ...]


async def sent_message(
    connection: AsyncConnection, guild_id: int, channel_ids: Collection[int], message_id: int
) -> SentMessage | None:
    """A post, digest or roll-up by its server, one of these channels and its ID; None if there is no such message."""
    place = _o.c.channel_id.in_(list(channel_ids))
    same = sa.and_(_o.c.guild_id == guild_id, place, _o.c.message_id == message_id)
    rows = await connection.execute(
        sa.select(_o.c.id, _o.c.kind, _o.c.story, _o.c.payload)
        .where(same, _o.c.kind.in_(_OF_STORIES))
        .order_by(_o.c.closed, _o.c.id)
    )
    row = rows.first()
    if row is None:
        return None
    match row.kind:
        case outbox.DIGEST:
            return SentMessage(True, tuple((row.payload or {}).get("stories", ())))
        case outbox.ROLLUP | outbox.MEMBER_ROLLUP:
            return SentMessage(True, (await rollups.listings(connection, [row.id]))[row.id].stories)
        case _:
            return SentMessage(False, (row.story,))
