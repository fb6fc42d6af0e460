"""What each part of clustering contributes: stories with one of them switched off at a time.

python -m scripts.ablation RECORDS TRUTH, as `topicwire eval stories` takes them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from bot.cli_eval import group
from bot.domain import cluster, event, index
from bot.domain.quality import b_cubed

# What it is, the module and the constant, and the value that switches it off.
PARTS: tuple[tuple[str, ModuleType, str, float], ...] = (
    ("names tell more, words that are never names less", index, "NAME", 0.0),
    ("half of the most telling common word is not counted", cluster, "ONE_WORD", 0.0),
    ("the bar rises with the number of stories", cluster, "CROWD", 0.0),
    ("the bar is higher while little is known of words", cluster, "UNSURE", 0.0),
    ("the bar rises with the days in between", cluster, "LATE", 0.0),
    ("one outlet's titles are alike anyway", cluster, "SAME_OUTLET", 0.0),
    ("a series of an outlet is no story", cluster, "SERIES", 2.0),
    ("large stories need more than one word", cluster, "SECOND", 0.0),
    ("a declaration lowers the bar", cluster, "DECLARED", 1.0),
    ("words of excerpts count", event, "EXCERPT", 1e-9),
    ("24 candidates instead of 12", cluster, "CANDIDATES", 24),
    ("6 candidates instead of 12", cluster, "CANDIDATES", 6),
    ("a budget of 1,000 entries of the index", index, "BUDGET", 1_000),
)


def main() -> None:
    """Print a row a part: precision, recall and F1 (B-cubed), and what it changes."""
    parser = argparse.ArgumentParser(prog="python -m scripts.ablation", description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("truth", type=Path)
    arguments = parser.parse_args()

    def row(name: str, before: float | None) -> float:
        grouped, _ = group([str(arguments.records)], arguments.truth)
        found = b_cubed(grouped.labels, grouped.stories)
        change = f"{found.f1 - before:+.3f}" if before is not None else ""
        print(f"| {name} | {found.precision:.3f} | {found.recall:.3f} | {found.f1:.3f} | {change} |")
        return found.f1

    print("| without | precision | recall | F1 | change |\n|---|---|---|---|---|")
    whole = row("(nothing: as it is)", None)
    for name, module, constant, off in PARTS:
        with patch.object(module, constant, off):
            row(name, whole)


if __name__ == "__main__":
    main()
