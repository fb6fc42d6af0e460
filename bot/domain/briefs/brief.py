"""What several outlets say of a story, in their own words: whole sentences, each with the report that it stands in. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence, Set

from bot.domain.briefs.candidates import Candidate, Sentence, Term, Weighed, Weights, candidates, is_alike
from bot.domain.model import StoryView
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.text.cleaning import length

MOST_SENTENCES = 3
FEWEST_SENTENCES = 2
LONGEST_BRIEF = 600  # UTF-16 units of all sentences together
REPEATED = 0.2  # what a term counts that a chosen sentence has already


def brief(
    view: StoryView,
    owners: MediaOwners = NO_OWNERS,
    without: Container[Sentence] = (),
    weighed: Weighed | None = None,
) -> tuple[Sentence, ...]:
    """Two or three sentences, each of another owner, that say most of what the story's reports agree on.

    Empty where fewer than two voices have a sentence to give. They come from what `view` shows, so from no muted
    outlet, and are in the language of its lead. They are chosen greedily, the most central first: each adds most of
    the terms that several voices use, weighted by the logarithm of the number of these voices. Sentences in `without`
    are shown elsewhere. `weighed` are the view's `candidates`, where the caller has them.
    """
    every, weights = weighed or candidates(view, owners)
    waiting = [c for c in every if c.sentence not in without]
    chosen: list[Candidate] = []
    covered: set[Term] = set()
    left = LONGEST_BRIEF
    while len(chosen) < MOST_SENTENCES and (best := _best(waiting, weights, covered)) is not None:
        waiting = [c for c in waiting if c is not best]
        if any(is_alike(best.terms, other.terms) for other in chosen):
            continue
        chosen.append(best)
        covered |= best.shared
        left -= length(best.sentence.text)
        waiting = [c for c in waiting if c.voice != best.voice and length(c.sentence.text) <= left]
    return tuple(c.sentence for c in chosen) if len(chosen) >= FEWEST_SENTENCES else ()


def _best(waiting: Sequence[Candidate], weights: Weights, covered: Set[Term]) -> Candidate | None:
    """The first of those that add most; None where none adds anything."""
    weight = weights.__getitem__

    def gain(candidate: Candidate) -> float:
        fresh = sum(map(weight, candidate.shared - covered))
        repeated = sum(map(weight, candidate.shared & covered)) if covered else 0
        return candidate.worth * (fresh + REPEATED * repeated)

    gains = list(map(gain, waiting))
    most = max(gains, default=0.0)
    return waiting[gains.index(most)] if most > 0 else None
