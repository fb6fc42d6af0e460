"""What plans decide about messages, as rows of the outbox and reasons."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.records.intake import SHARED, Plan
from bot.store import outbox, schema
from bot.store.sql import chunks, insert_new, upsert

_o = schema.outbox


def by_audience(plan: Plan, stories: Collection[int] | None = None) -> dict[int, list[int]]:
    """The stories of a plan, or these of them, by the servers for which they change; 0: shared."""
    found: dict[int, list[int]] = {}
    for number in plan.stories if stories is None else stories:
        audience = plan.audiences.get(number, SHARED)
        for guild_id in [0] if 0 in audience else sorted(audience):
            found.setdefault(guild_id, []).append(number)
    return found


def of_server(guild_id: int) -> sa.ColumnElement[bool]:
    """The messages of a server's channels; 0: of all."""
    return _o.c.guild_id == guild_id if guild_id else sa.true()


async def apply(connection: AsyncConnection, plan: Plan, now: datetime) -> None:
    """Write a plan's sends, edits and holds, in the transaction of the caller."""
    rows = [
        outbox.new_row(
            outbox.STORY,
            outbox.story_name(send.story, send.channel_id),
            send.guild_id,
            send.channel_id,
            now,
            story=send.story,
            priority=send.priority,
        )
        for send in plan.sends
    ]
    await insert_new(connection, _o, rows, on=["dedupe"])
    audiences = by_audience(plan)
    for guild_id, numbers in audiences.items():
        for part in chunks(numbers):
            statement = sa.update(_o).where(
                _o.c.kind == outbox.STORY, _o.c.story.in_(part), of_server(guild_id)
            )
            await connection.execute(statement.values(revision=_o.c.revision + 1))
    await _look_again(connection, plan, audiences, now)
    for edit in plan.edits:
        waits = sa.and_(_o.c.attempts > 0, _o.c.due_at > edit.due)  # it failed: it was told how long to wait
        sooner = sa.and_(_o.c.due_at.is_not(None), _o.c.due_at < edit.due)
        due = sa.case((sa.or_(waits, sooner), _o.c.due_at), else_=edit.due)
        statement = sa.update(_o).where(_o.c.id == edit.post, _o.c.closed.is_(False))
        await connection.execute(statement.values(due_at=due, story=edit.story, revision=_o.c.revision + 1))
    held = [
        {
            "story": h.story,
            "channel_id": h.channel_id,
            "guild_id": h.guild_id,
            "reason": h.reason.value,
            "at": now,
        }
        for h in plan.holds
    ]
    await upsert(connection, schema.withheld_posts, held, on=["story", "channel_id"])
    if plan.sends:
        table = schema.withheld_posts
        sent = sa.and_(table.c.story == sa.bindparam("of"), table.c.channel_id == sa.bindparam("to"))
        pairs = [{"of": send.story, "to": send.channel_id} for send in plan.sends]
        await connection.execute(sa.delete(table).where(sent), pairs)


async def _look_again(
    connection: AsyncConnection, plan: Plan, audiences: Mapping[int, Sequence[int]], now: datetime
) -> None:
    """Edit the posts that went out after the plan had looked: it took them for ones to be rendered yet.

    Where writers exclude each other there are none: the plan edits or holds every post of a changed story.
    """
    decided = {(hold.story, hold.channel_id) for hold in plan.holds}
    edited = {edit.post for edit in plan.edits}
    idle = sa.and_(_o.c.message_id.is_not(None), _o.c.due_at.is_(None), _o.c.closed.is_(False))
    for guild_id, numbers in audiences.items():
        for part in chunks(numbers):
            rows = await connection.execute(
                sa.select(_o.c.id, _o.c.story, _o.c.channel_id).where(
                    _o.c.kind == outbox.STORY, _o.c.story.in_(part), idle, of_server(guild_id)
                )
            )
            late = [
                row.id for row in rows if row.id not in edited and (row.story, row.channel_id) not in decided
            ]
            if late:
                await connection.execute(
                    sa.update(_o).where(_o.c.id.in_(late)).values(due_at=now + outbox.LEASE)
                )
