"""The bot's own endpoint as programs use it: a real server on a free port, and a real client."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.bootstrap import build_endpoint
from bot.config import parse
from bot.domain.model import Topic
from bot.domain.outages import OutageKind
from bot.domain.records.intake import identify
from bot.errors import StoreError, TopicwireError
from bot.http import server
from bot.http.connections import MAX_PER_ADDRESS
from bot.http.metrics import COUNTERS, GAUGES, Traffic
from bot.http.server import EndpointSettings, HttpServer
from bot.services.context import Context
from bot.services.measure import Measurements, measure
from bot.store import schema
from bot.workers import rematch
from tests.databases import opened_as
from tests.form import sized
from tests.make import Clock, at
from tests.sources.web.servers import LOOPBACK
from tests.store.store_helpers import headlines
from tests.workers.desk import BotHarness, InterruptibleDatabase

TOKEN = "a-made-up-token-of-some-length"
ONE, TWO, THREE, FOUR = headlines(4)
JSON, LINES, MARKDOWN, YAML = "application/json", "application/x-ndjson", "text/markdown", "application/yaml"


def news(title: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A record as somebody pushes it."""
    return {
        "title": title,
        "webUrl": f"https://paper.example/{number}",
        "publishedDateTime": f"{at():%Y-%m-%dT%H:%M:%SZ}",
        "topics": ["AI"],
        "quality": 80,
        **more,
    }


def traffic() -> Traffic:
    """Requests to Discord, as if there had been some."""
    return Traffic({"user": 2, "shared": 5}, invalid=7, pace_used=0.5, queued=12, in_flight=3)


@dataclass
class Answer:
    """What came back."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """As JSON, which it must say that it is."""
        assert self.headers["Content-Type"].startswith(JSON)
        return json.loads(self.text)

    @property
    def items(self) -> list[dict[str, Any]]:
        """What became of each item."""
        found: list[dict[str, Any]] = self.json["items"]
        return found

    @property
    def fates(self) -> list[str]:
        """The same in a word each."""
        return [item["status"] for item in self.items]


@dataclass
class Office:
    """A desk that listens, and somebody who has its address."""

    desk: BotHarness
    server: HttpServer
    client: aiohttp.ClientSession
    polls: Counter[str]
    port: int = 0
    up: list[bool] = field(default_factory=lambda: [True])

    def url(self, path: str) -> str:
        return f"http://{LOOPBACK}:{self.port}{path}"

    async def get(self, path: str, **options: Any) -> Answer:
        return await self._ask("GET", path, **options)

    async def push(self, body: Any, kind: str = JSON, token: str | None = TOKEN, **headers: str) -> Answer:
        """Push records: bytes and text as they are, anything else as JSON."""
        text = body if isinstance(body, bytes | str) else json.dumps(body)
        data = BytesIO(text.encode() if isinstance(text, str) else text)
        sent = {"Content-Type": kind, **headers}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        return await self._ask("POST", "/records", data=data, headers=sent)

    async def _ask(self, method: str, path: str, **options: Any) -> Answer:
        async with self.client.request(method, self.url(path), **options) as response:
            return Answer(response.status, await response.text(), dict(response.headers))

    async def posted(self) -> list[str]:
        """The titles of all that was posted by now."""
        await self.desk.deliver()
        return self.desk.mailbox.titles

    async def measured(self) -> dict[str, float]:
        """What the page of metrics says, by name and label."""
        answer = await self.get("/metrics")
        assert answer.status == 200
        found = {}
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                label = ",".join(sample.labels.values())
                found[f"{sample.name}:{label}" if label else sample.name] = sample.value
        return found


async def configure(desk: BotHarness) -> None:
    """Two topics, and a channel that follows AI."""
    await rematch.configure(desk.context, [Topic("AI"), Topic("Space", keywords=("rocket",))])
    await desk.follow()


@asynccontextmanager
async def opened_office(
    url: str, clock: Clock, token: str = TOKEN, per_minute: int = 100_000
) -> AsyncIterator[Office]:
    """A bot on a configured database that listens on a free port."""
    async with opened_as(url, InterruptibleDatabase) as db:
        desk = BotHarness(db, clock)
        polls: Counter[str] = Counter()
        up = [True]
        settings = EndpointSettings(LOOPBACK, 0, token, per_minute)
        listening = HttpServer(
            desk.context,
            desk.ingest,
            settings,
            lambda: up[0],
            lambda: polls,
            lambda: {"accepted": 1},
            lambda: {"delivered": 1},
            traffic,
        )
        port = await listening.start()
        async with aiohttp.ClientSession() as client:
            yield Office(desk, listening, client, polls, port, up)
        await listening.close()
        await asyncio.sleep(0)


@pytest.fixture
async def office(configured_url: str, clock: Clock) -> AsyncIterator[Office]:
    async with opened_office(configured_url, clock) as made:
        yield made


# Records that are pushed.


async def test_a_pushed_record_is_posted_on_both_databases(store_url: str, clock: Clock) -> None:
    async with opened_office(store_url, clock) as office:
        await configure(office.desk)
        answer = await office.push(news(ONE))
        assert answer.status == 200
        assert answer.items == [{"item": 1, "status": "new", "url": "https://paper.example/1", "story": 1}]
        assert await office.posted() == [ONE]


async def test_a_list_and_json_lines_are_many_records(office: Office) -> None:
    listed = await office.push([news(ONE, 1), news(TWO, 2)])
    lines = "\n".join(json.dumps(news(title, number)) for number, title in ((3, THREE), (4, FOUR)))
    lined = await office.push(lines, LINES)
    assert listed.fates + lined.fates == ["new"] * 4
    assert [item["story"] for item in (*listed.items, *lined.items)] == [1, 2, 3, 4]
    assert sorted(await office.posted()) == sorted([ONE, TWO, THREE, FOUR])


async def test_front_matter_and_yaml_are_taken(office: Office) -> None:
    markdown = (
        f"---\ntitle: {ONE}\nwebUrl: https://paper.example/1\ntopics: [AI]\nquality: 80\n---\nThe text.\n"
    )
    yaml = f"title: {TWO}\nwebUrl: https://paper.example/2\n---\ntitle: {THREE}\nwebUrl: https://paper.example/3\n"
    assert (await office.push(markdown, MARKDOWN)).fates == ["new"]
    assert (await office.push(yaml, YAML)).fates == ["new", "new"]
    assert (await office.push(json.dumps(news(FOUR, 4)), f"{JSON}; charset=utf-8")).fates == ["new"]


async def test_what_is_pushed_first_is_news(office: Office) -> None:
    """A feed's first intake is silent; who pushes something means it now."""
    await office.push([news(ONE)])
    await office.push([news(TWO, 2)])
    assert await office.posted() == [ONE, TWO]


async def test_what_is_too_old_is_taken_in_and_not_posted(office: Office) -> None:
    old = news(ONE, publishedDateTime="2020-01-01T00:00:00Z")
    assert (await office.push(old)).fates == ["new"]
    assert await office.posted() == []


async def test_again_is_unchanged_and_posts_nothing_again(office: Office) -> None:
    await office.push(news(ONE))
    again = await office.push([news(ONE), news(ONE)])
    assert (again.status, again.fates) == (200, ["unchanged", "unchanged"])
    assert [item["story"] for item in again.items] == [1, 1]
    assert await office.posted() == [ONE]


async def test_what_says_something_else_is_changed(office: Office) -> None:
    await office.push(news(ONE))
    await office.posted()
    answer = await office.push(news(TWO))
    assert answer.items == [{"item": 1, "status": "changed", "url": "https://paper.example/1", "story": 1}]
    office.desk.clock.forward(minutes=5)
    await office.posted()
    assert [asked.title for asked in office.desk.mailbox.edited] == [TWO]


async def test_a_record_that_is_taken_back_is(office: Office) -> None:
    await office.push(news(ONE))
    await office.posted()
    answer = await office.push({"webUrl": "https://paper.example/1", "removed": True})
    assert answer.fates == ["changed"]
    office.desk.clock.forward(minutes=5)
    await office.posted()
    assert len(office.desk.mailbox.edited) == 1


async def test_reports_of_one_event_tell_the_same_story(office: Office) -> None:
    title = "Harbour bridge closed after engineers find crack in girder"
    other = "Harbour bridge closed: crack in girder found by engineers"
    answer = await office.push([news(title), news(other, webUrl="https://other.example/x"), news(TWO, 2)])
    assert [item["story"] for item in answer.items] == [1, 1, 2]


async def test_a_bad_item_is_told_in_its_place_and_holds_nothing_back(office: Office) -> None:
    batch = [news(ONE), {"title": "No address"}, 17, news(TWO, 2, quality="a lot"), news(THREE, 3)]
    answer = await office.push(batch)
    assert answer.status == 200
    assert [item["item"] for item in answer.items] == [1, 2, 3, 4, 5]
    assert answer.fates == ["new", "rejected", "rejected", "rejected", "new"]
    reasons = [item["reason"] for item in answer.items if "reason" in item]
    assert len(reasons) == 3
    assert "quality" in reasons[2]
    assert not any("url" in item or "story" in item for item in answer.items if "reason" in item)
    assert sorted(await office.posted()) == sorted([ONE, THREE])


async def test_a_bad_line_is_told_by_its_number(office: Office) -> None:
    answer = await office.push(f"{json.dumps(news(ONE))}\nnonsense\n\n{json.dumps(news(TWO, 2))}\n", LINES)
    assert [(item["item"], item["status"]) for item in answer.items] == [
        (1, "new"),
        (2, "rejected"),
        (4, "new"),
    ]


async def test_what_was_left_out_of_a_record_is_told(office: Office) -> None:
    answer = await office.push(news(ONE, related=[{"title": "No address"}]))
    (item,) = answer.items
    assert item["status"] == "new"
    assert "related" in item["notes"][0]


async def test_a_batch_without_anything_that_can_be_used_is_422(office: Office) -> None:
    for body in ("[]", "", "nonsense", "[{}]", "3", '{"title": "x"}', "\x00", "{" * 100_000):
        answer = await office.push(body)
        assert answer.status == 422, body[:20]
        assert all(item["status"] == "rejected" and item["reason"] for item in answer.items), body[:20]
        assert await office.desk.db_records() == 0, body[:20]


async def test_secured_is_neither_kept_nor_given_back(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "b3BlbiBzZXNhbWU"
    batch = [news(ONE, secured=secret), {"secured": secret, "title": ["bad"], "webUrl": "https://x.example/"}]
    answer = await office.push(batch)
    assert answer.fates == ["new", "rejected"]
    await office.posted()
    shown = answer.text + caplog.text + "".join(asked.text for asked in office.desk.mailbox.sent)
    assert secret not in shown
    for table in schema.metadata.sorted_tables:
        async with office.desk.db.read() as connection:
            assert secret not in str((await connection.execute(table.select())).all())


async def test_an_item_that_cannot_be_stored_is_refused_and_the_rest_is_stored(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def buggy(arrivals: Any, *rest: Any, **more: Any) -> Any:
        if any(arrival.record.title == TWO for arrival in arrivals):
            raise ZeroDivisionError("a secret in a traceback")
        return identify(arrivals, *rest, **more)

    monkeypatch.setattr("bot.workers.ingest.identify", buggy)
    answer = await office.push([news(ONE), news(TWO, 2), {}, news(THREE, 3)])
    assert answer.fates == ["new", "rejected", "rejected", "new"]
    assert answer.items[1]["reason"] == "internal error; the bot's log has the details"
    assert [item.get("story") for item in answer.items] == [1, None, None, 2]
    assert "secret" not in answer.text


# Who is refused.


async def test_without_the_token_nothing_is_taken(office: Office) -> None:
    for header in (None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer é"):
        headers = {"Authorization": header} if header is not None else {}
        answer = await office.push(news(ONE), token=None, **headers)
        assert answer.status == 401, header
        assert answer.headers["WWW-Authenticate"] == "Bearer", header
        assert "Authorization: Bearer" in answer.json["error"], header
        assert TOKEN not in answer.text, header
        assert await office.desk.db_records() == 0, header


async def test_the_scheme_may_be_written_in_any_case(office: Office) -> None:
    answer = await office.push(news(ONE), token=None, Authorization=f"bearer  {TOKEN} ")
    assert answer.status == 200


async def test_where_no_token_is_configured_nothing_is_taken(configured_url: str, clock: Clock) -> None:
    async with opened_office(configured_url, clock, token="") as office:
        for token in (None, "", "anything"):
            answer = await office.push(news(ONE), token=token)
            assert answer.status == 403, token
            assert "http.token" in answer.json["error"], token
            assert await office.desk.db_records() == 0, token
        assert (await office.get("/healthz")).status == 200


async def test_who_asks_too_often_is_told_to_wait(configured_url: str, clock: Clock) -> None:
    async with opened_office(configured_url, clock, per_minute=3) as office:
        statuses = [(await office.push(news(ONE))).status for _ in range(3)]
        assert statuses == [200] * 3
        answer = await office.push(news(ONE))
        assert answer.status == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert "Retry-After" in answer.json["error"]
        assert (await office.get("/healthz")).status == 200
        assert (await office.get("/metrics")).status == 200


async def test_guesses_at_the_token_count_too(configured_url: str, clock: Clock) -> None:
    async with opened_office(configured_url, clock, per_minute=2) as office:
        statuses = [(await office.push(news(ONE), token=f"guess {n}")).status for n in range(3)]
        assert statuses == [401, 401, 429]


async def test_another_kind_of_content_is_refused_with_those_that_are_taken(office: Office) -> None:
    for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense", ""):
        answer = await office.push(news(ONE), kind)
        assert answer.status == 415, kind
        assert JSON in answer.json["error"], kind


async def test_a_body_that_is_too_large_is_refused(office: Office) -> None:
    answer = await office.push(news(ONE, excerpt="x" * 2_000_001))
    assert answer.status == 413
    assert "2 MB" in answer.json["error"]
    assert (await office.push(news(ONE, excerpt="x" * 1_900_000))).status == 200


async def test_a_small_body_that_unpacks_into_a_large_one_is_refused(office: Office) -> None:
    packed = gzip.compress(b" " * sized(5_000_000, long=50_000_000))
    answer = await office.push(packed, **{"Content-Encoding": "gzip"})
    assert answer.status == 413


async def test_a_packed_body_is_taken(office: Office) -> None:
    packed = gzip.compress(json.dumps(news(ONE)).encode())
    assert (await office.push(packed, **{"Content-Encoding": "gzip"})).fates == ["new"]


async def test_a_body_that_cannot_be_unpacked_is_the_senders_fault(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await office.push(b"not packed at all", **{"Content-Encoding": "gzip"})
    assert answer.status == 400
    assert answer.json["error"]
    assert "a request to /records failed" not in caplog.text


async def test_more_items_than_a_batch_may_have_are_refused_and_none_is_taken(office: Office) -> None:
    titles = list(headlines(501))
    answer = await office.push([news(title, number) for number, title in enumerate(titles)])
    assert answer.status == 413
    assert "500 items" in answer.json["error"]
    assert await office.desk.db_records() == 0
    answer = await office.push([17] * 501)
    assert answer.status == 413


async def test_a_full_batch_is_taken(office: Office) -> None:
    answer = await office.push([news(title, number) for number, title in enumerate(headlines(500))])
    assert Counter(answer.fates) == {"new": 500}


async def test_a_body_that_drips_is_given_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BODY_SECONDS", 0.05)
    over = asyncio.Event()

    async def dripping() -> AsyncIterator[bytes]:
        yield b"["
        await over.wait()

    async with asyncio.timeout(20):
        async with office.client.post(
            office.url("/records"),
            data=dripping(),
            headers={"Content-Type": JSON, "Authorization": f"Bearer {TOKEN}"},
        ) as response:
            assert response.status == 408
            assert (await response.json())["error"] == "the body did not arrive in time"
    over.set()


async def half_a_push(office: Office) -> asyncio.StreamWriter:
    """A sender that has begun, and says no more."""
    _, writer = await asyncio.open_connection(LOOPBACK, office.port)
    head = f"POST /records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: {JSON}\r\n"
    writer.write(f"{head}Content-Length: 1000\r\n\r\n[".encode())
    await writer.drain()
    return writer


async def test_a_sender_that_hangs_up_is_no_error_of_the_bot(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    writer = await half_a_push(office)
    assert (await office.push(news(ONE))).status == 200
    writer.transport.abort()
    await office.server.close()
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


# When something is wrong with the bot.


async def test_a_database_that_fails_is_503_and_nothing_is_lost_by_trying_again(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise StoreError("/secret/place.db cannot be used: the disk is full")

    for number in (1, 2):
        office.desk.db.at_commit(fail, number)
        answer = await office.push(news(ONE))
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json["error"] == "the database is unavailable; try again later"
    assert "the disk is full" in caplog.text
    assert await office.desk.db_records() == 0
    assert (await office.push(news(ONE))).fates == ["new"]
    assert await office.posted() == [ONE]


async def test_a_bug_is_500_and_only_the_log_says_more(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError("a secret in a traceback")

    monkeypatch.setattr(server, "parse", bug)
    answer = await office.push(news(ONE))
    assert answer.status == 500
    assert answer.json == {"error": "internal error; the bot's log has the details"}
    assert "a secret in a traceback" in caplog.text
    assert TOKEN not in caplog.text


async def test_what_there_is_not_is_told_as_json(office: Office) -> None:
    for method, path, status in (
        ("GET", "/", 404),
        ("GET", "/records", 405),
        ("PUT", "/records", 405),
        ("POST", "/metrics", 405),
    ):
        async with office.client.request(method, office.url(path)) as response:
            assert response.status == status, path
            assert (await response.json())["error"], path
            assert ("Allow" in response.headers) == (status == 405), path


async def test_a_port_that_is_taken_is_told_by_its_key(office: Office) -> None:
    other = HttpServer(
        office.desk.context,
        office.desk.ingest,
        EndpointSettings(LOOPBACK, office.port, TOKEN, 1),
        lambda: True,
        lambda: {},
    )
    with pytest.raises(
        TopicwireError, match=rf"http\.listen: cannot listen on 127\.0\.0\.1:{office.port}: \w+"
    ):
        await other.start()
    assert (await office.get("/healthz")).status == 200


async def test_a_host_that_is_not_this_machines_is_told_by_its_key(office: Office) -> None:
    settings = EndpointSettings("no-such-host.invalid", 8080, TOKEN, 1)
    other = HttpServer(office.desk.context, office.desk.ingest, settings, lambda: True, lambda: {})
    with pytest.raises(TopicwireError, match=r"http\.listen: cannot listen on no-such-host\.invalid:8080: "):
        await other.start()


async def test_it_listens_until_it_is_closed(office: Office) -> None:
    await office.server.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((LOOPBACK, office.port))


async def test_a_sender_that_is_slow_does_not_keep_the_bot_from_stopping(
    configured_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CLOSE_SECONDS", 0.05)
    async with opened_office(configured_url, clock) as office:
        writer = await half_a_push(office)
        assert (await office.get("/healthz")).status == 200  # by now the other one is waited for
        async with asyncio.timeout(15):
            await office.server.close()
        writer.close()


# Health and metrics.


async def test_a_bot_that_is_well_says_so(office: Office) -> None:
    answer = await office.get("/healthz")
    assert answer.status == 200
    assert answer.json == {"status": "ok", "problems": []}


async def test_a_bot_that_is_not_says_what_is_wrong(office: Office) -> None:
    async def fail() -> None:
        raise StoreError("/secret/place.db cannot be used")

    office.up[0] = False
    office.desk.db.before_next_read(fail)
    answer = await office.get("/healthz")
    assert answer.status == 503
    assert answer.json == {
        "status": "trouble",
        "problems": ["not connected to Discord", "the database does not answer"],
    }
    office.up[0] = True
    assert (await office.get("/healthz")).status == 200


async def test_every_metric_is_on_the_page_and_described(office: Office) -> None:
    await office.push(news(ONE))
    office.polls["new"] += 1
    answer = await office.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    for name, meaning in {**GAUGES, **COUNTERS}.items():
        family = families[name.removesuffix("_total")]
        assert family.documentation == meaning
        assert family.type == ("counter" if name in COUNTERS else "gauge")
        assert family.samples, name
    assert "process_resident_memory_bytes" in families


async def test_what_there_is_is_measured(office: Office) -> None:
    await office.push([news(ONE), news(TWO, 2)])
    office.desk.clock.forward(seconds=90)
    measured = await office.measured()
    expected = {
        "topicwire_records": 2,
        "topicwire_stories": 2,
        "topicwire_topics": 2,
        "topicwire_subscriptions": 1,
        "topicwire_channels_paused": 0,
        "topicwire_outbox_waiting": 2,
        "topicwire_outbox_late_seconds": 90,
        "topicwire_discord_connected": 1,
        "topicwire_discord_pace_used": 0.5,
        "topicwire_discord_invalid_requests": 7,
        "topicwire_delivery_queued": 12,
        "topicwire_delivery_in_flight": 3,
        "topicwire_feeds:fine": 0,
        "topicwire_feeds:new": 0,
        "topicwire_feeds:failing": 0,
        "topicwire_feeds:stopped": 0,
    }
    assert {name: measured[name] for name in expected} == expected
    await office.posted()
    await office.desk.pause()
    office.up[0] = False
    office.desk.clock.forward(seconds=5)
    after = await office.measured()
    assert after["topicwire_outbox_waiting"] == after["topicwire_outbox_late_seconds"] == 0
    assert after["topicwire_channels_paused"] == 1
    assert after["topicwire_discord_connected"] == 0


async def test_pushes_and_polls_are_counted_by_what_came_of_them(office: Office) -> None:
    await office.push([news(ONE), news(TWO, 2), {}])
    await office.push([news(ONE), news(THREE, 2)])
    await office.push([news(ONE)], token=None)
    office.polls.update({"new": 3, "failed": 1})
    measured = await office.measured()
    counted = {name: value for name, value in measured.items() if "_total:" in name and "topicwire" in name}
    assert {name: value for name, value in counted.items() if value} == {
        "topicwire_pushed_total:new": 2,
        "topicwire_pushed_total:changed": 1,
        "topicwire_pushed_total:unchanged": 1,
        "topicwire_pushed_total:rejected": 1,
        "topicwire_polls_total:new": 3,
        "topicwire_polls_total:failed": 1,
        "topicwire_rephrasings_total:accepted": 1,
        "topicwire_forwarded_total:delivered": 1,
        "topicwire_discord_429_total:user": 2,
        "topicwire_discord_429_total:shared": 5,
    }


async def test_a_database_that_fails_is_in_the_metrics_with_what_can_be_counted_without_it(
    office: Office,
) -> None:
    async def fail() -> None:
        raise StoreError("/secret/place.db cannot be used")

    office.desk.db.before_next_read(fail)
    office.polls["failed"] += 2
    before = office.desk.clock()
    office.desk.context.monitor.note(OutageKind.SENDING, "HTTP 503", before - timedelta(minutes=3))
    answer = await office.get("/metrics")
    assert answer.status == 200
    assert "secret" not in answer.text
    assert "topicwire_records" not in answer.text
    assert 'topicwire_outage_seconds{kind="sending"} 180.0' in answer.text
    assert 'topicwire_outage_seconds{kind="feeds"} 0.0' in answer.text
    assert 'topicwire_polls_total{outcome="failed"} 2.0' in answer.text
    office.desk.clock.forward(minutes=1)
    assert (await office.measured())["topicwire_outage_seconds:database"] == 60


async def test_health_names_each_outage_its_beginning_and_nothing_of_the_machine(office: Office) -> None:
    for kind in OutageKind:
        office.desk.context.monitor.note(kind, "/srv/x.db is full. Free some space.", office.desk.clock())
    answer = await office.get("/healthz")
    assert answer.status == 503
    began = office.desk.clock().isoformat(timespec="seconds")
    assert len(answer.json["problems"]) == len(OutageKind)
    problems: list[str] = answer.json["problems"]
    of_database = [problem for problem in problems if problem.startswith("the database")]
    others = [problem for problem in problems if problem not in of_database]
    assert all(text.endswith(f"since {began}: … is full.") for text in others)
    assert of_database == [
        f"the database does not answer since {began}: free some disk space; no stored data is lost"
    ]
    reason = "the database db.intern cannot be used: Connect call failed ('10.0.0.5', 5432) for user \"bot\""
    office.desk.context.monitor.note(OutageKind.DATABASE, reason, office.desk.clock())
    answer = await office.get("/healthz")
    secrets = ("db.intern", "10.0.0.5", "bot")  # PostgreSQL's errors name its host and user
    assert not any(secret in answer.text for secret in secrets)
    for kind in OutageKind:
        office.desk.context.monitor.note(kind, None, office.desk.clock())
    assert (await office.get("/healthz")).status == 200


def test_the_address_that_is_listened_on_is_the_configured_one() -> None:
    def endpoint(listen: str) -> tuple[str, int] | None:
        made = build_endpoint(parse({"http": {"listen": listen}}))
        return (made.host, made.port) if made else None

    assert endpoint("127.0.0.1:8080") == ("127.0.0.1", 8080)
    assert endpoint("[::1]:0") == ("::1", 0)
    assert endpoint("") is None


# ------------------------------------------------------------------------------------- hostile clients


async def raw(office: Office, data: bytes) -> bytes:
    """All that comes back for these bytes until the connection is closed."""
    reader, writer = await asyncio.open_connection(LOOPBACK, office.port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


def post(*headers: bytes) -> bytes:
    """A request without a body."""
    lines = (b"POST /records HTTP/1.1", b"Host: x", b"Content-Length: 0", b"Connection: close", *headers)
    return b"\r\n".join([*lines, b"", b""])


@pytest.mark.parametrize(
    "header",
    [b"Authorization: Bearer \xff\xfe", b"Authorization: \xc3", b"Authorization: Bearer \xed\xa0\x80"],
)
async def test_a_token_in_any_bytes_is_a_wrong_token_and_counted(
    configured_url: str, clock: Clock, header: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened_office(configured_url, clock, per_minute=2) as office:
        statuses = [(await raw(office, post(header))).split(b" ")[1] for _ in range(4)]
    assert statuses == [b"401", b"401", b"429", b"429"]
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


async def test_what_is_not_http_is_answered_and_not_logged(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    for request_bytes in (
        b"\x16\x03\x01\x02\x00",
        b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nA: b\0c\r\n\r\n",
        b"POST /records HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST /records HTTP/1.1\r\nContent-Length: +5\r\n\r\nabcde",
        b"NONSENSE\r\n\r\n",
    ):
        answer = await raw(office, request_bytes)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ")), request_bytes
        assert json.loads(body) == {"error": "not a valid HTTP request"}, request_bytes
    assert not [line for line in caplog.records if line.levelno >= logging.WARNING]


async def test_no_answer_names_what_runs_the_endpoint(office: Office) -> None:
    answers = [
        await raw(office, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        await raw(office, post()),
        await raw(office, b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        await raw(office, b"NONSENSE\r\n\r\n"),
    ]
    for answer in answers:
        assert b"Server: Topicwire\r\n" in answer
        assert not any(word in answer.lower() for word in (b"python", b"aiohttp"))


async def test_one_client_cannot_take_all_connections(office: Office) -> None:
    idle = [await asyncio.open_connection(LOOPBACK, office.port) for _ in range(MAX_PER_ADDRESS)]
    reader, writer = await asyncio.open_connection(LOOPBACK, office.port)
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b"", "one more is dropped"
    writer.close()
    _, first = idle.pop()
    first.close()
    await first.wait_closed()
    while True:  # the place becomes free when the server sees the end of the connection
        with contextlib.suppress(aiohttp.ClientError):
            assert (await office.get("/healthz")).status == 200
            break
    for _, each in idle:
        each.close()


async def test_however_many_ask_for_the_metrics_they_are_counted_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = 0

    async def counting(context: Context) -> Measurements:
        nonlocal counted
        counted += 1
        return await measure(context)

    monkeypatch.setattr(server, "measure", counting)
    pages = await asyncio.gather(*(office.get("/metrics") for _ in range(30)))
    assert {page.status for page in pages} == {200}
    assert counted == 1
    office.desk.clock.forward(seconds=5)
    await office.get("/metrics")
    assert counted == 2


async def test_a_process_that_does_not_lead_the_intake_stores_nothing_that_is_pushed(office: Office) -> None:
    leading = {"intake": False}
    standby = HttpServer(
        office.desk.context,
        office.desk.ingest,
        EndpointSettings(LOOPBACK, 0, TOKEN, 10),
        lambda: True,
        lambda: {},
        takes_in=lambda: leading["intake"],
        leading=lambda: leading,
    )
    port = await standby.start()
    try:
        url = f"http://{LOOPBACK}:{port}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with office.client.post(f"{url}/records", json=news(ONE), headers=headers) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "10")
            assert "intake" in (await response.json())["error"]
        async with office.client.get(f"{url}/metrics") as response:
            assert 'topicwire_leading{role="intake"} 0.0' in await response.text()
    finally:
        await standby.close()
