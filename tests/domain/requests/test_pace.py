"""The pace of requests, on a made-up clock: never too many in any window, and no capacity wasted."""

from __future__ import annotations

import random
from bisect import bisect_left
from itertools import pairwise

import pytest

from bot.domain.requests.pace import BURST, LONGEST_DELAY, RequestPace, Turn

LIMIT = 20


def started(pace: RequestPace, now: float) -> Turn:
    """A request that starts and departs at once."""
    turn = pace.begin(now)
    pace.depart(turn, now)
    return turn


class Simulated:
    """Requests that start as soon as they may, with timers that are late and answers that take their time.

    `arrivals` are when Discord counted them, `departures` when they left the machine.
    """

    def __init__(self, seed: int, *, late: float = 0.0, way: float = 0.03, spread: float = 0.0) -> None:
        self.pace = RequestPace(LIMIT)
        self.now = 0.0
        self.departures: list[float] = []
        self.arrivals: list[float] = []
        self._random = random.Random(seed)  # noqa: S311 - a sequence to repeat, not a secret
        self._late, self._way, self._spread = late, way, spread
        self._answers: list[tuple[float, Turn]] = []
        self.slowest_answer = 0.0

    def run(self, count: int) -> None:
        """Make so many requests, as fast as the pace allows."""
        while len(self.departures) < count:
            start = self.pace.next_start(self.now)
            if self._answers and self._answers[0][0] <= start:
                self.now, turn = self._answers.pop(0)
                self.pace.end(turn, self.now)
                continue
            self.now = max(self.now, start) + self._random.uniform(0, self._late)
            if self.pace.next_start(self.now) <= self.now:
                self._request()

    def _request(self) -> None:
        turn = started(self.pace, self.now)
        self.departures.append(self.now)
        arrival = self.now + self._way + self._random.uniform(0, self._spread)
        self.arrivals.append(arrival)
        answer = arrival + self._way + self._random.uniform(0, self.slowest_answer)
        self._answers.append((answer, turn))
        self._answers.sort(key=lambda answered: answered[0])


def most_in_a_window(times: list[float], seconds: float) -> int:
    """The most of these times that lie within a window, wherever it begins."""
    ordered = sorted(times)
    return max(bisect_left(ordered, start + seconds) - number for number, start in enumerate(ordered))


@pytest.mark.parametrize("seed", range(8))
def test_no_window_has_more_departures_than_discord_allows(seed: int) -> None:
    simulated = Simulated(seed, late=(0.0, 0.2)[seed % 2], spread=0.3)
    simulated.slowest_answer = (0.0, 3.0)[seed // 2 % 2]
    simulated.run(20 * LIMIT)
    assert most_in_a_window(simulated.departures, 1 - 1e-9) <= LIMIT


@pytest.mark.parametrize("seed", range(8))
def test_no_window_has_more_arrivals_where_the_way_to_discord_takes_now_longer_and_now_shorter(
    seed: int,
) -> None:
    simulated = Simulated(seed, late=0.01, spread=LONGEST_DELAY * 0.9)
    simulated.run(40 * LIMIT)
    estimate = 0.01  # of when a request was counted: how wrong it may be
    assert most_in_a_window(simulated.arrivals, 1 - estimate) <= LIMIT


@pytest.mark.parametrize("way", [0.0, 0.002, 0.1, 0.5])
def test_the_pace_uses_nearly_all_that_discord_allows(way: float) -> None:
    simulated = Simulated(1, late=0.001, way=way)
    simulated.run(20 * LIMIT)
    begun, first = simulated.now, len(simulated.departures)
    simulated.run(first + 40 * LIMIT)
    assert (len(simulated.departures) - first) / (simulated.now - begun) >= 0.99 * LIMIT


def test_answers_that_never_come_do_not_stop_the_pace() -> None:
    pace, now = RequestPace(LIMIT), 0.0
    for _ in range(10 * LIMIT):
        now = pace.next_start(now)
        started(pace, now)
    assert now <= 10 * (1 + LONGEST_DELAY)


def test_requests_are_spread_evenly_and_only_a_few_follow_each_other_at_once() -> None:
    pace, now, starts = RequestPace(LIMIT), 100.0, []
    for _ in range(LIMIT):
        now = pace.next_start(now)
        started(pace, now)
        starts.append(now)
    assert most_in_a_window(starts, 0.001) == BURST
    gaps = [later - earlier for earlier, later in pairwise(starts[BURST:])]
    assert gaps == pytest.approx([1 / LIMIT] * len(gaps))


def test_a_request_whose_connection_takes_long_counts_from_its_departure() -> None:
    pace = RequestPace(LIMIT)
    slow = pace.begin(0.0)
    others = [started(pace, n / LIMIT) for n in range(1, LIMIT)]
    for turn in others:
        pace.end(turn, turn.departed or 0.0)
    assert pace.next_start(0.99) == pytest.approx(1 + 1 / LIMIT), "a period after the first of the others"
    pace.depart(slow, 1.04)
    pace.end(slow, 1.04)
    now = 1.05
    for _ in others:
        now = pace.next_start(now)
        pace.end(started(pace, now), now)
    assert now < 2.04 <= pace.next_start(now)


def test_requests_that_never_depart_take_their_share_until_they_end_and_no_more() -> None:
    pace, now = RequestPace(LIMIT), 0.0
    stuck = [pace.begin(0.0) for _ in range(LIMIT // 2)]
    for _ in range(10 * LIMIT):
        now = pace.next_start(now)
        pace.end(started(pace, now), now)
    assert 19 <= now <= 20
    stuck += [pace.begin(now) for _ in range(LIMIT)]
    assert pace.next_start(now) >= now + 1
    for turn in stuck:
        pace.end(turn, now)
    begun = now = now + 2
    for _ in range(10 * LIMIT):
        now = pace.next_start(now)
        pace.end(started(pace, now), now)
    assert now - begun <= 10


def test_nothing_starts_before_discord_says_or_with_less_of_a_gap_than_asked_for() -> None:
    pace = RequestPace(LIMIT)
    pace.hold(7.0)
    assert pace.next_start(1.0) == 7.0
    pace.least_gap = 0.5
    pace.begin(7.0)
    assert pace.next_start(7.0) == 7.5
    assert pace.next_start(9.0) == 9.0


def test_without_a_limit_everything_starts_at_once() -> None:
    pace = RequestPace()
    for _ in range(1000):
        started(pace, 1.0)
    assert (pace.next_start(1.0), pace.used(1.0)) == (1.0, 0.0)


def test_what_was_used_of_the_limit_is_seen() -> None:
    pace = RequestPace(LIMIT)
    for n in range(5):
        started(pace, n * 0.1)
    assert pace.used(0.5) == 5 / LIMIT
    assert pace.used(1.25) == 2 / LIMIT


def test_beside_urgent_requests_others_leave_turns_free_for_them_and_no_longer() -> None:
    pace, now, waits, calm = RequestPace(LIMIT), 0.0, [], 0
    urgent_at = 0.35
    while now < 20:
        start = pace.next_start(now, is_urgent=False)
        if urgent_at <= start and urgent_at < 10:
            now = urgent_at
            waits.append(pace.next_start(now) - now)
            now += waits[-1]
            urgent_at += 0.35
            turn = pace.begin(now)
        else:
            now, calm = start, calm + (start > 12)
            turn = pace.begin(now, is_urgent=False)
        pace.depart(turn, now)
        pace.end(turn, now)
    assert max(waits) <= 0.02
    assert calm >= 0.99 * 8 * LIMIT, "the reserve is used again"
