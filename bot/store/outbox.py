"""The outbox: every message that the bot owes or keeps up to date, one row each.

A row with `due_at` wants a worker: to be sent where it has no `message_id` yet, else to be edited.
A worker claims it with a lease, and settles it; a lease that runs out is claimed again. `revision`
counts the changes of what a row shows, so that one that came while it was being sent is not lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.decisions import Post
from bot.domain.posting.escalation import PostedState
from bot.domain.retry import (
    Drop,
    MessageForm,
    Outcome,
    Pause,
    Retry,
    SendStatus,
    Sent,
    Skip,
    Verdict,
    may_have_arrived,
)
from bot.store import queue, rephrasings, schema
from bot.store.conditions import has_value, is_unleased
from bot.store.queue import DueMessage, Lane
from bot.store.sql import chunks, insert_new, list_parameter, list_value

# Longer than a batch takes, shorter than the minutes for which Discord remembers a nonce.
LEASE = timedelta(minutes=2)
LONGEST_SEND = timedelta(seconds=60)  # with less of its lease left, no message is begun with
PER_CHANNEL = queue.PER_CHANNEL
FEW = 4  # rows that are mostly enough to see when there is work
MOST_POSTPONED = 100  # messages of a channel that one refusal postpones
HOUR = timedelta(hours=1)
PUBLISHED_AN_HOUR = 10  # https://discord.com/developers/docs/resources/message#crosspost-message
STORY = "story"
FIRST = "first"  # in the payload of a story: the topic of the new subscription that begins with it
DIGEST = "digest"
PUBLISH = "publish"
ROLLUP = "rollup"  # of stories that have no post of their own
THREAD = "thread"  # the thread of a post, or a message in it; see `story_threads`
ESCALATION = "escalation"  # a reply to a story's post, which says that the story has grown
PACED = (STORY, ESCALATION)  # what counts towards a channel's hourly limit
NOTICE = "notice"  # what is wrong with a source; like a digest it is written when it is made
MEMBER = "member"  # a story for one member, by an alert or because the member follows it
MEMBER_ROLLUP = "member_rollup"  # of the stories for which a member's alerts had no room
MEMBER_NOTICE = "member_notice"  # that a member's direct messages are closed
OF_ONE_STORY = (STORY, MEMBER)  # once the story is merged, the message points to that of the other one
FOR_MEMBERS = (MEMBER, MEMBER_ROLLUP, MEMBER_NOTICE)
AFTER_POSTS = -1  # the priority of messages for members

_o = schema.outbox
_IS_UNSENT, _IS_EDIT = sa.text(schema.IS_UNSENT), sa.text(schema.IS_EDIT)
_c = schema.channels
_l = schema.left_servers
# What can be delivered: its channel is not paused, and the bot is in its server. Asked of single rows: there may be many of either.
REACHABLE = sa.not_(
    sa.or_(
        sa.exists().where(_c.c.channel_id == _o.c.channel_id, _c.c.paused_reason != ""),
        sa.exists().where(_l.c.guild_id == _o.c.guild_id),
    )
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that a worker holds until its lease runs out. `claim` tells this hold from a later one.

    `in_doubt_since` is when a try was begun that may have made the message although nobody knows its id.
    `form` is what the message is made of, and `mentioned` are the roles that it named when it was sent. `webhook_id` is the
    webhook that made it, if the bot did not make it itself. `user_id` is the member whom it is for; where that is its channel's id too, it is a
    direct message. `digest_id` is the digest of the channel that the message is one of. `reply_to` is the row of the post that it replies to.
    """

    id: int
    kind: str
    nonce: str
    guild_id: int
    channel_id: int
    story: int | None
    priority: int
    payload: dict[str, Any] | None
    message_id: int | None
    thread_id: int | None
    shown: str
    created_at: datetime
    sent_at: datetime | None
    attempt: int
    claim: int
    revision: int
    lease_until: datetime
    in_doubt_since: datetime | None = None
    form: MessageForm = MessageForm.COMPONENTS
    mentioned: tuple[int, ...] = ()
    reply_to: int | None = None
    webhook_id: int | None = None
    user_id: int | None = None
    digest_id: int | None = None

    @property
    def is_direct(self) -> bool:
        """Whether it goes to a member, and not to a channel."""
        return self.user_id == self.channel_id


def is_claimed_as(claimed: Claimed) -> sa.ColumnElement[bool]:
    """The row of a claim, as long as no other worker has claimed it since."""
    return sa.and_(_o.c.id == claimed.id, _o.c.claims == claimed.claim)


def nonce_of(dedupe: str, now: datetime) -> str:
    """A message's nonce: stable over its tries, at most 25 characters, never another message's."""
    return hashlib.blake2b(f"{dedupe} {now.isoformat()}".encode(), digest_size=12).hexdigest()


def new_row(
    kind: str, name: str, guild_id: int, channel_id: int, now: datetime, **more: Any
) -> dict[str, Any]:
    """A row to insert. `name` makes it unique among its kind."""
    dedupe = f"{kind}:{name}"
    row = {
        "kind": kind,
        "dedupe": dedupe,
        "nonce": nonce_of(dedupe, now),
        "guild_id": guild_id,
        "channel_id": channel_id,
        "story": None,
        "payload": None,
        "priority": 0,
        "created_at": now,
        "due_at": now,
        "revision": 0,
        "attempts": 0,
        "claims": 0,
        "reason": "",
        "closed": False,
        "shown": "",
        "user_id": None,
        "rollup": None,
    }
    return row | more


def story_name(story: int, channel_id: int) -> str:
    """What makes a story's post unique: one per story and channel."""
    return f"{story}:{channel_id}"


def _post(row: sa.Row[Any], *, is_escalated: bool) -> Post:
    return Post(
        row.id,
        row.story,
        row.channel_id,
        row.sent_at,
        row.edited_at,
        row.message_id,
        row.closed,
        row.guild_id,
        PostedState(row.priority, tuple(row.mentioned or ())),
        is_escalated,
    )


# A merge can leave a channel with two rows of one story. The living one is the post, then one that was sent.
_POST_FIRST = (_o.c.closed, _o.c.message_id.is_(None), _o.c.id)


async def stories_with_posts(connection: AsyncConnection, numbers: Iterable[int]) -> frozenset[int]:
    """Those of these stories that have a post. Most stories that change have none: they are new."""
    parameters = {"numbers": list_value(connection, numbers)}
    statement = _stories_with_posts(connection.dialect.name)
    return frozenset((await connection.execute(statement, parameters)).scalars())


@cache
def _stories_with_posts(dialect: str) -> sa.Select[int]:
    (number,) = list_parameter(dialect, "numbers").subquery().c
    return sa.select(number).where(sa.exists().where(_o.c.kind == STORY, _o.c.story == number))


async def posts(
    connection: AsyncConnection, numbers: Iterable[int], among: sa.ColumnElement[bool] | None = None
) -> dict[tuple[int, int], Post]:
    """The posts of these stories, by story and channel. `among`: a condition that they fulfil besides."""
    posts_by_place: dict[tuple[int, int], Post] = {}
    for part in chunks(numbers):
        of_part = sa.select(_o).where(_o.c.kind == STORY, _o.c.story.in_(part))
        rows = (
            await connection.execute(
                (of_part if among is None else of_part.where(among)).order_by(*_POST_FIRST)
            )
        ).all()
        escalated = await _escalated(connection, part) if rows else set()
        for row in rows:
            place = (row.story, row.channel_id)
            posts_by_place.setdefault(place, _post(row, is_escalated=place in escalated))
    return posts_by_place


async def _escalated(connection: AsyncConnection, numbers: Sequence[int]) -> set[tuple[int, int]]:
    """The places where one of these stories, or one that was merged into it, was announced or is about to be."""
    s = schema.stories
    merged = sa.select(s.c.number).where(s.c.merged_into.in_(numbers))
    rows = await connection.execute(
        sa.select(_o.c.story, s.c.merged_into, _o.c.channel_id)
        .join(s, s.c.number == _o.c.story)
        .where(_o.c.kind == ESCALATION, sa.or_(_o.c.story.in_(numbers), _o.c.story.in_(merged)))
    )
    return {(number, row.channel_id) for row in rows for number in (row.story, row.merged_into) if number}


@dataclass(frozen=True, slots=True)
class RepliedPost:
    """A post that an escalation replies to: where it stands. `closed`: its message was deleted."""

    message_id: int | None
    thread_id: int | None
    closed: bool


async def replied_posts(connection: AsyncConnection, claimed: Iterable[Claimed]) -> dict[int, RepliedPost]:
    """The posts that these messages reply to, by their rows."""
    ids = [claim.reply_to for claim in claimed if claim.reply_to is not None]
    columns = sa.select(_o.c.id, _o.c.message_id, _o.c.thread_id, _o.c.closed)
    rows = (await connection.execute(columns.where(_o.c.id.in_(ids)))).all() if ids else []
    return {row.id: RepliedPost(row.message_id, row.thread_id, row.closed) for row in rows}


async def escalated_at(connection: AsyncConnection, post: int) -> datetime | None:
    """When a post was replied to because its story had grown; None if it was not."""
    sent_at: datetime | None = await connection.scalar(sa.select(_o.c.sent_at).where(_o.c.reply_to == post))
    return sent_at


async def enqueue(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Add one row made by `new_row`, unless it is there already."""
    await insert_new(connection, _o, [row], on=["dedupe"])


async def reopen(connection: AsyncConnection, row_id: int, priority: int, now: datetime) -> None:
    """Make a message due again that was given up before it was sent."""
    again = {"priority": priority, "due_at": now, "created_at": now}
    values = {**again, "closed": False, "attempts": 0, "reason": ""}
    await connection.execute(sa.update(_o).where(_o.c.id == row_id).values(**values))


# A row's columns that go by another name while a worker holds it.
_RENAMED = {"attempt": "attempts", "claim": "claims", "in_doubt_since": "begun_at"}
_HELD = tuple((field.name, _RENAMED.get(field.name, field.name)) for field in fields(Claimed))


def _claimed(row: sa.Row[Any], now: datetime) -> Claimed:
    values = {name: getattr(row, column) for name, column in _HELD}
    values |= {"form": MessageForm(row.form), "mentioned": tuple(row.mentioned or ())}
    if row.begun_at == now:  # this is the first try
        values["in_doubt_since"] = None
    return Claimed(**values)


async def _take(
    connection: AsyncConnection, ids: Sequence[int], now: datetime, busy: Collection[int], holder: str
) -> list[Claimed]:
    """Claim those of these rows that nobody else has claimed meanwhile, in their order."""
    if not ids:
        return []
    parameters = {
        "ids": list(ids),
        "now": now,
        "until": now + LEASE,
        "by": holder,
        "busy": list_value(connection, busy),
    }
    rows = await connection.execute(_take_rows(connection.dialect.name), parameters)
    claimed = {row.id: _claimed(row, now) for row in rows}
    return [claimed[row_id] for row_id in ids if row_id in claimed]


@cache
def _take_rows(dialect: str) -> sa.sql.dml.ReturningUpdate[Any]:
    now, until = (sa.bindparam(name, type_=schema.UtcTime()) for name in ("now", "until"))
    # Due, not held by a worker, and in a channel that is neither paused nor busy. It is asked again beside the lock: there it
    # is seen what another worker has stored meanwhile.
    ready = sa.select(_o.c.id).where(
        _o.c.id.in_(sa.bindparam("ids", expanding=True)),
        _o.c.due_at <= now,
        _o.c.closed.is_(False),
        is_unleased(_o.c.lease_until, now),
        REACHABLE,
        _o.c.channel_id.not_in(list_parameter(dialect, "busy")),
    )
    begun = sa.func.coalesce(_o.c.begun_at, now)
    # As a common table expression it is evaluated once. A subquery PostgreSQL may run again for every row,
    # and so take any number: the rows that it has just updated are skipped as locked.
    return (
        sa.update(_o)
        .where(_o.c.id.in_(sa.select(ready.with_for_update(skip_locked=True).cte("chosen").c.id)))
        .values(lease_until=until, attempts=_o.c.attempts + 1, claims=_o.c.claims + 1)
        .values(holder=sa.bindparam("by"), claimed_at=now)
        .values(begun_at=sa.case((_o.c.message_id.is_(None), begun)))
        .returning(_o)
    )


@dataclass(frozen=True, slots=True)
class Paced:
    """What was decided about stories that wait to be posted: the rows that are not to be sent now, and the channels that
    another transaction is about to change, of which nothing is sent now either.
    """

    withheld_rows: frozenset[int] = frozenset()
    locked_channels: frozenset[int] = frozenset()


# Decides about stories that wait to be posted in channels.
KeepPace = Callable[[AsyncConnection, Collection[int], datetime], Awaitable[Paced]]


async def _no_limit(_connection: AsyncConnection, _channel_ids: Collection[int], _now: datetime) -> Paced:
    """Everything is sent at once."""
    return Paced()


async def claim(
    connection: AsyncConnection,
    now: datetime,
    limit: int,
    busy: Collection[int] = (),
    holder: str = "",
    keep_pace: KeepPace = _no_limit,
    turn: int = 0,
    *,
    resting: Collection[int] = frozenset(),
    per_channel: int = PER_CHANNEL,
) -> list[Claimed]:
    """Take up to `limit` due messages, in a transaction of `Database.claiming`: those in doubt, then new posts, edits, digests, and
    messages for members.

    Of each, the biggest stories are first, then the oldest. `turn` is the number of the claim: in some another lane than that of the posts
    is first, see `queue.first_lane`. Nobody else gets them until the lease ends. Channels that are `busy` or `resting` are left out, and
    of the others up to `per_channel` messages are taken. `keep_pace` decides, in the same transaction, which stories channels have no
    room for: see `rollups.keep_pace`.
    """
    await queue.ripen(connection, now)
    limits = queue.ClaimLimits(limit, busy, resting, per_channel)
    checks = await queue.restock(connection, now, limits, publishes=False)
    more: dict[int, datetime] = {}
    claimed: list[Claimed] = []
    while candidates := await _candidates(connection, now, limits, queue.first_lane(turn), checks):
        channels = {row.channel_id for row in candidates if row.kind in PACED and row.message_id is None}
        paced = await keep_pace(connection, channels, now) if channels else Paced()
        chosen = [
            row.id
            for row in candidates
            if row.id not in paced.withheld_rows and row.channel_id not in paced.locked_channels
        ]
        claimed = await _take(connection, chosen, now, busy, holder)
        changed = channels - paced.locked_channels if paced.withheld_rows else set[int]()
        more |= dict.fromkeys({claim.channel_id for claim in claimed} | changed, now)
        if claimed or not (paced.withheld_rows or paced.locked_channels):
            break  # without any, another worker has taken them
        limits = replace(limits, busy={*limits.busy, *paced.locked_channels})
    await queue.store_checks(connection, checks, more, publishes=False)
    return claimed


async def _candidates(
    connection: AsyncConnection, now: datetime, limits: queue.ClaimLimits, first: Lane, checks: queue.Checks
) -> list[DueMessage]:
    """The rows to take next, those of the `first` lane before others."""
    if first is Lane.POST:
        return await queue.candidates(connection, now, limits, checks)
    candidates = await queue.candidates(connection, now, limits, checks, lane=first)
    taken = {row.id for row in candidates}
    if room := limits.limit - len(candidates):
        others = await queue.candidates(connection, now, limits, checks)
        candidates += [row for row in others if row.id not in taken][:room]
    return candidates


async def _published(
    connection: AsyncConnection, channel_ids: Collection[int], now: datetime
) -> dict[int, list[datetime]]:
    """Of each channel's hour of publishing: when what was spent of it is free again, the earliest first."""
    if not channel_ids:
        return {}
    columns = sa.select(_o.c.channel_id, _o.c.sent_at, _o.c.lease_until).where(_o.c.kind == PUBLISH)
    sent = columns.where(_o.c.channel_id.in_(list(channel_ids)), _o.c.sent_at > now - HOUR)
    on_its_way = columns.where(_o.c.lease_until > now, _o.c.sent_at.is_(None))
    free_at: dict[int, list[datetime]] = {}
    for rows in (sent, on_its_way):
        for channel_id, sent_at, lease_until in await connection.execute(rows):
            free_at.setdefault(channel_id, []).append(lease_until if sent_at is None else sent_at + HOUR)
    return {channel_id: sorted(times) for channel_id, times in free_at.items()}


def _room(times: Sequence[datetime], now: datetime) -> tuple[int, datetime]:
    """How many messages a channel may publish now, and when more, if these are published; `times` as `_published` has them."""
    free = PUBLISHED_AN_HOUR - len(times)
    room = max(0, min(PER_CHANNEL, free))
    if room < free:
        return room, now
    spent = sorted([*times, *[now + LEASE] * room])
    return room, spent[len(spent) - PUBLISHED_AN_HOUR]


async def claim_publishing(
    connection: AsyncConnection,
    now: datetime,
    limit: int,
    busy: Collection[int] = (),
    holder: str = "",
    *,
    resting: Collection[int] = frozenset(),
    per_channel: int = PER_CHANNEL,
    ripens: bool = True,
) -> list[Claimed]:
    """Take messages to publish to followers: the biggest first, as many a channel as its hour still allows.

    `busy`, `resting` and `per_channel` as in `claim`. With `ripens` False, a `claim` of this transaction has made ready what is due.
    """
    if ripens:
        await queue.ripen(connection, now)

    async def rooms(channel_ids: Collection[int]) -> Mapping[int, tuple[int, datetime]]:
        published = await _published(connection, channel_ids, now)
        return {channel_id: _room(published.get(channel_id, ()), now) for channel_id in channel_ids}

    limits = queue.ClaimLimits(limit, busy, resting, per_channel)
    checks = await queue.restock(connection, now, limits, publishes=True)
    candidates = await queue.candidates(connection, now, limits, checks, publishes=True, rooms=rooms)
    claimed = await _take(connection, [row.id for row in candidates], now, busy, holder)
    published = await _published(connection, {claim.channel_id for claim in claimed}, now)
    more = {claim.channel_id: _free_at(published.get(claim.channel_id, ()), now) for claim in claimed}
    await queue.store_checks(connection, checks, more, publishes=True)
    return claimed


def _free_at(times: Sequence[datetime], now: datetime) -> datetime:
    """When a channel may publish one message more; `times` as `_published` has them."""
    over = len(times) - PUBLISHED_AN_HOUR
    return now if over < 0 else times[over]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a message that was claimed."""

    claimed: Claimed
    outcome: Outcome
    verdict: Verdict

    def values(self, now: datetime, edit_interval: timedelta, *, is_changed: bool) -> dict[str, Any]:
        """What its row holds from now on. `is_changed`: what it shows has changed while it was on its way."""
        claimed, outcome, verdict = self.claimed, self.outcome, self.verdict
        values: dict[str, Any] = {"lease_until": None}
        values |= {} if outcome.form is None else {"form": outcome.form.value}
        if claimed.in_doubt_since is None and not may_have_arrived(outcome):
            values["begun_at"] = None
        again = verdict.again if isinstance(verdict, Sent) else None
        if is_changed:
            again = now + edit_interval  # once more, after the interval
        match verdict:
            case Sent():
                values |= self._sent(now) | {"due_at": again, "attempts": 0, "reason": ""}
            case Retry(at, reason):
                values |= {"due_at": at, "attempts": claimed.attempt, "reason": reason}
            case Skip(reason):
                values |= {"due_at": again, "attempts": 0, "reason": reason}
            case Drop(reason):
                # It may be wanted after all by what changed since it was claimed: look at it once more.
                is_wanted = outcome.result is SendStatus.STALE and is_changed
                values |= {"due_at": now if is_wanted else None, "closed": not is_wanted, "reason": reason}
            case Pause(reason):
                values |= {"attempts": 0, "reason": reason}
        return values

    def _sent(self, now: datetime) -> dict[str, Any]:
        claimed, outcome = self.claimed, self.outcome
        values: dict[str, Any] = {}
        if outcome.message_id is not None and claimed.message_id is None:
            values |= {"message_id": outcome.message_id, "thread_id": outcome.thread_id}
            values |= {"mentioned": list(outcome.roles), "webhook_id": outcome.webhook_id, "begun_at": None}
        if claimed.sent_at is None:
            values["sent_at"] = now
        elif outcome.shown != claimed.shown:
            values["edited_at"] = now
        return values | ({"shown": outcome.shown} if outcome.shown else {})


async def settle(
    connection: AsyncConnection,
    claimed: Claimed,
    outcome: Outcome,
    verdict: Verdict,
    now: datetime,
    edit_interval: timedelta,
) -> bool:
    """Store the result of a try. False if another worker has claimed the message meanwhile."""
    settled = await settle_all(connection, [Settlement(claimed, outcome, verdict)], now, edit_interval)
    return settled.get(claimed.id, False)


async def settle_all(
    connection: AsyncConnection,
    settlements: Collection[Settlement],
    now: datetime,
    edit_interval: timedelta,
    *,
    skip_locked: bool = False,
) -> dict[int, bool]:
    """Store the results of tries of different messages: by row, whether it was still claimed as it was.

    With `skip_locked`, rows that another transaction has locked are left out, as are those that are gone: whoever waits for one lock while
    it has others may wait for ever. A pause locks its channel first, see `queue`.
    """
    if paused := sorted({s.claimed.channel_id for s in settlements if isinstance(s.verdict, Pause)}):
        channels = sa.select(_c.c.channel_id).where(_c.c.channel_id.in_(paused)).order_by(_c.c.channel_id)
        await connection.execute(channels.with_for_update())
    by_row = {settlement.claimed.id: settlement for settlement in settlements}
    claims_of = _LOCKED_CLAIMS[skip_locked]
    settled: dict[int, bool] = {}
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row_id, claims, revision in await connection.execute(claims_of, {"ids": sorted(by_row)}):
        settlement = by_row[row_id]
        settled[row_id] = claims == settlement.claimed.claim
        if settled[row_id]:
            is_changed = revision != settlement.claimed.revision
            values = settlement.values(now, edit_interval, is_changed=is_changed)
            parameters = {f"new_{name}": value for name, value in values.items()}
            alike.setdefault(tuple(sorted(values)), []).append({"row": row_id, **parameters})
    for names, changes in alike.items():
        await connection.execute(_set(names), changes)
    # What was not published leaves room in its channel's hour.
    free = {
        s.claimed.channel_id: now
        for s in settlements
        if s.claimed.kind == PUBLISH and not isinstance(s.verdict, Sent)
    }
    await queue.check(connection, free, publishes=True)
    return settled


_claims = (
    sa.select(_o.c.id, _o.c.claims, _o.c.revision)
    .where(_o.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_o.c.id)
)
# By `skip_locked`.
_LOCKED_CLAIMS = {skipped: _claims.with_for_update(skip_locked=skipped) for skipped in (False, True)}


@cache
def _set(names: tuple[str, ...]) -> sa.Update:
    """Give a `row` new values of these columns, each as `new_` and its name."""
    new = {name: sa.bindparam(f"new_{name}", type_=_o.c[name].type) for name in names}
    return sa.update(_o).where(_o.c.id == sa.bindparam("row")).values(**new)


async def release(connection: AsyncConnection, claimed: Sequence[Claimed]) -> None:
    """Release claims that were not tried, as when the bot stops."""
    for part in chunks(claimed):
        pairs = sa.or_(*map(is_claimed_as, part))
        doubted = _o.c.id.in_([c.id for c in part if c.in_doubt_since is not None])
        values = {"attempts": _o.c.attempts - 1, "begun_at": sa.case((doubted, _o.c.begun_at))}
        await connection.execute(sa.update(_o).where(pairs).values(lease_until=None, **values))


async def postpone(connection: AsyncConnection, like: Claimed, until: datetime, now: datetime) -> None:
    """Postpone the due messages of a channel that need the same kind of request as `like`, `MOST_POSTPONED` at a time.

    Sending, editing and publishing have limits of their own there. Where more wait, the next refusal postpones them.
    """
    waits = sa.and_(_o.c.channel_id == like.channel_id, _o.c.due_at < until, _o.c.closed.is_(False))
    publishes = like.kind == PUBLISH
    waits = sa.and_(waits, _o.c.kind == PUBLISH if publishes else _o.c.kind != PUBLISH)
    stored: tuple[sa.ColumnElement[bool], ...] = (sa.and_(_IS_EDIT),)
    if like.message_id is None:
        stored = tuple(
            sa.and_(_IS_UNSENT, begun) for begun in (_o.c.begun_at.is_(None), _o.c.begun_at.is_not(None))
        )
    unleased = is_unleased(_o.c.lease_until, now)
    for rows in stored:
        first = sa.select(_o.c.id).where(rows, waits, unleased).order_by(_o.c.due_at).limit(MOST_POSTPONED)
        chosen = sa.select(first.with_for_update(skip_locked=True).cte("chosen").c.id)
        await connection.execute(sa.update(_o).where(_o.c.id.in_(chosen)).values(due_at=until))


async def next_due(
    connection: AsyncConnection, now: datetime, busy: Collection[int] = (), resting: Collection[int] = ()
) -> datetime | None:
    """When the next message wants a worker, who then finds one to claim; None where nothing waits. Busy and resting
    channels are left out, as in `claim`.

    Where more wait that cannot be claimed than it looks at, the worker comes too early, and puts them out of the way.
    """
    limits = queue.ClaimLimits(0, busy, resting)
    busy = {*busy, *resting}
    parameters = {"now": now, "left_out": list_value(connection, limits.left_out)}
    times: list[datetime] = []
    for page in _pages(connection.dialect.name):
        times += await _first_clear_at(connection, page, parameters, busy, limits.size)
        if times and min(times) <= now:
            return min(times)
    leased = (await connection.execute(_LEASED, {"now": now})).all()
    times += await _clear_at(connection, leased, now, busy)
    times += [at for _, at in await queue.next_checks(connection, busy, 1, publishes=False)]
    checks = await queue.next_checks(connection, busy, queue.SPARE, publishes=True)
    published = await _published(connection, {channel_id for channel_id, _ in checks}, now)
    # They were set before it was known what became of the messages that were on their way.
    times += [max(at, _free_at(published.get(channel_id, ()), now)) for channel_id, at in checks]
    times += [at for _, at in checks[queue.SPARE - 1 :]]  # there may be more
    return min(times, default=None)


_now = sa.bindparam("now", type_=schema.UtcTime())
_columns = sa.select(_o.c.channel_id, _o.c.kind, _o.c.due_at, _o.c.lease_until, REACHABLE.label("reachable"))
_LEASED = _columns.where(_o.c.lease_until > _now, _o.c.due_at.is_not(None), _o.c.closed.is_(False))


@cache
def _pages(dialect: str) -> tuple[sa.Select[*tuple[Any, ...]], ...]:
    """The rows that no worker holds, in each of the orders that an index has, without those of `left_out` channels."""
    left_out = list_parameter(dialect, "left_out")
    unleased = _columns.where(is_unleased(_o.c.lease_until, _now), _o.c.channel_id.not_in(left_out))
    unleased = unleased.limit(sa.bindparam("most", type_=sa.Integer))
    ready = unleased.where(queue.IS_READY).order_by(*queue.ORDER)
    by_lane = (ready.where(queue.of_lanes(publishes=publishes)) for publishes in (False, True))
    return (*by_lane, unleased.where(queue.IS_UNRIPE).order_by(_o.c.due_at))


async def _first_clear_at(
    connection: AsyncConnection,
    page: sa.Select[*tuple[Any, ...]],
    parameters: Mapping[str, Any],
    busy: Collection[int],
    most: int,
) -> list[datetime]:
    """When the first rows that can be claimed are claimed. Mostly they are among the very first, so few are read at first."""
    for size in (FEW, most):
        rows = (await connection.execute(page, {**parameters, "most": size})).all()
        clear = await _clear_at(connection, rows, parameters["now"], busy)
        if clear or len(rows) < size:
            return clear
    return [rows[-1].due_at]


async def _clear_at(
    connection: AsyncConnection,
    rows: Sequence[sa.Row[*tuple[Any, ...]]],
    now: datetime,
    busy: Collection[int],
) -> list[datetime]:
    """When each of these rows can be claimed, apart from those that cannot be."""
    clear = [row for row in rows if row.reachable and row.channel_id not in busy]
    published = await _published(connection, {row.channel_id for row in clear if row.kind == PUBLISH}, now)
    times: list[datetime] = []
    for row in clear:
        at = row.due_at if row.lease_until is None else max(row.due_at, row.lease_until)
        spent = published.get(row.channel_id, ()) if row.kind == PUBLISH else ()
        times.append(at if len(spent) < PUBLISHED_AN_HOUR else max(at, _free_at(spent, now)))
    return times


async def to_rephrase(connection: AsyncConnection, since: datetime, limit: int) -> list[Claimed]:
    """The posts of stories, sent since then, whose brief a model may put in other words: the newest, as workers claim them.

    Those for which that was done before are among them where they wait for an edit, which can carry a newer one. `+ 0`:
    a server's posts of all times are many more than those of the last hour, and so are a channel's.
    """
    wanted = sa.or_(_o.c.rephrased.is_(False), _o.c.due_at.is_not(None))
    somewhere = sa.or_(
        (_o.c.guild_id + 0).in_(rephrasings.SERVERS), (_o.c.channel_id + 0).in_(rephrasings.CHANNELS)
    )
    rows = await connection.execute(
        sa.select(_o)
        .where(_o.c.kind == STORY, _o.c.sent_at > since, somewhere)
        .where(_o.c.message_id.is_not(None), _o.c.closed.is_(False), wanted)
        .order_by(_o.c.sent_at.desc(), _o.c.id.desc())
        .limit(limit)
    )
    return [_claimed(row, since) for row in rows]


async def rephrased(connection: AsyncConnection, ids: Collection[int], now: datetime | None) -> None:
    """Note that a rephrasing was looked for; with `now`, have a post for which that is new show it with its next edit."""
    new = sa.and_(_o.c.id.in_(list(ids)), _o.c.rephrased.is_(False))
    edit = {} if now is None else {
        "due_at": sa.func.coalesce(_o.c.due_at, sa.literal(now, schema.UtcTime())),
        "revision": _o.c.revision + 1,
    }  # fmt: skip
    await connection.execute(sa.update(_o).where(new).values(rephrased=True, **edit))


async def post_in(
    connection: AsyncConnection, story: int, channel_id: int, *, guild_id: int = 0, user_id: int | None = None
) -> sa.Row[Any] | None:
    """The outbox row of a story in a channel; with a `user_id`, that for this member of the server."""
    place = sa.and_(_o.c.story == story, _o.c.channel_id == channel_id)
    is_post = sa.and_(_o.c.kind == STORY, place)
    if user_id is not None:
        is_post = sa.and_(_o.c.kind == MEMBER, place, _o.c.user_id == user_id, _o.c.guild_id == guild_id)
    return (await connection.execute(sa.select(_o).where(is_post).order_by(*_POST_FIRST).limit(1))).first()


async def had_first_posts(connection: AsyncConnection, channel_id: int, topic: str, since: datetime) -> bool:
    """Whether a subscription of this channel to this topic began with posts since then."""
    recent = sa.and_(_o.c.kind == STORY, _o.c.channel_id == channel_id, _o.c.created_at > since)
    rows = await connection.execute(sa.select(_o.c.payload).where(recent, _o.c.payload.is_not(None)))
    return any(payload and payload.get(FIRST) == topic for payload in rows.scalars())


def is_posted(post: sa.Row[Any] | None) -> bool:
    """Whether a story's row of the outbox has a message, or gets one."""
    if post is None or (post.sent_at is None and post.closed):
        return False
    return post.sent_at is not None or not is_listed(post)


def is_listed(post: sa.Row[Any]) -> bool:
    """Whether a story's row of the outbox has no message because a roll-up lists the story."""
    return post.rollup is not None and post.message_id is None and post.due_at is None


async def queue_length(connection: AsyncConnection, guild_id: int) -> int:
    """How many messages of a server wait to be sent or edited."""
    waiting = sa.and_(_o.c.guild_id == guild_id, _o.c.due_at.is_not(None), _o.c.closed.is_(False))
    return await connection.scalar(sa.select(sa.func.count()).select_from(_o).where(waiting)) or 0


async def given_up(
    connection: AsyncConnection, guild_id: int, since: datetime, limit: int = 5
) -> list[tuple[int, str]]:
    """The last messages of a server that were given up since then: channel and reason. Threads have `problems`."""
    recent = sa.and_(_o.c.guild_id == guild_id, _o.c.closed, _o.c.created_at >= since, _o.c.kind != THREAD)
    closed = sa.and_(recent, _o.c.user_id.is_(None))  # what members get is theirs to know
    last_first = sa.select(_o.c.channel_id, _o.c.reason).where(closed).order_by(_o.c.id.desc())
    rows = await connection.execute(last_first.limit(limit))
    return [(channel_id, reason) for channel_id, reason in rows]


async def forget(connection: AsyncConnection, *, withheld_before: datetime, closed_before: datetime) -> int:
    """Remove reasons noted before a time, and digests and publishings that were over before another."""
    # The posts of stories stay, and so do the replies to them and what stands in their threads: a story is told once in a channel, however long ago.
    # What was listed for a member was not sent itself.
    listed = sa.and_(_o.c.kind == MEMBER, _o.c.rollup.is_not(None))
    over = sa.or_(_o.c.closed, sa.and_(sa.or_(_o.c.sent_at.is_not(None), listed), _o.c.due_at.is_(None)))
    stays = sa.or_(_o.c.kind.in_(PACED), sa.and_(_o.c.kind == THREAD, _o.c.message_id.is_not(None)))
    old = sa.and_(sa.not_(stays), _o.c.created_at < closed_before, over)
    reasons = await connection.execute(
        sa.delete(schema.withheld_posts).where(schema.withheld_posts.c.at < withheld_before)
    )
    messages = await connection.execute(sa.delete(_o).where(old))
    return reasons.rowcount + messages.rowcount


async def kept_embeds(connection: AsyncConnection, guild_id: int | None = None) -> int:
    """How many messages of a server, or of all, keep the embeds of an earlier version because Discord refused the edit."""
    kept = sa.and_(_o.c.form == MessageForm.KEPT_EMBEDS.value, has_value(_o.c.guild_id, guild_id))
    return await connection.scalar(sa.select(sa.func.count()).select_from(_o).where(kept)) or 0
