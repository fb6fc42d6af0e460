"""What the bot asks of Discord is what Discord's own description of its API allows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.config.models import PostSettings
from bot.domain.model import Mode, Subscription, Volume
from bot.store import subscriptions, topics
from bot.store.database import Database
from tests.cli.test_run import TIMEOUT, prepare, running_here, write_record
from tests.loopback import CHANNEL, DISCORD, FORUM, GUILD, MANAGE_ALL, GuildLayout, Loopback
from tests.loopback.contract import OPENAPI, Contract, discords
from tests.loopback.objects import ANNOUNCEMENT, FORUM_CHANNEL, TEXT
from tests.loopback.server import SUBCOMMAND, SUBCOMMAND_GROUP

NEWS, THREADS = 2002, 2003
LAYOUT = GuildLayout(
    GUILD, {CHANNEL: TEXT, FORUM: FORUM_CHANNEL, NEWS: ANNOUNCEMENT, THREADS: TEXT}, MANAGE_ALL
)
TITLE = "Night train reaches the coast"
EDITS = {"PATCH channels/*/messages/*", "PATCH webhooks/*/*/messages/*"}
ROUTES = EDITS | {
    "POST channels/*/messages",
    "POST channels/*/messages/*/crosspost",
    "POST channels/*/messages/*/threads",
    "POST channels/*/threads",  # a post in a forum
    "POST channels/*/webhooks",
    "POST webhooks/*/*",
    "POST interactions/*/*/callback",
    "PUT applications/*/commands",
}

needs_document = pytest.mark.skipif(not OPENAPI.exists(), reason="Discord's OpenAPI document is absent")


def contract() -> Contract:
    """That of Discord's API."""
    document = discords()
    assert document is not None
    return document


def option(name: str, value: object) -> dict[str, Any]:
    """What somebody fills in for a command."""
    return {"type": 5 if isinstance(value, bool) else 3, "name": name, "value": value}


async def follow_in_forum(database: str) -> None:
    """A command cannot be used in a forum itself."""
    db = await Database.open(database)
    async with db.write() as connection:
        ids = await topics.ensure(connection, ["Trains"])
        wish = Subscription(0, GUILD, FORUM, "Trains", Mode.LIVE, Volume.EVERYTHING)
        await subscriptions.subscribe(connection, wish, ids["trains"], datetime.now(UTC))
    await db.close()


def usable(command: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The commands in a registered one that need nothing to be filled in."""
    name = f"{path} {command['name']}".strip()
    options = command.get("options") or []
    below = [inner for inner in options if inner["type"] in (SUBCOMMAND, SUBCOMMAND_GROUP)]
    for inner in below:
        yield from usable(inner, name)
    if not below and not any(each.get("required") for each in options):
        yield name


def custom_ids(part: Any) -> Iterator[str]:
    """Those of the buttons in a message."""
    if isinstance(part, list):
        for inner in part:
            yield from custom_ids(inner)
    elif isinstance(part, dict):
        if part.get("type") == 2 and "custom_id" in part:
            yield part["custom_id"]
        yield from custom_ids(list(part.values()))


async def until(discord: Loopback, done: Callable[[], bool]) -> None:
    """Wait for requests."""
    async with asyncio.timeout(TIMEOUT):
        while not done():
            discord.asked.clear()
            await discord.asked.wait()


@needs_document
async def test_every_request_of_a_session_is_one_that_discord_describes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = await prepare(tmp_path)
    await follow_in_forum(str(tmp_path / "x.db"))
    rules = PostSettings.rules
    monkeypatch.setattr(PostSettings, "rules", lambda self: replace(rules(self), edit_interval=timedelta()))
    discord = Loopback([LAYOUT], contract=contract())
    discord.webhooks.clear()
    async with discord.serving(), running_here(discord, path, monkeypatch, caplog):
        async with asyncio.timeout(TIMEOUT):
            await discord.synced.wait()
        registered = [each for each in discord.commands.values() if each.get("type", 1) == 1]
        everything = option("topic", "Trains"), option("volume", "everything")
        await discord.use("subscribe", *everything, option("publish", True), channel_id=NEWS)
        await discord.use("subscribe", *everything, channel_id=THREADS)
        await discord.use("threads", option("switch", "on"), channel_id=THREADS)
        await discord.use("appearance face", option("use", "on"), option("name", "Station clock"))
        write_record(tmp_path, "new", TITLE, "one.example")
        await until(discord, lambda: len(discord.messages) >= 4 and discord.routes() >= ROUTES - EDITS)
        write_record(tmp_path, "other", f"{TITLE} at last", "two.example")
        await until(discord, lambda: discord.routes() >= ROUTES)
        for command in [command for each in registered for command in usable(each)]:
            assert (await discord.use(command))["components"], command
        for message in discord.shown(THREADS):
            for custom_id in custom_ids(message["components"]):
                await discord.press(message, custom_id)
    assert discord.violations == []


@needs_document
@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("POST", "channels/1/messages", {"content": "x" * 4001}, "$.content: "),
        ("POST", "channels/1/messages", {"components": [{"type": 10}]}, "$.components[0]: \"content\" is a required property"),
        ("POST", "channels/1/messages", {"flags": "many"}, "$.flags: "),
        ("POST", "channels/1/messages?colour=blue", {"content": "x"}, "query colour: there is no such parameter"),
        ("POST", "channels/one/messages", {"content": "x"}, "channel_id: "),
        ("POST", "channels/1/messages", None, "the body is missing"),
        ("POST", "channels/1/posts", {"content": "x"}, "there is no such operation"),
        ("PUT", "applications/1/commands", [{"name": "Night Train " * 9, "type": 1}], "$[0]"),
        ("GET", "channels/1", {"content": "x"}, "a body, where none is read"),
    ],
)  # fmt: skip
def test_a_request_that_discord_does_not_describe_is_a_violation(
    method: str, path: str, body: object, problem: str
) -> None:
    headers = {"User-Agent": "DiscordBot (https://bot.example, 1.0)", "Authorization": "Bot t"}
    path, _, query = path.partition("?")
    values = dict([query.split("=")]) if query else {}
    [told] = contract().violations(method, path, values, headers, body)
    assert problem in told


@needs_document
def test_a_client_names_itself_and_its_token_as_discord_asks() -> None:
    told = contract().violations("GET", "users/@me", {}, {"User-Agent": "Python/3.11 aiohttp/3.14"}, None)
    assert [problem.rpartition(": ")[2] for problem in told] == ["Python/3.11 aiohttp/3.14", "missing"]


@needs_document
async def test_a_refusal_has_the_form_that_discord_describes() -> None:
    discord = Loopback(limits=DISCORD)
    path = f"channels/{CHANNEL}/messages"
    async with discord.serving(), aiohttp.ClientSession(headers={"Authorization": "Bot t"}) as session:
        for _ in range(6):
            async with session.post(
                f"http://127.0.0.1:{discord.port}/api/{path}", json={"content": "x"}
            ) as response:
                status, text = response.status, await response.text()
    assert status == 429
    assert contract().response_violations("POST", path, status, json.loads(text)) == []
