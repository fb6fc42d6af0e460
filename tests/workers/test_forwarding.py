"""Stories go to addresses outside of Discord: a real server on the loopback gets them, on both databases where it matters."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web

from bot.bootstrap import build_forward_client
from bot.config import parse
from bot.domain.forwarding import Forward, ForwardLimits, signature, takes
from bot.domain.model import Topic, Volume
from bot.errors import StoreError
from bot.runtime.app import App
from bot.services import forwards, mutes
from bot.services.forwards import ForwardRequest
from bot.sources.web.fetch import Web
from bot.store import forwards as forwards_store
from bot.store import schema, server_topics
from bot.workers import cleanup, forwarding, rematch
from bot.workers.forwarding import Forwarder
from tests.databases import opened_as
from tests.form import sized
from tests.make import Clock, record
from tests.sources.web.servers import LOOPBACK, Names, opened
from tests.store.store_helpers import CHANNEL, GUILD, headlines, merge, statements
from tests.workers.desk import BotHarness, InterruptibleDatabase, prepared_file

LIMITS = ForwardLimits(plain_http=True, private_networks=True)
OTHER = GUILD + 1
ONE, TWO, THREE, FOUR = headlines(4)
BRIDGE = ("Harbour bridge closed after crane collapse", "Crane collapse: harbour bridge closed")


@dataclass
class Receiver:
    """A server that gets stories. `answers` has by path the status, or what it does first."""

    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: dict[str, int | web.Response] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    arrivals: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request.path, dict(request.headers), body))
        self.arrivals.put_nowait(request.path)
        if self.gate is not None and request.path.startswith("/slow"):
            self.waiting.set()
            await self.gate.wait()
        answer = self.answers.get(request.path, 200)
        return web.Response(status=answer) if isinstance(answer, int) else answer

    def url(self, path: str = "/") -> str:
        return f"http://{LOOPBACK}:{self.port}{path}"

    async def until(self, path: str, count: int) -> None:
        """Wait for so many requests to a path."""
        while count:
            count -= await self.arrivals.get() == path

    def got(self, path: str = "/") -> list[dict[str, Any]]:
        """What came to a path."""
        return [json.loads(body) for there, _, body in self.requests if there == path]

    def events(self, path: str = "/") -> list[str]:
        return [one["event"] for one in self.got(path)]


@dataclass
class Office:
    """A bot that sends stories, and the server that gets them."""

    desk: BotHarness
    forwarder: Forwarder
    receiver: Receiver
    web: Web

    async def add(
        self,
        path: str = "/",
        *,
        guild_id: int = GUILD,
        topic: str = "AI",
        volume: Volume = Volume.EVERYTHING,
        host: str = LOOPBACK,
    ) -> Forward:
        url = self.receiver.url(path).replace(LOOPBACK, host)
        request = ForwardRequest(guild_id, topic, url, volume, CHANNEL)
        return await forwards.add(self.desk.context, request)

    async def send(self) -> None:
        """Send what is due now."""
        while await self.forwarder.step():
            pass

    async def rows(self, table: sa.Table) -> list[Any]:
        async with self.desk.db.read() as connection:
            return list(await connection.execute(sa.select(table).order_by(table.c.id)))


async def begin(desk: BotHarness) -> None:
    """Three topics, and the end of the source's first intake."""
    await rematch.configure(desk.context, [Topic("AI"), Topic("Robots", parent="AI"), Topic("Space")])
    await desk.begin("AI")


@pytest.fixture(scope="module")
def office_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file of a bot that has begun, to be copied."""
    return prepared_file(migrated_file, tmp_path_factory.mktemp("forwarding"), begin)


@asynccontextmanager
async def opened_office(url: str, clock: Clock) -> AsyncIterator[Office]:
    """A bot on a database on which one has begun."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        async with (
            opened_as(url, InterruptibleDatabase) as db,
            opened(Names()) as client,
        ):
            desk = BotHarness(db, clock)
            object.__setattr__(desk.context, "forward_limits", LIMITS)
            forwarder = Forwarder(desk.context, client)
            yield Office(desk, forwarder, receiver, client)
            await forwarder.close()
    finally:
        await runner.cleanup()


@pytest.fixture
async def office(db_url: str, office_file: Path, clock: Clock) -> AsyncIterator[Office]:
    shutil.copyfile(office_file, db_url)
    async with opened_office(db_url, clock) as made:
        yield made


async def test_a_new_story_is_sent_once_and_again_when_it_has_grown(store_url: str, clock: Clock) -> None:
    async with opened_office(store_url, clock) as office:
        await begin(office.desk)
        forward = await office.add()
        await office.desk.take_in(
            record(BRIDGE[0], "a.example", topics=["Robots"]), record(ONE, topics=["Space"])
        )
        await office.send()
        await office.send()
        [first] = office.receiver.got()
        assert (first["event"], first["topic"], first["story"]["title"]) == ("story.created", "AI", BRIDGE[0])
        [(_, headers, body)] = office.receiver.requests
        expected = signature(forward.secret, int(headers["Topicwire-Timestamp"]), body)
        assert headers["Topicwire-Signature"] == f"sha256={expected}"
        assert (headers["Topicwire-Delivery"], headers["Topicwire-Attempt"]) == (first["id"], "1")
        # At most one a minute, with all that came meanwhile.
        for outlet in ("b.example", "c.example"):
            await office.desk.take_in(record(BRIDGE[1], outlet, topics=["Robots"]))
            await office.send()
        assert len(office.receiver.got()) == 1
        clock.forward(seconds=60)
        assert (await office.forwarder.next_due()) is not None
        await office.send()
        assert office.receiver.events() == ["story.created", "story.updated"]
        assert len(office.receiver.got()[1]["story"]["outlets"]) == 3
        assert office.receiver.got()[1]["id"] != first["id"]
        assert dict(office.forwarder.counts) == {"delivered": 2}


async def test_nothing_is_queued_where_no_server_has_a_forward(office: Office) -> None:
    await office.desk.take_in(record(ONE, topics=["AI"]))
    assert await office.rows(schema.forward_queue) == []
    forward = await office.add()
    await office.desk.take_in(record(TWO, topics=["AI"]))
    assert len(await office.rows(schema.forward_queue)) == 1
    await office.send()
    assert [one["story"]["title"] for one in office.receiver.got()] == [TWO]
    await forwards.remove(office.desk.context, GUILD, str(forward.id))
    await office.desk.take_in(record(THREE, topics=["AI"]))
    assert await office.rows(schema.forward_queue) == []


async def test_an_intake_pays_one_statement_however_many_forwards_and_stories_there_are(
    office: Office,
) -> None:
    async def cost(*titles: str) -> int:
        with statements(office.desk.db) as seen:
            await office.desk.take_in(*(record(title, topics=["AI"]) for title in titles))
        return len(seen)

    titles = list(headlines(12))
    await cost(titles[0])
    without = await cost(*titles[1:3])
    for number in range(4):
        await office.add(f"/{number}")
    assert await cost(*titles[3:5]) == without + 1
    assert await cost(*titles[5:12]) == without + 1


async def test_what_is_queued_is_stored_with_the_story_or_not_at_all(office: Office) -> None:
    await office.add()

    async def fails() -> None:
        raise MemoryError

    office.desk.db.at_commit(fails, 2)
    with pytest.raises(MemoryError):
        await office.desk.take_in(record(ONE, topics=["AI"]))
    assert await office.rows(schema.forward_queue) == []
    await office.desk.take_in(record(ONE, topics=["AI"]))
    await office.send()
    assert len(office.receiver.got()) == 1


async def test_a_server_is_sent_what_a_channel_of_it_would_get(office: Office) -> None:
    """Its volume, its mutes and its own topics; and no other server's."""
    async with office.desk.db.write() as connection:
        await server_topics.add(connection, Topic("Bridges", query="bridge", guild_id=OTHER))
    await office.add("/major", volume=Volume.MAJOR)
    await office.add("/muted")
    await office.add("/theirs", guild_id=OTHER, topic="Bridges")
    await mutes.mute(office.desk.context, GUILD, None, "a.example")
    await office.desk.take_in(
        record(BRIDGE[0], "a.example", topics=["AI"]), record(ONE, "b.example", topics=["AI"], heat=200)
    )
    await office.send()
    titles = {
        path: [one["story"]["title"] for one in office.receiver.got(path)]
        for path in ("/major", "/muted", "/theirs")
    }
    assert titles == {"/major": [ONE], "/muted": [ONE], "/theirs": [BRIDGE[0]]}
    [theirs] = office.receiver.got("/theirs")
    assert "Bridges" in theirs["story"]["topics"]
    assert "Bridges" not in json.dumps(office.receiver.got("/muted"))


async def test_old_news_is_not_sent(office: Office) -> None:
    await office.add()
    await office.desk.take_in(record(ONE, topics=["AI"], hours=-24 * 30))
    await office.send()
    assert office.receiver.requests == []


async def test_a_story_that_is_removed_or_merged_is_told_to_those_who_had_it(office: Office) -> None:
    await office.add("/before")
    first, second = record(BRIDGE[0], "a.example", topics=["AI"]), record(TWO, topics=["AI"])
    await office.desk.take_in(first, second)
    await office.send()
    await office.add("/after")
    office.desk.clock.forward(minutes=2)
    await office.desk.take_in(replace(second, removed=True))
    await office.send()
    assert office.receiver.events("/before")[2:] == ["story.removed"]
    assert office.receiver.events("/after") == []
    assert office.receiver.got("/before")[2]["story"] == {"id": "urn:topicwire:story:3", "number": 3}


async def test_a_failure_is_tried_again_as_the_same_delivery_and_the_address_waits(office: Office) -> None:
    await office.add("/fails")
    await office.add("/works")
    office.receiver.answers["/fails"] = 500
    await office.desk.take_in(record(ONE, topics=["AI"]), record(TWO, topics=["AI"]))
    await office.send()
    assert len(office.receiver.got("/fails")) == 1  # the other story would fail as well
    assert len(office.receiver.got("/works")) == 2
    due = await office.forwarder.next_due()
    assert due is not None
    assert (due - office.desk.clock()).total_seconds() == 30
    office.desk.clock.forward(seconds=30)
    office.receiver.answers["/fails"] = 200
    await office.send()
    tried = office.receiver.got("/fails")
    assert tried[0]["id"] == tried[1]["id"] != tried[2]["id"]
    attempts = [
        headers["Topicwire-Attempt"] for path, headers, _ in office.receiver.requests if path == "/fails"
    ]
    assert attempts == ["1", "2", "1"]
    [listed, _] = (await forwards.listing(office.desk.context, GUILD)).forwards
    assert (listed.failures, listed.problem, listed.failing_since) == (0, "", None)


async def test_a_dead_address_is_switched_off_and_the_server_is_told_once(office: Office) -> None:
    forward = await office.add("/secret-path")
    office.receiver.answers["/secret-path"] = 500
    await office.desk.take_in(record(ONE, topics=["AI"]))
    hours = sized(4, long=1)
    for _ in range(0, 4 * 24, hours):
        await office.send()
        office.desk.clock.forward(hours=hours)
    tries = len(office.receiver.got("/secret-path"))
    assert tries < (3 * 24 + 20) / hours
    [listed] = (await forwards.listing(office.desk.context, GUILD)).forwards
    assert listed.off_at is not None
    await office.desk.deliver()
    [notice] = office.desk.mailbox.sent
    assert notice.target.channel_id == CHANNEL
    assert "HTTP 500" in notice.text
    assert "0.0.1" in notice.text  # the host
    assert "secret-path" not in notice.text
    # Nothing is tried any more until somebody resumes it; then what waited is sent.
    await office.desk.take_in(record(TWO, topics=["AI"]))
    await office.send()
    assert len(office.receiver.got("/secret-path")) == tries
    office.receiver.answers["/secret-path"] = 200
    await forwards.resume(office.desk.context, GUILD, f"#{forward.id}")
    await office.desk.take_in(record(THREE, topics=["AI"]))
    await office.send()
    titles = [one["story"]["title"] for one in office.receiver.got("/secret-path")[tries:]]
    assert titles == [ONE, THREE]


async def test_an_address_that_is_gone_is_switched_off_at_once(office: Office) -> None:
    await office.add()
    office.receiver.answers["/"] = 410
    await office.desk.take_in(record(ONE, topics=["AI"]), record(TWO, topics=["AI"]))
    await office.send()
    assert len(office.receiver.got()) == 1
    assert dict(office.forwarder.counts) == {"switched_off": 1}


async def test_a_redirect_is_not_followed_and_its_body_is_not_read(office: Office) -> None:
    await office.add()
    office.receiver.answers["/"] = web.Response(
        status=307, headers={"Location": office.receiver.url("/elsewhere")}, body=b"x" * 5_000_000
    )
    await office.desk.take_in(record(ONE, topics=["AI"]))
    await office.send()
    assert office.receiver.got("/elsewhere") == []
    [listed] = (await forwards.listing(office.desk.context, GUILD)).forwards
    assert "redirects" in listed.problem


async def test_nothing_is_sent_into_private_networks_where_only_feeds_may_be_there(office: Office) -> None:
    settings = parse({"feeds": {"private_networks": True}})
    await office.add()
    await office.add(host="inside.example")
    await office.desk.take_in(record(ONE, topics=["AI"]))
    async with build_forward_client(settings, resolver=Names()) as client:
        await Forwarder(office.desk.context, client).step()
    assert office.receiver.requests == []
    for listed in (await forwards.listing(office.desk.context, GUILD)).forwards:
        assert "private network (127.0.0.1), and forwards.private_networks is off" in listed.problem


async def test_the_setting_of_forwards_lets_them_into_private_networks(office: Office) -> None:
    settings = parse({"forwards": {"private_networks": True}})
    await office.add(host="inside.example")
    await office.desk.take_in(record(ONE, topics=["AI"]))
    async with build_forward_client(settings, resolver=Names()) as client:
        await Forwarder(office.desk.context, client).step()
    assert office.receiver.events() == ["story.created"]


async def test_a_slow_address_holds_up_its_server_in_part_and_no_other(office: Office) -> None:
    office.receiver.gate = asyncio.Event()
    for number in range(3):
        await office.add(f"/slow{number}")
    await office.add("/theirs", guild_id=OTHER)
    await office.desk.take_in(record(ONE, topics=["AI"]), record(TWO, topics=["AI"]))
    assert await office.forwarder.begin() == forwarding.PER_SERVER + 1
    await office.receiver.waiting.wait()
    await office.receiver.until("/theirs", 2)
    assert await office.forwarder.begin() == 0
    assert await office.forwarder.next_due() is None  # it is woken when a worker ends
    slow = [path for path, _, _ in office.receiver.requests if path.startswith("/slow")]
    assert len(slow) == len(set(slow)) == forwarding.PER_SERVER
    office.receiver.gate.set()
    await office.forwarder.finish()
    await office.send()
    assert all(len(office.receiver.got(f"/slow{number}")) == 2 for number in range(3))


@pytest.mark.both_stores
async def test_two_processes_do_not_send_to_an_address_at_once_and_a_lease_ends(
    store_url: str, clock: Clock
) -> None:
    async with opened_office(store_url, clock) as office:
        await begin(office.desk)
        office.receiver.gate = asyncio.Event()
        await office.add("/slow")
        await office.desk.take_in(record(ONE, topics=["AI"]))
        second = Forwarder(office.desk.context, office.web)
        await office.forwarder.begin()
        await office.receiver.waiting.wait()
        assert await second.begin() == 0
        # The first one dies with its request on the way: the second sends it again, as the same delivery.
        await office.forwarder.close()
        office.receiver.gate = None
        assert await second.begin() == 0
        clock.forward(minutes=3)
        assert await second.step() == 1
        ids = [one["id"] for one in office.receiver.got("/slow")]
        assert len(ids) == 2
        assert len(set(ids)) == 1


async def test_a_change_while_a_story_is_being_sent_is_sent_later(office: Office) -> None:
    office.receiver.gate = asyncio.Event()
    await office.add("/slow")
    await office.desk.take_in(record(BRIDGE[0], "a.example", topics=["AI"]))
    await office.forwarder.begin()
    await office.receiver.waiting.wait()
    await office.desk.take_in(record(BRIDGE[1], "b.example", topics=["AI"]))
    await office.forwarder.begin()
    office.receiver.gate.set()
    await office.forwarder.finish()
    office.desk.clock.forward(minutes=1)
    await office.send()
    assert office.receiver.events("/slow") == ["story.created", "story.updated"]


async def test_nothing_more_is_sent_to_an_address_that_is_removed_meanwhile(office: Office) -> None:
    office.receiver.gate = asyncio.Event()
    forward = await office.add("/slow")
    await office.desk.take_in(record(ONE, topics=["AI"]), record(TWO, topics=["AI"]))
    await office.forwarder.begin()
    await office.receiver.waiting.wait()
    await forwards.remove(office.desk.context, GUILD, str(forward.id))
    office.receiver.gate.set()
    await office.forwarder.finish()
    await office.send()
    assert len(office.receiver.got("/slow")) == 1


async def test_a_clock_that_is_set_back_holds_nothing_up(office: Office) -> None:
    await office.add()
    office.desk.clock.forward(days=2)
    await office.desk.take_in(record(BRIDGE[0], "a.example", topics=["AI"]))
    await office.send()
    office.receiver.answers["/"] = 500
    await office.desk.take_in(record(BRIDGE[1], "b.example", topics=["AI"]))
    office.desk.clock.forward(minutes=1)
    await office.send()
    office.receiver.answers["/"] = 200
    office.desk.clock.forward(days=-2)
    await office.send()
    assert office.receiver.events() == ["story.created", "story.updated", "story.updated"]


async def test_the_running_bot_sends_what_is_due_also_without_discord(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("bot.runtime.app.unreachable", endless)
    await office.add()
    await office.desk.take_in(record(ONE, topics=["AI"]))
    app = App(office.desk.context, forward_web=office.web)
    running = asyncio.create_task(app.run("token"))
    await office.receiver.until("/", 1)
    await app.ingest.step(office.desk.source.add(record(TWO, topics=["AI"])))
    await office.receiver.until("/", 1)
    app.stop()
    await running
    assert [sent["story"]["title"] for sent in office.receiver.got()] == [ONE, TWO]


async def test_old_deliveries_are_forgotten(office: Office) -> None:
    await office.add()
    await office.desk.take_in(record(ONE, topics=["AI"]))
    await office.send()
    office.desk.clock.forward(days=31)
    await cleanup.step(office.desk.context)
    assert await office.rows(schema.forward_deliveries) == []


async def test_two_stories_become_one_for_those_who_had_both(office: Office) -> None:
    await office.add()
    await office.desk.take_in(
        record(ONE, "a.example", topics=["AI"]), record(TWO, "b.example", topics=["AI"])
    )
    await office.send()
    [one, two] = [sent["story"]["number"] for sent in office.receiver.got()]
    office.desk.clock.forward(minutes=2)
    await merge(office.desk.db, two, one)
    await office.send()
    later = {sent["event"]: sent["story"] for sent in office.receiver.got()[2:]}
    assert later["story.merged"] == {
        "id": f"urn:topicwire:story:{two}",
        "number": two,
        "merged_into": f"urn:topicwire:story:{one}",
    }
    assert later["story.updated"]["number"] == one
    assert later["story.updated"]["articles"] == 2
    assert len(later) == 2


async def test_a_story_is_compared_with_the_forwards_of_its_topics_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def counting(forward: Forward, *others: Any) -> bool:
        compared.append(forward.topic)
        return takes(forward, *others)

    monkeypatch.setattr("bot.domain.forwarding.takes", counting)
    for guild_id in (GUILD, *range(OTHER, OTHER + 5)):
        await mutes.mute(
            office.desk.context, guild_id, None, "nobody.example"
        )  # then it is decided one by one
    await office.add("/ai")
    for number in range(5):
        await office.add(f"/space/{number}", guild_id=OTHER + number, topic="Space")
    await office.desk.take_in(record(ONE, topics=["Robots"]), record(TWO, topics=["Space"]))
    while await office.forwarder._compare():
        pass
    assert sorted(compared) == ["AI", *["Space"] * 5], "not each story with each forward"
    await office.send()
    assert office.receiver.events("/ai") == office.receiver.events("/space/4") == ["story.created"]


async def test_deliveries_are_stored_so_many_at_once(
    store_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is stored meanwhile, on SQLite. Where one of the transactions fails, the rest comes later, and nothing twice."""
    monkeypatch.setattr(forwarding, "WRITTEN_AT_ONCE", 4)
    stored_at_once: list[int] = []
    deliver, touch = forwards_store.deliver, forwards_store.touch

    async def counted_deliver(connection: Any, pairs: list[tuple[int, int]], now: Any) -> None:
        stored_at_once.append(len(pairs))
        if len(stored_at_once) == 2:
            raise StoreError("the disk is full")
        await deliver(connection, pairs, now)

    async def counted_touch(connection: Any, ids: list[int], now: Any) -> None:
        stored_at_once.append(len(ids))
        await touch(connection, ids, now)

    monkeypatch.setattr(forwards_store, "deliver", counted_deliver)
    monkeypatch.setattr(forwards_store, "touch", counted_touch)
    async with opened_office(store_url, clock) as office:
        await begin(office.desk)
        for number in range(5):
            await office.add(f"/{number}", guild_id=GUILD + number)
        await office.desk.take_in(*(record(title, topics=["AI"]) for title in (ONE, TWO, THREE)))
        with pytest.raises(StoreError):
            await office.forwarder._compare()
        assert len(await office.rows(schema.forward_queue)) == 3
        while await office.forwarder._compare():
            pass
        assert max(stored_at_once) == 4
        rows = await office.rows(schema.forward_deliveries)
        assert len({(row.forward_id, row.story) for row in rows}) == len(rows) == 15
        await office.send()
        assert all(len(office.receiver.got(f"/{number}")) == 3 for number in range(5))
