"""A story's topics, decided by how many independent voices say so. Pure.

One report that mentions Russia does not make a story of two hundred reports one about Russia. Each voice (an owner,
or all who bring one text of an agency) counts once for each topic of its reports. A topic is assigned if the weight
of the voices that say so reaches a share of all voices, and at least that of one voice: in a small story any report
decides, and the bigger the story, the more of them it takes. An assigned topic stays until the weight falls below a
lower share, so that a living message does not flicker.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.model import Stored, TopicEvidence, TopicMatch
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.voices import voice_of
from bot.domain.text.words import name_key
from bot.domain.topics.query.meter import Label

ASSIGN = 0.2  # share of a story's voices that assigns a topic; chosen on events of the headlines in docs/quality.md
KEEP = 0.15  # share below which an assigned topic is dropped
LEAST = 1.0  # weight without which no topic is assigned, however small the story: that of one voice
# What counts more than a match: an outlet that declares the topic knows what it writes about, and the lead is what
# the post shows. Each adds the weight of one more voice.
DECLARED = 1.0
LEAD = 1.0


@dataclass(slots=True)
class _Tally:
    """What is said of one topic: the weight of each voice that says so."""

    name: str
    weights: dict[str, float] = field(default_factory=dict)
    servers: set[int] = field(default_factory=set)
    of_lead: bool = False
    declared: bool = False


def weigh_topics(
    members: Sequence[Stored],
    voice: Mapping[int, str],
    matches: Mapping[int, Sequence[TopicMatch]],
    *,
    lead: Stored,
    assigned: Collection[str] = (),
) -> tuple[TopicEvidence, ...]:
    """Every topic of the members, in the order in which they are first met, and what speaks for it.

    `voice` is as `voice_of` gives it, `matches` are the topics of members by id, and `assigned` the keys (`name_key`)
    of the topics that the story had before. Partial members are no voices, as their topics are not known, unless there
    are no others.
    """
    full = [member for member in members if not member.partial] or members
    total = len({voice[member.id] for member in full})
    tallies: dict[str, _Tally] = {}
    for member in full:
        for match in matches.get(member.id, ()):
            tally = tallies.setdefault(name_key(match.topic), _Tally(match.topic))
            weight = 1.0 + DECLARED * match.declared + LEAD * (member.id == lead.id)
            tally.weights[voice[member.id]] = max(weight, tally.weights.get(voice[member.id], 0.0))
            tally.servers.add(match.guild_id)
            tally.of_lead |= member.id == lead.id
            tally.declared |= match.declared
    return tuple(
        TopicEvidence(
            topic=tally.name,
            voices=len(tally.weights),
            of=total,
            of_lead=tally.of_lead,
            declared=tally.declared,
            assigned=sum(tally.weights.values()) >= needed(total, assigned=key in assigned),
            servers=frozenset(tally.servers),
        )
        for key, tally in tallies.items()
    )


def needed(total: int, *, assigned: bool = False) -> float:
    """The weight that a topic needs in a story of so many voices, less for one that is assigned already."""
    return max(LEAST, total * (KEEP if assigned else ASSIGN))


def is_about(
    members: Sequence[Stored],
    about: Collection[int],
    *,
    lead: Stored,
    owners: MediaOwners = NO_OWNERS,
    assigned: bool = False,
) -> bool:
    """Whether a story is about what the members with these ids are about; `assigned`: it was before."""
    matches = {i: (TopicMatch("it"),) for i in about}
    had = {"it"} if assigned else ()
    evidence = weigh_topics(members, voice_of(members, owners), matches, lead=lead, assigned=had)
    return bool(assigned_names(evidence))


def assigned_names(evidence: Iterable[TopicEvidence]) -> tuple[str, ...]:
    """The names of the topics that are assigned."""
    return tuple(topic_evidence.topic for topic_evidence in evidence if topic_evidence.assigned)


def labels_of(evidence: Iterable[TopicEvidence]) -> frozenset[Label]:
    """The topics that are assigned, each by its server (0: shared) and its key."""
    return frozenset(
        (server, name_key(topic_evidence.topic))
        for topic_evidence in evidence
        if topic_evidence.assigned
        for server in topic_evidence.servers
    )
