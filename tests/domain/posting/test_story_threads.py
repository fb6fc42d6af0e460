"""What follows from Discord's answers for the thread of a post: the post stands, the channel goes on, nothing is opened twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.posting.story_threads import REFUSALS, ThreadResult, ThreadState, next_message, result, settle
from bot.domain.retry import CODES, Drop, Outcome, Pause, Retry, SendStatus, Sent, Verdict
from tests.make import at

NOW = at()
WAITING, OPEN, GONE = ThreadState


def refused(code: int, status: int = 403) -> Outcome:
    """Discord's refusal."""
    return Outcome(SendStatus.REFUSED, status, code)


def after(outcome: Outcome, verdict: Verdict, state: ThreadState, *, opens: bool = False) -> ThreadResult:
    """How a thread is after something new was tried."""
    return result(state, "before", outcome, verdict, is_new=True, opens=opens)


@pytest.mark.parametrize("code", sorted({*REFUSALS, *CODES}))
@pytest.mark.parametrize("is_new", [True, False])
def test_no_refusal_of_a_thread_pauses_its_channel(code: int, is_new: bool) -> None:
    assert not isinstance(settle(refused(code), 1, NOW, is_new=is_new), Pause)


@pytest.mark.parametrize("code", sorted(set(REFUSALS) - {10003, 10008}))
def test_what_cannot_be_written_now_waits_for_the_next_update_and_a_removal_does_not(code: int) -> None:
    verdict = settle(refused(code, 400), 1, NOW, is_new=True)
    assert verdict == Drop(REFUSALS[code])
    assert after(refused(code, 400), verdict, WAITING, opens=True) == ThreadResult(WAITING, REFUSALS[code])
    assert after(refused(code, 400), verdict, OPEN) == ThreadResult(OPEN, REFUSALS[code])
    assert isinstance(settle(refused(code, 400), 90, NOW, is_new=False), Retry)


@pytest.mark.parametrize(
    ("code", "state", "opens", "then"),
    [
        (10003, OPEN, False, GONE),  # the thread was deleted
        (10003, WAITING, True, GONE),  # the channel was
        (10008, WAITING, True, GONE),  # the post was
        (10008, OPEN, False, OPEN),  # one message in the thread was
    ],
)
def test_what_was_deleted_is_not_made_again(
    code: int, state: ThreadState, opens: bool, then: ThreadState
) -> None:
    outcome = refused(code, 404)
    assert after(outcome, settle(outcome, 1, NOW, is_new=True), state, opens=opens).state is then


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_is_tried_again_whatever_code_comes_with_it(status: int) -> None:
    outcome = refused(50013, status)
    verdict = settle(outcome, 1, NOW, is_new=True)
    assert isinstance(verdict, Retry)
    assert after(outcome, verdict, WAITING) == ThreadResult(WAITING, "before")


def test_success_opens_and_ends_every_problem() -> None:
    outcome = Outcome(SendStatus.OK)
    assert after(outcome, settle(outcome, 1, NOW, is_new=True), WAITING) == ThreadResult(OPEN, "")
    assert settle(outcome, 1, NOW, is_new=True) == Sent()


def test_what_is_not_wanted_any_more_is_no_problem() -> None:
    outcome = Outcome(SendStatus.STALE, detail="off")
    assert after(outcome, settle(outcome, 1, NOW, is_new=True), OPEN) == ThreadResult(OPEN, "before")


def test_only_an_unreadable_history_pauses_the_channel() -> None:
    """As with posts: what may be there already is not written again unseen."""
    assert isinstance(settle(Outcome(SendStatus.HIDDEN), 1, NOW, is_new=True), Pause)
    assert isinstance(settle(Outcome(SendStatus.ABSENT), 1, NOW, is_new=True), Drop)


def test_messages_keep_their_distance_and_the_quiet_hours() -> None:
    minute = timedelta(minutes=1)
    assert next_message(NOW, None, minute, None) == NOW
    assert next_message(NOW, NOW - 5 * minute, minute, None) == NOW
    assert next_message(NOW, NOW, minute, None) == NOW + minute
    assert next_message(NOW, NOW, minute, NOW + 60 * minute) == NOW + 60 * minute
    assert next_message(NOW, NOW, 90 * minute, NOW + 60 * minute) == NOW + 90 * minute
