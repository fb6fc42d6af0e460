"""As many messages on their way as the pace needs, and few while Discord does not answer."""

from __future__ import annotations

import pytest

from bot.domain.requests.slots import Slots


@pytest.mark.parametrize(("limit", "seconds"), [(50, 0.2), (50, 1.0), (500, 0.3)])
def test_there_are_as_many_as_the_pace_needs_after_one_slow_answer(limit: int, seconds: float) -> None:
    slots = Slots(8, limit)
    assert slots.size == 8
    slots.answered(seconds)
    assert limit * seconds <= slots.size <= 2 * limit * seconds + 8


def test_they_become_fewer_again_by_and_by() -> None:
    slots = Slots(8, 50)
    slots.answered(1.0)
    sizes = []
    for _ in range(200):
        slots.answered(0.01)
        sizes.append(slots.size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 60
    assert sizes[-1] < 12


def test_without_a_pace_their_number_is_fixed() -> None:
    slots = Slots(4)
    slots.answered(10.0)
    assert slots.size == 4
