"""The outbox as a queue: which rows a claim looks at, so that it costs the same however many wait.

A row that is due is *ready*: it stands in an index in the order in which messages are claimed. A row that is not due yet
becomes ready, *ripens*, when a claim finds that its time has come. Of what a claim meets and cannot take (a paused channel's,
a left server's, more than a claim takes of one channel), all goes on the *shelf*, so that no claim meets it again; a row of
`backlogs` says when the first messages of that channel leave the shelf. Each row is moved a bounded number of times, in
bounded batches. Whoever sets another `due_at` need not know any of it: ready and shelved are states of one `due_at`.

Locks on PostgreSQL are taken in one order: channels by their ids, then rows of the outbox, then backlogs by their channels. A claim
waits for none of the first two, as it has locked rows before it knows which channels they are of: what another transaction holds is
skipped, and met again. It waits for backlogs alone, at its end (`store_checks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.conditions import is_unleased
from bot.store.sql import chunks, list_parameter, list_value, none_of, upsert

PER_CHANNEL = 5  # in a batch: a channel in which much waits must not hold up the others
SPARE = 40  # rows that are read beyond those that may be taken or skipped
MOST_LOOKS = 20  # of a claim that meets nothing but what it cannot take: each look shelves what it met
LEAST_RIPENED, MOST_RIPENED = (
    50,
    500,
)  # rows that a claim makes ready: fewer where that many are ready already
FED = 64  # channels that a claim takes messages from the shelf for
# When a channel whose ready messages went another way than through a claim gets more from the shelf.
CHECK_AFTER = timedelta(minutes=10)
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)

_o = schema.outbox
_c = schema.channels
_l = schema.left_servers
_b = schema.backlogs
IS_READY, IS_UNRIPE, IS_SHELVED = map(sa.text, (schema.IS_READY, schema.IS_UNRIPE, schema.IS_SHELVED))
_LANE: sa.ColumnElement[int] = sa.literal_column(schema.LANE, sa.Integer())
ORDER = (_LANE, _o.c.priority.desc(), _o.c.due_at, _o.c.id)


class Lane(IntEnum):
    """What a message is, in the order in which messages are claimed. Keep `schema.LANE` the same."""

    DOUBT = 0  # it may have been made by an earlier try
    POST = 1
    EDIT = 2
    DIGEST = 3
    MEMBER = 4
    PUBLISH = 5  # claimed apart: Discord counts publishing by the hour


LANES = (Lane.POST, Lane.EDIT, Lane.DIGEST, Lane.MEMBER)
TURN = 8  # in every eighth claim another lane than that of the posts is first, so that none starves


def first_lane(turn: int) -> Lane:
    """The lane that comes first, after what is in doubt, in the claim of this number."""
    others = LANES[1:]
    return LANES[0] if turn % TURN != TURN - 1 else others[turn // TURN % len(others)]


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A row that may be claimed."""

    id: int
    channel_id: int
    kind: str
    message_id: int | None


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """Which rows a claim takes: up to `limit`, and up to `per_channel` of a channel, but none of those that are `busy` or `resting`.

    Those that rest are many, and claims that leave them out are not those that put away what they cannot take.
    """

    limit: int
    busy: Collection[int] = ()
    resting: Collection[int] = ()
    per_channel: int = PER_CHANNEL

    @property
    def size(self) -> int:
        """How many rows to read."""
        passed = 0 if self.resting else PER_CHANNEL * len(self.busy)
        return self.limit + passed + SPARE

    @property
    def left_out(self) -> set[int]:
        """The channels whose rows are not read. Those of busy channels are, unless many others rest."""
        return {*self.busy, *self.resting} if self.resting else set()


@dataclass(slots=True)
class _Look:
    """What a claim met: what it can take, and what goes elsewhere."""

    candidates: list[DueMessage] = field(default_factory=list)
    early: list[int] = field(default_factory=list)
    shelved: list[int] = field(default_factory=list)
    backlogs: dict[int, datetime | None] = field(default_factory=dict)


# When channels get messages from the shelf; None: once they are resumed, or the bot is back in their server.
Checks = dict[int, datetime | None]
# How many rows of each of these channels may be taken now, and when more.
Rooms = Callable[[Collection[int]], Awaitable[Mapping[int, tuple[int, datetime]]]]


def of_lanes(*, publishes: bool) -> sa.ColumnElement[bool]:
    """The rows to publish, or the others."""
    return _LANE == Lane.PUBLISH if publishes else _LANE < Lane.PUBLISH


async def _blocked(
    connection: AsyncConnection, rows: Collection[sa.Row[*tuple[Any, ...]]]
) -> tuple[set[int], set[int]]:
    """The paused channels and the left servers among those of these rows. They stay so until the transaction ends."""
    paused = await connection.execute(_PAUSED, {"ids": sorted({row.channel_id for row in rows})})
    left = await connection.execute(_LEFT, {"ids": sorted({row.guild_id for row in rows})})
    return set(paused.scalars()), set(left.scalars())


_ids: sa.BindParameter[int] = sa.bindparam("ids", expanding=True)
_PAUSED = (
    sa.select(_c.c.channel_id)
    .where(_c.c.channel_id.in_(_ids), _c.c.paused_reason != "")
    .with_for_update(read=True, skip_locked=True)
)
_LEFT = sa.select(_l.c.guild_id).where(_l.c.guild_id.in_(_ids)).with_for_update(read=True, skip_locked=True)


@cache
def _first_ready(dialect: str, lanes: tuple[Lane, ...] | None, *, publishes: bool) -> sa.Select[Any]:
    """The first `most` rows that are ready in these lanes (None: in all, those to publish apart), but those of `left_out` channels."""
    now = sa.bindparam("now", type_=schema.UtcTime())
    left_out = list_parameter(dialect, "left_out")
    return (
        sa.select(
            _o.c.id, _o.c.channel_id, _o.c.guild_id, _o.c.kind, _o.c.message_id, _o.c.due_at, _o.c.user_id
        )
        .where(IS_READY, of_lanes(publishes=publishes) if lanes is None else _LANE.in_(lanes))
        .where(is_unleased(_o.c.lease_until, now), _o.c.channel_id.not_in(left_out))
        .order_by(*ORDER)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )


async def candidates(
    connection: AsyncConnection,
    now: datetime,
    limits: ClaimLimits,
    checks: Checks,
    *,
    lane: Lane | None = None,
    publishes: bool = False,
    rooms: Rooms | None = None,
) -> list[DueMessage]:
    """The first rows to take; what cannot be taken, and what is beyond `PER_CHANNEL` of a channel, goes out of the way.

    `lane` narrows them to what is in doubt and that lane. `rooms` says of which channels fewer may be taken.
    """
    lanes = None if lane is None else (Lane.DOUBT, lane)
    statement = _first_ready(connection.dialect.name, lanes, publishes=publishes)
    parameters = {"now": now, "left_out": list_value(connection, limits.left_out), "most": limits.size}
    look = _Look()
    for _ in range(MOST_LOOKS):
        rows = (await connection.execute(statement, parameters)).all()
        if not rows:
            return []
        paused, left = await _blocked(connection, rows)
        less = {} if rooms is None else await rooms({row.channel_id for row in rows})
        look = _looked(rows, now, limits, (paused, left), less)
        await _shelve(connection, look, now)
        checks.update(look.backlogs)
        if look.candidates or len(rows) < limits.size:
            break
    return look.candidates


def _looked(
    rows: Sequence[sa.Row[*tuple[Any, ...]]],
    now: datetime,
    limits: ClaimLimits,
    blocked: tuple[set[int], set[int]],
    rooms: Mapping[int, tuple[int, datetime]],
) -> _Look:
    look, met = _Look(), Counter[int]()
    paused, left = blocked
    for row in rows:
        channel_id = row.channel_id
        if row.due_at > now:
            look.early.append(row.id)
            continue
        if channel_id in paused or row.guild_id in left:
            look.shelved.append(row.id)
            # A member's direct messages are of several servers: those of the others do not wait for this one.
            look.backlogs.setdefault(channel_id, now if row.user_id == channel_id else None)
            continue
        met[channel_id] += 1
        most, more_at = rooms.get(channel_id, (PER_CHANNEL, now))
        if met[channel_id] > most:
            look.shelved.append(row.id)
            look.backlogs[channel_id] = more_at
        elif (
            met[channel_id] <= limits.per_channel
            and channel_id not in limits.busy
            and len(look.candidates) < limits.limit
        ):
            look.candidates.append(DueMessage(row.id, channel_id, row.kind, row.message_id))
    return look


def _free(ids: Collection[int]) -> sa.Select[tuple[int]]:
    """Those of these rows that no other worker holds, locked."""
    rows = sa.select(_o.c.id).where(_o.c.id.in_(ids)).order_by(_o.c.id).with_for_update(skip_locked=True)
    return sa.select(rows.cte("free").c.id)


async def _shelve(connection: AsyncConnection, look: _Look, now: datetime) -> None:
    for part in chunks(look.early):
        # Its time was set when it was made, or the clock was set back.
        values = sa.update(_o).where(_o.c.id.in_(_free(part))).values(ripe_at=now)
        await connection.execute(values)
    for part in chunks(look.shelved):
        await connection.execute(
            sa.update(_o).where(_o.c.id.in_(_free(part))).values(shelved_for=_o.c.due_at)
        )


async def restock(
    connection: AsyncConnection, now: datetime, limits: ClaimLimits, *, publishes: bool
) -> Checks:
    """Make ready what channels have room for again. Returns when they get more.

    A channel gets as many messages as a claim takes of it: what is ready and cannot be taken would go back to the shelf.
    """
    parameters = {"now": now, "publish": publishes, "busy": list_value(connection, limits.busy)}
    rows = await connection.execute(_to_feed(connection.dialect.name), parameters)
    channels = sorted(rows.scalars())
    if channels:
        await _feed(connection, channels, limits.per_channel, publishes=publishes)
    return dict.fromkeys(channels, now + CHECK_AFTER)


@cache
def _to_feed(dialect: str) -> sa.Select[int]:
    """The channels that get messages from the shelf now, but those that are `busy`."""
    return (
        sa.select(_b.c.channel_id)
        .where(_b.c.check_at <= sa.bindparam("now", type_=schema.UtcTime()))
        .where(_b.c.publishes == sa.bindparam("publish", type_=sa.Boolean))
        .where(_b.c.channel_id.not_in(list_parameter(dialect, "busy")))
        .order_by(_b.c.check_at)
        .limit(FED)
    )


def _unripe() -> sa.Select[int]:
    now = sa.bindparam("now", type_=schema.UtcTime())
    due = sa.and_(_o.c.due_at <= now, is_unleased(_o.c.lease_until, now))
    return sa.select(_o.c.id).where(IS_UNRIPE, due).order_by(_o.c.due_at).limit(MOST_RIPENED)


_UNRIPE = _unripe()


async def ripen(connection: AsyncConnection, now: datetime) -> None:
    """Make ready what has become due, to be published or not: once before what is claimed in a transaction."""
    ids = list((await connection.execute(_UNRIPE, {"now": now})).scalars())
    if len(ids) > LEAST_RIPENED:
        some = sa.select(_o.c.id).where(IS_READY).order_by(*ORDER).limit(MOST_RIPENED).subquery()
        ready = await connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0
        ids = ids[: max(LEAST_RIPENED, MOST_RIPENED - ready)]
    if ids:
        await connection.execute(sa.update(_o).where(_o.c.id.in_(_free(ids))).values(ripe_at=now))


async def _feed(
    connection: AsyncConnection, channels: Sequence[int], per_channel: int, *, publishes: bool
) -> None:
    """Take the first messages of each of these channels from the shelf."""
    of = sa.bindparam("of", type_=schema.SNOWFLAKE)
    shelved = sa.and_(IS_SHELVED, of_lanes(publishes=publishes), _o.c.channel_id == of)
    servers = sa.exists().where(_l.c.guild_id == _o.c.guild_id)
    first = sa.select(_o.c.id).where(shelved, ~servers).order_by(*ORDER).limit(per_channel)
    first = first.with_for_update(skip_locked=True)
    chosen = sa.select(first.cte("first").c.id)
    rows = [{"of": channel_id} for channel_id in channels]
    await connection.execute(sa.update(_o).where(_o.c.id.in_(chosen)).values(shelved_for=None), rows)


async def store_checks(
    connection: AsyncConnection, checks: Checks, more: Mapping[int, datetime], *, publishes: bool
) -> None:
    """Store when channels get messages from the shelf: `checks`, and `more` for those that have any there."""
    of_queue = _b.c.publishes == publishes
    has_more = sa.select(_b.c.channel_id).where(_b.c.channel_id.in_(sorted(more)), of_queue)
    shelved = set((await connection.execute(has_more)).scalars()) if more else set()
    due = checks | {
        channel_id: at for channel_id, at in more.items() if channel_id in shelved | checks.keys()
    }
    rows = [
        {"channel_id": channel_id, "publishes": publishes, "check_at": at}
        for channel_id, at in sorted(due.items())
    ]
    await upsert(connection, _b, rows, on=["channel_id", "publishes"])
    if rows:
        rest = sa.exists().where(
            IS_SHELVED, of_lanes(publishes=publishes), _o.c.channel_id == _b.c.channel_id
        )
        empty = sa.and_(_b.c.channel_id.in_(sorted(due)), of_queue, ~rest)
        await connection.execute(sa.delete(_b).where(empty))


async def check(connection: AsyncConnection, at: Mapping[int, datetime], *, publishes: bool) -> None:
    """Have channels get messages from the shelf, each at that time: it has room for more."""
    of = sa.and_(_b.c.channel_id == sa.bindparam("of", type_=schema.SNOWFLAKE), _b.c.publishes == publishes)
    rows = [{"of": channel_id, "time": time} for channel_id, time in sorted(at.items())]
    if rows:
        values = {"check_at": sa.bindparam("time", type_=schema.UtcTime())}
        await connection.execute(sa.update(_b).where(of).values(**values), rows)


async def check_channels(connection: AsyncConnection, channel_ids: Collection[int]) -> None:
    """Have these channels get messages from the shelf at once."""
    of = _b.c.channel_id.in_(sorted(channel_ids))
    await connection.execute(sa.update(_b).where(of).values(check_at=AT_ONCE))


async def check_server(connection: AsyncConnection, guild_id: int) -> None:
    """Have the channels of a server get messages from the shelf."""
    channels = sa.select(_o.c.channel_id).where(_o.c.guild_id == guild_id, IS_SHELVED)
    await connection.execute(sa.update(_b).where(_b.c.channel_id.in_(channels)).values(check_at=AT_ONCE))


async def next_checks(
    connection: AsyncConnection, busy: Collection[int], limit: int, *, publishes: bool
) -> list[tuple[int, datetime]]:
    """The first channels that get messages from the shelf, and when, apart from busy ones."""
    waiting = sa.select(_b.c.channel_id, _b.c.check_at).where(
        _b.c.check_at.is_not(None), _b.c.publishes == publishes
    )
    free = waiting.where(none_of(connection, _b.c.channel_id, busy))
    first = free.order_by(_b.c.check_at).limit(limit)
    return [(channel_id, at) for channel_id, at in await connection.execute(first)]
