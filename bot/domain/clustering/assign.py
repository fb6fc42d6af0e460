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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter, mul

from bot.domain.clustering.batch import Batch, Clustering, Why
from bot.domain.clustering.index import ONE_WORD, ClusterIndex, ClusterQuery
from bot.domain.clustering.story_cluster import NEAR, Report, StoryCluster
from bot.domain.clustering.vocabulary import PRIOR, Word

# Tuned for B-cubed F1 on headlines of large events and on sites with many small ones. Cosines.
ALIKE = 0.115  # from here on two stories are one
CROWD = 0.15  # by what part of itself that rises for every e-fold of stories: among many, more are alike by chance
CROWDED = 100  # stories from which on that counts
UNSURE = 0.3  # added to that while nothing is known of how rare words are; halved after PRIOR reports
SAME_OUTLET = 0.5  # how far the bar rises towards 1 where one outlet wrote all: its titles are alike anyway
LATE = 1.2  # by what part of itself the bar rises until NEAR
DECLARED = 0.75  # what is left of the bar where a single report and the story declare each other
VOUCHED = 0.4  # what is left of UNSURE then
SECOND = 0.03  # what two stories of several reports must share without that word
SERIES = 0.5  # part of a story that must be an outlet's own for its next title to be an instalment

# Where it is known what titles mean. Likenesses of meanings.
USUAL = 0.41  # two titles of one theme are so much alike anyway: more speaks for one story, less against
DIFFERENT = 0.3  # below that two stories of several reports are not one, whatever their words; more decides nothing there
FEWER = 0.6  # part of the bar that words alone must reach for a comparison
SURER = 0.7  # what is left of UNSURE

CANDIDATES = 12  # stories that are compared with a report word by word
SHOWN = 4  # terms that are told as the reason

_NONE: frozenset[int] = frozenset()


class StoryWindow:
    """The stories near in time, of everybody and of each server, as clustering compares them.

    A server's own reports are compared with everybody's stories and with that server's. In a story of
    everybody's they are guests: members, but their words say nothing of what belongs there. `reports` are in
    stories; `apart` are pairs of stories that people found to be different: they never merge.
    """

    def __init__(self, reports: Iterable[Report] = (), apart: Iterable[tuple[int, int]] = ()) -> None:
        self._events = ClusterIndex()
        self._apart: dict[int, set[int]] = {}
        stories: dict[int, list[Report]] = {}
        reports = list(reports)
        self._events.hear(reports)
        for report in reports:
            assert report.story is not None
            stories.setdefault(report.story, []).append(report)
        for number, members in sorted(stories.items(), key=_age):
            owner = min(report.guild_id for report in members)
            own = [report for report in members if report.guild_id == owner]
            self._events.enter(self._events.event(number, own))
        for one, other in apart:
            self.part(one, other)

    def __len__(self) -> int:
        """How many stories there are."""
        return len(self._events)

    def __contains__(self, number: int) -> bool:
        return number in self._events

    @property
    def entries(self) -> int:
        """How many entries the index has: what memory follows."""
        return self._events.vocabulary.entries()

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
        event = self._events.get(story)
        if event is None or all(report.id not in report_ids for report in event.reports):
            return
        self._events.withdraw(event)
        if event.drop(report_ids):
            self._events.enter(event)

    def part(self, one: int, other: int) -> None:
        """Two stories never become one."""
        self._apart.setdefault(one, set()).add(other)
        self._apart.setdefault(other, set()).add(one)

    def evict(self, day: float) -> None:
        """Forget the stories whose last report is from before a day, in days since 1970."""
        for number in self._events.evict(day):
            for other in self._apart.pop(number, ()):
                self._apart[other].discard(number)

    # ------------------------------------------------------------------------------ one report

    def _arrive(self, report: Report, batch: Batch) -> None:
        if report.partial:
            self._join(report, batch.linked(report), batch)
            return
        linked = batch.linked(report)
        number = batch.story_of(report.id)
        event = self._find(report, linked, batch) if number is None else self._stay(report, number)
        if event is not None:
            self._settle(event, linked, batch)
        story = batch.story_of(report.id)
        for partial in batch.waiting(report):
            linked = batch.linked(partial)
            self._join(partial, linked if story is None else linked | {story}, batch)

    def _find(self, report: Report, linked: Collection[int], batch: Batch) -> StoryCluster | None:
        """Put a report into the nearest story, or open one. Returns the story if others may be one with it now."""
        alone = self._events.event(0, [report])
        self._events.hear([report])
        near = self._nearest(alone, linked)
        if near is None:
            alone.number = batch.opens()
            self._events.enter(alone)
            batch.put(report, alone.number, Why())
            self._adopt(alone, batch)
            return None
        batch.put(report, near.number, self._why(report, alone, near, batch))
        if near.guild_id != report.guild_id:
            return None
        self._events.enlarge(near, alone)
        return near if _is_due(len(near)) else None

    def _stay(self, report: Report, number: int) -> StoryCluster | None:
        """A report that is in a story stays there, with what it says now."""
        event = self._events.get(number)
        if event is not None and event.guild_id != report.guild_id:
            return None
        fresh = self._events.event(number, [report])
        self._events.hear([report])
        if event is not None:
            self._events.withdraw(event)
            if event.drop([report.id]):
                event.absorb(fresh, self._events.vocabulary)
                fresh = event
        self._events.enter(fresh)
        return fresh

    def _settle(self, event: StoryCluster, linked: Collection[int], batch: Batch) -> None:
        """Merge a story, which has just got a report, with those that now turn out to be the same.

        A server's story that goes on as one of everybody's ends this: its words are no reason to compare that
        one with others.
        """
        server = event.guild_id
        while (other := self._nearest(event, linked)) is not None:
            event = self._unite(event, other, batch)
            if event.guild_id != server:
                return
        self._adopt(event, batch)

    def _adopt(self, event: StoryCluster, batch: Batch) -> None:
        """Have stories of servers go on as one of everybody's that is the same, `CANDIDATES` of each at most.

        Each server's are sought apart, so that those of one never stand in the way of another's.
        """
        if event.guild_id or not self._events.own:
            return
        servers = {server for word in event.weights() for server in word.own or ()}
        for server in sorted(servers):
            for _ in range(CANDIDATES):
                other = self._nearest(event, (), server=server)
                if other is None:
                    break
                self._unite(event, other, batch)

    def _unite(self, one: StoryCluster, other: StoryCluster, batch: Batch) -> StoryCluster:
        """Two stories go on as one: as everybody's, if one is that, and under the lower number.

        What keeps a server's story apart from others does not keep everybody's apart.
        """
        kept, gone = sorted((one, other), key=lambda event: (event.guild_id, event.number))
        self._events.withdraw(gone)
        if kept.guild_id == gone.guild_id:
            self._events.enlarge(kept, gone)
        for number in self._apart.pop(gone.number, ()):
            self._apart[number].discard(gone.number)
            if kept.guild_id == gone.guild_id:
                self.part(number, kept.number)
        batch.merged[gone.number] = kept.number
        return kept

    def _join(self, partial: Report, linked: Collection[int], batch: Batch) -> None:
        """Put a partial report into the nearest of these stories, which declare it, if one is near enough.

        Its words are no part of the story: what others declare must not decide what joins next.
        """
        if partial.id in batch.stories:
            return
        alone = self._events.event(0, [partial])
        near = self._nearest(alone, linked, declared_alone=True)
        if near is not None:
            batch.put(partial, near.number, self._why(partial, alone, near, batch))

    # ------------------------------------------------------------------------------- comparing

    def _nearest(
        self,
        event: StoryCluster,
        linked: Collection[int],
        *,
        server: int | None = None,
        declared_alone: bool = False,
    ) -> StoryCluster | None:
        """The story that is furthest above its bar, as a part of the way to 1; of equals the oldest.

        It is one of those that the readers of `event` see, or with a `server` of that one's own. `linked` are
        stories with a declaration that speaks for it; `declared_alone`: it is one of these.
        """
        wanted = self._wanted(event)
        readable = sorted({0, event.guild_id}) if server is None else [server]
        lowest = wanted.bar + wanted.unsure
        best, most = None, (0.0, -math.inf)
        for cosine, other in self._promising(wanted, linked, readable, declared_alone=declared_alone):
            if wanted.meaning is None and cosine - lowest < most[0] * (1 - lowest):
                break  # neither this nor those after it can be further above the bar
            found = (self._above(wanted, other, linked=other.number in linked), -other.number)
            if found > most and (declared_alone or self._confirmed(wanted, other)):
                best, most = other, found
        return best

    def _wanted(self, event: StoryCluster) -> ClusterQuery:
        size, weights = len(event), event.weights()
        rarities = self._events.vocabulary.rarities(weights)
        parts = [weight / size * rarity for weight, rarity in zip(weights.values(), rarities, strict=True)]
        gains = dict(zip(weights, map(mul, parts, rarities), strict=True))
        length = math.hypot(*parts) or 1.0
        if not event.number:
            event.norm, event.measured = length, self._events.vocabulary.reports
        bar, unsure = self._alike()
        meaning = event.meaning()
        enough = (bar + unsure) * length * (FEWER if meaning is not None else 1.0)
        leading = _leading(parts, weights, enough)
        return ClusterQuery(event, leading, gains, length, sum(gains.values()), bar, unsure, enough, meaning)

    def _promising(
        self, wanted: ClusterQuery, linked: Collection[int], servers: Sequence[int], *, declared_alone: bool
    ) -> list[tuple[float, StoryCluster]]:
        """The stories of these servers (0: everybody's) that are worth a comparison word by word, each with what
        its cosine is at most; highest first.
        """
        event, events = wanted.event, self._events
        found: list[tuple[float, StoryCluster]] = []
        if not declared_alone:
            for server in servers:
                found += events.nearest(wanted, CANDIDATES, server)
        if linked:
            found = [(cosine, other) for cosine, other in found if other.number not in linked]
            found += [(1.0, other) for number in linked if (other := events.get(number)) is not None]
        if event.number or event.guild_id or events.own:
            apart = self._apart.get(event.number, _NONE)
            found = [
                (cosine, other)
                for cosine, other in found
                if other is not event and other.number not in apart and other.guild_id in servers
            ]
        return sorted(found, key=itemgetter(0), reverse=True)

    def _alike(self) -> tuple[float, float]:
        """The lowest bar of two stories without a declaration where words are known, and what is added to that."""
        events = self._events
        crowd = math.log(1 + (len(events) - events.own) / CROWDED)
        return ALIKE * (1 + CROWD * crowd), UNSURE * PRIOR / (PRIOR + events.vocabulary.reports)

    def _above(self, wanted: ClusterQuery, other: StoryCluster, *, linked: bool) -> float:
        """How far two stories are above the bar from which they are one, as a part of the way to 1; else negative."""
        event = wanted.event
        bar, unsure = wanted.bar, wanted.unsure
        if linked and min(len(event), len(other)) == 1:
            # A declaration speaks for a report, not for all that are in a story with it.
            bar, unsure = DECLARED * bar, VOUCHED * unsure
        meaning = other.meaning() if wanted.meaning is not None else None
        if meaning is not None:
            unsure *= SURER
        bar = (bar + unsure) * (1 + LATE * event.gap(other) / NEAR)
        if bar >= 1:
            return -1.0
        norm = self._events.norm(other, keep=not event.guild_id)
        product, most = other.product(wanted.gains)
        similarity = (product - ONE_WORD * most) / (norm * wanted.length)
        if wanted.meaning is not None and meaning is not None:
            like = wanted.meaning.like(meaning)
            if min(len(event), len(other)) == 1:
                similarity += like - USUAL
            elif like < DIFFERENT:
                return -1.0
        if similarity >= bar:
            # Squared, for the large outlets meet in every large story.
            bar += (1 - bar) * SAME_OUTLET * event.common_outlets(other) ** 2
        return (similarity - bar) / (1 - bar)

    def _confirmed(self, wanted: ClusterQuery, other: StoryCluster) -> bool:
        """Whether what makes two stories alike is more than it seems at first."""
        event = wanted.event
        if min(len(event), len(other)) == 1:
            return event.common_outlets(other) < SERIES or not event.continues(other)
        product, most = other.product(wanted.gains)
        return product - most >= SECOND * other.norm * wanted.length

    def _why(self, report: Report, alone: StoryCluster, story: StoryCluster, batch: Batch) -> Why:
        weights, vocabulary = story.weights(), self._events.vocabulary
        shares: list[str] = []
        for words in (alone.reports[0].title, alone.reports[0].excerpt):
            common = [word for word in words if word in weights]
            rated = zip(vocabulary.rarities(common), common, strict=True)
            shares += [word.term for _, word in sorted(rated, key=itemgetter(0), reverse=True)]
        why = Why(tuple(shares[:SHOWN]))
        for other, declares in batch.declarations(report):
            if batch.story_of(other) == story.number:
                return replace(why, declares=other) if declares else replace(why, declared_by=other)
        return why


def _leading(parts: Iterable[float], words: Iterable[Word], enough: float) -> list[tuple[float, Word]]:
    """The words that lead to stories, those that tell most first; with less than these none is near enough.

    The words that are left out are so short together that a story which shares only such words is not near
    `enough` (prefix filtering: Bayardo, Ma and Srikant, 2007), less what `ONE_WORD` takes of the largest: of n
    words at least an n-th.
    """
    order = sorted(zip(parts, words, strict=True), key=itemgetter(0), reverse=True)
    left = 0.0
    for n, (part, _) in enumerate(reversed(order), 1):
        left += part * part
        if math.sqrt(left) * (1 - ONE_WORD / n) >= enough:
            return order[: len(order) - n + 1]
    return []


def _age(story: tuple[int, Sequence[Report]]) -> tuple[int, int]:
    number, reports = story
    return int(max(report.day for report in reports)), number


def _is_due(size: int) -> bool:
    """Whether a story that has got a report is compared as a whole: at 1, 2, 3, 4, 6, 8, 12, 16, 24 reports ...

    One report more changes little of what a large story says.
    """
    return size % (1 << max(0, size.bit_length() - 2)) == 0
