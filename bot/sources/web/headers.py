"""What the headers of an answer say. Nothing here raises: what makes no sense was not said."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MAX_VALUE = 500
LONGEST = timedelta(days=365)  # nobody means more

_MAX_AGE = re.compile(r'(?:^|,)\s*max-age\s*=\s*"?(\d+)', re.IGNORECASE)
_SECONDS = re.compile(r"(\d+)(?:\.\d*)?", re.ASCII)


def plain(value: str | None) -> str:
    """The value if it can be stored and sent back as it is, else ""."""
    text = (value or "").strip()
    return text if len(text) <= MAX_VALUE and text.isascii() and text.isprintable() else ""


def date(value: str | None) -> datetime | None:
    """A time in any of the usual forms, aware UTC."""
    text = plain(value)
    try:
        parsed = parsedate_to_datetime(text) if text else None
        if parsed is None:
            return None
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def max_age(cache_control: str, expires: str | None, now: datetime | None) -> timedelta | None:
    """How long the answer is fresh: by `Cache-Control`, else by `Expires`, which is measured from `now`."""
    if match := _MAX_AGE.search(cache_control[: 4 * MAX_VALUE]):
        return _seconds(match[1])
    return _until(date(expires), now)


def retry_after(value: str | None, now: datetime | None) -> timedelta | None:
    """How long to wait, given in seconds or as a time, which is measured from `now`."""
    if match := _SECONDS.fullmatch(plain(value)):
        return _seconds(match[1])
    return _until(date(value), now)


def _seconds(digits: str) -> timedelta:
    return LONGEST if len(digits) > 9 else min(LONGEST, timedelta(seconds=int(digits)))


def _until(moment: datetime | None, now: datetime | None) -> timedelta | None:
    if moment is None or now is None:
        return None
    return min(LONGEST, max(timedelta(0), moment - now))
