"""Volumes: about so many posts a day, whatever a topic brings, and where a story stands that is too small."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Calibration, Mode, Subscription, Volume
from bot.domain.posting.volume import (
    DAY,
    FIXED,
    POSTS_A_DAY,
    History,
    PastStory,
    VolumePlace,
    calibrate,
    digest_volume,
    history,
    live_volume,
    place,
    place_below,
    reaches,
    shown_volume,
)
from bot.domain.stories.ranking import size, size_of
from bot.domain.stories.story import story_view
from tests.form import sized
from tests.make import START, record, stored, story

SPREAD = (Volume.FEW, Volume.SOME, Volume.MANY)


# Streams of invented stories.


@dataclass(frozen=True)
class Arrival:
    """Another outlet reports a story."""

    time: datetime
    story: int
    outlets: int


Rate = Callable[[float], float]  # stories a day, by the day since the start


@cache
def arrivals(rate: Rate, days: float, seed: int, *, begins: float = 0.0) -> tuple[Arrival, ...]:
    """The reports of stories that begin at random at that rate. Four of five stay with one outlet; some get very many."""
    return tuple(_arrivals(rate, days, seed, begins))


def _arrivals(rate: Rate, days: float, seed: int, begins: float) -> Iterator[Arrival]:
    random = Random(seed)  # noqa: S311 - a sequence to repeat, not a secret
    waiting: list[tuple[float, int, int, int]] = []
    moment, number = begins, 0
    highest = max(rate(begins + half_days / 2) for half_days in range(int(2 * (days - begins))))
    while True:
        moment += random.expovariate(highest)
        while waiting and waiting[0][0] <= min(moment, days):
            when, of, outlets, most = heapq.heappop(waiting)
            yield Arrival(START + when * DAY, of, outlets)
            if outlets < most:
                heapq.heappush(waiting, (when + random.expovariate(2 * most), of, outlets + 1, most))
        if moment > days:
            return
        if random.random() * highest >= rate(moment):
            continue  # thinning, as the rate changes with time
        number += 1
        most = 1 if random.random() < 0.8 else min(60, 1 + int(random.paretovariate(1.1)))
        heapq.heappush(waiting, (moment, number, 1, most))


def steady(per_day: float) -> Rate:
    """The same rate all the time. No rate changes but at midnight and at noon."""
    return lambda _day: per_day


def bursty(per_day: float) -> Rate:
    """Every tenth day brings eight times as much as the others."""
    return lambda day: per_day * (8 if int(day) % 10 == 4 else 1) / 1.7


def weekly(per_day: float) -> Rate:
    """Weekends bring a fifth, nights nothing. START is a Monday."""
    return lambda day: per_day * (0.2 if int(day) % 7 >= 5 else 1.32) * (1.98 if day % 1 < 0.5 else 0.02)


def posted(
    volume: Volume, rate: Rate, days: int, seed: int, *, first_intake: bool = False
) -> tuple[list[int], list[int]]:
    """Posts of a subscription that begins at START, and stories, by day. The calibration is refreshed as the worker does it.

    `first_intake`: what feeds had of the last two days is there from the start, and is not posted.
    """
    posts, began = Counter[int](), Counter[int]()
    firsts: dict[int, datetime] = {}
    sizes: dict[int, PastStory] = {}  # of all stories so far
    done: set[int] = set()
    watched_since: datetime | None = None
    calibration = Calibration(0, 0, 0)
    due = START
    for arrival in arrivals(rate, days, seed, begins=-2 if first_intake else 0):
        firsts.setdefault(arrival.story, arrival.time)
        while due <= arrival.time:
            lately = due - 15 * DAY
            past = history([s for n, s in sizes.items() if firsts[n] > lately], watched_since, due)
            calibration = calibrate(volume, past)
            due += past.refresh
        sizes[arrival.story] = PastStory(_size(arrival), firsts[arrival.story], 0, notable=False)
        if arrival.time < START:
            done.add(arrival.story)
            continue
        watched_since = watched_since or arrival.time
        day = (arrival.time - START) // DAY
        began[day] += arrival.outlets == 1
        if arrival.story not in done and sizes[arrival.story].size >= calibration.threshold:
            done.add(arrival.story)
            posts[day] += 1
    return [posts[day] for day in range(days)], [began[day] for day in range(days)]


def _size(arrival: Arrival) -> int:
    return size(60 + 20 * (arrival.outlets - 1), arrival.outlets, arrival.outlets, arrival.story)


STREAMS = {
    "tiny": steady(0.7),
    "small": steady(6),
    "steady": steady(60),
    "bursty": bursty(60),
    "with weekends": weekly(60),
    "large": steady(150),
}
HUGE = {"huge": steady(500), "huge with weekends": weekly(500)}


@pytest.mark.parametrize("stream", sized([s for s in STREAMS if s != "large"], long=list(STREAMS)))
@pytest.mark.parametrize("volume", SPREAD)
def test_after_a_week_a_volume_is_about_as_many_posts_a_day_as_it_says(volume: Volume, stream: str) -> None:
    days = 21
    by_day, stories = posted(volume, STREAMS[stream], 7 + days, seed=7)
    expected = min(POSTS_A_DAY[volume], sum(stories[7:]) / days)
    assert sum(by_day[7:]) / days == pytest.approx(expected, rel=0.35, abs=0.3)


@pytest.mark.parametrize("first_intake", [False, True])
@pytest.mark.parametrize("stream", [*STREAMS, *HUGE])
@pytest.mark.parametrize("volume", SPREAD)
def test_the_first_day_is_no_flood(volume: Volume, stream: str, *, first_intake: bool) -> None:
    by_day, _ = posted(volume, (STREAMS | HUGE)[stream], 2, seed=11, first_intake=first_intake)
    times = 2 if first_intake else 4
    assert max(by_day) <= times * POSTS_A_DAY[volume] + 5


def test_a_topic_that_suddenly_brings_ten_times_as_much_is_back_to_its_volume_within_two_weeks() -> None:
    by_day, _ = posted(Volume.SOME, lambda day: 20 if day < 21 else 200, 42, seed=3)
    assert sum(by_day[35:]) / 7 == pytest.approx(8, rel=0.35)


# A history, and what follows from it.


def past_story(hours_ago: float, number: int, heat: int = 60) -> PastStory:
    return PastStory(size(heat, 1, 1, number), START - timedelta(hours=hours_ago), heat, heat >= 70)


def test_without_any_history_the_documented_prior_decides() -> None:
    nothing = history([], None, START)
    assert nothing == History((), 0.0)
    lowest = {volume: calibrate(volume, nothing).threshold for volume in SPREAD}
    assert lowest[Volume.FEW] == size(120, 1, 1, 0)
    assert lowest[Volume.SOME] == size(70, 1, 1, 0)
    assert size(60, 1, 1, 0) < lowest[Volume.MANY] < size(60, 2, 1, 0)
    assert [calibrate(volume, nothing).posts for volume in SPREAD] == [2, 8, 25]
    assert calibrate(Volume.SOME, nothing).stories == 40
    assert [calibrate(volume, nothing).posts for volume in FIXED] == [None] * 3, "that would be made up"


def test_a_single_report_of_a_feed_is_few_of_nothing_and_one_of_two_outlets_is_some() -> None:
    one = story_view(story(stored(record("A", "a.example")), number=5))
    two = story_view(story(stored(record("A", "a.example")), stored(record("A", "b.example")), number=5))
    assert one is not None
    assert two is not None
    assert [reaches(one, volume) for volume in (Volume.FEW, Volume.SOME, Volume.EVERYTHING)] == [
        False,
        False,
        True,
    ]
    assert [reaches(two, volume) for volume in (Volume.FEW, Volume.SOME, Volume.MANY)] == [False, True, True]


def test_whole_weeks_count_and_the_prior_no_more_once_there_is_one() -> None:
    stories = [past_story(hours, hours) for hours in range(1, 14 * 24)]
    assert history(stories, START - 6 * DAY, START).is_short
    stories += [past_story(hours, hours) for hours in range(14 * 24, 16 * 24)]
    week = history(stories, START - 9 * DAY, START)
    assert (week.is_short, week.days, len(week.sizes)) == (False, 7, 7 * 24)
    two = history(stories, START - 15 * DAY, START)
    assert (two.is_short, two.days) == (False, 14)
    assert two.refresh == DAY


def test_what_a_first_intake_brought_of_the_last_day_counts_at_once() -> None:
    stories = [past_story(hours / 10, hours) for hours in range(600)]
    new = history(stories, None, START)
    assert new.days == pytest.approx(1, abs=0.01)
    assert len(new.sizes) == 240
    assert calibrate(Volume.SOME, new).stories == pytest.approx(200, abs=5)
    assert new.refresh == timedelta(hours=1)


@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(0, 24 * 20)), max_size=80),
    st.sampled_from(SPREAD),
    st.none() | st.floats(0, 24 * 20),
)
def test_no_more_of_the_past_is_posted_than_the_volume_allows(
    stories: list[tuple[int, float]], volume: Volume, watched_hours: float | None
) -> None:
    known = [past_story(hours, number, heat) for number, (heat, hours) in enumerate(stories)]
    watched_since = None if watched_hours is None else START - timedelta(hours=watched_hours)
    past = history(known, watched_since, START)
    calibration = calibrate(volume, past)
    posts = sum(story_size >= calibration.threshold for story_size in past.sizes)
    assert posts <= POSTS_A_DAY[volume] * (past.days + 0.25) + 1
    assert calibration.posts is not None
    assert 0 <= calibration.posts <= min(POSTS_A_DAY[volume], calibration.stories) + 1e-9


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0, 24 * 20)), max_size=80))
def test_more_volume_never_posts_less(stories: list[tuple[int, float]]) -> None:
    past = history(
        [past_story(hours, number, heat) for number, (heat, hours) in enumerate(stories)],
        START - 10 * DAY,
        START,
    )
    thresholds = [calibrate(volume, past).threshold for volume in (*SPREAD, Volume.EVERYTHING)]
    assert thresholds == sorted(thresholds, reverse=True)


def test_the_fixed_volumes_say_how_many_posts_they_bring() -> None:
    stories = [
        past_story(hours, hours, heat) for hours, heat in enumerate([60] * 70 + [80] * 20 + [160] * 10, 25)
    ]
    past = history(stories, START - 9 * DAY, START)
    rates = {volume: (calibrate(volume, past).posts or 0) * 7 for volume in FIXED}
    assert rates == {
        Volume.EVERYTHING: pytest.approx(100),
        Volume.NOTABLE: pytest.approx(30),
        Volume.MAJOR: pytest.approx(10),
    }


# The size of a story.


def test_heat_comes_first_then_voices_then_reports_and_a_lot_decides_between_the_rest() -> None:
    ordered = [size(60, 9, 9, 1), size(61, 1, 1, 1), size(61, 2, 1, 1), size(61, 2, 2, 1)]
    assert ordered == sorted(ordered)
    assert len({size(60, 1, 1, number) for number in range(1000)}) == 1000


@given(st.integers(-5, 10**9), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 2**31))
def test_a_size_fits_into_a_column_of_the_database(heat: int, voices: int, reports: int, number: int) -> None:
    assert 0 <= size(heat, voices, reports, number) < 2**63


@given(st.integers(0, 10**6), st.integers(20, 400), st.integers(1, 10))
def test_of_consecutive_stories_that_are_alike_any_share_can_be_chosen(
    first: int, count: int, tenths: int
) -> None:
    threshold = size(60, 1, 1, 0) + (2**16 * tenths) // 10
    chosen = sum(size(60, 1, 1, number) < threshold for number in range(first, first + count))
    assert chosen == pytest.approx(count * tenths / 10, abs=3)


def test_a_story_only_grows_with_more_reports() -> None:
    sizes = []
    members = [stored(record("A", f"{n}.example"), id=n) for n in range(1, 6)]
    for count in range(1, 6):
        view = story_view(story(*members[:count], number=12))
        assert view is not None
        sizes.append(size_of(view))
    assert sizes == sorted(sizes)


# What a subscription asks for.


@pytest.mark.parametrize(
    ("mode", "volume", "of_digest", "live", "digest", "shown"),
    [
        (Mode.LIVE, None, None, Volume.SOME, Volume.EVERYTHING, Volume.SOME),
        (Mode.BOTH, None, None, Volume.SOME, Volume.EVERYTHING, Volume.SOME),
        (Mode.DIGEST, None, None, Volume.SOME, Volume.EVERYTHING, Volume.EVERYTHING),
        (Mode.DIGEST, Volume.MAJOR, None, Volume.MAJOR, Volume.MAJOR, Volume.MAJOR),
        (Mode.BOTH, Volume.NOTABLE, Volume.EVERYTHING, Volume.NOTABLE, Volume.EVERYTHING, Volume.NOTABLE),
        (Mode.BOTH, Volume.MAJOR, None, Volume.MAJOR, Volume.EVERYTHING, Volume.MAJOR),
        (Mode.BOTH, Volume.MAJOR, Volume.NOTABLE, Volume.MAJOR, Volume.NOTABLE, Volume.MAJOR),
    ],
)
def test_live_posts_and_digests_have_a_volume_each(
    mode: Mode, volume: Volume | None, of_digest: Volume | None, live: Volume, digest: Volume, shown: Volume
) -> None:
    subscription = Subscription(1, 1, 7, "AI", mode, volume, digest_volume=of_digest)
    volumes = (live_volume(subscription), digest_volume(subscription), shown_volume(subscription))
    assert volumes == (live, digest, shown)


def test_the_place_of_a_story_is_that_in_an_average_day() -> None:
    past = History(tuple(size(heat, 1, 1, 0) for heat in range(700)), 7, is_short=False)
    assert place(size(699, 1, 1, 0), past) == 1
    assert place(size(602, 1, 1, 0), past) == 14
    assert place(size(10, 1, 1, 0), History((), 0)) == 1
    calibration = calibrate(Volume.SOME, past)
    behind = place_below(size(602, 1, 1, 0), calibration, past)
    assert behind == VolumePlace(posts=8, stories=100, place=14)
    changed = place_below(0, calibration, replace(past, sizes=()))
    assert changed is not None
    assert changed.place == 9, "never one of those that are posted"
    assert place_below(0, calibration, replace(past, is_short=True)) is None
