"""Threads of stories: what follows from a try to open one or to write in it, and when the next message in it is due. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain import retry
from bot.domain.model import Stored, StoryView
from bot.domain.retry import (
    ARCHIVED_THREAD,
    CODES,
    LONGEST_RETRY,
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    THREAD_LOCKED,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    Drop,
    Outcome,
    Pause,
    RequestKind,
    Retry,
    SendStatus,
    Sent,
    Verdict,
)
from bot.i18n import mark


class ThreadState(StrEnum):
    """How far the thread of a post is."""

    WAITING = "waiting"  # it is to be opened
    OPEN = "open"
    GONE = "gone"  # it was deleted, or its post was: it is not opened again


_MAY_NOT = mark(
    "the bot cannot open threads there. Give it Create Public Threads and Send Messages in Threads in the channel"
)
# Refusals that only concern the thread: its post stands, and the channel's other messages go on. What was to be
# written is written with the story's next update, not retried: a full server would answer the same for hours.
REFUSALS: Mapping[int, str] = {
    UNKNOWN_CHANNEL: mark("the thread was deleted"),
    UNKNOWN_MESSAGE: CODES[UNKNOWN_MESSAGE][1],
    MISSING_ACCESS: _MAY_NOT,
    MISSING_PERMISSIONS: _MAY_NOT,
    ARCHIVED_THREAD: CODES[THREAD_LOCKED][1],  # an archived one that is not locked opens by itself
    THREAD_LOCKED: CODES[THREAD_LOCKED][1],
    160006: CODES[160006][1],
    160007: CODES[160007][1],
}


@dataclass(frozen=True, slots=True)
class ThreadResult:
    """What follows from a try: the thread's state, and why it is not there or not written in; empty: it is."""

    state: ThreadState
    problem: str


def settle(outcome: Outcome, attempt: int, now: datetime, *, is_new: bool) -> Verdict:
    """Decide what becomes of a message in a thread, or of its opening, after its `attempt`-th try (from 1).

    Not `is_new`: it stands there, and is edited because an article that it names was removed, which is never given up.
    The channel is never paused for a thread, except where the bot cannot read what is there.
    """
    verdict = retry.settle(outcome, attempt, now, RequestKind.SEND if is_new else RequestKind.REMOVAL)
    if outcome.result is SendStatus.REFUSED and _says_why(outcome):
        reason = REFUSALS[outcome.code]
        is_over = is_new or outcome.code in (UNKNOWN_CHANNEL, UNKNOWN_MESSAGE)
        return Drop(reason) if is_over else Retry(now + LONGEST_RETRY, reason)
    if isinstance(verdict, Pause) and outcome.result is not SendStatus.HIDDEN:
        return Drop(verdict.reason) if is_new else Retry(now + LONGEST_RETRY, verdict.reason)
    return verdict


def result(
    state: ThreadState, problem: str, outcome: Outcome, verdict: Verdict, *, is_new: bool, opens: bool
) -> ThreadResult:
    """How a thread is after a try, of which it was `state` and `problem` before. `opens`: it was to open the thread."""
    code = outcome.code if outcome.result is SendStatus.REFUSED else 0
    match verdict:
        case Sent():
            return ThreadResult(ThreadState.OPEN, "")
        case Drop() if code == UNKNOWN_CHANNEL or (opens and code == UNKNOWN_MESSAGE):
            return ThreadResult(ThreadState.GONE, "")
        case Drop(reason) if is_new and outcome.result is not SendStatus.STALE:
            return ThreadResult(state, reason)
    return ThreadResult(state, problem)


def arrived(view: StoryView, after: int, until: int | None = None) -> tuple[Stored, ...]:
    """The members with an ID above `after`, up to `until` (None: all), in the order in which they were stored.

    IDs grow with every record that is stored, whatever the clock says.
    """
    members = (m for m in view.members if m.id > after and (until is None or m.id <= until))
    return tuple(sorted(members, key=lambda member: member.id))


def newest(view: StoryView, seen_until: datetime | None = None) -> int:
    """The ID of the member that was stored last, of those first seen up to then (None: all); 0 if there is none."""
    seen = (m.id for m in view.members if seen_until is None or m.first_seen <= seen_until)
    return max(seen, default=0)


def next_message(
    now: datetime, written_at: datetime | None, interval: timedelta, quiet_until: datetime | None
) -> datetime:
    """When a thread gets its next message: `interval` after the last one, and not in quiet hours."""
    after = now if written_at is None else written_at + interval
    return max(now, after, quiet_until or now)


def _says_why(outcome: Outcome) -> bool:
    return outcome.code in REFUSALS and outcome.status != 429 and outcome.status < 500
