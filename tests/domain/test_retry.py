"""What becomes of a message after a try to send it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import retry
from bot.domain.retry import Drop, Got, Outcome, Pause, Retry, Sent, Verdict, backoff, settle
from tests.make import START


def refused(status: int, code: int = 0, retry_after: float | None = None) -> Outcome:
    """An error that Discord answered with."""
    return Outcome(Got.REFUSED, status, code, retry_after, "what Discord said")


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome(Got.OK, message_id=1), Sent()),
        (Outcome(Got.UNCHANGED), Sent()),
        (Outcome(Got.STALE, detail="muted"), Drop("muted")),
        (Outcome(Got.STALE), Drop("no longer wanted")),
        (Outcome(Got.ABSENT), Pause("the channel is gone")),
        (refused(404, 10003), Pause("the channel is gone")),
        (refused(404), Pause("the channel is gone")),
        (refused(404, 10008), Drop("the message was deleted")),
        (refused(400, 200000), Drop("the server's AutoMod blocked it")),
        (refused(400, 200001), Drop("the server's AutoMod blocked its title")),
        (refused(403, 200000), Drop("the server's AutoMod blocked it")),
        (refused(400, 50035), Drop("Discord refused it (HTTP 400, code 50035): what Discord said")),
        (refused(413), Drop("Discord refused it (HTTP 413, code 0): what Discord said")),
    ],
)
def test_what_is_settled_by_one_try(outcome: Outcome, verdict: Verdict) -> None:
    for attempt in (1, retry.MOST_ATTEMPTS):
        assert settle(outcome, attempt, START) == verdict


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (403, 50001, "View Channel"),
        (403, 50013, "Send Messages and Embed Links"),
        (403, 0, "Send Messages and Embed Links"),
        (403, 160005, "unlock it"),
        (400, 50083, "archived"),
        (400, 40067, "tag"),
    ],
)
def test_what_somebody_must_mend_pauses_the_channel_and_says_how(status: int, code: int, hint: str) -> None:
    verdict = settle(refused(status, code), 1, START)
    assert isinstance(verdict, Pause)
    assert hint in verdict.reason


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (refused(500), 5),
        (refused(502), 5),
        (refused(503, retry_after=60), 60),
        (refused(503, retry_after=1), 5),  # a server in trouble is not asked again at once
        (refused(401), 5),
        (refused(408), 5),
        (refused(429), 5),
        (refused(429, retry_after=0.8), 0.8),
        (refused(429, retry_after=3600), 3600),
        (refused(429, retry_after=0), 0.25),
        (refused(429, retry_after=1e300), 86_400),
        (Outcome(Got.UNREACHABLE, detail="TimeoutError"), 5),
    ],
)
def test_what_passes_is_tried_again_when_discord_says_or_else_soon(outcome: Outcome, seconds: float) -> None:
    assert settle(outcome, 1, START) == Retry(START + timedelta(seconds=seconds), outcome.detail)


def test_the_reason_of_a_retry_is_never_empty() -> None:
    assert settle(Outcome(Got.REFUSED, 502), 1, START) == Retry(START + timedelta(seconds=5), "HTTP 502")


def test_waits_double_up_to_half_an_hour() -> None:
    waits = [backoff(attempt).total_seconds() for attempt in range(1, 12)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]


@given(st.integers(-5, 10**9))
def test_waits_grow_and_are_bounded(attempt: int) -> None:
    assert retry.FIRST_RETRY <= backoff(attempt) <= backoff(attempt + 1) <= retry.LONGEST_RETRY


def test_a_message_is_tried_for_the_better_part_of_a_day_and_then_given_up() -> None:
    trying, attempt = timedelta(), 1
    while isinstance(verdict := settle(refused(502), attempt, START), Retry):
        trying += verdict.at - START
        attempt += 1
    assert timedelta(hours=12) < trying < timedelta(hours=24)
    assert verdict == Drop(f"given up after {attempt} tries: what Discord said")


def test_a_rate_limit_alone_is_no_reason_to_give_up() -> None:
    verdict = settle(refused(429, retry_after=2), 10_000, START)
    assert verdict == Retry(START + timedelta(seconds=2), "what Discord said")


@given(
    st.builds(
        Outcome,
        st.sampled_from(Got),
        st.sampled_from([0, 200, 400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 599]),
        st.sampled_from([0, 10003, 10008, 20028, 50001, 50013, 50035, 50083, 130000, 160005, 200000]),
        st.none() | st.floats(),
        st.text(max_size=5),
    ),
    st.integers(1, 100),
)
def test_every_outcome_has_a_verdict_and_a_retry_is_always_later(outcome: Outcome, attempt: int) -> None:
    match settle(outcome, attempt, START):
        case Retry(when, reason):
            assert START < when <= START + timedelta(days=1)
            assert reason
            assert outcome.got in (Got.REFUSED, Got.UNREACHABLE)
            assert attempt < retry.MOST_ATTEMPTS or outcome.status == 429
        case Drop(reason) | Pause(reason):
            assert reason
        case Sent():
            assert outcome.got in (Got.OK, Got.UNCHANGED)


@pytest.mark.parametrize(
    ("outcome", "attempt", "seconds"),
    [
        (refused(429, retry_after=77.0), 1, 77),
        (refused(503), 1, 5),
        (refused(503), 9, 5),  # it may be this message alone
        (refused(403, 50013), 1, None),  # the channel is paused
        (refused(400, 50035), 1, None),
        (Outcome(Got.UNREACHABLE), 1, None),  # a bug, or a message that waits for another one
        (Outcome(Got.OK), 1, None),
    ],
)
def test_what_would_fare_alike_waits_as_well(outcome: Outcome, attempt: int, seconds: int | None) -> None:
    until = retry.others_wait(outcome, settle(outcome, attempt, START), START)
    assert until == (None if seconds is None else START + timedelta(seconds=seconds))
