"""Quiet hours: a time of the day in which nothing new is posted in a channel. Pure; times are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end`, local times in `zone`. An end that is not after the start is on the next day."""

    start: time
    end: time
    zone: str

    def until(self, moment: datetime) -> datetime | None:
        """When the quiet hours end that `moment` (aware) is in, in UTC; None if it is in none.

        The wall clock rules, as for digests: a time that a change of the clock skips comes as much later, and one
        that comes twice counts once, so a night can be an hour shorter or longer.
        """
        today = moment.astimezone(ZoneInfo(self.zone)).date()
        for day in (today - timedelta(days=1), today):
            begins = self._at(day, self.start)
            ends = self._at(day if self.end > self.start else day + timedelta(days=1), self.end)
            if begins <= moment < ends:
                return ends
        return None

    def _at(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
