"""Which channel may send next: channels wait in a line, the most urgent message first."""

from __future__ import annotations

import itertools
import math
from collections import deque
from enum import IntEnum
from heapq import heappop, heappush
from typing import NamedTuple

RECENT = 30.0  # seconds after a message in which its channel lets others go first
MOST = 10_000  # channels whose last message is remembered before older ones are forgotten


class Urgency(IntEnum):
    """What goes out first while more is due than Discord takes."""

    LIVE = 0  # a new message in a channel
    MEMBER = 1  # a new message for a member
    EDIT = 2
    DIGEST = 3
    PUBLICATION = 4  # to followers of a channel


class Called(NamedTuple):
    """A channel that may send next, and the rank of its message: those of lower ranks go first wherever they meet."""

    channel_id: int
    rank: int


class _Waiting:
    """A channel in the line; `number` is its place."""

    __slots__ = ("channel_id", "has_left", "number", "urgency")

    def __init__(self, channel_id: int, urgency: Urgency, number: int) -> None:
        self.channel_id = channel_id
        self.urgency = urgency
        self.number = number
        self.has_left = False


_Heap = list[tuple[float, int, _Waiting]]  # by time and number


class _Group:
    """The channels with equally urgent messages that can send now."""

    def __init__(self) -> None:
        self.ready: deque[_Waiting] = deque()
        self.recent: _Heap = []  # those that sent something recently, by the time when that is no longer so

    def promote(self, now: float) -> None:
        """Have channels take part that sent nothing recently."""
        while self.recent and self.recent[0][0] <= now:
            self.ready.append(heappop(self.recent)[-1])

    def pop(self, *, only_eager: bool) -> Called | None:
        """The next channel."""
        while self.ready:
            if not (waiting := self.ready.popleft()).has_left:
                return Called(waiting.channel_id, _rank(waiting.urgency))
        while self.recent and not only_eager:
            if not (waiting := heappop(self.recent)[-1]).has_left:
                return Called(waiting.channel_id, _rank(waiting.urgency, is_recent=True))
        return None


def _rank(urgency: Urgency, *, is_recent: bool = False) -> int:
    """From 1 on: 0 is for what somebody waits for at a command."""
    return 1 + 2 * urgency + is_recent


LOWEST_RANK = _rank(max(Urgency), is_recent=True)  # also of requests that nobody waits for


class WaitingLine:
    """Channels that have a message to send, each once. It reads no clock: each method is given the time, in seconds.

    Among equally urgent messages, the channel that has been waiting longest is next. Two kinds of channels are passed over: one whose
    limit is spent, until it is reset; and one that sent something less than `RECENT` seconds ago, as long as there are others. So a
    channel in which much waits takes what others leave, and is one of them again after `RECENT` seconds.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._channels: dict[int, _Waiting] = {}
        self._sent_at: dict[int, float] = {}  # by channel
        self._resting: _Heap = []  # by the time when the limit is reset
        self._groups = {urgency: _Group() for urgency in Urgency}

    def __len__(self) -> int:
        return len(self._channels)

    def eager(self, now: float) -> int:
        """How many channels are not passed over."""
        self._sort(now)
        return sum(not waiting.has_left for group in self._groups.values() for waiting in group.ready)

    def recent(self, now: float) -> frozenset[int]:
        """The channels that sent something less than `RECENT` seconds ago."""
        return frozenset(channel_id for channel_id, at in self._sent_at.items() if at > now - RECENT)

    def join(self, channel_id: int, urgency: Urgency, ready_at: float) -> None:
        """Wait from now on; before `ready_at`, the channel cannot send."""
        self.leave(channel_id)
        waiting = self._channels[channel_id] = _Waiting(channel_id, urgency, next(self._numbers))
        heappush(self._resting, (ready_at, waiting.number, waiting))

    def leave(self, channel_id: int) -> None:
        """Wait no longer."""
        if (waiting := self._channels.pop(channel_id, None)) is not None:
            waiting.has_left = True

    def next(self, now: float, *, only_eager: bool = False) -> Called | None:
        """Take the channel that may send next out of the line; None: none can send now.

        `only_eager`: not one that sent something recently.
        """
        self._sort(now)
        for group in self._groups.values():
            if (called := group.pop(only_eager=only_eager)) is not None:
                del self._channels[called.channel_id]
                self._note(called.channel_id, now)
                return called
        return None

    def next_ready(self) -> float | None:
        """When the next channel is ready whose limit is spent; None: there is no such channel."""
        while self._resting and self._resting[0][-1].has_left:
            heappop(self._resting)
        return self._resting[0][0] if self._resting else None

    def _sort(self, now: float) -> None:
        while self._resting and self._resting[0][0] <= now:
            *_, waiting = heappop(self._resting)
            recent_until = self._sent_at.get(waiting.channel_id, -math.inf) + RECENT
            group = self._groups[waiting.urgency]
            if recent_until > now:
                heappush(group.recent, (recent_until, waiting.number, waiting))
            else:
                group.ready.append(waiting)
        for group in self._groups.values():
            group.promote(now)

    def _note(self, channel_id: int, now: float) -> None:
        if len(self._sent_at) >= MOST:
            self._sent_at = {channel: at for channel, at in self._sent_at.items() if at > now - RECENT}
        self._sent_at[channel_id] = now
