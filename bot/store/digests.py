"""Digests: those of each channel, which are due, which stories were in one, and writing each exactly once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.posting.digest import Digest, DigestMention
from bot.domain.posting.schedule import WEEK, DigestStyle, Schedule, parse_days, parse_time
from bot.store import outbox, schema
from bot.store.conditions import is_unleased
from bot.store.servers import LEFT, of_present
from bot.store.sql import listed, upsert

_d = schema.digests
_c = schema.channels
_o = schema.outbox
_h = schema.digest_history
_t = schema.topics
_RUNNING = _d.c.channel_id.not_in(
    sa.select(_c.c.channel_id).where(sa.or_(_c.c.digest_off, _c.c.paused_reason != ""))
)
_PRESENT = _d.c.guild_id.not_in(LEFT)


def _select() -> sa.Select[Any]:
    return sa.select(_d, _t.c.name.label("topic")).join(_t, _t.c.id == _d.c.topic_id, isouter=True)


def _digest(row: sa.Row[Any]) -> ChannelDigest:
    schedule = None
    if row.at is not None:
        schedule = Schedule(
            parse_time(row.at), row.zone, parse_days(row.days), row.size, DigestStyle(row.style)
        )
    return ChannelDigest(
        row.id,
        row.guild_id,
        row.channel_id,
        row.name,
        row.topic,
        schedule,
        row.created_at,
        row.covered_until,
        row.next_at,
    )


async def stored(
    connection: AsyncConnection,
    *,
    ids: Collection[int] | None = None,
    channel_ids: Collection[int] | None = None,
    guild_id: int | None = None,
) -> tuple[ChannelDigest, ...]:
    """The digests with these ids, of these channels or of a server, or of all servers that the bot is in, in the order in
    which they were made.
    """
    statement = _select().where(of_present(_d.c.guild_id, guild_id)).order_by(_d.c.id)
    if ids is not None:
        statement = statement.where(_d.c.id.in_(list(ids)))
    if channel_ids is not None:
        statement = statement.where(_d.c.channel_id.in_(list(channel_ids)))
    return tuple(map(_digest, await connection.execute(statement)))


async def lock(connection: AsyncConnection, channel_id: int) -> None:
    """Wait until nobody else decides about the digests of this channel, which has a row."""
    await lock_all(connection, [channel_id])


async def lock_all(connection: AsyncConnection, channel_ids: Iterable[int]) -> None:
    """Wait until nobody else decides about the digests of these channels, which have rows."""
    chosen = sa.select(_c.c.channel_id).where(_c.c.channel_id.in_(listed(connection, channel_ids)))
    await connection.execute(chosen.order_by(_c.c.channel_id).with_for_update())


async def count(connection: AsyncConnection, guild_id: int) -> int:
    """How many digests have been set in a server: not those at the default time."""
    counted = (
        sa.select(sa.func.count()).select_from(_d).where(_d.c.guild_id == guild_id, _d.c.at.is_not(None))
    )
    return await connection.scalar(counted) or 0


async def add(
    connection: AsyncConnection, digest: ChannelDigest, topic_id: int | None, now: datetime
) -> ChannelDigest:
    """Store a new digest of a channel. Returns it with its id."""
    row = _new_row(digest, topic_id, now)
    digest_id = await connection.scalar(sa.insert(_d).values(row).returning(_d.c.id))
    [added] = await stored(connection, ids=[digest_id or 0], guild_id=digest.guild_id)
    return added


async def add_all(
    connection: AsyncConnection, added: Iterable[tuple[ChannelDigest, int | None]], now: datetime
) -> None:
    """Store new digests, each with the id of its topic."""
    rows = [_new_row(digest, topic_id, now) for digest, topic_id in added]
    if rows:
        await connection.execute(sa.insert(_d), rows)


def _new_row(digest: ChannelDigest, topic_id: int | None, now: datetime) -> dict[str, Any]:
    return _row(digest, topic_id) | {
        "created_at": digest.created_at or now,
        "covered_until": digest.covered_until,
        "next_at": digest.next_at,
    }


async def change(connection: AsyncConnection, digest: ChannelDigest, topic_id: int | None) -> None:
    """Store what is set of a digest, and when it is due."""
    values = _row(digest, topic_id) | {"next_at": digest.next_at}
    await connection.execute(sa.update(_d).where(_d.c.id == digest.id).values(values))


def _row(digest: ChannelDigest, topic_id: int | None) -> dict[str, Any]:
    schedule = digest.schedule
    row: dict[str, Any] = {
        "guild_id": digest.guild_id,
        "channel_id": digest.channel_id,
        "name": digest.name,
        "topic_id": topic_id,
    }
    if schedule is None:
        return row | dict.fromkeys(("at", "zone", "days", "size", "style"))
    return row | {
        "at": f"{schedule.at:%H:%M}",
        "zone": schedule.zone,
        "days": ",".join(WEEK[day] for day in sorted(schedule.days)),
        "size": schedule.size,
        "style": schedule.style.value,
    }


async def remove(connection: AsyncConnection, ids: Collection[int]) -> None:
    """Delete digests, and what is known of their stories. Messages of theirs that wait are dropped when they are due."""
    await connection.execute(sa.delete(_h).where(_h.c.digest_id.in_(list(ids))))
    await connection.execute(sa.delete(_d).where(_d.c.id.in_(list(ids))))


async def remove_of_topic(connection: AsyncConnection, topic_id: int) -> None:
    """Delete the digests that tell of a topic alone."""
    ids = (await connection.execute(sa.select(_d.c.id).where(_d.c.topic_id == topic_id))).scalars().all()
    await remove(connection, ids)


async def set_off(connection: AsyncConnection, channel_id: int, *, off: bool) -> None:
    """Turn the digests of a channel off: none is planned. Or on: each is planned when it is set again."""
    await set_all_off(connection, [channel_id], off=off)


async def set_all_off(connection: AsyncConnection, channel_ids: Collection[int], *, off: bool) -> None:
    """Turn the digests of channels off or on, as `set_off`."""
    if not channel_ids:
        return
    chosen = listed(connection, channel_ids)
    if off:
        await connection.execute(sa.update(_d).where(_d.c.channel_id.in_(chosen)).values(next_at=None))
    await connection.execute(sa.update(_c).where(_c.c.channel_id.in_(chosen)).values(digest_off=off))


async def due(connection: AsyncConnection, now: datetime) -> list[ChannelDigest]:
    """The digests that are due, the longest waiting first; those of paused channels wait."""
    rows = await connection.execute(
        _select().where(_d.c.next_at <= now, _RUNNING, _PRESENT).order_by(_d.c.next_at, _d.c.id)
    )
    return list(map(_digest, rows))


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next digest of any channel is due."""
    earliest: datetime | None = await connection.scalar(
        sa.select(sa.func.min(_d.c.next_at, type_=schema.UtcTime)).where(
            _d.c.next_at.is_not(None), _RUNNING, _PRESENT
        )
    )
    return earliest


async def turn(
    connection: AsyncConnection, digest: ChannelDigest, next_at: datetime | None, now: datetime
) -> bool:
    """Claim a digest's turn, in the transaction that stores it.

    False where another process had it first: then it is no longer planned for when `digest` says.
    """
    done = await connection.execute(
        sa.update(_d).where(_is_planned_as(digest)).values(next_at=next_at, covered_until=now)
    )
    return bool(done.rowcount)


def _is_planned_as(digest: ChannelDigest) -> sa.ColumnElement[bool]:
    same = _d.c.next_at.is_(None) if digest.next_at is None else _d.c.next_at == digest.next_at
    return sa.and_(_d.c.id == digest.id, same)


async def put_off(connection: AsyncConnection, digest: ChannelDigest, until: datetime) -> None:
    """Have a digest that could not be made wait until then, unless its turn has changed meanwhile."""
    await connection.execute(sa.update(_d).where(_is_planned_as(digest)).values(next_at=until))


async def begin_again(connection: AsyncConnection, digest_id: int, since: datetime) -> None:
    """Have a digest tell of nothing before `since`, where no next one was planned until now."""
    unplanned = sa.and_(_d.c.id == digest_id, _d.c.next_at.is_(None), _d.c.covered_until < since)
    await connection.execute(sa.update(_d).where(unplanned).values(covered_until=since))


async def plan_next(
    connection: AsyncConnection,
    digest_id: int,
    next_at: datetime | None,
    covered_until: datetime | None = None,
) -> None:
    """Set when a digest comes next. The last one stays untouched, or covers no more than until `covered_until`."""
    values: dict[str, Any] = {"next_at": next_at}
    if covered_until is not None:
        covered = sa.literal(covered_until, schema.UtcTime())
        values["covered_until"] = sa.case((_d.c.covered_until > covered, covered), else_=_d.c.covered_until)
    await connection.execute(sa.update(_d).where(_d.c.id == digest_id).values(values))


async def mentions(connection: AsyncConnection, digest_id: int) -> dict[int, DigestMention]:
    """The stories that a digest has told: story number -> outlets and time of the last mention."""
    rows = await connection.execute(
        sa.select(_h.c.story, _h.c.outlets, _h.c.at).where(_h.c.digest_id == digest_id)
    )
    return {story: DigestMention(outlets, at) for story, outlets, at in rows}


async def is_in_doubt(connection: AsyncConnection, digest: ChannelDigest) -> bool:
    """Whether a message of the digest may stand in its channel although nobody knows its id."""
    doubtful = sa.and_(
        _o.c.channel_id == digest.channel_id,
        _o.c.digest_id == digest.id,
        _o.c.kind == outbox.DIGEST,
        _o.c.message_id.is_(None),
        _o.c.begun_at.is_not(None),
        _o.c.closed.is_(False),
    )
    return bool(await connection.scalar(sa.select(sa.exists().where(doubtful))))


async def replace_waiting(connection: AsyncConnection, digest: ChannelDigest, now: datetime) -> None:
    """Give up a digest that could not be sent when that was tried: the one made now tells of it as well."""
    waiting = sa.and_(
        _o.c.channel_id == digest.channel_id,
        _o.c.digest_id == digest.id,
        _o.c.kind == outbox.DIGEST,
        _o.c.message_id.is_(None),
        _o.c.closed.is_(False),
        _o.c.reason != "",
        is_unleased(_o.c.lease_until, now),
    )
    values = {"closed": True, "due_at": None, "reason": "replaced by a newer digest"}
    rows = await connection.execute(sa.update(_o).where(waiting).values(**values).returning(_o.c.payload))
    for payload in rows.scalars().all():
        await take_back(connection, digest.id, payload)


async def take_back(connection: AsyncConnection, digest_id: int, payload: Mapping[str, Any]) -> None:
    """Return the stories of a message that was never sent to the next one of its digest."""
    if "since" not in payload:  # an earlier version wrote it
        return
    since, until = (datetime.fromisoformat(payload[key]) for key in ("since", "until"))
    await connection.execute(sa.delete(_h).where(_h.c.digest_id == digest_id, _h.c.at == until))
    later = sa.and_(_d.c.id == digest_id, _d.c.covered_until > since)
    await connection.execute(sa.update(_d).where(later).values(covered_until=since))


async def remember(
    connection: AsyncConnection,
    digest_id: int,
    digest: Digest,
    numbers: Collection[int],
    forget_before: datetime,
) -> None:
    """Store the stories of a digest with these numbers, and delete mentions that are too old to matter."""
    rows = [
        {"digest_id": digest_id, "story": e.view.number, "outlets": e.view.outlets, "at": digest.until}
        for e in digest.entries
        if e.view.number in numbers
    ]
    await upsert(connection, _h, rows, on=["digest_id", "story"])
    await connection.execute(sa.delete(_h).where(_h.c.digest_id == digest_id, _h.c.at < forget_before))
