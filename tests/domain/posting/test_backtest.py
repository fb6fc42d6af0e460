"""What a subscription would have posted, counted by day and volume."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Mute
from bot.domain.posting.backtest import Backtest, Tally, reached
from bot.domain.posting.volume import FIXED
from bot.domain.stories.story import Story, muted_by
from tests.make import at, record, stored, story

WEEK = timedelta(days=7)
ALL, NOTABLE, MAJOR = FIXED


def backtest(
    about: list[tuple[Story, set[int]]],
    since: datetime,
    until: datetime,
    max_age: timedelta,
    samples: int = 0,
) -> Backtest:
    """All of these stories counted at once."""
    tally = Tally(since, until, max_age, samples=samples)
    tally.add(about)
    return tally.result()


def grown() -> Story:
    """A story that is notable with its second outlet, on the next day, and major with its sixth, two days later."""
    members = [
        stored(record(f"Report {n}", f"{n}.example", hours=hours, quality=quality), id=n)
        for n, hours, quality in (
            (1, 0, 50),
            (2, 24, 50),
            (3, 72, 50),
            (4, 72, 50),
            (5, 72, 50),
            (6, 73, 50),
        )
    ]
    return story(*members)


def test_a_story_reaches_each_bar_when_a_record_lifts_it() -> None:
    assert reached(grown(), {1}, WEEK) == {ALL: at(0), NOTABLE: at(24), MAJOR: at(73)}


def test_it_counts_from_when_a_record_on_the_topic_has_come() -> None:
    assert reached(grown(), {2}, WEEK) == {ALL: at(24), NOTABLE: at(24), MAJOR: at(73)}
    assert reached(grown(), {5}, WEEK) == {ALL: at(72), NOTABLE: at(72), MAJOR: at(73)}
    assert reached(grown(), {6}, WEEK) == {}, "one of six voices does not say what a story is about"
    assert reached(grown(), {5, 6}, WEEK) == {ALL: at(72), NOTABLE: at(72), MAJOR: at(73)}
    assert reached(grown(), set(), WEEK) == {}
    assert reached(grown(), {99}, WEEK) == {}


def test_what_is_muted_neither_lifts_nor_belongs() -> None:
    muted = muted_by([Mute(1, 1, None, "1.example"), Mute(2, 1, None, "6.example")])
    assert reached(grown(), {1}, WEEK, muted) == {}
    assert reached(grown(), {1, 2}, WEEK, muted) == {ALL: at(24), NOTABLE: at(72)}


def test_what_came_long_after_it_was_published_was_no_news() -> None:
    old = stored(record("Old", quality=99), id=1, seen=24 * 8)
    assert reached(story(old), {1}, WEEK) == {}
    fresh = stored(record("New", "b.example", hours=24 * 9), id=2)
    assert reached(story(old, fresh), {1}, WEEK) == {ALL: at(24 * 9), NOTABLE: at(24 * 9)}


def test_what_is_only_declared_is_no_news_but_counts_as_an_outlet() -> None:
    partial = stored(record("Declared", "b.example"), id=2, partial=True)
    assert reached(story(partial), {2}, WEEK) == {}
    lead = stored(record("Lead", quality=50), id=1)
    assert reached(story(lead, partial), {1}, WEEK).keys() == {ALL, NOTABLE}


def test_posts_are_counted_by_day() -> None:
    late = story(stored(record("Late", hours=72, quality=10), id=9), number=2)
    found = backtest([(grown(), {1}), (late, {9})], at(0), at(73), WEEK, samples=1)
    assert found.days == (date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4), date(2026, 3, 5))
    assert found.posts == {ALL: (1, 0, 0, 1), NOTABLE: (0, 1, 0, 0), MAJOR: (0, 0, 0, 1)}
    assert [(view.number, highest) for view, highest in found.samples] == [(2, ALL)]
    assert (found.total(ALL, 30), found.total(ALL, 1), found.total(NOTABLE, 1)) == (2, 1, 0)
    assert (found.per_day(ALL, 30), found.per_day(ALL, 2)) == (0.5, 0.5)


def test_what_was_posted_before_is_not_counted() -> None:
    found = backtest([(grown(), {1})], at(20), at(30), WEEK)
    assert found.posts == {ALL: (0,), NOTABLE: (1,), MAJOR: (0,)}


def test_of_a_moment_there_is_one_day() -> None:
    empty = backtest([], at(0), at(0), WEEK, samples=5)
    assert empty == Backtest((date(2026, 3, 2),), {ALL: (0,), NOTABLE: (0,), MAJOR: (0,)}, ())
    assert empty.per_day(ALL, 7) == pytest.approx(0)


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 160), st.sampled_from("abcdefg")),
        min_size=1,
        max_size=12,
    ),
    st.sets(st.integers(1, 12)),
)
def test_a_higher_bar_is_reached_no_earlier(reports: list[tuple[int, int, str]], about: set[int]) -> None:
    members = [
        stored(record("One event", f"{outlet}.example", hours=hours, quality=quality), id=n)
        for n, (hours, quality, outlet) in enumerate(reports, 1)
    ]
    found = reached(story(*members), about, WEEK)
    assert list(found.values()) == sorted(found.values())
    assert (ALL in found) is bool(about & set(range(1, len(members) + 1)))
    arrivals = {member.first_seen for member in members}
    assert set(found.values()) <= arrivals
