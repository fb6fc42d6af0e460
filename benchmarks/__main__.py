"""`python -m benchmarks [NAME …]`: every figure is a median, with its spread."""

from __future__ import annotations

import argparse
import asyncio
import platform
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from benchmarks import (
    arrival,
    beside_reader,
    briefs,
    clustering,
    commands,
    event_loop,
    fanout,
    idle,
    idle_feeds,
    inbox,
    intake,
    matching,
    outward,
    parsing,
    pollers,
    polling,
    queue,
    search,
    sending,
    unchanged,
    volume,
    webhooks,
)
from bot.demo.main import NEWS
from bot.runtime import process

MEASURES: Mapping[str, Callable[[argparse.Namespace], Coroutine[Any, Any, None] | None]] = {
    "intake": lambda a: intake.measure(a.records, a.runs),
    "matching": lambda a: matching.measure(a.runs),
    "clustering": lambda a: clustering.measure(a.stream),
    "parsing": lambda a: parsing.measure(a.runs),
    "unchanged": lambda a: unchanged.measure(a.runs),
    "polling": lambda a: polling.measure(a.runs, a.feeds),
    "pollers": lambda a: pollers.measure(a.runs),
    "inbox": lambda a: inbox.measure(a.runs),
    "reader": lambda a: beside_reader.measure(a.runs),
    "search": lambda a: search.measure(a.runs),
    "commands": lambda a: commands.measure(a.runs, a.stories),
    "loop": lambda a: event_loop.measure(a.runs, a.stories),
    "idle": lambda a: idle.measure(a.runs),
    "idle-feeds": lambda _: idle_feeds.measure(),
    "briefs": lambda a: briefs.measure(a.runs),
    "fanout": lambda a: fanout.measure(a.runs),
    "outward": lambda a: outward.measure(a.runs),
    "sending": lambda a: sending.measure(a.job, a.way),
    "webhooks": lambda _: webhooks.measure(),
    "volume": lambda a: volume.measure(a.records),
    "arrival": lambda _: arrival.measure(),
    "queue": lambda a: queue.measure(a.runs),
}


def main() -> None:
    """Run the measurements that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="NAME", help=f"{', '.join(MEASURES)}; all by default")
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
    parser.add_argument(
        "--job",
        action="append",
        default=[],
        choices=sending.JOBS,
        help="what sending measures; all by default",
    )
    parser.add_argument(
        "--way",
        action="append",
        default=[],
        help="the ways to send that it measures, by the beginning of their names",
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.what).difference(MEASURES):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}; choose from {', '.join(MEASURES)}")
    process.collect_garbage_less_often()  # as the program does
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in arguments.what or MEASURES:
        running = MEASURES[name](arguments)
        if running is not None:
            asyncio.run(running)


if __name__ == "__main__":
    main()
