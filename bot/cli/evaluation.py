"""What `topicwire eval topics` does, and what all evaluations share: reading records, figures and tables."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.cli.common import existing, load_topic_files, out, out_json, read_places
from bot.domain.clustering.agreement import Quality
from bot.domain.model import Record
from bot.domain.text.language import with_language
from bot.domain.text.words import name_key
from bot.domain.topics.tree import Topics
from bot.errors import InvalidInputError

MEASURES = ("precision", "recall", "F1")


def topics(places: Sequence[str], directory: Path, as_json: bool) -> int:
    """`topicwire eval topics`: what topics match against what records declare. Returns how many items were refused."""
    known = Topics(load_topic_files(directory))
    records, refused = read_records(places)
    right: Counter[str] = Counter()
    matched: Counter[str] = Counter()
    declared: Counter[str] = Counter()
    names = {name_key(topic.name): topic.name for topic in known}
    for record in records:
        said = {found.name for name in record.topics if (found := known.resolve(name)) is not None}
        says = known.with_ancestors(said) & names.keys()
        finds = known.with_ancestors(known.matched(record)) & names.keys()
        declared.update(says)
        matched.update(finds)
        right.update(says & finds)
    if not declared:
        raise InvalidInputError(
            f"{', '.join(places)}: no record declares any of these topics, so there is nothing to compare."
        )
    rows = {
        names[key]: quality_values(quality_of(right[key], matched[key], declared[key]))
        | {"matched": matched[key], "declared": declared[key]}
        for key in sorted(names, key=lambda key: (-declared[key], key))
        if declared[key] or matched[key]
    }
    total = quality_values(quality_of(right.total(), matched.total(), declared.total()))
    total |= {"matched": matched.total(), "declared": declared.total()}
    if as_json:
        out_json({"records": len(records), "all": total, "topics": rows})
        return refused
    out(f"records: {len(records):,}, topics: {len(rows)}\n")
    print_table({"all": total, **rows})
    return refused


def read_records(places: Sequence[str]) -> tuple[list[Record], int]:
    """The records of files or directories with their languages, and how many items were refused."""
    existing(places)
    records: list[Record] = []
    refused = 0

    async def read() -> None:
        nonlocal refused
        async for batch in read_places(places):
            refused += len(batch.rejected)
            records.extend(with_language(item.record) for item in batch.items)

    asyncio.run(read())
    return records, refused


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
    out(" " * wide + "".join(f"{name:>11}" for name in columns))
    for name, values in rows.items():
        cells = (
            f"{value:>11.3f}" if isinstance(value, float) else f"{value:>11,}" for value in values.values()
        )
        out(f"{name:<{wide}}" + "".join(cells))


def peak_memory() -> int:
    """The most memory that this process had, in MB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
