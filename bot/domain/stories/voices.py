"""The independent voices of a story. Pure."""

from __future__ import annotations

from collections.abc import Collection

from bot.domain.model import Stored
from bot.domain.stories.groups import Groups
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.text.words import stands_alone, words

COPIED = 12  # words at the beginning of two texts that no two authors write alike
CHARACTERS = 3  # of a script without spaces that count as a word


def voice_of(members: Collection[Stored], owners: MediaOwners = NO_OWNERS) -> dict[int, str]:
    """The voice of each member, by its id: an owner has one, and so have all who bring one text of an agency."""
    groups: Groups[str] = Groups()
    of: dict[int, str] = {}
    for member in members:
        owner_mark = of[member.id] = f"owner {owners.of(member.record.outlet.domain)}"
        # A member alone, as most stories are, shares its text with nobody.
        if len(members) > 1 and (beginning := _beginning(member.record.excerpt)):
            groups.join(f"text {beginning}", owner_mark)
    return {i: groups.root(owner_mark) for i, owner_mark in of.items()}


def _beginning(text: str) -> str:
    """What copies of a text have in common: its first `COPIED` words; empty if it has fewer."""
    missing = COPIED * CHARACTERS
    beginning = []
    for word in words(text):
        beginning.append(word)
        missing -= 1 if stands_alone(word) else CHARACTERS
        if missing <= 0:
            return " ".join(beginning)
    return ""


def voices(members: Collection[Stored], owners: MediaOwners = NO_OWNERS) -> int:
    """How many voices a story's members have."""
    return len(set(voice_of(members, owners).values()))
