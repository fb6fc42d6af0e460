"""Fixtures of the tests of the command line."""

from __future__ import annotations

from functools import cache

import pytest

from bot import bootstrap
from bot.cli import eval_topics
from bot.sources import catalogue
from tests.databases import run_statements_here

# No test changes the catalogue of the package, and to read it takes longer than most commands.
_topics, _feeds = cache(catalogue.catalogue_topics), cache(catalogue.catalogue_feeds)


@pytest.fixture(autouse=True)
def commands_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process read the catalogue once, and SQLite's statements wake no thread."""
    monkeypatch.setattr(bootstrap, "catalogue_topics", _topics)
    monkeypatch.setattr(bootstrap, "catalogue_feeds", _feeds)
    monkeypatch.setattr(eval_topics, "catalogue_topics", _topics)
    run_statements_here(monkeypatch)
