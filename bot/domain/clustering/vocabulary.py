"""The words that the stories of a window use: which stories have each, and how much it tells."""

from __future__ import annotations

import math
from array import array
from bisect import insort
from collections.abc import Iterable
from functools import cache

from bot.domain.text.stems import letters

PRIOR = 30  # reports that the word statistics pretend to have seen
NAME = 0.2  # by what part of itself a word tells more if it is a name, and less if it never is
LEAST = 0.01  # nats that a word tells at least: one of all stories still counts


class Word:
    """A term as the stories of a window use it.

    `places` are those of shared stories that have it, `own` those of each server's, in ascending order; there
    may be some of stories that are elsewhere by now, or no more. `count` is how many shared stories have it.
    `names` is how often it was written as a name, `plain` how often not, and `factor` by what it tells more or less
    for that. `unseen` stands for the stories that it is taken to be in before any was seen. `log_count` is the logarithm of
    both, which is asked for far more often than it changes.
    """

    __slots__ = ("count", "factor", "log_count", "names", "own", "places", "plain", "term", "unseen")

    def __init__(self, term: str) -> None:
        self.term = term
        self.places = array("I")
        self.own: dict[int, array[int]] | None = None
        self.count = self.names = self.plain = 0
        self.factor = 1.0
        self.unseen, self.log_count = _unseen(letters(term))


class _Words(dict[str, Word]):
    def __missing__(self, term: str) -> Word:
        word = self[term] = Word(term)
        return word


class Vocabulary:
    """The words by their terms, and the number of reports that they are in, in shared stories."""

    def __init__(self) -> None:
        self._words = _Words()
        self._reports = 0
        self._all = math.log(PRIOR)

    @property
    def reports(self) -> int:
        """The number of reports."""
        return self._reports

    @reports.setter
    def reports(self, reports: int) -> None:
        self._reports = reports
        self._all = math.log(PRIOR + reports)

    def words(self, terms: Iterable[str]) -> tuple[Word, ...]:
        """The words of these terms, made where they are new."""
        return tuple(map(self._words.__getitem__, terms))

    def observe_casing(self, names: Iterable[str], plain: Iterable[str]) -> None:
        """Learn which terms were written inside a sentence as names, and which not; each as often as it was."""
        named, others = self.words(names), self.words(plain)
        for word in named:
            word.names += 1
        for word in others:
            word.plain += 1
        for word in {*named, *others}:
            word.factor = 1 + NAME * (word.names - word.plain) / (word.names + word.plain + 1)

    def rarities(self, words: Iterable[Word]) -> list[float]:
        """How much each word tells, in nats: inverse frequency among stories (Spärck Jones, 1972), more for names."""
        known = self._all
        return [word.factor * (told if (told := known - word.log_count) > LEAST else LEAST) for word in words]

    def entries(self) -> int:
        """How many places the words lead to, all together: what memory follows."""
        return sum(
            len(word.places) + sum(map(len, (word.own or {}).values())) for word in self._words.values()
        )

    def clear(self) -> None:
        """Forget which stories words lead to, and the words that none has."""
        used = {term: word for term, word in self._words.items() if word.count or word.own is not None}
        self._words = _Words(used)
        for word in self._words.values():
            word.places, word.own = array("I"), None


def count(words: Iterable[Word], stories: int) -> None:
    """So many shared stories more have these words; fewer, where it is negative."""
    log = math.log
    for word in words:
        word.count += stories
        word.log_count = log(word.count + word.unseen)


def lead(words: Iterable[Word], place: int, guild_id: int) -> None:
    """Have words lead to the place of a story, of shared ones (0) or a server's."""
    for word in words:
        if not guild_id:
            places = word.places
        else:
            if word.own is None:
                word.own = {}
            places = word.own.setdefault(guild_id, array("I"))
        if not places or places[-1] < place:
            places.append(place)
        else:
            insort(places, place)


@cache
def _unseen(letters: int) -> tuple[float, float]:
    """The number and its logarithm: two, and in how many of `PRIOR` stories a term of so many letters is taken to be before any was seen.

    In every language short words are the common ones (Zipf's law of abbreviation): a letter halves the guess.
    """
    unseen = 2 + PRIOR * 2.0 ** (1 - letters)
    return unseen, math.log(unseen)
