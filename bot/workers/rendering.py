"""Renders messages when they are sent, from what is stored by then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.rephrasing import RephrasedSentence, content_key
from bot.domain.model import Mode, Mute, StoryView, Subscription
from bot.domain.posting import decisions
from bot.domain.posting.decisions import PostingSettings
from bot.domain.posting.digest import served_by_digest
from bot.domain.posting.volume import is_posted
from bot.domain.retry import Outcome, RequestKind, SendStatus
from bot.domain.stories.story import Story, muted_by, story_view
from bot.domain.topics.topics import Topics
from bot.messages.digest import without_stories
from bot.messages.first import as_first_post
from bot.messages.forum import other_names, tag_names
from bot.messages.message import Message
from bot.messages.rollup import rollup_message
from bot.messages.story import said_in_post, story_post, withdrawn
from bot.store import outbox, rephrasings, rollups, stories, subscriptions
from bot.store.outbox import Claimed
from bot.store.rollups import Listing
from bot.store.subscriptions import ChannelState
from bot.store.topic_cache import TopicCache
from bot.workers import notices

STALE = timedelta(days=1)  # what a digest calls today, and what a notice says of a feed, is over by then


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What rendering a batch of claims needs, read in one go.

    `stories` are those of the claims and those that they were `merged_into`; `channels` are those that a digest
    waits for; `outdated` says by a notice's id why it is not true any more. `rephrased` is what `model` made of
    briefs, by the name of their content; it is shown in the `rephrasing_servers`. `listings` say by its row what a roll-up lists.
    """

    stories: Mapping[int, Story]
    merged_into: Mapping[int, int]
    subscriptions: Mapping[int, tuple[Subscription, ...]]
    mutes: tuple[Mute, ...]
    topics: Topics
    channels: Mapping[int, ChannelState]
    outdated: Mapping[int, str]
    rules: PostingSettings
    model: str = ""
    rephrased: Mapping[str, tuple[RephrasedSentence, ...]] = field(default_factory=dict)
    rephrasing_servers: frozenset[int] = frozenset()
    listings: Mapping[int, Listing] = field(default_factory=dict)


async def load(
    connection: AsyncConnection,
    cache: TopicCache,
    claimed: Sequence[Claimed],
    rules: PostingSettings,
    now: datetime,
    model: str = "",
) -> RenderContext:
    """Read everything that rendering these claims needs. `model` is what rephrases briefs; if empty, nothing does."""
    numbers = {claim.story for claim in claimed if claim.story is not None}
    numbers |= {
        n
        for claim in claimed
        for embed_stories in (claim.payload or {}).get("stories", ())
        for n in embed_stories
    }
    listings = await rollups.listings(connection, [c.id for c in claimed if c.kind == outbox.ROLLUP])
    numbers |= {number for listing in listings.values() for number in listing.stories}
    channel_ids = {claim.channel_id for claim in claimed}
    by_channel: dict[int, list[Subscription]] = {}
    for subscription in await subscriptions.subscriptions(connection, channel_ids=channel_ids):
        by_channel.setdefault(subscription.channel_id, []).append(subscription)
    merged_into = await stories.survivors(connection, numbers)
    digests = {claim.channel_id for claim in claimed if claim.kind == outbox.DIGEST}
    states = {channel_id: await subscriptions.channel(connection, channel_id) for channel_id in digests}
    numbers |= set(merged_into.values())
    servers = await rephrasings.wanting(connection, {claim.guild_id for claim in claimed}) if model else ()
    return RenderContext(
        stories=await stories.load(connection, numbers),
        merged_into=merged_into,
        subscriptions={channel_id: tuple(subs) for channel_id, subs in by_channel.items()},
        mutes=await subscriptions.mutes(connection, *{claim.guild_id for claim in claimed}),
        topics=await cache.load(connection),
        channels={channel_id: state for channel_id, state in states.items() if state is not None},
        outdated=await notices.outdated(connection, cache, claimed, now),
        rules=rules,
        model=model,
        rephrased=await rephrasings.of_stories(connection, numbers) if servers else {},
        rephrasing_servers=frozenset(servers),
        listings=listings,
    )


def request_kind(claim: Claimed, render_context: RenderContext) -> RequestKind:
    """What is asked of Discord for a claim."""
    if claim.kind == outbox.PUBLISH:
        return RequestKind.PUBLISH
    if claim.message_id is None:
        return RequestKind.SEND
    if claim.kind != outbox.STORY:
        return RequestKind.EDIT
    pointer = claim.story in render_context.merged_into
    return RequestKind.EDIT if pointer or _story(claim, render_context).members else RequestKind.REMOVAL


def rendered(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    """The message to send, or an outcome that makes sending needless. Sent pointers are rendered by the delivery."""
    match claim.kind:
        case outbox.DIGEST:
            return _digest(claim, render_context, now)
        case outbox.NOTICE:
            return _notice(claim, render_context, now)
        case outbox.ROLLUP:
            return _rollup(claim, render_context)
        case _:
            return _post(claim, render_context, now)


def _digest(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    payload = claim.payload or {}
    if now - claim.created_at > STALE:
        return Outcome(SendStatus.STALE, detail="the digest waited for more than a day")
    demanded = payload.get("demanded", False)
    channel_subscriptions = render_context.subscriptions.get(claim.channel_id, ())
    served = served_by_digest(channel_subscriptions) or (channel_subscriptions if demanded else ())
    if not served:
        return Outcome(SendStatus.STALE, detail="the channel no longer has a digest subscription")
    state = render_context.channels.get(claim.channel_id)
    if state is not None and state.off and not demanded:
        return Outcome(SendStatus.STALE, detail="the channel's digest is turned off")
    message = Message.from_json(payload)
    topics = render_context.topics.visible_to(claim.guild_id)
    hidden = set()
    for number in {number for embed_stories in message.stories for number in embed_stories}:
        view = _view(replace(claim, story=render_context.merged_into.get(number, number)), render_context)
        if view is None or not decisions.matching(view, served, topics):
            hidden.add(number)
    left = without_stories(message, hidden)
    return left or Outcome(SendStatus.STALE, detail="every story of the digest was removed or muted")


def _notice(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    if now - claim.created_at > STALE:
        return Outcome(SendStatus.STALE, detail="the notice waited for more than a day")
    if reason := render_context.outdated.get(claim.id):
        return Outcome(SendStatus.STALE, detail=reason)
    return Message.from_json(claim.payload or {})


def _rollup(claim: Claimed, render_context: RenderContext) -> Message | Outcome:
    listing = render_context.listings[claim.id]
    views: dict[int, StoryView] = {}
    for listed in listing.stories:
        number = render_context.merged_into.get(listed, listed)
        view = _view(replace(claim, story=number), render_context)
        if view is not None and _live_subscriptions(claim, view, render_context):
            views[number] = view
    if not views and claim.message_id is None:
        return Outcome(
            SendStatus.STALE, detail="every story of the list was removed, or is not followed any more"
        )
    others = listing.count - len(listing.stories)
    return rollup_message(list(views.values()), others, is_quiet=listing.is_quiet)


def _post(claim: Claimed, render_context: RenderContext, now: datetime) -> Message | Outcome:
    assert claim.story is not None
    sent = claim.message_id is not None
    if (into := render_context.merged_into.get(claim.story)) is not None:
        return Outcome(SendStatus.STALE, detail=f"merged into story #{into}")
    if not _story(claim, render_context).members:
        return withdrawn(claim.story) if sent else Outcome(SendStatus.STALE, detail="the story was removed")
    view = _view(claim, render_context)
    if view is None:
        return (
            Outcome(SendStatus.UNCHANGED, shown=claim.shown)
            if sent
            else Outcome(SendStatus.STALE, detail="the story is muted here")
        )
    matching = _live_subscriptions(claim, view, render_context)
    if not sent and not matching:
        return Outcome(SendStatus.STALE, detail="the channel's subscriptions no longer cover the story")
    if not sent and now - claim.created_at > render_context.rules.max_age:
        return Outcome(SendStatus.STALE, detail="the message waited longer than posts.max_age allows")
    roles = tuple(dict.fromkeys(s.mention_role_id for s in _reached(view, matching) if s.mention_role_id))
    topics = render_context.topics.visible_to(claim.guild_id)
    names = topics.specific_first(view.topics)
    topic = topics.resolve(next(iter(names), ""))
    message = story_post(
        view,
        topics=names,
        colour=topic.colour if topic else None,
        mentions=() if sent else roles,
        subscribed=[s.topic for s in matching],
        owners=render_context.rules.owners,
        since=claim.sent_at,
        rephrased=partial(_rephrased, claim, render_context),
    )
    if not sent and outbox.FIRST in (claim.payload or {}):
        message = as_first_post(message)
    others = other_names(message.tags, topics) if claim.thread_id is not None else ()
    return replace(message, tags=tag_names(message.tags, topics), other_tags=others)


def brief_of(claim: Claimed, render_context: RenderContext) -> tuple[Sentence, ...]:
    """The sentences of a story's post; none where it has no brief."""
    view = None if claim.story in render_context.merged_into else _view(claim, render_context)
    return said_in_post(view, render_context.rules.owners, claim.sent_at)[1] if view else ()


def _rephrased(
    claim: Claimed, render_context: RenderContext, sentences: Sequence[Sentence]
) -> tuple[RephrasedSentence, ...]:
    if claim.guild_id not in render_context.rephrasing_servers:
        return ()
    return render_context.rephrased.get(content_key(sentences, render_context.model), ())


def publish_obstacle(claim: Claimed, render_context: RenderContext, now: datetime) -> Outcome | None:
    """Why a message is no longer published to followers; None if it is."""
    view = None if claim.story in render_context.merged_into else _view(claim, render_context)
    if view is None:
        return Outcome(SendStatus.STALE, detail="the story was removed, merged or muted here")
    if not any(s.publish for s in _live_subscriptions(claim, view, render_context)):
        return Outcome(SendStatus.STALE, detail="the channel's subscriptions no longer cover the story")
    if now - claim.created_at > render_context.rules.max_age:
        return Outcome(SendStatus.STALE, detail="the message waited longer than posts.max_age allows")
    return None


def publishes(claim: Claimed, render_context: RenderContext) -> bool:
    """Whether a post that has just gone out is to be published to followers, where its channel has any."""
    view = _view(claim, render_context) if claim.kind == outbox.STORY else None
    return view is not None and any(
        s.publish for s in _reached(view, _live_subscriptions(claim, view, render_context))
    )


def _story(claim: Claimed, render_context: RenderContext) -> Story:
    """The claim's story as its server sees it."""
    assert claim.story is not None
    return render_context.stories[claim.story].visible_to(claim.guild_id)


def _view(claim: Claimed, render_context: RenderContext) -> StoryView | None:
    """The claim's story without what its channel has muted."""
    scopes = (None, claim.channel_id)
    mutes = [m for m in render_context.mutes if m.guild_id == claim.guild_id and m.channel_id in scopes]
    return story_view(_story(claim, render_context), muted_by(mutes), render_context.rules.owners)


def _live_subscriptions(claim: Claimed, view: StoryView, render_context: RenderContext) -> list[Subscription]:
    """The channel's live subscriptions to the story's topics."""
    channel_subscriptions, topics = (
        render_context.subscriptions.get(claim.channel_id, ()),
        render_context.topics.visible_to(claim.guild_id),
    )
    return [s for s in decisions.matching(view, channel_subscriptions, topics) if s.mode is not Mode.DIGEST]


def _reached(view: StoryView, subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Those that ping and publish: a story that is posted for one subscription may be too small for another."""
    return [s for s in subscriptions if is_posted(view, s)]
