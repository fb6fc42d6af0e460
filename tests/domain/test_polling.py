"""When a feed is looked at next, plain and with whatever servers and feeds ask for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.polling import (
    JITTER,
    LONGEST_ASKED,
    LONGEST_RETRY,
    WARN_AFTER,
    Bounds,
    Hints,
    Polling,
    PollResult,
    next_schedule,
    to_warn,
)
from tests.make import START, at

BOUNDS = Bounds(timedelta(minutes=5), timedelta(hours=6))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEVER_HOURS = frozenset(range(24))
NEVER_DAYS = frozenset(range(7))


def new(interval: timedelta = HOUR, **more: object) -> Polling:
    """A feed that is due now."""
    return Polling(interval, START, **more)  # type: ignore[arg-type] # what a Polling has


def pause(polling: Polling, now: datetime = START) -> timedelta:
    """How long until the next poll."""
    assert polling.next_poll is not None
    return polling.next_poll - now


# A feed in order.


def test_a_feed_that_brings_something_is_asked_sooner_and_one_that_does_not_later() -> None:
    assert pause(next_schedule(new(), PollResult.NEW, START, BOUNDS)) == HOUR / 2
    assert pause(next_schedule(new(), PollResult.NOTHING_NEW, START, BOUNDS)) == HOUR * 1.25


@pytest.mark.parametrize(
    ("got", "bound"), [(PollResult.NEW, BOUNDS.least), (PollResult.NOTHING_NEW, BOUNDS.most)]
)
def test_the_interval_ends_at_a_bound(got: PollResult, bound: timedelta) -> None:
    polling = new()
    for _ in range(50):
        polling = next_schedule(polling, got, START, BOUNDS)
    assert (polling.interval, pause(polling)) == (bound, bound)


def test_other_bounds_hold_from_the_next_poll_on() -> None:
    rare = Bounds(timedelta(hours=2), timedelta(hours=3))
    assert pause(next_schedule(new(timedelta(minutes=5)), PollResult.NEW, START, rare)) == rare.least
    assert pause(next_schedule(new(timedelta(days=2)), PollResult.NOTHING_NEW, START, rare)) == rare.most


def test_polls_spread_out_by_a_tenth_of_the_interval() -> None:
    late = next_schedule(new(), PollResult.NEW, START, BOUNDS, jitter=1.0)
    assert pause(late) == HOUR / 2 * (1 + JITTER)
    assert late.interval == HOUR / 2, "the delay does not add up"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(HOUR, HOUR), (timedelta(hours=10), timedelta(hours=10)), (timedelta(days=30), LONGEST_ASKED)],
)
def test_a_feed_may_ask_for_rarer_polls_up_to_a_day(asked: timedelta, expected: timedelta) -> None:
    polling = next_schedule(new(), PollResult.NEW, START, BOUNDS, hints=Hints(asked))
    assert pause(polling) == expected
    assert polling.interval == HOUR / 2, "what it asks for is no measure of how often it publishes"


def test_a_feed_cannot_ask_for_more_polls() -> None:
    slow = Bounds(timedelta(hours=3), timedelta(days=3))
    assert pause(
        next_schedule(new(timedelta(hours=6)), PollResult.NEW, START, slow, hints=Hints(timedelta(minutes=1)))
    ) == (timedelta(hours=3))
    assert pause(
        next_schedule(new(), PollResult.NEW, START, slow, hints=Hints(timedelta(days=2)))
    ) == timedelta(days=2)


def test_hours_to_be_skipped_are_over_at_the_full_hour() -> None:
    """It is Monday, 12:00 UTC."""
    polling = next_schedule(new(), PollResult.NEW, START, BOUNDS, hints=Hints(skip_hours={12, 13, 14}))
    assert polling.next_poll == at(3)


def test_days_to_be_skipped_are_over_at_midnight() -> None:
    polling = next_schedule(new(), PollResult.NEW, START, BOUNDS, hints=Hints(skip_days={0, 1}))
    assert polling.next_poll == at(36)  # Wednesday, 00:00
    polling = next_schedule(
        new(), PollResult.NEW, START, BOUNDS, hints=Hints(skip_hours={0, 1, 2}, skip_days={0, 1})
    )
    assert polling.next_poll == at(39)


@pytest.mark.parametrize("hints", [Hints(skip_hours=NEVER_HOURS), Hints(skip_days=NEVER_DAYS)])
def test_a_feed_that_wants_no_poll_at_all_is_polled_as_others_are(hints: Hints) -> None:
    assert pause(next_schedule(new(), PollResult.NEW, START, BOUNDS, hints=hints)) == HOUR / 2


def test_the_one_hour_of_the_week_that_is_left_is_found() -> None:
    hints = Hints(skip_hours=NEVER_HOURS - {11}, skip_days=NEVER_DAYS - {0})
    assert next_schedule(new(), PollResult.NEW, START, BOUNDS, hints=hints).next_poll == at(7 * 24 - 1)


# One that fails.


def test_every_failure_doubles_the_wait_up_to_the_longest_interval() -> None:
    polling = new()
    pauses = []
    for _ in range(6):
        polling = next_schedule(polling, PollResult.FAILED, START, BOUNDS)
        pauses.append(pause(polling))
    assert pauses == [HOUR, HOUR * 2, HOUR * 4, BOUNDS.most, BOUNDS.most, BOUNDS.most]
    assert polling.interval == HOUR, "how often it publishes is not forgotten"


def test_a_failure_keeps_the_time_of_the_first() -> None:
    first = next_schedule(new(), PollResult.FAILED, START, BOUNDS)
    second = next_schedule(first, PollResult.FAILED, at(5), BOUNDS)
    assert (first.failing_since, second.failing_since) == (START, START)
    assert (first.failures, second.failures) == (1, 2)


def test_a_feed_that_has_failed_for_years_is_still_tried() -> None:
    polling = new(failures=1_000_000, failing_since=at(-50_000), warned=True)
    assert pause(next_schedule(polling, PollResult.FAILED, START, BOUNDS)) == BOUNDS.most


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        (timedelta(minutes=1), HOUR),
        (timedelta(days=2), timedelta(days=2)),
        (timedelta(days=400), LONGEST_RETRY),
    ],
)
def test_a_server_may_ask_for_a_later_retry_up_to_a_week(wait: timedelta, expected: timedelta) -> None:
    assert pause(next_schedule(new(), PollResult.FAILED, START, BOUNDS, retry_after=wait)) == expected


@pytest.mark.parametrize("got", [PollResult.NEW, PollResult.NOTHING_NEW])
def test_a_success_ends_all_trouble(got: PollResult) -> None:
    failing = new(failures=9, failing_since=at(-99), warned=True)
    polling = next_schedule(failing, got, START, BOUNDS)
    assert (polling.failures, polling.failing_since, polling.warned) == (0, None, False)


def test_a_feed_that_is_gone_is_stopped() -> None:
    gone = next_schedule(new(), PollResult.GONE, START, BOUNDS, retry_after=HOUR)
    assert gone == Polling(HOUR, None, 1, START)
    failing = next_schedule(new(failures=3, failing_since=at(-9)), PollResult.GONE, START, BOUNDS)
    assert (failing.next_poll, failing.failures, failing.failing_since) == (None, 4, at(-9))


# Telling its readers.


def test_readers_are_told_after_three_days_of_failures() -> None:
    failing = new(failures=1, failing_since=START)
    assert not to_warn(failing, START + WARN_AFTER - timedelta(seconds=1))
    assert to_warn(failing, START + WARN_AFTER)


def test_of_a_feed_that_is_stopped_readers_are_told_at_once() -> None:
    assert to_warn(next_schedule(new(), PollResult.GONE, START, BOUNDS), START)


def test_readers_are_told_once_until_it_went_well_again() -> None:
    polling, now, told = new(), START, []
    for day in range(20):
        now = START + day * DAY
        polling = next_schedule(
            polling, PollResult.NOTHING_NEW if day == 10 else PollResult.FAILED, now, BOUNDS
        )
        if to_warn(polling, now):
            told.append(day)
            polling = Polling(
                polling.interval, polling.next_poll, polling.failures, polling.failing_since, warned=True
            )
    assert told == [3, 14]


def test_of_a_feed_in_order_there_is_nothing_to_tell() -> None:
    assert not to_warn(new(), at(10_000))


# Whatever is asked.


def spans(most: timedelta) -> st.SearchStrategy[timedelta]:
    """Times, in whole seconds."""
    return st.integers(0, int(most.total_seconds())).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def all_bounds(draw: st.DrawFn) -> Bounds:
    """What the configuration allows."""
    least = timedelta(minutes=1) + draw(spans(DAY))
    return Bounds(least, least + draw(spans(timedelta(days=30))))


hints = st.builds(
    Hints,
    spans(timedelta(days=3000)),
    st.frozensets(st.integers(0, 23)),
    st.frozensets(st.integers(0, 6)),
)
pollings = st.builds(
    Polling,
    spans(timedelta(days=60)),
    st.just(START),
    st.integers(0, 10_000),
    st.none() | st.just(START - DAY),
    st.booleans(),
)
jitters = st.floats(0, 1)
moments = spans(timedelta(days=40)).map(lambda span: START + span)
retries = st.none() | spans(timedelta(days=5000))


@given(pollings, st.sampled_from(list(PollResult)), moments, all_bounds(), hints, retries, jitters)
def test_a_poll_is_never_earlier_than_the_least_and_never_put_off_for_ever(
    before: Polling,
    got: PollResult,
    now: datetime,
    bounds: Bounds,
    asked: Hints,
    retry: timedelta | None,
    jitter: float,
) -> None:
    polling = next_schedule(before, got, now, bounds, hints=asked, retry_after=retry, jitter=jitter)
    if got is PollResult.GONE:
        assert polling.next_poll is None
        return
    wait = pause(polling, now)
    assert wait >= bounds.least
    late = bounds.most * (1 + JITTER)
    if got is PollResult.FAILED:
        assert wait <= max(late, min(retry or timedelta(), LONGEST_RETRY)) + timedelta(microseconds=1)
    else:
        skipped = timedelta(days=8) if asked.skip_hours or asked.skip_days else timedelta()
        assert wait <= max(late, LONGEST_ASKED) + skipped + timedelta(microseconds=1)
        assert bounds.least <= polling.interval <= bounds.most


@given(
    pollings, st.sampled_from([PollResult.NEW, PollResult.NOTHING_NEW]), moments, all_bounds(), hints, jitters
)
def test_hours_and_days_to_be_skipped_are_unless_that_is_all_of_them(
    before: Polling, got: PollResult, now: datetime, bounds: Bounds, asked: Hints, jitter: float
) -> None:
    at_last = next_schedule(before, got, now, bounds, hints=asked, jitter=jitter).next_poll
    assert at_last is not None
    if set(asked.skip_hours) != NEVER_HOURS and set(asked.skip_days) != NEVER_DAYS:
        assert at_last.hour not in asked.skip_hours
        assert at_last.weekday() not in asked.skip_days


@given(pollings, all_bounds(), st.integers(1, 40))
def test_the_wait_grows_with_every_failure_and_one_success_ends_it(
    before: Polling, bounds: Bounds, times: int
) -> None:
    polling, pauses = before, []
    for _ in range(times):
        polling = next_schedule(polling, PollResult.FAILED, START, bounds)
        pauses.append(pause(polling))
    assert pauses == sorted(pauses)
    assert polling.failures == before.failures + times
    well = next_schedule(polling, PollResult.NOTHING_NEW, START, bounds)
    assert (well.failures, well.failing_since, well.warned) == (0, None, False)


@given(pollings, st.lists(st.sampled_from(list(PollResult)), max_size=30), all_bounds())
def test_readers_are_told_at_most_once_of_one_time_of_trouble(
    before: Polling, story: list[PollResult], bounds: Bounds
) -> None:
    polling, now, told = Polling(before.interval, START), START, 0
    for got in story:
        now += DAY
        polling = next_schedule(polling, got, now, bounds)
        if got in (PollResult.NEW, PollResult.NOTHING_NEW):
            told = 0
        if to_warn(polling, now):
            told += 1
            polling = Polling(
                polling.interval, polling.next_poll, polling.failures, polling.failing_since, warned=True
            )
        assert told <= 1
