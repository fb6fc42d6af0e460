"""A cache of slow query results, kept with the engine for some minutes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

CACHED_FOR = timedelta(minutes=10)
MIN_ROWS = 5_000  # rows from which on it takes long; what takes no time is worked out anew
MAX_ANSWERS = 16  # answers of one kind


async def cached(
    connection: AsyncConnection,
    kind: str,
    key: Hashable,
    now: datetime,
    work: Callable[[], Awaitable[T]],
    rows: Callable[[T], int],
) -> T:
    """The result of `work`. A result of more than `MIN_ROWS` rows, as counted by `rows`, is reused for `CACHED_FOR`."""
    assert connection.sync_connection is not None
    options = connection.sync_connection.get_execution_options()
    answers: dict[Hashable, tuple[datetime, T]] = options.get("kept", {}).setdefault(kind, {})
    previous = answers.get(key)
    if previous is not None and timedelta() <= now - previous[0] < CACHED_FOR:
        return previous[1]
    answer = await work()
    answers.pop(key, None)
    if rows(answer) > MIN_ROWS:
        answers[key] = now, answer
        for oldest in list(answers)[:-MAX_ANSWERS]:
            del answers[oldest]
    return answer
