"""What reports of a story add to what is shown of it already. Pure; times are arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from bot.domain.briefs.candidates import (
    TITLE,
    Candidate,
    Sentence,
    Term,
    Terms,
    Weighed,
    candidates,
    comparable_members,
    informative,
    terms,
)
from bot.domain.briefs.sentences import sentences as sentences_of
from bot.domain.model import StoryView
from bot.domain.stories.owners import NO_OWNERS, MediaOwners

MOST_ADDITIONS = 3
NEW = 0.4  # share of a sentence's informative words that nothing shown has
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
            [terms(view.lead.record.title), *(terms(s.text) for s in shown), *(c.terms for c in chosen)],
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
    weighed: Weighed | None = None,
) -> Sentence | None:
    """What changed: of the last report first seen after `since` that says anything new, the sentence that is newest.

    New is what no earlier report of the story says. None where no report came in since, or none says anything new. So
    a report that only repeats others changes nothing. A sentence that does not fit is passed over. `weighed` are the
    view's `candidates`, where the caller has them.
    """
    members = comparable_members(view)
    later = {member.first_seen for member in members if member.first_seen > since}
    if not later:
        return None
    every, _ = weighed or candidates(view, owners)
    waiting = [c for c in every if c.sentence.report.first_seen > since and fits(c.sentence)]
    said = [(m.first_seen, terms(text)) for m in members for text in (m.record.title, m.record.excerpt)]
    headline = terms(view.lead.record.title)
    for moment in sorted(later, reverse=True):
        before = [found for seen, found in said if seen < moment]
        arrived = (c for c in waiting if c.sentence.report.first_seen == moment)
        if before and (best := _newest(arrived, [headline, *before])):
            return best.sentence
    return None


def sentence_to_tell(
    view: StoryView,
    sentences: Sequence[Sentence],
    told_at: datetime | None,
    owners: MediaOwners = NO_OWNERS,
    fits: Callable[[Sentence], bool] = lambda _sentence: True,
    weighed: Weighed | None = None,
) -> Sentence | None:
    """The one sentence to tell a story by, below its headline: of a story told before, what changed since `told_at`.

    Otherwise the first of the brief's `sentences`, or the first of the lead's excerpt. None where none fits.
    `weighed` are the view's `candidates`, where the caller has them.
    """
    if told_at is not None and (news := change(view, told_at, owners, fits, weighed)) is not None:
        return news
    lead = view.lead
    first = (Sentence(text, lead) for text in sentences_of(lead.record.excerpt, lead.record.language)[:1])
    return next((s for s in (*sentences, *first) if s.text != s.report.record.title and fits(s)), None)


def _newest(waiting: Iterable[Candidate], said: Sequence[Terms]) -> Candidate | None:
    """The sentence of which least is `said` already, if what is left is enough; the first of equals."""
    covered: set[Term] = set().union(*said)
    best, most = None, 0.0
    for candidate in waiting:
        words = informative(candidate.terms)
        new = len(words - covered) / max(len(words), 1)
        value = new * (TITLE if candidate.sentence.text == candidate.sentence.report.record.title else 1.0)
        if new < NEW or value <= most or len(informative(candidate.shared)) < RELATED:
            continue
        best, most = candidate, value
    return best
