"""Figures in which reports of a story differ: both are shown, and none is called right. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import regex

from bot.domain.briefs.candidates import STEM, Terms, comparable_members, informative, terms
from bot.domain.briefs.lexicon import SPELLED
from bot.domain.briefs.sentences import sentences
from bot.domain.model import Stored, StoryView
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.voices import voice_of
from bot.domain.text.words import fold, stands_alone

MOST_FIGURES = 3
CONTEXT = 2  # informative words that two sentences have in common beside what they count

_FIGURE = regex.compile(
    r"(?<![\p{Lu}\p{Ll}\p{N}.,:/$€£¥₹-])(?P<number>\p{Nd}{1,3}(?:[.,\u00a0\u202f]\p{Nd}{3})+|\p{Nd}+(?:[.,]\p{Nd}+)?|\p{L}{2,12})"
    r"(?P<gap>[ \u00a0\u202f-]?)(?P<noun>\p{L}[\p{L}\p{M}]*)"
)
_YEAR = regex.compile(r"(?:1[89]|20)\p{Nd}\p{Nd}")
_GROUP = regex.compile(r"(?<=\p{Nd})[.,\u00a0\u202f](?=\p{Nd}{3}(?!\p{Nd}))")


class Figure(NamedTuple):
    """A number with what it counts, word for word, and the report that says so."""

    text: str
    report: Stored


class _Count(NamedTuple):
    """A number and the word after it; `context` are the informative words of the sentence that they stand in."""

    value: str
    noun: str
    figure: Figure
    context: Terms


def differing_figures(view: StoryView, owners: MediaOwners = NO_OWNERS) -> tuple[tuple[Figure, ...], ...]:
    """Groups of figures of different owners that count the same and differ, each value once, at most `MOST_FIGURES`.

    `nine people` and `seven people` count the same if their sentences share `CONTEXT` more words. Where an owner gives
    several numbers of one word, as of people hurt and people killed, it is unknown which is meant, and it has no say.
    """
    members = comparable_members(view)
    voices = voice_of(members, owners)
    said: dict[str, dict[str, list[_Count]]] = {}
    for member in members:
        for count in _counts(member):
            said.setdefault(count.noun, {}).setdefault(voices[member.id], []).append(count)
    groups = []
    for by_voice in said.values():
        sure = [counts[0] for counts in by_voice.values() if len({count.value for count in counts}) == 1]
        values: dict[str, Figure] = {}
        for count in sure:
            if len(count.context & sure[0].context) >= CONTEXT:
                values.setdefault(count.value, count.figure)
        if len(values) > 1:
            groups.append(tuple(values.values()))
    return tuple(groups[:MOST_FIGURES])


def _counts(member: Stored) -> Iterator[_Count]:
    record = member.record
    for text in chain([record.title], sentences(record.excerpt, record.language)):
        yield from _in_text(text, member)


def _in_text(text: str, member: Stored) -> Iterator[_Count]:
    every = informative(terms(text))
    for found in _FIGURE.finditer(text, overlapped=True):
        number, noun = fold(found["number"]), fold(found["noun"])
        if number[0].isdecimal():
            value = _GROUP.sub("", number)
            if _YEAR.fullmatch(number):
                continue
        elif (value := SPELLED.get(number, "")) == "" or not found["gap"]:
            continue
        if not found["gap"] and not stands_alone(noun[0]):
            continue
        counted = found["noun"][:1] if stands_alone(noun[0]) else found["noun"]
        shown = f"{found['number']}{found['gap']}{counted}"
        key = noun[: len(counted)][:STEM]
        yield _Count(value, key, Figure(shown, member), every - {(key,)})
