"""What every source gives: items in bounded batches, with the progress to be stored along with them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from bot.domain.model import Record

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Progress: TypeAlias = Mapping[str, Mapping[str, JSON]]


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that cannot be taken in. `item` counts from 1; of a file with an item a line it is the line."""

    path: str
    item: int
    reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """A record that was read. `notes` say what of it was left out, and why; they are for the log."""

    path: str
    item: int
    record: Record
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemBatch:
    """A part of what a source has, to be stored in one transaction together with `progress`.

    `progress` are the entries to add or replace. `unchanged` counts items that were not read again
    because what they came from is as it was. `last` is True of the final batch of a fetch alone.
    """

    items: tuple[Item, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    unchanged: int = 0
    progress: Progress = field(default_factory=dict)
    last: bool = False


class Source(Protocol):
    """Where records come from. A source keeps no state: what it has seen is the `progress` it is given."""

    @property
    def name(self) -> str:
        """The source's identity, the same at every start: `folder:/abs/path`."""

    @property
    def kind(self) -> str:
        """What it is, in a word: `folder`."""

    def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """Read what is new since `progress`, in bounded batches; at least one, the final one `last`."""

    def changes(self) -> AsyncGenerator[None, None]:
        """Yield once when watching has begun, then whenever there may be something new. Never ends."""
