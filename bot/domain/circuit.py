"""A circuit breaker for all sending: during an outage of Discord only single probes are sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.retry import LONGEST_WAIT, Outcome, SendStatus, backoff

TRIP = 3  # failures in a row after which sending pauses; one alone may be the fault of its message
LONGEST_PAUSE = timedelta(minutes=1)  # between two probes, unless Discord asks for more


def is_outage(outcome: Outcome) -> bool:
    """Whether the outcome suggests that requests for other channels would fail too."""
    return outcome.everywhere or outcome.result is SendStatus.UNREACHABLE or _server_error(outcome)


def _server_error(outcome: Outcome) -> bool:
    return outcome.result in (SendStatus.REFUSED, SendStatus.PARTLY) and outcome.status >= 500


@dataclass(frozen=True, slots=True)
class Circuit:
    """Closed: everything is sent. Open: nothing is sent before `until`, then a single probe at a time.

    `failures` counts outages in a row. `opened_at` is when the last of them was noted; what was begun before that
    and fails as well says nothing new.
    """

    failures: int = 0
    opened_at: datetime | None = None
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether sending is paused."""
        return self.until is not None

    def room(self, now: datetime, most: int, in_flight: int) -> int:
        """How many messages may be claimed now, of `most`, while `in_flight` are on their way."""
        if self.until is None:
            return most
        return 1 if now >= self.until and not in_flight else 0

    def after(self, outcome: Outcome, begun: datetime, now: datetime) -> Circuit:
        """The circuit after a try that was begun at `begun` ended with `outcome`."""
        if not is_outage(outcome):
            answered = outcome.result in (
                SendStatus.OK,
                SendStatus.EXISTS,
                SendStatus.MISSING,
                SendStatus.PARTLY,
                SendStatus.REFUSED,
            )
            return Circuit() if answered else self
        if self.opened_at is not None and begun < self.opened_at:
            return self
        failures = self.failures + 1
        if failures < TRIP and not outcome.everywhere:
            return Circuit(failures)
        pause = min(LONGEST_PAUSE, backoff(failures - TRIP + 1))
        requested = timedelta(seconds=min(outcome.retry_after or 0.0, LONGEST_WAIT))
        return Circuit(failures, now, now + max(pause, requested))
