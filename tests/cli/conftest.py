"""Fixtures of the tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from bot import bootstrap
from bot.cli import eval_topics


@pytest.fixture(scope="session", autouse=True)
def catalogue_is_read_once() -> Iterator[None]:
    """No test changes the catalogue of the package, and to read it takes longer than most commands."""
    topics, feeds = cache(bootstrap.catalogue_topics), cache(bootstrap.catalogue_feeds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "catalogue_topics", topics)
        patch.setattr(bootstrap, "catalogue_feeds", feeds)
        patch.setattr(eval_topics, "catalogue_topics", topics)
        yield
