"""The only module that reads the clock; other code gets `now` as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def stopwatch() -> float:
    """Seconds since an arbitrary moment, for measuring durations."""
    return time.perf_counter()
