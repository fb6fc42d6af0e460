"""Plans applied to a world in memory, so that tests of the pure decisions can tell a story over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from bot.domain.clustering.assign import StoryWindow
from bot.domain.model import Mode, Mute, Record, Stored, StoryView, Subscription, TopicMatch, Volume
from bot.domain.posting import plan as planning
from bot.domain.posting.decisions import Post, PostingSettings, channels_of
from bot.domain.posting.plan import Affected, IntakePlan, PlanDraft
from bot.domain.posting.recipients import decide_posts
from bot.domain.records.intake import Arrival, StoredContext, identify, keys_of
from bot.domain.stories import story as stories
from bot.domain.stories.story import Story
from bot.domain.topics.topics import Topics
from tests.make import at

GUILD = 1
CHANNEL = 7


def follow(
    topic: str = "AI",
    channel: int = CHANNEL,
    mode: Mode = Mode.LIVE,
    volume: Volume | None = Volume.EVERYTHING,
) -> Subscription:
    """A channel's subscription; to everything of the topic if nothing else is said."""
    return Subscription(1, GUILD, channel, topic, mode, volume)


class DomainHarness:
    """Everything that was decided so far. What is due is sent by `send`, not before."""

    def __init__(
        self, *subscriptions: Subscription, topics: Topics | None = None, mutes: Sequence[Mute] = ()
    ) -> None:
        self.subscriptions = subscriptions
        self.mutes = mutes
        self.topics = topics or Topics()
        self.rules = PostingSettings()
        self.records: dict[int, Stored] = {}
        self.numbers: set[int] = set()
        self.forwards: dict[int, int] = {}
        self.posts: dict[int, Post] = {}
        self.due: dict[int, datetime] = {}
        self._hashes: dict[int, str] = {}
        self._keys: dict[str, int] = {}
        self._matches: dict[int, tuple[TopicMatch, ...]] = {}
        self._post_ids = count(1)
        self._window = StoryWindow()

    def stored_context(self) -> StoredContext:
        """All there is to know."""
        return StoredContext(
            by_key=dict(self._keys),
            records=dict(self.records),
            content_hashes=dict(self._hashes),
            next_record=max(self.records, default=0) + 1,
            next_story=max(self.numbers, default=0) + 1,
        )

    def affected(self) -> Affected:
        """All stories."""
        return Affected(dict(self.records), dict(self._matches))

    def _decide(self, draft: PlanDraft, now: datetime) -> IntakePlan:
        """Every channel is decided about by itself."""
        posts = {(post.story, post.channel_id): post for post in self.posts.values()}
        channels = channels_of(self.subscriptions, self.mutes)
        merged = {(draft.separated.get((s, p.guild_id), s), c): p for (s, c), p in posts.items()}
        decided = decide_posts(draft.changes, merged, channels, self.topics, now, self.rules)
        return self._apply(replace(draft.plan, decisions=decided))

    def take(
        self, *batch: Record, hours: float = 0, silent: bool = False, replay: bool = False, guild_id: int = 0
    ) -> IntakePlan:
        """Take in a batch at a time, given in hours."""
        arrivals = [Arrival(record, guild_id=guild_id, silent=silent, replay=replay) for record in batch]
        now, known = at(hours), self.stored_context()
        identified = identify(arrivals, known, self.topics, now, self.rules.max_age)
        placed = planning.place(identified, self._window, identified.arrivals, known.next_story)
        draft = planning.draft(identified, placed, self.affected(), self.topics, now, self.rules)
        return self._decide(draft, now)

    def announce(self, ids: Iterable[int], hours: float = 0) -> IntakePlan:
        """Have records that came in silently posted after all."""
        draft = planning.announce(ids, self.affected(), self.topics, at(hours), self.rules)
        return self._decide(draft, at(hours))

    def _apply(self, plan: IntakePlan) -> IntakePlan:
        for record_id, stored in plan.records.items():
            if record_id in plan.content_hashes:
                self.records[record_id] = stored
            else:  # only its story was decided, and whether it is news
                self.records[record_id] = replace(
                    self.records[record_id],
                    story=stored.story,
                    news=stored.news,
                    first_seen=stored.first_seen,
                )
        assert not plan.keys.keys() & self._keys.keys()
        self._keys |= plan.keys
        self._hashes |= plan.content_hashes
        self._matches |= plan.topics
        self.numbers |= plan.stories.keys()
        self.forwards = {old: plan.merged.get(new, new) for old, new in self.forwards.items()}
        self.forwards |= plan.merged
        for number, view in plan.stories.items():
            assert view == self.story(number)
        for send in plan.decisions.sends:
            assert (send.story, send.channel_id) not in {(p.story, p.channel_id) for p in self.posts.values()}
            post = Post(next(self._post_ids), send.story, send.channel_id, guild_id=send.guild_id)
            self.posts[post.id] = post
        for edit in plan.decisions.edits:
            self.posts[edit.post] = replace(self.posts[edit.post], story=edit.story)
            self.due[edit.post] = min(self.due.get(edit.post, edit.due), edit.due)
        return plan

    def send(self, hours: float = 0) -> None:
        """Everything that is due goes out."""
        now = at(hours)
        for post in list(self.posts.values()):
            if post.sent_at is None and not post.closed:
                self.posts[post.id] = replace(post, sent_at=now, message_id=1000 + post.id)
                self.due.pop(post.id, None)
            elif post.id in self.due and self.due[post.id] <= now:
                del self.due[post.id]
                self.posts[post.id] = replace(post, edited_at=now)

    def id_of(self, record: Record) -> int:
        """The id that a record has got."""
        (found,) = {self._keys[key] for key in keys_of(record)}
        return found

    def stored(self, record: Record) -> Stored:
        """A record as it is known now."""
        return self.records[self.id_of(record)]

    def story(self, number: int) -> StoryView | None:
        """A story as it is now, without any mutes."""
        members = tuple(s for s in self.records.values() if s.story == number and not s.record.removed)
        declared = {
            i: self.records[i]
            for member in members
            for i in member.declares
            if not self.records[i].record.removed
        }
        story = Story(number, members, declared, self._matches)
        return stories.story_view(story.visible_to(story.guild_id))

    def story_of(self, record: Record) -> StoryView:
        """The story that a record is in."""
        number = self.stored(record).story
        assert number is not None
        view = self.story(number)
        assert view is not None
        return view

    def titles(self, record: Record) -> list[str]:
        """The titles of a record's story, the lead's first, then best first."""
        view = self.story_of(record)
        return [view.lead.record.title, *(entry.stored.record.title for entry in view.coverage)]
