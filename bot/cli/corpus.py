"""Records from files, grouped into stories in several orders of arrival: what evaluations of stories share."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.cli.evaluation import read_records
from bot.domain.clustering import embeddings
from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.params import DEFAULT_PARAMS, ClusteringParams
from bot.domain.clustering.story_cluster import Report
from bot.domain.records.identity import canonical
from bot.domain.records.intake import Arrival, StoredContext, identify, keys_of
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError
from bot.runtime import clock

LABELS = ".tsv"  # how the name of a file with labels ends
JITTER = timedelta(hours=6)  # the most by which an order moves the time of a record, either way


@dataclass(frozen=True, slots=True)
class Corpus:
    """Records as clustering sees them: reports by id, the ids that arrive, titles by id, and ids by address."""

    reports: Mapping[int, Report]
    arrivals: frozenset[int]
    titles: Mapping[int, str]
    ids: Mapping[str, int]
    refused: int

    def id_of(self, address: str) -> int | None:
        """The id of the record with an address; None if there is none. ValueError: it is not a web address."""
        return self.ids.get(canonical(address.strip()))


@dataclass(frozen=True, slots=True)
class Grouping:
    """The story of each arrival in one order, and how many seconds finding them took."""

    stories: Mapping[int, int]
    seconds: float


def require_model(semantic: bool) -> None:
    """Raise InvalidInputError if reports are to be compared by meaning, and nothing installed can."""
    if semantic and (problem := embeddings.problem()):
        raise InvalidInputError(f"--semantic: {problem}.")


def split_files(files: Sequence[Path]) -> Iterator[tuple[Path | None, Path | None]]:
    """Each file of records with the file of labels after it, as far as there are both."""
    records: Path | None = None
    for file in files:
        is_labels = file.suffix.lower() == LABELS
        if is_labels or records is not None:
            yield records, file if is_labels else None
        records = None if is_labels else file
    if records is not None:
        yield records, None


def read_corpus(place: Path, *, semantic: bool = False) -> Corpus:
    """Read records from a file or a directory; with `semantic` also what they mean."""
    records, refused = read_records([str(place)])
    if not records:
        raise InvalidInputError(f"{place}: no records found.")
    arrivals = [Arrival(record, replay=True) for record in records]
    batch = identify(
        arrivals, StoredContext({}, {}, {}), Topics(), clock.now(), timedelta(), semantic=semantic
    )
    return Corpus(
        batch.related,
        frozenset(report.id for report in batch.arrivals),
        {i: stored.record.title for i, stored in batch.records.items()},
        {key: i for i, stored in batch.records.items() for key in keys_of(stored.record)},
        refused,
    )


def arrange(corpus: Corpus, order: int) -> dict[int, Report]:
    """The reports of a corpus, each moved in time by up to `JITTER` either way; `order` is the seed.

    The times of labelled records are often those of a crawl, which visits one event after the other: in the order
    given, neighbors in time are one event, which no stream of news is like.
    """
    rng = random.Random(order)  # noqa: S311 -- the same orders each time
    most = JITTER / timedelta(days=1)
    reports = sorted(corpus.reports.items())
    return {i: report._replace(day=report.day + rng.uniform(-most, most)) for i, report in reports}


def group(corpus: Corpus, order: int, params: ClusteringParams = DEFAULT_PARAMS) -> Grouping:
    """Find the stories of a corpus, its records one by one in one order of arrival, see `arrange`."""
    moved = arrange(corpus, order)
    arrivals = sorted((moved[i] for i in corpus.arrivals), key=lambda report: report.day)
    started = clock.stopwatch()
    clustering = StoryWindow(params=params).place(arrivals, moved, 1)
    seconds = clock.stopwatch() - started
    return Grouping({report.id: clustering.stories[report.id] for report in arrivals}, seconds)
