"""The parts of a running bot: named tasks that end together, and what each does when it fails."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import discord
import pytest
import sqlalchemy as sa

from bot.bootstrap import WatchedSource
from bot.config import parse
from bot.domain.model import Mode, Subscription
from bot.domain.outages import OutageKind
from bot.domain.processes import Role
from bot.domain.shards import Shards
from bot.errors import (
    ConfigError,
    DatabaseLostError,
    SettingsError,
    SourceError,
    StoreError,
    TopicwireError,
)
from bot.messages.message import Message
from bot.runtime import process
from bot.runtime.app import FIRST_TIDY, NEXT_CHANGES, TIDY_EVERY, App, _start, run, trouble_of
from bot.runtime.background import FIRST_PAUSE
from bot.runtime.roles import EVERY_ROLE
from bot.services import subscribe
from bot.services.context import Context
from bot.sources.model import ItemBatch, Progress
from bot.sources.web.model import Failure
from bot.store import outbox, schema, subscriptions, topics
from bot.store.database import Database
from bot.store.servers import LEFT
from bot.workers import titles
from tests.databases import opened
from tests.make import Clock, ListSource, record


@pytest.fixture
async def context(sqlite_url: str, clock: Clock) -> AsyncIterator[Context]:
    db = await Database.open(sqlite_url)
    yield Context(db, clock)
    await db.close()


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord does not answer, as long as the test runs."""

    async def endless(_addresses: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("bot.runtime.app.unreachable", endless)


class Changing(ListSource):
    """A source whose changes and reads go as the test says: a record, or an error; then nothing changes any more."""

    def __init__(self, *reads: Exception | None) -> None:
        super().__init__("list:changing")
        self._reads = list(reads)
        self.watches = 0
        self.over = asyncio.Event()

    async def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        error = self._reads.pop(0)
        if error is not None:
            raise error
        self.add(record(f"Ferry {len(self._reads)}"))
        async for batch in super().fetch(progress):
            yield batch

    async def changes(self) -> AsyncGenerator[None, None]:
        self.watches += 1
        while self._reads:
            yield
        self.over.set()
        await asyncio.Event().wait()


async def test_a_sender_takes_over_at_once_only_from_processes_that_have_certainly_ended(
    postgres_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_machine", lambda: "boot-1/pid:[1]")
    gone = f"{socket.gethostname()} {2**22 + 1} x"  # above every id of Linux
    holders = (
        f"boot-1/pid:[1] {gone}",
        f"boot-1/pid:[2] {gone}",
    )  # the other container has the same host name
    columns = {"lease_until": clock() + outbox.LEASE, "begun_at": clock()}
    async with opened(postgres_url) as db:
        async with db.write() as connection:
            for channel_id, holder in enumerate(holders, 1):
                row = outbox.new_row(outbox.NOTICE, holder, 1, channel_id, clock(), holder=holder, **columns)
                await outbox.enqueue(connection, row)
        app = App(Context(db, clock), account="a token")
        await app._follow_clock()
        async with db.read() as connection:
            rows = sa.select(schema.outbox.c.lease_until).order_by(schema.outbox.c.channel_id)
            leases = list((await connection.execute(rows)).scalars())
    assert leases == [None, clock() + outbox.LONGEST_SEND]


async def test_every_part_is_a_named_task_and_a_stop_ends_them_all(context: Context) -> None:
    source = Changing()
    app = App(context, [WatchedSource(source)])
    others = asyncio.all_tasks()
    bot = asyncio.create_task(app.run("token"), name="bot")
    await source.over.wait()
    tasks = {task for task in asyncio.all_tasks() - others if not task.get_name().startswith("Task-")}
    names = {task.get_name() for task in tasks}
    assert names == {
        "bot",
        "delivery",
        "connection",
        "commands",
        "alerts",
        "digests",
        "resuming",
        "volumes",
        "first posts",
        "look-backs",
        "cleanup",
        "list:changing",
    }
    app.stop()
    await bot
    assert all(task.done() for task in tasks)


@pytest.mark.parametrize(
    ("roles", "steps"),
    [
        ({Role.GATEWAY}, {"connection", "commands"}),
        ({Role.SENDER}, {"connection", "commands", "resuming"}),
        ({Role.POLLER}, set()),  # it has no client for feeds here
        (
            {Role.INTAKE},
            {"digests", "alerts", "volumes", "first posts", "look-backs", "cleanup", "list:kept"},
        ),
        (
            {Role.GATEWAY, Role.INTAKE},
            {
                "connection",
                "commands",
                "digests",
                "alerts",
                "volumes",
                "first posts",
                "look-backs",
                "cleanup",
                "list:kept",
            },
        ),
    ],
)
def test_a_process_takes_the_steps_of_its_roles_alone(
    context: Context, roles: set[Role], steps: set[str]
) -> None:
    app = App(context, [WatchedSource(ListSource("list:kept"))], roles=frozenset(roles))
    assert {step.name for step in app._steps("token")} == steps


async def test_a_process_without_postgresql_is_refused_a_role_before_it_opens_anything(
    tmp_path: Path,
) -> None:
    place = tmp_path / "topicwire.db"
    with pytest.raises(ConfigError, match="postgresql://"):
        await run(parse({"database": {"url": str(place)}}), frozenset({Role.INTAKE}))
    assert not place.exists()


class Standby:
    """Another process leads."""

    is_leading = False


async def test_a_sender_that_leads_no_more_begins_no_message_and_keeps_none(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(context)
    async with context.db.write() as connection:
        row = outbox.new_row(outbox.NOTICE, "n", 1, 2, context.now(), payload=Message().to_json())
        await outbox.enqueue(connection, row)
    monkeypatch.setattr(app, "_sending", Standby())
    assert await app.deliver.begin() == 0
    async with context.db.read() as connection:
        assert await connection.scalar(sa.select(schema.outbox.c.claims)) == 0


async def test_a_cluster_says_of_its_servers_alone_that_they_are_left(context: Context) -> None:
    guilds = [number << 22 for number in range(1, 5)]
    async with context.db.write() as connection:
        ids = await topics.ensure(connection, ["Trains"])
        for guild_id in guilds:
            wish = Subscription(0, guild_id, guild_id + 1, "Trains", Mode.LIVE)
            await subscriptions.subscribe(connection, wish, ids["trains"], context.now())
    await subscribe.keep_servers(context, [guilds[1]], Shards(cluster=0, clusters=2, count=2))
    async with context.db.read() as connection:
        left = (await connection.execute(LEFT)).scalars().all()
    assert set(left) == {guilds[3]}  # of the even ones, which the cluster has


async def test_a_database_that_is_lost_ends_the_bot_with_the_reason(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_context: Context) -> int:
        raise DatabaseLostError("the database x.db was deleted")

    monkeypatch.setattr("bot.runtime.app.replan", lost)
    with pytest.raises(DatabaseLostError, match="was deleted"):
        await App(context).run("token")


async def test_a_token_that_is_refused_ends_the_bot_with_the_reason(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_addresses: object) -> None:
        raise TopicwireError("Discord refused the token")

    monkeypatch.setattr("bot.runtime.app.unreachable", refused)
    with pytest.raises(TopicwireError, match="refused the token"):
        await App(context).run("token")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreError("the database is locked"), "the database is locked"),
        (OSError("no route to host"), "no route to host"),
        (AssertionError("a bug"), "internal error; the log above has the details"),
    ],
)
def test_a_failed_connection_is_tried_again_whatever_failed(error: Exception, reason: str) -> None:
    assert trouble_of(error).reason == reason


@pytest.mark.parametrize(
    "error", [discord.LoginFailure(), discord.PrivilegedIntentsRequired(0), DatabaseLostError("it is gone")]
)
def test_a_failed_connection_that_needs_a_person_is_not_tried_again(error: Exception) -> None:
    with pytest.raises((SettingsError, DatabaseLostError)):
        trouble_of(error)


async def test_what_the_database_answers_begins_and_ends_an_outage(context: Context) -> None:
    app = App(context)
    monitor = app.context.monitor
    with pytest.raises(DatabaseLostError):
        async with app.context.db.write():
            raise DatabaseLostError("the database x.db is full")
    outage = monitor.health.of(OutageKind.DATABASE)
    assert outage is not None
    assert outage.reason == "the database x.db is full"
    async with app.context.db.read():
        pass
    assert monitor.health.outages, "a full disk can be read"
    async with app.context.db.write():
        pass
    assert not monitor.health.outages


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SourceError("https://example.com/feed is gone"), "list:changing: example.com is gone; next try in 0:00:05"),
        (OSError("no such directory"), "list:changing: no such directory; next try in 0:00:05"),
        (StoreError("the database is locked"), "list:changing: the database is locked; next try in 0:00:05"),
        (ValueError("a bug"), "list:changing failed; next try in 0:00:05"),
    ],
)  # fmt: skip
async def test_a_source_that_fails_is_read_again_and_its_changes_are_watched_anew(
    context: Context, caplog: pytest.LogCaptureFixture, error: Exception, line: str
) -> None:
    source = Changing(None, error, None)
    app = App(context, [WatchedSource(source)])
    reading = next(step for step in app._steps("token") if step.name == "list:changing")
    now = context.now()
    assert await reading.step() == now
    assert not caplog.records
    with caplog.at_level(logging.ERROR):
        due = await reading.step()
    assert (due, source.watches) == (now + FIRST_PAUSE, 1)
    assert [entry.getMessage() for entry in caplog.records] == [line]
    assert (caplog.records[0].exc_info is not None) == isinstance(error, ValueError)
    assert await reading.step() == now
    assert source.watches == 2


async def test_a_source_that_stops_telling_of_changes_is_watched_anew(context: Context) -> None:
    app = App(context, [WatchedSource(ListSource("list:short"))])
    reading = next(step for step in app._steps("token") if step.name == "list:short")
    now = context.now()
    assert [await reading.step() for _ in range(3)] == [now, now + NEXT_CHANGES, now]


async def test_upkeep_is_done_after_a_while_and_then_again_and_again(
    context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = App(context)
    done = 0

    async def tidy() -> None:
        nonlocal done
        done += 1

    monkeypatch.setattr(app, "tidy", tidy)
    cleanup = next(step for step in app._steps("token") if step.name == "cleanup")
    first = clock() + FIRST_TIDY
    assert (await cleanup.step(), done) == (first, 0)
    clock.now = first
    assert (await cleanup.step(), done) == (first + TIDY_EVERY, 1)


async def test_what_is_to_be_removed_is_removed_even_where_learning_fails(
    context: Context, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_context: Context) -> int:
        raise ValueError("a bug")

    monkeypatch.setattr(titles, "step", broken)
    with caplog.at_level(logging.INFO), pytest.raises(ValueError, match="a bug"):
        await App(context).tidy()
    assert "the daily cleanup removed 0 old rows from the database" in caplog.text


async def test_a_process_that_begins_to_send_leaves_the_limit_of_a_second_to_the_one_before(
    context: Context,
) -> None:
    app = App(context, requests_per_second=50, webhooks_per_second=50)
    begun = asyncio.get_running_loop().time()
    app._began_to_lead(Role.SENDER)
    assert app.pacer.pace.next_start(begun) >= begun + 1
    await app.client.close()


async def test_a_forward_reaches_private_networks_only_with_the_setting_of_forwards(sqlite_url: str) -> None:
    feeds = {"catalogue": False, "private_networks": True}
    settings = {"discord": {"token": "x"}, "database": {"url": sqlite_url}, "feeds": feeds}
    async with contextlib.AsyncExitStack() as stack:
        app = await _start(parse(settings), EVERY_ROLE, stack)
        await app.client.close()
        assert app.forward is not None
        answer = await app.forward._web.post("https://127.0.0.1:9443/", b"", {}, seconds=1)
    assert isinstance(answer, Failure)
    assert "forwards.private_networks is off" in answer.reason
