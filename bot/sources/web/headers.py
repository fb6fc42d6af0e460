"""Reads response headers. Invalid values are ignored; nothing raises."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MAX_VALUE = 500
LONGEST = timedelta(days=365)  # longer times are mistakes

_MAX_AGE = re.compile(r'(?:^|,)\s*max-age\s*=\s*"?(\d+)', re.IGNORECASE)
_SECONDS = re.compile(r"(\d+)(?:\.\d*)?", re.ASCII)


def plain(value: str | None) -> str:
    """The value if it is short printable ASCII, else an empty text."""
    text = (value or "").strip()
    return text if len(text) <= MAX_VALUE and text.isascii() and text.isprintable() else ""


def date(value: str | None) -> datetime | None:
    """A time in one of the usual forms, aware, in UTC; None if it is invalid."""
    text = plain(value)
    try:
        parsed = parsedate_to_datetime(text) if text else None
        if parsed is None:
            return None
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def max_age(cache_control: str, expires: str | None, now: datetime | None) -> timedelta | None:
    """How long the response is fresh: by `Cache-Control`, else by `Expires` relative to `now`."""
    if match := _MAX_AGE.search(cache_control[: 4 * MAX_VALUE]):
        return _seconds(match[1])
    return _until(date(expires), now)


def retry_after(value: str | None, now: datetime | None) -> timedelta | None:
    """How long to wait, from seconds or a time relative to `now`."""
    if match := _SECONDS.fullmatch(plain(value)):
        return _seconds(match[1])
    return _until(date(value), now)


def _seconds(digits: str) -> timedelta:
    return LONGEST if len(digits) > 9 else min(LONGEST, timedelta(seconds=int(digits)))


def _until(moment: datetime | None, now: datetime | None) -> timedelta | None:
    if moment is None or now is None:
        return None
    return min(LONGEST, max(timedelta(0), moment - now))
