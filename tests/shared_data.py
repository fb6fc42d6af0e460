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

# Files that are large: the short form reads those before this day, after the stories that tests name.
READ_BEFORE = {"azure": "2020-04-23"}


@cache
def site_records(site: str) -> tuple[Record, ...]:
    """The records of a site, in the order of its files."""
    files = sorted((SHARED / "records" / site / "_news").rglob("*.md"))
    before = sized(READ_BEFORE.get(site, ""), long="")
    files = [file for file in files if not before or file.name < before]
    return tuple(item.record for file in files for item in parse(file.read_bytes(), file.name).items)
