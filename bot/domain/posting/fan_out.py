"""One decision about a story for all channels that see it alike, however many they are. Pure.

Most channels mute nothing and see of a story what everybody sees. What becomes of a story in such a channel follows
from the story and from one number of each subscription, the size from which it posts (`volume.posts_from`). So it is decided
once, as a `SharedDecision`, which the store carries out with one statement for each kind of row (`bot.store.fan_outs`). Channels that
are apart are decided about one by one (`recipients.decide_posts`): that is the definition, which `SharedDecision.decide`
agrees with wherever a channel is not apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from bot.domain.model import NOTABLE_HEAT, StoryView, Volume
from bot.domain.posting.decisions import (
    Channel,
    Edit,
    Grow,
    Hold,
    Post,
    PostingSettings,
    Reason,
    Send,
    revise,
    why_no_news,
)
from bot.domain.posting.recipients import Place, StoryChanges, topic_keys
from bot.domain.posting.volume import live_volume, posts_from
from bot.domain.stories.ranking import size, size_of
from bot.domain.stories.story import Story, heat_of
from bot.domain.text.words import name_key
from bot.domain.topics.query.meter import Label
from bot.domain.topics.topics import Topics


@dataclass(frozen=True, slots=True)
class SharedDecision:
    """What becomes of a story in every channel that is not apart.

    `topics` are the keys of its topics and of those above them, by which shared topics bring it; none: nothing of it is left.
    `priority` is its heat; `size` and `notable` are what a subscription goes by. `withheld` is why it is no news; None: it is.
    `at_any_age`: its posts are edited however old they are.
    """

    story: int
    topics: frozenset[str] = frozenset()
    priority: int = 0
    size: int = 0
    notable: bool = False
    withheld: Reason | None = None
    at_any_age: bool = False

    def decide(
        self, channel: Channel, post: Post | None, now: datetime, rules: PostingSettings
    ) -> Send | Edit | Hold | Grow | None:
        """What that is in one of these channels: what the statements of the store do in all of them."""
        if post is not None and (post.sent_at is not None or post.closed):
            return revise(self.story, channel, post, now, rules, at_any_age=self.at_any_age)
        decision = self._decide_new(channel)
        if post is None:
            return decision
        return Grow(post.id, decision.priority) if isinstance(decision, Send) else None

    def _decide_new(self, channel: Channel) -> Send | Hold | None:
        following = [s for s in channel.subscriptions if name_key(s.topic) in self.topics]
        live = [(least, s) for s in following if (least := posts_from(s)) is not None]
        if not live:
            return None
        if self.withheld is not None:
            return Hold(self.story, channel.id, channel.guild_id, self.withheld)
        if any(
            least <= self.size or (self.notable and live_volume(s) is Volume.NOTABLE) for least, s in live
        ):
            return Send(self.story, channel.id, channel.guild_id, self.priority)
        return Hold(self.story, channel.id, channel.guild_id, Reason.TOO_SMALL)


@dataclass(frozen=True, slots=True)
class FanOut:
    """What becomes of a story that changes, and which channels are apart.

    `topics` are those that bring it to anybody, each by its server (0: shared). All channels of `servers` are apart: these
    see another story, or have topics of their own. So is each channel that mutes something. `merged` are the stories that
    go on as this one: where there are any, each post of these and of this one is decided about by itself.
    `most_size` is the size that it has at most, whatever somebody mutes; None: nobody can see news in it. `may_grow`:
    it may have reached a size that subscriptions announce.
    """

    story: int
    topics: frozenset[Label]
    servers: frozenset[int] = frozenset()
    merged: frozenset[int] = frozenset()
    most_size: int | None = None
    may_grow: bool = False
    shared: SharedDecision | None = None

    def is_apart(self, channel: Channel) -> bool:
        """Whether the shared decision does not hold in a channel."""
        return self.shared is None or bool(channel.mutes) or channel.guild_id in self.servers


@dataclass(frozen=True, slots=True)
class Apart:
    """What is decided about one by one: channels that are apart, and posts, each with its channel among `channels`."""

    channels: tuple[Channel, ...] = ()
    posts: Mapping[Place, Post] = field(default_factory=dict)


def fan_outs(
    changes: StoryChanges, topics: Topics, now: datetime, rules: PostingSettings
) -> tuple[FanOut, ...]:
    """How the changed stories reach their channels, in reading order."""
    merged: dict[int, set[int]] = {}
    for old, survivor in changes.merged.items():
        merged.setdefault(survivor, set()).add(old)
    return tuple(
        _fan_out(changes, story, frozenset(merged.get(story.number, ())), topics, now, rules)
        for story in changes.in_reading_order()
    )


def _fan_out(
    changes: StoryChanges,
    story: Story,
    merged: frozenset[int],
    topics: Topics,
    now: datetime,
    rules: PostingSettings,
) -> FanOut:
    audience = changes.audience(story.number)
    shared = None
    if 0 in audience:
        view, reshaped = changes.public_view(story.number), story.number in changes.reshaped
        shared = _shared_decision(story.number, view, topics, now, rules, reshaped=reshaped)
    keys = topic_keys(story, topics)
    followed = {(guild_id, key) for key in keys for guild_id in (0, *topics.servers_with(key))}
    is_no_news = why_no_news(story.members, now, rules) is not None
    heat = max((heat_of(member, len(story.members)) for member in story.members), default=0)
    notable = heat >= NOTABLE_HEAT or any(member.record.notable for member in story.members)
    return FanOut(
        story.number,
        frozenset(followed),
        servers=_servers(story, audience, shared, topics),
        merged=merged,
        most_size=None if is_no_news else _most_size(story, heat, notable=notable),
        may_grow=notable,
        shared=shared,
    )


def _shared_decision(
    number: int,
    view: StoryView | None,
    topics: Topics,
    now: datetime,
    rules: PostingSettings,
    *,
    reshaped: bool,
) -> SharedDecision:
    if view is None:
        return SharedDecision(number, at_any_age=True)
    return SharedDecision(
        number,
        topics.visible_to(0).with_ancestors(view.topics),
        priority=view.heat,
        size=size_of(view),
        notable=view.notable,
        withheld=why_no_news(view.members, now, rules),
        at_any_age=reshaped,
    )


def _servers(
    story: Story, audience: frozenset[int], shared: SharedDecision | None, topics: Topics
) -> frozenset[int]:
    """The servers that see another story than everybody does, or name a topic of it otherwise."""
    members = (member.guild_id for member in story.members)
    matches = (match.guild_id for match in chain.from_iterable(story.topics.values()))
    of_topics = chain.from_iterable(map(topics.servers_with, shared.topics if shared else ()))
    return frozenset(chain(audience, members, matches, story.assigned, of_topics)) - {0}


def _most_size(story: Story, heat: int, *, notable: bool) -> int:
    """A bound: mutes leave fewer reports, but perhaps another lead, with a greater heat."""
    reports = len(story.members)
    return max(size(heat, reports, reports, story.number), size(NOTABLE_HEAT, 0, 0, 0) if notable else 0)
