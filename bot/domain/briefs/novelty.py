"""What reports of a story add to what is shown of it already. Pure; times are arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.briefs.brief import brief
from bot.domain.briefs.candidates import (
    TITLE,
    Candidate,
    Sentence,
    Term,
    candidates,
    informative,
    is_alike,
    terms,
)
from bot.domain.model import StoryView
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.story import lead_of

MOST_ADDITIONS = 3
NEW = 0.5  # share of a sentence's informative words that nothing shown has
RELATED = 2  # informative words that other voices use as well: what has fewer is about something else


def additions(
    view: StoryView, shown: Sequence[Sentence], owners: MediaOwners = NO_OWNERS
) -> tuple[Sentence, ...]:
    """The newest word of each further outlet: of each voice that is not in the brief `shown`, the sentence that adds most.

    At most `MOST_ADDITIONS`, those that add most first; none where there is no brief to add to.
    """
    waiting, _ = candidates(view, owners)
    voices = {c.voice for c in waiting if c.sentence in shown}
    chosen: list[Candidate] = []
    while shown and len(chosen) < MOST_ADDITIONS:
        best = _newest(
            (c for c in waiting if c.voice not in voices),
            [view.lead.record.title, *(s.text for s in shown), *(c.sentence.text for c in chosen)],
        )
        if best is None:
            break
        chosen.append(best)
        voices.add(best.voice)
    return tuple(c.sentence for c in chosen)


def change(
    view: StoryView,
    since: datetime,
    owners: MediaOwners = NO_OWNERS,
    fits: Callable[[Sentence], bool] = lambda _sentence: True,
) -> Sentence | None:
    """What changed: of the reports first seen after `since`, the sentence that is covered least by what was shown then.

    Shown was the brief of the reports until then, or the excerpt of their lead; and the title of the lead is. None
    where no report came in since, or none says anything new. A sentence that does not fit is passed over.
    """
    earlier = tuple(member for member in view.members if member.first_seen <= since)
    if not earlier or len(earlier) == len(view.members):
        return None
    before = replace(view, members=earlier, lead=lead_of(earlier))
    shown = [sentence.text for sentence in brief(before, owners)] or [before.lead.record.excerpt]
    fresh = (
        c for c in candidates(view, owners)[0] if c.sentence.report.first_seen > since and fits(c.sentence)
    )
    best = _newest(fresh, [view.lead.record.title, before.lead.record.title, *shown])
    return best.sentence if best else None


def _newest(waiting: Iterable[Candidate], shown: Sequence[str]) -> Candidate | None:
    """The sentence of which the texts `shown` cover least, if that is enough; the first of equals."""
    said = [terms(text) for text in shown]
    covered: set[Term] = set().union(*said)
    best, most = None, 0.0
    for candidate in waiting:
        words = informative(candidate.terms)
        new = len(words - covered) / max(len(words), 1)
        value = new * (TITLE if candidate.sentence.text == candidate.sentence.report.record.title else 1.0)
        if new < NEW or value <= most or len(informative(candidate.shared)) < RELATED:
            continue
        if not any(is_alike(candidate.terms, other) for other in said):
            best, most = candidate, value
    return best
