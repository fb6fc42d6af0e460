"""When servers with paused channels are asked for again: at first often, then less often, and never many at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

SHORTEST, LONGEST = (
    timedelta(minutes=5),
    timedelta(hours=6),
)  # between two looks at a server, of which there is one every SHORTEST
SHARE = 0.1  # of the time since a server's last pause: so much later it is looked at again
# Servers at a time. A look is three requests, and there is one every five minutes: 60 requests a minute, of Discord's 3,000.
MOST = 100
_AT_ONCE = datetime.min.replace(tzinfo=UTC)


def interval(paused_for: timedelta) -> timedelta:
    """How long after a look at a server, whose last channel has been paused for so long, the next one is."""
    return min(LONGEST, max(SHORTEST, SHARE * paused_for))


class MendingSchedule:
    """Which servers with paused channels to look at. It reads no clock: each method is given the time.

    A process that has just started looks soon at those that were paused shortly before, and spreads the others.
    """

    def __init__(self) -> None:
        self._next: dict[int, datetime] = {}

    def choose(self, paused: Mapping[int, datetime], now: datetime) -> frozenset[int]:
        """The servers to look at now, at most `MOST`, of those that have paused channels: since when the last of them is.

        To be asked every `SHORTEST`.
        """
        intervals = {guild_id: interval(now - since) for guild_id, since in paused.items()}
        self._next = {
            guild_id: self._next.get(guild_id) or now + _phase(guild_id, between)
            for guild_id, between in intervals.items()
        }
        due = [guild_id for guild_id, at in self._next.items() if at <= now]
        due.sort(key=lambda guild_id: (self._next[guild_id] - now) / intervals[guild_id])
        chosen = frozenset(due[:MOST])
        self._next |= {guild_id: now + intervals[guild_id] - SHORTEST for guild_id in chosen}
        return chosen

    def changed(self, guild_id: int) -> None:
        """Something has changed in a server: look at it the next time."""
        if guild_id in self._next:
            self._next[guild_id] = _AT_ONCE


def _phase(guild_id: int, between: timedelta) -> timedelta:
    """Spreads first looks evenly; the low bits of a Discord id are a counter and the numbers of machines."""
    if between <= SHORTEST:
        return timedelta()
    return timedelta(seconds=(guild_id >> 22) % int(between.total_seconds()))
