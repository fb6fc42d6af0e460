"""What a story shows: lead, coverage, heat, and what a channel's mutes leave of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain.model import (
    HEAT_PER_OUTLET,
    NOTABLE_HEAT,
    Coverage,
    Mute,
    Record,
    Relation,
    Stored,
    StoryView,
    TopicEvidence,
    TopicMatch,
)
from bot.domain.stories.evidence import assigned_names, labels_of, weigh_topics
from bot.domain.stories.mutes import domain_of
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.voices import voice_of
from bot.domain.text.words import name_key, tokens, words
from bot.domain.topics.query.meter import Label


@dataclass(frozen=True, slots=True)
class Story:
    """All that is stored of one story.

    `members` are its same-event records that were not removed, partial ones included;
    `declared` maps the id of every record that a member declares to that record, as far as it
    was not removed; `topics` maps a member's id to its topics. `assigned` are the keys of the topics that the story
    had when it was stored, by the server that sees them (0: everybody does).
    """

    number: int
    members: tuple[Stored, ...]
    declared: Mapping[int, Stored]
    topics: Mapping[int, tuple[TopicMatch, ...]]
    assigned: Mapping[int, frozenset[str]] = field(default_factory=dict)

    @property
    def guild_id(self) -> int:
        """The server that alone sees the story, as all of it came from its own sources; 0: everybody does."""
        return min((member.guild_id for member in self.members), default=0)

    def visible_to(self, guild_id: int) -> Story:
        """What a server sees of the story: what came from its own sources and from the shared ones.

        A page that came from both is there once. Nor does it see topics of other servers.
        """
        topics, assigned, seen = self.topics, self.assigned, (0, guild_id)
        if any(match.guild_id for of_member in topics.values() for match in of_member):
            topics = {i: tuple(m for m in of_member if m.guild_id in seen) for i, of_member in topics.items()}
        if not assigned.keys() <= set(seen):
            assigned = {server: keys for server, keys in assigned.items() if server in seen}
        if not any(member.guild_id for member in self.members):
            same = topics is self.topics and assigned is self.assigned
            return self if same else replace(self, topics=topics, assigned=assigned)
        public = {member.record.url for member in self.members if not member.guild_id}
        members = tuple(
            member
            for member in self.members
            if not member.guild_id or (member.guild_id == guild_id and member.record.url not in public)
        )
        return replace(self, members=members, topics=topics, assigned=assigned)


def by_server(story: Story) -> Callable[[int], Story]:
    """`story.visible_to` for many servers: none costs more for what the sources of the others brought."""
    guests: dict[int, list[Stored]] = {}
    for member in story.members:
        guests.setdefault(member.guild_id, []).append(member)
    shared = guests.pop(0, [])

    def visible_to(guild_id: int) -> Story:
        if not guests:
            return story.visible_to(guild_id)
        members = (*shared, *guests.get(guild_id, ()))
        topics = {member.id: story.topics.get(member.id, ()) for member in members}
        assigned = {of: story.assigned[of] for of in (0, guild_id) if of in story.assigned}
        return replace(story, members=members, topics=topics, assigned=assigned).visible_to(guild_id)

    return visible_to


Muted = Callable[[Record], bool]


def nothing_muted(_record: Record) -> bool:
    """The mutes of a reader who mutes nothing."""
    return False


def muted_by(mutes: Sequence[Mute]) -> Muted:
    """Whether a record is muted: by its outlet's domain or name, or by words of its title.

    An outlet that has no other name than its domain is named by the first part of it. A mute without words, such as an emoji, is looked for among the marks of the title.
    """
    if not mutes:
        return nothing_muted
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


def heat_of(lead: Stored, voices: int) -> int:
    """The declared heat of the lead, else its quality and `HEAT_PER_OUTLET` for every other voice."""
    if lead.record.heat is not None:
        return lead.record.heat
    return lead.record.quality + HEAT_PER_OUTLET * (voices - 1)


def story_view(
    story: Story, muted: Muted = nothing_muted, owners: MediaOwners = NO_OWNERS
) -> StoryView | None:
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
    voice = voice_of(members, owners)
    voices = len(set(voice.values()))
    heat = heat_of(lead, voices)
    by_arrival = sorted(members, key=lambda member: (member.first_seen, member.id))
    evidence = _evidence(story, by_arrival, voice, lead)
    return StoryView(
        number=story.number,
        lead=lead,
        members=members,
        coverage=tuple(coverage),
        heat=heat,
        notable=heat >= NOTABLE_HEAT or lead.record.notable,
        outlets=len({member.record.outlet.domain for member in members}),
        topics=assigned_names(evidence),
        first=min(member.published for member in members),
        last=max(member.published for member in members),
        evidence=evidence,
        voices=voices,
    )


def _evidence(
    story: Story, members: Sequence[Stored], voice: Mapping[int, str], lead: Stored
) -> tuple[TopicEvidence, ...]:
    """What speaks for a story's topics. What a server's own reports add takes nothing from what everybody sees."""
    shared = story.assigned.get(0, frozenset())
    every = weigh_topics(
        members, voice, story.topics, lead=lead, assigned=shared.union(*story.assigned.values())
    )
    public = [member for member in members if not member.guild_id]
    if len(public) in (0, len(members)):
        return every
    of_public = weigh_topics(public, voice, story.topics, lead=lead_of(public), assigned=shared)
    certain = {name_key(name) for name in assigned_names(of_public)}
    return tuple(
        replace(topic_evidence, assigned=topic_evidence.assigned or name_key(topic_evidence.topic) in certain)
        for topic_evidence in every
    )


def topics_by_server(story: Story, owners: MediaOwners = NO_OWNERS) -> dict[int, frozenset[Label]]:
    """The topics of a story that each server sees, by their servers and keys; what everybody sees (0) stands there alone.

    Server topics and a server's own reports concern that server alone. Of many servers each costs no more than its
    own topics and reports.
    """
    return labels_by_server(story, story_view(story.visible_to(0), owners=owners), owners)


def labels_by_server(
    story: Story, public: StoryView | None, owners: MediaOwners = NO_OWNERS
) -> dict[int, frozenset[Label]]:
    """`topics_by_server` of a story of which it is known what everybody sees (None: nothing)."""
    everybody = _labels(public)
    of_servers: dict[int, dict[int, list[TopicMatch]]] = {}
    for i, matches in story.topics.items():
        for match in matches:
            if match.guild_id:
                of_servers.setdefault(match.guild_id, {}).setdefault(i, []).append(match)
    hosts = {member.guild_id for member in story.members if member.guild_id}
    seen = by_server(story)
    of_server: dict[int, frozenset[Label]] = {}
    guests = of_servers.keys() - hosts
    if public is not None and guests:
        lead, voice = public.lead, voice_of(public.members, owners)
        for server in guests:
            had = story.assigned.get(server, frozenset())
            evidence = weigh_topics(public.members, voice, of_servers[server], lead=lead, assigned=had)
            of_server[server] = labels_of(evidence)
    for server in hosts:
        of_server[server] = _labels(story_view(seen(server), owners=owners)) - everybody
    return {server: labels for server, labels in {0: everybody, **of_server}.items() if labels}


def _labels(view: StoryView | None) -> frozenset[Label]:
    return labels_of(view.evidence) if view else frozenset()
