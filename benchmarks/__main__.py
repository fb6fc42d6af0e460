"""`python -m benchmarks [idle] [intake] [--records DIR]`: every figure is a median, with its spread."""

from __future__ import annotations

import argparse
import asyncio
import platform
from pathlib import Path

from benchmarks import idle, intake
from bot.demo.main import NEWS


def main() -> None:
    """Run the measurements that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what", nargs="*", choices=["idle", "intake", []], help="which to run; all if none is named"
    )
    parser.add_argument("--records", type=Path, default=NEWS, help="the directory that intake takes in")
    parser.add_argument("--runs", type=int, default=5, help="how often each is measured")
    arguments = parser.parse_args()
    wanted = arguments.what or ["idle", "intake"]
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    if "intake" in wanted:
        intake.measure(arguments.records, arguments.runs)
    if "idle" in wanted:
        asyncio.run(idle.measure(arguments.runs))


if __name__ == "__main__":
    main()
