"""Measures of a grouping, against what they mean."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.clustering.agreement import Quality, b_cubed, pairwise

GROUPINGS = st.dictionaries(st.integers(0, 30), st.integers(0, 5))


def test_b_cubed_is_a_mean_over_items() -> None:
    truth = {1: "a", 2: "a", 3: "a", 4: "b"}
    found = {1: 10, 2: 10, 3: 20, 4: 20}
    quality = b_cubed(truth, found)
    assert quality.precision == pytest.approx((1 + 1 + 1 / 2 + 1 / 2) / 4)
    assert quality.recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert quality.groups == 2


def test_pairs_are_counted() -> None:
    quality = pairwise({1: "a", 2: "a", 3: "a", 4: "b"}, {1: 10, 2: 10, 3: 20, 4: 20})
    assert (quality.precision, quality.recall) == (1 / 2, 1 / 3)


def test_f1_is_the_harmonic_mean() -> None:
    assert Quality(0.5, 1.0, 1).f1 == pytest.approx(2 / 3)
    assert Quality(0.0, 0.0, 1).f1 == 0.0


def test_what_was_put_nowhere_stands_alone_and_what_is_not_known_is_left_out() -> None:
    quality = b_cubed({1: "a", 2: "a"}, {1: 1, 99: 1})
    assert (quality.precision, quality.recall, quality.groups) == (1.0, 0.5, 2)
    # An item's own name must not be mistaken for the label of a group.
    assert b_cubed({1: "a", 2: "a"}, {1: 2}).recall == 0.5


def test_nothing_to_group_is_grouped_well() -> None:
    assert b_cubed({}, {}) == pairwise({}, {}) == Quality(1.0, 1.0, 0)


@given(GROUPINGS)
def test_the_known_grouping_itself_is_perfect_under_any_labels(truth: dict[int, int]) -> None:
    found = {item: f"group {label}" for item, label in truth.items()}
    for measure in (b_cubed, pairwise):
        quality = measure(truth, found)
        assert (quality.precision, quality.recall) == pytest.approx((1.0, 1.0))


@given(GROUPINGS, GROUPINGS)
def test_both_agree_with_their_definitions(truth: dict[int, int], found: dict[int, int]) -> None:
    group = {item: ("found", found[item]) if item in found else ("alone", item) for item in truth}
    together = {item: {other for other in truth if group[other] == group[item]} for item in truth}
    belong = {item: {other for other in truth if truth[other] == truth[item]} for item in truth}
    cubed = b_cubed(truth, found)
    if truth:
        precision = sum(len(together[i] & belong[i]) / len(together[i]) for i in truth) / len(truth)
        recall = sum(len(together[i] & belong[i]) / len(belong[i]) for i in truth) / len(truth)
        assert (cubed.precision, cubed.recall) == pytest.approx((precision, recall))

    put = {pair for pair in combinations(truth, 2) if group[pair[0]] == group[pair[1]]}
    right = {pair for pair in combinations(truth, 2) if truth[pair[0]] == truth[pair[1]]}
    pairs = pairwise(truth, found)
    assert pairs.precision == (len(put & right) / len(put) if put else 1.0)
    assert pairs.recall == (len(put & right) / len(right) if right else 1.0)
    assert cubed.groups == pairs.groups == len(set(group.values()))


@given(GROUPINGS, GROUPINGS)
def test_precision_one_way_is_recall_the_other_way(one: dict[int, int], other: dict[int, int]) -> None:
    both = one.keys() & other.keys()
    left, right = {item: one[item] for item in both}, {item: other[item] for item in both}
    for measure in (b_cubed, pairwise):
        there, back = measure(left, right), measure(right, left)
        assert there.precision == pytest.approx(back.recall)
        assert there.recall == pytest.approx(back.precision)
