"""How many messages may be on their way at once."""

from __future__ import annotations

import math

HEADROOM = 1.5
FORGETTING = 0.05  # of the difference, a message: needs grow at once, and shrink slowly


class Slots:
    """As many as the pace needs: messages a second, times the seconds that one takes.

    It grows by answers only. So while Discord does not answer, few messages are tried.
    """

    def __init__(self, least: int, limit: float = math.inf) -> None:
        self._least = least
        self._limit = limit
        self._seconds = 0.0

    @property
    def size(self) -> int:
        """The number of slots. Without a limit for the pace, it is fixed."""
        if self._limit == math.inf:
            return self._least
        return self._least + math.ceil(HEADROOM * self._limit * self._seconds)

    def answered(self, seconds: float) -> None:
        """Note how long a message kept its slot until Discord answered."""
        change = seconds - self._seconds
        self._seconds += change if change > 0 else change * FORGETTING
