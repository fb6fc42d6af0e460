"""The stories of a window, found by their words."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from bot.domain.clustering.embeddings import Meaning
from bot.domain.clustering.story_cluster import NEAR, Report, StoryCluster
from bot.domain.clustering.vocabulary import Vocabulary, Word, lead

COMMON = 50  # stories that a word leads to even where these are more than a fifth of all
BUDGET = 120  # entries of words that are read for a report
ONE_WORD = 0.5  # part of the word that two stories share most which is not counted: a name is not an event
OUTDATED = 0.1  # part of all reports that may come before a story's length is computed anew
UNKNOWN = 1e-9  # stands for a length that was not computed yet: whatever is compared with it may be near
SLACK = 50  # places that may be empty before all are given anew, however few stories there are


class ClusterQuery(NamedTuple):
    """A story for which others are sought.

    Of each word `gains` has what it adds where another story has it in each of its reports; `leading` are those to
    be looked up, those that tell most first, each with its part of the mean vector. `length` is that vector's,
    `everything` the sum of all gains. `bar` is the lowest bar, `unsure` what is added to that while words are not
    known, and `enough` what the product with another mean vector must be of that one's length. `meaning` is what its
    titles mean, where that is known.
    """

    event: StoryCluster
    leading: Sequence[tuple[float, Word]]
    gains: Mapping[Word, float]
    length: float
    everything: float
    bar: float
    unsure: float
    enough: float
    meaning: Meaning | None


class ClusterIndex:
    """The stories by number, everybody's and those of servers, and the words that lead to them.

    What a server has stands apart from what everybody and every other server has, and says nothing of how rare a
    word is: it must not change what others see.
    """

    def __init__(self) -> None:
        self._events: dict[int, StoryCluster] = {}
        self._places: list[StoryCluster | None] = []
        # By place, beside each other: most stories that words lead to need no more to be passed over.
        self._last = array("d")
        self._lengths = array("d")  # of the mean vectors
        # A server (0: everybody) -> a day -> the places given to its stories with their last report then.
        self._lasting: dict[int, dict[int, array[int]]] = {}
        self.vocabulary = Vocabulary()
        self.own = 0  # stories of servers

    def __len__(self) -> int:
        return len(self._events)

    def __contains__(self, number: int) -> bool:
        return number in self._events

    def get(self, number: int) -> StoryCluster | None:
        """A story; None where it is none of these."""
        return self._events.get(number)

    def event(self, number: int, reports: Sequence[Report]) -> StoryCluster:
        """These reports as a story, which is not entered."""
        return StoryCluster(number, reports, self.vocabulary)

    def enter(self, event: StoryCluster) -> None:
        """Add a story, or put back one that was withdrawn."""
        self._events[event.number] = event
        weights = event.weights()
        self._count(event, 1, weights)
        self._put(event, weights)

    def withdraw(self, event: StoryCluster) -> None:
        """Take a story out."""
        del self._events[event.number]
        self._count(event, -1, event.weights())
        self._leave(event)

    def enlarge(self, event: StoryCluster, other: StoryCluster) -> None:
        """Add the reports of one story to another."""
        before = int(event.last)
        fresh = event.absorb(other, self.vocabulary)
        if not event.guild_id:
            self.vocabulary.reports += len(other)
            for word in fresh:
                word.count += 1
        if int(event.last) == before:
            self._last[event.place] = event.last
            self._lengths[event.place] = event.norm / len(event) or UNKNOWN
            lead(fresh, event.place, event.guild_id)
        else:
            self._leave(event)
            self._put(event, event.weights())

    def hear(self, reports: Iterable[Report]) -> None:
        """Learn from reports which words are names."""
        everybodys = [report.terms for report in reports if not report.guild_id]
        self.vocabulary.hear(
            chain.from_iterable(terms.names for terms in everybodys),
            chain.from_iterable(terms.words for terms in everybodys),
        )

    def evict(self, day: float) -> list[int]:
        """Forget the stories whose last report is from before a day. Returns their numbers."""
        found = []
        for lasting in self._lasting.values():
            for past in [last for last in lasting if last < int(day)]:
                for place in lasting.pop(past):
                    event = self._places[place]
                    if event is not None and event.last < day:
                        self.withdraw(event)
                        found.append(event.number)
        self._lasting = {guild_id: lasting for guild_id, lasting in self._lasting.items() if lasting}
        if len(self._places) > 2 * len(self._events) + SLACK:
            self._tidy()
        return found

    def norm(self, event: StoryCluster, *, keep: bool) -> float:
        """The `norm` of a story, which is computed anew where that was long ago (`keep`: for good)."""
        reports = self.vocabulary.reports
        if event.measured and abs(reports - event.measured) <= OUTDATED * reports:
            return event.norm
        norm = event.measure(self.vocabulary)
        if keep:
            event.norm, event.measured = norm, reports
            self._lengths[event.place] = norm / len(event)
        return norm

    def nearest(self, wanted: ClusterQuery, limit: int, server: int) -> list[tuple[float, StoryCluster]]:
        """The stories, everybody's (0) or a server's, whose common words add up to most by the gains of each; at most
        `limit`, of equals the last found. Each with what its cosine is at most; left out are those that cannot be
        near enough.

        Words are followed in their order, each to its newest stories, until `BUDGET` entries were read; those
        that every fifth story has lead nowhere.
        """
        since = wanted.event.first - NEAR
        # Places ascend with the days on which they were given, so most that are too old are passed over unread.
        lasting = self._lasting.get(server, {}).items()
        oldest = min((given[0] for day, given in lasting if day >= int(since)), default=0)
        shared: dict[int, float] = {}
        unread, squares = wanted.everything, wanted.length * wanted.length
        budget = BUDGET
        many = max(COMMON, (len(self._events) - self.own) // 5)
        for part, word in wanted.leading:
            if word.count > many:
                continue
            places: Sequence[int] = (word.own or {}).get(server, ()) if server else word.places
            if places and places[0] < oldest:
                places = places[bisect_left(places, oldest) :]
            gain = wanted.gains[word]
            budget -= len(places)
            if budget < 0:
                places = places[-budget:]
            else:
                unread -= gain
                squares -= part * part
            begun = gain * (1 - ONE_WORD)  # no later word tells more
            for place in places:
                if place in shared:
                    shared[place] += gain
                else:
                    shared[place] = begun
            if budget <= 0:
                break
        rest = math.sqrt(max(squares, 0.0))
        found = []
        for place in sorted(shared, key=shared.__getitem__)[-limit:]:
            # The words that were not read add what all reports of a story having them would, at most, and by
            # the inequality of Cauchy and Schwarz no more than the product of the lengths.
            length, gain = self._lengths[place], shared[place]
            most = min((gain + unread) / length, gain / length + rest)
            if most >= wanted.enough and self._last[place] >= since:
                other = self._places[place]
                if other is not None:
                    found.append((most / wanted.length, other))
        return found

    def _count(self, event: StoryCluster, sign: int, words: Iterable[Word]) -> None:
        if event.guild_id:
            self.own += sign
            return
        self.vocabulary.reports += sign * len(event)
        for word in words:
            word.count += sign

    def _put(self, event: StoryCluster, words: Iterable[Word]) -> None:
        """Give a story the newest place."""
        event.place = len(self._places)
        self._places.append(event)
        self._last.append(event.last)
        self._lengths.append(event.norm / len(event) or UNKNOWN)
        lasting = self._lasting.setdefault(event.guild_id, {})
        lasting.setdefault(int(event.last), array("I")).append(event.place)
        if event.guild_id:
            lead(words, event.place, event.guild_id)
        else:  # by hand: a window that is read back has many, and the newest place comes last anyway
            for word in words:
                word.places.append(event.place)

    def _leave(self, event: StoryCluster) -> None:
        self._places[event.place] = None
        self._last[event.place] = -math.inf

    def _tidy(self) -> None:
        """Give all stories places anew, without gaps."""
        self._places.clear()
        self._last, self._lengths = array("d"), array("d")
        self._lasting.clear()
        self.vocabulary.clear()
        for event in sorted(self._events.values(), key=lambda event: (int(event.last), event.number)):
            self._put(event, event.weights())
