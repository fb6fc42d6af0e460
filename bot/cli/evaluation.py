"""What all evaluations share: reading records and labels, figures and tables."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.cli.common import print_line, read_places, require_existing
from bot.domain.clustering.agreement import Quality
from bot.domain.model import Record
from bot.domain.records.identity import canonical
from bot.domain.text.language import with_language
from bot.errors import InvalidInputError

MEASURES = ("precision", "recall", "F1")


def read_records(places: Sequence[str]) -> tuple[list[Record], int]:
    """The records of files or directories with their languages, and how many items were refused."""
    require_existing(places)
    records: list[Record] = []
    refused = 0

    async def read() -> None:
        nonlocal refused
        async for batch in read_places(places):
            refused += len(batch.rejected)
            records.extend(with_language(item.record) for item in batch.items)

    asyncio.run(read())
    return records, refused


def labels_by_address(file: Path) -> dict[str, str]:
    """Canonical URL -> label, from lines of an address, a tab and a label. Raises InvalidInputError with the line."""
    labels: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        address, _, label = line.partition("\t")
        if not label.strip():
            raise InvalidInputError(
                f"{file}: line {number}: expected an address, a tab, and the name of its event."
            )
        try:
            labels[canonical(address.strip())] = label.strip()
        except ValueError as error:
            raise InvalidInputError(f"{file}: line {number}: {error}.") from error
    return labels


def quality_of(right: int, found: int, wanted: int) -> Quality:
    """Precision and recall from counts; each is 1 where there is nothing to be wrong about."""
    return Quality(right / found if found else 1.0, right / wanted if wanted else 1.0, found)


def quality_values(quality: Quality) -> dict[str, float]:
    """Precision, recall and F1 by name, to three places."""
    return dict(
        zip(MEASURES, (round(v, 3) for v in (quality.precision, quality.recall, quality.f1)), strict=True)
    )


def print_table(rows: Mapping[str, Mapping[str, float]]) -> None:
    """Print rows of figures below their names."""
    columns = list(next(iter(rows.values())))
    wide = max(map(len, rows))
    print_line(" " * wide + "".join(f"{name:>11}" for name in columns))
    for name, values in rows.items():
        cells = (
            f"{value:>11.3f}" if isinstance(value, float) else f"{value:>11,}" for value in values.values()
        )
        print_line(f"{name:<{wide}}" + "".join(cells))


def peak_memory() -> int:
    """The most memory that this process had, in MB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
