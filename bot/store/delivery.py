"""What delivery asks of the outbox beside single messages: its leases, its backlog, and whether it makes progress."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.retry import LONGEST_RETRY
from bot.store import schema
from bot.store.conditions import has_value
from bot.store.outbox import (
    ESCALATION,
    LEASE,
    LONGEST_SEND,
    MEMBER,
    PUBLISH,
    REACHABLE,
    STORY,
    Claimed,
    is_claimed_as,
)
from bot.store.queue import IS_READY, IS_SHELVED, IS_UNRIPE
from bot.store.sql import chunks

SKEW = timedelta(minutes=1)  # by which the clocks of several machines may differ
STALL = timedelta(minutes=10)  # something is due for so long, and nothing was sent or edited meanwhile
_NUMBER_AT = {STORY: 0, MEMBER: 2}  # the part of a row's name that is the number of its story
_o = schema.outbox
_s = schema.stories
_b = schema.backlogs


async def renew(connection: AsyncConnection, claimed: Claimed, now: datetime) -> None:
    """Extend the lease of a message whose request is still running."""
    await connection.execute(sa.update(_o).where(is_claimed_as(claimed)).values(lease_until=now + LEASE))


async def give_back(connection: AsyncConnection, is_gone: Callable[[str], bool]) -> int:
    """End the leases of processes that are gone. Returns how many messages that frees."""
    leased = _o.c.lease_until.is_not(None)
    holders = (await connection.execute(sa.select(_o.c.holder).where(leased).distinct())).scalars()
    gone_holders = [holder for holder in holders if is_gone(holder)]
    freed = sa.update(_o).where(leased, _o.c.holder.in_(gone_holders)).values(lease_until=None)
    return (await connection.execute(freed)).rowcount


async def take_over(connection: AsyncConnection, holder: str, now: datetime) -> None:
    """Have the leases of all other holders end soon, as this one sends alone from now on.

    Not at once: one that was cut off from the database may have requests on their way, but it begins no further ones.
    """
    others = sa.and_(_o.c.lease_until > now + LONGEST_SEND, _o.c.holder != holder)
    await connection.execute(sa.update(_o).where(others).values(lease_until=now + LONGEST_SEND))


async def after_clock_change(connection: AsyncConnection, now: datetime, latest: datetime | None) -> int:
    """Make messages due that would wait too long because the clock was set back. Returns their number.

    `latest` is the latest time that the clock has shown; without it, the latest that a row was made or claimed at, perhaps by
    a process on another machine. A difference up to `SKEW` changes nothing: nothing waits longer than that for it.
    """
    if latest is None:
        times = [sa.func.max(column, type_=schema.UtcTime) for column in (_o.c.created_at, _o.c.claimed_at)]
        shown = (await connection.execute(sa.select(*times))).one()
        latest = max((time for time in shown if time is not None), default=now)
    if latest - now <= SKEW:
        return 0
    await connection.execute(
        sa.update(_o).where(_o.c.lease_until > now + LEASE).values(lease_until=now + LEASE)
    )
    planned = sa.and_(_o.c.due_at > now, _o.c.due_at <= latest + LONGEST_RETRY)
    await connection.execute(sa.update(_b).where(_b.c.check_at > now).values(check_at=now))
    return (await connection.execute(sa.update(_o).where(planned).values(due_at=now))).rowcount


async def hasten(connection: AsyncConnection, ids: Collection[int], now: datetime) -> None:
    """Make these messages due that failed in an outage, which is over: each waits for up to `LONGEST_RETRY`.

    What waits for something else, such as a limit of its own channel, goes on waiting.
    """
    for part in chunks(sorted(ids)):
        failed = sa.and_(_o.c.id.in_(part), _o.c.due_at > now, _o.c.attempts > 0, _o.c.reason != "")
        await connection.execute(sa.update(_o).where(failed).values(due_at=now))


async def other_messages(connection: AsyncConnection, claimed: Claimed) -> frozenset[int]:
    """The messages of the channel that belong to other rows."""
    others = sa.and_(
        _o.c.channel_id == claimed.channel_id, _o.c.message_id.is_not(None), _o.c.id != claimed.id
    )
    return frozenset((await connection.execute(sa.select(_o.c.message_id).where(others))).scalars())


async def numbers_of(connection: AsyncConnection, claimed: Claimed) -> frozenset[int]:
    """The numbers of all stories that the message may have named when it was made: some were merged since."""
    if claimed.story is None:
        return frozenset()
    dedupe = await connection.scalar(sa.select(_o.c.dedupe).where(_o.c.id == claimed.id))
    kind, _, name = str(dedupe).partition(":")
    parts = name.split(":")
    first = {int(parts[_NUMBER_AT[kind]])} if kind in _NUMBER_AT else set()
    merged = sa.select(_s.c.number).where(_s.c.merged_into == claimed.story)
    return frozenset({claimed.story, *first, *(await connection.execute(merged)).scalars()})


async def backlog(connection: AsyncConnection, now: datetime) -> tuple[int, datetime | None]:
    """How many messages of all servers wait, and since when the one that waits longest has been due."""
    counts, times = [0], list[datetime]()
    for waiting in (IS_READY, IS_SHELVED, IS_UNRIPE):  # each has an index
        counted = sa.select(sa.func.count(), sa.func.min(_o.c.due_at, type_=schema.UtcTime))
        due = counted.where(waiting, _o.c.due_at <= now, REACHABLE)
        count, oldest = (await connection.execute(due)).one()
        counts.append(count)
        times += [] if oldest is None else [oldest]
    return sum(counts), min(times, default=None)


async def stalled(connection: AsyncConnection, now: datetime, guild_id: int | None = None) -> int:
    """How many messages have been due for `STALL`, of a server or of all, where nothing was delivered meanwhile."""
    in_scope = has_value(_o.c.guild_id, guild_id)
    # What a roll-up lists waits for a free post, not for Discord, and a reply may.
    unsent = sa.and_(
        _o.c.kind.not_in((PUBLISH, ESCALATION)),
        sa.text(schema.IS_UNSENT),  # which has an index
        _o.c.sent_at.is_(None),
        _o.c.closed.is_(False),
        _o.c.rollup.is_(None),
    )
    late = sa.and_(unsent, _o.c.created_at <= now - STALL, _o.c.due_at <= now + LONGEST_RETRY)
    waiting = sa.select(sa.func.count()).select_from(_o).where(late, REACHABLE, in_scope)
    count = await connection.scalar(waiting) or 0
    if not count:
        return 0
    delivered = sa.or_(_o.c.sent_at > now - STALL, _o.c.edited_at > now - STALL)
    return 0 if await connection.scalar(sa.select(sa.exists().where(delivered))) else count
