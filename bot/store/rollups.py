"""Roll-ups: messages that list the stories for which a channel has no room. Decided in the transaction that claims posts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.decisions import PostingSettings
from bot.domain.posting.pace import HOUR, Pace, RecentPost, WaitingStory, pace
from bot.store import schema, subscriptions
from bot.store.conditions import is_unleased
from bot.store.outbox import ESCALATION, MEMBER, PACED, ROLLUP, STORY, Paced, new_row
from bot.store.sql import among, chunks, lock_free
from bot.store.subscriptions import ChannelState

LISTED = 40  # stories of a roll-up that are read: more than fit into it
UPDATED = timedelta(days=2)  # after which a roll-up no longer follows the stories in it
UPDATE_AFTER = timedelta(minutes=1)

_o = schema.outbox
_c = schema.channels
_IS_UNSENT = sa.text(schema.IS_UNSENT)
_UNSENT = sa.and_(_o.c.kind.in_(PACED), _IS_UNSENT, _o.c.closed.is_(False))
_now, _since = (sa.bindparam(name, type_=schema.UtcTime()) for name in ("now", "since"))
# Two indexes begin with the channel: of what is not sent yet, and by the time of sending.
_OF_CHANNELS = _o.c.channel_id.in_(sa.bindparam("channels", expanding=True))
_WAITING = sa.select(_o.c.id, _o.c.kind, _o.c.channel_id, _o.c.guild_id, _o.c.priority, _o.c.rollup).where(
    _UNSENT, _o.c.due_at <= _now, _o.c.begun_at.is_(None), is_unleased(_o.c.lease_until, _now), _OF_CHANNELS
)
_paced = sa.select(_o.c.channel_id, _o.c.sent_at, _o.c.priority).where(_OF_CHANNELS)
_SENT = _paced.where(_o.c.kind.in_(PACED), _o.c.sent_at > _since)
_ON_ITS_WAY = _paced.where(_UNSENT, _o.c.begun_at.is_not(None))  # as of whatever is claimed
_rollups = sa.select(_o.c.id, _o.c.channel_id).where(
    _o.c.kind == ROLLUP, _OF_CHANNELS, _o.c.closed.is_(False)
)
_UNSENT_ROLLUPS = _rollups.where(_IS_UNSENT)
_SENT_ROLLUPS = _rollups.where(_o.c.sent_at > _since)
_STATES = sa.select(_c).where(_c.c.channel_id.in_(sa.bindparam("channels", expanding=True)))


def _in_channels(channel_ids: Collection[int]) -> sa.ColumnElement[bool]:
    """Rows of these channels."""
    return _o.c.channel_id.in_(list(channel_ids))


@dataclass(frozen=True, slots=True)
class Listing:
    """What a roll-up lists: the biggest of its stories, and how many there are. `is_quiet`: they came in quiet hours."""

    stories: tuple[int, ...] = ()
    count: int = 0
    is_quiet: bool = False


async def keep_pace(
    connection: AsyncConnection, channel_ids: Collection[int], now: datetime, settings: PostingSettings
) -> Paced:
    """List what these channels have no room for in roll-ups. The caller claims the others in the same transaction.

    A claim waits for no lock of another transaction while it has some itself, so channels of which another one
    has locked anything are left for later.
    """
    locked = await lock_free(connection, _c.c.channel_id, channel_ids)
    waiting = await _waiting(connection, sorted(set(channel_ids) - locked), now)
    open_rollups = await _open(connection, list(waiting), now)
    changed = {story.row: channel for channel, (_, stories) in waiting.items() for story in stories}
    changed |= open_rollups
    locked |= {changed[row_id] for row_id in await lock_free(connection, _o.c.id, changed)}
    waiting = {channel: of for channel, of in waiting.items() if channel not in locked}
    withheld = await _decide(connection, waiting, list(open_rollups), now, settings)
    return Paced(withheld, locked)


async def _decide(
    connection: AsyncConnection,
    waiting: Mapping[int, tuple[int, list[WaitingStory]]],
    rollup_ids: Collection[int],
    now: datetime,
    settings: PostingSettings,
) -> frozenset[int]:
    """Decide about the stories that wait in these channels. Returns the rows that are not to be sent now."""
    if not waiting:
        return frozenset()
    rows = await connection.execute(_STATES, {"channels": sorted(waiting)})
    states = {row.channel_id: subscriptions.channel_of(row) for row in rows}
    recent = await _recent(connection, list(waiting), now)
    open_rollups: dict[tuple[int, bool], sa.Row[Any]] = {}
    if rollup_ids:
        rows = await connection.execute(sa.select(_o).where(_o.c.id.in_(rollup_ids)).order_by(_o.c.id))
        open_rollups = {(row.channel_id, row.payload["quiet"]): row for row in rows}
    held: set[int] = set()
    for channel_id, (guild_id, stories) in waiting.items():
        state = states.get(channel_id) or ChannelState(channel_id, guild_id)
        quiet_until = state.quiet.until(now) if state.quiet else None
        per_hour = min(state.per_hour or settings.per_hour, settings.most_per_hour)
        decided = pace(stories, recent.get(channel_id, ()), per_hour, now, quiet_until)
        is_quiet = quiet_until is not None
        rollup = open_rollups.get((channel_id, is_quiet))
        await _apply(connection, state, decided, now, settings.edit_interval, rollup, is_quiet=is_quiet)
        held.update(decided.list_, decided.wait)
    return frozenset(held)


async def _waiting(
    connection: AsyncConnection, channel_ids: Collection[int], now: datetime
) -> dict[int, tuple[int, list[WaitingStory]]]:
    """The stories that are due in these channels and have no message, with the server, by channel.

    Those that may have one after all are sent in any case: `_recent` has them.
    """
    rows = await connection.execute(_WAITING, {"channels": list(channel_ids), "now": now})
    waiting: dict[int, tuple[int, list[WaitingStory]]] = {}
    for row in rows:
        of_channel = waiting.setdefault(row.channel_id, (row.guild_id, []))[1]
        waits = row.rollup is not None or row.kind == ESCALATION
        of_channel.append(WaitingStory(row.id, row.priority, waits))
    return waiting


async def _recent(
    connection: AsyncConnection, channel_ids: Collection[int], now: datetime
) -> dict[int, list[RecentPost]]:
    """The posts of these channels in the last hour, and those that are on their way or in doubt."""
    recent: dict[int, list[RecentPost]] = {}
    parameters = {"channels": list(channel_ids), "since": now - HOUR}
    for statement in (_SENT, _ON_ITS_WAY):
        for channel_id, sent_at, priority in await connection.execute(statement, parameters):
            recent.setdefault(channel_id, []).append(RecentPost(sent_at or now, priority))
    return recent


async def _apply(
    connection: AsyncConnection,
    state: ChannelState,
    decided: Pace,
    now: datetime,
    edit_interval: timedelta,
    rollup: sa.Row[Any] | None,
    *,
    is_quiet: bool,
) -> None:
    for part in chunks(decided.wait):
        await connection.execute(sa.update(_o).where(_o.c.id.in_(part)).values(due_at=decided.wait_until))
    if not decided.list_ or decided.list_at is None:
        return
    if rollup is None:
        row = new_row(
            ROLLUP,
            f"{state.channel_id}:{now.isoformat()}",
            state.guild_id,
            state.channel_id,
            decided.list_at,
            priority=decided.floor,
            payload={"quiet": is_quiet},
        )
        done = await connection.execute(sa.insert(_o).values(**row).returning(_o.c.id))
        number = done.scalar_one()
    else:
        number = rollup.id
        edit_at = max(now, (rollup.edited_at or rollup.sent_at or now) + edit_interval)
        again = edit_at if rollup.message_id is not None else decided.list_at
        await connection.execute(
            sa.update(_o)
            .where(_o.c.id == number)
            .values(
                revision=_o.c.revision + 1,
                due_at=sa.func.coalesce(_o.c.due_at, sa.literal(again, schema.UtcTime())),
            )
        )
    for part in chunks(decided.list_):
        await connection.execute(sa.update(_o).where(_o.c.id.in_(part)).values(rollup=number, due_at=None))


async def _open(connection: AsyncConnection, channel_ids: Collection[int], now: datetime) -> dict[int, int]:
    """The roll-ups of channels that more can be added to, with their channels: not sent yet, or within this hour."""
    rollups: dict[int, int] = {}
    parameters = {"channels": list(channel_ids), "since": now - HOUR}
    for statement in (_UNSENT_ROLLUPS, _SENT_ROLLUPS):
        rows = await connection.execute(statement, parameters)
        rollups.update((row.id, row.channel_id) for row in rows)
    return rollups


async def listings(connection: AsyncConnection, rows: Collection[int]) -> dict[int, Listing]:
    """What these roll-ups list, by their row of the outbox."""
    result: dict[int, Listing] = {}
    for row in rows:
        listed = sa.and_(_o.c.rollup == row, _o.c.kind.in_((STORY, MEMBER)))
        count = await connection.scalar(sa.select(sa.func.count()).where(listed)) or 0
        biggest = await connection.execute(
            sa.select(_o.c.story).where(listed).order_by(_o.c.priority.desc(), _o.c.id).limit(LISTED)
        )
        payload = await connection.scalar(sa.select(_o.c.payload).where(_o.c.id == row))
        result[row] = Listing(tuple(biggest.scalars()), count, bool((payload or {}).get("quiet")))
    return result


async def look_again(connection: AsyncConnection, stories: Iterable[int], now: datetime) -> None:
    """These stories have changed: the roll-ups that list them are edited."""
    for part in chunks(stories):
        of_stories = among(connection, _o.c.story, part)
        listing = sa.select(_o.c.rollup).where(of_stories, _o.c.rollup.is_not(None))
        shown = sa.and_(_o.c.id.in_(listing), _o.c.sent_at > now - UPDATED, _o.c.closed.is_(False))
        due = sa.func.coalesce(_o.c.due_at, sa.literal(now + UPDATE_AFTER, schema.UtcTime()))
        await connection.execute(sa.update(_o).where(shown).values(revision=_o.c.revision + 1, due_at=due))


async def end_wait(connection: AsyncConnection, channel_id: int, at: datetime) -> None:
    """The quiet hours of a channel end at another time, or it may get more posts: so does the wait of what waits for that."""
    await end_waits(connection, {channel_id: at})


async def end_waits(connection: AsyncConnection, times: Mapping[int, datetime]) -> None:
    """The quiet hours of channels end at other times, as `end_wait`. Most have nothing that waits."""
    paced = sa.or_(_o.c.kind.in_((ROLLUP, ESCALATION)), _o.c.rollup.is_not(None))
    waits = sa.and_(_IS_UNSENT, paced, _o.c.closed.is_(False))
    for part in chunks(times):
        waiting = sa.select(_o.c.channel_id).where(_in_channels(part), waits, _o.c.due_at.is_not(None))
        for channel_id in (await connection.execute(waiting.distinct())).scalars().all():
            due = sa.and_(_in_channels([channel_id]), waits, _o.c.due_at > times[channel_id])
            await connection.execute(sa.update(_o).where(due).values(due_at=times[channel_id]))
