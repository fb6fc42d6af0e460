"""The independent voices of a story. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.model import Stored
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.text.words import stands_alone, words

COPIED = 12  # words at the beginning of two texts that no two authors write alike
CHARACTERS = 3  # of a script without spaces that count as a word


def voice_of(members: Iterable[Stored], owners: MediaOwners = NO_OWNERS) -> dict[int, str]:
    """The voice of each member, by its id: an owner has one, and so have all who bring one text of an agency."""
    parent: dict[str, str] = {}

    def root(mark: str) -> str:
        passed = []
        while (above := parent.setdefault(mark, mark)) != mark:
            passed.append(mark)
            mark = above
        for passed_mark in passed:  # or a text that thousands copied would become a chain that long
            parent[passed_mark] = mark
        return mark

    of: dict[int, str] = {}
    for member in members:
        owner_mark = of[member.id] = f"owner {owners.of(member.record.outlet.domain)}"
        if beginning := _beginning(member.record.excerpt):
            parent[root(f"text {beginning}")] = root(owner_mark)
    return {i: root(owner_mark) for i, owner_mark in of.items()}


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


def voices(members: Iterable[Stored], owners: MediaOwners = NO_OWNERS) -> int:
    """How many voices a story's members have."""
    return len(set(voice_of(members, owners).values()))
