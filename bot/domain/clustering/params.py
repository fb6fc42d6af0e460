"""The numbers that decide what is one story, each with its meaning. docs/quality.md says on what they were tuned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusteringParams:
    """Thresholds and parts of them. Similarities are cosines, from 0 to 1; likenesses are cosines of title vectors."""

    # The threshold: the similarity from which on two stories are one.
    base: float = 0.05
    """The threshold among few stories, without anything that raises it."""
    crowd_growth: float = 0.15
    """The part of itself by which the threshold rises for every e-fold of stories: among many, more are alike by chance."""
    crowd_size: int = 100
    """The number of stories from which on that counts."""
    cold_start: float = 0.15
    """What is added while nothing is known of how rare words are. A single report must then also reach the
    threshold without the two most telling words that it shares, which can be the name of a company or a person."""
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

    # Title vectors, where a model for them is installed.
    likeness_weight: float = 0.3
    """How much the likeness of titles counts beside the similarity of words, where one story is a single report."""
    usual_likeness: float = 0.4
    """The likeness of two titles on one theme: more speaks for one story, less against it."""
    likeness_rivalry: float = 1.5
    """What `rivalry` is then: titles on one theme are alike by meaning more often than by words."""
    least_likeness: float = 0.3
    """The likeness below which two stories of several reports are never one. More decides nothing there."""
    word_share: float = 0.6
    """The part of the threshold that words alone must reach for a comparison."""

    # The search for candidates: bounds on work.
    candidates: int = 12
    """The stories that are compared with a report word by word."""
    budget: int = 120
    """The entries of the index that are read for a report."""
    common: int = 50
    """The stories that a word may lead to even where these are more than a fifth of all."""


DEFAULT_PARAMS = ClusteringParams()
