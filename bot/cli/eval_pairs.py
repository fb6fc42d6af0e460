"""What `topicwire eval pairs` does: whether two reports are one story where people say that they are one event."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.cli.common import print_json, print_line
from bot.cli.corpus import Corpus, group, read_corpus, require_model, split_files
from bot.cli.evaluation import print_table, quality_of, quality_values
from bot.domain.clustering import embeddings
from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.story_cluster import SPAN, Report, day_of, extract_terms
from bot.errors import InvalidInputError

COLUMNS = ("label", "published_a", "title_a", "lede_a", "published_b", "title_b", "lede_b")
LABELS = {"SAME": True, "DIFFERENT": False}
ADDRESS_LABELS = {"1": True, "0": False}


def pairs(files: Sequence[Path], *, orders: int, semantic: bool, as_json: bool) -> int:
    """`topicwire eval pairs`. Returns how many items were refused.

    A file of pairs after a file of records has addresses of these, which are grouped in `orders` orders of arrival.
    Any other has texts, and each of its pairs is decided by itself.
    """
    require_model(semantic)
    rows: dict[str, Mapping[str, float]] = {}
    refused = 0
    for records, labels in split_files(files):
        if labels is None:
            raise InvalidInputError(f"{records}: no file of pairs (*.tsv) follows it.")
        if records is None:
            rows[labels.name] = _text_pairs(labels, semantic)
        else:
            corpus = read_corpus(records, semantic=semantic)
            refused += corpus.refused
            rows[labels.name] = address_pairs(labels, corpus, orders)
    if as_json:
        [first, *others] = rows.values()
        print_json({"semantic": semantic, **({"files": rows} if others else first)})
    else:
        print_line(f"pairs by {embeddings.basis(semantic)}\n")
        print_table(rows)
    return refused


def address_pairs(file: Path, corpus: Corpus, orders: int) -> dict[str, float]:
    """How often the pairs of a file are in one story, over so many orders of arrival.

    A line is two addresses and 1 or 0, with tabs between. A pair that is not all in the corpus counts as two stories.
    """
    labelled = list(_read_address_pairs(file, corpus))
    if not labelled:
        raise InvalidInputError(f"{file}: the file contains no pairs.")
    if all(None in both for both, _ in labelled):
        raise InvalidInputError(f"{file}: none of its pairs is of two of the records.")
    answers = []
    for order in range(orders):
        stories = group(corpus, order).stories
        for (one, other), same in labelled:
            story = None if one is None else stories.get(one)
            joined = story is not None and other is not None and story == stories.get(other)
            answers.append((joined, same))
    return {**_values(answers), "pairs": len(labelled), "same": sum(same for _, same in labelled)}


def _read_address_pairs(file: Path, corpus: Corpus) -> Iterator[tuple[tuple[int | None, int | None], bool]]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        match line.split("\t"):
            case [one, other, label] if label.strip() in ADDRESS_LABELS:
                try:
                    both = corpus.id_of(one), corpus.id_of(other)
                except ValueError as error:
                    raise InvalidInputError(f"{file}: line {number}: {error}.") from error
                yield both, ADDRESS_LABELS[label.strip()]
            case _:
                raise InvalidInputError(
                    f"{file}: line {number}: expected two addresses and 1 or 0, with tabs between."
                )


def _text_pairs(file: Path, semantic: bool) -> dict[str, float]:
    """How often two reports alone would be one story. How rare words are is learned from all texts of the file."""
    rows = list(_read_text_pairs(file, semantic))
    if not rows:
        raise InvalidInputError(f"{file}: the file contains no pairs.")
    background = [
        report._replace(id=n, day=-2 * SPAN * n, story=n)
        for n, report in enumerate((report for _, *both in rows for report in both), 1)
    ]
    window, first = StoryWindow(background), len(background) + 1
    answers = []
    for same, one, other in rows:
        stories = window.place([one._replace(id=-1), other._replace(id=-2)], {}, first).stories
        answers.append((stories[-1] == stories[-2], same))
        for report_id, story in stories.items():
            window.leave(story, [report_id])
    return {**_values(answers), "pairs": len(rows), "same": sum(same for same, *_ in rows)}


def _read_text_pairs(file: Path, semantic: bool) -> Iterator[tuple[bool, Report, Report]]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, dialect="excel-tab")
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise InvalidInputError(f"{file}: line 1: the columns {', '.join(missing)} are missing.")
        for row in rows:
            if row["label"] not in LABELS:
                raise InvalidInputError(
                    f"{file}: line {rows.line_num}: the label must be {' or '.join(LABELS)}."
                )
            try:
                one, other = (_report(row, side, semantic) for side in "ab")
            except ValueError as error:
                raise InvalidInputError(f"{file}: line {rows.line_num}: {error}.") from error
            yield LABELS[row["label"]], one, other


def _report(row: Mapping[str, str], side: str, semantic: bool) -> Report:
    published = datetime.fromisoformat(row[f"published_{side}"]).replace(tzinfo=UTC)
    title = row[f"title_{side}"] or ""
    excerpt = row[f"lede_{side}"] or ""
    terms = extract_terms(title, excerpt, "")
    vector = embeddings.embed(title, excerpt, "") if semantic else b""
    return Report(0, terms, day_of(published), f"{side}.example", meaning=vector)


def _values(answers: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    """Precision, recall, F1 and accuracy of (whether it is one story, whether it is one event)."""
    right = sum(joined and same for joined, same in answers)
    quality = quality_of(right, sum(joined for joined, _ in answers), sum(same for _, same in answers))
    agreed = sum(joined == same for joined, same in answers)
    return {**quality_values(quality), "accuracy": round(agreed / len(answers), 3)}
