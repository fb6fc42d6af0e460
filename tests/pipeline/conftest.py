"""A bot at work, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.databases import opened_as
from tests.make import Clock
from tests.pipeline.desk import Desk, Meanwhile


@pytest.fixture
async def desk(store_url: str, clock: Clock) -> AsyncIterator[Desk]:
    """A bot that knows the topics AI and Space, and is past its source's first intake."""
    async with opened_as(store_url, Meanwhile) as db:
        made = Desk(db, clock)
        await made.begin("AI", "Space")
        made.woken = 0
        yield made


@pytest.fixture
async def fresh(store_url: str, clock: Clock) -> AsyncIterator[Desk]:
    """A bot that has never taken anything in."""
    async with opened_as(store_url, Meanwhile) as db:
        yield Desk(db, clock)
