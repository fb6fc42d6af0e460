"""The one place that reads a clock; everything else is given `now`."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present, aware UTC."""
    return datetime.now(UTC)
