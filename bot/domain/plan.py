"""The decision about a batch of records: pure, `now` is an argument, nothing is written here.

    identify   which records are new, changed, or known already
    cluster    which story each belongs to (`bot.domain.cluster`)
    audience   which channels to tell, which posts to edit, what is held back and why

`plan` returns everything that one transaction then stores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain

from bot.domain import posting, stories
from bot.domain.cluster import Report, cluster
from bot.domain.model import Mute, Record, Stored, StoryView, Subscription, TopicMatch
from bot.domain.posting import Edit, Hold, Post, Reason, Rules, Send
from bot.domain.stories import Story
from bot.domain.topics import Topics

# How far from a record's time its story is looked for.
STORY_WINDOW = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows that a batch can touch.

    `by_key`: the records (canonical URLs and twins) that the batch names, and `records` by id: those,
    the same-event members of every story near them in time, and what any of them declares.
    `digests`: the content digest of each record by id. `topics`: the matches of each by id.
    `complete`: the stories of which every member is in `records` (None: all); no other may change.
    """

    by_key: Mapping[str, int]
    records: Mapping[int, Stored]
    digests: Mapping[int, str]
    topics: Mapping[int, tuple[TopicMatch, ...]]
    posts: Mapping[tuple[int, int], Post]
    next_record: int = 1
    next_story: int = 1
    complete: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """How a batch came in. `silent`: its source's first intake, which is taken in without posting.

    `replay`: old records told on their own clock; each was first seen when it was published.
    """

    now: datetime
    silent: bool = False
    replay: bool = False


@dataclass(slots=True)
class Plan:
    """What to store. `counts` are items of the batch; the rest are whole rows to insert or replace."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    records: dict[int, Stored] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    declares: dict[int, tuple[int, ...]] = field(default_factory=dict)
    topics: dict[int, tuple[TopicMatch, ...]] = field(default_factory=dict)
    stories: dict[int, StoryView | None] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    sends: list[Send] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)

    @property
    def held(self) -> dict[Reason, int]:
        """How many were held back, by reason."""
        counts: dict[Reason, int] = {}
        for hold in self.holds:
            counts[hold.reason] = counts.get(hold.reason, 0) + 1
        return counts


def digest_of(record: Record) -> str:
    """A fingerprint of all that a record says; equal exactly where nothing changed."""
    return hashlib.blake2b(repr(record).encode(), digest_size=16).hexdigest()


def keys_of(record: Record) -> tuple[str, ...]:
    """The canonical URLs under which a record is known."""
    return tuple(dict.fromkeys((record.key, *record.twins)))


def all_keys(records: Iterable[Record]) -> set[str]:
    """The keys of records and of everything they declare: what `Known.by_key` must answer for."""
    return {key for r in records for known in chain((r,), r.related) for key in keys_of(known)}


class _Identify:
    """Turns items into stored records: known ones updated, unknown ones numbered."""

    def __init__(self, known: Known, topics: Topics, intake: Intake, max_age: timedelta) -> None:
        self._known = known
        self._topics = topics
        self._intake = intake
        self._max_age = max_age
        self.by_key = dict(known.by_key)
        self.records = dict(known.records)
        self.plan = Plan()
        self.arrivals: dict[int, None] = {}
        self._next = known.next_record

    def take(self, record: Record) -> None:
        own = set(keys_of(record))  # a record may list itself, or its AMP version
        related = [self._partial(entry) for entry in record.related if own.isdisjoint(keys_of(entry))]
        declares = tuple(dict.fromkeys(related))
        bare, digest = replace(record, related=()), digest_of(record)
        found = self._find(record)
        old = self.records.get(found) if found is not None else None
        if old is not None and not old.partial:
            assert found is not None
            if self._digest(found) == digest:
                self.plan.unchanged += 1
                return
            self.plan.changed += 1
        else:
            self.plan.new += 1
        record_id = self._new_id() if found is None else found
        stored = self._stored(record_id, bare, old, tuple(i for i in declares if i != record_id))
        self._put(stored, digest, record)

    def _stored(
        self, record_id: int, record: Record, old: Stored | None, declares: tuple[int, ...]
    ) -> Stored:
        intake = self._intake
        if old is not None and record.removed:
            # A removal may say nothing but the URL: what was known stays, marked as removed.
            record, declares = replace(old.record, removed=True), old.declares
        if old is not None and not old.partial:
            published = record.published or old.published
            return replace(old, record=record, published=published, declares=declares)
        first_seen = self._first_seen(record)
        published = record.published or first_seen
        fresh = first_seen - published <= self._max_age
        story = old.story if old is not None else None
        return Stored(
            record_id, record, published, first_seen, False, fresh and not intake.silent, story, declares
        )

    def _first_seen(self, record: Record) -> datetime:
        """Now; but a first intake or a replay tells the past, so there it is when it was published."""
        past = self._intake.silent or self._intake.replay
        return min(record.published or self._intake.now, self._intake.now) if past else self._intake.now

    def _partial(self, entry: Record) -> int:
        """The id of a declared record; unknown ones are noted as partial."""
        found = self._find(entry)
        if found is None:
            found = self._new_id()
            seen = self._first_seen(entry)
            stored = Stored(found, entry, entry.published or seen, seen, partial=True)
            self._put(stored, digest_of(entry), entry)
        elif self.records[found].partial and found not in self.plan.records:
            self.arrivals.setdefault(found)  # somebody else declares it now: look again
        return found

    def _put(self, stored: Stored, digest: str, record: Record) -> None:
        self.records[stored.id] = stored
        self.plan.records[stored.id] = stored
        self.plan.digests[stored.id] = digest
        if not stored.partial:
            self.plan.topics[stored.id] = self._topics.of(stored.record)
            self.plan.declares[stored.id] = stored.declares
        self.arrivals.setdefault(stored.id)
        self._learn(stored.id, record)

    def _learn(self, record_id: int, record: Record) -> None:
        for key in keys_of(record):
            if key not in self.by_key:
                self.by_key[key] = record_id
                self.plan.keys[key] = record_id

    def _find(self, record: Record) -> int | None:
        return next((self.by_key[key] for key in keys_of(record) if key in self.by_key), None)

    def _digest(self, record_id: int) -> str | None:
        return self.plan.digests.get(record_id) or self._known.digests.get(record_id)

    def _new_id(self) -> int:
        self._next += 1
        return self._next - 1


def _report(stored: Stored) -> Report:
    record = stored.record
    return Report(
        stored.id,
        record.title,
        record.excerpt,
        stored.published,
        record.outlet.domain,
        record.language,
        frozenset(stored.declares),
        stored.partial,
        stored.story,
    )


def plan(
    batch: Sequence[Record],
    known: Known,
    topics: Topics,
    subscriptions: Sequence[Subscription],
    mutes: Sequence[Mute],
    intake: Intake,
    rules: Rules,
) -> Plan:
    """Decide about a batch, in its order, each record visible to the next."""
    identify = _Identify(known, topics, intake, rules.max_age)
    for record in batch:
        identify.take(record)
    result, records = identify.plan, identify.records
    _cluster(result, records, identify, known)
    touched = {records[i].story for i in result.records}
    matches = {**known.topics, **result.topics}
    changed = _stories(touched - set(result.merged), records, matches)
    result.stories = {number: stories.view(story) for number, story in changed.items()}
    _audience(result, changed, known, topics, posting.channels_of(subscriptions, mutes), intake.now, rules)
    return result


def announce(
    ids: Iterable[int],
    known: Known,
    topics: Topics,
    subscriptions: Sequence[Subscription],
    mutes: Sequence[Mute],
    now: datetime,
    rules: Rules,
) -> Plan:
    """Make records that came in silently news after all, as of now: what `backfill` asks for."""
    result = Plan()
    records = dict(known.records)
    for record_id in ids:
        records[record_id] = replace(records[record_id], news=True, first_seen=now)
        result.records[record_id] = records[record_id]
        result.digests[record_id] = known.digests[record_id]
    changed = _stories({stored.story for stored in result.records.values()}, records, known.topics)
    result.stories = {number: stories.view(story) for number, story in changed.items()}
    _audience(result, changed, known, topics, posting.channels_of(subscriptions, mutes), now, rules)
    return result


def _cluster(result: Plan, records: dict[int, Stored], identify: _Identify, known: Known) -> None:
    # A removed record is in no story, but keeps its number, should it come back.
    arrivals = [_report(records[i]) for i in identify.arrivals if not records[i].record.removed]
    inside = {report.id for report in arrivals}
    window = [
        _report(stored)
        for stored in records.values()
        if stored.id not in inside
        and not stored.record.removed
        and (
            stored.partial
            if stored.story is None
            else known.complete is None or stored.story in known.complete
        )
    ]
    clustering = cluster(arrivals, window, known.next_story)
    for record_id, story in clustering.stories.items():
        if records[record_id].story != story:
            _assign(result, records, record_id, story)
    for old, new in clustering.merged.items():
        result.merged[old] = new
        for stored in list(records.values()):
            if stored.story == old:
                _assign(result, records, stored.id, new)


def _assign(result: Plan, records: dict[int, Stored], record_id: int, story: int) -> None:
    moved = replace(records[record_id], story=story)
    records[record_id] = moved
    result.records[record_id] = moved


def _stories(
    numbers: Iterable[int | None],
    records: Mapping[int, Stored],
    topics: Mapping[int, tuple[TopicMatch, ...]],
) -> dict[int, Story]:
    members: dict[int, list[Stored]] = {number: [] for number in numbers if number is not None}
    for stored in records.values():
        if stored.story in members and not stored.record.removed:
            members[stored.story].append(stored)
    return {
        number: Story(
            number,
            tuple(own),
            {
                i: records[i]
                for member in own
                for i in member.declares
                if i in records and not records[i].record.removed
            },
            {member.id: topics.get(member.id, ()) for member in own},
        )
        for number, own in sorted(members.items())
    }


def _audience(
    result: Plan,
    changed: Mapping[int, Story],
    known: Known,
    topics: Topics,
    channels: Sequence[posting.Channel],
    now: datetime,
    rules: Rules,
) -> None:
    posts = dict(known.posts)
    for (old, channel_id), post in known.posts.items():
        survivor = result.merged.get(old)
        if survivor is None:
            continue
        if (survivor, channel_id) in posts:
            # Two posts of what is one story now: the later one is turned into a pointer.
            result.edits.append(Edit(post.id, old, now))
        else:
            posts[survivor, channel_id] = post
    by_id = {channel.id: channel for channel in channels}
    for number, story in changed.items():
        told = {channel_id: post for (of, channel_id), post in posts.items() if of == number}
        for channel_id in {**told, **by_id}:
            channel = by_id.get(channel_id, posting.Channel(channel_id, 0, ()))
            match posting.decide(story, channel, told.get(channel_id), topics, now, rules):
                case Send() as send:
                    result.sends.append(send)
                case Edit() as edit:
                    result.edits.append(edit)
                case Hold() as hold:
                    result.holds.append(hold)
