"""`topicwire run` as a whole process, against a Discord on the loopback."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction

from bot import config
from bot.domain.polling import FeedOrigin, NewFeed
from bot.runtime import app
from bot.services import subscribe
from bot.sources.parsing.pool import ParserPool
from bot.store import database, feeds
from bot.store.database import Database
from tests.feeds import Entry, Page, Site, rss
from tests.forks import PIPE, Forked, fork
from tests.loopback import CHANNEL, GUILD, Loopback, first_intake, follow_trains, short_waits
from tests.loopback.server import Request
from tests.shown import shown

TIMEOUT = 30

CONFIG = """\
database: {{url: {folder}/x.db}}
feeds: {{catalogue: false}}
posts: {{per_hour: 60}}
topics: {{inline: [{{name: Trains, keywords: [train, trains]}}]}}
sources: [{{kind: folder, path: {folder}/records}}]
"""


def write_record(folder: Path, name: str, title: str, outlet: str) -> None:
    """A record file, published just now."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    text = (
        f'---\ntitle: "{title}"\nwebUrl: "https://{outlet}/{name}"\nquality: 80\n'
        f"publishedDateTime: {now:%Y-%m-%dT%H:%M:%SZ}\nprovider: {{name: {outlet}, domain: {outlet}}}\n---\n"
    )
    (folder / "records" / f"{name}.md").write_text(text)


async def prepare(folder: Path) -> Path:
    """A config, a folder with an old record, and a channel subscribed to Trains."""
    (folder / "records").mkdir()
    write_record(folder, "old", "An old train is sold", "old.example")
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(folder=folder))
    await follow_trains(str(folder / "x.db"))
    return config


async def start(discord: Loopback, config: Path, program: str = "tests.loopback.hurry:main") -> Forked:
    """The process, just started; `program` is `topicwire` with short waits, unless it is `bot.cli.main:main`."""
    return await fork(
        program, "run", "--config", str(config), stderr=PIPE, env=os.environ | discord.environment(),
    )  # fmt: skip


@asynccontextmanager
async def running(
    discord: Loopback, config: Path, program: str = "tests.loopback.hurry:main"
) -> AsyncIterator[Forked]:
    """The process, once it is ready; killed at the end if it still runs."""
    process = await start(discord, config, program)
    assert process.stderr is not None
    begun: list[bytes] = []
    try:
        async with asyncio.timeout(TIMEOUT):
            async for line in process.stderr:
                begun.append(line)
                if b"ready as" in line:
                    break
        draining = asyncio.ensure_future(process.stderr.read())
        await first_intake(str(config.with_name("x.db")))
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        log = b"".join(begun) + await draining
        assert b"ready as" in log, log.decode()
        assert b"Traceback" not in log, log.decode()
        assert b"Unclosed" not in log, log.decode()
        assert b"made-up" not in log


@asynccontextmanager
async def running_here(
    discord: Loopback, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[asyncio.Task[None]]:
    """The same in this process, without the seconds that another one needs to start. SIGTERM ends it."""
    for owner, name, value in short_waits():
        monkeypatch.setattr(owner, name, value, raising=False)
    for name, value in discord.environment().items():
        monkeypatch.setenv(name, value)
    caplog.set_level(logging.INFO)
    bot = asyncio.create_task(app.run(config.load(path)))
    try:
        async with asyncio.timeout(TIMEOUT):
            await discord.identified.wait()
        await first_intake(str(path.with_name("x.db")))
        yield bot
        if not bot.done():
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(TIMEOUT):
                await bot
    finally:
        if not bot.done():
            bot.cancel()
            await asyncio.gather(bot, return_exceptions=True)
    for line in caplog.records:
        assert line.exc_info is None, line.getMessage()
        assert "made-up" not in line.getMessage()


async def arrival(discord: Loopback) -> None:
    """Wait until a message arrives at Discord."""
    async with asyncio.timeout(TIMEOUT):
        await discord.arrived.wait()
    discord.arrived.clear()


async def test_a_new_file_becomes_a_post_and_an_old_one_does_not(tmp_path: Path) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    async with discord.serving():
        async with running(discord, config, "bot.cli.main:main") as process:
            write_record(tmp_path, "new", "Night train reaches the coast", "one.example")
            await arrival(discord)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(TIMEOUT):
                assert await process.wait() == 0
        titles = [shown(message).title for message in discord.messages.values()]
        assert titles == ["Night train reaches the coast"]


async def test_what_could_not_be_sent_before_a_kill_is_sent_once_after_it(tmp_path: Path) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    async with discord.serving():
        async with running(discord, config) as process:
            discord.failing = True
            write_record(tmp_path, "new", "Night train reaches the coast", "one.example")
            async with asyncio.timeout(TIMEOUT):
                while ("POST", f"channels/{CHANNEL}/messages") not in discord.requests:
                    await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=0.05)
            process.kill()
        assert not discord.messages
        discord.failing = False
        await expire_leases(tmp_path)
        async with running(discord, config):
            await arrival(discord)
        assert len(discord.messages) == 1


def page() -> web.Response:
    """What the network in front of Discord answers to an address that it blocks."""
    return web.Response(
        text="<!doctype html>\n<h1>You are being blocked</h1>",
        status=429,
        content_type="text/html",
        headers={"Retry-After": "0.1"},
    )


def block() -> web.Response:
    """What Discord itself answers to it."""
    return web.json_response({"message": "You are blocked for a while.", "code": 0}, status=429)


def failure() -> web.Response:
    """Discord is down."""
    return web.json_response({"message": "down", "code": 0}, status=503)


async def test_blocks_at_the_start_are_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    discord.refusals = {
        "gateway": [page, failure],
        "users/@me": [page, block, failure],
        "applications/@me": [page],
        "websocket": [page],
    }
    async with discord.serving(), running_here(discord, config, monkeypatch, caplog):
        pass
    assert not any(discord.refusals.values())


async def test_commands_that_discord_does_not_take_stop_no_post_and_are_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    discord.refusals["/commands"] = [page, block, failure]
    async with discord.serving(), running_here(discord, config, monkeypatch, caplog):
        write_record(tmp_path, "new", "Night train reaches the coast", "one.example")
        await arrival(discord)
        async with asyncio.timeout(TIMEOUT):
            await discord.synced.wait()


async def test_a_feed_of_a_server_is_parsed_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    parsed = asyncio.Event()

    class Counted(ParserPool):
        async def _answer(self, call: bytes) -> tuple[str, Any]:
            answer = await super()._answer(call)
            parsed.set()
            return answer

    monkeypatch.setattr(app, "ParserPool", Counted)
    path = await prepare(tmp_path)
    path.write_text(path.read_text().replace("catalogue: false", "catalogue: false, private_networks: true"))
    discord = Loopback()
    async with Site().serving() as site, discord.serving():
        site.pages["/feed"] = Page(rss(Entry("Night train reaches the coast")))
        db = await Database.open(str(tmp_path / "x.db"))
        async with db.write() as connection:
            address = site.url(host="127.0.0.1")
            feed = NewFeed(address, FeedOrigin.SERVER, topics=("Trains",), guild_id=GUILD)
            await feeds.add(connection, feed, timedelta(minutes=5), datetime.now(UTC))
        await db.close()
        async with running_here(discord, path, monkeypatch, caplog), asyncio.timeout(TIMEOUT):
            await parsed.wait()


async def test_a_stop_ends_what_is_still_done_for_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, ended, never = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def endless(*_: object) -> None:
        begun.set()
        try:
            await never.wait()  # held by the test: the loop alone would let a waiting task be collected
        finally:
            ended.set()

    monkeypatch.setattr(subscribe, "keep_servers", endless)
    path = await prepare(tmp_path)
    discord = Loopback()
    async with discord.serving(), running_here(discord, path, monkeypatch, caplog):
        await begun.wait()
    assert ended.is_set()


class Silent(Loopback):
    """A Discord that takes the answers to commands and says nothing about them."""

    def __init__(self) -> None:
        super().__init__()
        self.answered, self.never = asyncio.Event(), asyncio.Event()

    async def _callback(self, request: Request) -> web.Response:
        self.answered.set()
        await self.never.wait()
        raise AssertionError(request.path)


async def test_a_stop_ends_an_answer_that_is_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = await prepare(tmp_path)
    discord = Silent()
    async with discord.serving():
        async with running_here(discord, path, monkeypatch, caplog):
            async with asyncio.timeout(TIMEOUT):
                await discord.synced.wait()
            using = asyncio.create_task(discord.use("help"))
            async with asyncio.timeout(TIMEOUT):
                await discord.answered.wait()
    using.cancel()


async def test_a_stop_ends_the_wait_for_another_program_that_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = asyncio.Event()
    begin = database._begun

    async def noted(connection: AsyncConnection) -> AsyncTransaction:
        waiting.set()
        return await begin(connection)

    path = await prepare(tmp_path)
    discord = Loopback()
    async with discord.serving(), running_here(discord, path, monkeypatch, caplog) as bot:
        file = tmp_path / "x.db"
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
            await asyncio.to_thread(
                other.execute, "BEGIN IMMEDIATE"
            )  # the bot may have to finish a write first
            monkeypatch.setattr(database, "_begun", noted)
            write_record(tmp_path, "new", "Night train reaches the coast", "one.example")
            await waiting.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(TIMEOUT):
                await bot


async def test_a_wrong_token_ends_with_one_sentence(tmp_path: Path) -> None:
    config = await prepare(tmp_path)
    discord = Loopback()
    discord.refusals["users/@me"] = [
        lambda: web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)
    ]
    async with discord.serving():
        process = await start(discord, config)
        async with asyncio.timeout(TIMEOUT):
            _, errors = await process.communicate()
    assert process.returncode not in (0, None)
    assert "Discord refused the token" in errors.decode()
    assert "Traceback" not in errors.decode()
    assert "Unclosed" not in errors.decode()


async def expire_leases(folder: Path) -> None:
    """As if the minutes of the dead worker's lease had passed."""
    import sqlalchemy as sa

    from bot.store import schema

    db = await Database.open(str(folder / "x.db"))
    async with db.write() as connection:
        past = datetime.now(UTC) - timedelta(minutes=1)
        await connection.execute(sa.update(schema.outbox).values(lease_until=past, due_at=past))
    await db.close()
