"""The one place that reads a clock; everything else is given `now`."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present, aware UTC."""
    return datetime.now(UTC)


def stopwatch() -> float:
    """Seconds since some moment: two of them are the time in between."""
    return time.perf_counter()
