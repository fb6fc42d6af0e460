"""What `topicwire eval` does: how well stories agree with what people said, for tuning."""

from __future__ import annotations

import asyncio
import csv
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.cli.common import existing, out, out_json, read_places
from bot.domain.clustering import embeddings
from bot.domain.clustering.agreement import Quality, b_cubed, pairwise
from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.params import DEFAULT_PARAMS, ClusteringParams
from bot.domain.clustering.story_cluster import SPAN, Report, day_of, extract_terms
from bot.domain.model import Record
from bot.domain.posting.plan import place
from bot.domain.records.identity import canonical
from bot.domain.records.intake import Arrival, Known, identify, keys_of
from bot.domain.text.language import with_language
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError
from bot.runtime import clock

PAIR_COLUMNS = ("label", "published_a", "title_a", "lede_a", "published_b", "title_b", "lede_b")
SAME, DIFFERENT = "SAME", "DIFFERENT"
JITTER = timedelta(hours=6)  # standard deviation of the changes in other orders
MEASURES = ("precision", "recall", "F1")


def stories(places: Sequence[str], truth: Path, errors: int, semantic: bool | None, as_json: bool) -> int:
    """`topicwire eval stories`. Returns how many items were refused."""
    by_meaning = _by_meaning(semantic)
    grouped, refused = group(places, truth, semantic=by_meaning)
    labels, found = grouped.labels, grouped.stories
    measured = {"B-cubed": b_cubed(labels, found), "pairwise": pairwise(labels, found)}
    facts = {
        "records": len(grouped.titles),
        "labelled": len(labels),
        "events": len(set(labels.values())),
        "stories": len(set(found.values())),
        "semantic": by_meaning,
        "records_per_second": round(len(grouped.titles) / grouped.seconds),
        "peak_memory_mb": _peak_memory(),
    }
    if as_json:
        out_json({**facts, **{name: measures(quality) for name, quality in measured.items()}})
        return refused
    out(f"records: {facts['records']:,} ({facts['labelled']:,} labelled), events: {facts['events']:,}")
    out(
        f"stories by {embeddings.basis(by_meaning)}: {facts['stories']:,} ({measured['B-cubed'].groups:,} with labelled records)"
    )
    out(f"{facts['records_per_second']:,} records/s, {facts['peak_memory_mb']} MB peak memory\n")
    table({name: measures(quality) for name, quality in measured.items()})
    for line in _worst(labels, found, grouped.titles, errors):
        out(line)
    return refused


@dataclass(frozen=True, slots=True)
class Grouped:
    """Records in stories: by the id that each was given, its title, its story, and its event where that is known.

    `seconds` is how long finding the stories took.
    """

    titles: Mapping[int, str]
    stories: Mapping[int, int]
    labels: Mapping[int, str]
    seconds: float


def group(
    places: Sequence[str],
    truth: Path,
    *,
    semantic: bool = False,
    order: int | None = None,
    params: ClusteringParams = DEFAULT_PARAMS,
) -> tuple[Grouped, int]:
    """Find the stories of records in the order of their times, with `semantic` by what titles mean, too.

    `order` is the number of another order, in which each record may change places with those of some hours before
    and after. Also returns how many items were refused.
    """
    known = labels_by_address(truth)
    records, refused = read_records(places)
    records.sort(key=_time)
    if not records:
        raise InvalidInputError(f"{', '.join(places)}: no records found.")
    if order is not None:
        records = _reordered(records, order)
    started = clock.stopwatch()
    arrivals = [Arrival(record, replay=True) for record in records]
    batch = identify(arrivals, Known({}, {}, {}), Topics(), clock.now(), timedelta(), semantic=semantic)
    found = place(batch, StoryWindow(params=params), batch.arrivals, 1).stories
    seconds = clock.stopwatch() - started
    ids = {key: i for i, stored in batch.records.items() for key in keys_of(stored.record)}
    labels = {ids[key]: label for key, label in known.items() if key in ids}
    if not labels:
        raise InvalidInputError(f"{truth}: none of its addresses belongs to a record.")
    own = [report.id for report in batch.arrivals]
    titles = {i: batch.records[i].record.title for i in own}
    return Grouped(titles, {i: found[i] for i in own}, labels, seconds), refused


def _time(record: Record) -> datetime:
    return record.published or datetime.min.replace(tzinfo=UTC)


def _reordered(records: Sequence[Record], order: int) -> list[Record]:
    rng = random.Random(order)  # noqa: S311 -- the same each time
    times = list(map(_time, records))
    later = [time.timestamp() + rng.gauss(0, JITTER.total_seconds()) for time in times]
    mixed = sorted(range(len(records)), key=later.__getitem__)
    return [replace(records[n], published=time) for n, time in zip(mixed, times, strict=True)]


def pairs(file: Path, semantic: bool | None, as_json: bool) -> None:
    """`topicwire eval pairs`: whether two reports alone would be one story, against what people said.

    How rare words are is learned from all texts of the file.
    """
    by_meaning = _by_meaning(semantic)
    rows = list(_pairs(file, by_meaning))
    if not rows:
        raise InvalidInputError(f"{file}: the file contains no pairs.")
    background = [
        report._replace(id=n, day=-2 * SPAN * n, story=n)
        for n, report in enumerate((report for _, *both in rows for report in both), 1)
    ]
    window, first = StoryWindow(background), len(background) + 1
    right = put = belong = agreed = 0
    for label, one, other in rows:
        found = window.place([one._replace(id=-1), other._replace(id=-2)], {}, first).stories
        joined = found[-1] == found[-2]
        for report_id, story in found.items():
            window.leave(story, [report_id])
        put += joined
        belong += label == SAME
        right += joined and label == SAME
        agreed += joined == (label == SAME)
    values = measures(quality_of(right, put, belong)) | {"accuracy": round(agreed / len(rows), 3)}
    if as_json:
        out_json({"pairs": len(rows), "same": belong, "semantic": by_meaning, **values})
        return
    out(f"pairs by {embeddings.basis(by_meaning)}: {len(rows)} ({belong} labelled as the same event)\n")
    table({"same event": values})


def _by_meaning(semantic: bool | None) -> bool:
    """Whether what titles mean is compared; where nobody said, if it can be."""
    if semantic and not embeddings.installed():
        raise InvalidInputError(f"--semantic: {embeddings.MISSING}.")
    return embeddings.installed() if semantic is None else semantic


def read_records(places: Sequence[str]) -> tuple[list[Record], int]:
    """The records of these places, and how many items were refused."""
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


def labels_by_address(file: Path) -> dict[str, str]:
    """Canonical URL -> label, from lines of a URL, a tab and a label."""
    known: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        url, tab, label = line.partition("\t")
        if not line.strip():
            continue
        if not tab or not label.strip():
            raise InvalidInputError(
                f"{file}: line {number}: expected an address, a tab, and the name of its event."
            )
        try:
            known[canonical(url.strip())] = label.strip()
        except ValueError as error:
            raise InvalidInputError(f"{file}: line {number}: {error}.") from error
    return known


def _pairs(file: Path, semantic: bool) -> Iterator[tuple[str, Report, Report]]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, dialect="excel-tab")
        missing = [name for name in PAIR_COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise InvalidInputError(f"{file}: line 1: the columns {', '.join(missing)} are missing.")
        for row in rows:
            if row["label"] not in (SAME, DIFFERENT):
                raise InvalidInputError(
                    f"{file}: line {rows.line_num}: the label must be {SAME} or {DIFFERENT}."
                )
            try:
                one, other = (_report(row, side, semantic) for side in "ab")
            except ValueError as error:
                raise InvalidInputError(f"{file}: line {rows.line_num}: {error}.") from error
            yield row["label"], one, other


def _report(row: Mapping[str, str], side: str, semantic: bool) -> Report:
    published = datetime.fromisoformat(row[f"published_{side}"]).replace(tzinfo=UTC)
    title = row[f"title_{side}"] or ""
    terms = extract_terms(title, row[f"lede_{side}"] or "", "")
    vector = embeddings.embed_title(title, "") if semantic else b""
    return Report(0, terms, day_of(published), f"{side}.example", meaning=vector)


def quality_of(right: int, found: int, wanted: int) -> Quality:
    """Precision and recall of what was found, of which so much is right, against what should have been."""
    return Quality(right / found if found else 1.0, right / wanted if wanted else 1.0, found)


def measures(quality: Quality) -> dict[str, float]:
    """The figures by their names, rounded to be shown."""
    return dict(
        zip(MEASURES, (round(v, 3) for v in (quality.precision, quality.recall, quality.f1)), strict=True)
    )


def table(rows: Mapping[str, Mapping[str, float]]) -> None:
    """Rows of figures below their names."""
    columns = list(next(iter(rows.values())))
    wide = max(map(len, rows))
    out(" " * wide + "".join(f"{name:>11}" for name in columns))
    for name, values in rows.items():
        cells = (
            f"{value:>11.3f}" if isinstance(value, float) else f"{value:>11,}" for value in values.values()
        )
        out(f"{name:<{wide}}" + "".join(cells))


def _worst(
    labels: Mapping[int, str], found: Mapping[int, int], titles: Mapping[int, str], most: int
) -> Iterator[str]:
    """The events that were split most, and the stories that hold most events, each with titles that show it."""
    for heading, groups, others in (
        ("Events in several stories", labels, found),
        ("Stories of several events", {i: found[i] for i in labels}, labels),
    ):
        members: dict[Any, list[int]] = {}
        for i, group in groups.items():
            members.setdefault(group, []).append(i)
        parts = {group: Counter(others[i] for i in inside) for group, inside in members.items()}
        wrong = [group for group in parts if len(parts[group]) > 1]
        wrong.sort(key=lambda group: parts[group].total() - parts[group].most_common(1)[0][1], reverse=True)
        if wrong[:most]:
            yield f"\n{heading}"
        for group in wrong[:most]:
            yield f"  {group}: {parts[group].total()} records in {len(parts[group])} parts"
            for other, size in parts[group].most_common(3):
                yield f"    {size:>5}  {next(titles[i] for i in members[group] if others[i] == other)}"


def _peak_memory() -> int:
    """The most memory that this process had, in MB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
