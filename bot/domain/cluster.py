"""Which reports are about the same event: stories, built in arrival order.

A report is a story of one. It is merged with the nearest story that is near enough, and the result
again, until none is: finding a report's story and finding out that two stories are one are the same
step. What is compared is always the whole of both stories (their mean, not a nearest member), so that
one odd title between two events does not chain them together.

Near is a cosine over stemmed words, each weighed by how rare it is among *stories*. A word that a
hundred reports of one event share still tells that event from others; one that stands in every tenth
story tells nothing. Counting stories makes the weights adapt by themselves, to a stream of few large
events as to one of many small ones, and to what a site writes about in every title.

A `Window` is kept from batch to batch. What a report costs depends on its words and not on how many
stories there are: an index leads from words to stories, words that tell most and newest stories first, and
reading it ends after a budget.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from bot.domain.batch import Batch, Clustering, Why
from bot.domain.event import NEAR, PRIOR, Event, Report
from bot.domain.index import Events

# Tuned for B-cubed F1 on headlines of large events and on sites with many small ones. Cosines.
ALIKE = 0.11  # from here on two stories are one
CROWD = 0.22  # by what part of itself that rises for every e-fold of stories: among many, more are alike by chance
CROWDED = 100  # stories from which on that counts
UNSURE = 0.3  # added to that while nothing is known of how rare words are; halved after PRIOR reports
SAME_OUTLET = 0.5  # how far the bar rises towards 1 where one outlet wrote all: its titles are alike anyway
LATE = 1.2  # by what part of itself the bar rises until NEAR
DECLARED = 0.75  # what is left of the bar where a single report and the story declare each other
VOUCHED = 0.4  # what is left of UNSURE then
ONE_WORD = 0.5  # part of the word that two stories share most which is not counted: a name is not an event
SECOND = 0.05  # what two stories of several reports must share without that word
SERIES = 0.5  # part of a story that must be an outlet's own for its next title to be an instalment

CANDIDATES = 12  # stories that are compared with a report word by word
SHOWN = 4  # terms that are told as the reason

_NONE: frozenset[int] = frozenset()


class _Wanted(NamedTuple):
    """A story for which others are sought: of each term its part of the mean vector, and what it adds where

    another story has it in each of its reports; the length of that vector; and the lowest bar, with what is
    added to that while words are not known.
    """

    event: Event
    parts: Mapping[str, float]
    gains: Mapping[str, float]
    length: float
    bar: float
    unsure: float


class Window:
    """The stories near in time, of everybody and of each server, as clustering compares them.

    A server's own reports are compared with everybody's stories and with that server's. In a story of
    everybody's they are guests: members, but their words say nothing of what belongs there. `reports` are in
    stories; `apart` are pairs of stories that people found to be different: they never merge.
    """

    def __init__(self, reports: Iterable[Report] = (), apart: Iterable[tuple[int, int]] = ()) -> None:
        self._events = Events()
        self._apart: dict[int, set[int]] = {}
        stories: dict[int, list[Report]] = {}
        for report in reports:
            assert report.story is not None
            stories.setdefault(report.story, []).append(report)
            self._events.hear(report)
        for number, members in sorted(stories.items()):
            owner = min(report.guild_id for report in members)
            self._events.enter(Event(number, *(r for r in members if r.guild_id == owner)))
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
        return self._events.entries

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

    def leave(self, report_id: int, story: int) -> None:
        """Take a report out of its story, as it was withdrawn."""
        event = self._events.get(story)
        if event is None or all(report.id != report_id for report in event.reports):
            return
        self._events.withdraw(event)
        if event.drop(report_id):
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
            self._join(report, batch)
            return
        number = batch.story_of(report.id)
        event = self._find(report, batch) if number is None else self._stay(report, number)
        if event is not None:
            self._settle(event, report, batch)
        for partial in batch.waiting(report):
            self._join(partial, batch)

    def _find(self, report: Report, batch: Batch) -> Event | None:
        """Put a report into the nearest story, or open one. Returns the story if others may be one with it now."""
        alone = Event(0, report)
        self._events.hear(report)
        near = self._nearest(alone, batch.linked(report))
        if near is None:
            alone.number = batch.opens()
            self._events.enter(alone)
            batch.put(report, alone.number, Why())
            self._adopt(alone, batch.linked(report), batch)
            return None
        batch.put(report, near.number, self._why(report, near, batch))
        if near.guild_id != report.guild_id:
            return None
        self._events.enlarge(near, alone)
        return near if _is_due(len(near)) else None

    def _stay(self, report: Report, number: int) -> Event | None:
        """A report that is in a story stays there, with what it says now."""
        event = self._events.get(number)
        if event is not None and event.guild_id != report.guild_id:
            return None
        fresh = Event(number, report)
        self._events.hear(report)
        if event is not None:
            self._events.withdraw(event)
            if event.drop(report.id):
                event.absorb(fresh, {})
                fresh = event
        self._events.enter(fresh)
        return fresh

    def _settle(self, event: Event, report: Report, batch: Batch) -> None:
        """Merge a story, which has just got a report, with those that now turn out to be the same."""
        linked = batch.linked(report)
        while (other := self._nearest(event, linked)) is not None:
            event = self._unite(event, other, batch)
        self._adopt(event, linked, batch)

    def _adopt(self, event: Event, linked: Collection[int], batch: Batch) -> None:
        """Have stories of servers go on as one of everybody's that is the same."""
        while self._events.own and not event.guild_id and (other := self._nearest(event, linked, own=True)):
            self._unite(event, other, batch)

    def _unite(self, one: Event, other: Event, batch: Batch) -> Event:
        """Two stories go on as one: as everybody's, if one is that, and under the lower number."""
        kept, gone = sorted((one, other), key=lambda event: (event.guild_id, event.number))
        self._events.withdraw(gone)
        if kept.guild_id == gone.guild_id:
            self._events.enlarge(kept, gone)
        for number in self._apart.pop(gone.number, ()):
            self._apart[number].discard(gone.number)
            self.part(number, kept.number)
        batch.merged[gone.number] = kept.number
        return kept

    def _join(self, partial: Report, batch: Batch) -> None:
        """Put a partial report into the nearest story that declares it, if one is near enough.

        Its words are no part of the story: what others declare must not decide what joins next.
        """
        if partial.id in batch.stories:
            return
        near = self._nearest(Event(0, partial), batch.linked(partial), declared_alone=True)
        if near is not None:
            batch.put(partial, near.number, self._why(partial, near, batch))

    # ------------------------------------------------------------------------------- comparing

    def _nearest(
        self, event: Event, linked: Collection[int], *, own: bool = False, declared_alone: bool = False
    ) -> Event | None:
        """The story that is furthest above its bar, as a part of the way to 1; of equals the oldest.

        It is one of those that the readers of `event` see, or with `own` of servers' stories. `linked` are
        stories with a declaration that speaks for it; `declared_alone`: it is one of these.
        """
        wanted = self._wanted(event, keep=not (own or event.guild_id))
        found = []
        for other in self._promising(wanted, linked, own=own, declared_alone=declared_alone):
            above = self._above(wanted, other, linked=other.number in linked)
            if above >= 0:
                found.append((above, -other.number, other))
        for _, _, other in sorted(found, reverse=True):
            if declared_alone or self._confirmed(wanted, other):
                return other
        return None

    def _wanted(self, event: Event, *, keep: bool) -> _Wanted:
        size, weights = len(event), event.weights()
        rarities = self._events.rarities(weights, keep=keep)
        parts = {term: weight / size * rarities[term] for term, weight in weights.items()}
        gains = {term: part * rarities[term] for term, part in parts.items()}
        squares = 0.0
        for part in parts.values():
            squares += part * part
        if not event.number:
            event.squares, event.measured = squares, self._events.reports
        return _Wanted(event, parts, gains, math.sqrt(squares) or 1.0, *self._alike())

    def _promising(
        self, wanted: _Wanted, linked: Collection[int], *, own: bool, declared_alone: bool
    ) -> list[Event]:
        """The stories that are worth a comparison word by word."""
        found = {number: self._events.get(number) for number in linked}
        event, gains = wanted.event, wanted.gains
        if not declared_alone:
            enough = (wanted.bar + wanted.unsure) * wanted.length
            leading = _leading(wanted.parts, enough)
            everything = sum(gains.values())
            for servers in (False, True)[own : 1 + (own or event.guild_id != 0)]:
                shared, read = self._events.nearest(gains, leading, CANDIDATES, servers=servers)
                for number, gain in shared.items():
                    other = self._events.get(number)
                    # No word is in more than all of a story's reports: more than that they cannot have in common.
                    if other is not None and gain + everything - read >= enough * other.length:
                        found[number] = other
        found.pop(event.number, None)
        apart = self._apart.get(event.number, _NONE)
        return [
            other
            for number, other in found.items()
            if other is not None and number not in apart and _sees(event, other, own=own)
        ]

    def _alike(self) -> tuple[float, float]:
        """The lowest bar of two stories without a declaration where words are known, and what is added to that."""
        events = self._events
        crowd = math.log(1 + (len(events) - events.own) / CROWDED)
        return ALIKE * (1 + CROWD * crowd), UNSURE * PRIOR / (PRIOR + events.reports)

    def _above(self, wanted: _Wanted, other: Event, *, linked: bool) -> float:
        """How far two stories are above the bar from which they are one, as a part of the way to 1; else negative."""
        event = wanted.event
        bar, unsure = wanted.bar, wanted.unsure
        if linked and min(len(event), len(other)) == 1:
            # A declaration speaks for a report, not for all that are in a story with it.
            bar, unsure = DECLARED * bar, VOUCHED * unsure
        bar = (bar + unsure) * (1 + LATE * event.gap(other) / NEAR)
        if bar >= 1:
            return -1.0
        length = self._events.length(other, keep=not event.guild_id)
        product, most = other.product(wanted.gains)
        similarity = (product - ONE_WORD * most) / (len(other) * length * wanted.length)
        if similarity >= bar:
            # Squared, for the large outlets meet in every large story.
            bar += (1 - bar) * SAME_OUTLET * event.common_outlets(other) ** 2
        return (similarity - bar) / (1 - bar)

    def _confirmed(self, wanted: _Wanted, other: Event) -> bool:
        """Whether what makes two stories alike is more than it seems at first."""
        event = wanted.event
        if min(len(event), len(other)) == 1:
            return event.common_outlets(other) < SERIES or not event.continues(other)
        product, most = other.product(wanted.gains)
        return product - most >= SECOND * len(other) * other.length * wanted.length

    def _why(self, report: Report, story: Event, batch: Batch) -> Why:
        weights = story.weights()
        shares: list[str] = []
        for text in (report.terms.title, report.terms.excerpt):
            common = [term for term in text if term in weights]
            shares += sorted(
                common, key=self._events.rarities(common, keep=not report.guild_id).__getitem__, reverse=True
            )
        why = Why(tuple(shares[:SHOWN]))
        for other, declares in batch.declarations(report):
            if batch.story_of(other) == story.number:
                return replace(why, declares=other) if declares else replace(why, declared_by=other)
        return why


def _leading(parts: Mapping[str, float], enough: float) -> list[str]:
    """The terms that lead to stories, those that tell most first; with less than these none is near enough.

    The terms that are left out are as long together as `enough`: a story that shares only such words has no
    cosine beyond that (prefix filtering: Bayardo, Ma and Srikant, 2007).
    """
    left = enough * enough
    order = sorted(parts, key=parts.__getitem__)
    for place, term in enumerate(order):
        left -= parts[term] * parts[term]
        if left < 0:
            return order[: place - 1 if place else None : -1]
    return []


def _sees(event: Event, other: Event, *, own: bool) -> bool:
    """Whether a story is one that the readers of `event` see; with `own`, whether it is of a server."""
    return other.guild_id != 0 if own else other.guild_id in (0, event.guild_id)


def _is_due(size: int) -> bool:
    """Whether a story that has got a report is compared as a whole: at 1, 2, 3, 4, 6, 8, 12, 16, 24 reports ...

    One report more changes little of what a large story says.
    """
    return size % (1 << max(0, size.bit_length() - 2)) == 0
