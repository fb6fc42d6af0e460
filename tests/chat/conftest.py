"""The world in which commands are used and posts appear."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands
from simcord import _dpy_internals
from simcord.env import Env

from bot import i18n
from bot.chat import translator
from bot.domain.polling import Polls
from bot.runtime.app import App
from bot.services.context import Context
from bot.sources.web.fetch import Web
from bot.store.database import Database
from tests.chat.world import World, furnish
from tests.databases import run_statements_here
from tests.form import LONG
from tests.make import Clock

SETTLED = 60.0  # seconds on the wall after which a bot that still works is stuck, on whatever machine


@pytest.fixture(scope="session", autouse=True)
def registered_commands() -> Iterator[None]:
    """What is registered of each command is made once.

    It is the same in every test with the same translations, and takes 34 locales' look at every text: longer than
    most tests.
    """
    made: dict[object, _Registered] = {}
    with pytest.MonkeyPatch.context() as patch:
        for kind in (app_commands.Command, app_commands.Group, app_commands.ContextMenu):
            patch.setattr(kind, "get_translated_payload", _once(kind.get_translated_payload, made))
        yield


class _Registered(dict[str, Any]):
    """What is registered of a command. The simulated Discord copies all that it gets; nobody changes this, so it is its own copy."""

    def __deepcopy__(self, memo: object) -> _Registered:
        return self


def _once(make: Any, made: dict[object, _Registered]) -> Any:
    async def payload(command: Any, tree: Any, by: app_commands.Translator) -> dict[str, Any]:
        if type(by) is not translator.CatalogueTranslator:
            return dict(await make(command, tree, by))
        key = (type(command), command.qualified_name, i18n.catalogue, vars(translator)["translation"])
        if key not in made:
            made[key] = _Registered(await make(command, tree, by))
        return made[key]

    return payload


@pytest.fixture(scope="session", autouse=True)
def waits_for_views() -> Iterator[None]:
    """simcord looks for what waits for a menu among all attributes of all buttons, for each task at each step; where it is
    is known.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_dpy_internals, "_stored_wait_futures", _stopped)
        yield


def _stopped(client: discord.Client) -> set[asyncio.Future[bool]]:
    store: Any = _dpy_internals.get_state(client)._view_store
    views = {item._view for items in store._views.values() for item in items.values()} - {None}
    return {view._BaseView__stopped for view in (*views, *store._modals.values())} - {None}


@pytest.fixture(autouse=True)
def statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here nothing is about threads of the database."""
    run_statements_here(monkeypatch)


@pytest.fixture(autouse=True)
def work_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the short form, what the bot does beside its loop is done in the loop: it is little here, and to wake a thread takes longer."""
    if LONG:
        return

    async def here(work: Callable[..., Any], *values: Any, **more: Any) -> Any:
        await asyncio.sleep(0)  # others go on meanwhile
        return work(*values, **more)

    monkeypatch.setattr(asyncio, "to_thread", here)


@pytest.fixture
def web() -> Web | None:
    """How the bot reaches feeds; tests of feeds have a fixture of their own."""
    return None


@pytest.fixture
def polls() -> Polls:
    """What holds for all feeds."""
    return Polls()


@pytest.fixture(scope="session")
def world_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a world in which nothing has happened yet, to be copied."""
    file = tmp_path_factory.mktemp("world") / "topicwire.db"
    shutil.copy(migrated_file, file)
    with ThreadPoolExecutor(1) as aside:  # this thread may have a loop that runs
        aside.submit(asyncio.run, _furnish(str(file))).result()
    return file


async def _furnish(file: str) -> None:
    db = await Database.open(file)
    try:
        await furnish(Context(db, Clock(), editors="all"))
    finally:
        await db.close()


@pytest.fixture
async def world(
    db_url: str,
    world_file: Path,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    web: Web | None,
    polls: Polls,
) -> AsyncIterator[World]:
    """A server with the bot in it."""
    caplog.set_level(logging.INFO)
    shutil.copy(world_file, db_url)
    db = await Database.open(db_url)
    try:
        app = App(Context(db, clock, editors="all", polls=polls, web=web))
        env = Env(app.client, settle_timeout=SETTLED)
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
