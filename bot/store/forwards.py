"""Forwards, the stories that are still to be compared with them, and what each address has of a story.

A delivery is the row of a story at an address: it is due again when the story changes. `revision` counts the changes, so that
one that came while it was being sent is not lost. A worker takes an address as a whole, with a lease, and sends one story
after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.forwarding import LONGEST_WAIT, UPDATE_INTERVAL, Forward
from bot.domain.model import Volume
from bot.store import calibrations, schema
from bot.store.calibrations import Calibrated
from bot.store.servers import LEFT
from bot.store.sql import batches, chunks, insert, listed

LEASE = timedelta(minutes=2)
MOST_CANDIDATES = 200  # addresses among which a worker chooses

_f = schema.forwards
_q = schema.forward_queue
_d = schema.forward_deliveries
_t = schema.topics
_s = schema.stories
_ON = _f.c.off_at.is_(None)


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A story that an address is to get. `sent`: how often it got it already, the last time with `sent_hash`."""

    id: int
    story: int
    attempt: int
    sent: int
    sent_hash: str
    revision: int


def _select() -> sa.Select[Any]:
    return sa.select(_f, _t.c.name).join(_t, _t.c.id == _f.c.topic_id)


def _forward(row: sa.Row[Any]) -> Forward:
    return Forward(
        row.id,
        row.guild_id,
        row.name,
        row.url,
        row.secret,
        Volume(row.volume),
        channel_id=row.channel_id,
        calibration=calibrations.of_row(row),
        failures=row.failures,
        failing_since=row.failing_since,
        problem=row.problem,
        off_at=row.off_at,
        claim=row.claims,
    )


# ------------------------------------------------------------------------------------ what servers set


async def add(connection: AsyncConnection, forward: Forward, topic_id: int, now: datetime) -> int:
    """Store a new forward. Returns its id."""
    row = {
        "guild_id": forward.guild_id,
        "topic_id": topic_id,
        "url": forward.url,
        "secret": forward.secret,
        "volume": forward.volume.value,
        "channel_id": forward.channel_id,
        "created_at": now,
        "problem": "",
    }
    number: int = (await connection.execute(sa.insert(_f).values(row).returning(_f.c.id))).scalar_one()
    return number


async def of_server(connection: AsyncConnection, guild_id: int) -> list[Forward]:
    """The forwards of a server, oldest first."""
    rows = await connection.execute(_select().where(_f.c.guild_id == guild_id).order_by(_f.c.id))
    return list(map(_forward, rows))


async def remove(connection: AsyncConnection, guild_id: int, forward_id: int) -> bool:
    """Delete a forward of a server, and what waits for it. False if there is none."""
    chosen = sa.and_(_f.c.id == forward_id, _f.c.guild_id == guild_id)
    return bool((await connection.execute(sa.delete(_f).where(chosen))).rowcount)


async def resume(connection: AsyncConnection, guild_id: int, forward_id: int) -> None:
    """Send to an address again, as if it had never failed."""
    chosen = sa.and_(_f.c.id == forward_id, _f.c.guild_id == guild_id)
    await connection.execute(sa.update(_f).where(chosen).values(off_at=None, **_WORKS))


async def waiting(connection: AsyncConnection, guild_id: int) -> dict[int, int]:
    """How many stories wait for each address of a server."""
    rows = await connection.execute(
        sa.select(_d.c.forward_id, sa.func.count())
        .join(_f, _f.c.id == _d.c.forward_id)
        .where(_f.c.guild_id == guild_id, _d.c.due_at.is_not(None))
        .group_by(_d.c.forward_id)
    )
    return dict(rows.all())


async def totals(connection: AsyncConnection) -> dict[str, int]:
    """How many forwards there are of all servers that the bot is in, how many of them are off, and how many stories wait."""
    present = _f.c.guild_id.not_in(LEFT)
    counted = sa.select(sa.func.count(), sa.func.count(_f.c.off_at)).where(present)
    every, off = (await connection.execute(counted)).one()
    due = sa.select(sa.func.count()).select_from(_d).join(_f, _f.c.id == _d.c.forward_id)
    due_count = await connection.scalar(due.where(present, _ON, _d.c.due_at.is_not(None)))
    return {"forwards": every, "off": off, "waiting": due_count or 0}


# ------------------------------------------------------------------------------------ volumes


async def to_calibrate(connection: AsyncConnection, now: datetime, limit: int) -> list[Forward]:
    """Forwards whose calibration is due, of servers that the bot is in."""
    return list(map(_forward, await connection.execute(calibrations.due(_select(), _f, now, limit))))


async def calibrate(connection: AsyncConnection, results: Calibrated) -> None:
    """Store what was computed for forwards, given as what they ask for, and when each is due again."""
    await calibrations.store(connection, _f, results)


# ------------------------------------------------------------------------------------ what is to be sent


async def queue(connection: AsyncConnection, numbers: Collection[int]) -> None:
    """Have these stories compared with forwards, if there are any: in the transaction that changes them."""
    if numbers and await connection.scalar(sa.select(_f.c.id).where(_ON).limit(1)) is not None:
        await connection.execute(sa.insert(_q), [{"story": number} for number in sorted(numbers)])


async def queued(connection: AsyncConnection, limit: int) -> dict[int, int]:
    """The stories that wait, the first `limit`: the id of the row, and the story."""
    rows = await connection.execute(sa.select(_q.c.id, _q.c.story).order_by(_q.c.id).limit(limit))
    return dict(rows.all())


async def unqueue(connection: AsyncConnection, ids: Iterable[int]) -> None:
    """These rows have been compared."""
    for part in chunks(ids):
        await connection.execute(sa.delete(_q).where(_q.c.id.in_(part)))


async def of_topics(connection: AsyncConnection, keys: Iterable[str]) -> list[Forward]:
    """The forwards of topics with these keys (`topics.key_of`) that are on, of servers that the bot is in."""
    forwards: list[Forward] = []
    for part in chunks(keys):
        chosen = _select().where(_t.c.key.in_(part), _ON, _f.c.guild_id.not_in(LEFT))
        forwards += map(_forward, await connection.execute(chosen.order_by(_f.c.id)))
    return forwards


async def deliveries_of(connection: AsyncConnection, numbers: Iterable[int]) -> dict[tuple[int, int], int]:
    """The deliveries of these stories: their ids by forward and story."""
    ids: dict[tuple[int, int], int] = {}
    for part in chunks(numbers):
        rows = sa.select(_d.c.id, _d.c.forward_id, _d.c.story).where(_d.c.story.in_(part))
        async for batch in batches(connection, rows):
            ids |= {(row.forward_id, row.story): row.id for row in batch}
    return ids


async def touch(connection: AsyncConnection, ids: Iterable[int], now: datetime) -> None:
    """Have these deliveries made again: at most one a minute of a story to each address."""
    rows: list[dict[str, Any]] = []
    for part in chunks(ids):
        present = await connection.execute(sa.select(_d.c.id, _d.c.sent_at).where(_d.c.id.in_(part)))
        rows += [
            {"of": row.id, "due": max(now, row.sent_at + UPDATE_INTERVAL) if row.sent_at else now}
            for row in present
        ]
    if rows:
        due = sa.bindparam("due", type_=schema.UtcTime())
        values = {
            "revision": _d.c.revision + 1,
            "due_at": sa.func.coalesce(_d.c.due_at, due),
            "touched_at": now,
        }
        await connection.execute(sa.update(_d).where(_d.c.id == sa.bindparam("of")).values(**values), rows)


async def deliver(connection: AsyncConnection, pairs: Iterable[tuple[int, int]], now: datetime) -> None:
    """Have stories delivered to forwards for the first time. Forwards that were removed meanwhile are left out."""
    of_story: dict[int, list[int]] = {}
    for forward_id, story in pairs:
        of_story.setdefault(story, []).append(forward_id)
    for story, ids in of_story.items():
        at = sa.literal(now, schema.UtcTime())
        values = {
            "forward_id": _f.c.id,
            "story": sa.literal(story, schema.ID),
            "due_at": at,
            "touched_at": at,
            "sent_hash": sa.literal(""),
        }
        named = [value.label(name) for name, value in values.items()]
        present = sa.select(*named).where(_f.c.id.in_(listed(connection, ids)))
        statement = insert(connection.dialect.name, _d).from_select(list(values), present)
        await connection.execute(statement.on_conflict_do_nothing(index_elements=["forward_id", "story"]))


# ------------------------------------------------------------------------------------ sending


def _passed(column: sa.Column[datetime], now: datetime, most: timedelta) -> sa.ColumnElement[bool]:
    """A time that has passed; or one further ahead than any is set, as when the clock was set back since."""
    return sa.or_(column <= now, column > now + most)


def _ready(now: datetime, busy: Collection[int]) -> sa.ColumnElement[bool]:
    due = sa.exists().where(
        _d.c.forward_id == _f.c.id, _d.c.due_at.is_not(None), _passed(_d.c.due_at, now, UPDATE_INTERVAL)
    )
    rested = sa.or_(_f.c.retry_at.is_(None), _passed(_f.c.retry_at, now, LONGEST_WAIT))
    free = sa.or_(_f.c.lease_until.is_(None), _passed(_f.c.lease_until, now, LEASE))
    return sa.and_(_ON, rested, free, due, _f.c.id.not_in(busy), _f.c.guild_id.not_in(LEFT))


async def any_ready(connection: AsyncConnection, now: datetime, busy: Collection[int]) -> bool:
    """Whether an address that is not busy has something due."""
    return await connection.scalar(sa.select(_f.c.id).where(_ready(now, busy)).limit(1)) is not None


async def claim(
    connection: AsyncConnection,
    now: datetime,
    limit: int,
    busy: Mapping[int, int],
    per_server: int,
) -> list[Forward]:
    """Take up to `limit` addresses with something due, those first that had their turn longest ago.

    `busy` are the forwards that this process is sending to, each with its server, of which there are at most
    `per_server` at once. Nobody else gets an address until its lease ends.
    """
    candidates = await connection.execute(
        sa.select(_f.c.id, _f.c.guild_id)
        .where(_ready(now, busy))
        .order_by(_f.c.lease_until.is_not(None), _f.c.lease_until, _f.c.id)
        .limit(MOST_CANDIDATES)
    )
    of_server = Counter(busy.values())
    chosen: list[int] = []
    for forward_id, guild_id in candidates:
        if len(chosen) < limit and of_server[guild_id] < per_server:
            of_server[guild_id] += 1
            chosen.append(forward_id)
    if not chosen:
        return []
    # As in `outbox.claim`: what another process takes at the same moment is skipped, not waited for.
    free = sa.select(_f.c.id).where(_f.c.id.in_(chosen), _ready(now, busy)).with_for_update(skip_locked=True)
    taken = (
        sa.update(_f)
        .where(_f.c.id.in_(sa.select(free.cte("chosen").c.id)))
        .values(lease_until=now + LEASE, claims=_f.c.claims + 1)
        .returning(_f.c.id)
    )
    ids = list((await connection.execute(taken)).scalars())
    return list(map(_forward, await connection.execute(_select().where(_f.c.id.in_(ids)).order_by(_f.c.id))))


async def due(connection: AsyncConnection, forward_id: int, now: datetime, limit: int) -> list[DueDelivery]:
    """What an address is to get now, the longest waiting first."""
    rows = await connection.execute(
        sa.select(_d)
        .where(_d.c.forward_id == forward_id, _d.c.due_at.is_not(None))
        .where(_passed(_d.c.due_at, now, UPDATE_INTERVAL))
        .order_by(_d.c.due_at, _d.c.id)
        .limit(limit)
    )
    return [
        DueDelivery(row.id, row.story, row.attempts + 1, row.sent, row.sent_hash, row.revision)
        for row in rows
    ]


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When an address that no worker has is due."""
    first = (
        sa.select(_d.c.due_at)
        .where(_d.c.forward_id == _f.c.id, _d.c.due_at.is_not(None))
        .order_by(_d.c.due_at)
        .limit(1)
        .scalar_subquery()
    )
    times = sa.select(
        sa.type_coerce(first, schema.UtcTime).label("due"), _f.c.retry_at, _f.c.lease_until
    ).where(_ON, _f.c.guild_id.not_in(LEFT))
    waiting = times.subquery()
    rows = await connection.execute(sa.select(waiting).where(waiting.c.due.is_not(None)))
    return min((max(filter(None, row)) for row in rows), default=None)


def _claimed_as(forward: Forward) -> sa.ColumnElement[bool]:
    return sa.and_(_f.c.id == forward.id, _f.c.claims == forward.claim)


async def is_claimed(connection: AsyncConnection, forward: Forward) -> bool:
    """Whether a claim still counts: the forward was not removed, and nobody else has it."""
    return await connection.scalar(sa.select(_f.c.id).where(_claimed_as(forward))) is not None


_WORKS: Mapping[str, Any] = {"failures": 0, "failing_since": None, "retry_at": None, "problem": ""}


async def delivered(
    connection: AsyncConnection, forward: Forward, delivery: DueDelivery, content_hash: str, now: datetime
) -> None:
    """An address has a story as it was. It is due again if it has changed meanwhile."""
    await connection.execute(
        sa.update(_d)
        .where(_d.c.id == delivery.id)
        .values(sent=_d.c.sent + 1, sent_hash=content_hash, sent_at=now, attempts=0)
        .values(due_at=_if_changed(delivery, now + UPDATE_INTERVAL))
    )
    await connection.execute(sa.update(_f).where(_claimed_as(forward)).values(**_WORKS))


def _if_changed(delivery: DueDelivery, again: datetime) -> sa.ColumnElement[Any]:
    return sa.case((_d.c.revision != delivery.revision, sa.literal(again, schema.UtcTime())))


async def leave(connection: AsyncConnection, delivery: DueDelivery, now: datetime) -> None:
    """Do not deliver a story as it is now."""
    values = {"attempts": 0, "due_at": _if_changed(delivery, now)}
    await connection.execute(sa.update(_d).where(_d.c.id == delivery.id).values(**values))


async def forget_story(connection: AsyncConnection, delivery: DueDelivery) -> None:
    """An address is not to get a story, which it never had. It may be compared with it again when it changes."""
    await connection.execute(sa.delete(_d).where(_d.c.id == delivery.id, _d.c.sent == 0))


async def failed(
    connection: AsyncConnection,
    forward: Forward,
    delivery: DueDelivery,
    reason: str,
    now: datetime,
    *,
    retry_at: datetime | None = None,
) -> bool:
    """A try has failed. The address waits until `retry_at`; None: it is switched off. False if another worker has it now."""
    await connection.execute(sa.update(_d).where(_d.c.id == delivery.id).values(attempts=_d.c.attempts + 1))
    since = sa.func.coalesce(_f.c.failing_since, sa.literal(now, schema.UtcTime()))
    values: dict[str, Any] = {"failures": _f.c.failures + 1, "failing_since": since, "problem": reason}
    values |= {"retry_at": retry_at, "off_at": now if retry_at is None else None}
    changed = await connection.execute(sa.update(_f).where(_claimed_as(forward)).values(**values))
    return bool(changed.rowcount)


async def release(connection: AsyncConnection, forward: Forward, now: datetime) -> None:
    """End a lease. It stays the time at which the address had its turn."""
    await connection.execute(sa.update(_f).where(_claimed_as(forward)).values(lease_until=now))


async def forget_old(connection: AsyncConnection, before: datetime) -> int:
    """Delete the deliveries of stories that have not changed since. Returns how many."""
    return (await connection.execute(sa.delete(_d).where(_d.c.touched_at < before))).rowcount
