"""What goes with a story beyond its own reports: stories before and after it, and how it went on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.model import Stored, StoryView
from bot.domain.text.stems import is_informative, letters, terms
from bot.domain.text.words import plain_words

MOST = 3  # stories before, and as many after
SHARED = 2  # terms that the titles of both must have in common: one word alone is in stories of every kind
SHORTEST = 4  # letters of such a term: most shorter ones are articles, prepositions and the like
OF_ONE_OUTLET = 2  # of these, led by one outlet
REPEATS = 0.6  # share of title terms from which two titles say the same
WEAK = 0.35  # of the best one's score: what is less alike is about something else

# Stems of words that are in headlines about anything.
_ANYTHING = frozenset({
    "about", "after", "against", "also", "amid", "another", "back", "been", "befor", "being", "between",
    "could", "dure", "earli", "end", "everi", "find", "first", "for", "from", "gave", "give", "goe",
    "happen", "have", "here", "into", "just", "keep", "last", "late", "latest", "less", "like", "look",
    "made", "make", "mani", "month", "more", "most", "much", "need", "never", "news", "next", "only",
    "other", "over", "own", "part", "report", "reveal", "said", "say", "says", "show", "some", "still",
    "take", "than", "that", "their", "them", "then", "there", "these", "they", "this", "those",
    "thousand", "time", "today", "under", "until", "warn", "week", "were", "what", "when", "where",
    "which", "while", "whole", "will", "with", "within", "without", "work", "world", "would", "year",
    "yesterday",
})  # fmt: skip

MILESTONES = frozenset((2, 5, 10, 20, 50, 100))  # outlets
LONG = timedelta(hours=6)  # from the first report to the last: below, there is no course to tell
FEWEST = 3  # reports, likewise


@dataclass(frozen=True, slots=True)
class RelatedCandidate:
    """A story that may belong beside another, and how alike the two are, in any unit."""

    view: StoryView
    score: float


def related_stories(
    story: StoryView, candidates: Iterable[RelatedCandidate], declared: Iterable[int] = ()
) -> tuple[tuple[StoryView, ...], tuple[StoryView, ...]]:
    """The stories before a story and after it that say most about it, each group in the order of time.

    The titles of each share `SHARED` terms with those of the story, unless its number is in `declared`: those that
    the story's reports declare are chosen first. What says the same as the story or as one that was chosen
    already is left out, and so is the third of one outlet.
    """
    first = frozenset(declared)
    others = (candidate for candidate in candidates if candidate.view.number != story.number)
    ranked = sorted(others, key=lambda c: (c.view.number not in first, -c.score, c.view.number))
    best = max((candidate.score for candidate in ranked), default=0.0)
    titles = [_title(story)]
    subject = _subject(story)
    outlets: dict[str, int] = {}
    before: list[StoryView] = []
    after: list[StoryView] = []
    for candidate in ranked:
        view = candidate.view
        group = before if view.first < story.first else after
        outlet, title = view.lead.record.outlet.domain, _title(view)
        if len(group) == MOST:
            continue
        weak = candidate.score < WEAK * best or len(subject & _subject(view)) < SHARED
        if weak and view.number not in first:
            continue
        if outlets.get(outlet, 0) == OF_ONE_OUTLET or any(_repeats(title, other) for other in titles):
            continue
        outlets[outlet] = outlets.get(outlet, 0) + 1
        titles.append(title)
        group.append(view)
    return _in_time(before), _in_time(after)


def _in_time(views: Iterable[StoryView]) -> tuple[StoryView, ...]:
    return tuple(sorted(views, key=lambda view: (view.first, view.number)))


def _subject(view: StoryView) -> frozenset[str]:
    """What a story's titles are about, without the names of its topics: those say what kind of story it is."""
    kind = " ".join(view.topics)
    records = [member.record for member in (view.lead, *view.members)]
    return frozenset(
        term
        for title, language in {(record.title, record.language) for record in records}
        for term in terms(title, language).keys() - terms(kind, language).keys()
        if is_specific(term)
    )


def is_specific(term: str) -> bool:
    """Whether a term says what a title is about, unlike a number, an article or `today`."""
    return is_informative(term) and letters(term) >= SHORTEST and term not in _ANYTHING


def _title(view: StoryView) -> frozenset[str]:
    record = view.lead.record
    return frozenset(term for term in terms(record.title, record.language) if is_informative(term))


def _repeats(first: frozenset[str], second: frozenset[str]) -> bool:
    return bool(first & second) and len(first & second) >= REPEATS * min(len(first), len(second))


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
