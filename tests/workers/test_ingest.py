"""From a source to the store, a batch at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.model import Mode, Record, Volume
from bot.errors import StoreError
from bot.services import mutes
from bot.services.status import status
from bot.sources.model import Item, ItemBatch, Progress, Rejected
from bot.store import schema, stories
from bot.store.database import Database
from bot.store.sources import SourceState
from bot.workers import batches
from bot.workers.batches import Summary
from bot.workers.ingest import Ingest, report
from tests.databases import opened_as
from tests.make import Clock, at, record
from tests.store.store_helpers import (
    CHANNEL,
    FOUR,
    GUILD,
    ONE,
    OTHER,
    THREE,
    TWO,
    all_sources,
    headlines,
    story_numbers,
    two_events_and_their_report,
)
from tests.workers.desk import BotHarness, InterruptibleDatabase, reports

BAD = Rejected("x.md", 1, "title: missing")


class BatchSource:
    """A source that gives batches, or raises what stands among them; it notes the progress it is given."""

    kind = "list"

    def __init__(self, *batches: ItemBatch | Exception, name: str = "list:batches") -> None:
        self.name = name
        self.batches: list[ItemBatch | Exception] = list(batches)
        self.given: list[Progress] = []

    async def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """All of them, in order."""
        self.given.append(progress)
        for batch in self.batches:
            if isinstance(batch, Exception):
                raise batch
            yield batch

    async def changes(self) -> AsyncGenerator[None, None]:
        """One look, and no more."""
        yield


def batch(*records: Record, last: bool = False, unchanged: int = 0, **progress: Any) -> ItemBatch:
    """A batch of good items."""
    items = tuple(Item("list", n, found) for n, found in enumerate(records, 1))
    return ItemBatch(items, (), unchanged, progress, last)


async def state(db: Database, name: str = "list:test") -> SourceState:
    """What is known of a source."""
    async with db.read() as connection:
        (found,) = [s for s in await all_sources(connection) if s.name == name]
    return found


def ai(title: str, **more: Any) -> Record:
    """A record on AI."""
    return record(title, topics=["AI"], **more)


# The first intake.


async def test_the_first_intake_is_silent_and_says_why(fresh: BotHarness) -> None:
    await fresh.begin("AI")
    fresh.source.name = "list:another"
    await fresh.follow()
    summary = await fresh.take_in(ai(ONE), ai(TWO, hours=-1000), record(THREE, topics=["Sea"]))
    assert (summary.posted, summary.withheld) == (0, {"first intake": 1, "too old": 1})
    assert await fresh.deliver() == 0
    assert (await state(fresh.db, "list:another")).intake_done
    assert (await fresh.take_in(ai(FOUR))).posted == 1


async def test_a_first_intake_of_several_batches_is_silent_to_its_end(desk: BotHarness) -> None:
    await desk.follow()
    source = BatchSource(batch(ai(ONE)), batch(ai(TWO)), batch(last=True))
    summary = await desk.ingest.step(source)
    assert (summary.new, summary.posted, summary.withheld) == (2, 0, {"first intake": 2})


async def test_a_first_intake_that_broke_off_goes_on_silently(desk: BotHarness) -> None:
    await desk.follow()
    source = BatchSource(batch(ai(ONE), a={"n": 1}), OSError("the disk is gone"), batch(ai(TWO), last=True))
    with pytest.raises(OSError, match="the disk is gone"):
        await desk.ingest.step(source, backfill=5)
    broken = await state(desk.db, source.name)
    assert (broken.intake_done, broken.taken, broken.last_error, broken.last_error_at) == (
        (False, 1, "OSError: the disk is gone", at())
    )
    del source.batches[1]
    desk.clock.forward(minutes=1)
    summary = await desk.ingest.step(source)
    assert (summary.new, summary.unchanged, summary.posted) == (1, 1, 0)
    assert source.given == [{}, {"a": {"n": 1}}]
    mended = await state(desk.db, source.name)
    assert (mended.intake_done, mended.last_error, mended.last_success) == (True, "", desk.clock())


async def test_backfill_posts_the_newest_of_the_first_intake(desk: BotHarness) -> None:
    await desk.follow()
    ages = dict(zip(headlines(5), (-3.0, -1.0, -900.0, -2.0, -4.0), strict=True))
    old = [ai(title, hours=hours, quality=int(80 + hours / 100)) for title, hours in ages.items()]
    source = BatchSource(batch(*old[:3]), batch(*old[3:], last=True))
    assert (await desk.ingest.step(source, backfill=3)).posted == 3
    await desk.deliver()
    newest = sorted(ages, key=lambda title: -ages[title])[:3]
    assert sorted(desk.mailbox.titles) == sorted(newest)
    assert (await desk.ingest.step(source, backfill=3)).posted == 0
    assert await desk.deliver() == 0


async def test_backfill_asks_for_what_the_channel_asks_for(desk: BotHarness) -> None:
    desk.clock.forward(seconds=1)  # what was decided before does not concern the channel
    await desk.follow(volume=Volume.NOTABLE)
    source = BatchSource(
        batch(ai(ONE, quality=10), ai(TWO, quality=90), record(THREE, topics=["Sea"]), last=True)
    )
    assert (await desk.ingest.step(source, backfill=10)).posted == 1
    assert await desk.withheld() == {3: "too small"}


async def test_backfill_of_an_empty_source_is_nothing(desk: BotHarness) -> None:
    assert (await desk.ingest.step(BatchSource(batch(last=True)), backfill=10)).posted == 0


async def test_backfill_and_the_end_of_the_first_intake_are_one(desk: BotHarness) -> None:
    """Else a crash between the two would lose it."""
    await desk.follow()
    source = BatchSource(batch(ai(ONE), last=True))

    async def crash() -> None:
        raise MemoryError

    desk.db.at_commit(crash, 2)  # after the source was looked up
    with pytest.raises(MemoryError):
        await desk.ingest.step(source, backfill=1)
    assert not (await state(desk.db, source.name)).intake_done
    assert (await desk.ingest.step(source, backfill=1)).posted == 1


# News.


async def test_news_is_posted_where_it_was_asked_for_and_its_delivery_woken(desk: BotHarness) -> None:
    await desk.follow()
    await desk.follow("Space", OTHER)
    desk.woken = 0
    summary = await desk.take_in(ai(ONE), record(TWO, topics=["Space"]), record(THREE, topics=["Sea"]))
    assert (summary.posted, desk.woken) == (2, 1)
    await desk.deliver()
    assert {(asked.target.channel_id, asked.title) for asked in desk.mailbox.sent} == {
        (CHANNEL, ONE),
        (OTHER, TWO),
    }


async def test_what_brings_nothing_wakes_nobody(desk: BotHarness) -> None:
    await desk.take_in(one := ai(ONE))
    woken = desk.woken
    assert (await desk.take_in(one)).unchanged == 1
    await desk.take_in()
    assert desk.woken == woken


async def test_what_is_held_back_has_a_reason_that_is_counted_and_stored(desk: BotHarness) -> None:
    desk.clock.forward(seconds=1)  # what was decided before does not concern the channel
    await desk.follow(volume=Volume.NOTABLE)
    await mutes.mute(desk.context, GUILD, CHANNEL, "muted.example")
    await desk.report(ai(FOUR, hours=0, quality=90))
    desk.clock.forward(hours=50)
    summary = await desk.take_in(
        ai(ONE, hours=49, quality=10),
        record(TWO, "muted.example", topics=["AI"], hours=49, quality=90),
        ai(THREE, hours=-200, quality=90),
        record(FOUR, "late.example", topics=["AI"], hours=1, quality=90),
    )
    reasons = {"too small": 1, "muted": 1, "too old": 1, "already posted": 1}
    assert (summary.withheld, summary.posted) == (reasons, 0)
    assert sorted((await desk.withheld()).values()) == sorted(reasons)
    assert (await status(desk.context, GUILD)).withheld == reasons


async def test_channels_with_a_digest_alone_get_no_posts_and_need_no_reason(desk: BotHarness) -> None:
    await desk.follow(mode=Mode.DIGEST)
    summary = await desk.take_in(ai(ONE))
    assert (summary.posted, summary.withheld) == (0, {})


async def test_a_story_is_one_across_sources_and_intakes(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(*reports(ONE, 1))
    second = BatchSource(batch(*reports(ONE, 2), last=True))
    summary = await desk.ingest.step(second)
    assert (summary.new, summary.unchanged, summary.changed) == (2, 0, 0)
    await desk.deliver()
    assert desk.mailbox.titles == [ONE]
    async with desk.db.read() as connection:
        assert len((await stories.load(connection, [3]))[3].members) == 3


async def test_a_replay_tells_old_records_on_their_own_clock(desk: BotHarness) -> None:
    await desk.follow()
    replay = Ingest(desk.context, replay=True)
    summary = await replay.step(BatchSource(batch(ai(ONE, hours=-1), ai(TWO, hours=-500), last=True)))
    assert (summary.posted, summary.withheld) == (1, {"too old": 1})


# What the summary says.


async def test_the_summary_adds_up(desk: BotHarness) -> None:
    await desk.take_in(one := ai(ONE), two := ai(TWO))
    items = (Item("x", 1, one, ("the image was left out",)), Item("x", 2, replace(two, quality=1)))
    first = ItemBatch(items, (BAD, BAD), 3)
    seen: list[int] = []
    source = BatchSource(first, batch(ai(THREE), unchanged=2, last=True))
    summary = await desk.ingest.step(source, progressed=lambda s: seen.append(s.read))
    assert (summary.new, summary.changed, summary.unchanged, summary.rejected) == (1, 1, 6, 2)
    assert (summary.read, seen) == (10, [7, 10])
    assert summary.errors == [BAD, BAD]
    assert summary.notes == ["x: item 1: the image was left out"]
    found = await state(desk.db, source.name)
    assert (found.taken, found.rejected) == (2, 2)
    await desk.ingest.step(BatchSource(batch(last=True)))
    assert (await state(desk.db, source.name)).rejected == 0


async def test_summaries_of_several_sources_are_merged(desk: BotHarness) -> None:
    await desk.follow()
    total = Summary()
    total.merge(await desk.take_in(ai(ONE), ai(TWO, hours=-900)))
    desk.source.rejected = [BAD]
    total.merge(await desk.take_in(ai(THREE), ai(FOUR, hours=-900)))
    assert (total.read, total.new, total.rejected, total.posted) == (5, 4, 1, 2)
    assert (total.withheld, total.errors) == ({"too old": 2}, [BAD])


async def test_no_more_errors_are_kept_than_anybody_reads(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_ERRORS", 3)
    summary = await desk.ingest.step(
        BatchSource(ItemBatch(rejected=(BAD,) * 2), ItemBatch(rejected=(BAD,) * 5, last=True))
    )
    assert (summary.rejected, len(summary.errors)) == (7, 3)


async def test_an_intake_is_logged_and_what_was_told_is_not_told_again(
    desk: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.workers.ingest")
    await desk.follow(volume=Volume.NOTABLE)
    desk.source.rejected = [BAD]
    report(desk.source.name, await desk.take_in(ai(ONE, quality=10), ai(TWO, quality=90)))
    assert "list:test: 2 new, 0 changed, 1 rejected; 1 post to send; not posted: too small: 1" in caplog.text
    assert "x.md: item 1: title: missing" in caplog.text
    caplog.clear()
    report(desk.source.name, await desk.take_in(), previous_errors={BAD})
    assert caplog.text == ""


# What is stored, and when.


async def test_progress_is_stored_with_the_records_it_stands_for(desk: BotHarness) -> None:
    source = BatchSource(batch(ai(ONE), a={"n": 1}), batch(ai(TWO), b={"n": 2}, a={"n": 3}, last=True))
    await desk.ingest.step(source)
    await desk.ingest.step(source)
    assert source.given == [{}, {"a": {"n": 3}, "b": {"n": 2}}]


async def test_an_item_that_cannot_be_stored_is_refused_and_keeps_nothing_back(
    desk: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """That is a bug, and must not stop the source for ever."""
    before = await desk.count(schema.records)
    source = BatchSource(batch(ai(ONE), replace(ai(TWO), quality=1 << 80), ai(THREE), a={"n": 1}, last=True))
    summary = await desk.ingest.step(source)
    assert (summary.new, summary.rejected) == (2, 1)
    assert [(error.item, "log" in error.reason) for error in summary.errors] == [(2, True)]
    assert await desk.count(schema.records) == before + 2
    found = await state(desk.db, source.name)
    assert (found.taken, found.intake_done, found.rejected) == (2, True, 1)
    assert "item 2 could not be stored" in caplog.text
    assert (await desk.ingest.step(source)).unchanged == 2
    assert source.given[1] == {"a": {"n": 1}}


async def test_a_batch_whose_progress_cannot_be_stored_comes_again(desk: BotHarness) -> None:
    before = await desk.count(schema.records)
    cannot = batch(ai(TWO), b=object(), last=True)
    source = BatchSource(batch(ai(ONE), a={"n": 1}), cannot)
    with pytest.raises(Exception, match="not JSON serializable"):
        await desk.ingest.step(source)
    assert await desk.count(schema.records) == before + 2
    found = await state(desk.db, source.name)
    assert not found.intake_done
    assert "not JSON serializable" in found.last_error
    source.batches[1] = replace(cannot, progress={})
    summary = await desk.ingest.step(source)
    assert (summary.new, summary.unchanged) == (0, 2)
    assert source.given[1] == {"a": {"n": 1}}


async def test_an_error_of_the_database_is_told_and_the_next_intake_goes_on(desk: BotHarness) -> None:
    async def breaks() -> None:
        raise StoreError("the disk is full")

    source = BatchSource(batch(ai(ONE), last=True))
    desk.db.at_commit(breaks, 2)
    with pytest.raises(StoreError, match="the disk is full"):
        await desk.ingest.step(source)
    assert (await desk.ingest.step(source)).new == 1


@pytest.mark.both_stores
async def test_two_processes_that_take_in_the_same_store_it_once(
    desk: BotHarness, store_url: str, clock: Clock
) -> None:
    await desk.follow()
    everything = [ai(title) for title in headlines(12)]
    async with opened_as(store_url, InterruptibleDatabase) as other:
        rival = BotHarness(other, clock)
        rival.source.name = "list:rival"
        await rival.take_in()
        steps = [
            one.ingest.step(BatchSource(batch(*everything[n : n + 4], last=True), name=one.source.name))
            for n in range(0, 12, 4)
            for one in (desk, rival)
        ]
        summaries = await asyncio.gather(*steps)
    assert sum(s.new for s in summaries) == 12
    assert sum(s.unchanged for s in summaries) == 12
    assert sum(s.posted for s in summaries) == 12
    async with desk.db.read() as connection:
        assert await story_numbers(connection) == list(range(1, 15))
    assert await desk.queue() == 12


async def test_removed_records_and_merged_stories_go_through(desk: BotHarness) -> None:
    await desk.follow()
    one, two, both = two_events_and_their_report("AI")
    await desk.take_in(one, two)
    await desk.take_in(both)
    async with desk.db.read() as connection:
        assert await stories.survivors(connection, [4]) == {4: 3}
    await desk.take_in(*(replace(item, removed=True, related=()) for item in (one, two, both)))
    async with desk.db.read() as connection:
        assert await story_numbers(connection) == [1, 2]
