"""The stories of a window, found by their words."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping

from bot.domain.event import Event, Report, rarity

COMMON = 50  # stories that a word leads to even where these are more than a fifth of all
BUDGET = 120  # entries of an index that are read for a report
RARER = 0.05  # part of all reports that may come before the rarities of words are computed anew
NAME = 0.2  # by what part of itself a word tells more if it is a name, and less if it never is
OUTDATED = 0.1  # part of all reports that may come before a story's length is
SLACK = 50  # stories that may be gone before the index is made anew, however few there are


class Index:
    """Which stories have a term, in the order in which they got it.

    A story that is taken out is named on until the index is made anew: for many at once that costs less.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, array[int]] = {}
        self._gone: dict[str, int] = {}  # term -> how many of these stories are no more

    def __len__(self) -> int:
        """The number of entries: what memory follows."""
        return sum(map(len, self._numbers.values()))

    def add(self, number: int, terms: Iterable[str]) -> None:
        """A story has these terms now, which it had not before."""
        numbers = self._numbers
        for term in terms:
            having = numbers.get(term)
            if having is None:
                numbers[term] = array("I", (number,))
            else:
                having.append(number)

    def take_out(self, terms: Iterable[str]) -> None:
        """A story with these terms is no more."""
        for term in terms:
            gone = self._gone.get(term, 0) + 1
            if gone < len(self._numbers[term]):
                self._gone[term] = gone
            else:
                del self._numbers[term]
                self._gone.pop(term, None)

    def renew(self, stories: Iterable[tuple[int, Collection[str]]]) -> None:
        """Have entries for these stories alone."""
        self._numbers.clear()
        self._gone.clear()
        for number, terms in stories:
            self.add(number, terms)

    def stories(self, term: str) -> int:
        """How many stories have a term."""
        numbers = self._numbers.get(term)
        return len(numbers) - self._gone.get(term, 0) if numbers is not None else 0

    def nearest(
        self, gains: Mapping[str, float], terms: Iterable[str], budget: int, limit: int
    ) -> tuple[Mapping[int, float], float]:
        """The stories whose common terms add up to most by the `gains` of each, with these sums; at most `limit`,
        of equals the last found.

        Terms are followed in their order, each to its newest stories, until `budget` entries were read. Also
        returns what the terms that were read to their end add up to.
        """
        shared: dict[int, float] = {}
        read = 0.0
        for term in terms:
            numbers = self._numbers.get(term)
            if numbers is None:
                continue
            gain = gains[term]
            budget -= len(numbers)
            if budget < 0:
                numbers = numbers[-budget:]
            else:
                read += gain
            for number in numbers:
                shared[number] = shared.get(number, 0.0) + gain
            if budget <= 0:
                break
        if len(shared) <= limit:
            return shared, read
        least = sorted(shared.values())[-limit]
        above = {number: gain for number, gain in shared.items() if gain > least}
        equal = [number for number, gain in shared.items() if gain == least]
        return above | dict.fromkeys(equal[len(above) - limit :], least), read


class Events:
    """The stories by number, everybody's and those of servers, and how rare the words are that they use."""

    def __init__(self) -> None:
        self._events: dict[int, Event] = {}
        # Apart from each other: what servers take in must not crowd out what is everybody's.
        self._everybodys = Index()
        self._servers = Index()
        self.reports = 0  # of everybody's stories
        self.own = 0  # stories of servers
        self._gone = 0  # stories that an index names and that are no more
        self._cases: dict[str, tuple[int, int]] = {}  # term -> how often it was a name, and how often not
        self._rarities: dict[str, float] = {}
        self._rated = 0  # reports that there were when these were begun
        self._lasting: dict[
            int, array[int]
        ] = {}  # day -> the stories whose last report is, or was, of that day

    def __len__(self) -> int:
        return len(self._events)

    def __contains__(self, number: int) -> bool:
        return number in self._events

    def get(self, number: int) -> Event | None:
        """A story; None where it is none of these."""
        return self._events.get(number)

    @property
    def entries(self) -> int:
        """How many entries the indexes have: what memory follows."""
        return len(self._everybodys) + len(self._servers)

    def enter(self, event: Event) -> None:
        """Add a story, or put back one that was withdrawn."""
        self._events[event.number] = event
        self.own += event.guild_id != 0
        self._counts(event, len(event))
        self._lasting.setdefault(int(event.last), array("q")).append(event.number)
        self._add(event, event.weights())

    def withdraw(self, event: Event) -> None:
        """Take a story out. The index names it on until it is made anew."""
        del self._events[event.number]
        self.own -= event.guild_id != 0
        self._counts(event, -len(event))
        self._gone += 1
        self._index(event).take_out(event.weights())

    def enlarge(self, event: Event, other: Event) -> None:
        """Add the reports of one story to another."""
        before, weights, more = int(event.last), event.weights(), other.weights()
        fresh = [term for term in more if term not in weights]
        event.absorb(other, self.rarities(more, keep=not event.guild_id))
        self._counts(event, len(other))
        if int(event.last) != before:
            self._lasting.setdefault(int(event.last), array("q")).append(event.number)
        self._add(event, fresh)

    def hear(self, report: Report) -> None:
        """Learn from a report which words are names."""
        if report.guild_id:
            return
        for term in report.terms.names:
            names, words = self._cases.get(term, (0, 0))
            self._cases[term] = (names + 1, words)
        for term in report.terms.words:
            names, words = self._cases.get(term, (0, 0))
            self._cases[term] = (names, words + 1)

    def evict(self, day: float) -> list[int]:
        """Forget the stories whose last report is from before a day. Returns their numbers."""
        found = []
        for past in [past for past in self._lasting if past < int(day)]:
            for number in self._lasting.pop(past):
                event = self._events.get(number)
                if event is not None and event.last < day:
                    self.withdraw(event)
                    found.append(number)
        if self._gone > len(self._events) + SLACK:
            self._tidy()
        return found

    def rarities(self, terms: Collection[str], *, keep: bool) -> Mapping[str, float]:
        """How much these terms tell, and others: their `rarity` among everybody's stories, more for names."""
        # What is asked for a server must leave no trace, or what it has would change what everybody sees.
        known = self._rarities if keep else {t: self._rarities[t] for t in terms if t in self._rarities}
        for term in terms:
            if term not in known:
                names, words = self._cases.get(term, (0, 0))
                how_named = (names - words) / (names + words + 1)
                rare = rarity(self.reports, self._everybodys.stories(term), term)
                known[term] = rare * (1 + NAME * how_named)
        return known

    def length(self, event: Event, *, keep: bool) -> float:
        """The length of a story's mean vector, which is computed anew where that was long ago (`keep`: for good)."""
        if event.measured and abs(self.reports - event.measured) <= OUTDATED * self.reports:
            return event.length
        squares = event.squared(self.rarities(event.weights(), keep=keep and not event.guild_id))
        if keep:
            event.squares, event.measured = squares, self.reports
        return event.length_by(squares)

    def nearest(
        self, gains: Mapping[str, float], terms: Iterable[str], limit: int, *, servers: bool
    ) -> tuple[Mapping[int, float], float]:
        """As `Index.nearest`, of everybody's stories or of servers'; words that every fifth has lead nowhere."""
        index = self._servers if servers else self._everybodys
        many = max(COMMON, len(self._events) // 5)
        return index.nearest(gains, (t for t in terms if self._everybodys.stories(t) <= many), BUDGET, limit)

    def _add(self, event: Event, terms: Iterable[str]) -> None:
        """Have the index lead to a story by these terms; a word that has become twice as common tells less."""
        self._index(event).add(event.number, terms)
        if event.guild_id:
            return
        for term in terms:
            if term in self._rarities:
                stories = self._everybodys.stories(term)
                if not stories & (stories - 1):
                    del self._rarities[term]

    def _counts(self, event: Event, reports: int) -> None:
        if event.guild_id:
            return
        self.reports += reports
        if abs(self.reports - self._rated) > RARER * self.reports:
            self._rarities.clear()
            self._rated = self.reports

    def _index(self, event: Event) -> Index:
        return self._servers if event.guild_id else self._everybodys

    def _tidy(self) -> None:
        """Make the indexes anew, without what is gone."""
        self._gone = 0
        for index in (self._everybodys, self._servers):
            inside = sorted(number for number, event in self._events.items() if self._index(event) is index)
            index.renew((number, self._events[number].weights()) for number in inside)
        self._cases = {term: seen for term, seen in self._cases.items() if self._everybodys.stories(term)}
