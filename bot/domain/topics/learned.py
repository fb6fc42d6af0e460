"""A root topic for titles in which no keyword occurs, by what their words have been learned to say. Pure.

Multinomial naive Bayes over word stems (McCallum and Nigam, 1998), with equal priors, so that a stream full of sports
does not make everything sports. It is a sum of counts: what is learned from an operator's own stream is added to what
comes with the package. A guess is made only if its margin is one at which guesses on texts that were not learned were
right often enough.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import TypeAlias

from bot.domain.model import Record, TopicMatch
from bot.domain.text.stems import is_informative, letters, terms
from bot.domain.text.words import words
from bot.domain.topics.keywords import keyword_tokens
from bot.domain.topics.tree import TopicTree

Text: TypeAlias = tuple[str, str, str]  # topic, text, language

SMOOTHING = 0.3  # added to each count; of .1, .3 and 1 the one with most guesses, of which as many are right
SHORTEST = 4  # letters of a stem that counts
FEWEST = 2  # learned words that a title must have: one word alone may mean anything
LEAST = 0.9  # how often guesses have to be right
HELD_OUT = 5  # one in so many titles of the stream shows how often guesses are right
FEWEST_OUTCOMES = 50  # guesses from which on that is known
SHOWN = 3  # words that explain a guess


@dataclass(frozen=True, slots=True)
class Guess:
    """A topic, how often such guesses are right (0 to 1), and the words that speak most for it."""

    topic: str
    confidence: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class TitleModel:
    """Counts of stems in texts on each of the `topics`, in their order.

    `steps` are (margin, confidence), ascending: guesses with at least that margin were right that often, on texts that
    were not learned. Below the first margin no guess is made; without any step none at all.
    """

    topics: tuple[str, ...]
    counts: Mapping[str, Sequence[float]]
    steps: tuple[tuple[float, float], ...] = ()

    def learn(self, texts: Iterable[Text]) -> TitleModel:
        """The model with more texts: (topic, text, language). Texts on topics that it does not have are left out."""
        place = {topic: at for at, topic in enumerate(self.topics)}
        counts = {stem: row(of) for stem, of in self.counts.items()}
        for topic, text, language in texts:
            if topic in place:
                for stem in _stems(text, language):
                    counts.setdefault(stem, row([0.0] * len(self.topics)))[place[topic]] += 1
        return replace(self, counts=counts)

    def guess(self, text: str, language: str = "") -> Guess | None:
        """The topic of a text; None where that is not certain enough."""
        best = self.best(text, language)
        confidence = next((c for margin, c in reversed(self.steps) if best and best[1] >= margin), None)
        if best is None or confidence is None:
            return None
        at = self.topics.index(best[0])
        known = {stem: word for stem, word in _stems(text, language).items() if stem in self.counts}
        share = {stem: self.counts[stem][at] / sum(self.counts[stem]) for stem in known}
        ranked = sorted(known, key=lambda stem: (-share[stem], -len(stem), stem))
        return Guess(best[0], confidence, tuple(known[stem] for stem in ranked[:SHOWN]))

    def best(self, text: str, language: str = "") -> tuple[str, float] | None:
        """The most likely topic and its margin over the next one; None where fewer than `FEWEST` words were learned.

        The margin is the difference of log-likelihoods by the root of the number of words, about which it grows by chance:
        so it means the same for a title alone and for one with an excerpt.
        """
        known = [self.counts[stem] for stem in _stems(text, language) if stem in self.counts]
        if len(known) < FEWEST:
            return None
        scores = [
            sum(math.log((of[at] + SMOOTHING) / (total + SMOOTHING * len(self.counts))) for of in known)
            for at, total in enumerate(self._totals)
        ]
        first, second = sorted(range(len(scores)), key=lambda at: (-scores[at], at))[:2]
        return self.topics[first], (scores[first] - scores[second]) / math.sqrt(len(known))

    @cached_property
    def _totals(self) -> tuple[float, ...]:
        """How many words were learned of each topic."""
        return tuple(sum(of) for of in zip(*self.counts.values(), strict=True))


def row(counts: Iterable[float]) -> array[float]:
    """The counts of a stem, by topic, in a third of the memory of a list: there are more than ten thousand."""
    return array("d", counts)


def learn_from_stream(
    model: TitleModel, labelled: Iterable[tuple[Record, Sequence[TopicMatch]]], tree: TopicTree
) -> TitleModel:
    """The model with what an operator's own records say: titles whose topics all stand below one root.

    The words that put a title there are left out, as a guess is made where none of them is. Every `HELD_OUT`-th title is
    learned last, and shows before how often guesses are right in this stream. Guesses stay as the model's own where
    that does not show it.
    """
    texts: list[Text] = []
    for record, matches in labelled:
        roots = {tree.root(match.topic) for match in matches}
        if len(roots) == 1:
            said = [token for match in matches for one in match.keywords for token in keyword_tokens(one)]
            text = words(f"{record.title} {record.excerpt}")
            left = (word for word in text if not any(token.matches(word) for token in said))
            texts.append((roots.pop(), " ".join(left), record.language))
    texts = [text for text in texts if text[0] in model.topics]
    held_out = texts[::HELD_OUT]
    partly = model.learn(text for at, text in enumerate(texts) if at % HELD_OUT)
    guesses = [(partly.best(text, language), topic) for topic, text, language in held_out]
    steps = calibrated(
        ((best[1], best[0] == topic) for best, topic in guesses if best), LEAST, FEWEST_OUTCOMES
    )
    return replace(partly.learn(held_out), steps=steps) if steps else model


def calibrated(
    outcomes: Iterable[tuple[float, bool]], least: float = LEAST, fewest: int = 10
) -> tuple[tuple[float, float], ...]:
    """`TitleModel.steps` from guesses on texts that were not learned: (margin, whether it was right).

    From the lowest margin at which guesses are right at least that often, where that is shown by `fewest` or more.
    """
    ranked = sorted(outcomes, reverse=True)
    right = list(accumulate(is_right for _, is_right in ranked))
    enough = [at for at, so_far in enumerate(right) if at + 1 >= fewest and so_far / (at + 1) >= least]
    if not enough:
        return ()
    shown = [enough[-1], *reversed(range(fewest - 1, enough[-1], fewest))]
    certain = accumulate((round(right[at] / (at + 1), 3) for at in shown), max)
    return tuple((ranked[at][0], confidence) for at, confidence in zip(shown, certain, strict=True))


def _stems(text: str, language: str) -> dict[str, str]:
    """The stems of a text that may say what it is about, each with how it is written.

    Short ones are left out: in every language they are mostly articles, prepositions and the like.
    """
    return {
        stem: word
        for stem, word in terms(text, language).items()
        if is_informative(stem) and letters(stem) >= SHORTEST
    }
