"""How fast requests with the bot's token may follow each other, so that Discord has none to refuse."""

from __future__ import annotations

import math
from collections import deque

PERIOD = 1.0  # seconds: https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
# A request is counted by Discord at some moment between its departure and its answer. One that takes longer than
# the quickest ones is taken to have been counted this much later at most: the rest is the time for its answer.
LONGEST_DELAY = 0.05
BURST = 5  # requests that may follow each other at once after a pause, or make up for a timer that was late
LEARNING = (
    0.02  # of the difference, a request: the quickest answer is believed at once, a slower one by and by
)


class Turn:
    """One request: when it departed, and when Discord's count of it has surely ended (seconds of the same clock)."""

    __slots__ = ("departed", "free_at")

    def __init__(self, departed: float, free_at: float) -> None:
        self.departed = departed
        self.free_at = free_at


class RequestPace:
    """When the next request may start. It reads no clock: each method is given the time, in seconds.

    Discord allows `limit` requests in a period, and it counts them when they arrive. So there are two rules. Requests are spread
    evenly, so that a short wait is enough for whoever comes next. And each one starts a period after the arrival of the request that is
    `limit` before it: then no window of the period, wherever it begins, has more than `limit`. How late a request arrived is
    estimated from its answer. This costs less of the rate than a lower, fixed pace: at most `LONGEST_DELAY` a period.
    """

    def __init__(self, limit: float = math.inf, period: float = PERIOD) -> None:
        self.limit = limit
        self.period = period
        self.least_gap = 0.0  # seconds between two requests, where something else asks for a slower pace
        self._turns: deque[Turn] = deque()  # the last `limit` requests, in the order of their departure
        self._even = -math.inf  # when the next one starts if all are spread evenly
        self._last = -math.inf
        self._held_until = -math.inf
        self._quickest = 0.0  # seconds from departure to answer

    def next_start(self, now: float) -> float:
        """When the next request may start: now, or later."""
        start = max(now, self._even, self._held_until, self._last + self.least_gap)
        return max(start, self._turns[0].free_at) if len(self._turns) >= self.limit else start

    def begin(self, now: float) -> Turn:
        """Count a request that starts now, whether it may or not."""
        spacing = self.period / self.limit
        self._even = max(self._even, now - (BURST - 1) * spacing) + spacing
        self._last = now
        turn = Turn(now, now + LONGEST_DELAY + self.period)
        if self.limit < math.inf:
            self._turns.append(turn)
            while len(self._turns) > self.limit:
                self._turns.popleft()
        return turn

    def departed(self, turn: Turn, now: float) -> None:
        """Note that a request leaves the machine now, for example because its connection had to be made first."""
        turn.departed = now
        turn.free_at = now + LONGEST_DELAY + self.period
        if self._turns and self._turns[-1] is not turn:
            if turn in self._turns:
                self._turns.remove(turn)
            self._turns.append(turn)
            while len(self._turns) > self.limit:
                self._turns.popleft()

    def answered(self, turn: Turn, now: float) -> None:
        """Note the answer to a request, or its failure."""
        took = now - turn.departed
        self._quickest = min(took, self._quickest + LEARNING * (took - self._quickest))
        arrived = max(turn.departed, now - self._quickest)
        turn.free_at = min(turn.free_at, arrived + self.period)

    def hold(self, until: float) -> None:
        """Start nothing before that time, as Discord asks."""
        self._held_until = max(self._held_until, until)

    def used(self, now: float) -> float:
        """The share of the limit that the last period used, from 0 to 1; 0 without a limit."""
        if self.limit == math.inf:
            return 0.0
        return sum(turn.departed > now - self.period for turn in self._turns) / self.limit
