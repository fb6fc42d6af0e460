"""The digest: what is in it, and in which order. Pure; times are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from bot.domain.model import Mode, StoryView, Subscription
from bot.domain.posting.schedule import DEFAULT_SIZE
from bot.domain.posting.volume import is_in_digest
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.ranking import HALF_LIFE, Spike, rank
from bot.domain.stories.story import Muted, Story, nothing_muted, story_view
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics

MOST_SECTIONS = 10  # each takes three of the 40 components of a message
MOST_IN_A_ROW = 2  # stories of one outlet
NO_VOTES: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DigestMention:
    """What the last digest that told a story said of it: its number of outlets, and when that was."""

    outlets: int
    at: datetime


@dataclass(frozen=True, slots=True)
class DigestEntry:
    """A story in a digest; `grew` outlets joined since `told_at` (0 and None: told for the first time).

    `votes` are those of members for it, less those against it.
    """

    view: StoryView
    score: float
    grew: int = 0
    told_at: datetime | None = None
    votes: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """The stories of one subscribed topic, best first; `spike` where there is more of it than usual."""

    topic: str
    entries: tuple[DigestEntry, ...]
    spike: Spike | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """What was new and what went on after `since` and until `until`; `left_out` stories found no room."""

    since: datetime
    until: datetime
    sections: tuple[Section, ...] = ()
    left_out: int = 0

    @property
    def entries(self) -> tuple[DigestEntry, ...]:
        """All entries in the order in which they are read."""
        return tuple(entry for section in self.sections for entry in section.entries)


def served_by_digest(subscriptions: Iterable[Subscription]) -> tuple[Subscription, ...]:
    """The subscriptions whose topics are in a channel's digests."""
    return tuple(s for s in subscriptions if s.mode is not Mode.LIVE)


def _as_of(story: Story, until: datetime) -> Story:
    return replace(story, members=tuple(m for m in story.members if m.first_seen <= until))


def half_life_of(since: datetime, until: datetime) -> timedelta:
    """In which time heat halves in a digest of this period: over all of it, but not in less than `HALF_LIFE`.

    In a digest of a week, the week's greatest story must not stand behind whatever came today.
    """
    return max(until - since, HALF_LIFE)


def compose(
    candidates: Iterable[Story],
    subscriptions: Sequence[Subscription],
    topics: Topics,
    mentions: Mapping[int, DigestMention],
    since: datetime,
    until: datetime,
    *,
    muted: Muted = nothing_muted,
    owners: MediaOwners = NO_OWNERS,
    size: int = DEFAULT_SIZE,
    votes: Mapping[int, int] = NO_VOTES,
) -> Digest:
    """The best stories of the subscriptions' topics that arrived or grew in (`since`, `until`].

    Those with more `votes` (for less against, by story) come first, then those with more heat, which decays with
    `half_life_of` the period. A story told before comes again only if outlets joined since. Every story stands once, below the
    first of the subscribed topics that it belongs to; never more than `MOST_IN_A_ROW` of one outlet follow
    each other.
    """
    half_life = half_life_of(since, until)
    by_topic: dict[str, list[DigestEntry]] = {s.topic: [] for s in subscriptions}
    for story in candidates:
        view = story_view(_as_of(story, until), muted, owners)
        if view is None:
            continue
        if not any(since < m.first_seen <= until for m in view.members if not m.partial):
            continue
        names = topics.with_ancestors(view.topics)
        home = next(
            (s.topic for s in subscriptions if name_key(s.topic) in names and is_in_digest(view, s)),
            None,
        )
        before = mentions.get(story.number)
        grew = view.outlets - before.outlets if before else 0
        if home is None or (before and grew <= 0):
            continue
        value = rank(view, until, half_life)
        told_at = before.at if before else None
        by_topic[home].append(DigestEntry(view, value, grew, told_at, votes.get(story.number, 0)))
    return _arrange(by_topic, since, until, size)


def _arrange(
    by_topic: Mapping[str, list[DigestEntry]], since: datetime, until: datetime, size: int
) -> Digest:
    def best_first(entry: DigestEntry) -> tuple[int, float, int, int]:
        return (-entry.votes, -entry.score, -entry.view.outlets, entry.view.number)

    sorted_pools = [
        (topic, sorted(entries, key=best_first)) for topic, entries in by_topic.items() if entries
    ]
    total = sum(len(pool) for _, pool in sorted_pools)
    # A message has no more sections than this: what it would not show must not count as told.
    pools = dict(sorted(sorted_pools, key=lambda item: best_first(item[1][0]))[:MOST_SECTIONS])
    every = (entry for pool in pools.values() for entry in pool)
    best = {entry.view.number for entry in sorted(every, key=best_first)[:size]}
    sections: list[Section] = []
    tail: list[str] = []
    carried = 0
    for topic, pool in pools.items():
        room = carried + sum(entry.view.number in best for entry in pool)
        placed: list[DigestEntry] = []
        rest = list(pool)
        while rest and len(placed) < room:
            follows = next((e for e in rest if tail[-MOST_IN_A_ROW:] != [_outlet(e)] * MOST_IN_A_ROW), None)
            if follows is None:
                break
            rest.remove(follows)
            placed.append(follows)
            tail.append(_outlet(follows))
        carried = room - len(placed)
        if placed:
            sections.append(Section(topic, tuple(placed)))
    return Digest(since, until, tuple(sections), total - sum(len(s.entries) for s in sections))


def _outlet(entry: DigestEntry) -> str:
    return entry.view.lead.record.outlet.domain
