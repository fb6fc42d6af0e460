"""Where a story is posted: one decision per story and channel, with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.model import Mode, Mute, Stored, StorySize, StoryView, Subscription
from bot.domain.posting.escalation import NEVER_POSTED, PostedState, announced_sizes, escalation
from bot.domain.posting.pace import DEFAULT_PER_HOUR
from bot.domain.posting.volume import is_posted
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.story import Story, muted_by, story_view
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from bot.i18n import mark


@dataclass(frozen=True, slots=True)
class PostingSettings:
    """The times that posts obey, how many an hour a channel gets, and whose outlets count once; see `config.example.yaml`."""

    max_age: timedelta = timedelta(days=7)
    edit_window: timedelta = timedelta(hours=48)
    edit_interval: timedelta = timedelta(seconds=60)
    owners: MediaOwners = NO_OWNERS
    per_hour: int = DEFAULT_PER_HOUR
    most_per_hour: int = 60


class Reason(StrEnum):
    """Why a story that a channel subscribed to was not posted there."""

    FIRST_INTAKE = "first intake"
    TOO_OLD = "too old"
    TOO_SMALL = "too small"
    MUTED = "muted"
    ALREADY_TOLD = "already posted"


EXPLAIN: Mapping[Reason, str] = {
    Reason.FIRST_INTAKE: mark("already in the source when the bot first read it"),
    Reason.TOO_OLD: mark("too old when the bot read it"),
    Reason.TOO_SMALL: mark("smaller than the stories that the subscription posts"),
    Reason.MUTED: mark("all articles muted"),
    Reason.ALREADY_TOLD: mark("already posted here, and that post is no longer updated"),
}


@dataclass(frozen=True, slots=True)
class Post:
    """What the outbox holds of a story in a channel of a server. `sent_at` None: not out yet."""

    id: int
    story: int
    channel_id: int
    sent_at: datetime | None = None
    edited_at: datetime | None = None
    message_id: int | None = None
    closed: bool = False  # given up, or its message was deleted: never touched again
    guild_id: int = 0
    posted: PostedState = NEVER_POSTED
    is_escalated: bool = False  # a reply to it, or to one of a story merged into this one, is out or waits


@dataclass(frozen=True, slots=True)
class Send:
    """Post the story in the channel; `priority` is its heat, the bigger the earlier."""

    story: int
    channel_id: int
    guild_id: int
    priority: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Bring an existing post up to date, not before `due`; `story` is what it shows from now on."""

    post: int
    story: int
    due: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """The story is not posted in the channel, for that reason."""

    story: int
    channel_id: int
    guild_id: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Grow:
    """A post that is still to be sent is of a story of another `priority` now."""

    post: int
    priority: int


@dataclass(frozen=True, slots=True)
class Escalate:
    """Reply to a post that its story has reached a `size`, once; `priority` is its heat now, and `posted` how it was posted."""

    post: int
    story: int
    channel_id: int
    guild_id: int
    priority: int
    size: StorySize
    posted: PostedState


Decision = Send | Edit | Hold | Grow | Escalate | None


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided about messages, each kind in the order in which it was decided."""

    sends: tuple[Send, ...] = ()
    edits: tuple[Edit, ...] = ()
    holds: tuple[Hold, ...] = ()
    grows: tuple[Grow, ...] = ()
    escalations: tuple[Escalate, ...] = ()

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> Decisions:
        """Decisions by their kind; None, which changes nothing, is left out."""
        every = list(decisions)
        return cls(
            tuple(decision for decision in every if isinstance(decision, Send)),
            tuple(decision for decision in every if isinstance(decision, Edit)),
            tuple(decision for decision in every if isinstance(decision, Hold)),
            tuple(decision for decision in every if isinstance(decision, Grow)),
            tuple(decision for decision in every if isinstance(decision, Escalate)),
        )


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel's subscriptions to a story's topics, and what it has muted."""

    id: int
    guild_id: int
    subscriptions: tuple[Subscription, ...]
    mutes: tuple[Mute, ...] = ()


def matching(
    view: StoryView, subscriptions: Iterable[Subscription], topics: Topics
) -> tuple[Subscription, ...]:
    """The subscriptions whose topic is one of the story's, or stands above one."""
    followable = topics.with_ancestors(view.topics)
    return tuple(s for s in subscriptions if name_key(s.topic) in followable)


def why_no_news(members: Iterable[Stored], now: datetime, rules: PostingSettings) -> Reason | None:
    """None where a member is news; else why none is."""
    complete = [member for member in members if not member.partial]
    if any(member.news and now - member.first_seen <= rules.max_age for member in complete):
        return None
    old = any(member.news or now - member.published > rules.max_age for member in complete)
    return Reason.TOO_OLD if old else Reason.FIRST_INTAKE


def decide(
    story: Story,
    channel: Channel,
    post: Post | None,
    topics: Topics,
    now: datetime,
    rules: PostingSettings,
    *,
    reshaped: bool = False,
) -> Send | Edit | Hold | Grow | None:
    """What to do in one channel about a story that has just changed.

    A post that exists is edited while its window is open, and at any age where the story is gone, or where
    it is another one now (`reshaped`): a report was removed or came back, a person took one out, or
    another story's post is about to point to it. No post may go on to say what its outlet took back.
    A story without a post is posted if a member is news, something of it is not muted, and it
    is big enough for the volume of one of the channel's live subscriptions.
    """
    if post is not None and (post.sent_at is not None or post.closed or post.story != story.number):
        at_any_age = reshaped or not story.members
        return revise(story.number, channel, post, now, rules, at_any_age=at_any_age)
    decision = _decide_new(story, channel, topics, now, rules)
    if post is None:
        return decision
    # It is rendered when it goes out, and dropped if it should not go out by then.
    return Grow(post.id, decision.priority) if isinstance(decision, Send) else None


def _decide_new(
    story: Story, channel: Channel, topics: Topics, now: datetime, rules: PostingSettings
) -> Send | Hold | None:
    """What to do about a story that has no message in the channel."""
    everything = story_view(story, owners=rules.owners)
    live = [s for s in channel.subscriptions if s.mode is not Mode.DIGEST]
    if everything is None or not matching(everything, live, topics):
        return None
    view = story_view(story, muted_by(channel.mutes), rules.owners)
    matched = () if view is None else matching(view, live, topics)
    if view is None or not matched:
        return Hold(story.number, channel.id, channel.guild_id, Reason.MUTED)
    if reason := why_no_news(view.members, now, rules):
        return Hold(story.number, channel.id, channel.guild_id, reason)
    if not any(is_posted(view, subscription) for subscription in matched):
        return Hold(story.number, channel.id, channel.guild_id, Reason.TOO_SMALL)
    return Send(story.number, channel.id, channel.guild_id, view.heat)


def revise(
    number: int, channel: Channel, post: Post, now: datetime, rules: PostingSettings, *, at_any_age: bool
) -> Edit | Hold | None:
    """What to do about a post that was sent, given up, or of a story that was merged into this one."""
    hold = Hold(number, channel.id, channel.guild_id, Reason.ALREADY_TOLD)
    if post.closed and post.is_escalated and at_any_age:
        return Edit(post.id, number, now)  # for the reply, which still stands
    if post.closed:
        return hold
    moved = post.story != number  # merged: the post has to be known by the number that goes on
    if post.sent_at is None:
        return Edit(post.id, number, now) if moved else None
    if not moved and not at_any_age and now - post.sent_at > rules.edit_window:
        return hold
    last = post.edited_at or post.sent_at
    return Edit(post.id, number, max(now, last + rules.edit_interval))


def decide_escalation(
    story: Story, channel: Channel, post: Post, topics: Topics, now: datetime, rules: PostingSettings
) -> Escalate | None:
    """Whether to reply to a post that is edited now: its story is bigger than it was, and was posted lately."""
    live = [s for s in channel.subscriptions if s.mode is not Mode.DIGEST and announced_sizes(s)]
    if not live or post.is_escalated or post.message_id is None or post.sent_at is None:
        return None
    view = story_view(story, muted_by(channel.mutes), rules.owners)
    if view is None or now - post.sent_at > rules.edit_window:
        return None
    reached = escalation(view, matching(view, live, topics), post.posted)
    if reached is None:
        return None
    return Escalate(post.id, story.number, channel.id, channel.guild_id, view.heat, reached.size, post.posted)


def channels_of(subscriptions: Sequence[Subscription], mutes: Sequence[Mute]) -> tuple[Channel, ...]:
    """Subscriptions and mutes by channel; a server's own mutes hold in each of its channels."""
    by_channel: dict[int, list[Subscription]] = {}
    for subscription in subscriptions:
        by_channel.setdefault(subscription.channel_id, []).append(subscription)
    by_server: dict[int, list[Mute]] = {}
    for mute in mutes:
        by_server.setdefault(mute.guild_id, []).append(mute)
    return tuple(
        Channel(
            channel_id,
            of_channel[0].guild_id,
            tuple(of_channel),
            tuple(
                mute
                for mute in by_server.get(of_channel[0].guild_id, ())
                if mute.channel_id in (None, channel_id)
            ),
        )
        for channel_id, of_channel in by_channel.items()
    )
