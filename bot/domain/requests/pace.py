"""How fast requests with the bot's token may follow each other, so that Discord has none to refuse."""

from __future__ import annotations

import math
from collections import deque

PERIOD = 1.0  # seconds: https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
# A request is counted by Discord at some moment between its departure and its answer. One that takes longer than
# the quickest ones is taken to have been counted this much later at most: the rest is the time for its answer.
LONGEST_DELAY = 1.0
# The quickest way there and the quickest way back need not be those of one request.
UNSURE = 0.008  # seconds
# Requests that may follow each other at once after a pause, or make up for a timer that was late; and how many of those that are not
# urgent. While the limit is used up, what bunches leaves a gap of as many turns in each period after it, in which all others wait.
BURST, CALM_BURST = 5, 2
# Of the limit: what is not urgent leaves it free ... With 20 urgent requests a second at random, 99 % of them then find a turn.
RESERVE = 0.12
URGENT_AGAIN = 1.0  # ... for so many seconds after each urgent request
GENERATION = (
    200  # answers: the quickest one is that of the last one or two generations, as the way to Discord changes
)


class Turn:
    """One request: when it departed (None: not yet), and when Discord's count of it has surely ended; in seconds."""

    __slots__ = ("departed", "free_at")

    def __init__(self) -> None:
        self.departed: float | None = None
        self.free_at = math.inf


class RequestPace:
    """When the next request may start. It reads no clock: each method is given the time, in seconds.

    Discord allows `limit` requests in a period, and it counts them when they arrive. So there are two rules. Requests are spread
    evenly, so that a short wait is enough for whoever comes next. And each one starts a period after the arrival of the request that is
    `limit` before it: then no window of the period, wherever it begins, has more than `limit`. How late a request arrived is
    estimated from its answer. On a steady connection, this costs next to nothing of the rate, where a lower, fixed pace always costs.

    Urgent requests come one by one. While they do, others leave a few turns free, so that the next one finds one.
    """

    def __init__(self, limit: float = math.inf, period: float = PERIOD) -> None:
        self.limit = limit
        self.period = period
        self.least_gap = 0.0  # seconds between two requests, where something else asks for a slower pace
        self._begun: set[Turn] = set()  # requests that have not departed
        self._departed: deque[Turn] = deque()  # the last `limit` others
        self._even = -math.inf  # when the next one starts if all are spread evenly
        self._last = -math.inf
        self._urgent_at = -math.inf  # the last urgent one
        self._held_until = -math.inf
        self._answers = 0  # of this generation
        self._quickest = math.inf  # of this generation, in seconds from departure to answer
        self._quickest_before = 0.0

    def next_start(self, now: float, *, is_urgent: bool = True) -> float:
        """When the next request may start: now, or later. If all `limit` are yet to depart, in a period."""
        even = self._even - (BURST - CALM_BURST) * self.period / self.limit if is_urgent else self._even
        start = max(now, even, self._held_until, self._last + self.least_gap)
        leaves_some = not is_urgent and now - self._urgent_at < URGENT_AGAIN
        limit = self.limit - int(RESERVE * self.limit) if leaves_some else self.limit
        surplus = len(self._departed) + len(self._begun) - limit
        if surplus < 0:
            return start
        if surplus >= len(self._departed):
            return start + self.period
        return max(start, self._departed[int(surplus)].free_at)

    def begin(self, now: float, *, is_urgent: bool = True) -> Turn:
        """Count a request that starts now, whether it may or not. It departs or ends later."""
        spacing = self.period / self.limit
        self._even = max(self._even, now - (CALM_BURST - 1) * spacing) + spacing
        self._last = now
        if is_urgent:
            self._urgent_at = now
        turn = Turn()
        self._begun.add(turn)
        return turn

    def depart(self, turn: Turn, now: float) -> None:
        """Note that a request leaves the machine now: it may have waited for its connection."""
        self._begun.discard(turn)
        turn.departed = now
        turn.free_at = now + LONGEST_DELAY + self.period
        if self.limit < math.inf:
            self._departed.append(turn)
            while len(self._departed) > self.limit:
                self._departed.popleft()

    def end(self, turn: Turn, now: float) -> None:
        """Note that a request was answered, or has failed."""
        self._begun.discard(turn)
        if turn.departed is None:
            return
        took = now - turn.departed
        way_back = max(0.0, min(took, self._quickest, self._quickest_before) - UNSURE)
        arrived = max(turn.departed, now - way_back)
        turn.free_at = min(turn.free_at, arrived + self.period)
        self._quickest = min(took, self._quickest)
        self._answers += 1
        if self._answers == GENERATION:
            self._quickest_before, self._quickest, self._answers = self._quickest, math.inf, 0

    def hold(self, until: float) -> None:
        """Start nothing before that time, as Discord asks."""
        self._held_until = max(self._held_until, until)

    def used(self, now: float) -> float:
        """The share of the limit that the last period used, from 0 to 1; 0 without a limit."""
        if self.limit == math.inf:
            return 0.0
        return sum((turn.departed or 0.0) > now - self.period for turn in self._departed) / self.limit
