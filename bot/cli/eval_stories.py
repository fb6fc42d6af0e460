"""What `topicwire eval stories` does: how well stories agree with the events that people named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from bot.cli.common import print_json, print_line
from bot.cli.corpus import Corpus, Grouping, group, read_corpus, require_model, split_files
from bot.cli.eval_pairs import address_pairs
from bot.cli.evaluation import MEASURES, labels_by_address, peak_memory, print_table
from bot.domain.clustering import embeddings
from bot.domain.clustering.agreement import Quality, b_cubed, pairwise
from bot.errors import InvalidInputError

AGREEMENTS: Mapping[str, Callable[[Mapping[int, str], Mapping[int, int]], Quality]] = {
    "B-cubed": b_cubed,
    "pairwise": pairwise,
}
COUNTS = ("records", "labelled", "events", "stories", "largest")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A set of records, the event of each that has one, and its stories in each order of arrival."""

    name: str
    corpus: Corpus
    events: Mapping[int, str]
    groupings: Sequence[Grouping]

    def figures(self) -> dict[str, Any]:
        """Means over the orders; `largest` is the size of the largest story in any of them."""
        sizes = [Counter(grouping.stories.values()) for grouping in self.groupings]
        result: dict[str, Any] = {
            "records": len(self.corpus.arrivals),
            "labelled": len(self.events),
            "events": len(set(self.events.values())),
            "stories": round(fmean(map(len, sizes))),
            "largest": max(max(each.values()) for each in sizes),
        }
        for name, agreement in AGREEMENTS.items():
            measured = [agreement(self.events, grouping.stories) for grouping in self.groupings]
            values = zip(*((q.precision, q.recall, q.f1) for q in measured), strict=True)
            result[name] = dict(zip(MEASURES, (round(fmean(value), 3) for value in values), strict=True))
        return result


def stories(
    files: Sequence[Path],
    pairs: Path | None,
    *,
    orders: int,
    errors: int,
    semantic: bool,
    as_json: bool,
) -> int:
    """`topicwire eval stories`. Returns how many items were refused.

    `files` are records, each followed by its labels. `pairs` has pairs of addresses of the last records, which may do
    without labels.
    """
    require_model(semantic)
    sets, last, refused = [], None, 0
    for records, labels in split_files(files):
        if records is None:
            raise InvalidInputError(f"{labels}: a file of records must come before it.")
        if labels is None and pairs is None:
            raise InvalidInputError(
                f"{records}: a file with the events of its records (*.tsv) must follow it."
            )
        last = read_corpus(records, semantic=semantic)
        refused += last.refused
        if labels is not None:
            groupings = [group(last, order) for order in range(orders)]
            sets.append(Evaluated(records.stem, last, read_events(labels, last), groupings))
    facts: dict[str, Any] = {
        "semantic": semantic,
        "orders": orders,
        "sets": {s.name: s.figures() for s in sets},
    }
    if sets:
        facts |= _overall(sets, list(facts["sets"].values()))
    if pairs is not None and last is not None:
        facts["pairs"] = address_pairs(pairs, last, orders)
    if as_json:
        print_json(facts)
        return refused
    _print(facts)
    for one in sets:
        for line in _worst(one, errors):
            print_line(line)
    return refused


def read_events(file: Path, corpus: Corpus) -> dict[int, str]:
    """The event of each record that has one, from lines of an address, a tab and the name of the event."""
    ids = {corpus.ids.get(address): label for address, label in labels_by_address(file).items()}
    events = {i: label for i, label in ids.items() if i in corpus.arrivals}
    if not events:
        raise InvalidInputError(f"{file}: none of its addresses belongs to a record.")
    return events


def _overall(sets: Sequence[Evaluated], figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of what is counted and the means of what is measured, every set of the same weight."""
    placed = sum(len(one.corpus.arrivals) * len(one.groupings) for one in sets)
    seconds = sum(grouping.seconds for one in sets for grouping in one.groupings)
    result: dict[str, Any] = {name: sum(row[name] for row in figures) for name in COUNTS}
    result["largest"] = max(row["largest"] for row in figures)
    for name in AGREEMENTS:
        result[name] = {m: round(fmean(row[name][m] for row in figures), 3) for m in MEASURES}
    return {**result, "records_per_second": round(placed / seconds), "peak_memory_mb": peak_memory()}


def _print(facts: Mapping[str, Any]) -> None:
    print_line(
        f"stories by {embeddings.basis(facts['semantic'])}; means of {facts['orders']} orders of arrival"
    )
    rows = dict(facts["sets"])
    if len(rows) > 1:
        rows["mean"] = facts
    for name in AGREEMENTS if rows else ():
        print_line(f"\n{name}")
        print_table(
            {key: {**{count: row[count] for count in COUNTS}, **row[name]} for key, row in rows.items()}
        )
    if rows:
        print_line(f"\n{facts['records_per_second']:,} records/s, {facts['peak_memory_mb']} MB peak memory")
    if "pairs" in facts:
        print_line("")
        print_table({"pairs": facts["pairs"]})


def _worst(one: Evaluated, most: int) -> Iterator[str]:
    """The events that the first order splits most, and the stories of most events, each with titles that show it."""
    found = one.groupings[0].stories
    for heading, groups, others in (
        ("Events in several stories", one.events, found),
        ("Stories of several events", {i: found[i] for i in one.events}, one.events),
    ):
        members: dict[Any, list[int]] = {}
        for i, label in groups.items():
            members.setdefault(label, []).append(i)
        parts = {label: Counter(others[i] for i in inside) for label, inside in members.items()}
        wrong = [label for label in parts if len(parts[label]) > 1]
        wrong.sort(key=lambda label: parts[label].total() - parts[label].most_common(1)[0][1], reverse=True)
        if wrong[:most]:
            yield f"\n{one.name}: {heading}"
        for label in wrong[:most]:
            yield f"  {label}: {parts[label].total()} records in {len(parts[label])} parts"
            for other, size in parts[label].most_common(3):
                title = next(one.corpus.titles[i] for i in members[label] if others[i] == other)
                yield f"    {size:>5}  {title}"
