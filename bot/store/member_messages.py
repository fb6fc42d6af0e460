"""Messages for one member of a server, as rows of the outbox: stories of alerts and of follows, and lists of more.

A member of a server gets one message of a story at most. It is edited like a post. The channel of a direct message is
the id of the member: Discord's id of the conversation is known only when it is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.alerts import DAY, Alert, AlertLimits, AlertMatch, Follow, room_for_alerts
from bot.domain.posting.recipients import SHARED, concerns
from bot.store import alerts, follows, outbox, schema
from bot.store.outbox import AFTER_POSTS, MEMBER, MEMBER_NOTICE, MEMBER_ROLLUP, new_row
from bot.store.sql import among, chunks, insert_new

ALERT = "alert"  # in the payload of a message: the id of the alert that it is of
HOME = "home"  # in the payload of a message: the channel in which its alert or follow was made
LANGUAGE = "language"  # in the payload of a message: the member's, by Discord's code
MORE = "more"  # in the payload of a list: how many matches it does not name
MOST_LISTED = 25  # stories that a list names
UPDATED = timedelta(days=2)  # after which a message follows its story no longer, unless its member does
UPDATE_AFTER = timedelta(minutes=1)  # so that reports that come together are one edit
LISTED = AFTER_POSTS - 1  # lists come after what they do not list

Member: TypeAlias = tuple[int, int]  # server, member

_o = schema.outbox
_a = schema.alerts
_f = schema.follows
_ch = schema.alert_channels
# Messages that were given up before they were sent, such as those of stories that were muted.
_GIVEN_UP = sa.and_(_o.c.closed, _o.c.message_id.is_(None), _o.c.begun_at.is_(None))
_r = schema.records
_s = schema.stories


def _now(now: datetime) -> sa.BindParameter[datetime]:
    return sa.literal(now, schema.UtcTime())


def _of_member(guild_id: int, user_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_o.c.user_id == user_id, _o.c.guild_id == guild_id)


# ------------------------------------------------------------------------------------------- alerts


async def alert(
    connection: AsyncConnection, matches: Sequence[AlertMatch], limits: AlertLimits, now: datetime
) -> int:
    """Queue the stories of records that alerts match: a story alerts a member once. Returns how many are sent or listed.

    What is over a member's limits is listed in one message. In a transaction of an intake, so that no story changes its
    number meanwhile and nobody else counts.
    """
    numbers = await _stories_of(connection, {match.record_id for match in matches})
    present = await alerts.by_id(connection, {match.alert.id for match in matches})
    by_member: dict[Member, dict[int, Alert]] = {}
    for match in matches:
        number = numbers.get(match.record_id)
        if number is not None and match.alert.id in present:
            member = (match.alert.guild_id, match.alert.user_id)
            by_member.setdefault(member, {}).setdefault(number, match.alert)
    had = await _had(connection, by_member, numbers.values())
    sent = await _sent(connection, by_member, now)
    rows: list[dict[str, Any]] = []
    count = 0
    for member, stories in by_member.items():
        new = [(number, of) for number, of in stories.items() if (*member, number) not in had]
        room = room_for_alerts(sent.get(member, ()), now, limits)
        rows += [_alert_row(of, number, now) for number, of in new[:room]]
        by_target: dict[int, list[tuple[int, Alert]]] = {}
        for number, of in new[room:]:
            by_target.setdefault(of.channel_id or of.user_id, []).append((number, of))
        for beyond in by_target.values():
            rows += await _list(connection, beyond, now)
        count += len(new)
    await _forget_unsent(connection, rows)
    await insert_new(connection, _o, rows, on=["dedupe"])
    return count


async def _forget_unsent(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Make room for rows whose names are those of messages that were given up before they were sent."""
    for part in chunks(row["dedupe"] for row in rows):
        await connection.execute(sa.delete(_o).where(_o.c.dedupe.in_(part), _GIVEN_UP))


async def _stories_of(connection: AsyncConnection, record_ids: Iterable[int]) -> dict[int, int]:
    """Record -> its story now, without removed records."""
    numbers: dict[int, int] = {}
    for part in chunks(record_ids):
        there = sa.and_(_r.c.id.in_(part), ~_r.c.removed, _r.c.story.is_not(None))
        numbers |= dict((await connection.execute(sa.select(_r.c.id, _r.c.story).where(there))).all())
    return numbers


async def _had(
    connection: AsyncConnection, members: Iterable[Member], numbers: Iterable[int]
) -> set[tuple[int, int, int]]:
    """Server, member and story of the messages that these members have, may have, or get of these stories."""
    had: set[tuple[int, int, int]] = set()
    stories = sorted(set(numbers))
    columns = sa.select(_o.c.guild_id, _o.c.user_id, _o.c.story)
    for part in chunks({user_id for _, user_id in members}):
        own = sa.and_(_o.c.user_id.in_(part), _o.c.kind == MEMBER, _o.c.story.in_(stories), ~_GIVEN_UP)
        had.update(
            (guild, user, story) for guild, user, story in await connection.execute(columns.where(own))
        )
    return had


async def _sent(
    connection: AsyncConnection, members: Iterable[Member], now: datetime
) -> dict[Member, list[datetime]]:
    """When the messages of members' alerts were made within a day; those that a list has are not among them."""
    recent = sa.and_(_o.c.kind == MEMBER, _o.c.created_at > now - DAY, _o.c.rollup.is_(None))
    columns = sa.select(_o.c.guild_id, _o.c.user_id, _o.c.created_at, _o.c.payload)
    sent: dict[Member, list[datetime]] = {}
    for part in chunks({user_id for _, user_id in members}):
        for guild, user, at, payload in await connection.execute(
            columns.where(recent, _o.c.user_id.in_(part))
        ):
            if ALERT in (payload or {}):
                sent.setdefault((guild, user), []).append(at)
    return sent


def _alert_row(of: Alert, number: int, now: datetime, listing: int | None = None) -> dict[str, Any]:
    return new_row(
        MEMBER,
        _name(of.guild_id, of.user_id, number, of.channel_id),
        of.guild_id,
        of.channel_id or of.user_id,
        now,
        story=number,
        priority=AFTER_POSTS,
        payload=_payload_of(of),
        user_id=of.user_id,
        rollup=listing,
        due_at=now if listing is None else None,
    )


def _payload_of(of: Alert) -> dict[str, Any]:
    return {ALERT: of.id, HOME: of.home_id, LANGUAGE: of.language}


def _name(guild_id: int, user_id: int, number: int, channel_id: int | None = None) -> str:
    """What makes the message of a story to a member unique."""
    return f"{guild_id}:{user_id}:{number}:{channel_id or ''}"


async def _list(
    connection: AsyncConnection, beyond: Sequence[tuple[int, Alert]], now: datetime
) -> list[dict[str, Any]]:
    """List stories for which a member's alerts had no room, all for the same place. Returns their rows.

    The list is that of the last day, or else a new one. It names `MOST_LISTED` stories and counts the other matches.
    """
    of = beyond[0][1]
    target = of.channel_id or of.user_id
    own = _of_member(of.guild_id, of.user_id)
    is_open = sa.and_(_o.c.kind == MEMBER_ROLLUP, _o.c.channel_id == target, _o.c.closed.is_(False))
    lists = sa.select(_o).where(own, is_open, _o.c.created_at > now - DAY).order_by(_o.c.id.desc()).limit(1)
    row = (await connection.execute(lists)).first()
    if row is None:
        made = new_row(
            MEMBER_ROLLUP,
            f"{of.guild_id}:{of.user_id}:{target}:{now.isoformat()}",
            of.guild_id,
            target,
            now,
            priority=LISTED,
            payload=_payload_of(of),
            user_id=of.user_id,
        )
        row = (await connection.execute(sa.insert(_o).values(**made).returning(_o))).one()
    listed = sa.select(sa.func.count()).select_from(_o).where(_o.c.rollup == row.id, _o.c.kind == MEMBER)
    room = max(0, MOST_LISTED - (await connection.scalar(listed) or 0))
    payload = dict(row.payload or {})
    payload[MORE] = payload.get(MORE, 0) + max(0, len(beyond) - room)
    again = now if row.sent_at is None else now + UPDATE_AFTER
    values = {"revision": _o.c.revision + 1, "due_at": sa.func.coalesce(_o.c.due_at, _now(again))}
    await connection.execute(sa.update(_o).where(_o.c.id == row.id).values(payload=payload, **values))
    return [_alert_row(of_story, number, now, row.id) for number, of_story in beyond[:room]]


# ------------------------------------------------------------------------------- what stories become


@dataclass(frozen=True, slots=True)
class StoryNews:
    """What an intake changes: by story, the servers for which it changes (0: all), and those for which it has more
    reports. `emptied`: nothing is left of these. `merged`: these go on as others.
    """

    changed: Mapping[int, Collection[int]]
    grown: Mapping[int, Collection[int]]
    emptied: Collection[int] = ()
    merged: Mapping[int, int] | None = None


async def tell(connection: AsyncConnection, news: StoryNews, now: datetime) -> None:
    """Bring what members have of these stories up to date, and send followers what is new to them.

    A message is edited for `UPDATED` after it was sent, and for as long as its member follows the story; one of a
    story of which nothing is left is edited in any case.
    """
    merged = news.merged or {}
    await _merge(connection, merged, now)
    numbers = set(news.changed) | set(news.emptied) | set(merged.values())
    if not numbers:
        return
    followed = await follows.of_stories(connection, numbers)
    grown = dict(news.grown) | {number: news.changed.get(number, SHARED) for number in merged.values()}
    fresh = [
        follow
        for follow in followed.values()
        if follow.story in grown and concerns(grown[follow.story], follow.guild_id)
    ]
    await _begin(connection, fresh, now)
    for part in chunks(numbers):
        of_stories = among(connection, _o.c.story, part)
        rows = await connection.execute(
            sa.select(_o).where(_o.c.kind == MEMBER, of_stories, _o.c.closed.is_(False))
        )
        concerned = [row for row in rows if concerns(news.changed.get(row.story, SHARED), row.guild_id)]
        due = [
            row.id
            for row in concerned
            if row.message_id is not None
            and (
                row.story in news.emptied
                or row.sent_at > now - UPDATED
                or (row.guild_id, row.user_id, row.story) in followed
            )
        ]
        await _edit(connection, due, now + UPDATE_AFTER)
        # One that is being sent may show what was before.
        unsent = [row.id for row in concerned if row.message_id is None]
        for some in chunks(unsent):
            await connection.execute(
                sa.update(_o).where(_o.c.id.in_(some)).values(revision=_o.c.revision + 1)
            )


async def _begin(connection: AsyncConnection, fresh: Sequence[Follow], now: datetime) -> None:
    """Queue the messages of followed stories that have news. One that was not sent because nothing was new is due again."""
    rows = [
        new_row(
            MEMBER,
            _name(follow.guild_id, follow.user_id, follow.story),
            follow.guild_id,
            follow.user_id,
            now,
            story=follow.story,
            priority=AFTER_POSTS,
            payload={HOME: follow.channel_id, LANGUAGE: follow.language},
            user_id=follow.user_id,
        )
        for follow in fresh
    ]
    had: set[tuple[int, int, int]] = set()
    for part in chunks({follow.story for follow in fresh}):
        direct = sa.and_(_o.c.kind == MEMBER, _o.c.story.in_(part), _o.c.channel_id == _o.c.user_id)
        waiting = await connection.execute(
            sa.select(_o.c.guild_id, _o.c.user_id, _o.c.story, _o.c.id, _o.c.message_id).where(direct)
        )
        followers = {(follow.guild_id, follow.user_id, follow.story) for follow in fresh}
        for guild_id, user_id, story, row_id, message_id in waiting.all():
            key = (guild_id, user_id, story)
            had.add(key)
            if key in followers and message_id is None:
                again = {"due_at": sa.func.coalesce(_o.c.due_at, _now(now)), "created_at": now}
                again |= {"closed": False, "attempts": 0, "revision": _o.c.revision + 1}
                await connection.execute(sa.update(_o).where(_o.c.id == row_id).values(**again))
    missing = [
        row
        for row, follow in zip(rows, fresh, strict=True)
        if (follow.guild_id, follow.user_id, follow.story) not in had
    ]
    await insert_new(connection, _o, missing, on=["dedupe"])


async def _edit(connection: AsyncConnection, ids: Iterable[int], at: datetime) -> None:
    for part in chunks(ids):
        values = {"revision": _o.c.revision + 1, "due_at": sa.func.coalesce(_o.c.due_at, _now(at))}
        await connection.execute(sa.update(_o).where(_o.c.id.in_(part)).values(**values))


async def _merge(connection: AsyncConnection, merged: Mapping[int, int], now: datetime) -> None:
    """Stories go on as others: follows and messages that were not sent yet move with them, and sent ones are looked at.

    A member who has a message of both keeps one, and the other says where the story goes on.
    """
    if not merged:
        return
    await follows.move(connection, merged)
    old, new = sa.bindparam("old", type_=schema.ID), sa.bindparam("new", type_=schema.ID)
    of_old = sa.and_(_o.c.kind == MEMBER, _o.c.story == old)
    other = _o.alias("other")
    has_other = sa.exists().where(
        other.c.kind == MEMBER,
        other.c.story == new,
        other.c.user_id == _o.c.user_id,
        other.c.guild_id == _o.c.guild_id,
        sa.or_(~other.c.closed, other.c.message_id.is_not(None), other.c.begun_at.is_not(None)),
    )
    unsent = sa.and_(of_old, _o.c.message_id.is_(None))
    moved = sa.update(_o).where(unsent, ~has_other).values(story=new, revision=_o.c.revision + 1)
    await connection.execute(moved, [{"old": number, "new": into} for number, into in merged.items()])
    sent = sa.and_(of_old, _o.c.message_id.is_not(None), _o.c.closed.is_(False))
    again = {"revision": _o.c.revision + 1, "shown": "", "due_at": sa.func.coalesce(_o.c.due_at, _now(now))}
    await connection.execute(
        sa.update(_o).where(sent).values(**again), [{"old": number} for number in merged]
    )


async def look_again(
    connection: AsyncConnection, guild_id: int, user_id: int, story: int, now: datetime
) -> None:
    """Edit what a member has of a story: the member began to follow it, or stopped.

    A direct message that was given up is brought up to date again: the member may accept direct messages by now.
    """
    direct = sa.and_(_of_member(guild_id, user_id), _o.c.channel_id == user_id, _o.c.message_id.is_not(None))
    again = {"closed": False, "attempts": 0}
    await connection.execute(
        sa.update(_o).where(direct, _o.c.kind == MEMBER, _o.c.story == story).values(**again)
    )
    sent = sa.and_(_o.c.kind == MEMBER, _o.c.story == story, _o.c.message_id.is_not(None))
    rows = await connection.execute(
        sa.select(_o.c.id).where(_of_member(guild_id, user_id), sent, _o.c.closed.is_(False))
    )
    await _edit(connection, rows.scalars().all(), now)


async def home_of(connection: AsyncConnection, guild_id: int, user_id: int, story: int) -> int | None:
    """The channel in which a member asked for the direct message of a story, or of one that was merged into it."""
    numbers = sa.select(_s.c.number).where(sa.or_(_s.c.number == story, _s.c.merged_into == story))
    direct = sa.and_(_o.c.kind == MEMBER, _o.c.channel_id == user_id, _of_member(guild_id, user_id))
    rows = await connection.execute(
        sa.select(_o.c.payload).where(direct, _o.c.story.in_(numbers)).order_by(_o.c.id.desc())
    )
    return next((payload[HOME] for payload in rows.scalars() if payload), None)


# ------------------------------------------------------------------------------------------- endings


async def forget_member(connection: AsyncConnection, guild_id: int, user_id: int) -> None:
    """A member left the server: alerts, follows and messages go."""
    await alerts.remove(connection, sa.and_(_a.c.guild_id == guild_id, _a.c.user_id == user_id))
    await follows.remove(connection, sa.and_(_f.c.guild_id == guild_id, _f.c.user_id == user_id))
    await connection.execute(sa.delete(_o).where(_of_member(guild_id, user_id)))


async def forget_alert(connection: AsyncConnection, guild_id: int, user_id: int, alert_id: int) -> None:
    """An alert was deleted: what of it was neither sent nor listed goes."""
    listing = _o.alias("listing")
    sent_lists = sa.select(listing.c.id).where(listing.c.user_id == user_id, listing.c.sent_at.is_not(None))
    listed = sa.and_(_o.c.rollup.is_not(None), _o.c.rollup.in_(sent_lists))
    unsent = sa.and_(_o.c.kind == MEMBER, _o.c.message_id.is_(None), _o.c.begun_at.is_(None), ~listed)
    own = sa.and_(_of_member(guild_id, user_id), unsent)
    rows = await connection.execute(sa.select(_o.c.id, _o.c.payload).where(own))
    ids = [row_id for row_id, payload in rows if (payload or {}).get(ALERT) == alert_id]
    for part in chunks(ids):
        await connection.execute(sa.delete(_o).where(_o.c.id.in_(part)))


async def forget_servers(connection: AsyncConnection, guild_ids: Collection[int]) -> None:
    """The bot has left these servers: all that their members had goes."""
    ids = list(guild_ids)
    await alerts.remove(connection, _a.c.guild_id.in_(ids))
    await follows.remove(connection, _f.c.guild_id.in_(ids))
    await connection.execute(sa.delete(_ch).where(_ch.c.guild_id.in_(ids)))
    await connection.execute(sa.delete(_o).where(_o.c.guild_id.in_(ids), _o.c.user_id.is_not(None)))


async def close_channel(connection: AsyncConnection, channel_id: int) -> int:
    """Alerts mention nobody in a channel any more, nor does a list that waits. Returns how many alerts that ends."""
    unsent = sa.and_(_o.c.kind == MEMBER_ROLLUP, _o.c.message_id.is_(None), _o.c.begun_at.is_(None))
    await connection.execute(sa.delete(_o).where(_o.c.channel_id == channel_id, unsent))
    return await alerts.close_channel(connection, channel_id)


async def forget_channel(connection: AsyncConnection, channel_id: int) -> None:
    """A channel was deleted: alerts that went there, and follows that began there, end."""
    await close_channel(connection, channel_id)
    await follows.remove(connection, _f.c.channel_id == channel_id)


async def stop_direct_messages(
    connection: AsyncConnection, guild_id: int, user_id: int, payload: Mapping[str, Any], now: datetime
) -> None:
    """A member's direct messages are closed: what would come by them ends, which one notice in a channel says.

    The notice is a row like any other, and no second one is made as long as it is there: a month. `payload` is that of the
    message that was refused.
    """
    own = sa.and_(_a.c.guild_id == guild_id, _a.c.user_id == user_id)
    await alerts.remove(connection, sa.and_(own, _a.c.channel_id.is_(None)))
    await follows.remove(connection, sa.and_(_f.c.guild_id == guild_id, _f.c.user_id == user_id))
    direct = sa.and_(_of_member(guild_id, user_id), _o.c.channel_id == _o.c.user_id)
    await connection.execute(sa.update(_o).where(direct).values(due_at=None, closed=True))
    if home_id := payload.get(HOME):
        row = new_row(
            MEMBER_NOTICE,
            f"{guild_id}:{user_id}",
            guild_id,
            home_id,
            now,
            priority=AFTER_POSTS,
            payload={LANGUAGE: payload.get(LANGUAGE, "")},
            user_id=user_id,
        )
        await outbox.enqueue(connection, row)
