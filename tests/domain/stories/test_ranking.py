"""What is best now, and which topics spike."""

from __future__ import annotations

from datetime import timedelta
from math import exp, factorial, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import MAJOR_HEAT, NOTABLE_HEAT, StoryView
from bot.domain.stories import story as stories
from bot.domain.stories.ranking import (
    HALF_LIFE,
    LEAST_DAYS,
    LEAST_STORIES,
    USUAL_DAYS,
    Spike,
    at_least,
    hotness,
    rank,
    spike,
)
from bot.messages.story import spike_words
from tests.make import at, record, stored, story

HEATS = st.integers(-10, 10_000)
HOURS = st.integers(0, 100_000)


def seen(*hours: float, heat: int = 60, partial: float | None = None) -> StoryView:
    """A story with reports of these hours, and maybe a partial one."""
    members = [stored(record("Title", f"{n}.example", heat=heat, hours=hour)) for n, hour in enumerate(hours)]
    if partial is not None:
        members.append(stored(record("Title", "partial.example", heat=heat, hours=partial), partial=True))
    found = stories.story_view(story(*members))
    assert found is not None
    return found


# Heat that decays.


def test_heat_halves_with_every_half_life_since_the_last_report() -> None:
    day = HALF_LIFE / timedelta(hours=1)
    assert rank(seen(0, heat=80), at(day)) == rank(seen(0, day, heat=40), at(day))
    assert rank(seen(0, heat=80), at(2 * day)) == pytest.approx(rank(seen(2 * day, heat=20), at(2 * day)))
    assert rank(seen(0, 5, heat=80), at(9)) > rank(seen(0, heat=80), at(9))


def test_what_is_known_only_because_somebody_declared_it_makes_nothing_new() -> None:
    assert rank(seen(0, partial=5), at(9)) == rank(seen(0), at(9))
    assert rank(seen(partial=5), at(9)) == rank(seen(5), at(9))


def test_a_major_story_gives_way_to_one_that_is_just_notable_after_about_a_day() -> None:
    def leads(hours: float) -> bool:
        return hotness(MAJOR_HEAT, at(0), at(hours)) > hotness(NOTABLE_HEAT, at(hours), at(hours))

    assert leads(20)
    assert not leads(30)


@given(HEATS, HEATS, HOURS, HOURS, HOURS)
def test_two_stories_keep_their_order_as_time_goes_by(
    one: int, other: int, begun: int, later: int, after: int
) -> None:
    """However many years: nothing decays to nothing."""
    now = max(begun, later)

    def lead(hours: int) -> float:
        return hotness(one, at(begun), at(hours)) - hotness(other, at(later), at(hours))

    assert isclose(lead(now), lead(now + after), abs_tol=1e-6)


@given(HEATS, HOURS, HOURS)
def test_hotter_and_later_is_never_worse(heat: int, begun: int, age: int) -> None:
    now = at(begun + age)
    assert hotness(heat + 1, at(begun), now) >= hotness(heat, at(begun), now)
    assert hotness(heat, at(begun), now) >= hotness(heat, at(begun), now + timedelta(hours=1))
    assert hotness(heat, now + timedelta(days=3), now) == hotness(heat, now, now)  # a clock that is ahead


# Topics that spike.


def month(per_day: float) -> list[int]:
    """So many days with about as many stories, spread evenly."""
    return [int(per_day * (n + 1)) - int(per_day * n) for n in range(USUAL_DAYS)]


@pytest.mark.parametrize(
    ("today", "per_day", "spikes"),
    [
        (3, 0.2, True),
        (12, 10, False),
        (2, 0, False),
        (3, 0, True),
        (3, 0.4, False),
        (4, 1, False),
        (6, 1, True),
        (19, 10, False),
        (25, 10, True),
        (150, 100, False),  # unlikely by chance, but not far above: it may be a Monday
        (200, 100, True),
        (0, 0, False),
        (0, 10, False),
    ],
)
def test_a_topic_spikes_far_above_its_usual_volume(today: int, per_day: float, spikes: bool) -> None:
    assert (spike([today, *month(per_day)]) is not None) is spikes


def test_what_is_usual_needs_a_week_to_tell() -> None:
    assert spike([9, *[0] * (LEAST_DAYS - 1)]) is None
    assert spike([9, *[0] * LEAST_DAYS]) == Spike(9, 0)


def test_days_longer_ago_do_not_count() -> None:
    assert spike([5, *[0] * USUAL_DAYS, *[100] * 50]) == Spike(5, 0)


def test_a_topic_with_more_feeds_is_soon_used_to_it() -> None:
    """Ten stories a day since somebody added feeds: unusual at first, not for a month."""
    days = [spike([10, *[10] * ago, *[0] * (USUAL_DAYS - ago)]) is not None for ago in range(8)]
    assert days == [True] * 3 + [False] * 5


@pytest.mark.parametrize(("count", "mean"), [(1, 0.5), (3, 0.2), (5, 4.0), (12, 10.0), (3, 20.0), (0, 1.0)])
def test_the_tail_is_that_of_the_poisson_distribution(count: int, mean: float) -> None:
    below = sum(exp(-mean) * mean**k / factorial(k) for k in range(count))
    assert at_least(count, mean) == pytest.approx(1 - below, abs=1e-9)


@given(st.integers(0, 3000), st.floats(0, 3000))
def test_a_chance_is_a_chance_and_the_more_the_less_likely(count: int, mean: float) -> None:
    chance = at_least(count, mean)
    assert 0 <= chance <= 1
    assert at_least(count + 1, mean) <= chance + 1e-9
    assert at_least(count, mean + 1) >= chance - 1e-9


@given(st.lists(st.integers(0, 300), min_size=1, max_size=40))
def test_more_today_never_ends_a_spike_and_few_are_never_one(days: list[int]) -> None:
    found = spike(days)
    assert found is None or found.stories == days[0] >= LEAST_STORIES
    if found:
        assert spike([days[0] + 1, *days[1:]]) is not None
        assert spike([days[0], *(max(0, day - 1) for day in days[1:])]) is not None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Spike(5, 1.2), "▲ 5 stories today, usually 1 a day"),
        (Spike(40, 9.6), "▲ 40 stories today, usually 10 a day"),
        (Spike(3, 0.2), "▲ 3 stories today, usually 1 every 5 days"),
        (Spike(3, 1 / 28), "▲ 3 stories today, usually 1 every 28 days"),
        (Spike(3, 0.5), "▲ 3 stories today, usually 1 every 2 days"),
        (Spike(3, 0.6), "▲ 3 stories today, usually 1 a day"),
        (Spike(3, 0), "▲ 3 stories today, usually none"),
    ],
)
def test_it_is_told_in_words(found: Spike, words: str) -> None:
    assert spike_words(found) == words
