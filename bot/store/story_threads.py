"""The threads of posts: which channels want them, how far each is, and what is written in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.story_threads import ThreadState
from bot.store import outbox, schema
from bot.store.outbox import THREAD, Claimed
from bot.store.sql import chunks, insert_new, listed

_o = schema.outbox
_c = schema.channels
_s = schema.stories
_t = schema.story_threads


@dataclass(frozen=True, slots=True)
class StoryThread:
    """The thread of a post, by the post's row of the outbox. `thread_id` is the number of the post's message, too.

    `told_record`: all members of the story up to this ID are in the post or the thread.
    `written_at` is when the bot last wrote in it; `problem` says why it is not there, or not written in.
    """

    post: int
    guild_id: int
    channel_id: int
    thread_id: int
    state: ThreadState
    told_record: int
    written_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    """A row of the outbox that stands in a thread: what it was made of."""

    row: int
    payload: dict[str, Any]


def _thread(row: sa.Row[Any]) -> StoryThread:
    return StoryThread(
        row.post,
        row.guild_id,
        row.channel_id,
        row.thread_id,
        ThreadState(row.state),
        row.told_record,
        row.written_at,
        row.problem,
    )


async def switch(connection: AsyncConnection, channel_id: int, *, on: bool) -> None:
    """Have the posts of a channel, which has a row, get threads, or no more."""
    await switch_all(connection, [channel_id], on=on)


async def switch_all(connection: AsyncConnection, channel_ids: Collection[int], *, on: bool) -> None:
    """Have the posts of channels get threads or no more, as `switch`."""
    if channel_ids:
        chosen = _c.c.channel_id.in_(listed(connection, channel_ids))
        await connection.execute(sa.update(_c).where(chosen).values(threads=on))


async def channels_with(connection: AsyncConnection, channel_ids: Collection[int]) -> frozenset[int]:
    """Those of these channels whose posts get threads."""
    on = sa.select(_c.c.channel_id).where(_c.c.channel_id.in_(list(channel_ids)), _c.c.threads)
    return frozenset((await connection.execute(on)).scalars())


async def of_posts(connection: AsyncConnection, posts: Collection[int]) -> dict[int, StoryThread]:
    """The threads of these posts, by the post's row."""
    threads: dict[int, StoryThread] = {}
    for part in chunks(posts):
        for row in await connection.execute(sa.select(_t).where(_t.c.post.in_(part))):
            threads[row.post] = _thread(row)
    return threads


async def of_post(connection: AsyncConnection, post: int) -> StoryThread | None:
    """The thread of a post, for this transaction to change."""
    row = (await connection.execute(sa.select(_t).where(_t.c.post == post).with_for_update())).first()
    return None if row is None else _thread(row)


async def add(connection: AsyncConnection, thread: StoryThread, now: datetime) -> None:
    """Note that a post is to get a thread, unless that is noted."""
    columns = ("post", "guild_id", "channel_id", "thread_id", "told_record", "written_at", "problem")
    row = {name: getattr(thread, name) for name in columns} | {
        "state": thread.state.value,
        "updated_at": now,
    }
    await insert_new(connection, _t, [row], on=["post"])


async def store_result(
    connection: AsyncConnection, post: int, state: ThreadState, problem: str, now: datetime
) -> None:
    """Note how a thread is after a try."""
    values = {"state": state.value, "problem": problem, "updated_at": now}
    await connection.execute(sa.update(_t).where(_t.c.post == post).values(**values))


async def store_written(
    connection: AsyncConnection,
    claimed: Claimed,
    payload: dict[str, Any],
    told_record: int | None,
    now: datetime,
) -> None:
    """Note of a message in a thread what it shows, and up to which record the thread tells the story then."""
    await connection.execute(sa.update(_o).where(_o.c.id == claimed.id).values(payload=payload))
    if told_record is not None:
        further = sa.and_(_t.c.post == payload["post"], _t.c.told_record < told_record)
        values = {"told_record": told_record, "written_at": now}
        await connection.execute(sa.update(_t).where(further).values(**values))


async def queue(
    connection: AsyncConnection,
    thread: StoryThread,
    story: int,
    payload: dict[str, Any],
    due_at: datetime,
) -> None:
    """Have something written in a thread, once for each `part` and `after` (or story) of the payload.

    One that waits takes up what came since it was queued. One that was given up before it was sent is tried again.
    """
    name = ":".join(str(payload[key]) for key in ("post", "part", "after", "into") if key in payload)
    # It counts as made when it is due: until then it is not overdue.
    row = outbox.new_row(
        THREAD, name, thread.guild_id, thread.channel_id, due_at, story=story, payload=payload
    )
    same = _o.c.dedupe == row["dedupe"]
    before = (await connection.execute(sa.select(_o.c.id, _o.c.closed, _o.c.message_id).where(same))).first()
    if before is None:
        await outbox.enqueue(connection, row)
    elif before.message_id is None and before.closed:
        await outbox.reopen(connection, before.id, row["priority"], due_at)
    elif before.message_id is None:
        changed = sa.update(_o).where(_o.c.id == before.id).values(revision=_o.c.revision + 1)
        await connection.execute(changed)


async def messages_of(
    connection: AsyncConnection, post: int, story: int, channel_id: int
) -> list[ThreadMessage]:
    """What stands in the thread of a post, of this story and of those merged into it; the name of the thread counts."""
    merged = sa.select(_s.c.number).where(_s.c.merged_into == story)
    of_story = sa.or_(_o.c.story == story, _o.c.story.in_(merged))
    stands = sa.and_(_o.c.kind == THREAD, _o.c.message_id.is_not(None), _o.c.closed.is_(False))
    rows = await connection.execute(
        sa.select(_o.c.id, _o.c.payload).where(of_story, stands, _o.c.channel_id == channel_id)
    )
    return [ThreadMessage(row.id, row.payload) for row in rows if row.payload["post"] == post]


async def edit_again(connection: AsyncConnection, rows: Sequence[int], now: datetime) -> None:
    """Have these messages edited."""
    due = sa.func.coalesce(_o.c.due_at, sa.literal(now, schema.UtcTime()))
    edit = {"due_at": due, "revision": _o.c.revision + 1}
    for part in chunks(rows):
        await connection.execute(sa.update(_o).where(_o.c.id.in_(part)).values(**edit))


async def story_of(connection: AsyncConnection, post: int) -> int | None:
    """The story that a post shows now."""
    number: int | None = await connection.scalar(sa.select(_o.c.story).where(_o.c.id == post))
    return number


async def problems(
    connection: AsyncConnection, guild_id: int, since: datetime, limit: int = 5
) -> list[tuple[int, str, int]]:
    """Why threads of a server are missing or not written in since then: channel, reason and how many, most first."""
    has_problem = sa.and_(_t.c.guild_id == guild_id, _t.c.problem != "", _t.c.updated_at >= since)
    count = sa.func.count()
    rows = await connection.execute(
        sa.select(_t.c.channel_id, _t.c.problem, count)
        .where(has_problem)
        .group_by(_t.c.channel_id, _t.c.problem)
        .order_by(count.desc(), _t.c.channel_id)
        .limit(limit)
    )
    return [(channel_id, problem, number) for channel_id, problem, number in rows]
