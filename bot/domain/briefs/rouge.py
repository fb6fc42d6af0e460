"""How much of what people wrote a summary has: ROUGE-N of Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.text.stems import stemmed
from bot.domain.text.words import stands_alone, words

WORDS = 60  # of a summary that are compared


@dataclass(frozen=True, slots=True)
class Rouge:
    """Of the reference's runs of words, the share that the summary has (recall), and the other way round (precision)."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def rouge(summary: Sequence[str], reference: Sequence[str], n: int) -> Rouge:
    """ROUGE of runs of `n` words: each counts as often as it is in both."""
    one, other = (
        Counter(zip(*(text[start:] for start in range(n)), strict=False)) for text in (summary, reference)
    )
    both = (one & other).total()
    return Rouge(both / max(one.total(), 1), both / max(other.total(), 1))


def first_words(text: str, count: int = WORDS) -> str:
    """As much of the beginning as has `count` words, as people count them: between spaces, and each character of a
    script without spaces.
    """
    kept: list[str] = []
    left = count
    for part in text.split():
        size = max(1, sum(map(stands_alone, words(part))))
        if size > left:
            kept.append(part[: max(left, 0)] if size > 1 else "")
            break
        kept.append(part)
        left -= size
    return " ".join(filter(None, kept))


def compare(summary: str, reference: str, language: str) -> tuple[Rouge, Rouge]:
    """ROUGE-1 and ROUGE-2 of the summary's first `WORDS` words, by stems, so that inflected words count as equal."""
    one, other = stemmed(first_words(summary), language), stemmed(reference, language)
    return rouge(one, other, 1), rouge(one, other, 2)
