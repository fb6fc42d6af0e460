"""One circuit for all sending: when it opens, how few requests go on meanwhile, and when it closes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.circuit import LONGEST_PAUSE, TRIP, Circuit
from bot.domain.retry import Outcome, SendStatus
from tests.make import at

DOWN = Outcome(SendStatus.REFUSED, 503)
START = at()


def after(*outcomes: Outcome) -> Circuit:
    """The circuit after tries that were begun and ended one after the other, a second each."""
    circuit = Circuit()
    for second, outcome in enumerate(outcomes):
        begun = START + timedelta(seconds=second)
        circuit = circuit.after(outcome, begun, begun)
    return circuit


@pytest.mark.parametrize("outcome", [DOWN, Outcome(SendStatus.UNREACHABLE), Outcome(SendStatus.REFUSED, 502)])
def test_it_opens_after_outages_in_a_row_and_not_after_one(outcome: Outcome) -> None:
    assert not after(*[outcome] * (TRIP - 1)).is_open
    assert after(*[outcome] * TRIP).is_open


def test_what_all_requests_are_refused_for_opens_it_at_once_for_as_long_as_was_asked() -> None:
    banned = after(Outcome(SendStatus.REFUSED, 429, retry_after=600.0, everywhere=True))
    assert banned.until == START + timedelta(seconds=600)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(SendStatus.REFUSED, 429, retry_after=20.0),  # one channel's limit
        Outcome(SendStatus.REFUSED, 403, 50013),
        Outcome(SendStatus.OK),
        Outcome(SendStatus.EXISTS),
    ],
)
def test_an_answer_of_discord_closes_it(outcome: Outcome) -> None:
    assert not after(DOWN, DOWN, DOWN, outcome).is_open
    assert not after(DOWN, DOWN, outcome, DOWN).is_open


@pytest.mark.parametrize(
    "outcome", [Outcome(SendStatus.STALE), Outcome(SendStatus.WAITS), Outcome(SendStatus.FAILED)]
)
def test_what_says_nothing_of_discord_changes_nothing(outcome: Outcome) -> None:
    assert after(DOWN, DOWN, DOWN, outcome) == after(DOWN, DOWN, DOWN)


def test_what_was_begun_before_it_opened_does_not_prolong_the_pause() -> None:
    opened = after(DOWN, DOWN, DOWN)
    assert opened.after(DOWN, START, START + timedelta(seconds=30)) == opened


def test_an_hour_of_outage_is_one_request_a_minute_one_at_a_time() -> None:
    circuit, now, probes = Circuit(), START, 0
    while now < START + timedelta(hours=1):
        if circuit.room(now, 50, 0):
            probes += 1
            circuit = circuit.after(DOWN, now, now)
        now += timedelta(seconds=1)
    assert 60 <= probes <= 70
    assert circuit.until is not None
    assert circuit.room(circuit.until, 50, 0) == 1
    assert circuit.room(circuit.until, 50, 1) == 0
    assert circuit.until - now <= LONGEST_PAUSE
