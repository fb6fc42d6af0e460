"""The numbers that decide what is one story, each with its meaning. docs/quality.md says on what they were tuned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusteringParams:
    """Thresholds and parts of them. Similarities are cosines, from 0 to 1."""

    # The threshold: the similarity from which on two stories are one.
    base: float = 0.05
    """The threshold among few stories, without anything that raises it."""
    crowd_growth: float = 0.15
    """The part of itself by which the threshold rises for every e-fold of stories: among many, more are alike by chance."""
    crowd_size: int = 100
    """The number of stories from which on that counts."""
    cold_start: float = 0.15
    """What is added while nothing is known of how rare words are. A single report must then also reach the threshold
    without the words that can be the name of a company or a person: the two most telling ones that it shares with
    another report, or the one that it shares with a story."""
    cold_reports: int = 50
    """The number of reports after which half of both is left."""
    late_growth: float = 0.085
    """The part of itself by which the threshold rises for every day that two stories are apart."""
    same_outlet: float = 0.25
    """How far the threshold rises towards 1 where one outlet wrote everything: its titles are alike anyway."""

    # Rivals: the stories that are nearest after the one compared.
    rivals: int = 3
    """How many there are."""
    rivalry: float = 1.2
    """How much of their mean similarity is taken off: what is alike to several stories is of their theme."""

    # A declaration: one of the two lists the other as related.
    declared: float = 0.75
    """What is left of the threshold where a single report and the story declare each other."""
    declared_cold_start: float = 0.4
    """What is left of `cold_start` then."""

    # Guards: what two stories must pass besides.
    top_word_share: float = 0.4
    """The part of the most telling common word that is not counted: a name alone is not an event."""
    second_word: float = 0.05
    """The similarity that two stories of several reports must have without their most telling common word."""
    series: float = 0.5
    """The part of a story that must be an outlet's own for its next title to be an instalment of a series."""

    # Stories in different languages, where a model for vectors of reports is installed. Likenesses are cosines of these.
    foreign_likeness: float = 0.45
    """The likeness from which on two stories without a common language are one."""
    mixed_likeness: float = 0.6
    """The same where they have a language in common, and one has another besides: their words differ less."""
    foreign_weight: float = 0.7
    """How much the likeness above that counts beside the similarity of words, which names have in common."""
    foreign_least: float = 0.4
    """The cosine of mean vectors from which on such a story is compared."""
    foreign_candidates: int = 6
    """How many of them are compared."""
    meanings: int = 2_048
    """The shared stories that are searched for them: those that changed last."""
    server_meanings: int = 256
    """The stories of a server that are searched for them: a bound on the memory of each."""

    # The search for candidates: bounds on work.
    candidates: int = 12
    """The stories that are compared with a report word by word."""
    budget: int = 120
    """The entries of the index that are read for a report."""
    common: int = 50
    """The stories that a word may lead to even where these are more than a fifth of all."""


DEFAULT_PARAMS = ClusteringParams()
