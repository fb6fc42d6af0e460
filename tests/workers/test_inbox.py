"""Pollers and the intake as processes of their own, with the inbox between them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import Phase, given
from hypothesis import strategies as st

from bot.domain.clustering.story_cluster import Terms
from bot.domain.model import Image, Outlet, Record, Topic, Volume
from bot.domain.polling import FeedOrigin, NewFeed, Polls
from bot.domain.records.analysis import TextAnalysis
from bot.domain.records.intake import IN_FEED, OWN
from bot.services.context import Context
from bot.sources.model import Item, ItemBatch, Rejected
from bot.store import feeds, schema
from bot.store.database import Database
from bot.workers import cleanup, rematch
from bot.workers.batches import BatchStore, SourceBatch
from bot.workers.inbox import Inbox, InboxReader
from bot.workers.inbox_format import UnreadableBatchError, WaitingBatch, decode, encode
from bot.workers.ingest import Ingest
from tests.feeds import Entry, Site, reader
from tests.make import Clock, at, examples, record
from tests.store.store_helpers import GUILD, OTHER, headlines
from tests.workers.desk import BotHarness
from tests.workers.test_poller import FeedHarness

ONE, TWO, THREE, FOUR = headlines(4)


@pytest.fixture
async def room(desk: BotHarness) -> AsyncIterator[FeedHarness]:
    """A channel follows AI; the feed /feed has one old item, and what is polled goes through the inbox."""
    await rematch.configure(desk.context, [Topic("AI"), Topic("Space", keywords=("rocket",))])
    async with Site().serving() as site:
        reach = reader()
        room = FeedHarness(desk, site, reach, has_inbox=True)
        room.publish(ONE)
        await desk.follow()
        yield room
        await room.poller.close()
        await reach.close()


async def waiting(room: FeedHarness) -> list[tuple[int, int]]:
    """What waits in the inbox: the source and the number of items of each poll, in order."""
    inbox = schema.inbox
    async with room.desk.db.read() as connection:
        rows = await connection.execute(sa.select(inbox.c.source_id, inbox.c.item_count).order_by(inbox.c.id))
        return [(source_id, count) for source_id, count in rows]


async def test_a_poll_goes_through_the_inbox_into_the_channel(room: FeedHarness) -> None:
    feed = await room.add()
    await room.poller.drain()
    assert await waiting(room) == [(feed.source_id, 1)]
    assert await room.desk.db_records() == 2, "those of the harness"
    polled = await room.feed()
    assert polled.polled_at == polled.last_success == room.desk.clock.now
    assert not polled.intake_done, "an article of a first intake is no news, whenever it is taken in"
    await room.poll(minutes=0)
    room.publish(Entry(TWO, 24), ONE)
    await room.poll()
    assert room.desk.mailbox.titles == [TWO]
    assert await waiting(room) == []
    feed = await room.feed()
    assert (feed.taken, feed.intake_done, feed.title, feed.last_error) == (2, True, "The Paper", "")


@pytest.mark.both_stores
async def test_polls_that_wait_together_are_taken_in_one_after_the_other(room: FeedHarness) -> None:
    """The first one is the first intake, and the second is not, also in one transaction."""
    await room.add()
    await room.poller.drain()
    room.desk.clock.forward(days=1)
    room.publish(Entry(TWO, 24), ONE)
    await room.poll(minutes=0)
    assert room.desk.mailbox.titles == [TWO]


async def test_an_empty_first_poll_counts_as_the_first_intake(room: FeedHarness) -> None:
    room.publish()
    await room.add()
    await room.poll()
    room.publish(Entry(TWO, 24))
    await room.poll()
    assert room.desk.mailbox.titles == [TWO]


async def test_what_is_stored_word_for_word_is_left_out_and_the_feed_moves_on(room: FeedHarness) -> None:
    feed = await room.add()
    await room.poll()
    interval = (await room.feed()).polling.interval
    room.publish(ONE, Entry(TWO, 24))
    room.desk.clock.forward(days=1)
    await room.poller.drain()
    assert await waiting(room) == [(feed.source_id, 1)]
    assert (await room.feed()).polling.interval <= interval
    await room.reader.drain()
    room.publish(Entry(TWO, 24), ONE)  # the same in another order: other bytes
    room.desk.clock.forward(days=1)
    await room.poller.drain()
    assert await waiting(room) == []
    feed = await room.feed()
    assert feed.last_success == room.desk.clock.now
    assert feed.polling.interval > interval, "nothing new came"


async def test_what_was_deleted_because_of_its_age_is_left_out(room: FeedHarness) -> None:
    """The poller notes that the feed still shows it, so that it is not forgotten that it was there."""
    room.publish(Entry(TWO, 0))
    await room.add()
    await room.poll()
    room.desk.clock.forward(days=60)
    room.publish(Entry(THREE, 24 * 60), Entry(TWO, 0))
    await room.poll()
    await cleanup.step(replace(room.desk.context, keep=timedelta(days=40)))
    room.desk.clock.forward(days=20)
    room.publish(Entry(TWO, 0), Entry(THREE, 24 * 60))  # other bytes
    await room.poller.drain()
    assert await waiting(room) == []
    seen = schema.forgotten_keys.c.seen_at
    async with room.desk.db.read() as connection:
        assert room.desk.clock.now in set((await connection.execute(sa.select(seen))).scalars())


async def test_what_is_said_again_while_it_waits_is_taken_in_last(room: FeedHarness) -> None:
    """What is stored is out of date then, so it does not tell what is unchanged."""
    room.publish(Entry(TWO, 0, guid="a", link="https://paper.example/a"))
    await room.add()
    await room.poll()
    for title in (THREE, TWO):
        room.publish(Entry(title, 0, guid="a", link="https://paper.example/a"))
        room.desk.clock.forward(days=1)
        await room.poller.drain()
    await room.reader.drain()
    async with room.desk.db.read() as connection:
        titles = set((await connection.execute(sa.select(schema.records.c.title))).scalars())
    assert TWO in titles
    assert THREE not in titles


async def test_pollers_rest_while_the_inbox_is_full(room: FeedHarness) -> None:
    room.poller = room.another_poller(Inbox(room.desk.context, most_waiting=4))
    for number in range(3):
        room.publish(ONE, path=f"/{number}")
        await room.add(f"/{number}")
    await room.poller.drain()
    assert len(await waiting(room)) == 3
    await room.add()
    room.site.asked.clear()
    assert await room.poller.step() == 0
    assert room.site.asked == []
    assert await room.poller.next_due() == room.desk.clock.now + timedelta(seconds=1)
    await room.reader.drain()
    await room.poller.drain()
    assert room.site.paths == ["/feed"]


async def test_of_several_readers_each_poll_is_taken_in_by_one(room: FeedHarness) -> None:
    for number, title in enumerate(headlines(6)):
        room.publish(title, path=f"/{number}")
        await room.add(f"/{number}")
    await room.poller.drain()
    before = await room.desk.db_records()
    readers = [InboxReader(room.desk.context, Ingest(room.desk.context), at_once=2) for _ in range(2)]
    await asyncio.gather(*(each.drain() for each in readers))
    await room.reader.drain()
    assert await room.desk.db_records() == before + 6
    async with room.desk.db.read() as connection:
        taken = await connection.scalar(
            sa.select(sa.func.sum(schema.sources.c.taken)).where(schema.sources.c.kind == feeds.KIND)
        )
    assert taken == 6


async def test_what_waits_of_a_removed_feed_is_dropped(room: FeedHarness) -> None:
    feed = await room.add()
    await room.poller.drain()
    before = await room.desk.db_records()
    async with room.desk.db.intake() as connection:
        await feeds.remove(connection, [feed.source_id])
    assert await waiting(room) == []
    await room.reader.drain()
    assert await room.desk.db_records() == before


async def test_a_feed_that_is_removed_while_it_is_stored_brings_nothing(room: FeedHarness) -> None:
    feed = await room.add()
    other = await room.add("/in-order")
    room.publish(TWO, path="/in-order")
    async with room.desk.db.read() as connection:
        states = await feeds.states(connection, [feed.source_id, other.source_id])
    async with room.desk.db.intake() as connection:
        await feeds.remove(connection, [feed.source_id])
    parts = [
        SourceBatch(state, ItemBatch((Item("feed", 1, record(title)),), last=True))
        for state, title in zip(states.values(), (ONE, TWO), strict=True)
    ]
    await Inbox(room.desk.context).store(parts)
    assert await waiting(room) == [(other.source_id, 1)]


async def test_what_cannot_be_read_is_fetched_anew_and_keeps_nothing_back(
    room: FeedHarness, caplog: pytest.LogCaptureFixture
) -> None:
    feed = await room.add()
    await room.poll()
    room.publish(Entry(TWO, 24), path="/feed")
    room.publish(THREE, path="/other")
    other = await room.add("/other")
    room.desk.clock.forward(days=1)
    await room.poller.drain()
    async with room.desk.db.write() as connection:
        of_feed = schema.inbox.c.source_id == feed.source_id
        await connection.execute(sa.update(schema.inbox).where(of_feed).values(payload=b"\xc1"))
    await room.reader.drain()
    assert "what waits in the inbox cannot be read" in caplog.text
    assert (await room.feed(other.address)).taken == 1
    assert (await room.feed()).taken == 1
    await room.poll()
    assert (await room.feed()).taken == 2


async def test_the_limits_of_a_server_hold_through_the_inbox(room: FeedHarness) -> None:
    room.desk.context = replace(room.desk.context, polls=Polls(per_day=3))
    room.restart()
    await room.desk.follow("AI", OTHER, volume=Volume.EVERYTHING)
    titles = list(headlines(8))
    for number in range(2):
        room.publish(*titles[4 * number : 4 * number + 4], path=f"/{number}")
        await room.add(f"/{number}", guild_id=GUILD, origin=FeedOrigin.SERVER)
    before = await room.desk.db_records()
    await room.poll(minutes=0)
    assert await room.desk.db_records() == before + 3
    both = [await room.feed(room.site.url(f"/{number}", "paper.example"), GUILD) for number in range(2)]
    assert sum(feed.rejected for feed in both) == 5


# What is written is what is read.

TEXTS = st.sampled_from(["", "A title", "\x00\x1b\ufffd", "Größe 大", "\U0001f600 " * 40])
TIMES = st.integers(-(10**11), 4 * 10**15).map(lambda n: at() + timedelta(microseconds=n))


def _records(related: st.SearchStrategy[tuple[Record, ...]]) -> st.SearchStrategy[Record]:
    return st.builds(
        Record,
        TEXTS,
        TEXTS,
        TEXTS,
        st.builds(Outlet, TEXTS, TEXTS),
        TEXTS,
        st.none() | TIMES,
        st.sampled_from(["article", "video", "podcast"]),
        st.integers(0, 100),
        st.none() | st.integers(0, 10_000),
        st.booleans(),
        st.tuples(TEXTS),
        st.none() | st.builds(Image, TEXTS, st.integers(0, 9000), st.integers(0, 9000)),
        st.tuples(TEXTS, TEXTS),
        related,
        TEXTS,
        st.booleans(),
        st.booleans(),
    )


RECORDS = _records(st.lists(_records(st.just(())), max_size=2).map(tuple))
WORDS = st.lists(TEXTS, max_size=3).map(tuple)
BATCHES = st.builds(
    WaitingBatch,
    st.lists(st.builds(Item, TEXTS, st.integers(0, 9999), RECORDS, st.tuples(TEXTS)), max_size=3).map(tuple),
    st.lists(st.builds(Rejected, TEXTS, st.integers(0, 99), TEXTS), max_size=2).map(tuple),
    st.integers(0, 99),
    st.lists(
        st.builds(
            TextAnalysis,
            st.builds(Terms, WORDS, WORDS, WORDS, WORDS, WORDS),
            st.binary(max_size=8),
            st.dictionaries(TEXTS, TEXTS, max_size=3),
        ),
        max_size=3,
    ).map(tuple),
)


@pytest.mark.hypothesis
@given(BATCHES)
def test_a_batch_is_read_as_it_was_written(batch: WaitingBatch) -> None:
    """Its records word for word: their hash, by which changes are noticed, is that of what they print."""
    again = decode(encode(batch))
    assert again == batch
    assert repr(again) == repr(batch)
    assert encode(again) == encode(batch)


@pytest.mark.hypothesis
@given(
    st.binary(max_size=200)
    | BATCHES.map(encode).flatmap(lambda b: st.integers(0, len(b)).map(lambda n: b[:n]))
)
def test_damaged_bytes_are_refused_and_raise_nothing_else(payload: bytes) -> None:
    with suppress(UnreadableBatchError):
        decode(payload)


# With the inbox the same is stored as without.


class Poll(NamedTuple):
    """What a feed has at a time, and whether the intake comes by then. An entry is (title, guid, page, text)."""

    feed: int
    entries: Sequence[tuple[int, int, int, int]]
    is_taken_in: bool


ENTRIES = st.tuples(*[st.integers(0, 2)] * 4)
POLLS = st.lists(
    st.builds(Poll, st.integers(0, 1), st.lists(ENTRIES, max_size=3), st.booleans()), min_size=2, max_size=7
)
TITLES = (ONE, TWO, THREE)


def _item(number: int, feed: int, entry: tuple[int, int, int, int]) -> Item:
    """An item of a feed. The pages of an outlet are in both feeds, and one of them is the outlet's own."""
    title, guid, page, text = entry
    key = f"https://paper.example/{page}"
    twins = [f"{IN_FEED}guid:{guid}"] if guid else []
    twins += [f"{OWN}{key}"] if feed == 0 else []
    excerpt, topics = f"Text {text} of it." if text else "", (f"Topic {feed}",)
    found = record(TITLES[title], "paper.example", url=key, twins=twins, excerpt=excerpt, topics=topics)
    return Item("feed", number, found)


async def _outcome(url: str, polls: Sequence[Poll], *, has_inbox: bool) -> list[Any]:
    """What is in a database after polls."""
    clock = Clock()
    db = await Database.open(url)
    context = Context(db, clock)
    ingest = Ingest(context)
    taking = InboxReader(context, ingest)
    store: BatchStore = Inbox(context) if has_inbox else ingest
    async with db.intake() as connection:
        for number in range(2):
            wanted = NewFeed(f"https://paper.example/feed{number}", FeedOrigin.OPERATOR)
            await feeds.add(connection, wanted, timedelta(minutes=5), at())
    for number, poll in enumerate(polls):
        clock.forward(hours=1)
        async with db.read() as connection:
            states = sorted((await feeds.states(connection, [1, 2])).items())
        items = tuple(_item(place, poll.feed, entry) for place, entry in enumerate(poll.entries, 1))
        batch = ItemBatch(items, progress={"http": {"number": number}}, last=True)
        await store.store([SourceBatch(states[poll.feed][1], batch)])
        if poll.is_taken_in:
            await taking.drain()
    await taking.drain()
    r, k, s = schema.records, schema.record_keys, schema.sources
    content = (
        r.c.key,
        r.c.title,
        r.c.excerpt,
        r.c.source_id,
        r.c.declared_topics,
        r.c.published,
        r.c.content_hash,
    )
    statements = (
        sa.select(*content).order_by(r.c.key),
        sa.select(k.c.key, r.c.key).join(r, r.c.id == k.c.record_id).order_by(k.c.key),
        sa.select(s.c.id, s.c.taken, s.c.intake_done, s.c.last_error).order_by(s.c.id),
        sa.select(schema.progress).order_by(schema.progress.c.source_id),
    )
    async with db.read() as connection:
        outcome = [[tuple(row) for row in await connection.execute(each)] for each in statements]
    await db.close()
    return outcome


@pytest.mark.hypothesis
@examples(0.15, phases=[Phase.generate])  # an example takes too long to look for a smaller one
@given(polls=POLLS)
def test_with_an_inbox_the_same_is_stored_as_without(migrated_file: Path, polls: list[Poll]) -> None:
    """Whenever the intake comes by, and although the poller leaves out what is stored already."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = []
        for has_inbox in (False, True):
            url = str(Path(folder, f"{has_inbox}.db"))
            shutil.copy(migrated_file, url)
            outcomes.append(asyncio.run(_outcome(url, polls, has_inbox=has_inbox)))
    assert outcomes[0] == outcomes[1]
