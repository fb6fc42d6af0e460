"""Figures as lines."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def line(what: str, values: Sequence[float], unit: str) -> None:
    """Print a median with the smallest and the largest value."""
    median = statistics.median(values)
    print(f"{what:<58} {median:8.2f} {unit:<4} ({min(values):.2f} to {max(values):.2f}, n={len(values)})")
