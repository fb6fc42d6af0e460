"""Taking a folder in over the command line: a process each, interpreter and imports included."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.table import line


def _ingest(records: Path, db: Path) -> tuple[float, dict[str, Any]]:
    command = [sys.executable, "-m", "bot", "ingest", str(records), "--db", str(db), "--json"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.perf_counter() - started
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return took, summary


def measure(records: Path, runs: int) -> None:
    """A first intake into a new database, and a second one in which nothing changed."""
    first, second = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            took, summary = _ingest(records, Path(folder) / "bench.db")
            first.append(took)
            again, unchanged = _ingest(records, Path(folder) / "bench.db")
            second.append(again)
            if unchanged["unchanged"] != summary["read"]:
                sys.exit(f"the second intake of {records} found changes: {unchanged}")
    print(f"\nIntake of {records}: {summary['read']} items, {summary['rejected']} rejected")
    line("first intake, new database", first, "s")
    line("second intake, nothing changed", second, "s")
