"""The world in which commands are used and posts appear."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from simcord.env import Env

from bot.domain.polling import Polls
from bot.runtime.app import App
from bot.services.context import Context
from bot.sources.web.fetch import Web
from bot.store.database import Database
from tests.chat.world import World
from tests.make import Clock


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy: migrating one for every test would take most of its time."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"

    async def make() -> None:
        await (await Database.open(str(path))).close()

    asyncio.run(make())
    return path


async def nothing_runs() -> None:
    """End what the client still does, such as a listener: a connection of the database must not outlive its pool."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


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
    tmp_path: Path,
    empty_database: Path,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    web: Web | None,
    polls: Polls,
) -> AsyncIterator[World]:
    """A server with the bot in it."""
    caplog.set_level(logging.INFO)
    path = tmp_path / "topicwire.db"
    shutil.copy(empty_database, path)
    db = await Database.open(str(path))
    try:
        app = App(Context(db, clock, editors="all", polls=polls, web=web))
        env = Env(app.client)
        await env.start()
        try:
            made = await World.make(env, app, clock, caplog)
            yield made
        finally:
            await env.shutdown()
            await nothing_runs()
        if len(env.errors) != made.errors:
            env.raise_errors()
    finally:
        await db.close()
