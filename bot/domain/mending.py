"""When servers with paused channels are asked for again: at first often, then less often, and never many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

# Between two looks at a server. There is a look at some of them every SHORTEST.
SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(hours=6)
FRACTION = 10  # a server is looked at again after a tenth of the time since its last pause
# Without a gateway, a server is read with three requests, and each paused channel that is not in the cache after that, such
# as a thread, is one more. 600 every five minutes are 120 a minute, of Discord's 3,000.
MOST_REQUESTS = 600
READING = 3  # requests
CHANNELS = 3  # of a server that are asked for one by one, at a time: the others the next time
MOST = MOST_REQUESTS // (READING + CHANNELS)  # servers at a time
_AT_ONCE = datetime.min.replace(tzinfo=UTC)


def interval(paused_for: timedelta) -> timedelta:
    """How long after a look at a server, whose last channel has been paused for so long, the next one is."""
    return min(LONGEST, max(SHORTEST, paused_for // FRACTION))


@dataclass(slots=True)
class _Round:
    """Looks at a server until each of its channels that is not in the cache was asked for."""

    asked: set[int] = field(default_factory=set)
    left: int = CHANNELS  # that may be asked for at this look
    goes_on: bool = False  # at the next look

    def next_look(self) -> _Round:
        return _Round(self.asked if self.goes_on else set())


class MendingSchedule:
    """Which servers with paused channels to look at. It reads no clock: each method is given the time.

    A process that has just started looks soon at those that were paused shortly before, and spreads the others.
    """

    def __init__(self) -> None:
        self._next: dict[int, datetime] = {}
        self._rounds: dict[int, _Round] = {}
        self._chosen: frozenset[int] = frozenset()

    def choose(self, paused: Mapping[int, datetime], now: datetime) -> frozenset[int]:
        """The servers to look at now, at most `MOST`, of those that have paused channels: since when the last of them is.

        To be asked every `SHORTEST`.
        """
        intervals = {guild_id: interval(now - since) for guild_id, since in paused.items()}
        self._next = {
            guild_id: min(self._next[guild_id], now + between)  # shorter than before after a newer pause
            if guild_id in self._next
            else now + _phase(guild_id, between)
            for guild_id, between in intervals.items()
        }
        due = [guild_id for guild_id, at in self._next.items() if at <= now]
        due.sort(key=lambda guild_id: (self._next[guild_id] - now) / intervals[guild_id])
        self._chosen = frozenset(due[:MOST])
        # A look may be a little early or late.
        self._next |= {guild_id: now + intervals[guild_id] - SHORTEST / 2 for guild_id in self._chosen}
        self._rounds = {guild_id: of for guild_id, of in self._rounds.items() if guild_id in paused}
        self._rounds |= {
            guild_id: self._rounds.get(guild_id, _Round()).next_look() for guild_id in self._chosen
        }
        return self._chosen

    def may_ask(self, guild_id: int, channel_id: int, now: datetime) -> bool:
        """Whether to ask for a channel that is not in the cache: up to `CHANNELS` of each server that was chosen.

        If there are more, the server is looked at the next time too, until each was asked for.
        """
        if guild_id not in self._chosen or channel_id in (of := self._rounds[guild_id]).asked:
            return False
        if not of.left:
            of.goes_on = True
            self._next[guild_id] = min(self._next[guild_id], now + SHORTEST / 2)
            return False
        of.left -= 1
        of.asked.add(channel_id)
        return True

    def changed(self, guild_id: int) -> None:
        """Something has changed in a server: look at it the next time."""
        if guild_id in self._next:
            self._next[guild_id] = _AT_ONCE


def _phase(guild_id: int, between: timedelta) -> timedelta:
    """Spreads first looks evenly; the low bits of a Discord id are a counter and the numbers of machines."""
    if between <= SHORTEST:
        return timedelta()
    return timedelta(seconds=(guild_id >> 22) % int(between.total_seconds()))
