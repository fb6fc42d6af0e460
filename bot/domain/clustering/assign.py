"""Which reports are about the same event: stories, built in arrival order.

A report is a story of one. It is merged with the nearest story that is near enough, and the result
again, until none is: finding a report's story and finding out that two stories are one are the same
step. What is compared is always the whole of both stories (their mean, not a nearest member), so that
one odd title between two events does not chain them together.

Near is a cosine over stemmed words, each weighed by how rare it is among *stories*. A word that a
hundred reports of one event share still tells that event from others; one that stands in every tenth
story tells nothing. Counting stories makes the weights adapt by themselves, to a stream of few large
events as to one of many small ones, and to what a site writes about in every title.

A `StoryWindow` is kept from batch to batch. What a report costs depends on its words and not on how many
stories there are: an index leads from words to stories, words that tell most and newest stories first, and
reading it ends after a budget.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from operator import itemgetter, mul, neg

from bot.domain.clustering.batch import Batch, Clustering, Why
from bot.domain.clustering.index import ClusterIndex
from bot.domain.clustering.params import DEFAULT_PARAMS, ClusteringParams
from bot.domain.clustering.scoring import (
    ClusterQuery,
    Threshold,
    foreign_margin,
    margin,
    passes_guards,
    probe_terms,
    rivalry,
    similarity,
)
from bot.domain.clustering.story_cluster import Report, StoryCluster

SHOWN = 4  # terms that are told as the reason

_NONE: frozenset[int] = frozenset()


class StoryWindow:
    """The stories near in time, of everybody and of each server, as clustering compares them.

    A server's own reports are compared with shared stories and with that server's. In a shared story
    they are guests: members, but their words say nothing of what belongs there. `reports` are in
    stories; `apart` are pairs of stories that people found to be different: they never merge.
    """

    def __init__(
        self,
        reports: Iterable[Report] = (),
        apart: Iterable[tuple[int, int]] = (),
        params: ClusteringParams = DEFAULT_PARAMS,
    ) -> None:
        self._index = ClusterIndex(params)
        self._apart: dict[int, set[int]] = {}
        self.correct((), reports, apart)

    def __len__(self) -> int:
        """How many stories there are."""
        return len(self._index)

    def __contains__(self, number: int) -> bool:
        return number in self._index

    @property
    def entries(self) -> int:
        """How many entries the index has: what memory follows."""
        return self._index.vocabulary.entries()

    def place(
        self, arrivals: Sequence[Report], related: Mapping[int, Report], next_number: int
    ) -> Clustering:
        """Find each arrival its story, in order, each visible to the next.

        An arrival that has a story stays there, but for merges; a partial one never opens a story. `related`
        are reports by id that arrivals declare, or that declare arrivals. New stories are numbered from
        `next_number` on; a number is left out where two of them turn out to be one.
        """
        batch = Batch.of(arrivals, related, next_number)
        for report in arrivals:
            self._arrive(report, batch)
        return batch.outcome(arrivals)

    def leave(self, story: int, report_ids: Collection[int]) -> None:
        """Take reports out of their story, as they were withdrawn or found no room."""
        cluster = self._index.get(story)
        if cluster is None or all(report.id not in report_ids for report in cluster.reports):
            return
        self._index.withdraw(cluster)
        if cluster.drop(report_ids):
            self._index.enter(cluster)

    def correct(
        self, numbers: Iterable[int], reports: Iterable[Report], apart: Iterable[tuple[int, int]]
    ) -> None:
        """Replace the stories with these numbers, which people have changed, by the stories of `reports`.

        A number without a report is removed. `apart`: all pairs of stories that people keep apart, not only new ones.
        """
        observed: set[int] = set()  # the casing of their titles counts already
        for number in numbers:
            cluster = self._index.get(number)
            if cluster is not None:
                observed.update(report.id for report in cluster.reports)
                self._index.withdraw(cluster)
        stories: dict[int, list[Report]] = {}
        for report in reports:
            assert report.story is not None
            stories.setdefault(report.story, []).append(report)
        self._index.observe_casing(r for members in stories.values() for r in members if r.id not in observed)
        for number, members in sorted(stories.items(), key=_age):
            owner = min(report.guild_id for report in members)
            own = [report for report in members if report.guild_id == owner]
            self._index.enter(self._index.cluster_of(number, own))
        self._apart.clear()
        for one, other in apart:
            self.forbid_merge(one, other)

    def forbid_merge(self, one: int, other: int) -> None:
        """Two stories never become one."""
        self._apart.setdefault(one, set()).add(other)
        self._apart.setdefault(other, set()).add(one)

    def evict(self, day: float) -> None:
        """Forget the stories whose last report is from before a day, in days since 1970."""
        for number in self._index.evict(day):
            for other in self._apart.pop(number, ()):
                self._apart[other].discard(number)

    # ------------------------------------------------------------------------------ one report

    def _arrive(self, report: Report, batch: Batch) -> None:
        if report.partial:
            self._join(report, batch.linked(report), batch)
            return
        linked = batch.linked(report)
        number = batch.story_of(report.id)
        cluster = self._find(report, linked, batch) if number is None else self._stay(report, number)
        if cluster is not None:
            self._settle(cluster, linked, batch)
        story = batch.story_of(report.id)
        for partial in batch.waiting(report):
            linked = batch.linked(partial)
            self._join(partial, linked if story is None else linked | {story}, batch)

    def _find(self, report: Report, linked: Collection[int], batch: Batch) -> StoryCluster | None:
        """Put a report into the nearest story, or open one. Returns the story if others may be one with it now."""
        alone = self._index.cluster_of(0, [report])
        self._index.observe_casing([report])
        near = self._nearest(alone, linked)
        if near is None:
            alone.number = batch.opens()
            self._index.enter(alone)
            batch.put(report, alone.number, Why())
            self._adopt(alone, batch)
            return None
        batch.put(report, near.number, self._why(report, alone, near, batch))
        if near.guild_id != report.guild_id:
            return None
        self._index.enlarge(near, alone)
        return near if _is_due(len(near)) else None

    def _stay(self, report: Report, number: int) -> StoryCluster | None:
        """A report that is in a story stays there, with what it says now."""
        cluster = self._index.get(number)
        if cluster is not None and cluster.guild_id != report.guild_id:
            return None
        fresh = self._index.cluster_of(number, [report])
        self._index.observe_casing([report])
        if cluster is not None:
            self._index.withdraw(cluster)
            if cluster.drop([report.id]):
                cluster.absorb(fresh, self._index.vocabulary)
                fresh = cluster
        self._index.enter(fresh)
        return fresh

    def _settle(self, cluster: StoryCluster, linked: Collection[int], batch: Batch) -> None:
        """Merge a story, which has just got a report, with those that now turn out to be the same.

        A server's story that goes on as a shared one ends this: its words are no reason to compare that
        one with others.
        """
        server = cluster.guild_id
        while (other := self._nearest(cluster, linked)) is not None:
            cluster = self._unite(cluster, other, batch)
            if cluster.guild_id != server:
                return
        self._adopt(cluster, batch)

    def _adopt(self, cluster: StoryCluster, batch: Batch) -> None:
        """Have stories of servers go on as a shared one that is the same, `params.candidates` of each at most.

        Each server's are sought apart, so that those of one never stand in the way of another's.
        """
        if cluster.guild_id or not self._index.own:
            return
        servers = {server for word in cluster.words() for server in word.own or ()}
        for server in sorted(servers):
            for _ in range(self._index.params.candidates):
                other = self._nearest(cluster, (), server=server)
                if other is None:
                    break
                self._unite(cluster, other, batch)

    def _unite(self, one: StoryCluster, other: StoryCluster, batch: Batch) -> StoryCluster:
        """Two stories go on as one: as a shared one, if one of them is, and under the lower number.

        What keeps a server's story apart from others does not keep the shared ones apart.
        """
        kept, gone = sorted((one, other), key=lambda cluster: (cluster.guild_id, cluster.number))
        self._index.withdraw(gone)
        if kept.guild_id == gone.guild_id:
            self._index.enlarge(kept, gone)
        for number in self._apart.pop(gone.number, ()):
            self._apart[number].discard(gone.number)
            if kept.guild_id == gone.guild_id:
                self.forbid_merge(number, kept.number)
        batch.merged[gone.number] = kept.number
        return kept

    def _join(self, partial: Report, linked: Collection[int], batch: Batch) -> None:
        """Put a partial report into the nearest of these stories, which declare it, if one is near enough.

        Its words are no part of the story: what others declare must not decide what joins next.
        """
        if partial.id in batch.stories:
            return
        alone = self._index.cluster_of(0, [partial])
        near = self._nearest(alone, linked, declared_alone=True)
        if near is not None:
            batch.put(partial, near.number, self._why(partial, alone, near, batch))

    # ------------------------------------------------------------------------------- comparing

    def _nearest(
        self,
        cluster: StoryCluster,
        linked: Collection[int],
        *,
        server: int | None = None,
        declared_alone: bool = False,
    ) -> StoryCluster | None:
        """The story that is furthest above its threshold, as a part of the way to 1; of equals the oldest.

        It is one of those that the readers of `cluster` see, or with a `server` of that one's own. `linked` are
        stories with a declaration that speaks for it; `declared_alone`: it is one of these.
        """
        query, params = self._query(cluster), self._index.params
        readable = sorted({0, cluster.guild_id}) if server is None else [server]
        compared: list[tuple[float, float, StoryCluster]] = []
        highest = [0.0] * (params.rivals + 1)
        for cosine, other in self._promising(query, linked, readable, declared_alone=declared_alone):
            if cosine < highest[-1]:
                break  # neither this nor those after it is the nearest or a rival of it
            norm = self._index.norm(other, keep=not cluster.guild_id)
            near = similarity(query, other, norm, params)
            compared.append((near, norm, other))
            insort(highest, near, key=neg)
            highest.pop()
        best, most = None, (0.0, -math.inf)
        for near, norm, other in compared:
            declared = other.number in linked
            if near < query.threshold.lowest and not declared:
                continue  # as most are: nothing lowers the threshold further
            against = 0.0 if declared_alone else rivalry(near, highest, params)
            excess = margin(query, other, near, against, params, linked=declared)
            found = (excess, -other.number)
            if found > most and (
                declared_alone or passes_guards(query, other, near, norm, params, linked=declared)
            ):
                best, most = other, found
        for other in () if declared_alone else self._foreign(cluster, readable):
            norm = self._index.norm(other, keep=not cluster.guild_id)
            found = (
                foreign_margin(query, other, norm, params, linked=other.number in linked),
                -other.number,
            )
            if found > most:
                best, most = other, found
        return best

    def _query(self, cluster: StoryCluster) -> ClusterQuery:
        """What to look for, for stories like this one."""
        size, words = len(cluster), cluster.words()
        index, params = self._index, self._index.params
        rarities = index.vocabulary.rarities(words)
        parts = cluster.mean(rarities)
        gains = dict(zip(words, map(mul, parts, rarities), strict=True))
        length = math.hypot(*parts) or 1.0
        if not cluster.number:
            cluster.total, cluster.measured = length, index.vocabulary.reports
        norm = length if size == 1 else index.norm(cluster, keep=not cluster.guild_id) / size
        threshold = Threshold.at(len(index) - index.own, index.vocabulary.reports, params)
        min_product = threshold.lowest * norm
        probes = probe_terms(parts, words, min_product, params)
        return ClusterQuery(cluster, probes, gains, length, norm, sum(gains.values()), threshold, min_product)

    def _promising(
        self, query: ClusterQuery, linked: Collection[int], servers: Sequence[int], *, declared_alone: bool
    ) -> list[tuple[float, StoryCluster]]:
        """The stories of these servers (0: shared) that are worth a comparison word by word, each with what
        its cosine is at most; highest first.
        """
        cluster, index = query.cluster, self._index
        found: list[tuple[float, StoryCluster]] = []
        if not declared_alone:
            for server in servers:
                found += index.nearest(query, index.params.candidates, server)
        if linked:
            found = [(cosine, other) for cosine, other in found if other.number not in linked]
            found += [(1.0, other) for number in linked if (other := index.get(number)) is not None]
        if cluster.number or cluster.guild_id or index.own:
            apart = self._apart.get(cluster.number, _NONE)
            found = [
                (cosine, other)
                for cosine, other in found
                if other is not cluster and other.number not in apart and other.guild_id in servers
            ]
        return sorted(found, key=itemgetter(0), reverse=True)

    def _foreign(self, cluster: StoryCluster, servers: Sequence[int]) -> list[StoryCluster]:
        """The stories of these servers (0: shared) in other languages that are worth a comparison by what they mean."""
        if not cluster.languages:
            return []
        apart = self._apart.get(cluster.number, _NONE)
        near = chain.from_iterable(self._index.nearest_by_meaning(cluster, server) for server in servers)
        return [other for other in near if other is not cluster and other.number not in apart]

    def _why(self, report: Report, alone: StoryCluster, story: StoryCluster, batch: Batch) -> Why:
        weights, vocabulary = story.weights(), self._index.vocabulary
        shares: list[str] = []
        for words in (alone.reports[0].title, alone.reports[0].excerpt):
            common = [word for word in words if word in weights]
            rated = zip(vocabulary.rarities(common), common, strict=True)
            shares += [word.term for _, word in sorted(rated, key=itemgetter(0), reverse=True)]
        one, two = alone.languages, story.languages
        why = Why(tuple(shares[:SHOWN]), translated=bool(one and two) and one.isdisjoint(two))
        for other, declares in batch.declarations(report):
            if batch.story_of(other) == story.number:
                return replace(why, declares=other) if declares else replace(why, declared_by=other)
        return why


def _age(story: tuple[int, Sequence[Report]]) -> tuple[int, int]:
    number, reports = story
    return int(max(report.day for report in reports)), number


def _is_due(size: int) -> bool:
    """Whether a story that has got a report is compared as a whole: at 1, 2, 3, 4, 6, 8, 12, 16, 24 reports ...

    One report more changes little of what a large story says.
    """
    return size % (1 << max(0, size.bit_length() - 2)) == 0
