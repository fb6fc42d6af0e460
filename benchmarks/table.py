"""Figures as lines."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence


def line(what: str, values: Sequence[float], unit: str) -> None:
    """Print a median with the smallest and the largest value."""
    median = statistics.median(values)
    print(f"{what:<58} {median:8.2f} {unit:<4} ({min(values):.2f} to {max(values):.2f}, n={len(values)})")


def percentiles(what: str, values: Sequence[float], unit: str) -> None:
    """Print the median, the value that 99 of 100 do not exceed, and the largest."""
    p99 = sorted(values)[max(0, -(-99 * len(values) // 100) - 1)]
    median = statistics.median(values)
    print(f"{what:<58} {median:8.2f} {unit:<4} (p99 {p99:.2f}, at most {max(values):.2f}, n={len(values)})")


def machine() -> None:
    """Print what else the machine does: the load includes the benchmarks before this one."""
    print(f"{os.cpu_count()} processors, load of the last minute {os.getloadavg()[0]:.1f}")
