"""Which tests of the store run on which databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.form import LONG

HERE = Path(__file__).parent
STORES = ("sqlite", "postgresql")


def _elsewhere(item: pytest.Item) -> bool:
    """Whether the short form runs this case on the other database alone.

    The cases of a test take turns, so that each test runs on both, and so does each value of its parameters where it has several.
    """
    if item.path.parent != HERE or not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return False
    turns = dict(item.callspec.indices)
    store = item.callspec.params.get("store_url")
    turns.pop("store_url", None)
    several = [mark for mark in item.iter_markers("parametrize") if len(mark.args[1]) > 1]
    return bool(several) and store in STORES and store != STORES[sum(turns.values()) % len(STORES)]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the other database tests."""
    if LONG:
        return
    left_out = [item for item in items if _elsewhere(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not _elsewhere(item)]
