"""Fixtures of the tests of the command line."""

from __future__ import annotations

from functools import cache

import pytest

from bot import bootstrap
from bot.cli import eval_topics
from bot.sources.catalogue import catalogue_feeds, catalogue_topics

# No test changes the catalogue of the package, and to read it takes longer than most commands.
_topics, _feeds = cache(catalogue_topics), cache(catalogue_feeds)


@pytest.fixture(autouse=True)
def the_catalogue_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process share what they read."""
    monkeypatch.setattr(bootstrap, "catalogue_topics", _topics)
    monkeypatch.setattr(bootstrap, "catalogue_feeds", _feeds)
    monkeypatch.setattr(eval_topics, "catalogue_topics", _topics)
