"""Invalid requests: the bot slows down long before Discord bans its address."""

from __future__ import annotations

import pytest

from bot.domain.requests.invalid import CAREFUL, MOST, WINDOW, InvalidRequests, is_invalid
from bot.domain.requests.pace import RequestPace


@pytest.mark.parametrize(
    ("status", "scope", "counts"),
    [(401, "", True), (403, "", True), (429, "user", True), (429, "global", True), (429, "", True),
     (429, "shared", False), (404, "", False), (400, "", False), (200, "", False), (503, "", False)],
)  # fmt: skip
def test_what_discord_counts(status: int, scope: str, counts: bool) -> None:
    assert is_invalid(status, scope) is counts


def test_a_few_slow_nothing_down_and_are_forgotten_after_ten_minutes() -> None:
    invalid = InvalidRequests()
    for n in range(CAREFUL - 1):
        invalid.add(n / 100)
    assert (invalid.count(60.0), invalid.least_gap(60.0)) == (CAREFUL - 1, 0.0)
    assert invalid.count(WINDOW + 100) == 0


def test_even_if_every_request_is_refused_the_bot_is_not_banned() -> None:
    invalid, pace, now = InvalidRequests(), RequestPace(50), 0.0
    most = 0
    while now < 3 * WINDOW:
        pace.least_gap = invalid.least_gap(now)
        now = pace.next_start(now)
        turn = pace.begin(now)
        pace.depart(turn, now)
        pace.end(turn, now)
        invalid.add(now)
        most = max(most, invalid.count(now))
    assert CAREFUL < most < MOST
