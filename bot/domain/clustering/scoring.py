"""How near two stories are, and how near they must be: the whole formula of clustering, in one place.

Let *a* and *b* be the mean vectors of two stories: each word has the weight that it has in an average report, times how
rare it is among stories. With *w* the word whose product is largest, |a| the length of a mean vector, and rms(a) the root
mean square length of the vectors of its reports,

    similarity = (a·b - top_word_share · a_w b_w) / sqrt(|a| rms(a) |b| rms(b))
    threshold  = (base · (1 + crowd_growth · ln(1 + stories / crowd_size))
                  + cold_start · cold_reports / (cold_reports + reports)) · (1 + late_growth · days between them)

and both are one story where the similarity, less `rivalry` times the mean similarity of the next nearest stories, reaches
the threshold, after the threshold was raised towards 1 by `same_outlet` times the squared share of outlets that both
have. A declaration lowers both parts of the threshold. While rarity is unknown, a single report must also reach it without
the words that can be a name (`_similarity_without_names`), as among the first reports a name is all that many events share.

The cosine of mean tf-idf vectors is the usual measure of topic detection and tracking (Allan, 2002). Its product with
sqrt(|a| |b| / (rms(a) rms(b))) is half way to the mean over all pairs of reports (average linkage). The corrections and
their numbers were found on labelled sets, see docs/quality.md.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import NamedTuple

from bot.domain.clustering.params import ClusteringParams
from bot.domain.clustering.story_cluster import StoryCluster
from bot.domain.clustering.vocabulary import Word


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
    and `min_product` what the product with another mean vector of norm 1 must be.
    """

    cluster: StoryCluster
    probe_terms: Sequence[tuple[float, Word]]
    term_gains: Mapping[Word, float]
    length: float
    norm: float
    total_gain: float
    threshold: Threshold
    min_product: float


def similarity(query: ClusterQuery, other: StoryCluster, norm: float, params: ClusteringParams) -> float:
    """How alike two stories are, at least 0. `norm` is the other story's, see `StoryCluster`."""
    product, largest = other.product(query.term_gains)
    return (product - params.top_word_share * largest) / (norm * query.norm)


def rivalry(alike: float, highest: Sequence[float], params: ClusteringParams) -> float:
    """What the nearest other stories say against one that is so much alike: all of them share its theme, not its event.

    `highest` are the largest similarities, one more than `params.rivals`. Without that one's, the mean of them is
    taken off, like the neighborhoods in cross-domain similarity local scaling (Conneau et al., 2018).
    """
    rivals = sum(highest) - max(alike, highest[-1])
    return params.rivalry * rivals / params.rivals


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


def foreign_margin(
    query: ClusterQuery, other: StoryCluster, norm: float, params: ClusteringParams, *, linked: bool
) -> float:
    """How far two stories in different languages are above what makes them one; negative: they are two.

    What they mean decides, and the words that both have, which are names, support it. How rare these are, how many
    stories there are, and which others are near says nothing there. `norm`: see `similarity`. `linked`: one of the two
    declares the other.
    """
    cluster = query.cluster
    one, two = cluster.languages, other.languages
    meaning, foreign = cluster.meaning(), other.meaning()
    if meaning is None or foreign is None or one == two or math.isinf(cluster.gap(other)):
        return -1.0
    least = params.foreign_likeness if one.isdisjoint(two) else params.mixed_likeness
    if linked and min(len(cluster), len(other)) == 1:
        least *= params.declared
    likeness = meaning.similarity(foreign)
    return similarity(query, other, norm, params) + params.foreign_weight * (likeness - least)


def passes_guards(
    query: ClusterQuery,
    other: StoryCluster,
    alike: float,
    norm: float,
    params: ClusteringParams,
    *,
    linked: bool,
) -> bool:
    """Whether what makes two stories alike is more than one word, or one pattern of titles.

    `alike` is their `similarity`, `norm` the other story's. `linked`: one of the two declares the other.
    """
    cluster = query.cluster
    if min(len(cluster), len(other)) == 1:
        least = query.threshold.lowest * _lateness(cluster, other, params)
        if not linked and _similarity_without_names(query, other, alike, norm, params) < least:
            return False
        return cluster.common_outlets(other) < params.series or not cluster.continues(other)
    product, largest = other.product(query.term_gains)
    return product - largest >= params.second_word * norm * query.norm


def _differ(one: StoryCluster, other: StoryCluster) -> bool:
    """Whether the titles of two single reports each say something that the other does not."""
    title, foreign = set(one.reports[0].title), set(other.reports[0].title)
    return bool(title - foreign and foreign - title)


def _lateness(one: StoryCluster, other: StoryCluster, params: ClusteringParams) -> float:
    """What the threshold is multiplied by for the days between two stories."""
    return 1 + params.late_growth * one.gap(other)


def _similarity_without_names(
    query: ClusterQuery, other: StoryCluster, alike: float, norm: float, params: ClusteringParams
) -> float:
    """How alike a single report and a story are without the common words that can be a name, as far as rarity is unknown.

    Of two reports these are the two most telling ones, and `top_word_share` of the third is not counted. Of a report and
    a story it is the most telling one, and only among the first `cold_reports` reports. 1 where names are no doubt: two
    reports of which one says nothing else, or no other words.
    """
    size, lengths = len(other), (norm / len(other), query.norm)
    if len(query.cluster) == size == 1:
        if not _differ(query.cluster, other):
            return 1.0
        cold, names, share = query.threshold.cold, 2, params.top_word_share
    else:
        cold, names, share = 2 * query.threshold.cold - 1, 1, 0.0
        if cold <= 0:
            return 1.0
    largest = nlargest(3, (*other.common_parts(query.term_gains), 0.0, 0.0, 0.0))
    taken = cold * sum(largest[:names]) / size
    # A word of all reports adds to the squares of both lengths what it adds to the product.
    left = [length * length - taken for length in lengths]
    if min(left) <= 0:
        return 1.0
    # `alike` lacks `top_word_share` of the first word, and `taken` has it.
    uncounted = min(cold, params.top_word_share) * largest[0] - cold * share * largest[names]
    return (alike * math.prod(lengths) - taken + uncounted / size) / math.sqrt(math.prod(left))


def probe_terms(
    parts: Sequence[float], words: Collection[Word], min_product: float, params: ClusteringParams
) -> list[tuple[float, Word]]:
    """The words to look up in the index, the most telling first, each with its part; empty if no story can be near.

    The words that are left out are so short together that a story which shares only such words does not reach
    `min_product` (prefix filtering: Bayardo, Ma and Srikant, 2007), less what `top_word_share` takes of the largest:
    of n words at least an n-th.
    """
    order = sorted(zip(parts, words, strict=True), key=itemgetter(0), reverse=True)
    left = 0.0
    for n, (part, _) in enumerate(reversed(order), 1):
        left += part * part
        if math.sqrt(left) * (1 - params.top_word_share / n) >= min_product:
            return order[: len(order) - n + 1]
    return []
