"""`python -m benchmarks [NAME …]`: every figure is a median, with its spread."""

from __future__ import annotations

import argparse
import asyncio
import platform
from pathlib import Path

from benchmarks import (
    briefs,
    clustering,
    commands,
    event_loop,
    idle,
    intake,
    matching,
    parsing,
    polling,
    search,
    unchanged,
)
from bot.demo.main import NEWS

NAMES = (
    "intake",
    "matching",
    "clustering",
    "parsing",
    "unchanged",
    "polling",
    "search",
    "commands",
    "loop",
    "idle",
    "briefs",
)


def main() -> None:
    """Run the measurements that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; all by default")
    parser.add_argument(
        "--records", type=Path, default=NEWS, help="the directory of records that intake reads"
    )
    parser.add_argument("--runs", type=int, default=5, help="how often each benchmark runs")
    parser.add_argument(
        "--feeds", type=int, default=polling.FEEDS, help="how many feeds the polling benchmark polls"
    )
    parser.add_argument(
        "--stream", type=int, default=200_000, help="the most reports for the clustering benchmark"
    )
    parser.add_argument(
        "--stories", type=int, default=300_000, help="how many stories the commands and loop benchmarks use"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.what).difference(NAMES):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in arguments.what or NAMES:
        _measure(name, arguments)


def _measure(name: str, arguments: argparse.Namespace) -> None:
    match name:
        case "intake":
            intake.measure(arguments.records, arguments.runs)
        case "matching":
            matching.measure(arguments.runs)
        case "parsing":
            parsing.measure(arguments.runs)
        case "unchanged":
            unchanged.measure(arguments.runs)
        case "polling":
            polling.measure(arguments.runs, arguments.feeds)
        case "clustering":
            clustering.measure(arguments.stream)
        case "briefs":
            briefs.measure(arguments.runs)
        case "search":
            asyncio.run(search.measure(arguments.runs))
        case "commands":
            asyncio.run(commands.measure(arguments.runs, arguments.stories))
        case "loop":
            asyncio.run(event_loop.measure(arguments.runs, arguments.stories))
        case "idle":
            asyncio.run(idle.measure(arguments.runs))


if __name__ == "__main__":
    main()
