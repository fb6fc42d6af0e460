"""Which records report the same event: a pure function over their titles, times and declarations.

Every story is the sum of its members' words, each weighed by how rare it is in the stream. An arrival
is compared with the stories that share one of its rarer words or that a declaration links it to; it
joins the nearest if that is near enough, else it opens a story of its own. Comparing with the whole
story, not with its nearest member, keeps unrelated records from chaining up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from bot.domain.text import words

WINDOW = timedelta(days=4)  # between a record and the nearest report of its story
JOIN = 0.2  # cosine from which a record belongs to a story
DECLARED = 0.16  # the same where one of them declares the other
SAME_OUTLET = 0.4  # the same where the outlet has reported the event already: series look alike
MERGE = 0.16  # cosine of two stories that one record belongs to, from which they are one
MIN_SHARED = 2  # words that a record and its story must have in common
UNSURE = 0.35  # how much is added to a bar where nothing is known about the rarity of words
LITTLE = 30.0  # documents after which half of that is left
FAR = 0.5  # how much of the bar is added at the window's end
PRIOR = 50.0  # documents that the statistics pretend to have seen: rarity where there is little to count
EXCERPT = 0.35  # weight of a word of the excerpt against one of the title
EXCERPT_WORDS = 40
POSTINGS = 400  # stories looked at for one word: a word in more of them tells nothing


@dataclass(frozen=True, slots=True)
class Report:
    """What clustering looks at. `partial`: known only through a declaration, so it never opens a story."""

    id: int
    title: str
    excerpt: str
    published: datetime
    outlet: str
    language: str
    declares: frozenset[int]
    partial: bool
    story: int | None


@dataclass(frozen=True, slots=True)
class Clustering:
    """`stories`: report id -> story, for every arrival that is in one; `merged`: story -> where it goes on;

    `why`: report id -> what put it there.
    """

    stories: Mapping[int, int]
    merged: Mapping[int, int]
    why: Mapping[int, str]


Vector = dict[str, float]

# ISO 639-1 codes of the languages that Snowball stems; others are compared word by word.
_SNOWBALL: Mapping[str, str] = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
UNDECLARED = (
    "en"  # the language of records that declare none: its stems leave other languages' words alone, mostly
)


@lru_cache(maxsize=len(_SNOWBALL))
def _stemmer(language: str) -> Callable[[str], str]:
    """The stemmer of a language code. Imported here: it costs as much as the rest of a small run."""
    import snowballstemmer

    name = _SNOWBALL.get(language[:2].lower())
    if name is None or name not in snowballstemmer.algorithms():
        return str
    stem: Callable[[str], str] = snowballstemmer.stemmer(name).stemWord
    return stem


@lru_cache(maxsize=100_000)
def _stem(word: str, language: str) -> str:
    return _stemmer(language or UNDECLARED)(word)


@lru_cache(maxsize=50_000)
def _words_of(text: str, language: str) -> tuple[str, ...]:
    """The stems of a text, each once. Numbers are left out: they tell series apart less than they join them."""
    return tuple(dict.fromkeys(_stem(word, language) for word in words(text) if not word.isdigit()))


def _add(total: Vector, vector: Mapping[str, float], sign: float = 1.0) -> None:
    for word, weight in vector.items():
        total[word] = total.get(word, 0.0) + sign * weight


def _norm(vector: Mapping[str, float]) -> float:
    return math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0


class _Story:
    """The sum of a story's members, and when and by whom it was reported."""

    __slots__ = ("number", "outlets", "times", "titles")

    def __init__(self, number: int) -> None:
        self.number = number
        self.titles: Vector = {}
        self.times: list[datetime] = []
        self.outlets: set[str] = set()


class _Clusters:
    """The stories so far, found by the words of their members."""

    def __init__(self, next_number: int) -> None:
        self.stories: dict[int, _Story] = {}
        self.story_of: dict[int, int] = {}
        self.merged: dict[int, int] = {}
        self.why: dict[int, str] = {}
        self._next = next_number
        self._postings: dict[str, dict[int, None]] = {}
        self._frequency: dict[str, int] = {}
        self._documents = 0
        self._declarers: dict[int, set[int]] = {}

    def _rarity(self, word: str) -> float:
        """Inverse document frequency, smoothed by `PRIOR`; a short word needs more evidence to count."""
        seen = self._frequency.get(word, 0) + 0.5
        rarity = math.log((self._documents + PRIOR) / seen)
        return rarity * min(1.0, len(word) / 5)

    def _vector(self, report: Report) -> Vector:
        title = _words_of(report.title, report.language)
        vector = {word: self._rarity(word) for word in title}
        if report.excerpt:
            for word in _words_of(report.excerpt, report.language)[:EXCERPT_WORDS]:
                if word not in vector:
                    vector[word] = EXCERPT * self._rarity(word)
        norm = _norm(vector)
        return {word: weight / norm for word, weight in vector.items()}

    def count(self, report: Report) -> None:
        """Let a record's words count in the statistics."""
        self._documents += 1
        for word in _words_of(report.title, report.language):
            self._frequency[word] = self._frequency.get(word, 0) + 1
        for declared in report.declares:
            self._declarers.setdefault(declared, set()).add(report.id)

    def place(self, report: Report, number: int) -> None:
        """Put a record into a story."""
        story = self.stories.get(number)
        if story is None:
            story = self.stories[number] = _Story(number)
        vector = self._vector(report)
        _add(story.titles, vector)
        story.times.append(report.published)
        story.outlets.add(report.outlet)
        self.story_of[report.id] = number
        for word in vector:
            self._postings.setdefault(word, {})[number] = None

    def _linked(self, report: Report) -> set[int]:
        """Stories with a member that the record declares, or that declares it."""
        ids = report.declares | self._declarers.get(report.id, set())
        return {self.story_of[i] for i in ids if i in self.story_of}

    def nearest(self, report: Report) -> list[tuple[float, int, bool]]:
        """Stories that reach their bar: how far above it, number, and whether a declaration led there."""
        vector = self._vector(report)
        linked = self._linked(report)
        candidates = set(linked)
        if not report.partial:
            for word in sorted(vector, key=lambda w: -vector[w])[:8]:
                postings = self._postings.get(word, {})
                if len(postings) <= POSTINGS:
                    candidates.update(postings)
        # With little to count, every word looks as rare as the next: then more of them must agree.
        unsure = UNSURE * LITTLE / (self._documents + LITTLE)
        found = []
        for number in candidates:
            story = self.stories.get(number)
            if story is None:
                continue
            gap = min(abs(report.published - time) for time in story.times)
            if gap > WINDOW:
                continue
            bar = DECLARED if number in linked else JOIN + unsure
            if report.outlet in story.outlets:
                bar = max(bar, SAME_OUTLET + unsure)
            bar *= 1 + FAR * (gap / WINDOW)
            shared = [word for word in vector if word in story.titles]
            if len(shared) < MIN_SHARED:
                continue
            similarity = sum(vector[word] * story.titles[word] for word in shared) / _norm(story.titles)
            if similarity >= bar:
                found.append((similarity - bar, number, number in linked))
        return sorted(found, key=lambda entry: (-entry[0], entry[1]))

    def arrive(self, report: Report) -> None:
        """Find an arrival its story, or open one; two stories that it shows to be one are merged."""
        found = self.nearest(report)
        if report.story is not None:
            number, reason = self.current(report.story), "kept its story"
        elif found:
            number = found[0][1]
            reason = "declared together" if found[0][2] else "same words: " + self._shared(report, number)
        elif report.partial:
            return
        else:
            number, reason = self._next, "opened the story"
            self._next += 1
        self.place(report, number)
        self.why[report.id] = reason
        for _, other, _linked in found[:3]:
            if other != number and other in self.stories:
                number = self._merge_if_one(number, other)

    def current(self, number: int) -> int:
        """The number under which a story goes on."""
        while number in self.merged:
            number = self.merged[number]
        return number

    def _shared(self, report: Report, number: int) -> str:
        titles = self.stories[number].titles
        vector = self._vector(report)
        best = sorted((w for w in vector if w in titles), key=lambda w: -vector[w] * titles[w])
        return ", ".join(best[:3])

    def _merge_if_one(self, one: int, other: int) -> int:
        a, b = self.stories[one], self.stories[other]
        dot = sum(weight * b.titles.get(word, 0.0) for word, weight in a.titles.items())
        if dot / (_norm(a.titles) * _norm(b.titles)) < MERGE:
            return one
        keep, gone = sorted((one, other))
        survivor, absorbed = self.stories[keep], self.stories.pop(gone)
        _add(survivor.titles, absorbed.titles)
        survivor.times += absorbed.times
        survivor.outlets |= absorbed.outlets
        for word in absorbed.titles:
            self._postings[word].pop(gone, None)
            self._postings[word][keep] = None
        for report_id, number in self.story_of.items():
            if number == gone:
                self.story_of[report_id] = keep
        self.merged[gone] = keep
        return keep


def cluster(arrivals: Sequence[Report], window: Sequence[Report], next_number: int) -> Clustering:
    """Find every arrival its story, in order, each visible to the next.

    `window` are the members of stories near in time, and partial records; new stories are numbered from
    `next_number`. An arrival that has a story keeps it; of two stories that are one the lower number stays.
    """
    clusters = _Clusters(next_number)
    for report in sorted(window, key=lambda report: (report.published, report.id)):
        clusters.count(report)
    for report in arrivals:
        clusters.count(report)
    for report in sorted(window, key=lambda report: (report.published, report.id)):
        if report.story is not None:
            clusters.place(report, report.story)
    # Records that came in themselves open the stories which partial ones can join.
    for report in sorted(arrivals, key=lambda report: report.partial):
        clusters.arrive(report)
    return Clustering(
        {report.id: clusters.story_of[report.id] for report in arrivals if report.id in clusters.story_of},
        {old: clusters.current(old) for old in clusters.merged},
        clusters.why,
    )
