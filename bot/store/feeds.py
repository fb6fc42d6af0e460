"""Feeds: the sources that are polled, when each is due, and how its last polls went."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.polling import Feed, FeedOrigin, NewFeed, Polling
from bot.domain.records.identity import canonical
from bot.domain.text.cleaning import clip
from bot.domain.text.words import name_key
from bot.domain.topics.query.meter import Label
from bot.store import quotas, schema, sources
from bot.store.conditions import is_unleased
from bot.store.servers import LEFT
from bot.store.sources import SourceState, state_of
from bot.store.sql import chunks, lock

KIND = "feed"
# Longer than what was looked up ahead takes, shorter than anybody misses the feeds of a process that crashed.
LEASE = timedelta(minutes=10)
LONGEST_POLL = timedelta(minutes=2)  # with less of its lease left, no poll is begun with

_f = schema.feeds
_s = schema.sources
_c = schema.channels
_fw = schema.forwards
_rt = schema.record_topics
_r = schema.records


_COLUMNS = (
    _f,
    _s.c.intake_done,
    _s.c.last_success,
    _s.c.last_error,
    _s.c.taken,
    _s.c.rejected,
)


def _feed(row: sa.Row[Any]) -> Feed:
    return Feed(
        source_id=row.source_id,
        guild_id=row.guild_id,
        address=row.address,
        url=row.url,
        name=row.name,
        title=row.title,
        topics=tuple(row.topics),
        quality=row.quality,
        origin=FeedOrigin(row.origin),
        polled_at=row.polled_at,
        polling=Polling(
            timedelta(seconds=row.interval), row.next_poll, row.failures, row.failing_since, row.warned
        ),
        intake_done=row.intake_done,
        last_success=row.last_success,
        last_error=row.last_error,
        taken=row.taken,
        rejected=row.rejected,
    )


def _select() -> sa.Select[Any]:
    return sa.select(*_COLUMNS).join(_s, _s.c.id == _f.c.source_id)


def source_name(address: str, guild_id: int) -> str:
    """What makes a feed a source of its own."""
    return f"{KIND}:{guild_id}:{address}" if guild_id else f"{KIND}:{address}"


async def all_feeds(connection: AsyncConnection, guild_id: int | None = None) -> list[Feed]:
    """Every feed, or those that a server added itself (0: shared), as they were added."""
    statement = _select().order_by(_f.c.source_id)
    if guild_id is not None:
        statement = statement.where(_f.c.guild_id == guild_id)
    return [_feed(row) for row in await connection.execute(statement)]


async def find(connection: AsyncConnection, address: str, guild_id: int) -> Feed | None:
    """The feed with that address, original or current; otherwise one whose address is the same in canonical form."""
    return with_address(await all_feeds(connection, guild_id), address)


def with_address(feeds_of_server: Sequence[Feed], address: str) -> Feed | None:
    """The one among these feeds, as `find`."""
    exact = next((feed for feed in feeds_of_server if address in (feed.address, feed.url)), None)
    if exact is not None:
        return exact
    page = canonical(address)
    return next(
        (feed for feed in feeds_of_server if page in (canonical(feed.address), canonical(feed.url))), None
    )


async def get(connection: AsyncConnection, source_id: int) -> Feed:
    """The feed of that source."""
    return _feed((await connection.execute(_select().where(_f.c.source_id == source_id))).one())


async def add(connection: AsyncConnection, feed: NewFeed, interval: timedelta, now: datetime) -> int:
    """Add a feed, or update its declared name, topics and quality. Returns the id of its source.

    In a transaction of `Database.intake`: it locks rows of several tables, as the storing of polls does. So do `configure`
    and `remove`.
    """
    state = await sources.ensure(connection, source_name(feed.address, feed.guild_id), KIND)
    declared: dict[str, Any] = {
        "name": feed.name,
        "topics": list(feed.topics),
        "quality": feed.quality,
        "origin": feed.origin,
    }
    if await connection.scalar(sa.select(_f.c.source_id).where(_f.c.source_id == state.id)) is not None:
        # One that was stopped is tried again.
        declared["next_poll"] = sa.func.coalesce(_f.c.next_poll, now)
        await connection.execute(sa.update(_f).where(_f.c.source_id == state.id).values(**declared))
        return state.id
    row = declared | {
        "source_id": state.id,
        "guild_id": feed.guild_id,
        "address": feed.address,
        "url": feed.address,
        "title": feed.title,
        "added_at": now,
        "added_by": feed.added_by,
        "interval": int(interval.total_seconds()),
        "next_poll": now,
        "failures": 0,
        "warned": False,
    }
    await connection.execute(sa.insert(_f).values(**row))
    await quotas.add(connection, "feeds", {feed.guild_id: 1})
    # One that was followed before begins anew: what it brought meanwhile is no news now.
    await sources.begin_anew(connection, state.id)
    return state.id


async def configure(
    connection: AsyncConnection, new_feeds: Iterable[NewFeed], interval: timedelta, now: datetime
) -> None:
    """Make the feeds of the config and of the catalogue exactly these.

    What was added otherwise stays as it is, unless the config has it too: then that counts from now on.
    """
    new_feeds = list(new_feeds)
    await lock(connection, _f.c.source_id, await _shared(connection))
    configured = {canonical(feed.address) for feed in new_feeds if feed.origin is FeedOrigin.CONFIG}
    rows = await connection.execute(
        sa.select(_f.c.source_id, _f.c.address, _f.c.name, _f.c.topics, _f.c.quality, _f.c.origin).where(
            _f.c.guild_id == 0
        )
    )
    before: dict[str, tuple[int, Any]] = {}
    added: set[str] = set()
    for row in rows:
        if row.origin in (FeedOrigin.CONFIG, FeedOrigin.CATALOGUE) or canonical(row.address) in configured:
            settings = (row.name, tuple(row.topics), row.quality, row.origin)
            before[row.address] = (row.source_id, settings)
        else:
            added.add(canonical(row.address))
    declared = {feed.address: feed for feed in new_feeds if canonical(feed.address) not in added}
    for address, feed in declared.items():
        if address not in before or before[address][1] != (feed.name, feed.topics, feed.quality, feed.origin):
            await add(connection, feed, interval, now)
    removed_ids = [source_id for address, (source_id, _) in before.items() if address not in declared]
    await remove(connection, removed_ids)


async def _shared(connection: AsyncConnection) -> Sequence[int]:
    return (await connection.execute(sa.select(_f.c.source_id).where(_f.c.guild_id == 0))).scalars().all()


async def remove(connection: AsyncConnection, source_ids: Sequence[int]) -> None:
    """Remove these feeds, with what of them waits in the inbox. Their records stay."""
    await lock(connection, _f.c.source_id, source_ids)
    for part in chunks(source_ids):
        removed = sa.delete(_f).where(_f.c.source_id.in_(part)).returning(_f.c.guild_id)
        servers = Counter((await connection.execute(removed)).scalars())
        await quotas.add(connection, "feeds", {guild_id: -count for guild_id, count in servers.items()})


async def states(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, SourceState]:
    """Those of the feeds that are followed still, as sources."""
    states_by_id: dict[int, SourceState] = {}
    for part in chunks(ids):
        rows = await connection.execute(sa.select(_s).join(_f).where(_f.c.source_id.in_(part)))
        states_by_id |= {row.id: state_of(row) for row in rows}
    return states_by_id


async def states_of_all(connection: AsyncConnection, guild_id: int | None = None) -> dict[str, int]:
    """How many feeds (a server's, 0: shared, None: all) there are of each state: fine, new, failing, stopped."""
    state = sa.case(
        (_f.c.next_poll.is_(None), "stopped"),
        (_f.c.failures > 0, "failing"),
        (_f.c.polled_at.is_(None), "new"),
        else_="fine",
    )
    counts = dict.fromkeys(("fine", "new", "failing", "stopped"), 0)
    counted = sa.select(state, sa.func.count()).group_by(state)
    if guild_id is not None:
        counted = counted.where(_f.c.guild_id == guild_id)
    return counts | dict((await connection.execute(counted)).all())


async def catalogue(connection: AsyncConnection) -> dict[int, tuple[str, ...]]:
    """The topics of each catalogue feed, by source id."""
    rows = await connection.execute(
        sa.select(_f.c.source_id, _f.c.topics).where(_f.c.origin == FeedOrigin.CATALOGUE)
    )
    return {row.source_id: tuple(row.topics) for row in rows}


async def topic_lists(connection: AsyncConnection, guild_id: int) -> Counter[tuple[str, ...]]:
    """What feeds, the shared ones and a server's own, are about: how many feeds there are of each list of topics."""
    written = sa.cast(_f.c.topics, sa.Text)
    counted = sa.select(written, sa.func.count()).where(_f.c.guild_id.in_((0, guild_id))).group_by(written)
    return Counter({tuple(json.loads(names)): count for names, count in await connection.execute(counted)})


async def unread_topic_lists(connection: AsyncConnection, guild_id: int) -> list[tuple[str, ...]]:
    """What those feeds are about, of all that a server sees, that are still to be read for the first time and do not fail."""
    unread = sa.and_(~_s.c.intake_done, _f.c.failures == 0, _f.c.next_poll.is_not(None))
    rows = await connection.execute(
        sa.select(_f.c.topics)
        .join(_s, _s.c.id == _f.c.source_id)
        .where(unread, _f.c.guild_id.in_((0, guild_id)))
    )
    return [tuple(names) for names in rows.scalars()]


async def about(connection: AsyncConnection, guild_id: int) -> Counter[str]:
    """How many feeds, the shared ones and a server's own, are about each topic (as `name_key` gives them)."""
    feed_counts: Counter[str] = Counter()
    for names, count in (await topic_lists(connection, guild_id)).items():
        for name in names:
            feed_counts[name_key(name)] += count
    return feed_counts


async def working(connection: AsyncConnection) -> dict[int, tuple[str, ...]]:
    """The topics of each shared feed whose last poll succeeded, by source id."""
    fine = sa.and_(_f.c.guild_id == 0, _f.c.failures == 0, _s.c.last_success.is_not(None))
    rows = await connection.execute(
        sa.select(_f.c.source_id, _f.c.topics).join(_s, _s.c.id == _f.c.source_id).where(fine)
    )
    return {row.source_id: tuple(row.topics) for row in rows}


async def by_id(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, Feed]:
    """Feeds by their sources' ids."""
    feeds_by_id: dict[int, Feed] = {}
    for part in chunks(ids):
        rows = await connection.execute(_select().where(_f.c.source_id.in_(part)))
        feeds_by_id |= {row.source_id: _feed(row) for row in rows}
    return feeds_by_id


def _pollable(followed: Collection[int]) -> sa.ColumnElement[bool]:
    in_use = sa.or_(_f.c.origin != FeedOrigin.CATALOGUE, _f.c.source_id.in_(followed))
    # Where no channel follows anything, or all are paused, nobody reads: the bot may have been removed.
    reading = sa.select(_c.c.guild_id).where(_c.c.paused_reason == "", _c.c.guild_id.not_in(LEFT))
    server = _f.c.guild_id + 0  # what is due is found by its time: nearly all feeds are shared
    forwarding = sa.select(_fw.c.guild_id).where(_fw.c.off_at.is_(None), _fw.c.guild_id.not_in(LEFT))
    has_readers = sa.or_(server == 0, server.in_(reading), server.in_(forwarding))
    return sa.and_(_f.c.next_poll.is_not(None), in_use, has_readers)


def _ready(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_f.c.next_poll <= now, is_unleased(_f.c.lease_until, now))


async def due(
    connection: AsyncConnection, now: datetime, followed: Collection[int], limit: int
) -> list[Feed]:
    """The feeds that anybody may poll now, the longest waiting first: of the catalogue those in `followed`."""
    ready = sa.and_(_ready(now), _pollable(followed))
    statement = _select().where(ready).order_by(_f.c.next_poll, _f.c.source_id).limit(limit)
    return [_feed(row) for row in await connection.execute(statement)]


async def claim(connection: AsyncConnection, ids: Sequence[int], now: datetime, holder: str = "") -> set[int]:
    """Take those of these feeds that are due still; nobody else gets them until `settle`, or until `LEASE` has passed.

    `holder` is the process that takes them, see `give_back`.
    """
    taken: set[int] = set()
    for part in chunks(ids):
        claimable = sa.select(_f.c.source_id).where(_f.c.source_id.in_(part), _ready(now))
        # As in `outbox.claim`: what another process takes at the same moment is skipped, not waited for.
        chosen = sa.select(claimable.with_for_update(skip_locked=True).cte("chosen").c.source_id)
        statement = (
            sa.update(_f).where(_f.c.source_id.in_(chosen)).values(lease_until=now + LEASE, holder=holder)
        )
        taken.update((await connection.execute(statement.returning(_f.c.source_id))).scalars())
    return taken


async def release(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Give feeds back that were claimed and not polled: they are due still."""
    for part in chunks(ids):
        await connection.execute(sa.update(_f).where(_f.c.source_id.in_(part)).values(lease_until=None))


async def give_back(connection: AsyncConnection, holder: str) -> int:
    """Make feeds due again that were claimed by a process that is gone. Returns how many."""
    leased = sa.and_(_f.c.lease_until.is_not(None), _f.c.holder == holder)
    return (await connection.execute(sa.update(_f).where(leased).values(lease_until=None))).rowcount


async def next_due(connection: AsyncConnection, followed: Collection[int]) -> datetime | None:
    """When the next feed is due. A leased feed is due when its lease ends."""
    leased = sa.case((_f.c.lease_until > _f.c.next_poll, _f.c.lease_until), else_=_f.c.next_poll)
    earliest = sa.func.min(leased, type_=schema.UtcTime)
    due_at: datetime | None = await connection.scalar(sa.select(earliest).where(_pollable(followed)))
    return due_at


@dataclass(frozen=True, slots=True)
class SettledPoll:
    """What to keep of a poll. `moved` is the new address where the feed has one for good."""

    source_id: int
    polling: Polling
    error: str = ""
    title: str = ""
    moved: str = ""


async def after_clock_change(connection: AsyncConnection, now: datetime) -> None:
    """Make feeds due that were polled in what is the future now that the clock was set back, and end their leases."""
    stopped = _f.c.next_poll.is_(None)
    ahead = sa.or_(_f.c.polled_at > now, _f.c.lease_until > now + LEASE)
    values = {"next_poll": sa.case((stopped, None), else_=now), "polled_at": now, "lease_until": None}
    await connection.execute(sa.update(_f).where(ahead).values(values))


async def hasten(connection: AsyncConnection, since: datetime, now: datetime) -> None:
    """Make feeds due that have failed since then, in an outage that is over: each waits for hours."""
    failed = sa.and_(_f.c.failing_since >= since, _f.c.next_poll > now)
    await connection.execute(sa.update(_f).where(failed).values(next_poll=now))


async def settle(connection: AsyncConnection, settled: Sequence[SettledPoll], now: datetime) -> None:
    """Store the results of polls, in the transaction that stores their records.

    Locks the rows of all feeds, and then those of all sources, in the order of their ids.
    """
    if not settled:
        return
    ids = [s.source_id for s in settled]
    await lock(connection, _f.c.source_id, ids)
    await lock(connection, _s.c.id, ids)
    p = sa.bindparam
    rows = [
        {
            "of": s.source_id,
            "to_interval": int(s.polling.interval.total_seconds()),
            "to_next": s.polling.next_poll,
            "to_failures": s.polling.failures,
            "to_since": s.polling.failing_since,
            "to_warned": s.polling.warned,
            "to_title": s.title,
            "to_url": s.moved,
            "at": now,
        }
        for s in settled
    ]
    statement = (
        sa.update(_f)
        .where(_f.c.source_id == p("of"))
        .values(
            interval=p("to_interval"),
            next_poll=p("to_next"),
            failures=p("to_failures"),
            failing_since=p("to_since"),
            warned=p("to_warned"),
            lease_until=sa.null(),
            polled_at=p("at"),
            title=sa.case(
                (p("to_title", type_=sa.Text) != "", p("to_title", type_=sa.Text)), else_=_f.c.title
            ),
            url=sa.case((p("to_url", type_=sa.Text) != "", p("to_url", type_=sa.Text)), else_=_f.c.url),
        )
    )
    await connection.execute(statement, rows)
    failed = [{"of": s.source_id, "why": clip(s.error, 500), "at": now} for s in settled if s.error]
    if failed:
        statement = sa.update(_s).where(_s.c.id == p("of")).values(last_error=p("why"), last_error_at=p("at"))
        await connection.execute(statement, failed)
    fine = [s.source_id for s in settled if not s.error]
    for part in chunks(fine):
        values = {"last_success": now, "last_error": "", "last_error_at": None}
        await connection.execute(sa.update(_s).where(_s.c.id.in_(part)).values(**values))


async def mark_warned(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Whoever depends on these feeds was told that they fail."""
    for part in chunks(ids):
        await connection.execute(sa.update(_f).where(_f.c.source_id.in_(part)).values(warned=True))


async def topics_from(connection: AsyncConnection, source_id: int, since: datetime) -> set[Label]:
    """The topics of the records that a source brought since then, server topics included."""
    rows = await connection.execute(
        sa.select(schema.topics.c.guild_id, schema.topics.c.name)
        .distinct()
        .join(_rt, _rt.c.topic_id == schema.topics.c.id)
        .join(_r, _r.c.id == _rt.c.record_id)
        .where(_r.c.source_id == source_id, _r.c.first_seen >= since)
    )
    return {(guild_id, name) for guild_id, name in rows}
