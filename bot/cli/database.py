"""The commands `topicwire db backup`, `restore`, `copy` and `check`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.cli.common import load_settings, print_json, print_line, print_note
from bot.domain.text.cleaning import plural
from bot.runtime import clock
from bot.store import backup, copying, inspection
from bot.store.database import redact

PERCENT_STEP = 10  # between two lines of progress


def back_up(file: Path, db_url: str | None, config: Path) -> None:
    """`topicwire db backup`."""
    shown: list[int] = []

    def show_progress(done: int, total: int) -> None:
        percent = done * 100 // total if total else 100
        if not shown or percent >= shown[-1] + PERCENT_STEP or (percent == 100 and shown[-1] < 100):
            shown.append(percent)
            print_note(f"{percent} % of {total} pages copied")

    url = db_url or load_settings(config).database.url
    backup.back_up(url, file, show_progress)
    print_line(f"Backed up {redact(url)} to {file}")


def restore(file: Path, replace: bool, db_url: str | None, config: Path) -> None:
    """`topicwire db restore`."""
    url = db_url or load_settings(config).database.url
    kept = backup.restore(url, file, replace=replace, now=clock.now())
    print_line(f"Restored {redact(url)} from {file}")
    if kept is not None:
        print_line(f"The earlier database is kept: {kept}")


def copy(source: str, target: str) -> None:
    """`topicwire db copy`."""
    shown: dict[str, int] = {}

    def show_progress(table: str, done: int, total: int) -> None:
        percent = done * 100 // max(total, 1)
        if done >= total or percent >= shown.get(table, 0) + PERCENT_STEP:
            shown[table] = percent
            print_note(f"{table}: {done:,} of {total:,} rows copied")

    counts = asyncio.run(copying.copy(source, target, show_progress))
    rows = plural(sum(counts.values()), "row")
    print_line(f"Copied {redact(source)} to {redact(target)}: {rows}, each compared with its original")


def check(db_url: str | None, as_json: bool, config: Path) -> int:
    """`topicwire db check`; returns the number of problems."""
    url = db_url or load_settings(config).database.url
    checks = asyncio.run(inspection.check_database(url))
    if as_json:
        print_json(
            {"database": redact(url), "problems": {check.name: list(check.problems) for check in checks}}
        )
    else:
        for check in checks:
            print_line(f"{check.name}: {'fine' if not check.problems else '; '.join(check.problems)}")
    return sum(len(check.problems) for check in checks)
