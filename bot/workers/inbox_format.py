"""How a polled batch is written in the inbox: as MessagePack, read back into the same values or refused.

Fields that a later version adds have defaults, and those that it removed are skipped, so a version reads what another
one left.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bot.domain.records.analysis import TextAnalysis
from bot.sources.model import Item, Rejected


@dataclass(frozen=True, slots=True)
class WaitingBatch:
    """What of a polled batch the intake needs. `analyses` are those of the items' texts, in the order of `texts_of`."""

    items: tuple[Item, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    unchanged: int = 0
    analyses: tuple[TextAnalysis, ...] = ()


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(WaitingBatch)


class UnreadableBatchError(ValueError):
    """The bytes are no batch that this version can read."""


def encode(batch: WaitingBatch) -> bytes:
    """The batch as bytes."""
    return _ENCODER.encode(batch)


def decode(payload: bytes) -> WaitingBatch:
    """The batch that `encode` wrote. Raises UnreadableBatchError."""
    try:
        return _DECODER.decode(payload)
    except msgspec.DecodeError as error:  # ValidationError is one
        raise UnreadableBatchError(str(error)) from error
