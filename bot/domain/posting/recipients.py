"""The sends, edits and holds for the stories that a batch changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from bot.domain.model import UNKNOWN_DATE, StoryView
from bot.domain.posting.decisions import (
    Channel,
    Decision,
    Decisions,
    Edit,
    Post,
    PostingSettings,
    decide,
    decide_escalation,
)
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.story import Story, by_server, story_view
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics

SHARED = frozenset({0})  # the audience of a story of which nothing else is said

Place = tuple[int, int]  # a story and a channel


def concerns(audience: Collection[int], guild_id: int) -> bool:
    """Whether a change of a story concerns a server: `audience` are the servers that see it; with 0, all do."""
    return 0 in audience or guild_id in audience


def views_of(stories: Mapping[int, Story], owners: MediaOwners) -> dict[int, StoryView | None]:
    """What everybody sees of each; of one that is of a server's own sources alone, what that server does."""
    return {
        number: story_view(story.visible_to(story.guild_id), owners=owners)
        for number, story in stories.items()
    }


@dataclass(frozen=True, slots=True)
class StoryChanges:
    """The stories that a batch changes, by number.

    `stories`: what is stored of each from now on. `views`: what its readers see of it; None: nothing is left.
    `audiences`: the servers for which it changes (0: all). `merged`: stories that go on as another one.
    `reshaped`: stories of which the posts are edited whatever their age.
    """

    stories: Mapping[int, Story]
    views: Mapping[int, StoryView | None]
    audiences: Mapping[int, frozenset[int]] = field(default_factory=dict)
    merged: Mapping[int, int] = field(default_factory=dict)
    reshaped: Collection[int | None] = ()

    def audience(self, number: int) -> frozenset[int]:
        """The servers for which a story changes; with 0 among them, all."""
        return self.audiences.get(number, SHARED)

    def concerns(self, number: int, guild_id: int) -> bool:
        """Whether a story changes for a server."""
        return concerns(self.audience(number), guild_id)

    def public_view(self, number: int) -> StoryView | None:
        """What everybody sees of a story; None where all that is left of it is a server's own."""
        return None if self.stories[number].guild_id else self.views[number]

    def in_reading_order(self) -> list[Story]:
        """The stories whose leads were published first come first: a channel is read downwards."""
        return sorted(self.stories.values(), key=self._shown_at)

    def _shown_at(self, story: Story) -> tuple[datetime, int]:
        view = self.views[story.number]
        return view.lead.published if view else UNKNOWN_DATE, story.number


def in_every_channel(_story: int, _channel: Channel) -> bool:
    """All channels are decided about one by one."""
    return True


def decide_posts(
    changes: StoryChanges,
    posts: Mapping[Place, Post],
    channels: Sequence[Channel],
    topics: Topics,
    now: datetime,
    rules: PostingSettings,
    is_apart: Callable[[int, Channel], bool] = in_every_channel,
) -> Decisions:
    """What becomes of each changed story in each channel that follows it, or has a post of it.

    A channel without a post of a story is left out unless it `is_apart` for that story: one decision for all the
    others is made elsewhere (`fan_out.SharedDecision`).
    """
    merged = _merge_posts(changes, posts, now)
    channel_of = {channel.id: channel for channel in channels}
    followers = _followers(channels)

    def decisions(story: Story) -> Iterator[Decision]:
        standing = merged.posts.get(story.number, {})
        following = chain.from_iterable(followers.get(topic, ()) for topic in topic_keys(story, topics))
        visible_to = by_server(story)
        seen: dict[int, Story] = {}
        for channel_id in dict.fromkeys(chain(standing, sorted(following))):
            channel = channel_of.get(channel_id) or _unfollowed(standing[channel_id])
            post = standing.get(channel_id)
            guild_id = channel.guild_id
            if not changes.concerns(story.number, guild_id):
                continue
            if post is None and not is_apart(story.number, channel):
                continue
            if guild_id not in seen:
                seen[guild_id] = visible_to(guild_id)
            reshaped = story.number in changes.reshaped or (story.number, channel_id) in merged.pointed_to
            of_server = topics.visible_to(guild_id)
            decision = decide(seen[guild_id], channel, post, of_server, now, rules, reshaped=reshaped)
            yield decision
            if post is not None and isinstance(decision, Edit):
                yield decide_escalation(seen[guild_id], channel, post, of_server, now, rules)

    return Decisions.of(chain(merged.edits, *map(decisions, changes.in_reading_order())))


@dataclass(frozen=True, slots=True)
class _MergedPosts:
    """The posts of each story by channel after mergers, the edits that make pointers, and the posts that these point to."""

    posts: Mapping[int, Mapping[int, Post]]
    edits: Sequence[Edit]
    pointed_to: Collection[Place]


def _merge_posts(changes: StoryChanges, posts: Mapping[Place, Post], now: datetime) -> _MergedPosts:
    """Where a story that was merged has two posts in a channel, one continues. The other becomes a pointer, or is not sent."""
    visible = {
        (story, channel_id): post
        for (story, channel_id), post in posts.items()
        if changes.concerns(story, post.guild_id)
    }
    living = dict(visible)
    edits: list[Edit] = []
    pointed_to: set[Place] = set()
    for (story, channel_id), post in visible.items():
        survivor = changes.merged.get(story)
        if survivor is None or (post.closed and post.message_id is None):
            continue
        place = (survivor, channel_id)
        if place not in living:
            living[place] = post
            continue
        pointer, goes_on = sorted((post, living[place]), key=_vitality)
        living[place] = replace(goes_on, is_escalated=pointer.is_escalated or goes_on.is_escalated)
        edits.append(Edit(pointer.id, story, now))
        if not pointer.closed:
            pointed_to.add(place)
    by_story: dict[int, dict[int, Post]] = {}
    for (story, channel_id), post in living.items():
        by_story.setdefault(story, {})[channel_id] = post
    return _MergedPosts(by_story, edits, pointed_to)


def _vitality(post: Post) -> tuple[bool, bool, int]:
    """A sort key: posts that are not edited any more come first, then those without a message, then newer ones."""
    return (not post.closed, post.message_id is not None, -post.id)


def _unfollowed(post: Post) -> Channel:
    """The channel of a post that follows nothing any more."""
    return Channel(post.channel_id, post.guild_id, ())


def _followers(channels: Iterable[Channel]) -> dict[str, dict[int, None]]:
    """The channels that follow each topic, by the topic's key."""
    followers: dict[str, dict[int, None]] = {}
    for channel in channels:
        for subscription in channel.subscriptions:
            followers.setdefault(name_key(subscription.topic), {})[channel.id] = None
    return followers


def topic_keys(story: Story, topics: Topics) -> list[str]:
    """The keys of all topics of a story and those above them.

    A name that two servers use brings the channels of both: `decide` tells them apart.
    """
    keys: set[str] = set()
    for guild_id, name in {(m.guild_id, m.topic) for m in chain.from_iterable(story.topics.values())}:
        keys |= topics.visible_to(guild_id).with_ancestors([name])
    return sorted(keys)
