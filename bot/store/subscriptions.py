"""Subscriptions, channel settings and mutes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Calibration, Mode, Mute, PostLayout, StorySize, Subscription, Volume
from bot.domain.posting.quiet import QuietHours
from bot.domain.posting.schedule import parse_time
from bot.domain.posting.volume import posts_from
from bot.domain.text.words import name_key
from bot.store import calibrations, queue, schema
from bot.store.calibrations import Calibrated
from bot.store.servers import LEFT, of_present
from bot.store.sql import insert_new, list_parameter, list_value, upsert

_sub = schema.subscriptions
_c = schema.channels
_m = schema.mutes
_t = schema.topics


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What is set for a channel. `off`: its digests are turned off.

    `per_hour`: how many posts it gets at most; None: as many as the setting says. `quiet`: when it gets none.
    """

    channel_id: int
    guild_id: int
    paused_reason: str = ""
    off: bool = False
    per_hour: int | None = None
    quiet: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class Appearance:
    """How posts are to look: None for `layout` leaves it, and so does `keep_accent` the colour."""

    layout: PostLayout | None
    accent: int | None
    keep_accent: bool


def _subscription(row: sa.Row[Any]) -> Subscription:
    return Subscription(
        row.id,
        row.guild_id,
        row.channel_id,
        row.name,
        Mode(row.mode),
        Volume(row.volume) if row.volume else None,
        row.mention_role_id,
        row.publish,
        row.created_at,
        row.paused_reason or "",
        PostLayout(row.layout),
        row.accent,
        Volume(row.digest_volume) if row.digest_volume else None,
        calibrations.of_row(row),
        StorySize(row.ping_from),
        row.announces_major,
    )


async def followers(connection: AsyncConnection) -> dict[tuple[int, str], int]:
    """How many channels of servers that the bot is in follow each topic, by the server whose own it is (0: shared) and
    its `name_key`.
    """
    rows = await connection.execute(
        sa.select(_t.c.guild_id, _t.c.name, sa.func.count())
        .join(_sub, _sub.c.topic_id == _t.c.id)
        .where(_sub.c.guild_id.not_in(LEFT))
        .group_by(_t.c.id, _t.c.guild_id, _t.c.name)
    )
    return {(guild_id, name_key(name)): count for guild_id, name, count in rows}


async def subscriptions(
    connection: AsyncConnection, *, guild_id: int | None = None, channel_ids: Iterable[int] | None = None
) -> tuple[Subscription, ...]:
    """The subscriptions of all servers that the bot is in, or those of a server or of channels, in the order in
    which they were made.
    """
    statement = _every()
    if guild_id is not None:
        statement = statement.where(_sub.c.guild_id == guild_id)
    elif channel_ids is None:
        statement = statement.where(_sub.c.guild_id.not_in(LEFT))
    if channel_ids is not None:
        statement = statement.where(_sub.c.channel_id.in_(list(channel_ids)))
    return tuple(_subscription(row) for row in await connection.execute(statement))


@cache
def _every() -> sa.Select[Any]:
    return (
        sa.select(_sub, _t.c.name, _c.c.paused_reason)
        .join(_t, _t.c.id == _sub.c.topic_id)
        .join(_c, _c.c.channel_id == _sub.c.channel_id, isouter=True)
        .order_by(_sub.c.id)
    )


async def those(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> tuple[Subscription, ...]:
    """The subscriptions that fulfil a condition, of servers that the bot is in, in the order in which they were made."""
    rows = await connection.execute(_every().where(condition, _sub.c.guild_id.not_in(LEFT)))
    return tuple(map(_subscription, rows))


async def count(connection: AsyncConnection, guild_id: int | None = None) -> int:
    """How many subscriptions there are of all servers that the bot is in, or of a server."""
    in_scope = of_present(_sub.c.guild_id, guild_id)
    return await connection.scalar(sa.select(sa.func.count()).select_from(_sub).where(in_scope)) or 0


@dataclass(frozen=True, slots=True)
class PausedChannel:
    """A paused channel with its server, and since when it is paused; None: an earlier version paused it."""

    guild_id: int
    since: datetime | None


async def paused(connection: AsyncConnection) -> dict[int, PausedChannel]:
    """The paused channels of the servers that the bot is in, in order."""
    is_paused = sa.and_(_c.c.paused_reason != "", _c.c.guild_id.not_in(LEFT))
    columns = sa.select(_c.c.channel_id, _c.c.guild_id, _c.c.paused_at)
    rows = (await connection.execute(columns.where(is_paused).order_by(_c.c.channel_id))).all()
    return {row.channel_id: PausedChannel(row.guild_id, row.paused_at) for row in rows}


async def subscribe(
    connection: AsyncConnection, subscription: Subscription, topic_id: int, now: datetime
) -> None:
    """Store a subscription, or change the one that the channel has to the topic."""
    await subscribe_all(connection, [(subscription, topic_id, now)])


async def subscribe_all(
    connection: AsyncConnection, subscribed: Sequence[tuple[Subscription, int, datetime]]
) -> None:
    """Store or change many: each with the id of its topic, and when it is made if it is new."""
    await upsert(
        connection,
        _sub,
        [_row(subscription, topic_id, now) for subscription, topic_id, now in subscribed],
        on=["channel_id", "topic_id"],
        keep=["created_at"],
    )
    await ensure_channels(connection, {s.channel_id: s.guild_id for s, _, _ in subscribed})


def _row(subscription: Subscription, topic_id: int, now: datetime) -> dict[str, Any]:
    return {
        "guild_id": subscription.guild_id,
        "channel_id": subscription.channel_id,
        "topic_id": topic_id,
        "mode": subscription.mode.value,
        "volume": subscription.volume.value if subscription.volume else None,
        "digest_volume": subscription.digest_volume.value if subscription.digest_volume else None,
        "mention_role_id": subscription.mention_role_id,
        "publish": subscription.publish,
        "created_at": now,
        "layout": subscription.layout.value,
        "accent": subscription.accent,
        "ping_from": subscription.ping_from.value,
        "announces_major": subscription.announces_major,
        "threshold": None,  # it depends on the volume
        "posts_from": posts_from(replace(subscription, calibration=None)),
        "stories_a_day": None,
        "posts_a_day": None,
        "calibrate_at": None,
    }


async def set_appearance(
    connection: AsyncConnection, subscription_ids: Iterable[int], appearance: Appearance
) -> None:
    """Set how the posts of these subscriptions look."""
    values: dict[str, Any] = {} if appearance.keep_accent else {"accent": appearance.accent}
    values |= {} if appearance.layout is None else {"layout": appearance.layout.value}
    if values:
        chosen = _sub.c.id.in_(list(subscription_ids))
        await connection.execute(sa.update(_sub).where(chosen).values(**values))


async def to_calibrate(connection: AsyncConnection, now: datetime, limit: int) -> tuple[Subscription, ...]:
    """Subscriptions whose calibration is due, of servers that the bot is in: those of one topic follow each other."""
    every = sa.select(_sub, _t.c.name, sa.literal("").label("paused_reason")).join(
        _t, _t.c.id == _sub.c.topic_id
    )
    return tuple(map(_subscription, await connection.execute(calibrations.due(every, _sub, now, limit))))


async def calibrate(connection: AsyncConnection, results: Calibrated) -> None:
    """Store what was computed for subscriptions, and when each is due again, unless its volume or mode has changed meanwhile."""

    def asked(subscription: Subscription) -> Mapping[str, Any]:
        volume = subscription.volume.value if subscription.volume else None
        return {"volume": volume, "mode": subscription.mode.value}

    def least(subscription: Subscription, calibration: Calibration) -> Mapping[str, Any]:
        return {"posts_from": posts_from(replace(subscription, calibration=calibration))}

    await calibrations.store(connection, _sub, results, unless_changed=asked, follows=least)


async def await_first_posts(connection: AsyncConnection, subscription_id: int, until: datetime) -> None:
    """A new subscription waits for its first posts."""
    await connection.execute(
        sa.update(_sub).where(_sub.c.id == subscription_id).values(first_posts_until=until)
    )


async def awaiting_first_posts(connection: AsyncConnection, now: datetime) -> tuple[Subscription, ...]:
    """The subscriptions that wait for their first posts, of servers that the bot is in."""
    rows = await connection.execute(
        sa.select(_sub, _t.c.name, sa.literal("").label("paused_reason"))
        .join(_t, _t.c.id == _sub.c.topic_id)
        .where(_sub.c.first_posts_until > now, _sub.c.guild_id.not_in(LEFT))
        .order_by(_sub.c.first_posts_until, _sub.c.id)
    )
    return tuple(map(_subscription, rows))


async def begin_first_posts(connection: AsyncConnection, subscription_id: int) -> bool:
    """Note that a subscription has its first posts. False if it does not wait for them, or not any more."""
    waits = sa.and_(_sub.c.id == subscription_id, _sub.c.first_posts_until.is_not(None))
    done = await connection.execute(sa.update(_sub).where(waits).values(first_posts_until=None))
    return bool(done.rowcount)


async def unsubscribe(connection: AsyncConnection, channel_id: int, topic_id: int) -> bool:
    """Remove a subscription. False where there was none. What waits for it alone is dropped when it is due."""
    same = sa.and_(_sub.c.channel_id == channel_id, _sub.c.topic_id == topic_id)
    return bool((await connection.execute(sa.delete(_sub).where(same))).rowcount)


async def pinged_roles(connection: AsyncConnection, guild_id: int) -> set[int]:
    """The roles that posts of a server ping."""
    pings = sa.and_(_sub.c.guild_id == guild_id, _sub.c.mention_role_id.is_not(None))
    return set((await connection.execute(sa.select(_sub.c.mention_role_id).where(pings))).scalars())


async def keep_roles(connection: AsyncConnection, guild_id: int, role_ids: Iterable[int]) -> int:
    """Ping no other roles of a server than these. Returns how many subscriptions had pinged another one."""
    other = sa.and_(_sub.c.guild_id == guild_id, _sub.c.mention_role_id.not_in(list(role_ids)))
    return (await connection.execute(sa.update(_sub).where(other).values(mention_role_id=None))).rowcount


async def ensure_channel(connection: AsyncConnection, channel_id: int, guild_id: int) -> None:
    """Make sure that the channel has a row."""
    await ensure_channels(connection, {channel_id: guild_id})


async def ensure_channels(connection: AsyncConnection, channels: Mapping[int, int]) -> None:
    """Make sure that these channels have rows: their servers, by their ids."""
    rows = [
        {"channel_id": channel_id, "guild_id": guild_id, "paused_reason": "", "digest_off": False}
        for channel_id, guild_id in channels.items()
    ]
    await insert_new(connection, _c, rows, on=["channel_id"])


def channel_of(row: sa.Row[Any]) -> ChannelState:
    """What a row of the table says."""
    return ChannelState(
        row.channel_id,
        row.guild_id,
        row.paused_reason,
        row.digest_off,
        row.per_hour,
        None
        if row.quiet_from is None
        else QuietHours(parse_time(row.quiet_from), parse_time(row.quiet_until), row.quiet_zone),
    )


async def channel(connection: AsyncConnection, channel_id: int) -> ChannelState | None:
    """What is set for a channel; None where nothing ever was."""
    row = (await connection.execute(sa.select(_c).where(_c.c.channel_id == channel_id))).first()
    return None if row is None else channel_of(row)


async def channels(connection: AsyncConnection, guild_id: int | None = None) -> list[ChannelState]:
    """The channels that something is set for, of all servers that the bot is in or of one."""
    in_scope = of_present(_c.c.guild_id, guild_id)
    statement = sa.select(_c).where(in_scope).order_by(_c.c.channel_id)
    return [channel_of(row) for row in await connection.execute(statement)]


async def set_per_hour(connection: AsyncConnection, channel_id: int, per_hour: int | None) -> None:
    """Set how many posts an hour a channel gets at most; None: as many as the setting says."""
    await set_limits(connection, {channel_id: per_hour})


async def set_limits(connection: AsyncConnection, per_hour: Mapping[int, int | None]) -> None:
    """Set the posts an hour of many channels, as `set_per_hour`."""
    await _set(connection, {channel_id: {"per_hour": most} for channel_id, most in per_hour.items()})


async def set_quiet(connection: AsyncConnection, channel_id: int, quiet: QuietHours | None) -> None:
    """Set the quiet hours of a channel; None: it has none."""
    await set_quiet_hours(connection, {channel_id: quiet})


async def set_quiet_hours(connection: AsyncConnection, quiet: Mapping[int, QuietHours | None]) -> None:
    """Set the quiet hours of many channels, as `set_quiet`."""
    names = ("quiet_from", "quiet_until", "quiet_zone")
    await _set(
        connection,
        {
            channel_id: dict(
                zip(
                    names,
                    (f"{hours.start:%H:%M}", f"{hours.end:%H:%M}", hours.zone) if hours else (None,) * 3,
                    strict=True,
                )
            )
            for channel_id, hours in quiet.items()
        },
    )


async def _set(connection: AsyncConnection, values: Mapping[int, Mapping[str, Any]]) -> None:
    """Set the same columns of channels, by their ids."""
    for names in {tuple(of_channel) for of_channel in values.values()}:
        statement = sa.update(_c).where(_c.c.channel_id == sa.bindparam("of"))
        rows = [
            {"of": channel_id, **{f"to_{n}": v for n, v in row.items()}} for channel_id, row in values.items()
        ]
        await connection.execute(statement.values({n: sa.bindparam(f"to_{n}") for n in names}), rows)


async def remove_channel(connection: AsyncConnection, channel_id: int) -> bool:
    """Delete everything stored for a deleted channel. False if it had no subscription.

    The channel is first: whoever changes what belongs to one locks it before.
    """
    await connection.execute(sa.delete(_c).where(_c.c.channel_id == channel_id))
    had = await connection.execute(sa.delete(_sub).where(_sub.c.channel_id == channel_id))
    told = schema.digest_history
    its_digests = sa.select(schema.digests.c.id).where(schema.digests.c.channel_id == channel_id)
    await connection.execute(sa.delete(told).where(told.c.digest_id.in_(its_digests)))
    for table in (
        _m,
        schema.digests,
        schema.outbox,
        schema.backlogs,
        schema.withheld_posts,
        schema.translation_channels,
        schema.story_threads,
        schema.faces,
    ):
        await connection.execute(sa.delete(table).where(table.c.channel_id == channel_id))
    return bool(had.rowcount)


async def pause(
    connection: AsyncConnection, channel_id: int, guild_id: int, reason: str, now: datetime
) -> bool:
    """Pause delivery to a channel. False if it was paused already."""
    await ensure_channel(connection, channel_id, guild_id)
    running = sa.and_(_c.c.channel_id == channel_id, _c.c.paused_reason == "")
    done = await connection.execute(sa.update(_c).where(running).values(paused_reason=reason, paused_at=now))
    return bool(done.rowcount)


async def resume(connection: AsyncConnection, channel_ids: Iterable[int]) -> int:
    """Resume delivery to these channels. Returns how many were paused."""
    ids = list(channel_ids)
    paused = sa.and_(_c.c.channel_id.in_(ids), _c.c.paused_reason != "")
    done = await connection.execute(sa.update(_c).where(paused).values(paused_reason="", paused_at=None))
    await queue.check_channels(connection, ids)
    return done.rowcount


def _mute(row: sa.Row[Any]) -> Mute:
    return Mute(row.id, row.guild_id, row.channel_id or None, row.value)


async def mutes(connection: AsyncConnection, *guild_ids: int) -> tuple[Mute, ...]:
    """All mutes, or those of these servers."""
    statement = sa.select(_m).order_by(_m.c.id)
    if guild_ids:
        statement = statement.where(_m.c.guild_id.in_(guild_ids))
    return tuple(_mute(row) for row in await connection.execute(statement))


async def mutes_of(connection: AsyncConnection, guild_ids: Iterable[int]) -> tuple[Mute, ...]:
    """The mutes of any number of servers."""
    parameters = {"servers": list_value(connection, guild_ids)}
    rows = await connection.execute(_mutes_of(connection.dialect.name), parameters)
    return tuple(map(_mute, rows))


@cache
def _mutes_of(dialect: str) -> sa.Select[Any]:
    return sa.select(_m).where(_m.c.guild_id.in_(list_parameter(dialect, "servers"))).order_by(_m.c.id)


async def mutes_in(connection: AsyncConnection, guild_id: int, channel_id: int) -> tuple[Mute, ...]:
    """The mutes that hold in a channel: its own and its server's."""
    applies = sa.and_(_m.c.guild_id == guild_id, _m.c.channel_id.in_((0, channel_id)))
    return tuple(
        _mute(row) for row in await connection.execute(sa.select(_m).where(applies).order_by(_m.c.id))
    )


async def mute(connection: AsyncConnection, guild_id: int, channel_id: int | None, value: str) -> None:
    """Mute an outlet or words, in a channel or (None) in the whole server."""
    await mute_all(connection, guild_id, [(channel_id, value)])


async def mute_all(
    connection: AsyncConnection, guild_id: int, muted: Iterable[tuple[int | None, str]]
) -> None:
    """Mute many, as `mute`."""
    rows = [
        {"guild_id": guild_id, "channel_id": channel_id or 0, "value": value, "key": name_key(value)}
        for channel_id, value in muted
    ]
    await insert_new(connection, _m, rows, on=["guild_id", "channel_id", "key"])


async def unmute(connection: AsyncConnection, guild_id: int, channel_id: int | None, value: str) -> bool:
    """Remove a mute. False if there is none like it."""
    same = sa.and_(
        _m.c.guild_id == guild_id, _m.c.channel_id == (channel_id or 0), _m.c.key == name_key(value)
    )
    return bool((await connection.execute(sa.delete(_m).where(same))).rowcount)
