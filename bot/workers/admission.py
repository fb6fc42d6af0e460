"""Which message may be begun with: as many at once as the pace needs, the most urgent first."""

from __future__ import annotations

import asyncio
import math

from bot.domain.requests.line import Urgency, WaitingLine
from bot.domain.requests.slots import Slots

PREPARED_SECONDS = 0.15  # of the pace: how many messages may be rendered or wait for their first request
FEWEST_PREPARED = 4


class Admission:
    """Lets the messages of channels begin, one a channel at a time.

    Only messages that can be sent at once keep a slot: one whose channel's limit is spent waits in the line, where others
    pass it. And few messages are prepared ahead of the pace, so that a more urgent one comes next.
    """

    def __init__(self, slots: int, limit: float = math.inf) -> None:
        self._slots = Slots(slots, limit)
        self._most_prepared = math.inf if limit == math.inf else FEWEST_PREPARED + PREPARED_SECONDS * limit
        self._line = WaitingLine()
        self._called: dict[int, asyncio.Future[int]] = {}  # by channel that waits: the rank of its message
        self._timer: asyncio.Handle | None = None
        self._kept = 0  # slots
        self._prepared = 0  # messages that have not made a request yet

    @property
    def eager(self) -> int:
        """How many channels wait and are not passed over."""
        return self._line.eager(asyncio.get_running_loop().time())

    @property
    def recent(self) -> frozenset[int]:
        """The channels that sent something in the last `RECENT` seconds, whether they wait or not: if they do, they are passed over."""
        return self._line.recent(asyncio.get_running_loop().time())

    async def enter(self, channel_id: int, urgency: Urgency, wait: float) -> Admitted:
        """Wait for a slot. The channel can send only after `wait` seconds."""
        loop = asyncio.get_running_loop()
        called = self._called[channel_id] = loop.create_future()
        self._line.join(channel_id, urgency, loop.time() + wait)
        if self._timer is not None:
            self._timer.cancel()
        # Once all channels have joined for which messages were claimed together.
        self._timer = loop.call_soon(self._call)
        try:
            rank = await called
        except asyncio.CancelledError:
            if called.cancelled():
                self._called.pop(channel_id, None)
                self._line.leave(channel_id)
            else:  # it was called at that moment
                self._free(prepared=1, kept=1)
            raise
        return Admitted(self, rank)

    def dismiss(self) -> None:
        """Call all channels that wait, whether there is room or not: nothing is going to be sent."""
        while self._called:
            channel_id, called = self._called.popitem()
            self._line.leave(channel_id)
            self._admit(called, 0)

    def _admit(self, called: asyncio.Future[int], rank: int) -> None:
        if called.cancelled():  # in this turn of the loop, and whoever waited for it does not know yet
            return
        self._kept += 1
        self._prepared += 1
        called.set_result(rank)

    def _call(self) -> None:
        """Call channels while there is room, and come back when the next one is ready."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._kept < self._slots.size and self._prepared < self._most_prepared:
            # Of a channel in which much waits, few messages are prepared: others may become due meanwhile.
            only_eager = self._prepared >= FEWEST_PREPARED and self._most_prepared < math.inf
            if (called := self._line.next(loop.time(), only_eager=only_eager)) is not None:
                self._admit(self._called.pop(called.channel_id), called.rank)
                continue
            if (ready_at := self._line.next_ready()) is not None:
                self._timer = loop.call_at(ready_at, self._call)
            break

    def _free(self, *, prepared: int = 0, kept: int = 0) -> None:
        self._prepared -= prepared
        self._kept -= kept
        self._call()


class Admitted:
    """The slot of a message that has begun, and the rank of its requests."""

    def __init__(self, admission: Admission, rank: int) -> None:
        self.rank = rank
        self._admission = admission
        self._begun = asyncio.get_running_loop().time()
        self._is_prepared = True
        self._is_kept = True

    def requests(self) -> None:
        """The message makes its first request: another one can be prepared."""
        if self._is_prepared:
            self._is_prepared = False
            self._admission._free(prepared=1)

    def leave(self, *, answered: bool = False) -> None:
        """Give the slot up. `answered`: how long it was kept says how many slots are needed."""
        if self._is_kept:
            self._is_kept = False
            if answered:
                self._admission._slots.answered(asyncio.get_running_loop().time() - self._begun)
            self._admission._free(kept=1)
        self.requests()
