"""What a source gives when it is fetched, for the tests of sources."""

from __future__ import annotations

import json
from typing import Any

from bot.sources.model import ItemBatch, Source


class Taken:
    """All that one fetch gave, and the progress as a store keeps it."""

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


async def take(source: Source, progress: dict[str, Any] | None = None) -> Taken:
    """Fetch once, from that progress on."""
    taken = Taken(dict(progress or {}))
    async for batch in source.fetch(taken.progress.copy()):
        assert not taken.batches or not taken.batches[-1].last
        taken.batches.append(batch)
        taken.progress.update(json.loads(json.dumps(batch.progress)))
    assert taken.batches[-1].last
    return taken
