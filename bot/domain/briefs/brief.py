"""What several outlets say of a story, in their own words: whole sentences, each with the report that it stands in. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice, pairwise
from math import log2
from typing import NamedTuple

from bot.domain.briefs.sentences import sentences
from bot.domain.model import Record, Stored, StoryView
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.story import voice_of
from bot.domain.text.cleaning import length
from bot.domain.text.words import words

MOST_SENTENCES = 3
FEWEST_SENTENCES = 2
LONGEST_BRIEF = 600  # UTF-16 units of all sentences together
MOST_REPORTS = 24  # the best of a story, which bounds the time that a brief takes

# Chosen on 307 events, on each half of them: see docs/quality.md. No value near these changes a result by more than .01.
STEM = 5  # letters of a word that are compared: inflection is at the end in most languages
TITLE = 0.5  # what a title counts beside a first sentence
LATER = 0.7  # what each further place in an excerpt counts beside the one before
LONG = 0.4  # exponent of the length by which a value is divided: 0 prefers long sentences, 1 is indifferent
REPEATED = 0.2  # what a term counts that a chosen sentence has already
ALIKE = 0.6  # share of the terms of the shorter of two sentences from which they say the same


class Sentence(NamedTuple):
    """A whole sentence of a report, word for word."""

    text: str
    report: Stored


Terms = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence that may be chosen. `worth` is what its place and its length make of the weights of its terms.

    `shared` are those of its terms that other voices use, too.
    """

    sentence: Sentence
    voice: str
    worth: float
    terms: Terms
    shared: Terms

    def gain(self, weights: Mapping[tuple[str, ...], float], covered: Set[tuple[str, ...]]) -> float:
        """What it adds to what is covered already."""
        fresh = sum(map(weights.__getitem__, self.shared - covered))
        return self.worth * (fresh + REPEATED * sum(map(weights.__getitem__, self.shared & covered)))


def brief(view: StoryView, owners: MediaOwners = NO_OWNERS) -> tuple[Sentence, ...]:
    """Two or three sentences, each of another owner, that say most of what the story's reports agree on.

    Empty where fewer than two voices have a sentence to give. They come from what `view` shows, so from no muted
    outlet, and are in the language of its lead; its title is shown anyway. They are chosen greedily, the most central
    first: each adds most of the terms that several voices use, weighted by the logarithm of their number.
    """
    members = _members(view)
    voices = voice_of(members, owners)
    weights = _weights(members, voices)
    waiting = [
        c for member in members for c in _candidates(member, voices[member.id], weights, member is view.lead)
    ]
    chosen: list[_Candidate] = []
    covered: set[tuple[str, ...]] = set()
    left = LONGEST_BRIEF
    while waiting and len(chosen) < MOST_SENTENCES:
        best = _best(waiting, weights, covered)
        if best is None:
            break
        chosen.append(best)
        covered |= best.shared
        left -= length(best.sentence.text)
        waiting = [
            c
            for c in waiting
            if c.voice != best.voice and length(c.sentence.text) <= left and not is_alike(c.terms, best.terms)
        ]
    return tuple(c.sentence for c in chosen) if len(chosen) >= FEWEST_SENTENCES else ()


def _best(
    waiting: Sequence[_Candidate],
    weights: Mapping[tuple[str, ...], float],
    covered: Set[tuple[str, ...]],
) -> _Candidate | None:
    """The first of those that add most; None where none adds anything."""
    gains = [candidate.gain(weights, covered) for candidate in waiting]
    most = max(gains)
    return waiting[gains.index(most)] if most > 0 else None


def _members(view: StoryView) -> tuple[Stored, ...]:
    """The lead and the best other reports, those that are not known to be in another language than the lead."""
    language = _language(view.lead.record)
    others = (
        m
        for m in view.members
        if m.id != view.lead.id and _language(m.record) in ("", language or _language(m.record))
    )
    return (view.lead, *islice(others, MOST_REPORTS - 1))


def _language(record: Record) -> str:
    return record.language.partition("-")[0].lower()


def _weights(members: Iterable[Stored], voices: Mapping[int, str]) -> dict[tuple[str, ...], float]:
    """The terms that several voices use, with the logarithm of the number of these."""
    speakers: dict[str, set[tuple[str, ...]]] = {}
    for member in members:
        said = speakers.setdefault(voices[member.id], set())
        said |= terms(member.record.title) | terms(member.record.excerpt)
    counts = Counter(term for said in speakers.values() for term in said)
    return {term: log2(count) for term, count in counts.items() if count > 1}


def _candidates(
    member: Stored, voice: str, weights: Mapping[tuple[str, ...], float], is_lead: bool
) -> Iterator[_Candidate]:
    record = member.record
    texts = [(LATER**place, text) for place, text in enumerate(sentences(record.excerpt, record.language))]
    if not is_lead:
        texts += [
            (TITLE, text) for text in sentences(record.title, record.language)[:1] if text == record.title
        ]
    for worth, text in texts:
        found = terms(text)
        yield _Candidate(
            Sentence(text, member), voice, worth / len(found) ** LONG, found, found & weights.keys()
        )


def terms(text: str) -> Terms:
    """The beginnings of the words of a text, and those of each two neighbours."""
    parts = [word[:STEM] for word in words(text)]
    return frozenset(zip(parts)).union(pairwise(parts))


def is_alike(one: Terms, other: Terms) -> bool:
    """Whether two sentences say much the same."""
    return len(one & other) >= ALIKE * min(len(one), len(other))
