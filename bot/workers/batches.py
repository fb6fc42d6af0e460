"""Batches of sources on their way into the database, and how each went."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.records.analysis import Analyses
from bot.domain.records.intake import Fate
from bot.sources.model import ItemBatch, Rejected
from bot.store.sources import SourceState

MOST_ERRORS = 10_000


@dataclass(slots=True)
class Summary:
    """How an intake went, in items; `read` is the sum of the first four, `fates` what became of each that was read well."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    withheld: dict[str, int] = field(default_factory=dict)
    posted: int = 0
    fates: list[Fate] = field(default_factory=list)

    @property
    def read(self) -> int:
        return self.new + self.changed + self.unchanged + self.rejected

    def merge(self, other: Summary) -> None:
        """Count another intake as well."""
        self.new += other.new
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.errors += other.errors[: MOST_ERRORS - len(self.errors)]
        self.notes += other.notes[: MOST_ERRORS - len(self.notes)]
        self.fates += other.fates
        self.posted += other.posted
        for reason, count in other.withheld.items():
            self.withheld[reason] = self.withheld.get(reason, 0) + count

    @classmethod
    def of(cls, batch: ItemBatch) -> Summary:
        """What is known of a batch before its items are decided about."""
        notes = [f"{item.path}: item {item.item}: {note}" for item in batch.items for note in item.notes]
        errors = list(batch.rejected[:MOST_ERRORS])
        return cls(unchanged=batch.unchanged, rejected=len(batch.rejected), errors=errors, notes=notes)

    def count(self, fates: Iterable[Fate]) -> None:
        """Count the fates of items."""
        for fate in fates:
            self.new += fate is Fate.NEW
            self.changed += fate is Fate.CHANGED
            self.unchanged += fate is Fate.UNCHANGED
            self.fates.append(fate)


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """A batch of a source, to be stored. `guild_id`: the server whose own source it is; 0: shared.

    `refused` are the items refused so far in this fetch, those of this batch among them. With `backfill`
    the newest so many of a first intake are posted after all. `analyses` are those of the items' texts, whose language
    is set then; None: they are still to be made.
    """

    state: SourceState
    batch: ItemBatch
    refused: int = 0
    guild_id: int = 0
    backfill: int = 0
    analyses: Analyses | None = None


Also = Callable[[AsyncConnection, Sequence[Summary]], Awaitable[None]]


async def nothing_else(_connection: AsyncConnection, _summaries: Sequence[Summary]) -> None:
    """There is nothing else to store."""


class BatchStore(Protocol):
    """Where the batches of polled feeds go: the intake of this process (`Ingest`), or that of another (`Inbox`)."""

    async def has_room(self, connection: AsyncConnection) -> bool:
        """Whether more feeds may be polled. Without room, what is stored already has to be taken in first."""

    async def store(self, parts: Sequence[SourceBatch], also: Also = nothing_else) -> Sequence[Summary]:
        """Store batches, each with its source's progress, in one transaction with what `also` writes then.

        `also` gets a summary for each batch. Returns the summaries of batches that were taken in here; none if
        another process takes them in.
        """
