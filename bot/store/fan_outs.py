"""Carries out what was decided about a story for most channels at once: one statement for each kind of row.

`bot.domain.posting.fan_out` is the decision. No subscription is read here but those that follow a topic of the story, and
of these no more than a story of its size may reach: `ix_subscriptions_followers` has all that is read of them. The number of
statements depends neither on the stories of a batch nor on the channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mode, StorySize, Subscription, Volume
from bot.domain.posting.decisions import Post, PostingSettings, Reason, channels_of
from bot.domain.posting.fan_out import Apart, FanOut, SharedDecision
from bot.domain.posting.volume import least_size
from bot.domain.text.words import name_key
from bot.domain.topics.query.meter import Label
from bot.domain.topics.topics import Topics
from bot.store import outbox, schema, subscriptions, topics
from bot.store.conditions import is_live_story
from bot.store.decisions import GROWN, UNSENT, edited, edited_reply
from bot.store.servers import LEFT
from bot.store.sql import insert, later, list_parameter, list_value, listed, rows_as_table

_o = schema.outbox
_s = schema.subscriptions
_m = schema.mutes
_st = schema.stories
_w = schema.withheld_posts

_NOTABLE = Volume.NOTABLE.value


def _mutes_something(guild_id: Any, channel_id: Any) -> sa.Exists:
    """Whether a channel, or its server, mutes something."""
    in_channel = sa.and_(_m.c.guild_id == guild_id, _m.c.channel_id.in_((0, channel_id)))
    return sa.exists().where(in_channel).correlate_except(_m)


def _name(story: Any, channel_id: Any) -> Any:
    """What makes a story's post unique, as `outbox.new_row` names it."""
    text = sa.cast(story, sa.Text) + ":" + sa.cast(channel_id, sa.Text)
    return sa.literal(f"{outbox.STORY}:") + text


def _nonce(connection: AsyncConnection, story: Any, channel_id: Any) -> Any:
    """The nonce of a story's post: 8 hexadecimal digits of the story, and 16 of the channel.

    There is one post for both, so no other message has it, and each database can compute it. Should a row be deleted and
    made again within the minutes for which Discord remembers nonces, Discord returns the message that is there.
    """
    if connection.dialect.name == "postgresql":
        digits = ((story, 8), (channel_id, 16))
        first, second = (sa.func.lpad(sa.func.to_hex(n), length, "0", type_=sa.Text) for n, length in digits)
        return first + second
    return sa.func.printf("%08x%016x", story, channel_id)


# Loading what is apart.


async def apart(connection: AsyncConnection, fan_outs: Sequence[FanOut], edited_since: datetime) -> Apart:
    """The channels and posts that are decided about one by one. Posts sent before `edited_since` announce nothing."""
    if not fan_outs:
        return Apart()
    ids = await _topic_ids(connection, fan_outs)
    every_id = {topic_id for of_story in ids.values() for topic_id in of_story}
    following = _s.c.topic_id.in_(listed(connection, every_id))
    followers: dict[int, Subscription] = {}

    async def load(condition: sa.ColumnElement[bool]) -> None:
        loaded = await subscriptions.those(connection, sa.and_(following, condition))
        followers.update((subscription.id, subscription) for subscription in loaded)

    for condition in _followers_apart(connection, fan_outs, ids):
        await load(condition)
    # After the followers, and the mutes last: so a channel that begins to mute something meanwhile has its post here.
    posts = await _posts_apart(connection, fan_outs, ids, edited_since)
    others = {post.channel_id for post in posts.values()} - {s.channel_id for s in followers.values()}
    if others:
        await load(_s.c.channel_id.in_(listed(connection, others)))
    servers = {subscription.guild_id for subscription in followers.values()}
    mutes = await subscriptions.mutes_of(connection, servers) if servers else ()
    return Apart(channels_of([followers[i] for i in sorted(followers)], mutes), posts)


async def _topic_ids(connection: AsyncConnection, fan_outs: Iterable[FanOut]) -> dict[int, list[int]]:
    """The stored topics that bring each story."""
    labels: set[Label] = set().union(*(fan_out.topics for fan_out in fan_outs))
    ids = await topics.ids_by_label(connection, labels)
    return {f.story: [ids[label] for label in f.topics if label in ids] for f in fan_outs}


def _followers_apart(
    connection: AsyncConnection, fan_outs: Sequence[FanOut], ids: Mapping[int, Collection[int]]
) -> list[sa.ColumnElement[bool]]:
    """The followers that are apart: those in servers that see another story, and those who mute something.

    Of the latter only those who may post the story: what is too small or no news for everybody is so for them.
    """
    conditions: list[sa.ColumnElement[bool]] = []
    if servers := set().union(*(fan_out.servers for fan_out in fan_outs)):
        conditions.append(_s.c.guild_id.in_(listed(connection, servers)))
    most: dict[int, int] = {}
    for fan_out in fan_outs:
        if fan_out.shared is not None and fan_out.most_size is not None:
            for topic_id in ids[fan_out.story]:
                most[topic_id] = max(fan_out.most_size, most.get(topic_id, 0))
    if most:
        columns = {"topic_id": sa.Integer, "most": sa.BigInteger}
        reach = rows_as_table(connection, "reach", columns, most.items())
        chosen = (
            sa.select(_s.c.id)
            .select_from(reach.join(_s, _s.c.topic_id == reach.c.topic_id))
            .where(_s.c.posts_from <= reach.c.most, _mutes_something(_s.c.guild_id, _s.c.channel_id))
        )
        conditions.append(_s.c.id.in_(chosen))
    return conditions


async def _posts_apart(
    connection: AsyncConnection,
    fan_outs: Sequence[FanOut],
    ids: Mapping[int, Collection[int]],
    edited_since: datetime,
) -> dict[tuple[int, int], Post]:
    """The posts of stories that were merged, and those in channels that are apart or may announce that a story has grown."""
    numbers = {number for f in fan_outs for number in (f.story, *f.merged)}
    if not await outbox.stories_with_posts(connection, numbers):
        return {}
    servers = set().union(*(fan_out.servers for fan_out in fan_outs))
    shared = [fan_out for fan_out in fan_outs if fan_out.shared is not None]
    merged = {number for f in shared if f.merged for number in (f.story, *f.merged)}
    growing = {topic_id for f in shared if f.may_grow for topic_id in ids[f.story]}
    announcing = sa.select(_s.c.channel_id).where(
        _s.c.topic_id.in_(listed(connection, growing)),
        _s.c.posts_from.is_not(None),
        sa.or_(
            _s.c.announces_major,
            sa.and_(_s.c.mention_role_id.is_not(None), _s.c.ping_from != StorySize.ANY.value),
        ),
    )
    alike = sa.or_(
        _mutes_something(_o.c.guild_id, _o.c.channel_id),
        sa.and_(_o.c.sent_at >= edited_since, _o.c.channel_id.in_(announcing)),
    )
    return await outbox.posts(
        connection,
        numbers,
        sa.or_(
            _o.c.story.in_(listed(connection, merged)),
            _o.c.guild_id.in_(listed(connection, servers)),
            sa.and_(_o.c.story.in_(listed(connection, [f.story for f in shared])), alike),
        ),
    )


# Carrying it out.


@dataclass(frozen=True, slots=True)
class FanOutResult:
    """What became of stories in channels that are not apart: how many posts are to be sent, and the stories, each with a
    reason, that some of their followers do not get.
    """

    sends: int = 0
    withheld: frozenset[tuple[int, Reason]] = frozenset()


@dataclass(frozen=True, slots=True)
class FanOutBatch:
    """What statements are made of. `topic_ids` are of shared topics; `posted`: the stories that have a post already.

    `muting` are the channels that were decided about by themselves because they mute something. What the table says by now may
    be another thing: no story is lost in a channel that begins to mute something meanwhile. Posts sent before `edited_since` are edited no more.
    """

    shared: tuple[tuple[FanOut, SharedDecision], ...]
    topic_ids: Mapping[Label, int]
    muting: frozenset[int]
    posted: frozenset[int]
    now: datetime
    edited_since: datetime

    def topics_of(self, decision: SharedDecision) -> list[int]:
        """The stored topics that bring a story."""
        labels = ((0, key) for key in sorted(decision.topics))
        return [self.topic_ids[label] for label in labels if label in self.topic_ids]

    def servers_apart(self) -> list[tuple[int, int]]:
        """The servers that are apart for a story, in pairs."""
        return [(f.story, guild_id) for f, _ in self.shared for guild_id in sorted(f.servers)]


async def update(
    connection: AsyncConnection,
    fan_outs: Sequence[FanOut],
    muting: frozenset[int],
    now: datetime,
    rules: PostingSettings,
) -> FanOutBatch:
    """Bring the posts of stories that are not apart up to date, in the transaction of the caller, who calls `send` later."""
    shared = tuple((fan_out, fan_out.shared) for fan_out in fan_outs if fan_out.shared is not None)
    edited_since = now - rules.edit_window
    if not shared:
        return FanOutBatch((), {}, muting, frozenset(), now, edited_since)
    # Every channel is decided about anew, those that are apart by the caller.
    stories = listed(connection, [fan_out.story for fan_out, _ in shared])
    await connection.execute(sa.delete(_w).where(_w.c.story.in_(stories)))
    labels = {(0, key) for _, decision in shared for key in decision.topics}
    ids = await topics.ids_by_label(connection, labels)
    numbers = {number for fan_out, _ in shared for number in (fan_out.story, *fan_out.merged)}
    posted = await outbox.stories_with_posts(connection, numbers)
    batch = FanOutBatch(shared, ids, muting, posted, now, edited_since)
    if posted:
        await _edit(connection, batch, rules)
        await _grow(connection, batch)
    return batch


async def send(connection: AsyncConnection, batch: FanOutBatch) -> FanOutResult:
    """Have stories posted where they have no post. After all else, which would look at the new rows as well."""
    sends = await _send(connection, batch)
    return FanOutResult(sends, await _withheld(connection, batch))


def _reach(decision: SharedDecision) -> int:
    """The greatest `posts_from` that a story may satisfy: a story declared as notable is so whatever its size."""
    return max(decision.size, least_size(Volume.NOTABLE)) if decision.notable else decision.size


def _is_alike(connection: AsyncConnection, batch: FanOutBatch, story: Any, of: Any) -> sa.ColumnElement[bool]:
    """Rows of `of`, with a server and a channel, for which the decision about a story holds."""
    alike: sa.ColumnElement[bool] = of.guild_id.not_in(LEFT)
    if batch.muting:
        alike = sa.and_(alike, of.channel_id.not_in(listed(connection, batch.muting)))
    if pairs := batch.servers_apart():
        columns = {"story": sa.Integer, "guild_id": sa.BigInteger}
        servers = sa.select(*rows_as_table(connection, "servers_apart", columns, pairs).c)
        alike = sa.and_(alike, sa.tuple_(story, of.guild_id).not_in(servers))
    return alike


async def _send(connection: AsyncConnection, batch: FanOutBatch) -> int:
    """Have a story posted in every channel that is not apart, has no post of it, and posts stories of its size."""
    rows = [
        (position, decision.story, topic_id, decision.priority, decision.size, _reach(decision))
        for position, (_, decision) in enumerate(batch.shared)
        if decision.withheld is None
        for topic_id in batch.topics_of(decision)
    ]
    if not rows:
        return 0
    whole = ("position", "story", "topic_id", "priority")
    columns = dict.fromkeys(whole, sa.Integer) | dict.fromkeys(("size", "reach"), sa.BigInteger)
    fan = rows_as_table(connection, "fan", columns, rows)
    now = sa.literal(batch.now, schema.UtcTime())
    values: dict[str, Any] = {
        "kind": sa.literal(outbox.STORY),
        "dedupe": _name(fan.c.story, _s.c.channel_id),
        "nonce": _nonce(connection, fan.c.story, _s.c.channel_id),
        "guild_id": _s.c.guild_id,
        "channel_id": _s.c.channel_id,
        "story": fan.c.story,
        "priority": fan.c.priority,
        "created_at": now,
        "due_at": now,
    }
    chosen = (
        sa.select(*(value.label(name) for name, value in values.items()))
        .select_from(fan.join(_s, _s.c.topic_id == fan.c.topic_id))
        .where(
            _s.c.posts_from <= fan.c.reach,
            sa.or_(_s.c.posts_from <= fan.c.size, _s.c.volume == _NOTABLE),
            _is_alike(connection, batch, fan.c.story, _s.c),
        )
    )
    if batch.posted:
        chosen = chosen.where(sa.tuple_(fan.c.story, _s.c.channel_id).not_in(_posted(connection, batch)))
    if len({story for _, story, *_ in rows}) > 1:  # a channel is read downwards
        chosen = chosen.order_by(fan.c.position)
    statement = insert(connection.dialect.name, _o).from_select(list(values), chosen)
    done = await connection.execute(
        statement.on_conflict_do_nothing(index_elements=["dedupe"]),
        execution_options={"preserve_rowcount": True},
    )
    return int(done.rowcount)


def _posted(connection: AsyncConnection, batch: FanOutBatch) -> sa.Select[Any]:
    """The channels that have a post of each story, or one of a story that was merged into it and lives on as its post."""
    # A story into which others were merged may have got a post of one of them by now.
    pairs = [
        (f.story, number)
        for f, _ in batch.shared
        if f.merged or f.story in batch.posted
        for number in (f.story, *sorted(f.merged))
    ]
    before = rows_as_table(connection, "before", {"story": sa.Integer, "was": sa.Integer}, pairs)
    lives = sa.or_(before.c.story == before.c.was, ~_o.c.closed, _o.c.message_id.is_not(None))
    return (
        sa.select(before.c.story, _o.c.channel_id)
        .select_from(before.join(_o, _o.c.story == before.c.was))
        .where(_o.c.kind == outbox.STORY, lives)
    )


def _alone(batch: FanOutBatch) -> list[tuple[FanOut, SharedDecision]]:
    """The stories with posts into which no other was merged: their posts are alike."""
    return [(f, decision) for f, decision in batch.shared if not f.merged and f.story in batch.posted]


_OF = sa.bindparam("of", type_=schema.ID)


async def _edit(connection: AsyncConnection, batch: FanOutBatch, rules: PostingSettings) -> None:
    """Have all posts that were sent edited, and the replies to them, as `decisions.revise` has it."""
    now = sa.literal(batch.now, schema.UtcTime())
    at_any_age = sa.bindparam("at_any_age", type_=sa.Boolean)
    elsewhere = list_parameter(connection.dialect.name, "servers")

    def revised(post: Any) -> tuple[Any, Any]:
        """Whether a row is a post that is edited, and when that is due."""
        lately = sa.or_(at_any_age, post.sent_at >= batch.edited_since)
        sent = sa.and_(~post.closed, post.sent_at.is_not(None), lately)
        next_edit = later(connection, sa.func.coalesce(post.edited_at, post.sent_at), rules.edit_interval)
        return sent, sa.case((next_edit > now, next_edit), else_=now)

    is_post = sa.and_(_o.c.kind == outbox.STORY, _o.c.story == _OF, _o.c.guild_id.not_in(elsewhere))
    sent, due = revised(_o.c)
    parameters = [
        {
            "of": decision.story,
            "at_any_age": decision.at_any_age,
            "servers": list_value(connection, fan_out.servers),
        }
        for fan_out, decision in _alone(batch)
    ]
    if not parameters:
        return
    parent = _o.alias("post")
    its_sent, its_due = revised(parent.c)
    # Also where a post was given up: the reply still stands.
    its_due = sa.case((parent.c.closed, now), else_=its_due)
    replied = sa.select(parent.c.id).where(
        parent.c.kind == outbox.STORY,
        parent.c.story == _OF,
        parent.c.guild_id.not_in(elsewhere),
        sa.or_(its_sent, sa.and_(parent.c.closed, at_any_age)),
    )
    when = sa.select(its_due).where(parent.c.id == _o.c.reply_to).scalar_subquery()
    replies = sa.and_(_o.c.reply_to.in_(replied), ~_o.c.closed)
    await connection.execute(sa.update(_o).where(replies).values(edited_reply(when)), parameters)
    await connection.execute(sa.update(_o).where(is_post, sent).values(edited(due)), parameters)


async def _grow(connection: AsyncConnection, batch: FanOutBatch) -> None:
    """Note the priority of stories where their posts are still to be sent."""
    size, reach = (sa.bindparam(name, type_=sa.BigInteger) for name in ("size", "reach"))
    following = sa.select(_s.c.channel_id).where(
        _s.c.topic_id.in_(list_parameter(connection.dialect.name, "topic_ids")),
        _s.c.posts_from <= reach,
        sa.or_(_s.c.posts_from <= size, _s.c.volume == _NOTABLE),
    )
    waits = sa.and_(_o.c.kind == outbox.STORY, _o.c.story == _OF, _o.c.sent_at.is_(None), UNSENT)
    parameters = [
        {
            "of": decision.story,
            "grown_to": decision.priority,
            "now": batch.now,
            "size": decision.size,
            "reach": _reach(decision),
            "topic_ids": list_value(connection, batch.topics_of(decision)),
        }
        for _, decision in _alone(batch)
        if decision.withheld is None
    ]
    if parameters:
        alike = _is_alike(connection, batch, _o.c.story, _o.c)
        statement = sa.update(_o).where(waits, _o.c.channel_id.in_(following), alike)
        await connection.execute(statement.values(GROWN), parameters)


async def _withheld(connection: AsyncConnection, batch: FanOutBatch) -> frozenset[tuple[int, Reason]]:
    """The stories that some channel does not get, with the reason. Looks no further than the first such channel of a topic."""
    reasons = {decision.story: decision.withheld or Reason.TOO_SMALL for _, decision in batch.shared}
    rows = [
        (
            decision.story,
            topic_id,
            decision.size if decision.withheld is None else -1,
            int(decision.notable and decision.withheld is None),
        )
        for _, decision in batch.shared
        for topic_id in batch.topics_of(decision)
    ]
    if not rows:
        return frozenset()
    columns = {"story": sa.Integer, "topic_id": sa.Integer, "size": sa.BigInteger, "notable": sa.Integer}
    fan = rows_as_table(connection, "fan", columns, rows)
    lacks = ~sa.exists().where(_o.c.dedupe == _name(fan.c.story, _s.c.channel_id)).correlate_except(_o)
    if batch.posted:
        place = sa.tuple_(fan.c.story, _s.c.channel_id)
        lacks = sa.and_(lacks, place.not_in(_posted(connection, batch)))
    does_not_get = sa.exists().where(
        _s.c.topic_id == fan.c.topic_id,
        _s.c.posts_from > fan.c.size,
        sa.or_(fan.c.notable == 0, sa.func.coalesce(_s.c.volume, "") != _NOTABLE),
        _is_alike(connection, batch, fan.c.story, _s.c),
        ~_mutes_something(_s.c.guild_id, _s.c.channel_id),
        lacks,
    )
    does_not_get = does_not_get.correlate(fan)
    numbers = (await connection.execute(sa.select(fan.c.story).where(does_not_get).distinct())).scalars()
    withheld = {(number, reasons[number]) for number in numbers}
    if batch.posted:
        every_age = [decision.story for _, decision in batch.shared if decision.at_any_age]
        final = sa.and_(_o.c.sent_at < batch.edited_since, _o.c.story.not_in(listed(connection, every_age)))
        stories = listed(connection, [decision.story for _, decision in _alone(batch)])
        posted_before = (
            sa.select(_o.c.story)
            .where(_o.c.kind == outbox.STORY, _o.c.story.in_(stories), sa.or_(_o.c.closed, final))
            .distinct()
        )
        numbers = (await connection.execute(posted_before)).scalars()
        withheld |= {(number, Reason.ALREADY_TOLD) for number in numbers}
    return frozenset(withheld)


# What was decided, asked for later.


async def withheld_reason(
    connection: AsyncConnection, story: int, channel_id: int, live: Iterable[Subscription]
) -> str | None:
    """Why a story was not posted in a channel, which has no post of it; None if nothing was decided about it there.

    `live` are the subscriptions of the channel that post its topics live: what was decided before they were made does not
    concern them.
    """
    of_channel = sa.select(_w.c.reason).where(_w.c.story == story, _w.c.channel_id == channel_id)
    reason: str | None = await connection.scalar(of_channel)
    if reason is not None:
        return reason
    decided = sa.select(_st.c.decided_at, _st.c.withheld).where(_st.c.number == story)
    row = (await connection.execute(decided)).first()
    if row is None or row.decided_at is None:
        return None
    concerned = any(s.created_at is not None and s.created_at <= row.decided_at for s in live)
    return (row.withheld or Reason.TOO_SMALL.value) if concerned else None


async def withheld_counts(
    connection: AsyncConnection,
    loaded_topics: Topics,
    guild_id: int,
    since: datetime,
    edit_window: timedelta,
) -> dict[str, int]:
    """How many stories were withheld from channels of a server since then, by reason, the most frequent first.

    The database counts them: with many stories and channels, there are very many.
    """
    of_itself = sa.and_(_w.c.guild_id == guild_id, _w.c.at >= since)

    def is_alike(story: Any, channel_id: Any) -> sa.ColumnElement[bool]:
        """Nothing was decided about the channel by itself, which would go first."""
        same = sa.and_(_w.c.story == story, _w.c.channel_id == channel_id)
        return ~sa.exists().where(same, of_itself).correlate_except(_w)

    final = later(connection, _o.c.sent_at, edit_window) < _st.c.decided_at
    posted_before = (
        sa.select(_o.c.story, _o.c.channel_id, sa.literal(Reason.ALREADY_TOLD.value).label("reason"))
        .join(_st, _st.c.number == _o.c.story)
        .where(_o.c.guild_id == guild_id, _o.c.kind == outbox.STORY, _st.c.decided_at >= since)
        .where(sa.or_(_o.c.closed, final), is_alike(_o.c.story, _o.c.channel_id))
        .distinct()
    )
    by_itself = sa.select(_w.c.story, _w.c.channel_id, _w.c.reason).where(of_itself)
    withheld: list[sa.Select[Any]] = [by_itself, posted_before]
    if (alike := await _withheld_alike(connection, loaded_topics, guild_id, since)) is not None:
        withheld.append(alike.where(is_alike(_st.c.number, _s.c.channel_id)))
    counts: Counter[str] = Counter()
    for statement in withheld:
        rows = statement.subquery()
        counted = sa.select(rows.c.reason, sa.func.count()).group_by(rows.c.reason)
        for reason, count in await connection.execute(counted):
            counts[reason or Reason.TOO_SMALL.value] += count
    return dict(counts.most_common())


async def _withheld_alike(
    connection: AsyncConnection, loaded_topics: Topics, guild_id: int, since: datetime
) -> sa.Select[Any] | None:
    """What the followers of a server do not have of the stories that were decided about since then: story, channel and reason,
    which is empty where the story is too small. None: nobody follows anything.
    """
    below = {
        s.id: loaded_topics.with_descendants(s.topic)
        for s in await subscriptions.subscriptions(connection, guild_id=guild_id)
        if s.mode is not Mode.DIGEST
    }
    names = {name for of_subscription in below.values() for name in of_subscription}
    ids = await topics.ids_seen(connection, names, guild_id)
    pairs = [
        (subscription_id, topic_id)
        for subscription_id, of_subscription in below.items()
        for name in of_subscription
        for topic_id in ids.get(name_key(name), ())
    ]
    if not pairs:
        return None
    columns = {"subscription": sa.Integer, "topic_id": sa.Integer}
    followed = rows_as_table(connection, "followed", columns, pairs)
    about, merged = schema.story_topics, _st.alias("merged")
    has_post = sa.exists().where(_o.c.dedupe == _name(_st.c.number, _s.c.channel_id))
    has_merged = sa.exists().where(
        merged.c.merged_into == _st.c.number, _o.c.dedupe == _name(merged.c.number, _s.c.channel_id)
    )
    return (
        sa.select(_st.c.number, _s.c.channel_id, _st.c.withheld.label("reason"))
        .select_from(
            _st.join(about, about.c.story == _st.c.number)
            .join(followed, followed.c.topic_id == about.c.topic_id)
            .join(_s, _s.c.id == followed.c.subscription)
        )
        .where(_st.c.decided_at >= since, is_live_story(guild_id), about.c.guild_id.in_((0, guild_id)))
        .where(_s.c.created_at <= _st.c.decided_at, ~has_post, ~has_merged)
        .distinct()
    )
