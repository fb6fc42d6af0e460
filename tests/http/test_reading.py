"""Feeds and stories as feed readers and programs get them, with a server's token."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import feedparser
import pytest
from hypothesis import given
from lxml import etree

from bot.domain.briefs.entry import story_entry
from bot.domain.model import Record, StoryView, Topic
from bot.http.connections import network_of
from bot.http.feeds import PublishedFeed, atom, json_feed
from bot.services import api_tokens, mutes
from bot.services.context import ApiAccess
from bot.sources.model import Item, ItemBatch
from bot.store import server_topics, servers, sources, stories, story_pages
from bot.workers import rematch
from bot.workers.batches import SourceBatch
from tests.form import sized
from tests.hostile import any_stories
from tests.http.test_server import Answer, Office, configure, opened_office
from tests.make import Clock, examples, record
from tests.store.store_helpers import GUILD, headlines, statements

OTHER = GUILD + 1
ONE, TWO, THREE, FOUR = headlines(4)
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def office(configured_url: str, clock: Clock) -> AsyncIterator[Office]:
    async with opened_office(configured_url, clock) as made:
        allow(made)
        yield made


def allow(office: Office, **access: Any) -> None:
    """Let servers have tokens."""
    given_access = ApiAccess(is_on=True, public_url="https://news.example", **access)
    object.__setattr__(office.desk.context, "api", given_access)


async def token_of(office: Office, guild_id: int = GUILD, name: str = "reader") -> str:
    return (await api_tokens.create(office.desk.context, guild_id, name, 7)).text


async def read(office: Office, path: str, token: str | None, **headers: str) -> Answer:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await office.get(path, headers=headers)


async def bring(office: Office, guild_id: int, *records: Record) -> None:
    """Records come in from a server's own feed, or (0) from a shared one."""
    async with office.desk.db.write() as connection:
        state = await sources.ensure(connection, f"source of {guild_id}", "list")
    items = tuple(Item("list", number, one) for number, one in enumerate(records, 1))
    ready = replace(state, intake_done=True)
    await office.desk.ingest.store([SourceBatch(ready, ItemBatch(items), guild_id=guild_id)])


def titles(answer: Answer) -> list[str]:
    return [story["title"] for story in answer.json["stories"]]


async def feed_titles(office: Office, token: str) -> list[str]:
    """What the feed of AI has."""
    items = json.loads((await read(office, "/feeds/AI.json", token)).text)["items"]
    return [item["title"] for item in items]


# ------------------------------------------------------------------------------------- who may read


@pytest.mark.parametrize("path", ["/feeds/AI.json", "/stories?topic=AI"])
async def test_what_a_server_reads_at_once_keeps_one_connection_from_others(
    office: Office, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading: Counter[int] = Counter()
    most: Counter[int] = Counter()
    load = stories.load

    async def counting(connection: Any, numbers: Any, guild_id: int) -> Any:
        reading[guild_id] += 1
        most[guild_id] = max(most[guild_id], reading[guild_id])
        if guild_id == GUILD and most[OTHER] == 0:
            await asyncio.wait_for(other_reads.wait(), 30)
        other_reads.set()
        loaded = await load(connection, numbers, guild_id)
        reading[guild_id] -= 1
        return loaded

    other_reads = asyncio.Event()
    monkeypatch.setattr(stories, "load", counting)
    mine, others = await token_of(office), await token_of(office, OTHER)
    requests = [read(office, path, token) for token in (mine, mine, mine, others)]
    answers = await asyncio.gather(*requests)
    assert [answer.status for answer in answers] == [200] * 4
    assert most == {GUILD: 1, OTHER: 1}


async def test_without_a_good_token_nothing_is_read_not_even_what_topics_there_are(office: Office) -> None:
    token = await token_of(office)
    program, number, secret = token.split("_", 2)
    head = f"{program}_{number}"
    bad = (None, "", "x", token[:-1], f"{head}_{'A' * 43}", f"tw_99_{secret[:43]}", "tw_0_" + "a" * 43)
    for path in ("/feeds/AI.atom", "/feeds/AI.json", "/feeds/nothing.atom", "/stories"):
        for wrong in bad:
            answer = await read(office, path, wrong)
            assert answer.status == 401, (path, wrong)
            assert answer.headers["WWW-Authenticate"] == "Bearer", (path, wrong)
            assert answer.headers["Cache-Control"] == "no-store", (path, wrong)
        both = await office.get(f"{path}?token={token}&token={token}")
        assert both.status == 401, path


async def test_a_token_is_read_from_the_header_or_the_address_and_ends_when_it_is_revoked(
    office: Office,
) -> None:
    token = await token_of(office)
    assert (await read(office, "/stories", token)).status == 200
    assert (await office.get(f"/stories?token={token}")).status == 200
    assert (await office.get(f"/feeds/AI.atom?token={token}")).status == 200
    await api_tokens.revoke(office.desk.context, GUILD, "reader")
    assert (await read(office, "/stories", token)).status == 401


async def test_only_the_hash_of_a_token_is_stored(office: Office) -> None:
    token = await token_of(office)
    [stored] = await api_tokens.listing(office.desk.context, GUILD)
    assert token.split("_", 2)[2] not in repr(stored)
    assert re.fullmatch("[0-9a-f]{64}", stored.secret_hash)


async def test_a_server_that_removed_the_bot_is_not_read_until_it_is_back(office: Office) -> None:
    token = await token_of(office)
    async with office.desk.db.write() as connection:
        await servers.leave(connection, [GUILD], office.desk.clock())
    assert (await read(office, "/stories", token)).status == 401
    async with office.desk.db.write() as connection:
        await servers.come_back(connection, GUILD)
    assert (await read(office, "/stories", token)).status == 200


async def test_no_log_shows_a_token_whatever_happens(
    office: Office, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    token = await token_of(office)
    for path in ("/stories", "/feeds/AI.atom", "/feeds/nothing.json", "/stories?limit=no", "/elsewhere"):
        joint = "&" if "?" in path else "?"
        answer = await office.get(f"{path}{joint}token={token}")
        assert token not in answer.text

    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("bot.services.syndication.stories_page", broken)
    assert (await office.get(f"/stories?token={token}")).status == 500
    assert "a bug" in caplog.text
    assert token not in caplog.text
    assert token.split("_", 2)[2] not in caplog.text


async def test_a_server_has_so_many_requests_a_minute_however_many_tokens_it_has(
    configured_url: str, clock: Clock
) -> None:
    async with opened_office(configured_url, clock, per_minute=3) as office:
        allow(office)
        one, two = await token_of(office, name="one"), await token_of(office, name="two")
        other = await token_of(office, OTHER)
        statuses = [(await read(office, "/stories", token)).status for token in (one, two, one, two, one)]
        assert statuses == [200, 200, 200, 429, 429]
        limited = await read(office, "/stories", one)
        assert limited.headers["Retry-After"] == "60"
        assert (await read(office, "/stories", other)).status == 200


async def test_an_address_that_has_guessed_too_often_costs_nothing_more_and_good_tokens_still_count(
    configured_url: str, clock: Clock
) -> None:
    async with opened_office(configured_url, clock, per_minute=4) as office:
        allow(office)
        mine = await token_of(office)
        guesses = [f"tw_{number}_{'A' * 43}" for number in range(1, 30)]
        with statements(office.desk.db) as seen:
            answers = [(await read(office, "/stories", guess)).status for guess in guesses]
        assert answers == [401] * 4 + [429] * 25
        assert sum("api_tokens" in sql for sql, _ in seen) == 4 + 1  # and one for all tokens
        # Readers behind the same proxy have the same address.
        assert (await read(office, "/stories", mine)).status == 200
        # A token is not known before the next look, and a revoked one ends at once.
        young = await token_of(office, name="young")
        assert (await read(office, "/stories", young)).status == 429
        await api_tokens.revoke(office.desk.context, GUILD, "reader")
        assert (await read(office, "/stories", mine)).status == 429
        clock.forward(minutes=1)
        assert (await read(office, "/stories", young)).status == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_is_counted_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_the_addresses_that_are_counted_have_a_bound(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.http.server.MOST_SENDERS", 3)
    addresses = iter(f"203.0.113.{number}" for number in range(100))
    monkeypatch.setattr("bot.http.server.network_of", lambda _: next(addresses))
    for _ in range(10):
        assert (await read(office, "/stories", "wrong")).status == 401
    assert len(office.server._counted.events) == 4


# --------------------------------------------------------------------------------------- what is read


async def test_a_feed_has_a_topics_stories_newest_first_and_those_of_its_subtopics(
    store_url: str, clock: Clock
) -> None:
    async with opened_office(store_url, clock) as office:
        allow(office)
        await rematch.configure(
            office.desk.context, [Topic("AI"), Topic("Robots", parent="AI"), Topic("Space")]
        )
        await office.desk.take_in(record(ONE, topics=["AI"], excerpt="Something happened there."))
        clock.forward(minutes=1)
        await office.desk.take_in(record(TWO, topics=["Robots"]), record(THREE, topics=["Space"]))
        token = await token_of(office)
        answer = await read(office, "/feeds/ai.atom", token)
        assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
        feed = feedparser.parse(answer.text.encode())
        assert not feed.bozo
        assert feed.feed.title == "AI"
        assert [entry.title for entry in feed.entries] == [TWO, ONE]
        assert feed.entries[1].summary == "Something happened there."
        assert [entry.id for entry in feed.entries] == ["urn:topicwire:story:2", "urn:topicwire:story:1"]
        assert [tag.term for tag in feed.entries[0].tags] == ["Robots"]
        listed = (await read(office, "/feeds/AI.json", token)).text
        items = json.loads(listed)["items"]
        assert [item["title"] for item in items] == [TWO, ONE]
        assert "token" not in listed


async def test_an_entry_stays_the_same_one_as_its_story_grows(office: Office) -> None:
    token = await token_of(office)
    title = "Harbour bridge closed after crane collapse"
    await office.desk.take_in(record(title, "a.example", topics=["AI"]))
    [before] = (await read(office, "/stories", token)).json["stories"]
    office.desk.clock.forward(minutes=3)
    await office.desk.take_in(record("Crane collapse: harbour bridge closed", "b.example", topics=["AI"]))
    [after] = (await read(office, "/stories", token)).json["stories"]
    assert (before["id"], before["updated"]) == (after["id"], "2026-03-02T12:00:00Z")
    assert after["updated"] == "2026-03-02T12:03:00Z"
    assert sorted(after["outlets"]) == ["A", "B"]
    assert [article["relation"] for article in after["coverage"]] == ["same"]
    feed = feedparser.parse((await read(office, "/feeds/AI.atom", token)).text.encode())
    assert [author.name for author in feed.entries[0].authors] == after["outlets"]
    related = [link.href for link in feed.entries[0].links if link.rel == "related"]
    assert related == [after["coverage"][0]["url"]]


async def test_what_the_server_has_muted_and_what_was_removed_is_not_there(office: Office) -> None:
    token = await token_of(office)
    first = record(ONE, "a.example", topics=["AI"])
    await office.desk.take_in(
        first, record(TWO, "b.example", topics=["AI"]), record(THREE, "c.example", topics=["AI"])
    )
    await mutes.mute(office.desk.context, GUILD, None, "b.example")
    await office.desk.take_in(replace(first, removed=True))
    assert titles(await read(office, "/stories", token)) == [THREE]
    assert await feed_titles(office, token) == [THREE]
    other = await token_of(office, OTHER)
    assert sorted(titles(await read(office, "/stories", other))) == sorted([TWO, THREE])


async def test_an_address_that_is_no_feeds_is_answered_with_the_form_of_one(office: Office) -> None:
    form = "feeds are at /feeds/TOPIC.atom and /feeds/TOPIC.json"
    for path in ("/feeds/AI", "/feeds/AI.rss", "/feeds/", "/feeds/AI/more.atom"):
        answer = await office.get(path)
        assert (answer.status, answer.json["error"]) == (404, form), path


async def test_a_feed_has_fifty_entries_at_most(office: Office) -> None:
    await office.desk.take_in(
        *(record(title, f"o{n}.example", topics=["AI"]) for n, title in enumerate(list(headlines(60))))
    )
    token = await token_of(office)
    assert len(await feed_titles(office, token)) == 50
    assert (await read(office, "/stories?limit=51", token)).status == 400


async def test_an_unknown_topic_and_another_servers_topic_are_answered_alike(office: Office) -> None:
    async with office.desk.db.write() as connection:
        await server_topics.add(connection, Topic("Our secret plans", query="harbour", guild_id=OTHER))
    mine, theirs = await token_of(office), await token_of(office, OTHER)
    secret, unknown = quote("Our secret plans"), quote("Their secret plans")
    for address in ("/feeds/{}.atom", "/feeds/{}.json", "/stories?topic={}"):
        answers = [await read(office, address.format(name), mine) for name in (secret, unknown)]
        assert [answer.status for answer in answers] == [404, 404]
        assert answers[0].text == answers[1].text
        alike = [{k: v for k, v in answer.headers.items() if k != "Date"} for answer in answers]
        assert alike[0] == alike[1]
        assert (await read(office, address.format(secret), theirs)).status == 200


async def test_whatever_a_topic_is_called_it_has_a_feed(office: Office) -> None:
    names = ["TCP/IP & co.", "C++", "a.json", "Ünï ? #1", "100%"]
    await rematch.configure(office.desk.context, [Topic(name) for name in names])
    token = await token_of(office)
    for name in names:
        feed = feedparser.parse(
            (await read(office, f"/feeds/{quote(name, safe='')}.atom", token)).text.encode()
        )
        assert (feed.bozo, feed.feed.title) == (False, name)


@pytest.mark.parametrize("seed", range(sized(1, long=3)))
async def test_a_token_never_shows_anything_of_another_server(
    office: Office, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever servers bring: shared stories, their own, their own reports of shared ones, and topics of their own."""
    monkeypatch.setattr(story_pages, "MOST_SCANNED", 3)  # so that both ways of paging are gone
    draw = random.Random(seed)  # noqa: S311 (a plan that repeats, no secret)
    for guild_id in (GUILD, OTHER):
        async with office.desk.db.write() as connection:
            await server_topics.add(connection, Topic(f"Own {guild_id}", query="bridge", guild_id=guild_id))
    events = list(headlines(8))
    owners = [0, GUILD, OTHER] * 4
    draw.shuffle(owners)
    for number, owner in enumerate(owners):
        brought = [
            record(
                f"{draw.choice(events)} bridge",
                f"of{owner}-{number}-{n}.example",
                topics=draw.choice(([], ["AI"], [f"Topic of {owner}"] if not owner else [])),
            )
            for n in range(draw.choice((1, 3, 6)))
        ]
        await bring(office, owner, *(replace(one, excerpt=f"Words of {owner}.") for one in brought))
        office.desk.clock.forward(minutes=draw.choice((0, 1, 7)))
    for guild_id, other in ((GUILD, OTHER), (OTHER, GUILD)):
        token = await token_of(office, guild_id)
        texts = []
        for name in ("AI", f"Own {guild_id}"):
            texts += [
                (await read(office, f"/feeds/{quote(name)}.{kind}", token)).text for kind in ("atom", "json")
            ]
        numbers = []
        for topic in ("", "&topic=AI", f"&topic={quote(f'Own {guild_id}')}"):
            cursor: str | None = ""
            while cursor is not None:
                answer = await read(
                    office, f"/stories?limit=2{topic}{f'&cursor={cursor}' if cursor else ''}", token
                )
                texts.append(answer.text)
                numbers += [story["number"] for story in answer.json["stories"]] if not topic else []
                cursor = answer.json["next"]
        assert len(numbers) == len(set(numbers)) > 0
        every = "\n".join(texts)
        assert f"of{guild_id}-" in every
        assert f"of{other}-" not in every
        assert f"Words of {other}" not in every
        assert f"Own {other}" not in every


# ------------------------------------------------------------------------------------------- pages


async def test_pages_follow_each_other_without_gap_or_repetition(
    store_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_office(store_url, clock) as office:
        allow(office)
        await configure(office.desk)
        expected: list[str] = []
        for number, title in enumerate(list(headlines(15))):
            await office.desk.take_in(record(title, topics=["AI" if number % 3 else "Space"]))
            expected.insert(0, title)
            clock.forward(minutes=number % 2)
        token = await token_of(office)
        about_ai = [title for n, title in enumerate(list(headlines(15))) if n % 3][::-1]
        for most_scanned in (story_pages.MOST_SCANNED, 4):
            monkeypatch.setattr(story_pages, "MOST_SCANNED", most_scanned)
            for query, wanted in (("", expected), ("&topic=ai", about_ai)):
                seen: list[str] = []
                cursor = ""
                for _ in range(20):
                    page = await read(office, f"/stories?limit=4{query}{cursor}", token)
                    seen += titles(page)
                    if page.json["next"] is None:
                        break
                    cursor = f"&cursor={page.json['next']}"
                assert seen == wanted


async def test_since_and_until_bound_when_stories_were_updated(office: Office) -> None:
    for title in (ONE, TWO, THREE):
        await office.desk.take_in(record(title, topics=["AI"]))
        office.desk.clock.forward(hours=1)
    token = await token_of(office)
    assert titles(await read(office, "/stories?since=2026-03-02T12:00:00Z", token)) == [THREE, TWO]
    assert titles(await read(office, "/stories?until=2026-03-02T14:00:00%2B01:00", token)) == [TWO, ONE]
    assert titles(await read(office, "/stories?since=2026-03-03", token)) == []


UNREADABLE = (
    ("limit=0", "limit: write a number from 1 to 50"),
    ("limit=%D9%A3", "limit: write a number from 1 to 50"),
    ("since=yesterday", "since: write a time such as"),
    ("until=2026-03-02T12:00:00+01:00", "a + in an address is written %2B"),
    ("cursor=abc", "cursor: write the value of next"),
    ("cursor=%C3%A9", "cursor: write the value of next"),
    ("topics=AI", "unknown parameter; this address takes cursor, limit, since, topic, until"),
    ("topic=AI&topic=Space", "topic: give it once"),
    (f"topic={'a' * 201}", "topic: longer than 200 characters"),
)


async def test_what_cannot_be_read_is_named(office: Office) -> None:
    token = await token_of(office)
    for query, reason in UNREADABLE:
        answer = await read(office, f"/stories?{query}", token)
        assert answer.status == 400, query
        assert reason in answer.json["error"], query


async def test_times_at_the_ends_of_the_calendar_are_times(office: Office) -> None:
    token = await token_of(office)
    for time in ("0001-01-01", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00%2B12:00"):
        assert (await read(office, f"/stories?since={time}", token)).status == 200, time
        assert (await read(office, f"/stories?until={time}", token)).status == 200, time


# ------------------------------------------------------------------------------------ conditional requests


async def test_what_a_reader_has_is_not_sent_again_until_it_changes(office: Office) -> None:
    token = await token_of(office)
    first = record(ONE, topics=["AI"])
    await office.desk.take_in(first)
    for path in ("/feeds/AI.atom", "/feeds/AI.json", "/stories?topic=AI"):
        answer = await read(office, path, token)
        assert answer.headers["Cache-Control"] == "private"
        conditions = {
            "If-None-Match": answer.headers["Etag"],
            "If-Modified-Since": answer.headers["Last-Modified"],
        }
        for name, value in conditions.items():
            same = await read(office, path, token, **{name: value})
            assert (same.status, same.text) == (304, "")
            assert same.headers["Etag"] == answer.headers["Etag"]
        assert (
            await read(office, path, token, **{"If-None-Match": f'"other", W/{answer.headers["Etag"]}'})
        ).status == 304
    # Nothing newer is there when a story goes, not even another second.
    before = await read(office, "/feeds/AI.atom", token)
    await office.desk.take_in(replace(first, removed=True))
    for name, header in (("If-None-Match", "Etag"), ("If-Modified-Since", "Last-Modified")):
        after = await read(office, "/feeds/AI.atom", token, **{name: before.headers[header]})
        assert after.status == 200
        assert ONE not in after.text


async def test_reads_are_counted_by_outcome(office: Office) -> None:
    token = await token_of(office)
    for path, shown in (
        ("/stories", token),
        ("/stories?x=1", token),
        ("/feeds/x.atom", token),
        ("/stories", "bad"),
    ):
        await read(office, path, shown)
    measured = await office.measured()
    counted = {
        name: measured[f"topicwire_reads_total:{name}"]
        for name in ("served", "invalid", "unknown", "refused", "limited")
    }
    assert counted == {"served": 1, "invalid": 1, "unknown": 1, "refused": 1, "limited": 0}
    assert measured["topicwire_api_tokens"] == 1


# -------------------------------------------------------------------------------------- hostile texts


@given(view=any_stories.map(lambda story: story.view()))
@examples(0.5)
def test_whatever_a_story_says_its_feeds_are_valid(view: StoryView) -> None:
    hostile = replace(
        view.lead,
        record=replace(view.lead.record, title=f"\x00\x1b]]>\ufffe<b>&{view.lead.record.title}"),
    )
    for one in (view, replace(view, lead=hostile)):
        entry = story_entry(one)
        feed = PublishedFeed(1, "\x01A & <B> \ufffe", "https://news.example/a%20b.atom", (entry,))
        body = atom(feed)
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False))
        [shown] = root.findall(f"{ATOM}entry")
        assert (shown.findtext(f"{ATOM}title") or "") == entry.title.replace("\r", "\n")
        assert not feedparser.parse(body).bozo
        for link in root.iter(f"{ATOM}link"):
            assert re.fullmatch(r"(?i)https?://[!-~]+", link.get("href", ""))
        item = json.loads(json_feed(feed))["items"][0]
        assert item["title"] == entry.title
        assert not re.search(r"(?i)<(?!/?(?:p|ul|li|a)\b)", item["content_html"])
        json.dumps(entry.to_json(), ensure_ascii=False).encode()  # there is no lone surrogate left
