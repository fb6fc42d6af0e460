"""Subscribing channels to topics, with a forecast of what they get."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mode, PostLayout, StorySize, StoryView, Subscription, Topic, Volume
from bot.domain.posting import decisions
from bot.domain.posting.channel_digests import ChannelDigest, PlannedDigest
from bot.domain.posting.decisions import PostingSettings
from bot.domain.posting.first_posts import WAIT, wants_first_posts
from bot.domain.posting.quiet import QuietHours
from bot.domain.posting.schedule import Schedule
from bot.domain.posting.volume import is_posted
from bot.domain.shards import Shards
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.story import Muted, Story, muted_by, story_view
from bot.domain.topics.topics import Topics
from bot.domain.topics.tree import feed_topic_of
from bot.errors import InvalidInputError, NotFoundError, UnknownNameError
from bot.i18n import comma_list, mark, tr
from bot.services import first_posts, volumes
from bot.services.context import Context
from bot.services.digests import plan_default, planned_digests
from bot.services.story_batches import story_batches
from bot.services.templates import require_template
from bot.services.topics import NEAR, resolve
from bot.store import (
    alerts,
    digests,
    faces,
    feeds,
    member_messages,
    outbox,
    servers,
    stories,
    subscriptions,
    topics,
)
from bot.store.subscriptions import ChannelState

FORECAST = timedelta(days=7)
MOST_FORECAST = 2_000  # stories that are looked at for it, the newest
MOST_SUBSCRIPTIONS = 500  # of one server


class Reset(StrEnum):
    """What of a subscription goes back to how a new one begins."""

    MENTION = "mention"
    VOLUME = "volume"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class SubscribeRequest:
    """What a user asks for. None leaves an earlier subscription's setting as it is, or takes the default.

    `reset` comes first: what is asked for besides holds.
    """

    guild_id: int
    channel_id: int
    topic: str
    mode: Mode | None = None
    volume: Volume | None = None
    mention_role_id: int | None = None
    publish: bool | None = None
    reset: Reset | None = None
    layout: PostLayout | None = None
    digest_volume: Volume | None = None
    ping_from: StorySize | None = None
    announces_major: bool | None = None

    def onto(self, before: Subscription | None, topic: str) -> Subscription:
        """The subscription that comes of it."""
        base = before or Subscription(0, self.guild_id, self.channel_id, topic)
        match self.reset:
            case Reset.MENTION:
                base = replace(base, mention_role_id=None, ping_from=StorySize.ANY)
            case Reset.VOLUME:
                base = replace(base, volume=None, digest_volume=None)
            case Reset.EVERYTHING:
                base = Subscription(base.id, self.guild_id, self.channel_id, topic)
        mode = self.mode or base.mode
        # Of a digest alone, the volume is that of the digest.
        of_digest = None if self.volume and mode is Mode.DIGEST else base.digest_volume
        return replace(
            base,
            mode=mode,
            volume=self.volume or base.volume,
            digest_volume=self.digest_volume or of_digest,
            mention_role_id=self.mention_role_id or base.mention_role_id,
            publish=base.publish if self.publish is None else self.publish,
            layout=self.layout or base.layout,
            ping_from=self.ping_from or base.ping_from,
            announces_major=base.announces_major if self.announces_major is None else self.announces_major,
        )


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a subscription can be expected to bring.

    `stories` are those of the last `FORECAST` that it would have posted, newest first; `cut`: of more than
    `MOST_FORECAST` stories only the newest were looked at. `newest` is the one to post now on demand, None where nothing
    has come in; `posted` tells that it is in the channel already. `feeds` is how many feeds may bring something on the
    topic.
    """

    stories: tuple[StoryView, ...] = ()
    cut: bool = False
    newest: StoryView | None = None
    posted: bool = False
    feeds: int = 0


@dataclass(frozen=True, slots=True)
class SubscribeResult:
    """What a subscription brought about.

    `schedule` is when the channel's next digest comes, None where the subscription wants none; `default_schedule`
    tells that nobody set it. `digest_off`: it wants a digest, but the channel's are switched off.
    `first_posts`: so many stories of the last day are posted now.
    """

    subscription: Subscription
    new: bool
    forecast: Forecast
    schedule: Schedule | None = None
    default_schedule: bool = False
    digest_off: bool = False
    next_digest: datetime | None = None
    resumed: bool = False
    first_posts: int = 0


async def subscribe(context: Context, request: SubscribeRequest) -> SubscribeResult:
    """Subscribe a channel to a topic, or change its subscription.

    `request.topic` is any name of the topic; NotFoundError where there is none like it.
    """
    now = context.now()
    async with context.db.write() as connection:
        await require_template(connection, request.guild_id, request.layout)
        loaded_topics = await context.topics.load(connection, request.guild_id)
        topic = resolve(loaded_topics, request.topic)
        before_all = await subscriptions.subscriptions(connection, guild_id=request.guild_id)
        before = next(
            (s for s in before_all if s.channel_id == request.channel_id and s.topic == topic.name), None
        )
        subscription = request.onto(before, topic.name)
        if before is None and len(before_all) >= MOST_SUBSCRIPTIONS:
            raise InvalidInputError(
                tr(
                    "This server has reached the limit of {most} subscriptions. Remove some with `/unsubscribe`.",
                    most=MOST_SUBSCRIPTIONS,
                )
            )
        await subscriptions.subscribe(connection, subscription, await topics.id_of(connection, topic), now)
        state = await subscriptions.channel(connection, subscription.channel_id)
        assert state is not None
        if resumed := bool(state.paused_reason):
            await subscriptions.resume(connection, [subscription.channel_id])
        wants_digest = subscription.mode is not Mode.LIVE
        planned: Sequence[ChannelDigest] = ()
        if wants_digest and not state.off:
            await plan_default(context, connection, subscription.guild_id, subscription.channel_id)
            planned = await digests.stored(connection, channel_ids=[subscription.channel_id])
        stored = await subscriptions.subscriptions(connection, channel_ids=[subscription.channel_id])
        is_new = before is None and wants_first_posts(subscription)
        if is_new:
            [new] = [s for s in stored if s.topic == topic.name]
            await subscriptions.await_first_posts(connection, new.id, now + WAIT)
    context.wake()
    [subscription] = await volumes.refresh(context, [s for s in stored if s.topic == topic.name])
    first = await first_posts.begin(context, subscription) if is_new else 0
    forecast = await _forecast(context, subscription, topic, loaded_topics)
    its_digests = [digest for digest in planned if digest.topic is None]
    soonest = min(its_digests, key=lambda digest: digest.next_at or now, default=None)
    return SubscribeResult(
        subscription,
        before is None,
        forecast,
        (soonest.schedule or context.digest_default) if soonest else None,
        soonest is not None and soonest.schedule is None,
        wants_digest and state.off,
        soonest.next_at if soonest else None,
        resumed,
        first,
    )


async def _forecast(context: Context, subscription: Subscription, topic: Topic, topics: Topics) -> Forecast:
    now = context.now()
    since = now - FORECAST
    below = topics.with_descendants(subscription.topic)
    guild_id = subscription.guild_id
    async with context.db.read() as connection:
        recent = await stories.newest_arrived(connection, below, since, now, guild_id, MOST_FORECAST)
        muted = muted_by(await subscriptions.mutes_in(connection, guild_id, subscription.channel_id))
        topic_lists = await feeds.topic_lists(connection, guild_id)
    posted_of = partial(_would_post, subscription, muted, context.rules)
    async with context.evaluations.turn(guild_id):
        bringing = await context.evaluations.run(_count_feeds, topic_lists, topics, topic)
        async with aclosing(story_batches(context, recent, guild_id, posted_of)) as batches:
            would = [view async for views in batches for view in views]
    would.sort(key=lambda view: (view.last, view.number), reverse=True)
    newest = next(iter(would), None)
    async with context.db.read() as connection:
        if newest is None and (latest := await stories.latest(connection, below, 1, guild_id)):
            loaded = await stories.load(connection, latest, guild_id)
            seen = await asyncio.to_thread(_views, loaded.values(), muted, context.rules.owners)
            newest = next(iter(seen), None)
        post = await outbox.post_in(connection, newest.number, subscription.channel_id) if newest else None
    return Forecast(tuple(would), len(recent) >= MOST_FORECAST, newest, outbox.is_posted(post), bringing)


def _would_post(
    subscription: Subscription, muted: Muted, rules: PostingSettings, batch: Iterable[Story]
) -> list[StoryView]:
    """The stories that it would have posted."""
    return [
        view
        for view in _views(batch, muted, rules.owners)
        if is_posted(view, subscription)
        and any(m.first_seen - m.published <= rules.max_age for m in view.members if not m.partial)
    ]


def _count_feeds(topic_lists: Mapping[tuple[str, ...], int], topics: Topics, topic: Topic) -> int:
    """How many feeds may bring something on a topic: those about it, and those about nothing in particular."""
    key = {feed_topic_of(topic)}
    return sum(count for names, count in topic_lists.items() if not names or topics.concerns(names, key))


def _views(loaded: Iterable[Story], muted: Muted, owners: MediaOwners) -> list[StoryView]:
    """What can be seen of these stories."""
    return [view for story in loaded if (view := story_view(story, muted, owners)) is not None]


async def post_now(context: Context, story: int, guild_id: int, channel_id: int) -> bool:
    """Post a story in a channel now, whatever its age and heat. False where it is there already.

    NotFoundError and InvalidInputError where it could not be posted any more: it went, or nothing asks for it.
    """
    now = context.now()
    async with context.db.write() as connection:
        number = await stories.survivor(connection, story, guild_id)
        if number is None:
            raise NotFoundError(tr("There is no story #{number}.", number=story))
        post = await outbox.post_in(connection, number, channel_id)
        if outbox.is_posted(post):
            return False
        loaded = (await stories.load(connection, [number], guild_id))[number]
        muted = muted_by(await subscriptions.mutes_in(connection, guild_id, channel_id))
        view = await asyncio.to_thread(story_view, loaded, muted, context.rules.owners)
        if view is None:
            raise InvalidInputError(
                tr("Story #{number} was removed by its outlets or is muted here.", number=number)
            )
        channel_subscriptions = await subscriptions.subscriptions(
            connection, guild_id=guild_id, channel_ids=[channel_id]
        )
        live = [s for s in channel_subscriptions if s.mode is not Mode.DIGEST]
        if not decisions.matching(view, live, await context.topics.load(connection, guild_id)):
            raise InvalidInputError(
                tr(
                    "{channel} no longer gets live posts on the topics of story #{number}.",
                    channel=f"<#{channel_id}>",
                    number=number,
                )
            )
        if post is not None:
            await outbox.reopen(connection, post.id, view.heat, now)
        else:
            name = outbox.story_name(number, channel_id)
            row = outbox.new_row(
                outbox.STORY, name, guild_id, channel_id, now, story=number, priority=view.heat
            )
            await outbox.enqueue(connection, row)
    context.wake()
    return True


async def unsubscribe(
    context: Context,
    topic_name: str,
    channel_id: int,
    guild_id: int | None = None,
    *,
    channel_deleted: bool = False,
) -> str:
    """Remove a subscription of a channel. Returns the topic's name. UnknownNameError lists the existing subscriptions.

    With a `guild_id` only if the channel is that server's.

    `channel_deleted`: the channel is there no longer; with its last subscription all else that is kept of it goes.
    """
    async with context.db.write() as connection:
        channel_subscriptions = await subscriptions.subscriptions(
            connection, guild_id=guild_id, channel_ids=[channel_id]
        )
        loaded_topics = await context.topics.load(
            connection, channel_subscriptions[0].guild_id if channel_subscriptions else 0
        )
        topic = loaded_topics.resolve(topic_name) if channel_subscriptions else None
        if topic and await subscriptions.unsubscribe(
            connection, channel_id, await topics.id_of(connection, topic)
        ):
            if channel_deleted and len(channel_subscriptions) == 1:
                await _forget_channel(connection, channel_id)
            return topic.name
    has = [s.topic for s in channel_subscriptions]
    message = (
        mark("The channel is not subscribed to “{topic}”. Its subscriptions: {topics}.")
        if has
        else mark("The channel is not subscribed to “{topic}”. It has no subscriptions.")
    )
    near = tuple(t.name for t in loaded_topics.suggest(topic_name, 200) if t.name in has)[:NEAR]
    raise UnknownNameError(tr(message, topic=topic_name[:80], topics=comma_list(has)), topic_name, near)


async def subscriptions_of_missing_channels(
    context: Context, guild_id: int, is_there: Callable[[int], bool]
) -> list[Subscription]:
    """The subscriptions of channels that are not there any more, or that the bot cannot see."""
    async with context.db.read() as connection:
        server_subscriptions = await subscriptions.subscriptions(connection, guild_id=guild_id)
    return [s for s in server_subscriptions if not is_there(s.channel_id)]


async def channels_of(context: Context, guild_id: int) -> list[int]:
    """The channels of a server of which something is kept."""
    async with context.db.read() as connection:
        states = await subscriptions.channels(connection, guild_id)
        mutes = await subscriptions.mutes(connection, guild_id)
        others = await faces.channels_with(connection, guild_id) | await alerts.channels_with(
            connection, guild_id
        )
    return sorted(
        {state.channel_id for state in states} | {m.channel_id for m in mutes if m.channel_id} | others
    )


async def leave(context: Context, guild_id: int) -> None:
    """The bot is not in a server any more: nothing is polled, matched or sent for it until it is back.

    What its members had is deleted: nobody could end it.
    """
    async with context.db.write() as connection:
        await servers.leave(connection, [guild_id], context.now())
        await member_messages.forget_servers(connection, [guild_id])


async def come_back(context: Context, guild_id: int) -> None:
    """The bot is in a server: what the server has goes on."""
    async with context.db.read() as connection:
        left = await servers.left_among(connection, [guild_id])
    if left:
        async with context.db.write() as connection:
            await servers.come_back(connection, guild_id)
        context.wake()


async def may_greet(context: Context, guild_id: int, joined_at: datetime) -> bool:
    """Whether a server is to be greeted: True once for each time that the bot joins it, which is noted."""
    async with context.db.read() as connection:
        if await servers.is_greeted(connection, guild_id, joined_at):
            return False
    async with context.db.write() as connection:
        return await servers.greet(connection, guild_id, joined_at)


async def keep_servers(context: Context, guild_ids: Collection[int], shards: Shards) -> None:
    """Of the servers that these shards have, the bot is in these and in no others."""
    async with context.db.read() as connection:
        stored = await servers.with_something(connection)
    left = {guild_id for guild_id in stored if shards.have(guild_id)} - set(guild_ids)
    if left:
        async with context.db.write() as connection:
            await servers.leave(connection, sorted(left), context.now())
            await member_messages.forget_servers(connection, left)


async def keep_roles(context: Context, guild_id: int, role_ids: Callable[[], Iterable[int]]) -> None:
    """Ping no role of a server any more but these, which are all that it has.

    They are asked for inside the transaction: a role that was created while it waited may have a subscription by then.
    """
    async with context.db.read() as connection:  # most servers ping none, and a start compares all of them
        if not await subscriptions.pinged_roles(connection, guild_id):
            return
    async with context.db.write() as connection:
        await subscriptions.keep_roles(connection, guild_id, role_ids())


async def forget_channel(context: Context, channel_id: int) -> bool:
    """A channel was deleted: its subscriptions, digest, mutes and posts go. False where it had no subscription."""
    async with context.db.write() as connection:
        return await _forget_channel(connection, channel_id)


async def _forget_channel(connection: AsyncConnection, channel_id: int) -> bool:
    await member_messages.forget_channel(connection, channel_id)
    return await subscriptions.remove_channel(connection, channel_id)


@dataclass(frozen=True, slots=True)
class ChannelSubscriptions:
    """A channel's subscriptions, its digests, and its limit and quiet hours if it has its own."""

    channel_id: int
    subscriptions: tuple[Subscription, ...]
    paused_reason: str
    digests: tuple[PlannedDigest, ...] = ()
    per_hour: int | None = None
    quiet: QuietHours | None = None


async def listing(context: Context, guild_id: int) -> list[ChannelSubscriptions]:
    """A server's subscriptions and digests by channel."""
    listed = [entry for entry in await planned_digests(context, guild_id) if entry.topics]
    async with context.db.read() as connection:
        server_subscriptions = await subscriptions.subscriptions(connection, guild_id=guild_id)
        states = {s.channel_id: s for s in await subscriptions.channels(connection, guild_id)}
    followed: dict[int, list[Subscription]] = {}
    for subscription in server_subscriptions:
        followed.setdefault(subscription.channel_id, []).append(subscription)
    planned: dict[int, list[PlannedDigest]] = {}
    for entry in listed:
        planned.setdefault(entry.digest.channel_id, []).append(entry)
    return [
        _channel(
            states.get(channel_id), channel_id, followed.get(channel_id, ()), planned.get(channel_id, ())
        )
        for channel_id in dict.fromkeys((*followed, *planned))
    ]


def _channel(
    state: ChannelState | None,
    channel_id: int,
    followed: Sequence[Subscription],
    planned: Sequence[PlannedDigest],
) -> ChannelSubscriptions:
    state = state or ChannelState(channel_id, 0)
    return ChannelSubscriptions(
        channel_id, tuple(followed), state.paused_reason, tuple(planned), state.per_hour, state.quiet
    )
