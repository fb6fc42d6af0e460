"""Which channel may send next: channels wait in a line, the most urgent message first."""

from __future__ import annotations

import itertools
from enum import IntEnum
from heapq import heappop, heappush


class Urgency(IntEnum):
    """What goes out first while more is due than Discord takes."""

    LIVE = 0  # a new message in a channel
    MEMBER = 1  # a new message for a member
    EDIT = 2
    DIGEST = 3
    PUBLICATION = 4  # to followers of a channel


class WaitingLine:
    """Channels that have a message to send, each once. It reads no clock: each method is given the time, in seconds.

    A channel whose limit is spent is ready again when it is reset; until then, it is passed over. Among equally urgent messages,
    the channel that has been ready longest is next, so one with many messages does not get ahead of the others.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._ready: list[tuple[Urgency, float, int, int]] = []
        self._resting: list[tuple[float, int, Urgency, int]] = []
        self._waiting: dict[
            int, int
        ] = {}  # channel -> its number; other entries of the heaps are out of date

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, channel_id: int, urgency: Urgency, ready_at: float) -> None:
        """Wait from now on; before `ready_at`, the channel cannot send. A channel that waits already has changed its mind."""
        number = self._waiting[channel_id] = next(self._numbers)
        heappush(self._resting, (ready_at, number, urgency, channel_id))

    def leave(self, channel_id: int) -> None:
        """Wait no longer."""
        self._waiting.pop(channel_id, None)

    def next(self, now: float) -> int | None:
        """Take the channel that may send next out of the line; None: none can send now."""
        while self._resting and self._resting[0][0] <= now:
            ready_at, number, urgency, channel_id = heappop(self._resting)
            heappush(self._ready, (urgency, ready_at, number, channel_id))
        while self._ready:
            *_, number, channel_id = heappop(self._ready)
            if self._waiting.get(channel_id) == number:
                del self._waiting[channel_id]
                return channel_id
        return None

    def next_ready(self) -> float | None:
        """When the next channel is ready whose limit is spent; None: there is no such channel."""
        while self._resting and self._waiting.get(self._resting[0][3]) != self._resting[0][1]:
            heappop(self._resting)
        return self._resting[0][0] if self._resting else None
