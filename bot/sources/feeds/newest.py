"""Chooses the entries to read from a feed with too many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from bot.sources.feeds.dates import parse_moment

LOOKED_AT = 20_000  # entries, half of them at each end, where new ones are

T = TypeVar("T")


def newest(entries: Sequence[T], limit: int, dates_of: Callable[[T], Sequence[str]]) -> list[tuple[int, T]]:
    """The newest `limit` entries in their order, numbered from 1, by the first readable date.

    Some feeds have the oldest entry first. Remaining room is filled with undated entries from both ends.
    """
    numbered = list(enumerate(entries, 1))
    if len(numbered) <= limit:
        return numbered
    if len(numbered) > LOOKED_AT:
        numbered = [*numbered[: LOOKED_AT // 2], *numbered[-LOOKED_AT // 2 :]]
    dated: list[tuple[datetime, int]] = []
    undated: list[int] = []
    for place, (_, entry) in enumerate(numbered):
        if date := next((reading for text in dates_of(entry) if (reading := parse_moment(text))), None):
            dated.append((date, -place))
        else:
            undated.append(place)
    dated.sort(reverse=True)
    chosen = [-place for _, place in dated[:limit]]
    room = limit - len(chosen)
    chosen += undated[: room - room // 2]
    chosen += undated[room - room // 2 :][-(room // 2) :] if room // 2 else ()
    return [numbered[place] for place in sorted(chosen)]
