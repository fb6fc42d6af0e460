"""The stories of a window, found by their words."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import chain

from bot.domain.clustering.meanings import NearestMeanings
from bot.domain.clustering.params import DEFAULT_PARAMS, ClusteringParams
from bot.domain.clustering.scoring import ClusterQuery
from bot.domain.clustering.story_cluster import NEAR, Report, StoryCluster
from bot.domain.clustering.vocabulary import Vocabulary, Word, count, lead

OUTDATED = 0.1  # part of all reports that may come before a story is measured anew
UNKNOWN = 1e-9  # stands for a norm that was not computed yet: whatever is compared with it may be near
SLACK = 50  # places that may be empty before all are given anew, however few stories there are


class ClusterIndex:
    """The stories by number, the shared ones and those of servers, and the words that lead to them.

    What a server has stands apart from what everybody and every other server has, and says nothing of how rare a
    word is: it must not change what others see.
    """

    def __init__(self, params: ClusteringParams = DEFAULT_PARAMS) -> None:
        self.params = params
        self._clusters: dict[int, StoryCluster] = {}
        self._places: list[StoryCluster | None] = []
        # By place, beside each other: most stories that words lead to need no more to be passed over.
        self._last = array("d")
        self._norms = array("d")  # for products with the mean vectors
        # A server (0: everybody) -> a day -> the places given to its stories with their last report then.
        self._lasting: dict[int, dict[int, array[int]]] = {}
        self._meanings: dict[int, NearestMeanings] = {}  # of a server's stories (0: shared ones)
        self.vocabulary = Vocabulary()
        self.own = 0  # stories of servers

    def __len__(self) -> int:
        return len(self._clusters)

    def __contains__(self, number: int) -> bool:
        return number in self._clusters

    def get(self, number: int) -> StoryCluster | None:
        """A story; None where it is none of these."""
        return self._clusters.get(number)

    def cluster_of(self, number: int, reports: Sequence[Report]) -> StoryCluster:
        """These reports as a story, which is not entered."""
        return StoryCluster(number, reports, self.vocabulary)

    def enter(self, cluster: StoryCluster) -> None:
        """Add a story, or put back one that was withdrawn."""
        self._clusters[cluster.number] = cluster
        words = cluster.words()
        self._count(cluster, 1, words)
        self._put(cluster, words)
        self._put_meaning(cluster)

    def withdraw(self, cluster: StoryCluster) -> None:
        """Take a story out."""
        del self._clusters[cluster.number]
        self._count(cluster, -1, cluster.words())
        self._leave(cluster)
        if cluster.guild_id in self._meanings:
            self._meanings[cluster.guild_id].remove(cluster.number)

    def enlarge(self, cluster: StoryCluster, other: StoryCluster) -> None:
        """Add the reports of one story to another."""
        before = int(cluster.last)
        fresh = cluster.absorb(other, self.vocabulary)
        if not cluster.guild_id:
            self.vocabulary.reports += len(other)
            count(fresh, 1)
        if int(cluster.last) == before:
            self._last[cluster.place] = cluster.last
            self._norms[cluster.place] = cluster.norm / len(cluster) or UNKNOWN
            lead(fresh, cluster.place, cluster.guild_id)
        else:
            self._leave(cluster)
            self._put(cluster, cluster.words())
        self._put_meaning(cluster)

    def observe_casing(self, reports: Iterable[Report]) -> None:
        """Learn from reports which words are names."""
        shared = [report.terms for report in reports if not report.guild_id]
        self.vocabulary.observe_casing(
            chain.from_iterable(terms.names for terms in shared),
            chain.from_iterable(terms.words for terms in shared),
        )

    def evict(self, day: float) -> list[int]:
        """Forget the stories whose last report is from before a day. Returns their numbers."""
        found = []
        for lasting in self._lasting.values():
            for past in [last for last in lasting if last < int(day)]:
                for place in lasting.pop(past):
                    cluster = self._places[place]
                    if cluster is not None and cluster.last < day:
                        self.withdraw(cluster)
                        found.append(cluster.number)
        self._lasting = {guild_id: lasting for guild_id, lasting in self._lasting.items() if lasting}
        if len(self._places) > 2 * len(self._clusters) + SLACK:
            self._tidy()
        return found

    def norm(self, cluster: StoryCluster, *, keep: bool) -> float:
        """The `norm` of a story, which is computed anew where that was long ago (`keep`: for good)."""
        reports = self.vocabulary.reports
        if not cluster.measured or abs(reports - cluster.measured) > OUTDATED * reports:
            before = cluster.measured, cluster.total, cluster.squares
            cluster.measure(self.vocabulary)
            norm = cluster.norm
            if keep:
                self._norms[cluster.place] = norm / len(cluster)
            else:
                cluster.measured, cluster.total, cluster.squares = before
            return norm
        return cluster.norm

    def nearest(self, query: ClusterQuery, limit: int, server: int) -> list[tuple[float, StoryCluster]]:
        """The stories, shared ones (0) or a server's, whose common words add up to most by the gains of each; at most
        `limit`, of equals the last found. Each with what its cosine is at most; left out are those that cannot be
        near enough.

        Words are followed in their order, each to its newest stories, until `params.budget` entries were read; those
        that every fifth story has lead nowhere.
        """
        since = query.cluster.first - NEAR
        # Places ascend with the days on which they were given, so most that are too old are passed over unread.
        lasting = self._lasting.get(server, {}).items()
        oldest = min((given[0] for day, given in lasting if day >= int(since)), default=0)
        shared: dict[int, float] = {}
        unread, squares = query.total_gain, query.length * query.length
        budget = self.params.budget
        many = max(self.params.common, (len(self._clusters) - self.own) // 5)
        for part, word in query.probe_terms:
            if word.count > many:
                continue
            places: Sequence[int] = (word.own or {}).get(server, ()) if server else word.places
            if places and places[0] < oldest:
                places = places[bisect_left(places, oldest) :]
            gain = query.term_gains[word]
            budget -= len(places)
            if budget < 0:
                places = places[-budget:]
            else:
                unread -= gain
                squares -= part * part
            begun = gain * (1 - self.params.top_word_share)  # no later word tells more
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
            # the inequality of Cauchy and Schwarz no more than the product of the lengths; a norm is no less.
            norm, gain = self._norms[place], shared[place]
            most = min((gain + unread) / norm, gain / norm + rest)
            if most >= query.min_product and self._last[place] >= since:
                other = self._places[place]
                if other is not None:
                    found.append((most / query.norm, other))
        return found

    def nearest_by_meaning(self, cluster: StoryCluster, server: int) -> list[StoryCluster]:
        """The stories with reports in other languages, shared ones (0) or a server's, that are nearest by what they mean."""
        meanings, meaning = self._meanings.get(server), cluster.meaning()
        if meanings is None or meaning is None:
            return []
        numbers = meanings.nearest(
            meaning,
            cluster.languages,
            least=self.params.foreign_least,
            since=cluster.first - NEAR,
            limit=self.params.foreign_candidates,
        )
        return [self._clusters[number] for number in numbers]

    def _put_meaning(self, cluster: StoryCluster) -> None:
        if cluster.languages:
            server, params = cluster.guild_id, self.params
            capacity = params.server_meanings if server else params.meanings
            meanings = self._meanings.setdefault(server, NearestMeanings(capacity))
            meanings.put(cluster.number, cluster.meaning(), cluster.languages, cluster.last)

    def _count(self, cluster: StoryCluster, sign: int, words: Iterable[Word]) -> None:
        if cluster.guild_id:
            self.own += sign
            return
        self.vocabulary.reports += sign * len(cluster)
        count(words, sign)

    def _put(self, cluster: StoryCluster, words: Iterable[Word]) -> None:
        """Give a story the newest place."""
        cluster.place = len(self._places)
        self._places.append(cluster)
        self._last.append(cluster.last)
        self._norms.append(cluster.norm / len(cluster) or UNKNOWN)
        lasting = self._lasting.setdefault(cluster.guild_id, {})
        lasting.setdefault(int(cluster.last), array("I")).append(cluster.place)
        if cluster.guild_id:
            lead(words, cluster.place, cluster.guild_id)
        else:  # by hand: a window that is read back has many, and the newest place comes last anyway
            for word in words:
                word.places.append(cluster.place)

    def _leave(self, cluster: StoryCluster) -> None:
        self._places[cluster.place] = None
        self._last[cluster.place] = -math.inf

    def _tidy(self) -> None:
        """Give all stories places anew, without gaps."""
        self._places.clear()
        self._last, self._norms = array("d"), array("d")
        self._lasting.clear()
        self.vocabulary.clear()
        for cluster in sorted(
            self._clusters.values(), key=lambda cluster: (int(cluster.last), cluster.number)
        ):
            self._put(cluster, cluster.words())
