"""Never a flood: how many stories a channel gets in an hour, and what becomes of the others."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.posting.pace import HOUR, RecentPost, WaitingStory, pace
from bot.domain.posting.quiet import QuietHours
from tests.make import START, at

STORIES = st.lists(
    st.builds(WaitingStory, st.integers(1, 10**6), st.integers(0, 300), st.booleans()),
    max_size=40,
    unique_by=lambda story: story.row,
)
POSTS = st.lists(
    st.builds(RecentPost, st.floats(-2, 0).map(at), st.integers(0, 300)),
    max_size=20,
)


def waiting(*priorities: int) -> list[WaitingStory]:
    return [WaitingStory(row, priority) for row, priority in enumerate(priorities, 1)]


def test_the_biggest_are_posted_and_the_others_listed() -> None:
    decided = pace(waiting(60, 90, 70, 80), [], 2, START)
    assert (decided.post, decided.list_, decided.list_at) == ((2, 4), (3, 1), START)
    assert decided.floor == 80


def test_what_fits_is_posted_and_nothing_waits() -> None:
    decided = pace(waiting(60, 70), [RecentPost(at(-0.5), 90)], 3, START)
    assert (decided.post, decided.list_, decided.list_at, decided.wait) == ((2, 1), (), None, ())


def test_a_listed_story_that_has_grown_competes_for_the_next_free_post() -> None:
    grown = WaitingStory(9, 200, waits=True)
    full = [RecentPost(at(-0.75), 90), RecentPost(at(-0.25), 90)]
    decided = pace([grown, *waiting(150)], full, 2, START)
    assert (decided.post, decided.list_, decided.wait) == ((), (1,), (9,))
    assert decided.wait_until == at(0.25), "an hour after the first of the two"
    assert pace([grown, *waiting(150)], full, 2, at(0.25)).post == (9,)


@pytest.mark.parametrize("count", [1, 5])
def test_in_quiet_hours_everything_waits_for_their_end(count: int) -> None:
    decided = pace(waiting(*range(count)), [], 10, START, at(7))
    assert (decided.post, len(decided.list_), decided.list_at) == ((), count, at(7))
    assert decided.floor == count - 1


@given(STORIES, POSTS, st.integers(1, 12), st.none() | st.floats(0.1, 9).map(at))
def test_every_story_is_posted_listed_or_waits_and_no_hour_has_more_than_the_limit(
    stories: list[WaitingStory], recent: list[RecentPost], per_hour: int, quiet_until: datetime | None
) -> None:
    decided = pace(stories, recent, per_hour, START, quiet_until)
    every = [*decided.post, *decided.list_, *decided.wait]
    assert sorted(every) == sorted(story.row for story in stories)
    in_hour = sum(post.at > START - HOUR for post in recent)
    assert len(decided.post) <= max(0, per_hour - in_hour)
    assert not decided.post or quiet_until is None
    priority = {story.row: story.priority for story in stories}
    rest = [*decided.list_, *decided.wait]
    assert all(priority[one] >= priority[other] for one in decided.post for other in rest)
    if decided.wait:
        assert decided.wait_until is not None
        assert decided.wait_until > START


@given(st.lists(st.lists(st.integers(0, 300), max_size=30), min_size=1, max_size=12), st.integers(1, 8))
def test_over_any_hour_there_are_no_more_posts_than_the_limit(
    batches: list[list[int]], per_hour: int
) -> None:
    posts: list[RecentPost] = []
    waits: list[WaitingStory] = []
    row = 0
    for batch, priorities in enumerate(batches):
        now = START + batch * timedelta(minutes=20)
        for priority in priorities:
            row += 1
            waits.append(WaitingStory(row, priority))
        decided = pace(waits, posts, per_hour, now)
        priority_of = {story.row: story.priority for story in waits}
        posts += [RecentPost(now, priority_of[posted]) for posted in decided.post]
        # One of the listed stories grows.
        waits = [WaitingStory(listed, 250, waits=True) for listed in decided.list_[:1]]
        waits += [
            WaitingStory(waiting_row, priority_of[waiting_row], waits=True) for waiting_row in decided.wait
        ]
    for post in posts:
        assert sum(post.at - HOUR < other.at <= post.at for other in posts) <= per_hour


# Quiet hours.

BERLIN = "Europe/Berlin"


def local(day: int, hour: int, minute: int = 0, *, month: int = 3, fold: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZoneInfo(BERLIN), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("hour", "minute", "until"),
    [
        (21, 59, None),
        (22, 0, local(3, 7)),
        (23, 30, local(3, 7)),
        (0, 0, local(2, 7)),
        (6, 59, local(2, 7)),
        (7, 0, None),
        (12, 0, None),
    ],
)
def test_quiet_hours_go_over_midnight(hour: int, minute: int, until: datetime | None) -> None:
    assert QuietHours(time(22), time(7), BERLIN).until(local(2, hour, minute)) == until


def test_quiet_hours_within_a_day() -> None:
    lunch = QuietHours(time(12), time(13, 30), BERLIN)
    assert lunch.until(local(2, 12, 15)) == local(2, 13, 30)
    assert lunch.until(local(2, 13, 30)) is None


def test_a_night_in_which_the_clock_changes_is_an_hour_shorter_or_longer() -> None:
    night = QuietHours(time(22), time(7), BERLIN)
    spring = night.until(local(28, 23))
    assert spring is not None
    assert spring - local(28, 22) == timedelta(hours=8)
    autumn = night.until(local(24, 23, month=10))
    assert autumn is not None
    assert autumn - local(24, 22, month=10) == timedelta(hours=10)


def test_an_end_that_the_change_skips_comes_an_hour_later_and_one_that_comes_twice_counts_once() -> None:
    spring = QuietHours(time(1), time(2, 30), BERLIN)  # on 29 March, 02:00 is followed by 03:00
    assert spring.until(local(29, 1, 15)) == local(29, 3, 30)
    autumn = QuietHours(time(1), time(2, 30), BERLIN)  # on 25 October, 03:00 is followed by 02:00
    assert autumn.until(local(25, 1, 15, month=10)) == local(25, 2, 30, month=10)
    assert autumn.until(local(25, 2, 15, month=10, fold=1)) is None


@given(st.integers(0, 1439), st.integers(0, 1439), st.floats(0, 24 * 365))
def test_quiet_hours_end_after_now_and_within_a_day_and_an_hour(start: int, end: int, hours: float) -> None:
    quiet = QuietHours(time(*divmod(start, 60)), time(*divmod(end, 60)), BERLIN)
    until = quiet.until(at(hours))
    assert until is None or at(hours) < until <= at(hours) + timedelta(hours=25)
    if until is not None:
        assert quiet.until(until) is None or start == end or quiet.start == quiet.end
