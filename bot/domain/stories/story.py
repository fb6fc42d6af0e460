"""What a story shows: lead, coverage, heat, and what a channel's mutes leave of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain.model import (
    HEAT_PER_OUTLET,
    MAJOR_HEAT,
    NOTABLE_HEAT,
    Coverage,
    Importance,
    Mute,
    Record,
    Relation,
    Stored,
    StoryView,
    TopicMatch,
)
from bot.domain.stories.mutes import domain_of
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.text.words import name_key, tokens, words
from bot.domain.topics import tree as topic_names


@dataclass(frozen=True, slots=True)
class Story:
    """All that is stored of one story.

    `members` are its same-event records that were not removed, partial ones included;
    `declared` maps the id of every record that a member declares to that record, as far as it
    was not removed; `topics` maps a member's id to its topics.
    """

    number: int
    members: tuple[Stored, ...]
    declared: Mapping[int, Stored]
    topics: Mapping[int, tuple[TopicMatch, ...]]

    @property
    def guild_id(self) -> int:
        """The server that alone sees the story, as all of it came from its own sources; 0: everybody does."""
        return min((member.guild_id for member in self.members), default=0)

    def visible_to(self, guild_id: int) -> Story:
        """What a server sees of the story: what came from its own sources and from the shared ones.

        A page that came from both is there once. Nor does it see topics of other servers.
        """
        topics = self.topics
        if any(match.guild_id for own in topics.values() for match in own):
            seen = (0, guild_id)
            topics = {i: tuple(m for m in own if m.guild_id in seen) for i, own in topics.items()}
        if not any(member.guild_id for member in self.members):
            return self if topics is self.topics else replace(self, topics=topics)
        public = {member.record.url for member in self.members if not member.guild_id}
        members = tuple(
            member
            for member in self.members
            if not member.guild_id or (member.guild_id == guild_id and member.record.url not in public)
        )
        return replace(self, members=members, topics=topics)


COPIED = 12  # words at the beginning of two texts that no two authors write alike

Muted = Callable[[Record], bool]


def never(_record: Record) -> bool:
    """The mutes of a reader who mutes nothing."""
    return False


def muted_by(mutes: Sequence[Mute]) -> Muted:
    """Whether a record is muted: by its outlet's domain or name, or by words of its title.

    An outlet that has no other name than its domain is named by the first part of it. A mute without words, such as an emoji, is looked for among the marks of the title.
    """
    if not mutes:
        return never
    outlets = {name for mute in mutes for name in (name_key(mute.value), domain_of(mute.value)) if name}
    phrases = [_spaced(phrase) for mute in mutes if (phrase := words(mute.value))]
    marks = [_spaced(tokens(mute.value)) for mute in mutes if not words(mute.value)]

    def muted(record: Record) -> bool:
        domain = record.outlet.domain
        name = name_key(record.outlet.name)
        if not outlets.isdisjoint((domain, domain.partition(".")[0] if name == domain else name)):
            return True
        title = _spaced(words(record.title))
        if any(phrase in title for phrase in phrases):
            return True
        written = _spaced(tokens(record.title)) if marks else ""
        return any(mark in written for mark in marks)

    return muted


def _spaced(parts: Sequence[str]) -> str:
    return f" {' '.join(parts)} "


def _rank(stored: Stored) -> tuple[int, float, str]:
    return (-stored.record.quality, stored.published.timestamp(), stored.record.key)


def lead_of(members: Iterable[Stored]) -> Stored:
    """Best quality, then earliest, among the records that came in themselves; else among the partial ones."""
    return min(members, key=lambda member: (member.partial, *_rank(member)))


def heat_of(lead: Stored, members: Iterable[Stored], owners: MediaOwners = NO_OWNERS) -> int:
    """The declared heat of the lead, else its quality and `HEAT_PER_OUTLET` for every other voice."""
    if lead.record.heat is not None:
        return lead.record.heat
    return lead.record.quality + HEAT_PER_OUTLET * (voices((lead, *members), owners) - 1)


def voices(members: Iterable[Stored], owners: MediaOwners = NO_OWNERS) -> int:
    """How many speak for themselves: an owner counts once, and so do all who bring one text of an agency."""
    return len(set(voice_of(members, owners).values()))


def voice_of(members: Iterable[Stored], owners: MediaOwners = NO_OWNERS) -> dict[int, str]:
    """Whose voice each member is, by its id: equal for those of one owner, and for all who bring one text of an agency."""
    parent: dict[str, str] = {}

    def root(mark: str) -> str:
        while parent.setdefault(mark, mark) != mark:
            mark = parent[mark]
        return mark

    speakers: dict[int, str] = {}
    for member in members:
        speakers[member.id] = owner = root(f"owner {owners.of(member.record.outlet.domain)}")
        beginning = words(member.record.excerpt)[:COPIED]
        if len(beginning) == COPIED:
            parent[root(f"text {' '.join(beginning)}")] = owner
    return {member_id: root(owner) for member_id, owner in speakers.items()}


def view(story: Story, muted: Muted = never, owners: MediaOwners = NO_OWNERS) -> StoryView | None:
    """The story without its muted records; None where nothing of it is left. Its heat counts `owners` once."""
    members = tuple(sorted((m for m in story.members if not muted(m.record)), key=_rank))
    if not members:
        return None
    lead = lead_of(members)
    inside = {member.id for member in story.members}
    background = [
        story.declared[i]
        for i in lead.declares
        if i in story.declared and i not in inside and not muted(story.declared[i].record)
    ]
    coverage = [Coverage(member, Relation.SAME) for member in members if member.id != lead.id]
    coverage += [Coverage(stored, Relation.BACKGROUND) for stored in background]
    coverage.sort(key=lambda entry: _rank(entry.stored))
    heat = heat_of(lead, members, owners)
    by_arrival = sorted(members, key=lambda member: (member.first_seen, member.id))
    return StoryView(
        number=story.number,
        lead=lead,
        members=members,
        coverage=tuple(coverage),
        heat=heat,
        notable=heat >= NOTABLE_HEAT or lead.record.notable,
        outlets=len({member.record.outlet.domain for member in members}),
        topics=topic_names.names(story.topics, (member.id for member in by_arrival)),
        first=min(member.published for member in members),
        last=max(member.published for member in members),
    )


def reaches(story: StoryView, importance: Importance) -> bool:
    """Whether the story reaches the bar."""
    match importance:
        case Importance.ALL:
            return True
        case Importance.NOTABLE:
            return story.notable
        case Importance.MAJOR:
            return story.heat >= MAJOR_HEAT
