"""What goes with a story beyond its own reports: stories before and after it, and how it went on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.model import Stored, StoryView
from bot.domain.terms import tells, terms
from bot.domain.words import plain_words

MOST = 5  # stories before, and as many after
OF_ONE_OUTLET = 2  # of these, led by one outlet
REPEATS = 0.6  # share of title terms from which two titles say the same
WEAK = 0.35  # of the best one's score: what is less alike is about something else

MILESTONES = frozenset((2, 5, 10, 20, 50, 100))  # outlets
LONG = timedelta(hours=6)  # from the first report to the last: below, there is no course to tell
FEWEST = 3  # reports, likewise


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story that may belong beside another, and how alike the two are, in any unit."""

    view: StoryView
    score: float


def beside(
    story: StoryView, candidates: Iterable[Candidate], declared: Iterable[int] = ()
) -> tuple[tuple[StoryView, ...], tuple[StoryView, ...]]:
    """The stories before a story and after it that say most about it, each group the most alike first.

    `declared` are the numbers of stories that its reports declare: these come first. What says the same as the
    story or as one that was chosen already is left out, and so is the third of one outlet.
    """
    first = frozenset(declared)
    others = (candidate for candidate in candidates if candidate.view.number != story.number)
    ranked = sorted(others, key=lambda c: (c.view.number not in first, -c.score, c.view.number))
    best = max((candidate.score for candidate in ranked), default=0.0)
    told = [_title(story)]
    outlets: dict[str, int] = {}
    before: list[StoryView] = []
    after: list[StoryView] = []
    for candidate in ranked:
        view = candidate.view
        group = before if view.first < story.first else after
        outlet, title = view.lead.record.outlet.domain, _title(view)
        weak = candidate.score < WEAK * best and view.number not in first
        if weak or len(group) == MOST:
            continue
        if outlets.get(outlet, 0) == OF_ONE_OUTLET or any(_repeats(title, other) for other in told):
            continue
        outlets[outlet] = outlets.get(outlet, 0) + 1
        told.append(title)
        group.append(view)
    return tuple(before), tuple(after)


def _title(view: StoryView) -> frozenset[str]:
    record = view.lead.record
    return frozenset(term for term in terms(record.title, record.language) if tells(term))


def _repeats(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one & other) and len(one & other) >= REPEATS * min(len(one), len(other))


@dataclass(frozen=True, slots=True)
class Moment:
    """A turn in the course of a story: the report that made it, and how many outlets there were then."""

    report: Stored
    outlets: int


def timeline(view: StoryView) -> tuple[Moment, ...]:
    """How a long story went on: its first report, those with which more outlets joined, and its last.

    Empty for one of a few hours, or of a single outlet.
    """
    reports = sorted((m for m in view.members if not m.partial), key=lambda m: (m.published, m.id))
    if view.last - view.first < LONG or len(reports) < FEWEST or view.outlets == 1:
        return ()
    outlets: set[str] = set()
    moments: list[Moment] = []
    for report in reports:
        before = len(outlets)
        outlets.add(report.record.outlet.domain)
        if not moments or (len(outlets) > before and len(outlets) in MILESTONES):
            moments.append(Moment(report, len(outlets)))
    if moments[-1].report is not reports[-1]:
        moments.append(Moment(reports[-1], len(outlets)))
    return tuple(moments)


def words_of(view: StoryView) -> Sequence[str]:
    """The words that a story is looked for by: those of its lead's title, then of its other titles."""
    titles = (member.record.title for member in (view.lead, *view.members))
    return tuple(dict.fromkeys(word for title in titles for word in plain_words(title)))
