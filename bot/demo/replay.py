"""Replays old records on a simulated clock."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from bot.sources.folder import FolderSource
from bot.sources.model import Item, ItemBatch, Progress, Rejected

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that is moved by hand, and never backwards."""

    def __init__(self) -> None:
        self._now = LONG_AGO

    def __call__(self) -> datetime:
        return self._now

    def move(self, moment: datetime) -> None:
        """Move to `moment`, unless it is later already."""
        self._now = max(self._now, moment)


class Replay:
    """A source of the items passed to `load`."""

    kind = "replay"
    name = "replay:demo"

    def __init__(self) -> None:
        self._items: tuple[Item, ...] = ()

    def load(self, items: Iterable[Item]) -> Replay:
        """Replace the items."""
        self._items = tuple(items)
        return self

    async def fetch(self, _progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """All items as one batch."""
        yield ItemBatch(self._items, last=True)

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield once."""
        yield


async def read_records(directory: Path) -> tuple[list[Item], list[Rejected]]:
    """The records of a directory in order of publication, and the rejected items."""
    items: list[Item] = []
    rejected: list[Rejected] = []
    async for batch in FolderSource(directory).fetch({}):
        items += batch.items
        rejected += batch.rejected
    return sorted(items, key=published), rejected


def by_minute(items: Iterable[Item]) -> Iterator[tuple[datetime, list[Item]]]:
    """Groups of items published in the same minute, each with the time of the last item."""
    group: list[Item] = []
    for item in items:
        if group and _minute(item) != _minute(group[0]):
            yield published(group[-1]), group
            group = []
        group.append(item)
    if group:
        yield published(group[-1]), group


def published(item: Item) -> datetime:
    """The time of publication, or `LONG_AGO` if it is unknown."""
    return item.record.published or LONG_AGO


def _minute(item: Item) -> datetime:
    return published(item).replace(second=0, microsecond=0)
