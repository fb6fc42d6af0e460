"""The decision about a batch of records: pure, `now` is an argument, nothing is written here.

    identify   which records are new, changed, or known already (`bot.domain.records.intake`)
    place      which story each belongs to (`bot.domain.clustering.assign`)
    plan       which channels to tell, which posts to edit, what is held back and why

Between them the store is asked for no more than the next one needs; `plan` returns everything that one
transaction then stores.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.batch import Clustering, Why
from bot.domain.clustering.embeddings import embed_title
from bot.domain.clustering.story_cluster import Report, day_of, extract_terms
from bot.domain.model import UNKNOWN_DATE, Mute, Stored, StoryView, Subscription, TopicMatch
from bot.domain.posting import decisions
from bot.domain.posting.decisions import Edit, Hold, Post, PostingSettings, Send
from bot.domain.records.intake import SHARED, Affected, Arrival, Identify, Known, Plan
from bot.domain.stories import story as stories
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.related import is_specific
from bot.domain.stories.story import Story
from bot.domain.text.stems import terms
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics

# Reports of one server's own sources that a story has room for. Shared intakes read them, and its pages show them.
GUESTS = 50
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Identified:
    """A batch of which it is known which records are new or changed.

    `plan` holds what is decided by that alone; `records` is all that is known of records so far, by id.
    `arrivals` came in themselves and belong into stories; `related` declare them, or are declared by them.
    `withdrawn` are records with the stories that they leave.
    """

    plan: Plan
    records: Mapping[int, Stored]
    known: Known
    arrivals: tuple[Report, ...]
    related: Mapping[int, Report]
    withdrawn: tuple[tuple[int, int], ...]


def identify(
    batch: Sequence[Arrival],
    known: Known,
    topics: Topics,
    now: datetime,
    max_age: timedelta,
    *,
    semantic: bool = False,
) -> Identified:
    """Which records of a batch are new or changed, in its order, each visible to the next.

    `semantic`: their titles are compared by what they mean, too.
    """
    taken = Identify(known, topics, now, max_age)
    for arrival in batch:
        taken.take(arrival)
    for i in taken.arrivals:
        stored = taken.records[i]
        record = stored.record
        meaning = embed_title(record.title, record.language) if semantic and not record.removed else b""
        if meaning != stored.meaning:
            taken.records[i] = taken.plan.records[i] = replace(stored, meaning=meaning)
    # Most polls bring nothing new: then there is nothing to compare either.
    present = taken.records.items() if taken.arrivals else ()
    reports = {i: _report(stored, semantic) for i, stored in present if not stored.record.removed}
    removed = (taken.records[i] for i in taken.arrivals if i not in reports)
    return Identified(
        taken.plan,
        taken.records,
        known,
        tuple(reports[i] for i in taken.arrivals if i in reports),
        reports,
        tuple((stored.id, stored.story) for stored in removed if stored.story is not None),
    )


def _report(stored: Stored, semantic: bool) -> Report:
    record = stored.record
    return Report(
        stored.id,
        extract_terms(record.title, record.excerpt, record.language),
        day_of(stored.published),
        record.outlet.domain,
        stored.guild_id,
        frozenset(stored.declares),
        stored.partial,
        stored.story,
        stored.meaning if semantic else b"",
    )


def place(
    identified: Identified, window: StoryWindow, arrivals: Sequence[Report], next_number: int
) -> Clustering:
    """Find some of the arrivals their stories, in a window that has all that are near them in time."""
    for record_id, story in identified.withdrawn:
        window.leave(story, [record_id])
    return window.place(arrivals, identified.related, next_number)


def affected(identified: Identified, clustering: Clustering) -> set[int]:
    """The numbers of the stories that change: what `Affected` must hold, as far as they are stored."""
    of_records = (identified.records[i].story for i in identified.plan.records)
    numbers = chain(clustering.stories.values(), chain.from_iterable(clustering.merged.items()), of_records)
    return {number for number in numbers if number is not None and number < identified.known.next_story}


def plan(
    identified: Identified,
    clustering: Clustering,
    stored: Affected,
    topics: Topics,
    subscriptions: Sequence[Subscription],
    mutes: Sequence[Mute],
    now: datetime,
    rules: PostingSettings,
) -> Plan:
    """Decide what follows from where the records of a batch belong."""
    result = identified.plan
    records = {**stored.records, **identified.records}
    for record_id, story in clustering.stories.items():
        _assign(result, records, record_id, story)
    for old, new in clustering.merged.items():
        result.merged[old] = new
        for member in list(records.values()):
            if member.story == old:
                _assign(result, records, member.id, new)
    for record_id, why in clustering.why.items():
        result.why[record_id] = _told(why, records[record_id], records)
    moved = _each_its_own(result, stored.records, records, identified.known.next_story)
    _crowd_out(result, stored.records, records)
    result.audiences = _audiences(result, stored.records, records)
    touched = result.audiences.keys() - result.merged.keys()
    changed = _stories(touched, records, {**stored.topics, **result.topics}, _assigned(stored, result.merged))
    result.stories = _views(changed, rules.owners)
    result.story_topics = {n: stories.topics_by_server(story, rules.owners) for n, story in changed.items()}
    returned = {
        records[i].story
        for i in result.records
        if i in identified.known.records
        and identified.known.records[i].record.removed != records[i].record.removed
    }
    left = {  # what a record was taken out of
        stored.records[i].story
        for i, number in clustering.stories.items()
        if i in stored.records and stored.records[i].story != number
    }
    channels = decisions.channels_of(subscriptions, mutes)
    posts = {(moved.get((n, post.guild_id), n), c): post for (n, c), post in stored.posts.items()}
    _audience(result, changed, returned | left, posts, topics, channels, now, rules)
    return result


def nothing_new(next_story: int) -> Identified:
    """A batch without records, of which something is decided all the same: what people say of stories."""
    return Identified(Plan(), {}, Known({}, {}, {}, next_story=next_story), (), {}, ())


def announce(
    ids: Iterable[int],
    stored: Affected,
    topics: Topics,
    subscriptions: Sequence[Subscription],
    mutes: Sequence[Mute],
    now: datetime,
    rules: PostingSettings,
) -> Plan:
    """Make records that came in silently news after all, as of now: what `backfill` asks for."""
    result = Plan()
    records = dict(stored.records)
    for record_id in ids:
        records[record_id] = replace(records[record_id], news=True, first_seen=now)
        result.records[record_id] = records[record_id]
        result.content_hashes[record_id] = stored.content_hashes[record_id]
    result.audiences = _audiences(result, stored.records, records)
    changed = _stories(result.audiences, records, stored.topics, stored.assigned)
    result.stories = _views(changed, rules.owners)
    channels = decisions.channels_of(subscriptions, mutes)
    _audience(result, changed, set(), stored.posts, topics, channels, now, rules)
    return result


def _told(why: Why, stored: Stored, records: Mapping[int, Stored]) -> str:
    """What put a record into its story, in words."""
    if why == Why():
        return "First article of the story"
    record = stored.record
    written = {**terms(record.excerpt, record.language), **terms(record.title, record.language)}
    reasons = []
    if why.declared_by is not None:
        reasons.append(f"linked from {records[why.declared_by].record.outlet.name}")
    if why.declares is not None:
        reasons.append(f"links to {records[why.declares].record.outlet.name}")
    if why.shares:
        shared = [term for term in why.shares if is_specific(term)] or why.shares
        spelled = {word.lower(): word for word in _WORD.findall(f"{record.title} {record.excerpt}")[::-1]}
        words = (written.get(term, term) for term in shared)
        reasons.append("shared words: " + ", ".join(spelled.get(word, word) for word in words))
    text = " · ".join(reasons)
    return text[:1].upper() + text[1:]


def _assign(result: Plan, records: dict[int, Stored], record_id: int, story: int | None) -> None:
    if records[record_id].story == story:
        return
    moved = replace(records[record_id], story=story)
    records[record_id] = moved
    result.records[record_id] = moved


def _each_its_own(
    result: Plan, before: Mapping[int, Stored], records: dict[int, Stored], next_story: int
) -> dict[tuple[int, int], int]:
    """Where all that was shared is gone from a story, what each server has left of it is a story of its own.

    Returns the number of that by the story and the server.
    """
    touched = _audiences(result, before, records)
    shared = {s.story for s in chain(before.values(), records.values()) if not s.guild_id}
    left: dict[int, dict[int, list[int]]] = {}
    for stored in records.values():
        number = stored.story
        if number in touched and number in shared and number is not None and not stored.record.removed:
            left.setdefault(number, {}).setdefault(stored.guild_id, []).append(stored.id)
    fresh = max([next_story, *(stored.story + 1 for stored in result.records.values() if stored.story)])
    moved: dict[tuple[int, int], int] = {}
    for number, servers in left.items():
        if 0 not in servers:
            for guild_id, ids in sorted(servers.items()):
                moved[number, guild_id] = fresh
                for record_id in ids:
                    _assign(result, records, record_id, fresh)
                fresh += 1
    return moved


def _crowd_out(result: Plan, before: Mapping[int, Stored], records: dict[int, Stored]) -> None:
    """Of what a server's own sources bring, the `GUESTS` newest reports have room in a story; the others are in none."""
    touched = {(records[i].story, records[i].guild_id) for i in result.records if records[i].guild_id}
    inside: dict[tuple[int | None, int], list[Stored]] = {}
    for stored in records.values():
        place = (stored.story, stored.guild_id)
        if stored.story is not None and place in touched and not stored.record.removed:
            inside.setdefault(place, []).append(stored)
    for (number, _), own in inside.items():
        for stored in sorted(own, key=_recency, reverse=True)[GUESTS:]:
            assert number is not None
            _assign(result, records, stored.id, None)
            result.crowded_out.setdefault(number, set()).add(stored.id)


def _recency(stored: Stored) -> tuple[bool, datetime, int]:
    return not stored.partial, stored.published, stored.id


def _audiences(
    result: Plan, before: Mapping[int, Stored], records: Mapping[int, Stored]
) -> dict[int, frozenset[int]]:
    """The stories of which records change, each with the servers whose records these are (0: shared ones)."""
    found: dict[int, set[int]] = {}
    for i in result.records:
        for world in (before, records):
            number = world[i].story if i in world else None
            if number is not None:
                found.setdefault(number, set()).add(records[i].guild_id)
    return {number: frozenset(servers) for number, servers in found.items()}


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
            tuple(own),
            {
                i: records[i]
                for member in own
                for i in member.declares
                if i in records and not records[i].record.removed
            },
            {member.id: topics.get(member.id, ()) for member in own},
            assigned.get(number, {}),
        )
        for number, own in sorted(members.items())
    }


def _assigned(stored: Affected, merged: Mapping[int, int]) -> dict[int, dict[int, frozenset[str]]]:
    """The topics that stories have, by server; one that others are merged into has theirs as well."""
    result: dict[int, dict[int, frozenset[str]]] = {}
    for number, by_server in stored.assigned.items():
        of = result.setdefault(merged.get(number, number), {})
        for server, keys in by_server.items():
            of[server] = of.get(server, frozenset()) | keys
    return result


def _alive(post: Post) -> tuple[bool, bool, int]:
    """The greater, the more there is of a post: one that is edited still, that stands in the channel, the older."""
    return (not post.closed, post.message_id is not None, -post.id)


def _views(changed: Mapping[int, Story], owners: MediaOwners) -> dict[int, StoryView | None]:
    """What everybody sees of each; of one that is of a server's own sources alone, what that server does."""
    return {
        number: stories.view(story.visible_to(story.guild_id), owners=owners)
        for number, story in changed.items()
    }


def _unfollowed(post: Post) -> decisions.Channel:
    """The channel of a post that follows nothing any more."""
    return decisions.Channel(post.channel_id, post.guild_id, ())


def _shown_at(view: StoryView | None, number: int) -> tuple[datetime, int]:
    """What posts of one intake are ordered by, the oldest first: a channel is read downwards."""
    return view.lead.published if view else UNKNOWN_DATE, number


def _audience(
    result: Plan,
    changed: Mapping[int, Story],
    reshaped: Collection[int | None],
    known_posts: Mapping[tuple[int, int], Post],
    topics: Topics,
    channels: Sequence[decisions.Channel],
    now: datetime,
    rules: PostingSettings,
) -> None:
    """Decide who is told of the stories that changed; the posts of `reshaped` are edited whatever their age."""
    posts, pointed_to = _after_merges(result, known_posts, now)
    by_id = {channel.id: channel for channel in channels}
    followers = _followers(channels)
    for number, story in sorted(
        changed.items(), key=lambda item: _shown_at(result.stories[item[0]], item[0])
    ):
        own = posts.get(number, {})
        following = chain.from_iterable(followers.get(topic, ()) for topic in _subjects(story, topics))
        seen: dict[int, Story] = {}
        for channel_id in dict.fromkeys(chain(own, sorted(following))):
            channel = by_id[channel_id] if channel_id in by_id else _unfollowed(own[channel_id])
            if result.audiences[number].isdisjoint((0, channel.guild_id)):
                continue
            if channel.guild_id not in seen:
                seen[channel.guild_id] = story.visible_to(channel.guild_id)
            part = seen[channel.guild_id]
            names_here = topics.visible_to(channel.guild_id)
            again = number in reshaped or (number, channel_id) in pointed_to
            match decisions.decide(
                part, channel, own.get(channel_id), names_here, now, rules, reshaped=again
            ):
                case Send() as send:
                    result.sends.append(send)
                case Edit() as edit:
                    result.edits.append(edit)
                case Hold() as hold:
                    result.holds.append(hold)


def _after_merges(
    result: Plan, known_posts: Mapping[tuple[int, int], Post], now: datetime
) -> tuple[dict[int, dict[int, Post]], set[tuple[int, int]]]:
    """The posts of each story by channel once stories were merged, and (story, channel) of those pointed to.

    Two posts of what is one story now: one goes on, the other is turned into a pointer or never sent.
    """
    visible = {
        (number, channel_id): post
        for (number, channel_id), post in known_posts.items()
        if not result.audiences.get(number, SHARED).isdisjoint((0, post.guild_id))
    }
    posts = dict(visible)
    pointed_to: set[tuple[int, int]] = set()
    for (old, channel_id), post in visible.items():
        survivor = result.merged.get(old)
        if survivor is None or (post.closed and post.message_id is None):
            continue
        other = posts.get((survivor, channel_id))
        if other is None:
            posts[survivor, channel_id] = post
            continue
        ends, posts[survivor, channel_id] = sorted((post, other), key=_alive)
        result.edits.append(Edit(ends.id, old, now))
        if not ends.closed:
            pointed_to.add((survivor, channel_id))
    by_story: dict[int, dict[int, Post]] = {}
    for (number, channel_id), post in posts.items():
        by_story.setdefault(number, {})[channel_id] = post
    return by_story, pointed_to


def _followers(channels: Sequence[decisions.Channel]) -> dict[str, dict[int, None]]:
    """The channels that follow each topic, by the topic's key."""
    followers: dict[str, dict[int, None]] = {}
    for channel in channels:
        for subscription in channel.subscriptions:
            followers.setdefault(name_key(subscription.topic), {})[channel.id] = None
    return followers


def _subjects(story: Story, topics: Topics) -> list[str]:
    """The keys of all topics of a story and those above them.

    A name that two servers use brings the channels of both: `decide` tells them apart.
    """
    keys: set[str] = set()
    for guild_id, name in {(m.guild_id, m.topic) for m in chain.from_iterable(story.topics.values())}:
        keys |= topics.visible_to(guild_id).with_ancestors([name])
    return sorted(keys)
