"""What becomes of a message after a try to send it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import retry
from bot.domain.retry import (
    Drop,
    Outcome,
    Pause,
    RequestKind,
    Retry,
    SendStatus,
    Sent,
    Skip,
    Verdict,
    backoff,
    settle,
)
from tests.form import sized
from tests.make import START


def refused(status: int, code: int = 0, retry_after: float | None = None) -> Outcome:
    """An error that Discord answered with."""
    return Outcome(SendStatus.REFUSED, status, code, retry_after, "what Discord said")


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome(SendStatus.OK, message_id=1), Sent()),
        (Outcome(SendStatus.UNCHANGED), Sent()),
        (Outcome(SendStatus.STALE, detail="muted"), Drop("muted")),
        (Outcome(SendStatus.STALE), Drop("the message is no longer needed")),
        (Outcome(SendStatus.ABSENT), Pause("the channel was deleted, or the bot cannot see it")),
        (refused(404, 10003), Pause("the channel was deleted, or the bot cannot see it")),
        (refused(404, 10008), Drop("the message was deleted")),
        (refused(400, 200000), Drop("the server's AutoMod blocked the message")),
        (refused(400, 200001), Drop("the server's AutoMod blocked the title")),
        (refused(403, 200000), Drop("the server's AutoMod blocked the message")),
        (refused(400, 50035), Drop("Discord refused the message (HTTP 400, code 50035): what Discord said")),
        (refused(403, 50005), Drop("the message belongs to another bot account")),
        (refused(403, 99_999), Drop("Discord refused the message (HTTP 403, code 99999): what Discord said")),
        (refused(404, 10060), Drop("Discord refused the message (HTTP 404, code 10060): what Discord said")),
        (refused(413), Drop("Discord refused the message (HTTP 413, code 0): what Discord said")),
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
        (403, 160005, "Unlock it"),
        (400, 50083, "archived"),
        (400, 40067, "tag"),
    ],
)
def test_what_somebody_must_mend_pauses_the_channel_and_says_how(status: int, code: int, hint: str) -> None:
    verdict = settle(refused(status, code), 1, START)
    assert isinstance(verdict, Pause)
    assert hint in verdict.reason


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 418])
def test_an_answer_without_discords_code_is_no_verdict(status: int) -> None:
    """It is a proxy's: a page of Cloudflare, or of whoever is between."""
    for ask in RequestKind:
        verdict = settle(refused(status), 1, START, ask)
        assert verdict == Retry(START + timedelta(seconds=5), "what Discord said")


PASSING = [
    20016,
    20022,
    20026,
    20028,
    20029,
    30046,
    40004,
    40006,
    40062,
    40333,
    110001,
    130000,
    160006,
    160007,
]


@pytest.mark.parametrize("code", PASSING)
def test_what_passes_by_itself_is_tried_again_whatever_its_status(code: int) -> None:
    for status in (400, 403, 409, 429, 503):
        outcome = refused(status, code)
        assert isinstance(settle(outcome, 1, START), Retry)
        assert isinstance(settle(outcome, 1, START, RequestKind.EDIT), Retry)


def test_only_codes_that_mean_the_channel_pause_it() -> None:
    """Everything that Discord documents, and what it may add to that: up to 1,000 codes a family; the short form has the lowest."""
    families = [*range(0, 60, 10), 110, 130, 150, 160, 170, 180, 200, 220, 240, 340, 520]
    pausing = {
        code
        for family in families
        for code in range(family * 1000, family * 1000 + sized(200, long=1000))
        for status in (400, 403, 404)
        if isinstance(settle(refused(status, code), 1, START), Pause)
    }
    assert pausing == {
        *(10003, 10004, 40007, 40058, 40066, 40067),
        *(50001, 50008, 50009, 50013, 50024, 50083, 160005),
    }


@pytest.mark.parametrize("code", [40058, 50008, 50024])
def test_a_channel_in_which_nothing_can_be_posted_is_paused_by_posts_alone(code: int) -> None:
    assert isinstance(settle(refused(400, code), 1, START), Pause)
    assert isinstance(settle(refused(400, code), 1, START, RequestKind.PUBLISH), Drop)
    assert isinstance(settle(refused(400, code), 1, START, RequestKind.EDIT), Skip)


@pytest.mark.parametrize("outcome", [refused(400, 50035), refused(403, 99_999), Outcome(SendStatus.LOCKED)])
def test_a_refused_edit_ends_that_edit_and_a_removal_is_tried_again(outcome: Outcome) -> None:
    assert isinstance(settle(outcome, 1, START, RequestKind.EDIT), Skip)
    for attempt in (1, retry.MOST_ATTEMPTS, 10_000):
        verdict = settle(outcome, attempt, START, RequestKind.REMOVAL)
        assert isinstance(verdict, Retry)
        assert verdict.at == START + retry.LONGEST_RETRY


def test_an_outage_gives_up_a_message_and_an_edit_but_no_removal() -> None:
    given_up = {ask: settle(refused(502), retry.MOST_ATTEMPTS, START, ask) for ask in RequestKind}
    kinds = {ask: type(verdict) for ask, verdict in given_up.items()}
    assert kinds == {
        RequestKind.SEND: Drop,
        RequestKind.EDIT: Skip,
        RequestKind.REMOVAL: Retry,
        RequestKind.PUBLISH: Drop,
    }


@pytest.mark.parametrize("ask", list(RequestKind))
def test_a_message_that_is_gone_is_given_up_for_good(ask: RequestKind) -> None:
    assert settle(refused(404, 10008), 1, START, ask) == Drop("the message was deleted")
    assert isinstance(settle(refused(403, 50005), 1, START, ask), Drop)


@pytest.mark.parametrize(
    ("outcome", "ask", "seconds"),
    [
        (Outcome(SendStatus.PARTLY, 429, retry_after=480.0), RequestKind.EDIT, 480),
        (Outcome(SendStatus.PARTLY, 503), RequestKind.EDIT, 300),
        (Outcome(SendStatus.PARTLY, 400, 160006), RequestKind.EDIT, 300),
        (Outcome(SendStatus.PARTLY, 403, 50013), RequestKind.EDIT, None),
        (Outcome(SendStatus.PARTLY, 400, 200001), RequestKind.EDIT, None),
        (Outcome(SendStatus.PARTLY, 403, 50013), RequestKind.REMOVAL, 1800),
    ],
)
def test_a_posts_name_and_tags_follow_when_discord_lets_them(
    outcome: Outcome, ask: RequestKind, seconds: int | None
) -> None:
    again = None if seconds is None else START + timedelta(seconds=seconds)
    assert settle(outcome, 3, START, ask) == Sent(again)


def test_what_waits_for_another_message_is_not_given_up() -> None:
    outcome = Outcome(SendStatus.WAITS, retry_after=45, detail="waits")
    assert settle(outcome, 10_000, START, RequestKind.EDIT) == Retry(START + timedelta(seconds=45), "waits")


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
        (Outcome(SendStatus.UNREACHABLE, detail="TimeoutError"), 5),
    ],
)
def test_what_passes_is_tried_again_when_discord_says_or_else_soon(outcome: Outcome, seconds: float) -> None:
    assert settle(outcome, 1, START) == Retry(START + timedelta(seconds=seconds), outcome.detail)


def test_the_reason_of_a_retry_is_never_empty() -> None:
    assert settle(Outcome(SendStatus.REFUSED, 502), 1, START) == Retry(
        START + timedelta(seconds=5), "HTTP 502"
    )


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
    assert verdict == Drop(f"the bot gave up after {attempt} tries: what Discord said")


def test_a_rate_limit_alone_is_no_reason_to_give_up() -> None:
    verdict = settle(refused(429, retry_after=2), 10_000, START)
    assert verdict == Retry(START + timedelta(seconds=2), "what Discord said")


@given(
    st.builds(
        Outcome,
        st.sampled_from(SendStatus),
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
            assert outcome.result in (
                SendStatus.REFUSED,
                SendStatus.UNREACHABLE,
                SendStatus.WAITS,
                SendStatus.FAILED,
                SendStatus.MISSING,
            )
            assert (
                attempt < retry.MOST_ATTEMPTS or outcome.status == 429 or outcome.result is SendStatus.WAITS
            )
        case Skip(reason):
            raise AssertionError(f"nothing was edited: {reason}")
        case Drop(reason) | Pause(reason):
            assert reason
        case Sent(again):
            assert outcome.result in (
                SendStatus.OK,
                SendStatus.UNCHANGED,
                SendStatus.PARTLY,
                SendStatus.EXISTS,
            )
            assert again is None or START < again <= START + timedelta(days=1)


@pytest.mark.parametrize(
    ("outcome", "attempt", "seconds"),
    [
        (refused(429, retry_after=77.0), 1, 77),
        (refused(503), 1, 5),
        (refused(503), 9, 5),  # it may be this message alone
        (refused(400, 160006), 9, 5),
        (refused(403), 4, 40),  # Cloudflare blocks them all, and more so the more there are
        (refused(403, 50013), 1, None),  # the channel is paused
        (refused(400, 50035), 1, None),
        (Outcome(SendStatus.UNREACHABLE), 1, None),  # a bug, or a message that waits for another one
        (Outcome(SendStatus.OK), 1, None),
    ],
)
def test_what_would_fare_alike_waits_as_well(outcome: Outcome, attempt: int, seconds: int | None) -> None:
    until = retry.others_wait(outcome, settle(outcome, attempt, START), START)
    assert until == (None if seconds is None else START + timedelta(seconds=seconds))
