"""What each part of clustering contributes: stories with one of them switched off at a time.

python -m scripts.ablation RECORDS TRUTH, as `topicwire eval stories` takes them.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean
from unittest.mock import patch

from bot.cli.evaluation import group
from bot.domain.clustering import assign as cluster
from bot.domain.clustering import embeddings as meaning
from bot.domain.clustering import index, vocabulary
from bot.domain.clustering import story_cluster as event
from bot.domain.clustering.agreement import b_cubed

MODULES = (cluster, event, index, vocabulary)
# What it is, the constant, and the value that switches it off.
PARTS: tuple[tuple[str, str, float], ...] = (
    ("names weigh more, words that are never names weigh less", "NAME", 0.0),
    ("the most telling common word counts half", "ONE_WORD", 0.0),
    ("the threshold rises with the number of stories", "CROWD", 0.0),
    ("the threshold is higher while few words are known", "UNSURE", 0.0),
    ("the threshold rises with the days in between", "LATE", 0.0),
    ("the threshold is higher within one outlet", "SAME_OUTLET", 0.0),
    ("instalments of a series stay separate", "SERIES", 2.0),
    ("large stories need more than one common word", "SECOND", 0.0),
    ("a declaration lowers the threshold", "DECLARED", 1.0),
    ("words of excerpts count", "EXCERPT", 1e-9),
    ("24 candidates instead of 12", "CANDIDATES", 24),
    ("6 candidates instead of 12", "CANDIDATES", 6),
    ("a budget of 1,000 entries of the index", "BUDGET", 1_000),
)


def main() -> None:
    """Print a row a part: precision, recall and F1 (B-cubed), and what it changes."""
    parser = argparse.ArgumentParser(prog="python -m scripts.ablation", description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--orders", type=int, default=0, help="how many other orders of arrival to average")
    arguments = parser.parse_args()

    def row(name: str, before: float | None, *, semantic: bool = False) -> float:
        found = []
        for order in range(arguments.orders) or (None,):
            grouped, _ = group([str(arguments.records)], arguments.truth, semantic=semantic, order=order)
            found.append(b_cubed(grouped.labels, grouped.stories))
        precision, recall, f1 = (
            fmean(values) for values in zip(*((q.precision, q.recall, q.f1) for q in found), strict=True)
        )
        change = f"{f1 - before:+.3f}" if before is not None else ""
        print(f"| {name} | {precision:.3f} | {recall:.3f} | {f1:.3f} | {change} |")
        return f1

    print("| without | precision | recall | F1 | change |\n|---|---|---|---|---|")
    whole = row("(nothing: words only)", None)
    if meaning.installed():
        row("(nothing: words and meaning)", whole, semantic=True)
    for name, constant, off in PARTS:
        with ExitStack() as patches:
            for module in MODULES:
                if hasattr(module, constant):  # some are read in two of them
                    patches.enter_context(patch.object(module, constant, off))
            row(name, whole)


if __name__ == "__main__":
    main()
