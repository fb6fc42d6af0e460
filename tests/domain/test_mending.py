"""When servers with paused channels are asked for again."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from bot.domain import mending
from bot.domain.mending import (
    CHANNELS,
    FRACTION,
    LONGEST,
    MOST,
    MOST_REQUESTS,
    READING,
    SHORTEST,
    MendingSchedule,
    interval,
)
from tests.form import sized
from tests.make import at


def server(number: int) -> int:
    """An id as Discord gives them out."""
    return (1_000_000_000_000 + number * 977) << 22


def test_a_server_is_looked_at_less_often_the_longer_its_channels_are_paused() -> None:
    days = [timedelta(minutes=1), timedelta(hours=1), timedelta(hours=20), timedelta(days=90)]
    intervals = list(map(interval, days))
    assert intervals == [SHORTEST, timedelta(minutes=6), timedelta(hours=2), LONGEST]


def test_thousands_of_servers_cost_a_bounded_number_of_looks_and_each_gets_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = sized(
        MOST // 10, long=MOST
    )  # the short form has a tenth of the servers, and of the looks at a time
    monkeypatch.setattr(mending, "MOST", most)
    now, looks, schedule = at(), Counter[int](), MendingSchedule()
    paused = {server(n): now - timedelta(days=60) for n in range(100 * most)}  # more than in LONGEST
    for _ in range(200):
        chosen = schedule.choose(paused, now)
        assert len(chosen) <= most
        looks.update(chosen)
        now += SHORTEST
    assert len(looks) == len(paused)
    assert max(looks.values()) - min(looks.values()) <= 1


def test_servers_are_spread_after_a_start_and_those_that_were_just_paused_are_looked_at_first() -> None:
    now, schedule = at(), MendingSchedule()
    paused = {server(n): now - timedelta(days=60) for n in range(720)} | {server(10_000): now}
    assert server(10_000) in schedule.choose(paused, now)
    sizes = [len(schedule.choose(paused, now + n * SHORTEST)) for n in range(1, 72)]
    assert max(sizes) <= 30, "720 servers in six hours are 10 at a time"


def test_a_server_in_which_something_has_changed_is_looked_at_next_before_all_others() -> None:
    now, schedule = at(), MendingSchedule()
    paused = {server(n): now - timedelta(days=60) for n in range(3 * MOST)}
    for _ in range(2 * int(LONGEST / SHORTEST)):
        schedule.choose(paused, now)
        now += SHORTEST
    later = now + SHORTEST / 2
    due = schedule.choose(paused, later) | schedule.choose(paused, later)
    changed = next(iter(paused.keys() - due))
    schedule.changed(changed)
    schedule.changed(server(1_000_000))
    assert schedule.choose(paused, later) == {changed}
    del paused[changed]
    schedule.choose(paused, later)
    schedule.changed(changed)
    assert changed not in schedule.choose(paused, later)


def test_a_newer_pause_shortens_the_wait_for_the_next_look() -> None:
    now, schedule = at(), MendingSchedule()
    old = {server(1): now - timedelta(days=60)}
    while not schedule.choose(old, now):
        now += SHORTEST
    now += SHORTEST
    assert not schedule.choose({server(1): now}, now)
    assert schedule.choose({server(1): now}, now + SHORTEST)


@pytest.mark.parametrize("looks", [1, 2, 10])
def test_looks_are_as_far_apart_as_the_interval_however_punctual_they_are(looks: int) -> None:
    every, schedule = looks * SHORTEST, MendingSchedule()
    now = start = at()
    seen: list[timedelta] = []
    for turn in range(80):
        now = start + turn * SHORTEST + timedelta(seconds=turn % 7)
        if schedule.choose({server(1): now - every * FRACTION}, now):
            seen.append(now - start)
    between = {round((later - sooner) / SHORTEST) for sooner, later in pairwise(seen)}
    assert between == {looks}


def test_a_look_costs_a_bounded_number_of_requests_and_every_channel_gets_its_turn_soon() -> None:
    now, asked, schedule = at(), Counter[int](), MendingSchedule()
    paused = {server(n): now for n in range(MOST)}
    for _ in range(4):
        chosen = schedule.choose(paused, now)
        of_look = [
            channel
            for guild in chosen
            for channel in range(guild, guild + 3 * CHANNELS + 1)
            if schedule.may_ask(guild, channel, now)
        ]
        assert READING * len(chosen) + len(of_look) <= MOST_REQUESTS
        asked.update(of_look)
        now += SHORTEST
    assert len(asked) == MOST * (3 * CHANNELS + 1)
    assert set(asked.values()) == {1}
    schedule.choose(paused, now)
    assert schedule.may_ask(server(0), server(0), now), "the next round"
    assert not schedule.may_ask(server(MOST), 1, now), "it was not chosen"


def test_a_server_with_many_threads_is_looked_at_until_all_were_asked_for_and_then_seldom() -> None:
    now, schedule, looks = at(), MendingSchedule(), 0
    paused = {server(1): now - timedelta(days=60)}
    while not schedule.choose(paused, now):
        now += SHORTEST
    for turn in range(20):
        if turn == 0 or schedule.choose(paused, now + turn * SHORTEST):
            looks += 1
            for channel in range(2 * CHANNELS):
                schedule.may_ask(server(1), channel, now + turn * SHORTEST)
    assert looks == 2
