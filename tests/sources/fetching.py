"""Fetches everything from a source, for the tests of sources."""

from __future__ import annotations

import json
from typing import Any

from bot.sources.model import ItemBatch, Source


class FetchResult:
    """The batches of a fetch, and the progress as a store keeps it."""

    def __init__(self, progress: dict[str, Any]) -> None:
        self.progress = progress
        self.batches: list[ItemBatch] = []

    @property
    def titles(self) -> list[str]:
        return [item.record.title for batch in self.batches for item in batch.items]

    @property
    def paths(self) -> list[str]:
        return [item.path for batch in self.batches for item in batch.items]

    @property
    def rejected(self) -> list[tuple[str, int, str]]:
        return [(r.path, r.item, r.reason) for batch in self.batches for r in batch.rejected]

    @property
    def unchanged(self) -> int:
        return sum(batch.unchanged for batch in self.batches)


async def fetch_all(source: Source, progress: dict[str, Any] | None = None) -> FetchResult:
    """Fetch all batches of the source since the progress."""
    result = FetchResult(dict(progress or {}))
    async for batch in source.fetch(result.progress.copy()):
        assert not result.batches or not result.batches[-1].last
        result.batches.append(batch)
        result.progress.update(json.loads(json.dumps(batch.progress)))
    assert result.batches[-1].last
    return result
