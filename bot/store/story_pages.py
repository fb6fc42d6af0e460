"""The stories of a server page by page, newest arrival first. Each page looks at a bounded number of stories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.conditions import is_live_story
from bot.store.sql import visible_to
from bot.store.topics import ids_seen

MOST_SCANNED = 5000  # stories that one page looks at, of the shared ones and of a server's own

_s = schema.stories
_st = schema.story_topics


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ends: when the newest article of its last story arrived, and the story's number."""

    last_seen: datetime
    number: int


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The stories of these topics (None: of all) that something arrived for in (`since`, `until`], those behind `after`."""

    guild_id: int
    topics: Sequence[str] | None
    limit: int
    since: datetime | None = None
    until: datetime | None = None
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class StoryPage:
    """The numbers of stories in order, at most as many as asked for; `next`: there may be more behind it."""

    numbers: tuple[int, ...]
    next: Position | None = None


async def page(connection: AsyncConnection, request: PageRequest) -> StoryPage:
    """A page. It can have fewer stories than asked for, or none, although more come behind it."""
    inside = [is_live_story(request.guild_id), *_window(request)]
    boundary: Position | None = None
    if request.topics is not None:
        seen = await ids_seen(connection, request.topics, request.guild_id)
        ids = sorted(chain.from_iterable(seen.values()))
        visible = visible_to(_st.c.guild_id, request.guild_id)
        of_topics = sa.select(_st.c.story).where(_st.c.topic_id.in_(ids), visible)
        few = sa.select(sa.func.count()).select_from(of_topics.limit(MOST_SCANNED).subquery())
        if (await connection.scalar(few) or 0) < MOST_SCANNED:
            inside.append(_s.c.number.in_(of_topics))
        else:
            boundary = await _boundary(connection, request)
            inside.append(
                sa.exists().where(_st.c.story == _s.c.number, (_st.c.topic_id + 0).in_(ids), visible)
            )
    if boundary is not None:
        inside.append(_at_or_before(boundary))
    rows = (
        await connection.execute(
            sa.select(_s.c.number, _s.c.last_seen)
            .where(*inside)
            .order_by(_s.c.last_seen.desc(), _s.c.number.desc())
            .limit(request.limit + 1)
        )
    ).all()
    shown = rows[: request.limit]
    if len(rows) > request.limit:
        return StoryPage(tuple(row.number for row in shown), Position(shown[-1].last_seen, shown[-1].number))
    return StoryPage(tuple(row.number for row in shown), boundary)


def _window(request: PageRequest) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if request.since is not None:
        conditions.append(_s.c.last_seen > request.since)
    if request.until is not None:
        conditions.append(_s.c.last_seen <= request.until)
    if (after := request.after) is not None:
        same = sa.and_(_s.c.last_seen == after.last_seen, _s.c.number < after.number)
        conditions.append(sa.or_(_s.c.last_seen < after.last_seen, same))
        conditions.append(_s.c.last_seen <= after.last_seen)  # for the index
    return conditions


def _at_or_before(boundary: Position) -> sa.ColumnElement[bool]:
    """Stories up to a position in the order of pages, it among them."""
    same = sa.and_(_s.c.last_seen == boundary.last_seen, _s.c.number >= boundary.number)
    # The first condition is for the index.
    return sa.and_(_s.c.last_seen >= boundary.last_seen, sa.or_(_s.c.last_seen > boundary.last_seen, same))


async def _boundary(connection: AsyncConnection, request: PageRequest) -> Position | None:
    """The last position that this page may look at; None: it may look at all."""
    ends = []
    for owner in dict.fromkeys((0, request.guild_id)):
        row = (
            await connection.execute(
                sa.select(_s.c.last_seen, _s.c.number)
                .where(_s.c.guild_id == owner, *_window(request))
                .order_by(_s.c.last_seen.desc(), _s.c.number.desc())
                .offset(MOST_SCANNED - 1)
                .limit(1)
            )
        ).first()
        if row is not None:
            ends.append(Position(row.last_seen, row.number))
    return max(ends, key=lambda end: (end.last_seen, end.number), default=None)
