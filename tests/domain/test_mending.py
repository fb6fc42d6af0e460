"""When servers with paused channels are asked for again."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from bot.domain.mending import LONGEST, MOST, SHORTEST, MendingSchedule, interval
from tests.make import at


def server(number: int) -> int:
    """An id as Discord gives them out."""
    return (1_000_000_000_000 + number * 977) << 22


def test_a_server_is_looked_at_less_often_the_longer_its_channels_are_paused() -> None:
    days = [timedelta(minutes=1), timedelta(hours=1), timedelta(hours=20), timedelta(days=90)]
    intervals = list(map(interval, days))
    assert intervals == [SHORTEST, timedelta(minutes=6), timedelta(hours=2), LONGEST]


def test_thousands_of_servers_cost_a_bounded_number_of_looks_and_each_gets_its_own() -> None:
    now, looks, schedule = at(), Counter[int](), MendingSchedule()
    paused = {server(n): now - timedelta(days=60) for n in range(10_000)}
    for _ in range(200):
        chosen = schedule.choose(paused, now)
        assert len(chosen) <= MOST
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
