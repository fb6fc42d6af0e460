"""What becomes of a message after a try to send it: a pure decision over what Discord answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=30)
SHORTEST_WAIT, LONGEST_WAIT = 0.25, 86_400.0  # seconds: what a Retry-After may ask for
MOST_ATTEMPTS = 40  # with the backoff below: about 16 hours of trying

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
MISSING_ACCESS = 50001
MISSING_PERMISSIONS = 50013
ARCHIVED_THREAD = 50083
THREAD_LOCKED = 160005
TAG_REQUIRED = 40067
AUTOMOD_BLOCKED = 200000
AUTOMOD_TITLE_BLOCKED = 200001


class Got(StrEnum):
    """How a try ended, apart from Discord's own code."""

    OK = "ok"
    UNCHANGED = "unchanged"  # what is shown is already right; nothing was sent
    STALE = "stale"  # the post is no longer wanted: unsubscribed, muted, or too old by now
    REFUSED = "refused"  # Discord answered with an error that carries a status
    UNREACHABLE = "unreachable"  # no answer: network, timeout, gateway down
    ABSENT = "absent"  # the channel is not among those that the bot can see


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back: HTTP `status`, Discord's `code`, seconds of `retry_after`, ids of what now stands."""

    got: Got
    status: int = 0
    code: int = 0
    retry_after: float | None = None
    detail: str = ""
    message_id: int | None = None
    thread_id: int | None = None
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The message stands as wanted."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at that time."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Give this message up; others go on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing can be sent to this channel until somebody mends it; the message waits."""

    reason: str


Verdict = Sent | Retry | Drop | Pause

_PAUSES = {
    UNKNOWN_CHANNEL: "the channel is gone",
    MISSING_ACCESS: "the bot cannot see the channel: give it View Channel there",
    MISSING_PERMISSIONS: "the bot may not post there: give it Send Messages and Embed Links in the channel",
    THREAD_LOCKED: "the thread is locked: unlock it, or let the bot manage threads",
    ARCHIVED_THREAD: "the thread is archived: open it again",
    TAG_REQUIRED: "the forum requires a tag on every post: add a tag named like the topic, or lift the rule",
}
_DROPS = {
    UNKNOWN_MESSAGE: "the message was deleted",
    AUTOMOD_BLOCKED: "the server's AutoMod blocked it",
    AUTOMOD_TITLE_BLOCKED: "the server's AutoMod blocked its title",
}


def backoff(attempt: int) -> timedelta:
    """5 s, 10 s, 20 s ... up to half an hour; `attempt` counts from 1."""
    doublings = min(max(attempt, 1) - 1, 20)
    return min(LONGEST_RETRY, FIRST_RETRY * (1 << doublings))


def settle(outcome: Outcome, attempt: int, now: datetime) -> Verdict:
    """Decide what becomes of a message after its `attempt`-th try (from 1) ended with `outcome`."""
    if outcome.got in (Got.OK, Got.UNCHANGED):
        return Sent()
    if outcome.got is Got.STALE:
        return Drop(outcome.detail or "no longer wanted")
    if outcome.got is Got.ABSENT:
        return Pause(_PAUSES[UNKNOWN_CHANNEL])
    if outcome.got is Got.REFUSED and (reason := _PAUSES.get(outcome.code)):
        return Pause(reason)
    if outcome.got is Got.REFUSED and (reason := _DROPS.get(outcome.code)):
        return Drop(reason)
    if outcome.status == 403:
        return Pause(_PAUSES[MISSING_PERMISSIONS])
    if outcome.status == 404:
        return Pause(_PAUSES[UNKNOWN_CHANNEL])
    if outcome.got is Got.REFUSED and outcome.status not in (401, 408, 429) and outcome.status < 500:
        return Drop(f"Discord refused it (HTTP {outcome.status}, code {outcome.code}): {outcome.detail}")
    if outcome.status != 429 and attempt >= MOST_ATTEMPTS:
        return Drop(f"given up after {attempt} tries: {outcome.detail}")
    wait = backoff(attempt)
    if outcome.retry_after is not None:
        asked = timedelta(seconds=min(max(SHORTEST_WAIT, outcome.retry_after), LONGEST_WAIT))
        wait = asked if outcome.status == 429 else max(asked, FIRST_RETRY)
    return Retry(now + wait, outcome.detail or f"HTTP {outcome.status}")


def others_wait(outcome: Outcome, verdict: Verdict, now: datetime) -> datetime | None:
    """Until when the channel's other messages wait as well, as they would fare alike; None: they go on.

    What Discord cannot do at the moment may be this one message's fault, so the others wait but shortly.
    """
    if not isinstance(verdict, Retry) or outcome.got is not Got.REFUSED:
        return None
    if outcome.status == 429:
        return verdict.at
    return min(verdict.at, now + FIRST_RETRY) if outcome.status >= 500 else None
