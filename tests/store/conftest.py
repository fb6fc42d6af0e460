"""Which tests of the store run on which databases.

In the long form each runs on both. In the short form the cases of a test take turns, and so do the tests of some files, of which
several go through each statement; what one test alone goes through has the mark `both_stores`. So every function of the store
runs on both databases.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from tests.form import LONG

HERE = Path(__file__).parent
STORES = ("sqlite", "postgresql")
IN_TURNS = ("records", "stories", "story_topics")


def _turn(item: pytest.Function) -> int | None:
    """The place of a test, or of a case of it, among those that take turns. None if it runs on both databases."""
    several = [mark for mark in item.iter_markers("parametrize") if len(mark.args[1]) > 1]
    if several:  # so that each value of a parameter meets both databases
        return sum(place for name, place in item.callspec.indices.items() if name != "store_url")
    if item.path.stem.removeprefix("test_") not in IN_TURNS or item.get_closest_marker("both_stores"):
        return None
    return zlib.crc32(item.originalname.encode())


def _elsewhere(item: pytest.Item) -> bool:
    """Whether only the other database has its turn."""
    if item.path.parent != HERE or not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return False
    store = item.callspec.params.get("store_url")
    if store not in STORES or any("store_url" in mark.args[0] for mark in item.iter_markers("parametrize")):
        return False
    turn = _turn(item)
    return turn is not None and store != STORES[turn % len(STORES)]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the other database tests."""
    if LONG:
        return
    left_out = {item for item in items if _elsewhere(item)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]
