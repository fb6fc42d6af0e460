"""The world in which commands are used and posts appear."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from discord import app_commands
from simcord.env import Env

from bot import i18n
from bot.chat import translator
from bot.domain.polling import Polls
from bot.runtime.app import App
from bot.services.context import Context
from bot.sources.web.fetch import Web
from bot.store.database import Database
from tests.chat.world import World
from tests.make import Clock

SETTLED = 60.0  # seconds on the wall after which a bot that still works is stuck, on whatever machine


@pytest.fixture(scope="session", autouse=True)
def registered_commands() -> Iterator[None]:
    """What is registered of each command is made once.

    It is the same in every test with the same translations, and takes 34 locales' look at every text: longer than
    most tests.
    """
    made: dict[object, dict[str, Any]] = {}
    with pytest.MonkeyPatch.context() as patch:
        for kind in (app_commands.Command, app_commands.Group, app_commands.ContextMenu):
            patch.setattr(kind, "get_translated_payload", _once(kind.get_translated_payload, made))
        yield


def _once(make: Any, made: dict[object, dict[str, Any]]) -> Any:
    async def payload(command: Any, tree: Any, by: app_commands.Translator) -> dict[str, Any]:
        if type(by) is not translator.CatalogueTranslator:
            return dict(await make(command, tree, by))
        key = (type(command), command.qualified_name, i18n.catalogue, vars(translator)["translation"])
        if key not in made:
            made[key] = await make(command, tree, by)
        return made[key]

    return payload


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
