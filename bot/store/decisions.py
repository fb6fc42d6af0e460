"""What was decided about messages, as rows of the outbox and reasons. Each kind of row is one statement for all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.decisions import (
    Decisions,
    Edit,
    Escalate,
    Grow,
    Hold,
    Send,
)
from bot.domain.posting.recipients import concerns
from bot.store import outbox, schema
from bot.store.sql import chunks, insert_new, upsert

_o = schema.outbox
_w = schema.withheld_posts

# Story -> the servers whose channels are concerned; 0 among them: all channels.
Audiences = Mapping[int, Collection[int]]

_server = sa.bindparam("server", type_=schema.SNOWFLAKE)
IN_SERVER = sa.or_(_server == 0, _o.c.guild_id == _server)
# The messages of a story in a server's channels, or in all; `audience_rows` gives the parameters.
MESSAGES_OF = sa.and_(_o.c.kind == outbox.STORY, _o.c.story == sa.bindparam("of", type_=schema.ID), IN_SERVER)
# Messages that stand in their channels, and that nothing is due of.
IDLE = sa.and_(_o.c.message_id.is_not(None), _o.c.due_at.is_(None), _o.c.closed.is_(False))


_REVISED = sa.update(_o).where(MESSAGES_OF).values(revision=_o.c.revision + 1)


def audience_rows(audiences: Audiences) -> list[dict[str, int]]:
    """The parameters of statements that go by `of`, a story, and `server`; 0: all servers."""
    return [
        {"of": story, "server": guild_id}
        for story, servers in audiences.items()
        for guild_id in ([0] if 0 in servers else sorted(servers))
    ]


async def apply(
    connection: AsyncConnection,
    decisions: Decisions,
    audiences: Audiences,
    now: datetime,
    edited_since: datetime | None = None,
) -> None:
    """Write sends, edits and holds, in the transaction of the caller. `audiences`: the stories that changed.

    Posts sent before `edited_since` are edited no more, if nothing was decided about them.
    """
    # Most stories that change are new: nothing more is done for those without a post.
    posted = await outbox.stories_with_posts(connection, audiences) if audiences else ()
    with_posts = {story: audiences[story] for story in sorted(posted)}
    if changed := audience_rows(with_posts):
        await connection.execute(_REVISED, changed)
    await _send(connection, decisions.sends, now)
    await _look_again(connection, decisions, with_posts, now, edited_since)
    await _edit(connection, decisions.edits)
    await _grow(connection, decisions.grows, now)
    await _escalate(connection, decisions.escalations, now)
    await _hold(connection, decisions.holds, now)


async def _send(connection: AsyncConnection, sends: Iterable[Send], now: datetime) -> None:
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
        for send in sends
    ]
    await insert_new(connection, _o, rows, on=["dedupe"])
    if sent := [{"of": send.story, "to": send.channel_id} for send in sends]:
        await connection.execute(_NO_LONGER_WITHHELD, sent)


_NO_LONGER_WITHHELD = sa.delete(_w).where(
    _w.c.story == sa.bindparam("of"), _w.c.channel_id == sa.bindparam("to")
)


async def _edit(connection: AsyncConnection, edits: Iterable[Edit]) -> None:
    if rows := [{"post": edit.post, "due": edit.due, "now_of": edit.story} for edit in edits]:
        await connection.execute(_EDIT, rows)
        await connection.execute(_EDIT_REPLIES, rows)


def edited(due: sa.ColumnElement[datetime]) -> dict[str, Any]:
    """What to set of a post to have it edited, not before `due`."""
    waits = sa.and_(_o.c.attempts > 0, _o.c.due_at > due)  # it failed: it was told how long to wait
    sooner = sa.and_(_o.c.due_at.is_not(None), _o.c.due_at < due)
    return {
        "due_at": sa.case((sa.or_(waits, sooner), _o.c.due_at), else_=due),
        "revision": _o.c.revision + 1,
    }


def edited_reply(due: sa.ColumnElement[datetime]) -> dict[str, Any]:
    """What to set of a reply to a post that is edited: it goes with it. One that is not out yet is rendered when it is sent."""
    again = sa.func.coalesce(_o.c.due_at, due)
    return {
        "due_at": sa.case((_o.c.message_id.is_(None), _o.c.due_at), else_=again),
        "revision": _o.c.revision + 1,
    }


_due = sa.bindparam("due", type_=schema.UtcTime())
_EDIT = (
    sa.update(_o)
    .where(_o.c.id == sa.bindparam("post"), _o.c.closed.is_(False))
    .values({**edited(_due), "story": sa.bindparam("now_of")})
)
_EDIT_REPLIES = (
    sa.update(_o)
    .where(_o.c.reply_to == sa.bindparam("post"), _o.c.closed.is_(False))
    .values({**edited_reply(_due), "story": sa.bindparam("now_of")})
)


async def _escalate(connection: AsyncConnection, escalations: Iterable[Escalate], now: datetime) -> None:
    rows = [
        outbox.new_row(
            outbox.ESCALATION,
            str(escalate.post),
            escalate.guild_id,
            escalate.channel_id,
            now,
            story=escalate.story,
            priority=escalate.priority,
            reply_to=escalate.post,
            payload={
                "size": escalate.size.value,
                "heat": escalate.posted.heat,
                "roles": list(escalate.posted.roles),
            },
        )
        for escalate in escalations
    ]
    await insert_new(connection, _o, rows, on=["dedupe"])


UNSENT = sa.and_(_o.c.message_id.is_(None), _o.c.closed.is_(False))


def _grown() -> dict[str, Any]:
    rollup = _o.alias("listing")
    floor = sa.select(rollup.c.priority).where(rollup.c.id == _o.c.rollup).scalar_subquery()
    priority = sa.bindparam("grown_to", type_=sa.Integer())
    outgrown = sa.and_(_o.c.rollup.is_not(None), priority > _o.c.priority, priority > floor)
    now = sa.bindparam("now", type_=schema.UtcTime())
    due = sa.case((sa.and_(outgrown, _o.c.due_at.is_(None)), now), else_=_o.c.due_at)
    return {"priority": priority, "due_at": due}


# What to set of an unsent post to have it `grown_to` a priority. One that has outgrown the roll-up that lists it is due again, `now`.
GROWN = _grown()
_GROW = sa.update(_o).where(_o.c.id == sa.bindparam("post"), UNSENT).values(GROWN)


async def _grow(connection: AsyncConnection, grows: Iterable[Grow], now: datetime) -> None:
    """Note the priority of stories that have no message yet."""
    if rows := [{"post": grow.post, "grown_to": grow.priority, "now": now} for grow in grows]:
        await connection.execute(_GROW, rows)


async def _hold(connection: AsyncConnection, holds: Iterable[Hold], now: datetime) -> None:
    rows: list[dict[str, Any]] = [
        {
            "story": hold.story,
            "channel_id": hold.channel_id,
            "guild_id": hold.guild_id,
            "reason": hold.reason.value,
            "at": now,
        }
        for hold in holds
    ]
    await upsert(connection, _w, rows, on=["story", "channel_id"])


async def _look_again(
    connection: AsyncConnection,
    decisions: Decisions,
    audiences: Audiences,
    now: datetime,
    edited_since: datetime | None,
) -> None:
    """Edit the posts that went out after the plan had looked: it took them for ones to be rendered yet.

    Where writers exclude each other there are none: the plan edits or holds every post of a changed story.
    """
    decided = {(hold.story, hold.channel_id) for hold in decisions.holds}
    edited = {edit.post for edit in decisions.edits}
    columns = sa.select(_o.c.id, _o.c.story, _o.c.channel_id, _o.c.guild_id)
    lately = IDLE if edited_since is None else sa.and_(IDLE, _o.c.sent_at >= edited_since)
    late: list[dict[str, int]] = []
    for part in chunks(audiences):
        rows = await connection.execute(
            columns.where(_o.c.kind == outbox.STORY, _o.c.story.in_(part), lately)
        )
        late += [
            {"post": row.id}
            for row in rows
            if row.id not in edited
            and (row.story, row.channel_id) not in decided
            and concerns(audiences[row.story], row.guild_id)
        ]
    if late:
        statement = sa.update(_o).where(_o.c.id == sa.bindparam("post")).values(due_at=now + outbox.LEASE)
        await connection.execute(statement, late)
