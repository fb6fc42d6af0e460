"""What each part of clustering contributes: stories with one of them switched off at a time.

python -m scripts.ablation RECORDS TRUTH, as `topicwire eval stories` takes them.
"""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from unittest.mock import patch

from bot.cli.evaluation import group
from bot.domain.clustering import embeddings, story_cluster, vocabulary
from bot.domain.clustering.agreement import b_cubed
from bot.domain.clustering.params import DEFAULT_PARAMS, ClusteringParams

# What it is, the parameter, and the value that switches it off.
PARTS: tuple[tuple[str, ClusteringParams], ...] = (
    ("the most telling common word counts half", replace(DEFAULT_PARAMS, top_word_share=0.0)),
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


def main() -> None:
    """Print a row a part: precision, recall and F1 (B-cubed), and what it changes."""
    parser = argparse.ArgumentParser(prog="python -m scripts.ablation", description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--orders", type=int, default=0, help="how many other orders of arrival to average")
    arguments = parser.parse_args()

    def row(
        name: str,
        before: float | None,
        *,
        semantic: bool = False,
        params: ClusteringParams = DEFAULT_PARAMS,
        weights: AbstractContextManager[object] = nullcontext(),  # noqa: B008 # it holds nothing
    ) -> float:
        found = []
        for order in range(arguments.orders) or (None,):
            with weights:
                grouped, _ = group(
                    [str(arguments.records)], arguments.truth, semantic=semantic, order=order, params=params
                )
            found.append(b_cubed(grouped.labels, grouped.stories))
        precision, recall, f1 = (
            fmean(values) for values in zip(*((q.precision, q.recall, q.f1) for q in found), strict=True)
        )
        change = f"{f1 - before:+.3f}" if before is not None else ""
        print(f"| {name} | {precision:.3f} | {recall:.3f} | {f1:.3f} | {change} |")
        return f1

    print("| without | precision | recall | F1 | change |\n|---|---|---|---|---|")
    whole = row("(nothing: words only)", None)
    if embeddings.installed():
        row("(nothing: words and meaning)", whole, semantic=True)
    for name, changed in PARTS:
        row(name, whole, params=changed)
    for name, patched in WEIGHTS:
        row(name, whole, weights=patched)


if __name__ == "__main__":
    main()
