"""Real material beside the repository, for tests that use it where it is there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from bot.domain.model import Record
from bot.sources.records import parse
from tests.form import sized

SHARED = Path(__file__).parents[2] / "shared" / "data"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not beside the repository")

# Of a site whose files are large the short form reads a third, and those of the stories that tests name.
LARGE_FILES = {"azure": ("jedi", "nba")}


@cache
def site_records(site: str) -> tuple[Record, ...]:
    """The records of a site, in the order of its files."""
    files = sorted((SHARED / "records" / site / "_news").rglob("*.md"))
    if names := LARGE_FILES.get(site):
        some = set(files[:: sized(3, long=1)])
        files = [file for file in files if file in some or any(name in file.name for name in names)]
    return tuple(item.record for file in files for item in parse(file.read_bytes(), file.name).items)
