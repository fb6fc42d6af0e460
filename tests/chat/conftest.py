"""The world in which commands are used and posts appear."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from simcord.env import Env

from bot.domain.polling import Polls
from bot.runtime.app import App
from bot.services.context import Context
from bot.sources.web.fetch import Web
from bot.store.database import Database
from tests.chat.world import World
from tests.make import Clock


@pytest.fixture
def web() -> Web | None:
    """How the bot reaches feeds; tests of feeds have a fixture of their own."""
    return None


@pytest.fixture
def polls() -> Polls:
    """What holds for all feeds."""
    return Polls()


@pytest.fixture
async def world(
    sqlite_url: str,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    web: Web | None,
    polls: Polls,
) -> AsyncIterator[World]:
    """A server with the bot in it."""
    caplog.set_level(logging.INFO)
    db = await Database.open(sqlite_url)
    try:
        app = App(Context(db, clock, editors="all", polls=polls, web=web))
        env = Env(app.client)
        await env.start()
        try:
            made = await World.make(env, app, clock, caplog)
            yield made
        finally:
            await env.shutdown()
        if len(env.errors) != made.errors:
            env.raise_errors()
    finally:
        await db.close()
