"""The output of every source: items in bounded batches, with the progress to store with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from bot.domain.model import Record

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Progress: TypeAlias = Mapping[str, Mapping[str, JSON]]


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that cannot be used. `item` counts from 1; for JSON lines it is the line number."""

    path: str
    item: int
    reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """A parsed record. `notes` say for the log which parts were left out, and why."""

    path: str
    item: int
    record: Record
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemBatch:
    """A part of a source's items, to be stored in one transaction together with `progress`.

    `progress` has the entries to add or replace. `unchanged` counts items that were not read again because
    their file or feed did not change. `last` is True for the final batch of a fetch.
    """

    items: tuple[Item, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    unchanged: int = 0
    progress: Progress = field(default_factory=dict)
    last: bool = False


class Source(Protocol):
    """A source of records. It has no state: `progress` says what it has read before."""

    @property
    def name(self) -> str:
        """The stable identity of the source, such as `folder:/abs/path`."""

    @property
    def kind(self) -> str:
        """The kind of source, such as `folder`."""

    def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """Read what is new since `progress`, in bounded batches; at least one, the final one `last`."""

    def changes(self) -> AsyncGenerator[None, None]:
        """Yield once when watching starts, then whenever there may be something new. Never ends."""
