"""The sentences of a story that may be shown, with what each is worth. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from math import log2
from typing import NamedTuple, TypeAlias

from bot.domain.briefs.sentences import sentences
from bot.domain.model import Record, Stored, StoryView
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.voices import voice_of
from bot.domain.text.stems import letters
from bot.domain.text.words import stands_alone, words

MOST_REPORTS = 20  # the best of a story, which bounds the time that a brief takes

# Chosen on 307 events, on each half of them: see docs/quality.md. No value near these changes a result by more than .01.
STEM = 5  # letters of a word that are compared: inflection is at the end in most languages
TITLE = 0.5  # what a title counts beside a first sentence, where a report has nothing else
LATER = 0.7  # what each further place in an excerpt counts beside the one before
LONG = 0.4  # exponent of the length by which a value is divided: 0 prefers long sentences, 1 is indifferent
ALIKE = 0.6  # share of the terms of the shorter of two sentences from which they say the same

INFORMATIVE = 4  # letters: most shorter words are articles, prepositions and the like

Term: TypeAlias = tuple[str, ...]
Terms: TypeAlias = frozenset[Term]
Weights: TypeAlias = Mapping[Term, int]


class Sentence(NamedTuple):
    """A whole sentence of a report, word for word."""

    text: str
    report: Stored


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may be chosen. Its value is `worth` times the weights of its terms.

    `shared` are those of its terms that several voices use.
    """

    sentence: Sentence
    voice: str
    worth: float
    terms: Terms
    shared: Terms


Weighed: TypeAlias = tuple[list[Candidate], Weights]


def candidates(view: StoryView, owners: MediaOwners) -> Weighed:
    """The sentences of a story's reports that say more than the title of its lead, which is shown anyway; and the
    weights of terms.
    """
    members = comparable_members(view)
    voices = voice_of(members, owners)
    written = [
        (member, _sentences(member.record.title, member.record.excerpt, member.record.language))
        for member in members
    ]
    headline = terms(view.lead.record.title)
    weights = _weights((voices[member.id], found) for member, some in written for _, _, found in some)
    return [
        Candidate(Sentence(text, member), voices[member.id], worth, found, found & weights.keys())
        for member, some in written
        for text, worth, found in some
        if len(found & headline) < ALIKE * len(found) and (text != member.record.title or len(some) == 1)
    ], weights


def comparable_members(view: StoryView) -> tuple[Stored, ...]:
    """The lead and the best other reports, without those that are known to be in another language than the lead."""
    language = _language(view.lead.record)
    others = (m for m in view.members if m.id != view.lead.id)
    same = (m for m in others if not language or _language(m.record) in ("", language))
    return (view.lead, *islice(same, MOST_REPORTS - 1))


def _language(record: Record) -> str:
    return record.language.partition("-")[0].lower()


@lru_cache(
    maxsize=256
)  # a post asks twice, for its brief and for what changed, and so does each of its channels
def _sentences(title: str, excerpt: str, language: str) -> tuple[tuple[str, float, Terms], ...]:
    """Each sentence of a report, what its place and its length make of the weights of its terms, and these terms."""
    texts = [(text, LATER**place) for place, text in enumerate(sentences(excerpt, language))]
    if sentences(title, language) == (title,):
        texts.append((title, TITLE))
    with_terms = [(text, worth, terms(text)) for text, worth in texts]
    return tuple((text, worth / len(found) ** LONG, found) for text, worth, found in with_terms)


def _weights(written: Iterable[tuple[str, Terms]]) -> dict[Term, int]:
    """The terms that several voices use, with the logarithm of the number of these.

    In whole thousandths, so that their sum does not depend on the order in which a set gives them.
    """
    speakers: dict[str, set[Term]] = {}
    for voice, found in written:
        speakers.setdefault(voice, set()).update(found)
    seen: set[Term] = set()
    shared: set[Term] = set()
    for said in speakers.values():
        shared |= seen & said
        seen |= said
    counts = Counter(term for said in speakers.values() for term in said & shared)
    return {term: round(1000 * log2(count)) for term, count in counts.items()}


def terms(text: str) -> Terms:
    """The beginnings of the words of a text, and those of each two neighbours."""
    parts = [word[:STEM] for word in words(text)]
    return frozenset(zip(parts, strict=True)).union(pairwise(parts))


def informative(some: Iterable[Term]) -> Terms:
    """The terms that say something by themselves: words that are no numbers, as far as their length tells, and pairs of
    characters of a script without spaces.
    """
    return frozenset(
        term
        for term in some
        if (len(term) == 1 and letters(term[0]) >= INFORMATIVE and not term[0].isdigit())
        or (len(term) == 2 and all(map(stands_alone, term)))
    )


def is_alike(one: Terms, other: Terms) -> bool:
    """Whether two sentences say much the same."""
    return len(one & other) >= ALIKE * min(len(one), len(other))
