"""Digests: at their time, once, and of everything since the last one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from bot.domain.model import Mode, Record, Volume
from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.posting.schedule import Schedule
from bot.errors import InvalidInputError, NotFoundError
from bot.messages.digest import channel_digest, digest_payload
from bot.services import digests as use
from bot.services import mutes
from bot.services.subscribe import SubscribeRequest, post_now, subscribe, unsubscribe
from bot.store import digests
from bot.workers import digests as pipeline
from tests.databases import opened_as
from tests.make import Clock, ListSource, at, record
from tests.store.store_helpers import (
    CHANNEL,
    FOUR,
    GUILD,
    ONE,
    OTHER,
    THREE,
    TWO,
    headlines,
    two_events_and_their_report,
)
from tests.workers.desk import BotHarness, InterruptibleDatabase


def ai(title: str, outlet: str = "alpha.example", **more: Any) -> Record:
    """A record on AI."""
    return record(title, outlet, topics=["AI"], **more)


async def told(desk: BotHarness) -> list[str]:
    """Compose and send what is due: the texts of the digests that went out by it."""
    before = len(desk.mailbox.sent)
    await desk.digest()
    return [asked.text for asked in desk.mailbox.sent[before:]]


async def state(desk: BotHarness, channel: int = CHANNEL) -> ChannelDigest:
    """The only digest of a channel."""
    [digest] = await digests_in(desk, channel)
    return digest


async def digests_in(desk: BotHarness, channel: int = CHANNEL) -> tuple[ChannelDigest, ...]:
    """The digests of a channel, in the order in which they were made."""
    async with desk.db.read() as connection:
        return await digests.stored(connection, channel_ids=[channel])


@pytest.fixture
async def reader(desk: BotHarness) -> BotHarness:
    """A channel that asked for a digest of AI just now, which comes at 13:00, an hour from now."""
    desk.clock.forward(seconds=-1)
    await desk.follow(mode=Mode.DIGEST)
    desk.clock.forward(seconds=1)
    return desk


# When.


async def test_a_digest_comes_at_its_time_and_once(reader: BotHarness) -> None:
    await reader.take_in(ai(ONE))
    assert await pipeline.step(reader.context) == at(1)
    reader.clock.forward(minutes=59)
    assert await told(reader) == []
    reader.clock.forward(minutes=1)
    woken = reader.woken
    assert await pipeline.step(reader.context) == at(25)
    assert reader.woken == woken + 1
    assert await pipeline.step(reader.context) == at(25)
    await reader.deliver()
    (asked,) = reader.mailbox.sent
    assert ONE in asked.text
    assert "Monday, 2 March" in asked.text


async def test_without_a_schedule_it_comes_when_the_config_says(desk: BotHarness) -> None:
    done = await subscribe(desk.context, SubscribeRequest(GUILD, CHANNEL, "AI", Mode.BOTH))
    assert (done.schedule, done.default_schedule, done.next_digest) == (
        (desk.context.digest_default, True, at(1))
    )
    assert (await state(desk)).schedule is None
    await desk.follow(channel=OTHER, mode=Mode.LIVE)
    assert await digests_in(desk, OTHER) == ()


async def test_a_schedule_of_its_own_is_kept(reader: BotHarness) -> None:
    wanted = Schedule(time(7, 30), "Europe/Berlin", frozenset((0, 3)), 5)
    done = await use.set_schedule(reader.context, GUILD, CHANNEL, wanted)
    thursday = datetime(2026, 3, 5, 6, 30, tzinfo=UTC)
    assert (done.schedule, done.next_digest, done.topics) == (wanted, thursday, ("AI",))
    reader.clock.forward(hours=10)
    assert await told(reader) == []
    await reader.take_in(ai(ONE))
    reader.clock.now = thursday
    assert len(await told(reader)) == 1
    assert (await state(reader)).next_at == datetime(2026, 3, 9, 6, 30, tzinfo=UTC)
    assert (await state(reader)).schedule == wanted


async def test_an_empty_day_says_nothing_and_the_turn_moves_on(reader: BotHarness) -> None:
    reader.clock.forward(hours=1)
    assert await pipeline.step(reader.context) == at(25)
    assert await reader.deliver() == 0
    assert (await state(reader)).covered_until == at(1)


async def test_after_a_downtime_one_digest_covers_the_gap(reader: BotHarness) -> None:
    reader.clock.forward(hours=1)
    await told(reader)
    for day, title in enumerate((ONE, TWO, THREE)):
        reader.clock.forward(hours=24)
        await reader.take_in(ai(title, f"o{day}.example", hours=1 + 24 * (day + 1)))
    reader.clock.forward(days=30)
    (text,) = await told(reader)
    assert all(title in text for title in (ONE, TWO, THREE))
    assert (await state(reader)).next_at == reader.clock() + timedelta(days=1)
    assert await told(reader) == []


async def test_a_first_digest_that_is_late_covers_what_it_was_late_for(reader: BotHarness) -> None:
    await reader.take_in(ai(ONE))
    reader.clock.forward(days=3)
    (text,) = await told(reader)
    assert ONE in text


async def test_a_first_digest_does_not_tell_what_was_posted_for_months(desk: BotHarness) -> None:
    """A channel that has had live posts for long wants digests from now on."""
    await desk.follow()
    desk.clock.forward(minutes=1)
    await desk.take_in(ai(ONE))
    desk.clock.forward(days=200)
    await desk.take_in(ai(TWO, hours=200 * 24))
    await desk.follow(mode=Mode.DIGEST)
    desk.clock.forward(hours=1)
    (text,) = await told(desk)
    assert TWO in text
    assert ONE not in text


async def test_switched_off_none_comes_until_one_is_set(reader: BotHarness) -> None:
    await reader.take_in(ai(ONE))
    await use.switch_off(reader.context, CHANNEL)
    reader.clock.forward(days=2)
    assert await pipeline.step(reader.context) is None
    assert await told(reader) == []
    done = await subscribe(reader.context, SubscribeRequest(GUILD, CHANNEL, "AI"))
    assert done.digest_off
    await use.set_schedule(reader.context, GUILD, CHANNEL, Schedule(time(15), "UTC"))
    reader.clock.forward(hours=3)
    assert len(await told(reader)) == 1
    with pytest.raises(NotFoundError):
        await use.switch_off(reader.context, OTHER)


async def test_a_digest_that_fails_does_not_delay_one_that_is_due_next(reader: BotHarness) -> None:
    async def crash() -> None:
        raise MemoryError

    await reader.follow("Space", OTHER, Mode.DIGEST)
    half_a_minute = reader.clock.now = at(1) - timedelta(seconds=30)
    await use.set_schedule(reader.context, GUILD, OTHER, Schedule(half_a_minute.time(), "UTC"))
    async with reader.db.write() as connection:
        [other] = await digests.stored(connection, channel_ids=[OTHER])
        await digests.plan_next(connection, other.id, at(1) + timedelta(seconds=30))
    reader.clock.now = at(1)
    reader.db.at_commit(crash)
    assert await pipeline.step(reader.context) == at(1) + timedelta(seconds=30)
    reader.clock.forward(seconds=30)
    assert await pipeline.step(reader.context) == at(1) + pipeline.RETRY


@pytest.mark.parametrize("how", ["digest set", "subscribe"])
async def test_one_that_begins_again_does_not_tell_of_the_months_without_any(
    reader: BotHarness, how: str
) -> None:
    reader.clock.now = at(1)
    await told(reader)
    if how == "digest set":
        await use.switch_off(reader.context, CHANNEL)
    else:
        await unsubscribe(reader.context, "AI", CHANNEL)
        reader.clock.now = at(25)
        assert await pipeline.step(reader.context) is None
    reader.clock.forward(hours=12)
    await reader.take_in(ai(ONE))
    reader.clock.forward(days=100)
    await reader.take_in(ai(TWO))
    if how == "digest set":
        await use.set_schedule(reader.context, GUILD, CHANNEL, Schedule(time(13), "UTC"))
    else:
        await reader.follow(mode=Mode.DIGEST)
    reader.clock.forward(hours=13)
    (text,) = await told(reader)
    assert TWO in text
    assert ONE not in text


async def test_a_schedule_that_is_changed_leaves_no_gap(reader: BotHarness) -> None:
    reader.clock.now = at(1)
    await told(reader)
    await use.set_schedule(reader.context, GUILD, CHANNEL, Schedule(time(13), "UTC", frozenset((6,))))
    reader.clock.forward(hours=1)
    await reader.take_in(ai(ONE))
    reader.clock.forward(days=4)
    await use.set_schedule(reader.context, GUILD, CHANNEL, Schedule(time(14), "UTC", frozenset((6,))))
    reader.clock.forward(days=3)
    (text,) = await told(reader)
    assert ONE in text


async def test_a_paused_channel_gets_its_digest_when_it_goes_on(reader: BotHarness) -> None:
    await reader.take_in(ai(ONE))
    await reader.pause()
    reader.clock.forward(days=2)
    assert await pipeline.step(reader.context) is None
    await reader.resume()
    assert len(await told(reader)) == 1


async def test_without_a_subscription_to_digests_the_turns_end(reader: BotHarness) -> None:
    await reader.take_in(ai(ONE))
    await unsubscribe(reader.context, "AI", CHANNEL)
    reader.clock.forward(hours=1)
    assert await pipeline.step(reader.context) is None
    assert await told(reader) == []
    await reader.follow(mode=Mode.BOTH)
    assert (await state(reader)).next_at == at(25)


async def test_digests_of_several_channels_are_their_own(reader: BotHarness) -> None:
    await reader.follow("Space", OTHER, Mode.BOTH)
    await reader.take_in(ai(ONE), record(TWO, topics=["Space"]), record(THREE, topics=["Sea"]))
    await reader.deliver()
    assert reader.mailbox.titles == [TWO]  # the live post of one of them
    reader.clock.forward(hours=1)
    await reader.digest()
    texts = {a.target.channel_id: a.text for a in reader.mailbox.sent[1:]}
    assert texts.keys() == {CHANNEL, OTHER}
    assert [[title in texts[c] for title in (ONE, TWO, THREE)] for c in (CHANNEL, OTHER)] == [
        [True, False, False],
        [False, True, False],
    ]


# What.


async def test_a_story_comes_again_only_when_outlets_joined(reader: BotHarness) -> None:
    await reader.take_in(ai(ONE, "a.example"), ai(TWO, "a.example"))
    reader.clock.forward(hours=1)
    (first,) = await told(reader)
    assert "since" not in first
    reader.clock.forward(hours=1)
    await reader.take_in(*(ai(ONE, f"{o}.example", hours=2) for o in "bcd"), ai(TWO, "a.example", hours=2))
    reader.clock.now = at(25)
    (second,) = await told(reader)
    assert "+3 outlets since yesterday" in second
    assert TWO not in second
    reader.clock.now = at(49)
    assert await told(reader) == []


async def test_a_story_that_was_told_and_then_merged_is_not_told_anew(reader: BotHarness) -> None:
    one, two, both = two_events_and_their_report("AI")
    await reader.take_in(one, two)
    reader.clock.forward(hours=1)
    (first,) = await told(reader)
    assert all(item.title in first for item in (one, two))
    reader.clock.forward(hours=1)
    await reader.take_in(both)
    reader.clock.now = at(25)
    (second,) = await told(reader)
    assert "+2 outlets since yesterday" in second
    assert second.count("since") == 1


async def test_a_message_that_is_lost_does_not_make_the_next_digest_repeat_it(reader: BotHarness) -> None:
    """What a digest tells is noted with it: it waits in the outbox until it can be sent."""
    await reader.take_in(ai(ONE))
    reader.clock.forward(hours=1)
    await pipeline.step(reader.context)
    reader.clock.now = at(25)
    (text,) = await told(reader)
    assert ONE in text
    assert "since" not in text


async def test_volume_mutes_and_size_hold(desk: BotHarness) -> None:
    await desk.follow(mode=Mode.DIGEST, volume=Volume.NOTABLE)
    await use.set_schedule(desk.context, GUILD, CHANNEL, Schedule(time(13), "UTC", size=2))
    await mutes.mute(desk.context, GUILD, None, "muted.example")
    await desk.take_in(
        ai(ONE, "a.example", quality=10),
        ai(TWO, "muted.example", quality=99),
        *(ai(title, f"o{n}.example", quality=80) for n, title in enumerate([*headlines(7)][3:])),
    )
    desk.clock.forward(hours=1)
    (text,) = await told(desk)
    assert ONE not in text
    assert TWO not in text
    assert "2 more stories" in text


async def test_what_a_servers_own_source_brought_is_told_in_that_server_alone(reader: BotHarness) -> None:
    elsewhere = SubscribeRequest(GUILD + 1, OTHER, "AI", Mode.BOTH, Volume.EVERYTHING)
    await subscribe(reader.context, elsewhere)
    source = ListSource("list:own")
    for item in (ai(TWO, hours=-5000), ai(ONE)):
        await reader.ingest.step(source.add(item), guild_id=GUILD)
    here, there = [
        await subscribe(reader.context, replace(elsewhere, guild_id=guild_id, channel_id=channel))
        for guild_id, channel in ((GUILD, CHANNEL), (GUILD + 1, OTHER))
    ]
    assert [view.lead.record.title for view in here.forecast.stories] == [ONE]
    assert there.forecast.stories == ()
    assert here.forecast.newest is not None
    assert there.forecast.newest is not None
    assert there.forecast.newest.number == 1
    with pytest.raises(NotFoundError, match="no story"):
        await post_now(reader.context, here.forecast.newest.number, GUILD + 1, OTHER)
    reader.clock.forward(hours=1)
    await reader.digest()
    assert {asked.target.channel_id for asked in reader.mailbox.sent} == {CHANNEL}


async def test_what_came_in_first_and_silently_without_a_date_is_no_news(fresh: BotHarness) -> None:
    """When it came nobody knows: told as of now, a digest would have all that a feed held when it was added."""
    await fresh.begin("AI")
    await fresh.follow(mode=Mode.DIGEST)
    fresh.source.name = "list:another"
    await fresh.take_in(replace(ai(ONE), published=None))
    fresh.clock.forward(minutes=30)
    await fresh.take_in(replace(ai(TWO), published=None))
    fresh.clock.forward(minutes=30)
    (text,) = await told(fresh)
    assert TWO in text
    assert ONE not in text


async def test_what_came_in_first_and_silently_is_told_at_its_own_time(fresh: BotHarness) -> None:
    await fresh.begin("AI")
    await fresh.follow(mode=Mode.DIGEST)
    fresh.source.name = "list:another"
    await fresh.take_in(ai(ONE, hours=-20), ai(TWO, hours=-400))
    fresh.clock.forward(hours=1)
    (text,) = await told(fresh)
    assert ONE in text
    assert TWO not in text


async def test_what_arrives_with_a_digest_is_in_it_or_in_the_next(reader: BotHarness) -> None:
    await reader.take_in(ai(ONE))
    reader.clock.forward(hours=1)
    await reader.take_in(ai(TWO, hours=1))
    texts = await told(reader)
    await reader.take_in(ai(THREE, hours=1))
    reader.clock.forward(seconds=1)
    await reader.take_in(ai(FOUR, hours=1))
    reader.clock.now = at(25)
    texts += await told(reader)
    assert [[title in text for title in (ONE, TWO, FOUR)] for text in texts] == [
        [True, True, False],
        [False, False, True],
    ]


# On demand.


async def test_a_preview_is_what_would_be_sent_and_changes_nothing(reader: BotHarness) -> None:
    await reader.take_in(ai(ONE))
    reader.clock.forward(hours=1)
    before = await state(reader)
    composed = await use.preview(reader.context, GUILD, CHANNEL)
    message = channel_digest(composed.digest, composed.topics, composed.schedule)
    assert composed.schedule == reader.context.digest_default
    assert composed.digest.since == at(-23)
    assert message is not None
    assert await state(reader) == before
    await reader.digest()
    assert reader.mailbox.sent[0].message.layout == message.layout


async def test_one_that_is_sent_now_is_the_one_that_the_next_goes_on_from(reader: BotHarness) -> None:
    await reader.take_in(ai(ONE))
    reader.clock.forward(minutes=10)
    assert await use.send_now(reader.context, GUILD, CHANNEL, digest_payload) == 1
    assert await use.send_now(reader.context, GUILD, CHANNEL, digest_payload) == 0
    assert (await state(reader)).next_at == at(1)
    assert (await state(reader)).covered_until == reader.clock()
    reader.clock.forward(hours=2)
    await told(reader)
    (asked,) = reader.mailbox.sent
    assert ONE in asked.text


async def test_without_subscriptions_there_is_nothing_to_tell(desk: BotHarness) -> None:
    with pytest.raises(NotFoundError, match="no subscriptions yet"):
        await use.preview(desk.context, GUILD, CHANNEL)
    with pytest.raises(NotFoundError, match="no subscriptions yet"):
        await use.send_now(desk.context, GUILD, CHANNEL, digest_payload)


# Several processes.


@pytest.mark.both_stores
async def test_two_processes_send_one_digest(reader: BotHarness, store_url: str, clock: Clock) -> None:
    await reader.take_in(ai(ONE))
    clock.forward(days=1)
    async with reader.db.read() as connection:
        (due,) = await digests.due(connection, clock())
    async with opened_as(store_url, InterruptibleDatabase) as other:
        rival = BotHarness(other, clock)
        contexts = [reader.context, rival.context] * 3
        counts = await asyncio.gather(*(pipeline.send_due(context, due) for context in contexts))
        assert sorted(count or 0 for count in counts) == [0, 0, 0, 0, 0, 1]
        await asyncio.gather(*(pipeline.step(context) for context in contexts))
        await asyncio.gather(reader.deliver(), rival.deliver())
        assert len(reader.mailbox.sent) + len(rival.mailbox.sent) == 1


@pytest.mark.both_stores
async def test_a_digest_that_is_due_and_one_on_demand_at_once_are_one(
    reader: BotHarness, store_url: str, clock: Clock
) -> None:
    await reader.take_in(ai(ONE))
    clock.forward(days=1)
    async with reader.db.read() as connection:
        (due,) = await digests.due(connection, clock())
    async with opened_as(store_url, InterruptibleDatabase) as other:
        rival = BotHarness(other, clock)
        counts = await asyncio.gather(
            use.send_now(reader.context, GUILD, CHANNEL, digest_payload),
            pipeline.send_due(rival.context, due),
            use.send_now(rival.context, GUILD, CHANNEL, digest_payload),
            return_exceptions=True,
        )
        refused = [c for c in counts if isinstance(c, InvalidInputError)]
        assert sum(c for c in counts if isinstance(c, int)) == 1
        assert len(refused) <= 1
        await pipeline.step(reader.context)
        await reader.deliver()
    assert len(reader.mailbox.sent) == 1


async def test_a_digest_that_cannot_be_stored_is_tried_again_soon_and_holds_up_no_other(
    reader: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash() -> None:
        raise MemoryError

    await reader.take_in(ai(ONE))
    await reader.follow("Space", OTHER, Mode.DIGEST)
    await reader.take_in(record(TWO, topics=["Space"]))
    reader.clock.forward(hours=1)
    reader.db.at_commit(crash)
    assert await pipeline.step(reader.context) == reader.clock() + pipeline.RETRY
    assert f"the digest for channel {CHANNEL} failed; next try" in caplog.text
    assert "MemoryError" in caplog.text
    await reader.deliver()
    assert len(reader.mailbox.sent) == 1
    reader.clock.forward(minutes=1)
    assert await pipeline.step(reader.context) == at(25)
    await reader.deliver()
    assert {asked.target.channel_id for asked in reader.mailbox.sent} == {CHANNEL, OTHER}
