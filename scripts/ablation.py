"""What each part of clustering contributes: stories with one of them switched off at a time.

python -m scripts.ablation RECORDS TRUTH, as `topicwire eval stories` takes them.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean
from unittest.mock import patch

from bot.cli_eval import group
from bot.domain import cluster, event, index, meaning, vocabulary
from bot.domain.quality import b_cubed

MODULES = (cluster, event, index, vocabulary)
# What it is, the constant, and the value that switches it off.
PARTS: tuple[tuple[str, str, float], ...] = (
    ("names tell more, words that are never names less", "NAME", 0.0),
    ("half of the most telling common word is not counted", "ONE_WORD", 0.0),
    ("the bar rises with the number of stories", "CROWD", 0.0),
    ("the bar is higher while little is known of words", "UNSURE", 0.0),
    ("the bar rises with the days in between", "LATE", 0.0),
    ("one outlet's titles are alike anyway", "SAME_OUTLET", 0.0),
    ("a series of an outlet is no story", "SERIES", 2.0),
    ("large stories need more than one word", "SECOND", 0.0),
    ("a declaration lowers the bar", "DECLARED", 1.0),
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
    parser.add_argument("--orders", type=int, default=0, help="the mean of so many other orders of arrival")
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
    whole = row("(nothing: words alone)", None)
    if meaning.installed():
        row("(nothing, and with what titles mean)", whole, semantic=True)
    for name, constant, off in PARTS:
        with ExitStack() as patches:
            for module in MODULES:
                if hasattr(module, constant):  # some are read in two of them
                    patches.enter_context(patch.object(module, constant, off))
            row(name, whole)


if __name__ == "__main__":
    main()
