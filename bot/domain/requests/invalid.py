"""Requests that Discord refuses as invalid: it bans an address that makes too many of them."""

from __future__ import annotations

from collections import deque

# https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
MOST, WINDOW = 10_000, 600.0  # in so many seconds
STATUSES = frozenset((401, 403, 429))
SHARED = "shared"  # the scope of a refusal with 429 that Discord does not count
CAREFUL = MOST // 2  # from here on, the bot slows down ...
CEILING = MOST * 9 // 10  # ... so much that this is not reached even if every request is refused
LONGEST_GAP = 60.0  # seconds


def is_invalid(status: int, scope: str) -> bool:
    """Whether Discord counts an answer with this status, and the scope of its rate limit if it has one."""
    return status in STATUSES and not (status == 429 and scope == SHARED)


class InvalidRequests:
    """The invalid requests of the last ten minutes. It reads no clock: each method is given the time, in seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MOST)

    def add(self, now: float) -> None:
        """Count one."""
        self._times.append(now)

    def count(self, now: float) -> int:
        """How many there were in the last ten minutes."""
        while self._times and self._times[0] <= now - WINDOW:
            self._times.popleft()
        return len(self._times)

    def least_gap(self, now: float) -> float:
        """Seconds to leave between two requests."""
        count = self.count(now)
        return 0.0 if count < CAREFUL else min(LONGEST_GAP, WINDOW / max(1, CEILING - count))
