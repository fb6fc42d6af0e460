"""The update times that a feed declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

_PERIODS = {"hourly": 1, "daily": 24, "weekly": 7 * 24, "monthly": 30 * 24, "yearly": 365 * 24}
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=1)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def ttl_of(head: Mapping[str, Any]) -> timedelta | None:
    """The declared update interval, limited to 5 minutes to a day; None if there is none."""
    minutes = next(values(head, ("ttl",)), "")
    if minutes.isdecimal() and 0 < len(minutes) < 8 and int(minutes):
        duration = timedelta(minutes=int(minutes))
    else:
        hours = _PERIODS.get(next(values(head, ("sy:updateperiod",)), "").lower())
        frequency = next(values(head, ("sy:updatefrequency",)), "1")
        if hours is None:
            return None
        duration = timedelta(hours=hours) / max(
            1, int(frequency) if frequency.isdecimal() and len(frequency) < 6 else 1
        )
    return min(max(duration, _SHORTEST), _LONGEST)


def skipped_hours(head: Mapping[str, Any]) -> frozenset[int]:
    """The hours (GMT) without updates."""
    hours = [hour for hour in _children(head, "skiphours") if hour.isdecimal()]
    return frozenset(int(hour) % 24 for hour in hours if len(hour) < 4 and int(hour) <= 24)


def skipped_days(head: Mapping[str, Any]) -> frozenset[int]:
    """The days without updates; Monday is 0."""
    return frozenset(_DAYS.index(day) for day in _children(head, "skipdays") if day in _DAYS)


def values(elements: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    """The texts of the named elements that are not empty."""
    for name in names:
        if name in elements and (text := elements[name].text) and (text := text.strip()):
            yield text


def _children(elements: Mapping[str, Any], name: str) -> Iterator[str]:
    for child in elements.get(name, ()):
        yield (child.text or "").strip().lower()
