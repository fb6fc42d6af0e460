"""The decision about a batch of records: pure, `now` is an argument, nothing is written here.

    identify   which records are new, changed, or stored already (`bot.domain.records.intake`)
    place      which story each belongs to (`bot.domain.clustering.assign`)
    draft      which stories change (`membership`), and what becomes of them in most channels (`fan_out`)
    plan       what becomes of them in the channels that are apart (`recipients`)

Each returns a value that the next one reads. Between them the store is asked for no more than the next one needs;
`plan` returns everything that one transaction then stores.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.batch import Clustering, Why
from bot.domain.clustering.story_cluster import Report
from bot.domain.model import Stored, StoryView, TopicMatch
from bot.domain.posting import membership
from bot.domain.posting.decisions import Channel, Decisions, PostingSettings
from bot.domain.posting.fan_out import Apart, FanOut, fan_outs
from bot.domain.posting.membership import Membership
from bot.domain.posting.recipients import SHARED, StoryChanges, decide_posts, views_of
from bot.domain.records.analysis import TextAnalysis
from bot.domain.records.intake import Fate, Identified, StoredContext
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.related import is_specific
from bot.domain.stories.story import Story, labels_by_server
from bot.domain.text.stems import terms
from bot.domain.topics.query.meter import Label
from bot.domain.topics.topics import Topics
from bot.i18n import mark

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Affected:
    """What is stored of the stories that a batch changes.

    `records` by id: their members, removed ones included, and what these declare; `topics` by record;
    `assigned`: the keys of each story's topics, by server (0: everybody's).
    """

    records: Mapping[int, Stored]
    topics: Mapping[int, tuple[TopicMatch, ...]]
    assigned: Mapping[int, Mapping[int, frozenset[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IntakePlan:
    """What to store of a batch.

    `fates`: what became of each of its records, in its order.

    `records`: by id, those to write: whole where `content_hashes` and `analyses` have them, else their story, and whether
    and since when they are news. `keys`: new keys of records. `declares`, `topics`: of records that came in themselves.
    `why`: what put a record into its story, for those that got one.

    `stories`: what readers see of each story that changes; None: nothing is left of it. `story_topics`: its topics by the
    server that sees them, as `labels_by_server` gives them. `merged`: stories that go on
    as another one. `audiences`: the servers for which a story changes; with 0, and where it is not there, all.
    `crowded_out`: the records that a story has no room for any more. `separated`: new stories of what servers have left
    of one.

    `fan_outs`: what becomes of the stories in most channels, in reading order. `decisions`: what is sent, edited and held
    back in those that are apart; `muting`: those of them that mute something.
    """

    fates: tuple[Fate, ...] = ()
    records: Mapping[int, Stored] = field(default_factory=dict)
    content_hashes: Mapping[int, str] = field(default_factory=dict)
    analyses: Mapping[int, TextAnalysis] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)
    declares: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    topics: Mapping[int, tuple[TopicMatch, ...]] = field(default_factory=dict)
    why: Mapping[int, str] = field(default_factory=dict)
    stories: Mapping[int, StoryView | None] = field(default_factory=dict)
    story_topics: Mapping[int, Mapping[int, frozenset[Label]]] = field(default_factory=dict)
    merged: Mapping[int, int] = field(default_factory=dict)
    audiences: Mapping[int, frozenset[int]] = field(default_factory=dict)
    crowded_out: Mapping[int, frozenset[int]] = field(default_factory=dict)
    separated: frozenset[int] = frozenset()
    fan_outs: tuple[FanOut, ...] = ()
    decisions: Decisions = field(default_factory=Decisions)
    muting: frozenset[int] = frozenset()

    @property
    def new(self) -> int:
        """How many records were new."""
        return self.fates.count(Fate.NEW)

    @property
    def changed(self) -> int:
        """How many say something else than before."""
        return self.fates.count(Fate.CHANGED)

    @property
    def unchanged(self) -> int:
        """How many were stored already, as they are."""
        return self.fates.count(Fate.UNCHANGED)

    def audience(self, story: int) -> frozenset[int]:
        """The servers for which a story changes; with 0 among them, all."""
        return self.audiences.get(story, SHARED)


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A plan without its `decisions`. The store reads what its `fan_outs` leave apart, with which `plan` completes it.

    `separated`: story and server -> the new story of what that server has left of it.
    """

    plan: IntakePlan
    changes: StoryChanges
    topics: Topics
    separated: Mapping[tuple[int, int], int] = field(default_factory=dict)

    @property
    def fan_outs(self) -> tuple[FanOut, ...]:
        """What becomes of its stories in most channels, in reading order."""
        return self.plan.fan_outs


def place(
    identified: Identified, window: StoryWindow, arrivals: Sequence[Report], next_number: int
) -> Clustering:
    """Find some of the arrivals their stories, in a window that has all that are near them in time."""
    for record_id, story in identified.withdrawn:
        window.leave(story, [record_id])
    return window.place(arrivals, identified.related, next_number)


def affected(identified: Identified, clustering: Clustering) -> set[int]:
    """The numbers of the stories that change: what `Affected` must hold, as far as they are stored."""
    of_records = (stored.story for stored in identified.changed.values())
    numbers = chain(clustering.stories.values(), chain.from_iterable(clustering.merged.items()), of_records)
    return {number for number in numbers if number is not None and number < identified.context.next_story}


def draft(
    identified: Identified,
    clustering: Clustering,
    stored: Affected,
    topics: Topics,
    now: datetime,
    rules: PostingSettings,
) -> PlanDraft:
    """Decide what follows for stories from where the records of a batch belong."""
    members = membership.settle(
        stored.records, identified.records, identified.changed, clustering, identified.context.next_story
    )
    changes = _story_changes(
        members,
        {**stored.topics, **identified.topics},
        _assigned(stored, clustering.merged),
        rules.owners,
        merged=clustering.merged,
        reshaped=_returned(identified, members) | _left(clustering, stored),
    )
    planned = IntakePlan(
        fates=identified.fates,
        records={i: members.records[i] for i in members.changed},
        content_hashes=identified.content_hashes,
        analyses=identified.analyses,
        keys=identified.keys,
        declares=identified.declares,
        topics=identified.topics,
        why={i: _in_words(why, members.records[i], members.records) for i, why in clustering.why.items()},
        stories=changes.views,
        story_topics={
            number: labels_by_server(story, changes.public_view(number), rules.owners)
            for number, story in changes.stories.items()
        },
        merged=changes.merged,
        audiences=changes.audiences,
        crowded_out=members.crowded_out,
        separated=frozenset(members.separated.values()),
        fan_outs=fan_outs(changes, topics, now, rules),
    )
    return PlanDraft(planned, changes, topics, members.separated)


def plan(draft: PlanDraft, apart: Apart, now: datetime, rules: PostingSettings) -> IntakePlan:
    """Complete a draft by what becomes of its stories in the channels that are apart."""
    posts = {
        (draft.separated.get((story, post.guild_id), story), channel_id): post
        for (story, channel_id), post in apart.posts.items()
    }
    by_story = {fan_out.story: fan_out for fan_out in draft.fan_outs}

    def is_apart(story: int, channel: Channel) -> bool:
        return by_story[story].is_apart(channel)

    decided = decide_posts(draft.changes, posts, apart.channels, draft.topics, now, rules, is_apart)
    muting = frozenset(channel.id for channel in apart.channels if channel.mutes)
    return replace(draft.plan, decisions=decided, muting=muting)


def nothing_new(next_story: int) -> Identified:
    """A batch without records, of which something is decided all the same: what people say of stories."""
    return Identified(StoredContext({}, {}, {}, next_story=next_story))


def announce(
    ids: Iterable[int], stored: Affected, topics: Topics, now: datetime, rules: PostingSettings
) -> PlanDraft:
    """Make records that came in silently news after all, as of now: what `backfill` asks for."""
    news = {i: replace(stored.records[i], news=True, first_seen=now) for i in ids}
    members = Membership(stored.records, {**stored.records, **news}, tuple(news))
    changes = _story_changes(members, stored.topics, stored.assigned, rules.owners)
    planned = IntakePlan(
        records=news,
        stories=changes.views,
        audiences=changes.audiences,
        fan_outs=fan_outs(changes, topics, now, rules),
    )
    return PlanDraft(planned, changes, topics)


def _returned(identified: Identified, members: Membership) -> set[int | None]:
    """The stories with a record that was removed, or is there again."""
    before = identified.context.records
    return {
        members.records[i].story
        for i, stored in identified.changed.items()
        if i in before and before[i].record.removed != stored.record.removed
    }


def _left(clustering: Clustering, stored: Affected) -> set[int | None]:
    """The stories that a record was taken out of."""
    before = stored.records
    return {
        before[i].story for i, story in clustering.stories.items() if i in before and before[i].story != story
    }


# What put a record into its story. The reasons of a record are stored as one English text, and translated when it is shown.
FIRST = mark("first article of the story")
LINKED_FROM = mark("linked from {outlet}")
LINKS_TO = mark("links to {outlet}")
SHARED_WORDS = mark("shared words: {words}")
TRANSLATED = mark("the same in another language")
MOVED = mark("moved out of #{number} by a moderator")
REASONS = (FIRST, LINKED_FROM, LINKS_TO, SHARED_WORDS, TRANSLATED, MOVED)
BETWEEN_REASONS = " · "


def _in_words(why: Why, stored: Stored, records: Mapping[int, Stored]) -> str:
    """What put a record into its story, in words."""
    if why == Why():
        return reason_sentence([FIRST])
    record = stored.record
    written = {**terms(record.excerpt, record.language), **terms(record.title, record.language)}
    reasons = []
    if why.declared_by is not None:
        reasons.append(LINKED_FROM.format(outlet=records[why.declared_by].record.outlet.name))
    if why.declares is not None:
        reasons.append(LINKS_TO.format(outlet=records[why.declares].record.outlet.name))
    if why.shares:
        shared = [term for term in why.shares if is_specific(term)] or why.shares
        spelled = {word.lower(): word for word in _WORD.findall(f"{record.title} {record.excerpt}")[::-1]}
        words = (written.get(term, term) for term in shared)
        reasons.append(SHARED_WORDS.format(words=", ".join(spelled.get(word, word) for word in words)))
    if why.translated:
        reasons.append(TRANSLATED)
    return reason_sentence(reasons)


def reason_sentence(reasons: Sequence[str]) -> str:
    """The reasons of a record as they are stored."""
    text = BETWEEN_REASONS.join(reasons)
    return text[:1].upper() + text[1:]


def _story_changes(
    members: Membership,
    topics: Mapping[int, tuple[TopicMatch, ...]],
    assigned: Mapping[int, Mapping[int, frozenset[str]]],
    owners: MediaOwners,
    merged: Mapping[int, int] | None = None,
    reshaped: Iterable[int | None] = (),
) -> StoryChanges:
    """The stories whose records change, as they are from now on; `topics` by record, `assigned` by story."""
    merged = merged or {}
    audiences = members.audiences()
    changed = _stories(audiences.keys() - merged.keys(), members.records, topics, assigned)
    return StoryChanges(changed, views_of(changed, owners), audiences, merged, frozenset(reshaped))


def _stories(
    numbers: Iterable[int | None],
    records: Mapping[int, Stored],
    topics: Mapping[int, tuple[TopicMatch, ...]],
    assigned: Mapping[int, Mapping[int, frozenset[str]]],
) -> dict[int, Story]:
    members: dict[int, list[Stored]] = {number: [] for number in numbers if number is not None}
    for stored in records.values():
        if stored.story in members and not stored.record.removed:
            members[stored.story].append(stored)
    return {
        number: Story(
            number,
            tuple(of_story),
            {
                i: records[i]
                for member in of_story
                for i in member.declares
                if i in records and not records[i].record.removed
            },
            {member.id: topics.get(member.id, ()) for member in of_story},
            assigned.get(number, {}),
        )
        for number, of_story in sorted(members.items())
    }


def _assigned(stored: Affected, merged: Mapping[int, int]) -> dict[int, dict[int, frozenset[str]]]:
    """The topics that stories have, by server; one that others are merged into has theirs as well."""
    result: dict[int, dict[int, frozenset[str]]] = {}
    for number, by_server in stored.assigned.items():
        of = result.setdefault(merged.get(number, number), {})
        for server, keys in by_server.items():
            of[server] = of.get(server, frozenset()) | keys
    return result
