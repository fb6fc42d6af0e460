"""The decision about a batch of records: pure, `now` is an argument, nothing is written here.

    identify   which records are new, changed, or known already (`bot.domain.intake`)
    cluster    which story each belongs to (`bot.domain.cluster`)
    audience   which channels to tell, which posts to edit, what is held back and why

`plan` returns everything that one transaction then stores.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

from bot.domain import posting, stories
from bot.domain import topics as topic_names
from bot.domain.cluster import Report, cluster
from bot.domain.intake import Arrival, Identify, Known, Plan
from bot.domain.model import Mute, Stored, StoryView, Subscription, TopicMatch
from bot.domain.posting import Edit, Hold, Post, Rules, Send
from bot.domain.stories import Story
from bot.domain.terms import terms
from bot.domain.topics import Topics


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
    batch: Sequence[Arrival],
    known: Known,
    topics: Topics,
    subscriptions: Sequence[Subscription],
    mutes: Sequence[Mute],
    now: datetime,
    rules: Rules,
) -> Plan:
    """Decide about a batch, in its order, each record visible to the next."""
    identify = Identify(known, topics, now, rules.max_age)
    for arrival in batch:
        identify.take(arrival)
    result, records = identify.plan, identify.records
    _cluster(result, records, identify, known)
    touched = {records[i].story for i in result.records}
    matches = {**known.topics, **result.topics}
    changed = _stories(touched - set(result.merged), records, matches)
    result.stories = _views(changed)
    _audience(result, changed, known, topics, posting.channels_of(subscriptions, mutes), now, rules)
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
    result.stories = _views(changed)
    _audience(result, changed, known, topics, posting.channels_of(subscriptions, mutes), now, rules)
    return result


def _cluster(result: Plan, records: dict[int, Stored], identify: Identify, known: Known) -> None:
    """First what is everybody's, then what is each server's own: that joins stories, but moves none."""
    next_number = known.next_story
    # A removed record is in no story, but keeps its number, should it come back.
    arriving: dict[int, list[Report]] = {0: []}
    for i in identify.arrivals:
        if not records[i].record.removed:
            arriving.setdefault(records[i].guild_id, []).append(_report(records[i]))
    for guild_id, reports in _waiting(records, arriving[0]).items():
        arriving.setdefault(guild_id, []).extend(r for r in reports if r.id not in identify.arrivals)
    for guild_id, arrivals in sorted(arriving.items()):
        inside = {report.id for report in arrivals}
        window = [
            _report(stored)
            for stored in records.values()
            if stored.id not in inside
            and stored.guild_id in (0, guild_id)
            and not stored.record.removed
            and (stored.partial if stored.story is None else known.has_all_of(stored.story))
        ]
        clustering = cluster(arrivals, window, next_number)
        merged = clustering.merged
        if guild_id:
            everybodys = {r.story for r in records.values() if not r.guild_id and not r.record.removed}
            merged = _without_moving(merged, everybodys)
        for record_id, story in clustering.stories.items():
            if records[record_id].guild_id == guild_id:
                _assign(result, records, record_id, merged.get(story, story))
        for old, new in merged.items():
            result.merged[old] = new
            for stored in list(records.values()):
                if stored.story == old:
                    _assign(result, records, stored.id, new)
        next_number = max(next_number, *(story + 1 for story in clustering.stories.values()), 0)


def _waiting(records: Mapping[int, Stored], arrivals: Sequence[Report]) -> dict[int, list[Report]]:
    """Of each server, its own stories that everybody's arrivals might be the same event as: a quick guess."""
    stems = [frozenset(terms(report.title, report.language)) for report in arrivals]
    everybodys = {stored.story for stored in records.values() if not stored.guild_id}
    found: dict[int, list[Report]] = {}
    for stored in records.values():
        if stored.guild_id and stored.story not in everybodys and not stored.record.removed:
            own = frozenset(terms(stored.record.title, stored.record.language))
            if any(len(own & theirs) > 1 for theirs in stems):
                found.setdefault(stored.guild_id, []).append(_report(stored))
    return found


def _without_moving(merged: Mapping[int, int], fixed: Collection[int | None]) -> dict[int, int]:
    """The same mergers but for stories that have to stay: of several that became one, those go into the first such."""
    groups: dict[int, set[int]] = {}
    for old, new in merged.items():
        groups.setdefault(new, {new}).add(old)
    moves: dict[int, int] = {}
    for survivor, group in groups.items():
        target = min((number for number in group if number in fixed), default=survivor)
        moves |= {number: target for number in group if number not in fixed and number != target}
    return moves


def _assign(result: Plan, records: dict[int, Stored], record_id: int, story: int) -> None:
    if records[record_id].story == story:
        return
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


def _alive(post: Post) -> tuple[bool, bool, int]:
    """The greater, the more there is of a post: one that is edited still, that stands in the channel, the older."""
    return (not post.closed, post.message_id is not None, -post.id)


def _views(changed: Mapping[int, Story]) -> dict[int, StoryView | None]:
    """What everybody sees of each; of one that is of a server's own sources alone, what that server does."""
    return {number: stories.view(story.seen_by(story.guild_id)) for number, story in changed.items()}


def _audience(
    result: Plan,
    changed: Mapping[int, Story],
    known: Known,
    topics: Topics,
    channels: Sequence[posting.Channel],
    now: datetime,
    rules: Rules,
) -> None:
    # Stories of which a record was removed, or came back after that.
    returned = {
        stored.story
        for i, stored in result.records.items()
        if i in known.records and known.records[i].record.removed != stored.record.removed
    }
    posts = dict(known.posts)
    for (old, channel_id), post in known.posts.items():
        survivor = result.merged.get(old)
        if survivor is None:
            continue
        # Two posts of what is one story now: one goes on, the other is turned into a pointer or never sent.
        other = posts.get((survivor, channel_id))
        if other is None:
            posts[survivor, channel_id] = post
            continue
        ends, posts[survivor, channel_id] = sorted((post, other), key=_alive)
        result.edits.append(Edit(ends.id, old, now))
    told: dict[int, dict[int, Post]] = {}
    for (number, channel_id), post in posts.items():
        told.setdefault(number, {})[channel_id] = post
    by_id = {channel.id: channel for channel in channels}
    followers: dict[str, dict[int, None]] = {}
    for channel in channels:
        for subscription in channel.subscriptions:
            followers.setdefault(subscription.topic.casefold(), {})[channel.id] = None
    for number, story in changed.items():
        own = told.get(number, {})
        about = topics.with_ancestors(topic_names.names(story.topics, story.topics))
        following = chain.from_iterable(followers.get(topic, ()) for topic in sorted(about))
        seen: dict[int, Story] = {}
        for channel_id in dict.fromkeys(chain(own, sorted(following))):
            channel = by_id.get(channel_id, posting.Channel(channel_id, story.guild_id, ()))
            part = seen.setdefault(channel.guild_id, story.seen_by(channel.guild_id))
            removal = number in returned
            match posting.decide(part, channel, own.get(channel_id), topics, now, rules, removal=removal):
                case Send() as send:
                    result.sends.append(send)
                case Edit() as edit:
                    result.edits.append(edit)
                case Hold() as hold:
                    result.holds.append(hold)
