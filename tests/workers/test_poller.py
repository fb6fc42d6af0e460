"""Feeds from a real HTTP server to the outbox, and everything that can go wrong on the way."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web

from bot.domain import outages
from bot.domain.model import Topic, Volume
from bot.domain.polling import Feed, FeedOrigin, NewFeed, Polls
from bot.services import sources
from bot.services.related import latest
from bot.sources.web.fetch import Web
from bot.sources.web.model import Failure, Kind
from bot.store import feeds, schema
from bot.workers import rematch
from bot.workers.batches import BatchStore
from bot.workers.inbox import Inbox, InboxReader
from bot.workers.ingest import Ingest
from bot.workers.poller import AT_ONCE, Poller
from tests.feeds import Entry, Page, Site, reader, rss
from tests.form import sized
from tests.sources.web.servers import Names
from tests.store.store_helpers import CHANNEL, GUILD, OTHER, headlines
from tests.workers.desk import BotHarness

ONE, TWO, THREE, FOUR = headlines(4)
ELSEWHERE = 99  # another server


class FeedHarness:
    """A desk that polls the feeds of a site."""

    def __init__(self, desk: BotHarness, site: Site, reach: Web, *, has_inbox: bool = False) -> None:
        self.desk = desk
        self.site = site
        self.web = reach
        self.has_inbox = has_inbox  # between poller and intake, as if they were processes of their own
        self.restart()

    def restart(self) -> None:
        """Another process goes on."""
        self.desk.context = replace(self.desk.context, web=self.web)
        self.desk.ingest = Ingest(self.desk.context)
        self.reader = InboxReader(self.desk.context, self.desk.ingest)
        self.poller = self.another_poller()

    def another_poller(self, store: BatchStore | None = None, at_once: int = AT_ONCE) -> Poller:
        """A poller of another process."""
        context = self.desk.context
        store = store or (Inbox(context) if self.has_inbox else Ingest(context))
        return Poller(context, store, self.web, lambda: 0.0, at_once)

    async def add(
        self,
        path: str = "/feed",
        *topics: str,
        guild_id: int = 0,
        origin: FeedOrigin = FeedOrigin.OPERATOR,
        host: str = "paper.example",
        quality: int | None = None,
    ) -> Feed:
        """Follow a feed of the site."""
        address = self.site.url(path, host)
        wanted = NewFeed(address, origin, topics=topics or ("AI",), quality=quality, guild_id=guild_id)
        async with self.desk.db.write() as connection:
            await feeds.add(connection, wanted, self.desk.context.polls.bounds.least, self.desk.clock())
        return await self.feed(wanted.address, guild_id)

    async def add_with_item(self, path: str, *topics: str, **more: Any) -> Feed:
        """Follow a feed that has an old item of its own."""
        self.publish(f"What {path} had before", path=path)
        return await self.add(path, *topics, **more)

    async def in_order(self) -> None:
        """Some other feed can be fetched, on something that nobody follows."""
        self.publish(ONE, path="/in-order")
        await self.add("/in-order", "Space")

    async def feed(self, address: str = "", guild_id: int = 0) -> Feed:
        """A feed as it stands."""
        async with self.desk.db.read() as connection:
            found = await feeds.find(connection, address or self.site.url(), guild_id)
        assert found is not None
        return found

    async def poll(self, **later: float) -> None:
        """Some time later, poll what is due and send what comes of it."""
        self.desk.clock.forward(**(later or {"days": 1}))
        await self.poller.drain()
        await self.reader.drain()
        await self.desk.deliver()

    def publish(self, *entries: Entry | str, path: str = "/feed", etag: str = "") -> None:
        """Have a feed consist of these."""
        self.site.pages[path] = Page(rss(*entries), etag=etag)


@pytest.fixture
async def room(desk: BotHarness) -> AsyncIterator[FeedHarness]:
    """Two channels follow AI and Space, one of another server AI; the feed /feed has one old item."""
    await rematch.configure(
        desk.context, [Topic("Tech"), Topic("AI", parent="Tech"), Topic("Space", keywords=("rocket",))]
    )
    async with Site().serving() as site:
        reach = reader()
        room = FeedHarness(desk, site, reach)
        room.publish(ONE)
        await desk.follow()
        yield room
        await room.poller.close()
        await reach.close()


# From the feed to the channel.


async def test_what_is_new_in_a_feed_is_posted_and_what_was_there_is_not(room: FeedHarness) -> None:
    await room.add()
    await room.poll(minutes=0)
    assert room.desk.mailbox.titles == []
    room.publish(Entry(TWO, 24), ONE)
    await room.poll()
    assert room.desk.mailbox.titles == [TWO]
    feed = await room.feed()
    assert (feed.title, feed.taken, feed.last_error) == ("The Paper", 2, "")
    assert room.desk.mailbox.sent[0].shown.small[1] == "The Paper (paper.example)"


async def test_a_single_report_of_a_feed_is_never_notable(room: FeedHarness) -> None:
    """The quality of a feed is that of its outlet, so it says nothing of a single article."""
    await room.desk.follow("Space", OTHER, volume=Volume.NOTABLE)
    qualities = {"/none": None, "/good": 70, "/best": 100}
    for path, quality in qualities.items():
        await room.add_with_item(path, "Space", quality=quality)
    await room.poll()
    for path, title in zip(qualities, (TWO, THREE, FOUR), strict=True):
        room.publish(Entry(title, 48), path=path)
    await room.poll()
    assert await room.desk.withheld() != {}
    assert room.desk.mailbox.titles == []


async def test_an_undated_item_keeps_the_time_when_it_was_first_seen(room: FeedHarness) -> None:
    await room.add()
    await room.poll()
    room.publish(Entry(TWO, None))
    await room.poll()
    seen = room.desk.clock.now
    room.publish(Entry(TWO, None, text="A word more."))
    await room.poll()
    (post,) = room.desk.mailbox.sent
    assert str(int(seen.timestamp())) in post.text or post.title == TWO
    assert room.desk.mailbox.titles == [TWO]


async def test_an_item_whose_date_cannot_be_read_or_is_old_is_no_news(room: FeedHarness) -> None:
    dates = ("the day before yesterday", "03 Foo 2026", "8. November 2019, 12:00 Uhr", "1573214400")
    titles = dict(zip(dates, list(headlines(5))[1:], strict=True))
    paths = {date: f"/{number}" for number, date in enumerate(dates)}
    for path in paths.values():
        await room.add_with_item(path)
    await room.poll()
    for date, title in titles.items():
        body = rss(Entry(title, None)).replace(b"</item>", f"<pubDate>{date}</pubDate></item>".encode())
        room.site.pages[paths[date]] = Page(body)
    await room.poll()
    assert room.desk.mailbox.titles == []
    _, stories = await latest(room.desk.context, "AI", GUILD)
    for date, title in titles.items():
        assert (await room.feed(room.site.url(paths[date]))).taken == 2, date
        (lead,) = [story.lead for story in stories if story.lead.record.title == title]
        assert not lead.news, date
        assert lead.published.year < 2020, date


# An item, and the same one later.
ALIKE = {
    "date": (Entry(ONE, 24, guid="a"), Entry(ONE, 30, guid="a")),
    "tracking": (
        Entry(TWO, 24, link="https://paper.example/x"),
        Entry(TWO, 24, link="https://paper.example/x?utm_source=rss"),
    ),
    "guid": (
        Entry(THREE, 24, guid="a", link="https://paper.example/y"),
        Entry(THREE, 24, guid="b", link="https://paper.example/y"),
    ),
    "link": (
        Entry(FOUR, 24, guid="a", link="https://paper.example/z"),
        Entry(FOUR, 24, guid="a", link="https://paper.example/moved/z"),
    ),
}


async def test_an_item_that_only_looks_different_is_the_same(room: FeedHarness) -> None:
    for case in ALIKE:
        await room.add_with_item(f"/{case}")
    await room.poll()
    for number in (0, 1):
        for case, entries in ALIKE.items():
            room.publish(entries[number], path=f"/{case}")
        await room.poll()
        assert sorted(room.desk.mailbox.titles) == sorted((ONE, TWO, THREE, FOUR))


async def test_an_old_item_that_comes_back_is_not_news(room: FeedHarness) -> None:
    await room.add()
    await room.poll()
    for items in ([Entry(TWO, 40)], [Entry(THREE, 60)], [Entry(TWO, 40), Entry(THREE, 60)]):
        room.publish(*items)
        await room.poll()
    assert room.desk.mailbox.titles == [TWO, THREE]


async def test_a_missed_window_is_filled_from_what_the_feed_still_holds(room: FeedHarness) -> None:
    await room.add()
    await room.poll()
    room.publish(Entry(TWO, 30), Entry(THREE, 60), Entry(FOUR, 80), ONE)
    await room.poll(days=4)
    assert sorted(room.desk.mailbox.titles) == sorted([TWO, THREE, FOUR])


# What has not changed costs nothing.


async def test_an_unchanged_feed_is_not_sent_again_even_to_another_process(room: FeedHarness) -> None:
    room.publish(ONE, etag='"v1"')
    await room.add()
    await room.poll()
    room.restart()
    await room.poll()
    assert room.site.asked[-1][1]["If-None-Match"] == '"v1"'
    feed = await room.feed()
    assert (feed.polling.failures, feed.last_success) == (0, room.desk.clock.now)


def _conditions(room: FeedHarness) -> list[bool]:
    """For each request so far, whether it asked for changes alone."""
    return [{"If-None-Match", "If-Modified-Since"} & set(headers) != set() for _, headers in room.site.asked]


def _stuck(room: FeedHarness, *entries: Entry | str) -> None:
    """The feed has these; whoever asks for changes gets the answer that there are none."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if {"If-None-Match", "If-Modified-Since"} & set(request.headers):
            return web.Response(status=304)
        return web.Response(body=rss(*entries), headers={"ETag": '"for ever"'})

    room.site.pages["/feed"] = answer


async def test_a_feed_is_asked_for_as_a_whole_once_in_a_while(room: FeedHarness) -> None:
    _stuck(room, ONE)
    await room.add()
    polls = sized(11, long=3 * 7)
    for _ in range(polls):
        await room.poll(hours=8)
    assert [number for number, some in enumerate(_conditions(room)) if not some] == [*range(0, polls, 9)]
    assert (await room.feed()).polling.failures == 0


async def test_what_a_server_withholds_as_unchanged_is_posted_and_it_is_not_believed_again(
    room: FeedHarness,
) -> None:
    _stuck(room, ONE)
    await room.add()
    await room.poll()
    _stuck(room, Entry(TWO, 24), ONE)
    await room.poll(days=1)
    assert room.desk.mailbox.titles == []
    await room.poll(days=2)
    assert room.desk.mailbox.titles == [TWO]
    room.restart()
    _stuck(room, Entry(THREE, 96), Entry(TWO, 24), ONE)
    await room.poll(days=1)
    assert room.desk.mailbox.titles == [TWO, THREE]
    await room.poll(days=1)
    assert _conditions(room) == [False, True, False, False, False]


async def test_a_server_that_says_unchanged_to_whoever_asks_for_all_fails(room: FeedHarness) -> None:
    async def unchanged(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=304)

    room.publish(ONE, etag='"v1"')
    await room.add()
    await room.poll()
    room.site.pages["/feed"] = unchanged
    await room.poll(days=1)
    assert (await room.feed()).polling.failures == 0
    await room.poll(days=2)
    assert (await room.feed()).polling.failures == 1


async def test_no_content_for_whoever_asks_for_changes_is_nothing_new(room: FeedHarness) -> None:
    async def empty(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    room.publish(ONE, etag='"v1"')
    await room.add()
    await room.poll()
    room.site.pages["/feed"] = empty
    await room.poll(days=1)
    feed = await room.feed()
    assert (feed.polling.failures, feed.last_error) == (0, "")


async def test_an_unchanged_body_is_known_by_its_hash(
    room: FeedHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.add()
    await room.poll()

    def must_not(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("bot.sources.feeds.source.parse", must_not)
    await room.poll()
    assert (await room.feed()).polling.failures == 0


async def test_polls_follow_how_often_a_feed_publishes(room: FeedHarness) -> None:
    bounds = replace(Polls().bounds, most=timedelta(hours=sized(0.5, long=6)))
    room.desk.context = replace(room.desk.context, polls=Polls(bounds=bounds))
    room.restart()
    await room.add()
    await room.poll()
    for number, title in enumerate(headlines(sized(3, long=12))):
        room.publish(Entry(title, number))
        await room.poll()
    assert (await room.feed()).polling.interval == bounds.least
    for _ in range(sized(10, long=30)):
        await room.poll()
    assert (await room.feed()).polling.interval == bounds.most


async def test_a_feed_is_asked_as_rarely_as_it_wants(room: FeedHarness) -> None:
    room.site.pages["/feed"] = Page(rss(ONE, more="<ttl>600</ttl>"))
    room.site.pages["/other"] = Page(rss(TWO), headers={"Cache-Control": "max-age=7200"})
    await room.add()
    await room.add("/other")
    await room.poll()
    now = room.desk.clock.now
    assert (await room.feed()).polling.next_poll == now + timedelta(hours=10)
    assert (await room.feed(room.site.url("/other"))).polling.next_poll == now + timedelta(hours=2)


# What servers answer.


async def test_a_feed_that_moved_for_good_is_asked_at_its_new_address(room: FeedHarness) -> None:
    room.site.pages["/old"] = Page(status=301, headers={"Location": "/feed"})
    feed = await room.add("/old")
    await room.poll()
    await room.poll()
    assert room.site.paths == ["/old", "/feed", "/feed"]
    moved = await room.feed()
    assert (moved.source_id, moved.address) == (feed.source_id, feed.address)


async def test_a_feed_that_is_gone_is_asked_no_more_and_its_readers_are_told(room: FeedHarness) -> None:
    await room.add()
    await room.in_order()
    room.site.pages["/feed"] = Page(status=410)
    await room.poll()
    await room.poll()
    await room.poll(days=30)
    assert room.site.paths.count("/feed") == 1
    (told,) = room.desk.mailbox.sent
    assert "removed permanently" in told.text
    assert "has stopped reading this feed" in told.text


async def test_a_server_that_asks_for_patience_gets_it(room: FeedHarness) -> None:
    await room.add()
    room.site.pages["/feed"] = Page(status=429, headers={"Retry-After": "86400"})
    await room.poll()
    feed = await room.feed()
    assert feed.polling.next_poll == room.desk.clock.now + timedelta(days=1)
    assert feed.last_error == "the server is rate limiting the bot (429)"
    room.publish(ONE)
    await room.poll(hours=23)
    assert room.site.paths == ["/feed"]
    await room.poll(hours=1)
    assert (await room.feed()).polling.failures == 0


async def test_a_feed_that_fails_is_asked_more_rarely_and_its_readers_are_told_once(
    room: FeedHarness,
) -> None:
    await room.add()
    await room.in_order()
    await room.poll()
    room.site.pages["/feed"] = Page(status=500)
    pauses = []
    hours, polls = sized((24, 8), long=(6, 30))
    for _ in range(polls):
        await room.poll(hours=hours)
        feed = await room.feed()
        assert feed.polling.next_poll is not None
        pauses.append(feed.polling.next_poll - room.desk.clock.now)
    assert pauses == sorted(pauses)
    assert pauses[-1] == room.desk.context.polls.bounds.most
    (told,) = room.desk.mailbox.sent
    assert "the server has an error" in told.text
    assert "The Paper" in told.text
    room.publish(Entry(TWO, 24 * 9))
    await room.poll()
    assert [title for title in room.desk.mailbox.titles if title == TWO] == [TWO]
    assert (await room.feed()).polling.failing_since is None


async def test_of_many_feeds_that_fail_at_once_a_channel_hears_once(room: FeedHarness) -> None:
    await room.in_order()
    for path in ("/one", "/two", "/three"):
        await room.add(path)
        room.site.pages[path] = Page(status=410)
    await room.poll()
    assert len(room.desk.mailbox.sent) == 1


async def test_nobody_is_told_when_the_network_of_the_bot_is_down(room: FeedHarness) -> None:
    await room.add()
    room.site.pages["/feed"] = Page(status=500)
    hours, polls = sized((24, 8), long=(6, 30))
    for _ in range(polls):
        await room.poll(hours=hours)
    assert room.desk.mailbox.sent == []


async def test_nobody_is_told_of_a_feed_that_others_stand_in_for(room: FeedHarness) -> None:
    await room.add()
    room.publish(TWO, path="/second")
    await room.add("/second")
    room.site.pages["/feed"] = Page(status=410)
    await room.poll()
    assert room.desk.mailbox.sent == []


async def test_what_is_no_feed_has_a_reason_and_leaves_the_others_be(room: FeedHarness) -> None:
    bomb = gzip.compress(b" " * sized(12_000_000, long=60_000_000))
    pages = {
        "page": (
            Page(b"<html><body>Hello</body></html>", headers={"Content-Type": "text/html"}),
            "web page",
        ),
        "binary": (Page(b"\x00\x01\x02 nothing"), ""),
        "empty": (Page(b""), ""),
        "bomb": (Page(bomb, headers={"Content-Encoding": "gzip"}), "MB"),
        "404": (Page(status=404), "no page exists at this address (404)"),
        "403": (Page(status=403), "denies the bot access (403)"),
        "circle": (Page(status=302, headers={"Location": "/circle"}), "loop"),
        "file": (Page(status=302, headers={"Location": "file:///etc/passwd"}), ""),
    }
    bad = {}
    for case, (page, _) in pages.items():
        room.site.pages[f"/{case}"] = page
        bad[case] = await room.add(f"/{case}")
    await room.add()
    await room.poll()
    for case, (_, reason) in pages.items():
        found = await room.feed(bad[case].address)
        assert reason in found.last_error, case
        assert found.last_error, case
        assert found.polling.failures == 1, case
    assert (await room.feed()).taken == 1


async def test_a_feed_in_another_charset_than_it_says_is_read(room: FeedHarness) -> None:
    body = rss(Entry("Größere Brücke über die Öresundmündung geöffnet", 24)).decode().encode("cp1252")
    await room.add()
    await room.poll()
    room.site.pages["/feed"] = Page(body)
    await room.poll()
    assert room.desk.mailbox.titles == ["Größere Brücke über die Öresundmündung geöffnet"]


async def test_a_slow_server_keeps_nobody_waiting(room: FeedHarness) -> None:
    stuck = asyncio.Event()

    async def stall(_request: web.Request) -> web.StreamResponse:
        await stuck.wait()
        return web.Response(body=rss(THREE))

    room.site.pages["/slow"] = stall
    slow = await room.add("/slow", host="slow.example")
    await room.add()
    while not (await room.feed()).taken:
        await room.poller.step()
    room.publish(Entry(TWO, 24))
    room.desk.clock.forward(days=1)
    while (await room.feed()).taken < 2:
        await room.poller.step()
    assert (await room.feed(slow.address)).polled_at is None
    stuck.set()
    await room.poller.drain()
    assert (await room.feed(slow.address)).taken == 1


async def test_a_name_that_leads_to_a_private_network_is_refused(room: FeedHarness) -> None:
    """Even if it led elsewhere before: the address that was checked is the one that is asked."""
    names = Names({"paper.example": [["93.184.216.34", "127.0.0.1"]]})
    room.web = reader(private_networks=False, names=names)
    room.restart()
    await room.add()
    await room.poll()
    await room.web.close()
    assert room.site.asked == []
    assert "private network" in (await room.feed()).last_error


async def test_a_feed_that_is_removed_while_it_is_polled_brings_nothing(room: FeedHarness) -> None:
    gate = asyncio.Event()

    async def late(_request: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response(body=rss(TWO))

    room.site.pages["/late"] = late
    feed = await room.add("/late")
    await room.poller.step()
    async with room.desk.db.write() as connection:
        await feeds.remove(connection, [feed.source_id])
    gate.set()
    before = await room.desk.db_records()
    await room.poller.drain()
    assert await room.desk.db_records() == before


async def test_a_crash_while_it_is_stored_loses_nothing_and_posts_once(room: FeedHarness) -> None:
    async def crash() -> None:
        raise MemoryError

    await room.add()
    await room.poll()
    room.publish(Entry(TWO, 24))
    room.desk.clock.forward(days=1)
    room.desk.db.at_commit(crash)
    with pytest.raises(MemoryError):
        await room.poller.drain()
    room.restart()
    await room.poll(minutes=0)
    assert room.desk.mailbox.titles == [TWO]


# Two processes.


@pytest.mark.both_stores
async def test_two_processes_poll_each_feed_once(room: FeedHarness) -> None:
    other = room.another_poller()
    paths = [f"/{number}" for number in range(sized(12, long=30))]
    for path in paths:
        room.publish(ONE, path=path)
        await room.add(path, host=f"paper{path[1:]}.example")
    await asyncio.gather(room.poller.drain(), other.drain())
    assert sorted(room.site.paths) == sorted(paths)
    room.desk.clock.forward(days=1)
    room.site.asked.clear()
    await asyncio.gather(room.poller.drain(), other.drain())
    assert sorted(room.site.paths) == sorted(paths)
    await other.close()


@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_what_a_process_was_polling_when_it_ended_another_polls(room: FeedHarness, how: str) -> None:
    """After a stop at once, after a crash when the lease ends."""
    stuck = asyncio.Event()

    async def stall(_request: web.Request) -> web.StreamResponse:
        await stuck.wait()
        return web.Response(body=rss(ONE))

    room.site.pages["/feed"] = stall
    await room.add()
    ended = room.poller
    while not room.site.asked:
        await ended.step()
    room.restart()
    room.publish(ONE)
    await room.poll(minutes=0)
    assert (await room.feed()).polled_at is None
    if how == "stop":
        await ended.close()
        await room.poll(minutes=0)
    else:
        end = room.desk.clock.now + feeds.LEASE
        assert await room.poller.next_due() == end
        await room.poll(seconds=feeds.LEASE.total_seconds() - 1)
        assert (await room.feed()).polled_at is None
        await room.poll(seconds=1)
    assert (await room.feed()).taken == 1
    stuck.set()
    await ended.close()


async def test_what_waited_for_its_host_until_its_lease_was_nearly_over_is_claimed_anew(
    room: FeedHarness,
) -> None:
    stuck = asyncio.Event()

    async def stall(_request: web.Request) -> web.StreamResponse:
        await stuck.wait()
        return web.Response(body=rss(ONE))

    paths = [f"/{number}" for number in range(4)]
    for path in paths:
        room.site.pages[path] = stall
        await room.add(path)
    while len(room.site.asked) < 2:
        await room.poller.step()
    room.desk.clock.now += feeds.LEASE
    other = room.another_poller()
    stuck.set()
    await asyncio.gather(room.poller.drain(), other.drain())
    assert sorted(path for path in room.site.paths if path in paths[2:]) == paths[2:]
    await other.close()


# Whose feeds.


async def test_a_servers_own_feed_counts_for_that_server_alone(room: FeedHarness) -> None:
    await room.desk.follow_elsewhere("AI", OTHER, ELSEWHERE)
    await room.add(guild_id=GUILD, origin=FeedOrigin.SERVER)
    await room.poll()
    room.publish(Entry(TWO, 24))
    await room.poll()
    assert [asked.target.channel_id for asked in room.desk.mailbox.sent] == [CHANNEL]


async def test_a_servers_own_feeds_bring_no_more_in_a_day_than_they_may(
    room: FeedHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """What is over it is refused, told in the log and counted; whatever was taken out and added meanwhile."""
    titles = list(headlines(12))
    room.desk.context = replace(room.desk.context, polls=Polls(per_day=4))
    room.restart()
    room.publish(*titles[:3])
    first = await room.add(guild_id=GUILD, origin=FeedOrigin.SERVER)
    room.publish(*titles[3:6], path="/shared")
    await room.add("/shared")
    before = await room.desk.db_records()
    await room.poll(minutes=0)
    assert await room.desk.db_records() == before + 6, "the shared ones do not count"
    async with room.desk.db.write() as connection:
        await feeds.remove(connection, [first.source_id])
    room.publish(*titles[6:9], path="/second")
    second = await room.add("/second", guild_id=GUILD, origin=FeedOrigin.SERVER)
    await room.poll(hours=1)
    assert await room.desk.db_records() == before + 7
    assert (
        f"2 new articles rejected because the feeds of server {GUILD} have reached today's limit for new articles (feeds.per_day: 4)"
        in caplog.text
    )
    assert (await room.feed(second.address, GUILD)).rejected == 2
    room.desk.clock.forward(hours=1)
    assert (await sources.listing(room.desk.context, GUILD)).full == 4
    asked = len(room.site.asked)
    await room.poll(minutes=0)
    assert len(room.site.asked) <= asked + 2, "and not asked for again at once"
    room.publish(*titles[6:10], path="/second")
    await room.poll()
    assert await room.desk.db_records() == before + 10, "on the next day, what it holds still"
    assert (await sources.listing(room.desk.context, GUILD)).full == 0


async def test_a_servers_own_feeds_store_no_more_articles_than_they_may(
    room: FeedHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither another day nor another feed makes room, and what is stored is still brought up to date."""
    titles = list(headlines(9))
    await room.desk.follow_elsewhere("AI", OTHER, ELSEWHERE)
    room.desk.context = replace(room.desk.context, polls=Polls(most_stored=4))
    room.restart()
    before = await room.desk.db_records()
    room.publish(*titles[:3])
    await room.add(guild_id=GUILD, origin=FeedOrigin.SERVER)
    room.publish(*titles[3:6], path="/second")
    second = await room.add("/second", guild_id=GUILD, origin=FeedOrigin.SERVER)
    room.publish(*titles[3:6], path="/elsewhere")
    await room.add("/elsewhere", guild_id=ELSEWHERE, origin=FeedOrigin.SERVER)
    room.publish(*titles[6:9], path="/shared")
    await room.add("/shared")
    await room.poll(minutes=0)
    assert await room.desk.db_records() == before + 4 + 3 + 3, "others have room of their own"
    assert (
        f"2 new articles rejected because the feeds of server {GUILD} have reached "
        "the limit for stored articles (feeds.most_stored: 4)"
    ) in caplog.text
    assert (await room.feed(second.address, GUILD)).rejected == 2
    listing = await sources.listing(room.desk.context, GUILD)
    assert (listing.stored, listing.most_stored) == (4, 4)
    room.publish(Entry(titles[0], text="One more paragraph."), *titles[6:8])
    await room.poll(days=2)
    assert await room.desk.db_records() == before + 10
    async with room.desk.db.read() as connection:
        excerpts = (await connection.execute(sa.select(schema.records.c.excerpt))).scalars().all()
    assert "One more paragraph." in excerpts


async def test_two_servers_may_have_the_same_feed(room: FeedHarness) -> None:
    await room.desk.follow_elsewhere("AI", OTHER, ELSEWHERE)
    for guild_id in (GUILD, ELSEWHERE):
        await room.add(guild_id=guild_id, origin=FeedOrigin.SERVER)
    await room.poll()
    room.publish(Entry(TWO, 24))
    await room.poll()
    assert sorted(asked.target.channel_id for asked in room.desk.mailbox.sent) == [CHANNEL, OTHER]


async def test_a_servers_own_report_joins_a_shared_story_for_that_server(room: FeedHarness) -> None:
    await room.desk.follow_elsewhere("AI", OTHER, ELSEWHERE)
    title = "Harbour bridge closed after engineers find crack in girder"
    await room.add()
    await room.add("/own", guild_id=GUILD, origin=FeedOrigin.SERVER)
    room.publish(FOUR, path="/own")
    await room.poll()
    room.publish(Entry(title, 24))
    own = Entry("Harbour bridge closed: crack in girder found by engineers", 24, link="https://own.example/1")
    room.publish(own, path="/own")
    await room.poll()
    await room.poll()
    shown = {
        asked.target.channel_id: asked.text for asked in (*room.desk.mailbox.sent, *room.desk.mailbox.edited)
    }
    assert "2 outlets" in shown[CHANNEL]
    assert "found by engineers" not in shown[OTHER]
    assert len(room.desk.mailbox.sent) == 2


async def test_of_the_catalogue_only_what_somebody_follows_is_polled(room: FeedHarness) -> None:
    for path, topic in (("/ai", "AI"), ("/tech", "Tech"), ("/space", "Space")):
        room.publish(ONE, path=path)
        await room.add(path, topic, origin=FeedOrigin.CATALOGUE)
    await room.poll()
    assert sorted(room.site.paths) == ["/ai", "/tech"]
    await room.desk.follow("Space", OTHER)
    await room.poll(minutes=0)
    assert sorted(room.site.paths) == ["/ai", "/space", "/tech"]


async def test_the_feeds_of_a_server_in_which_every_channel_is_paused_wait(room: FeedHarness) -> None:
    await room.add(guild_id=GUILD, origin=FeedOrigin.SERVER)
    await room.desk.pause()
    await room.poll()
    assert room.site.asked == []
    await room.desk.resume()
    await room.poll(minutes=0)
    assert room.site.paths == ["/feed"]


# One article in several feeds.


async def test_an_article_of_two_feeds_is_on_both_topics_and_changes_with_neither(room: FeedHarness) -> None:
    await room.desk.follow("Space", OTHER)
    link = "https://paper.example/x"
    for path, topic in (("/ai", "AI"), ("/space", "Space")):
        room.publish(ONE, path=path)
        await room.add(path, topic)
    await room.poll()
    room.publish(Entry(TWO, 24, text="First in these words.", link=link), path="/ai")
    room.publish(Entry(f"{TWO} too", 24, text="Then in those.", link=link), path="/space")
    for _ in range(6):
        await room.poll(hours=8)
    assert len(room.desk.mailbox.sent) == 2
    assert {asked.target.channel_id for asked in room.desk.mailbox.sent} == {CHANNEL, OTHER}
    assert len(room.desk.mailbox.edited) <= 1  # the other topic was added


async def test_a_host_with_many_feeds_keeps_no_other_waiting(room: FeedHarness) -> None:
    stuck = asyncio.Event()

    async def stall(_request: web.Request) -> web.StreamResponse:
        await stuck.wait()
        return web.Response(body=rss(THREE))

    most, slow = sized((10, 15), long=(100, 150))  # more at one host than are polled at once
    room.poller = room.another_poller(at_once=most)
    for number in range(slow):
        room.site.pages[f"/slow/{number}"] = stall
        await room.add(f"/slow/{number}", host="slow.example")
    await room.add()
    while not (await room.feed()).taken:
        await room.poller.step()
    assert len(room.site.paths) <= 3
    stuck.set()
    await room.poller.drain()
    assert len(room.site.paths) == slow + 1


async def test_a_servers_own_feed_puts_its_topics_on_a_shared_story_for_that_server_alone(
    room: FeedHarness,
) -> None:
    title = "Harbour bridge closed after engineers find crack in girder"
    await room.desk.follow_elsewhere("Space", OTHER, ELSEWHERE)
    await room.desk.follow("Space", CHANNEL + 50)
    await room.add()
    room.publish(FOUR, path="/own")
    await room.add("/own", "Space", guild_id=GUILD, origin=FeedOrigin.SERVER)
    await room.poll()
    room.publish(Entry(title, 24))
    own = Entry("Harbour bridge closed: crack in girder found by engineers", 24, link="https://own.example/1")
    room.publish(own, path="/own")
    await room.poll()
    await rematch.define(room.desk.context, [Topic("Whales", keywords=("whale",))])

    async def listed(guild_id: int) -> list[int]:
        _, views = await latest(room.desk.context, "Space", guild_id, 0)
        return [view.number for view in views if "Harbour" in view.lead.record.title]

    assert len(await listed(GUILD)) == 1
    assert await listed(ELSEWHERE) == []


async def test_while_no_host_answers_no_feed_is_to_blame_and_then_all_are_polled_at_once(
    room: FeedHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> Failure:
        return Failure(Kind.PASSING, "the host name could not be found")

    monkeypatch.setattr(outages, "DOWN_HOSTS", 2)
    monitor = room.desk.context.monitor
    hosts = ("paper.example", "other.example")
    for host in hosts:
        await room.add(host=host)
    await room.poll(minutes=0)
    assert monitor.health.outages == ()
    with monkeypatch.context() as down:
        down.setattr(type(room.web), "get", fail)
        for _ in range(16):
            await room.poll(hours=7)
    outage = monitor.health.of(outages.OutageKind.FEEDS)
    assert outage is not None
    assert outage.reason == "the host name could not be found"
    assert outage.lasts(room.desk.clock()) > timedelta(days=4)
    assert room.desk.mailbox.sent == []  # nobody is told that feeds stopped working
    await room.desk.deliver()
    assert room.desk.mailbox.sent == []
    await room.poll(hours=7)
    await room.poll(minutes=0)
    assert monitor.health.outages == ()
    for host in hosts:
        assert (await room.feed(room.site.url("/feed", host))).polling.failures == 0


async def test_a_server_whose_feeds_all_fail_is_no_outage_for_others(
    room: FeedHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_web: object, url: str, **_: object) -> Failure:
        return Failure(Kind.PASSING, "no answer" if "paper" in url else "not valid for secret.example")

    monkeypatch.setattr(outages, "DOWN_HOSTS", 2)
    monkeypatch.setattr(type(room.web), "get", fail)
    monitor = room.desk.context.monitor
    for number in range(3):
        await room.add(f"/{number}", host=f"{number}.example", guild_id=GUILD, origin=FeedOrigin.SERVER)
    await room.poll(minutes=0)
    assert monitor.health.outages == ()
    await room.add()
    await room.poll(minutes=0)
    await room.poll(hours=7)
    outage = monitor.health.of(outages.OutageKind.FEEDS)
    assert outage is not None
    assert outage.reason == "no answer", "not why a server's feeds fail"
