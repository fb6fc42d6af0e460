"""The order of search results. A module of its own: the command line shows it before it loads the rest."""

from __future__ import annotations

from enum import StrEnum


class Order(StrEnum):
    """Which stories come first: those of the newest records, or those whose records fit the query best."""

    NEWEST = "newest"
    BEST = "best"
