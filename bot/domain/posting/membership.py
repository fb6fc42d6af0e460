"""Which story each record of a batch is in, once clustering or a person has decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from bot.domain.clustering.batch import Clustering
from bot.domain.model import Stored

# Reports of one server's own sources that a story has room for. Shared intakes read them, and its pages show them.
GUESTS = 50


@dataclass(frozen=True, slots=True)
class Membership:
    """The records of the stories that a batch affects, by id.

    `before`: as they are stored. `records`: as they are from now on, new ones included. `changed`: the ids of those
    that are written. `separated`: story and server -> the new story of what that server has left of it.
    `crowded_out`: story -> the records that it has no room for any more.
    """

    before: Mapping[int, Stored]
    records: Mapping[int, Stored]
    changed: tuple[int, ...]
    separated: Mapping[tuple[int, int], int] = field(default_factory=dict)
    crowded_out: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def audiences(self) -> dict[int, frozenset[int]]:
        """The stories that change, each with the servers whose records enter, leave or change in it (0: shared records)."""
        servers: dict[int, set[int]] = {}
        for i in self.changed:
            for records in (self.before, self.records):
                story = records[i].story if i in records else None
                if story is not None:
                    servers.setdefault(story, set()).add(self.records[i].guild_id)
        return {story: frozenset(guild_ids) for story, guild_ids in servers.items()}

    def _move(self, moves: Mapping[int, int | None]) -> Membership:
        """This membership after records moved: id of a record -> its story, or None."""
        moves = {i: story for i, story in moves.items() if self.records[i].story != story}
        moved = {i: replace(self.records[i], story=story) for i, story in moves.items()}
        return replace(
            self,
            records={**self.records, **moved},
            changed=tuple(dict.fromkeys((*self.changed, *moved))),
        )


def settle(
    before: Mapping[int, Stored],
    identified: Mapping[int, Stored],
    changed: Iterable[int],
    clustering: Clustering,
    next_story: int,
) -> Membership:
    """Move records into the stories that clustering or a person chose. Servers' records then get what room is left.

    `before`: the stored members of the affected stories; `identified`: the records of the batch, of which those in
    `changed` are written in any case.
    """
    membership = Membership(before, {**before, **identified}, tuple(changed))
    membership = _clustered(membership, clustering)
    membership = _separated(membership, next_story)
    return _bounded(membership)


def _clustered(membership: Membership, clustering: Clustering) -> Membership:
    merged = clustering.merged
    moves = dict(clustering.stories)
    for stored in membership.records.values():
        story = moves.get(stored.id, stored.story)
        if story is not None and story in merged:
            moves[stored.id] = merged[story]
    return membership._move(moves)


def _separated(membership: Membership, next_story: int) -> Membership:
    """Where all that was shared is gone from a story, what each server has left of it becomes a story of its own."""
    affected = membership.audiences()
    shared = {
        s.story for s in chain(membership.before.values(), membership.records.values()) if not s.guild_id
    }
    left: dict[int, dict[int, list[int]]] = {}
    for stored in membership.records.values():
        story = stored.story
        if story is not None and story in affected and story in shared and not stored.record.removed:
            left.setdefault(story, {}).setdefault(stored.guild_id, []).append(stored.id)
    fresh = max(
        [next_story, *(story + 1 for i in membership.changed if (story := membership.records[i].story))]
    )
    separated: dict[tuple[int, int], int] = {}
    moves: dict[int, int | None] = {}
    for story, servers in left.items():
        if 0 not in servers:
            for guild_id, ids in sorted(servers.items()):
                separated[story, guild_id] = fresh
                moves |= dict.fromkeys(ids, fresh)
                fresh += 1
    return replace(membership._move(moves), separated=separated)


def _bounded(membership: Membership) -> Membership:
    """Of what a server's own sources bring, a story has room for the `GUESTS` newest reports; others are in no story."""
    records = membership.records
    affected = {(records[i].story, records[i].guild_id) for i in membership.changed if records[i].guild_id}
    guests: dict[tuple[int, int], list[Stored]] = {}
    for stored in records.values():
        story, guild_id = stored.story, stored.guild_id
        if story is not None and (story, guild_id) in affected and not stored.record.removed:
            guests.setdefault((story, guild_id), []).append(stored)
    crowded_out: dict[int, frozenset[int]] = {}
    for (story, _), reports in guests.items():
        if len(reports) > GUESTS:
            oldest = sorted(reports, key=_recency, reverse=True)[GUESTS:]
            crowded_out[story] = crowded_out.get(story, frozenset()) | {stored.id for stored in oldest}
    moves = dict.fromkeys(chain.from_iterable(crowded_out.values()), None)
    return replace(membership._move(moves), crowded_out=crowded_out)


def _recency(stored: Stored) -> tuple[bool, datetime, int]:
    return not stored.partial, stored.published, stored.id
