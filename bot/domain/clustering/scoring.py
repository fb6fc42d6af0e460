"""How near two stories are, and how near they must be: the whole formula of clustering, in one place.

Let *a* and *b* be the mean vectors of two stories: each word has the weight that it has in an average report, times how
rare it is among stories. With *w* the word whose product is largest, |a| the length of a mean vector, and rms(a) the root
mean square length of the vectors of its reports,

    similarity = (a·b - top_word_share · a_w b_w) / sqrt(|a| rms(a) |b| rms(b))
                 + likeness_weight · (likeness - usual_likeness), if one is a single report and meanings are known
    threshold  = (base · (1 + crowd_growth · ln(1 + stories / crowd_size))
                  + cold_start · cold_reports / (cold_reports + reports)) · (1 + late_growth · days between them)

and both are one story where the similarity, less `rivalry` times the mean similarity of the next nearest stories, reaches
the threshold, after the threshold was raised towards 1 by `same_outlet` times the squared share of outlets that both
have. A declaration lowers both parts of the threshold. Where one is a single report and no declaration links it, both must
also reach it without the two words of the largest products, as far as rarity is unknown: among the first reports these are a name.

The cosine of mean tf-idf vectors is the usual measure of topic detection and tracking (Allan, 2002). Its product with
sqrt(|a| |b| / (rms(a) rms(b))) is half way to the mean over all pairs of reports (average linkage). The corrections and
their numbers were found on labelled sets, see docs/quality.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from heapq import nlargest
from typing import NamedTuple

from bot.domain.clustering.embeddings import Meaning
from bot.domain.clustering.params import ClusteringParams
from bot.domain.clustering.story_cluster import StoryCluster
from bot.domain.clustering.vocabulary import Word

EMPTY = 1e-9  # the square of a length up to which a report has no words: what rounding leaves of them


class Threshold(NamedTuple):
    """The lowest similarity of one story: `base`, and what is added to it while the rarity of words is not known.

    `cold` is how little is known of that: 1 before the first report, half after `params.cold_reports`.
    """

    base: float
    cold_start: float
    cold: float

    @classmethod
    def at(cls, stories: int, reports: int, params: ClusteringParams) -> Threshold:
        """The threshold among so many stories of so many reports."""
        crowd = math.log(1 + stories / params.crowd_size)
        cold = params.cold_reports / (params.cold_reports + reports)
        return cls(params.base * (1 + params.crowd_growth * crowd), params.cold_start * cold, cold)

    @property
    def lowest(self) -> float:
        """Both together."""
        return self.base + self.cold_start


class ClusterQuery(NamedTuple):
    """A story for which others are sought.

    `term_gains` has of each word what it adds to a product where another story has it in each of its reports;
    `probe_terms` are those to be looked up, the most telling first, each with its part of the mean vector. `length` is
    that vector's, `norm` what products with it are divided by (see `StoryCluster`), `total_gain` the sum of all gains,
    and `min_product` what the product with another mean vector of norm 1 must be. `meaning` is what its titles mean,
    where that is known.
    """

    cluster: StoryCluster
    probe_terms: Sequence[tuple[float, Word]]
    term_gains: Mapping[Word, float]
    length: float
    norm: float
    total_gain: float
    threshold: Threshold
    min_product: float
    meaning: Meaning | None


def similarity(query: ClusterQuery, other: StoryCluster, norm: float, params: ClusteringParams) -> float:
    """How alike two stories are, at least 0. `norm` is the other story's, see `StoryCluster`."""
    product, largest = other.product(query.term_gains)
    alike = (product - params.top_word_share * largest) / (norm * query.norm)
    if query.meaning is not None and min(len(query.cluster), len(other)) == 1:
        meaning = other.meaning()
        if meaning is not None:
            alike += params.likeness_weight * (query.meaning.similarity(meaning) - params.usual_likeness)
    return max(alike, 0.0)


def rivalry(query: ClusterQuery, alike: float, highest: Sequence[float], params: ClusteringParams) -> float:
    """What the nearest other stories say against one that is so much alike: all of them share its theme, not its event.

    `highest` are the largest similarities, one more than `params.rivals`. Without that one's, the mean of them is
    taken off, like the neighborhoods in cross-domain similarity local scaling (Conneau et al., 2018).
    """
    rivals = sum(highest) - max(alike, highest[-1])
    weight = params.rivalry if query.meaning is None else params.likeness_rivalry
    return weight * rivals / params.rivals


def margin(
    query: ClusterQuery,
    other: StoryCluster,
    alike: float,
    against: float,
    params: ClusteringParams,
    *,
    linked: bool,
) -> float:
    """How far two stories are above the threshold, as a part of the way from it to 1; negative: they are two.

    `alike` is their `similarity`, `against` the `rivalry`. `linked`: one of the two declares the other.
    """
    cluster = query.cluster
    threshold, cold_start, _ = query.threshold
    if linked and min(len(cluster), len(other)) == 1:
        # A declaration speaks for a report, not for all that are in a story with it.
        threshold, cold_start = params.declared * threshold, params.declared_cold_start * cold_start
    threshold = (threshold + cold_start) * _lateness(cluster, other, params)
    if threshold >= 1:
        return -1.0
    if alike >= threshold:
        # Squared, for the large outlets meet in every large story.
        threshold += (1 - threshold) * params.same_outlet * cluster.common_outlets(other) ** 2
    return (alike - threshold) / (1 - threshold) - against


def passes_guards(
    query: ClusterQuery,
    other: StoryCluster,
    alike: float,
    norm: float,
    params: ClusteringParams,
    *,
    linked: bool,
) -> bool:
    """Whether what makes two stories alike is more than one word, or one pattern of titles, and no other meaning.

    `alike` is their `similarity`, `norm` the other story's. `linked`: one of the two declares the other.
    """
    cluster = query.cluster
    single = min(len(cluster), len(other)) == 1
    if single and not linked:
        rest = _rest(query, other, alike, norm, params)
        if rest < query.threshold.lowest * _lateness(cluster, other, params):
            return False
    if single:
        return cluster.common_outlets(other) < params.series or not cluster.continues(other)
    meaning = other.meaning() if query.meaning is not None else None
    likeness = query.meaning.similarity(meaning) if query.meaning is not None and meaning is not None else 1.0
    if likeness < params.least_likeness:
        return False
    product, largest = other.product(query.term_gains)
    return product - largest >= params.second_word * norm * query.norm


def _lateness(one: StoryCluster, other: StoryCluster, params: ClusteringParams) -> float:
    """What the threshold is multiplied by for the days between two stories."""
    return 1 + params.late_growth * one.gap(other)


def _rest(
    query: ClusterQuery, other: StoryCluster, alike: float, norm: float, params: ClusteringParams
) -> float:
    """How alike a single report and a story are without their two most telling common words, as far as rarity is unknown.

    1 where one of them has no other words. The first word's `top_word_share` is not counted in `alike`.
    """
    cold, size = query.threshold.cold, len(other)
    first, second = nlargest(2, (*other.common_parts(query.term_gains), 0.0, 0.0))
    names = cold * (first + second) / size
    lengths = norm / size, query.norm
    # A word that all reports have adds its product to the square of both lengths.
    left = [length * length - names for length in lengths]
    if min(left) <= EMPTY:
        return 1.0
    product = alike * math.prod(lengths) - names + min(cold, params.top_word_share) * first / size
    return product / math.sqrt(math.prod(left))


def probe_terms(
    parts: Sequence[float], words: Sequence[Word], min_product: float, params: ClusteringParams
) -> list[tuple[float, Word]]:
    """The words to look up in the index, the most telling first, each with its part; empty if no story can be near.

    The words that are left out are so short together that a story which shares only such words does not reach
    `min_product` (prefix filtering: Bayardo, Ma and Srikant, 2007), less what `top_word_share` takes of the largest:
    of n words at least an n-th.
    """
    order = sorted(zip(parts, words, strict=True), key=lambda item: item[0], reverse=True)
    left = 0.0
    for n, (part, _) in enumerate(reversed(order), 1):
        left += part * part
        if math.sqrt(left) * (1 - params.top_word_share / n) >= min_product:
            return order[: len(order) - n + 1]
    return []
