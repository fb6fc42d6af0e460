"""What each part of clustering contributes: stories with one of them switched off at a time.

python -m scripts.ablation RECORDS LABELS [RECORDS LABELS ...], as `topicwire eval stories` takes them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from unittest.mock import patch

from bot.cli.corpus import Corpus, group, read_corpus, split_files
from bot.cli.eval_stories import read_events
from bot.domain.clustering import story_cluster, vocabulary
from bot.domain.clustering.agreement import b_cubed
from bot.domain.clustering.params import DEFAULT_PARAMS, ClusteringParams

# What it is, the parameter, and the value that switches it off.
PARTS: tuple[tuple[str, ClusteringParams], ...] = (
    ("the most telling common word counts less", replace(DEFAULT_PARAMS, top_word_share=0.0)),
    ("rivals count against a story", replace(DEFAULT_PARAMS, rivalry=0.0)),
    ("the threshold rises with the number of stories", replace(DEFAULT_PARAMS, crowd_growth=0.0)),
    ("the threshold is higher while few words are known", replace(DEFAULT_PARAMS, cold_start=0.0)),
    ("the threshold rises with the days in between", replace(DEFAULT_PARAMS, late_growth=0.0)),
    ("the threshold is higher within one outlet", replace(DEFAULT_PARAMS, same_outlet=0.0)),
    ("instalments of a series stay separate", replace(DEFAULT_PARAMS, series=2.0)),
    ("large stories need more than one common word", replace(DEFAULT_PARAMS, second_word=0.0)),
    ("a declaration lowers the threshold", replace(DEFAULT_PARAMS, declared=1.0)),
    ("24 candidates instead of 12", replace(DEFAULT_PARAMS, candidates=24)),
    ("6 candidates instead of 12", replace(DEFAULT_PARAMS, candidates=6)),
    ("a budget of 1,000 entries of the index", replace(DEFAULT_PARAMS, budget=1_000)),
)
# Weights of words are no parameters: every report is weighed with them.
WEIGHTS: tuple[tuple[str, AbstractContextManager[object]], ...] = (
    ("names weigh more, words that are never names weigh less", patch.object(vocabulary, "NAME", 0.0)),
    ("words of excerpts count", patch.object(story_cluster, "EXCERPT", 1e-9)),
)


def read_sets(files: Sequence[Path]) -> list[tuple[str, Corpus, Mapping[int, str]]]:
    """The name, the records, and the events of each set."""
    sets: list[tuple[str, Corpus, Mapping[int, str]]] = []
    for records, labels in split_files(files):
        assert records is not None
        assert labels is not None
        corpus = read_corpus(records)
        sets.append((records.stem, corpus, read_events(labels, corpus)))
    return sets


def main() -> None:
    """Print a row a part: F1 (B-cubed) on every set, their mean, and what the part changes."""
    parser = argparse.ArgumentParser(prog="python -m scripts.ablation", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--orders", type=int, default=3, help="how many orders of arrival to average")
    arguments = parser.parse_args()
    sets = read_sets(arguments.files)

    def row(
        name: str,
        before: float | None,
        *,
        params: ClusteringParams = DEFAULT_PARAMS,
        weights: AbstractContextManager[object] = nullcontext(),  # noqa: B008 # it holds nothing
    ) -> float:
        figures = []
        for _, corpus, events in sets:
            with weights:
                found = [group(corpus, order, params).stories for order in range(arguments.orders)]
            figures.append(fmean(b_cubed(events, stories).f1 for stories in found))
        mean = fmean(figures)
        change = f"{mean - before:+.3f}" if before is not None else ""
        cells = "".join(f" {figure:.3f} |" for figure in figures)
        print(f"| {name} |{cells} {mean:.3f} | {change} |", flush=True)
        return mean

    print(f"| without | {' | '.join(name for name, *_ in sets)} | mean | change |")
    print("|---" * (len(sets) + 3) + "|")
    whole = row("(nothing)", None)
    for name, changed in PARTS:
        row(name, whole, params=changed)
    for name, patched in WEIGHTS:
        row(name, whole, weights=patched)


if __name__ == "__main__":
    main()
