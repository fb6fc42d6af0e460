"""A process that is killed at the worst moment: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import time, timedelta

import pytest

from bot.domain.model import Mode
from bot.domain.posting.schedule import Schedule
from bot.domain.retry import Outcome, SendStatus
from bot.services.digests import set_schedule
from bot.store import feeds, outbox, schema, sources, stories
from bot.workers import digests, rematch
from bot.workers.inbox import InboxReader
from tests.forks import PIPE, fork
from tests.make import at
from tests.store.store_helpers import CHANNEL, GUILD, ONE, THREE, TWO, story_numbers
from tests.workers.child import FEED, NAME, WORDS, put, source
from tests.workers.desk import BotHarness

FEED_NAME = feeds.source_name(FEED.address, 0)
PATIENCE = 60  # seconds, for a process that never comes to its moment


async def killed(desk: BotHarness, url: str, part: str, stop: int) -> str:
    """Have another process come to its moment, and kill it there. Returns what it said."""
    seconds = (desk.clock() - at()).total_seconds()
    arguments = (url, str(seconds), part, str(stop))
    process = await fork("tests.workers.child:run", *arguments, stdout=PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            said = await process.stdout.readline()
    finally:
        process.kill()
        await process.communicate()
    return said.decode().strip()


async def progress(desk: BotHarness, name: str = NAME) -> dict[str, object]:
    """What is noted of the source."""
    async with desk.db.write() as connection:
        state = await sources.ensure(connection, name, "list")
        return await sources.progress(connection, state.id)


@pytest.fixture
async def crew(desk: BotHarness) -> BotHarness:
    """A channel that follows AI, and a source that is past its first intake."""
    await desk.follow()
    async with desk.db.write() as connection:
        state = await sources.ensure(connection, NAME, "list")
        await sources.advance(
            connection, [sources.SourceStep(state.id, {}, taken=0, finished=at(), rejected=0)]
        )
    return desk


@pytest.fixture
async def poller(crew: BotHarness) -> BotHarness:
    """The crew, with a feed that is past its first intake, and polled by another process."""
    async with crew.db.intake() as connection:
        source_id = await feeds.add(connection, FEED, timedelta(minutes=5), at())
        step = sources.SourceStep(source_id, {}, taken=0, finished=at(), rejected=0)
        await sources.advance(connection, [step])
    return crew


async def all_is_told_once(crew: BotHarness, name: str = NAME) -> None:
    """Assert that the three stories are there, and in the channel, once."""
    assert await crew.count(schema.records) == 5
    async with crew.db.read() as connection:
        assert await story_numbers(connection) == [1, 2, 3, 4, 5]
    await crew.deliver()
    assert sorted(crew.mailbox.titles) == sorted((ONE, TWO, THREE))
    assert await progress(crew, name) == {"seen": {"count": 3}}


async def test_in_the_middle_of_an_intake(crew: BotHarness, store_url: str) -> None:
    assert await killed(crew, store_url, "intake", 2) == "written"
    assert await crew.count(schema.records) == 2
    assert await progress(crew) == {}
    assert await crew.deliver() == 0
    summary = await crew.ingest.step(source())
    assert (summary.new, summary.posted) == (3, 3)
    await all_is_told_once(crew)


async def test_after_an_intake_and_before_anything_was_sent(crew: BotHarness, store_url: str) -> None:
    assert await killed(crew, store_url, "intake", 0) == "done"
    assert await crew.queue() == 3
    crew.source = source()
    await all_is_told_once(crew)
    again = source()
    assert (await crew.ingest.step(again)).unchanged == 3
    assert await crew.deliver() == 0


async def test_in_the_middle_of_a_first_intake_with_backfill(desk: BotHarness, store_url: str) -> None:
    await desk.follow()
    assert await killed(desk, store_url, "backfill", 2) == "written"
    summary = await desk.ingest.step(source(), backfill=2)
    assert (summary.new, summary.posted) == (3, 2)
    await desk.deliver()
    assert len(desk.mailbox.sent) == 2


@pytest.mark.parametrize("stop", [1, 0])
async def test_before_and_after_a_poll_is_in_the_inbox(poller: BotHarness, store_url: str, stop: int) -> None:
    assert await killed(poller, store_url, "put", stop) == ("written" if stop else "done")
    assert await poller.count(schema.inbox) == (0 if stop else 1)
    assert await progress(poller, FEED_NAME) == ({} if stop else {"seen": {"count": 3}})
    if stop:
        await put(poller)
    await InboxReader(poller.context, poller.ingest).drain()
    await all_is_told_once(poller, FEED_NAME)


@pytest.mark.parametrize("stop", [1, 0])
async def test_before_and_after_a_poll_is_taken_from_the_inbox(
    poller: BotHarness, store_url: str, stop: int
) -> None:
    await put(poller)
    assert await killed(poller, store_url, "take", stop) == ("written" if stop else "done")
    assert await poller.count(schema.inbox) == (1 if stop else 0)
    assert await poller.count(schema.records) == (2 if stop else 5)
    await InboxReader(poller.context, poller.ingest).drain()
    await all_is_told_once(poller, FEED_NAME)
    await put(poller)
    assert await poller.count(schema.inbox) == 0, "all of it is stored"
    assert await poller.deliver() == 0


async def test_while_a_message_is_being_sent(crew: BotHarness, store_url: str) -> None:
    """Nobody knows whether Discord has it. It goes again with the same nonce, by which Discord knows it."""
    await crew.ingest.step(source())
    word, _, nonce = (await killed(crew, store_url, "unanswered", 0)).partition(" ")
    assert word == "sent"
    assert await crew.deliver() == 0
    crew.clock.forward(seconds=outbox.LEASE.total_seconds())
    await all_is_told_once(crew)
    assert crew.mailbox.sent[0].nonce == nonce


async def test_after_a_message_was_sent_and_before_that_was_noted(crew: BotHarness, store_url: str) -> None:
    await crew.ingest.step(source())
    async with crew.db.read() as connection:
        nonces = {row.nonce for row in await connection.execute(schema.outbox.select())}
    assert await killed(crew, store_url, "deliver", 2) == "written"
    crew.clock.forward(seconds=outbox.LEASE.total_seconds())
    await all_is_told_once(crew)
    assert {asked.nonce for asked in crew.mailbox.sent} == nonces
    # Discord may have answered with what it was sent first, so each is brought up to date.
    crew.clock.forward(seconds=5)
    await crew.deliver()
    assert sorted(asked.title for asked in crew.mailbox.edited) == sorted((ONE, TWO, THREE))
    assert len(crew.mailbox.looked) == 3
    crew.clock.forward(hours=1)
    assert await crew.deliver() == 0


async def test_after_everything_was_sent(crew: BotHarness, store_url: str) -> None:
    await crew.ingest.step(source())
    assert await killed(crew, store_url, "deliver", 0) == "done"
    crew.clock.forward(hours=1)
    assert await crew.deliver() == 0


@pytest.mark.parametrize("stop", [1, 0])
async def test_before_and_after_a_digest_is_stored(crew: BotHarness, store_url: str, stop: int) -> None:
    await crew.follow(mode=Mode.DIGEST)
    await crew.ingest.step(source())
    crew.clock.forward(hours=1)
    assert await killed(crew, store_url, "digest", stop) == ("written" if stop else "done")
    assert await crew.queue() == (0 if stop else 1)
    for _ in range(2):
        await crew.digest()
    (asked,) = crew.mailbox.sent
    assert all(title in asked.text for title in (ONE, TWO, THREE))
    assert await digests.step(crew.context) == at(25)


@pytest.mark.parametrize("stop", [1, 2, 0])
async def test_before_between_and_after_two_digests_of_a_channel_are_stored(
    crew: BotHarness, store_url: str, stop: int
) -> None:
    await crew.follow(mode=Mode.DIGEST)
    at_one = Schedule(time(13), "UTC")
    for schedule in (at_one, replace(at_one, days=frozenset((0,)))):
        await set_schedule(crew.context, GUILD, CHANNEL, schedule)
    await crew.ingest.step(source())
    crew.clock.forward(hours=1)
    assert await killed(crew, store_url, "digest", stop) == ("written" if stop else "done")
    assert await crew.queue() == (stop - 1 if stop else 2)
    for _ in range(2):
        await crew.digest()
    texts = [asked.text for asked in crew.mailbox.sent]
    assert sorted(text.partition(" · ")[0] for text in texts) == ["## Daily digest", "## Weekly digest"]
    assert all(title in text for title in (ONE, TWO, THREE) for text in texts)
    assert await digests.step(crew.context) == at(25)


async def test_after_two_digests_were_sent_and_before_that_was_noted_of_the_second(
    crew: BotHarness, store_url: str
) -> None:
    await crew.follow(mode=Mode.DIGEST)
    at_one = Schedule(time(13), "UTC")
    for schedule in (at_one, replace(at_one, days=frozenset((0,)))):
        await set_schedule(crew.context, GUILD, CHANNEL, schedule)
    await crew.ingest.step(source())
    crew.clock.forward(hours=1)
    await digests.step(crew.context)
    assert await killed(crew, store_url, "deliver", 3) == "written"
    crew.clock.forward(seconds=outbox.LEASE.total_seconds())
    crew.mailbox.standing[CHANNEL] = Outcome(SendStatus.EXISTS, message_id=77)
    await crew.deliver()
    [traits] = crew.mailbox.looked
    [title] = traits.titles
    assert title.startswith(("## Daily digest · ", "## Weekly digest · "))
    assert crew.mailbox.sent == []
    crew.clock.forward(hours=1)
    assert await crew.deliver() == 0


async def test_in_the_middle_of_matching_anew(crew: BotHarness, store_url: str) -> None:
    await crew.ingest.step(source())
    assert await killed(crew, store_url, "topics", 1) == "written"
    assert await rematch.configure(crew.context, [WORDS])
    async with crew.db.read() as connection:
        assert len(await stories.latest(connection, ["Words"], 10)) == 1
