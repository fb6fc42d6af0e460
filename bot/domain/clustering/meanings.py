"""What the reports of a story mean together, how alike that is, and which stories are nearest by it.

Vectors are those of `bot.domain.clustering.embeddings`. Their entries are whole numbers, so that products are exact: what
is nearest depends neither on the order nor on the machine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.domain.clustering.embeddings import HEAD, LANGUAGES, SCALE, unpacked

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float32]]

_BITS = {language: 1 << n for n, language in enumerate(sorted(LANGUAGES - {""}))}
_FIRST_ROWS = 32


class Meaning(NamedTuple):
    """What several reports mean together: how many they are, the sum of their vectors, and its length."""

    reports: int
    total: Vector
    length: float

    @classmethod
    def of(cls, vectors: Sequence[bytes]) -> Meaning | None:
        """That of the reports with these vectors; None where there is none but empty ones."""
        known = [vector for vector in vectors if vector]
        if not known:
            return None
        import numpy as np

        if len(known) == 1:  # as most are
            return cls._made(1, np.frombuffer(known[0], np.int8, offset=HEAD).astype(np.float32))
        return cls._made(len(known), unpacked(known).sum(axis=0, dtype=np.float32))

    @classmethod
    def _made(cls, reports: int, total: Vector) -> Meaning:
        return cls(reports, total, math.sqrt(float(total @ total)))

    def joined(self, other: Meaning) -> Meaning:
        """That of both."""
        return self._made(self.reports + other.reports, self.total + other.total)

    def similarity(self, other: Meaning) -> float:
        """How alike the two are, -1 to 1: half way between two cosines, the mean of all pairs and that of the sums.

        The first alone would favour small groups, the second large ones: what is common to many of a theme adds up.
        """
        pairs = self.reports * other.reports * SCALE * SCALE
        sums = self.length * other.length
        return float(self.total @ other.total) / math.sqrt(pairs * sums) if sums else 0.0

    def direction(self) -> Vector:
        """The mean as a vector of length `SCALE`, in whole numbers."""
        import numpy as np

        scaled: Vector = np.rint(self.total * (SCALE / self.length))
        return scaled


class NearestMeanings:
    """The meanings of the stories that changed last, at most `capacity`, which are searched one by one.

    The search is exact, and so bounded: 2,048 stories take 0.08 ms, and 4 MB. What is in a story's own language is found by
    its words; this finds what is in others.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._rows: dict[int, int] = {}  # story -> row, the story that changed longest ago first
        self._free: list[int] = []
        self._table: _Table | None = None
        self._spoken: Counter[int] = Counter()  # bits of languages -> stories in these

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, number: int, meaning: Meaning | None, languages: Collection[str], last: float) -> None:
        """A story means this now. `languages`: those of its reports, as far as known; `last`: the day of its last report.

        A story without a meaning or a language is not kept: whether it is in another one is not known.
        """
        self.remove(number)
        bits = sum(_BITS.get(language, 0) for language in languages)
        if meaning is None or not meaning.length or not bits:
            return
        if len(self._rows) >= self._capacity:
            self.remove(next(iter(self._rows)))
        if self._table is None:
            self._table = _Table.of(_FIRST_ROWS, len(meaning.total))
        row = self._free.pop() if self._free else len(self._rows)
        if row == len(self._table.numbers):
            self._table = self._table.doubled()
        self._rows[number] = row
        self._spoken[bits] += 1
        self._table.set(row, number, meaning.direction(), bits, last)

    def remove(self, number: int) -> None:
        """A story is no more."""
        row = self._rows.pop(number, None)
        if row is not None and self._table is not None:
            bits = int(self._table.languages[row])
            self._spoken[bits] -= 1
            if not self._spoken[bits]:
                del self._spoken[bits]
            self._table.languages[row] = 0
            self._free.append(row)

    def nearest(
        self, meaning: Meaning, languages: Collection[str], *, least: float, since: float, limit: int
    ) -> list[int]:
        """The stories with reports in other languages whose mean has a cosine of `least` or more with this one; the nearest first, of equals
        the oldest, and at most `limit`. Left out are those without a report since a day.
        """
        bits = sum(_BITS.get(language, 0) for language in languages)
        others = any(spoken & ~bits for spoken in self._spoken)
        if self._table is None or not bits or not others or not meaning.length:
            return []
        import numpy as np

        used = len(self._rows) + len(self._free)
        table = self._table
        products = table.vectors[:used] @ meaning.direction()
        foreign = table.languages[:used] & ~bits != 0
        rows = np.flatnonzero((products >= least * SCALE * SCALE) & foreign & (table.last[:used] >= since))
        order = np.lexsort((table.numbers[rows], -products[rows]))[:limit]
        return [int(number) for number in table.numbers[rows[order]]]


class _Table(NamedTuple):
    """The rows of all stories: number, mean vector, bits of languages (0: the row is free), and day of the last report."""

    numbers: np.ndarray[Any, np.dtype[np.int64]]
    vectors: np.ndarray[Any, np.dtype[np.float32]]
    languages: np.ndarray[Any, np.dtype[np.int64]]
    last: np.ndarray[Any, np.dtype[np.float64]]

    @classmethod
    def of(cls, rows: int, entries: int) -> _Table:
        import numpy as np

        return cls(
            np.zeros(rows, np.int64),
            np.zeros((rows, entries), np.float32),
            np.zeros(rows, np.int64),
            np.zeros(rows, np.float64),
        )

    def doubled(self) -> _Table:
        import numpy as np

        return _Table(*(np.concatenate([part, np.zeros_like(part)]) for part in self))

    def set(self, row: int, number: int, vector: Vector, languages: int, last: float) -> None:
        self.numbers[row] = number
        self.vectors[row] = vector
        self.languages[row] = languages
        self.last[row] = last
