"""What waited is looked at again before it goes out: digests, notices and publishings too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.chat.port import Target
from bot.domain.model import Mode, Record
from bot.domain.polling import FeedOrigin, NewFeed, Polling
from bot.domain.retry import Outcome, SendStatus
from bot.messages.digest import digest_payload
from bot.services import digests as use
from bot.services import mutes
from bot.services.subscribe import unsubscribe
from bot.store import feeds, outbox
from bot.store.feeds import SettledPoll
from bot.store.topic_cache import TopicCache
from bot.workers import notices
from tests.make import record
from tests.store.store_helpers import CHANNEL, GUILD, ONE, THREE, TWO, two_events_and_their_report
from tests.workers.desk import BotHarness

BUSY = Outcome(SendStatus.UNREACHABLE, detail="no network")


def ai(title: str, outlet: str = "alpha.example", **more: Any) -> Record:
    """A record on AI."""
    return record(title, outlet, topics=["AI"], **more)


FIRST = record(ONE, "one.example", url="https://one.example/1", topics=["AI"])
SECOND = record(TWO, "two.example", url="https://two.example/2", topics=["Space"])


@pytest.fixture
async def waiting(desk: BotHarness) -> BotHarness:
    """A channel whose digest of ONE (AI) and TWO (Space) could not be sent at 13:00."""
    desk.clock.forward(seconds=-1)
    await desk.follow(mode=Mode.DIGEST)
    await desk.follow("Space", mode=Mode.DIGEST)
    desk.clock.forward(seconds=1)
    await desk.take_in(FIRST, SECOND)
    desk.clock.forward(hours=1)
    desk.mailbox.answers[CHANNEL] = BUSY
    await desk.digest()
    desk.mailbox.answers.clear()
    desk.mailbox.sent.clear()
    return desk


async def sent(desk: BotHarness, **later: float) -> list[str]:
    """What goes out when it is tried again."""
    desk.clock.forward(**(later or {"minutes": 5}))
    await desk.deliver()
    return [asked.text for asked in desk.mailbox.sent]


async def test_a_digest_goes_out_as_it_was_made_where_nothing_changed(waiting: BotHarness) -> None:
    (text,) = await sent(waiting)
    assert "2 stories" in text
    assert ONE in text
    assert TWO in text


async def test_a_digest_that_nobody_asks_for_any_more_is_not_sent(waiting: BotHarness) -> None:
    for topic in ("AI", "Space"):
        await unsubscribe(waiting.context, topic, CHANNEL)
    assert await sent(waiting) == []
    assert await waiting.given_up() == ["the channel no longer has a digest subscription"]
    assert await waiting.queue() == 0


async def test_a_digest_of_a_channel_that_has_live_posts_from_now_on_is_not_sent(waiting: BotHarness) -> None:
    for topic in ("AI", "Space"):
        await waiting.follow(topic, mode=Mode.LIVE)
    assert await sent(waiting) == []


async def test_a_digest_that_was_switched_off_is_not_sent(waiting: BotHarness) -> None:
    await use.switch_off(waiting.context, CHANNEL)
    assert await sent(waiting) == []
    assert await waiting.given_up() == ["the channel's digest is turned off"]


@pytest.mark.parametrize("how", ["unsubscribed", "removed", "outlet muted", "words muted"])
async def test_a_story_that_is_not_wanted_any_more_is_left_out_of_a_digest(
    waiting: BotHarness, how: str
) -> None:
    match how:
        case "unsubscribed":
            await unsubscribe(waiting.context, "AI", CHANNEL)
        case "removed":
            await waiting.take_in(replace(FIRST, removed=True))
        case "outlet muted":
            await mutes.mute(waiting.context, GUILD, None, "one.example")
        case _:
            await mutes.mute(waiting.context, GUILD, CHANNEL, ONE)
    (text,) = await sent(waiting)
    assert ONE not in text
    assert TWO in text
    assert "1 story" in text


async def test_a_digest_of_which_nothing_is_left_is_not_sent(waiting: BotHarness) -> None:
    await waiting.take_in(replace(FIRST, removed=True), replace(SECOND, removed=True))
    assert await sent(waiting) == []
    assert await waiting.given_up() == ["every story of the digest was removed or muted"]


async def test_a_story_that_was_merged_meanwhile_stays_in_a_digest(desk: BotHarness) -> None:
    await desk.follow(mode=Mode.DIGEST)
    one, two, both = two_events_and_their_report("AI")
    await desk.take_in(one, two)
    desk.clock.forward(hours=1)
    desk.mailbox.answers[CHANNEL] = BUSY
    await desk.digest()
    desk.mailbox.answers.clear()
    await desk.take_in(both)
    desk.clock.forward(minutes=5)
    await desk.deliver()
    assert one.title in desk.mailbox.sent[-1].text
    assert two.title in desk.mailbox.sent[-1].text


async def test_a_digest_that_waited_for_more_than_a_day_is_told_by_the_next_one(waiting: BotHarness) -> None:
    assert await sent(waiting, days=3) == []
    assert await waiting.given_up() == ["the digest waited for more than a day"]
    await waiting.take_in(ai(THREE, "three.example", hours=73))
    await waiting.digest()
    (asked,) = waiting.mailbox.sent
    assert all(title in asked.text for title in (ONE, TWO, THREE))
    assert "since" not in asked.text


async def test_a_digest_that_waits_makes_room_for_the_next_one(waiting: BotHarness) -> None:
    """Two at once would say twice that they are today's."""
    await waiting.pause()
    waiting.clock.forward(days=2)
    await waiting.take_in(ai(THREE, "three.example", hours=49))
    await waiting.resume()
    await waiting.digest()  # the one that waits may stand in the channel, which is looked at first
    assert not waiting.mailbox.sent
    waiting.clock.forward(minutes=2)
    await waiting.digest()
    (asked,) = waiting.mailbox.sent
    assert all(title in asked.text for title in (ONE, TWO, THREE))


async def test_a_digest_after_half_a_year_of_silence_does_not_bring_half_a_year(waiting: BotHarness) -> None:
    await waiting.pause()
    waiting.clock.forward(days=180)
    await waiting.take_in(ai(THREE, "three.example", hours=24 * 180))
    await waiting.resume()
    await waiting.digest()  # the one that waits may stand in the channel, which is looked at first
    waiting.clock.forward(minutes=2)
    await waiting.digest()
    (asked,) = waiting.mailbox.sent
    assert THREE in asked.text
    assert ONE not in asked.text
    assert TWO not in asked.text


async def test_a_digest_on_demand_is_wanted_whatever_is_switched_off(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(ai(ONE))
    await use.set_schedule(desk.context, GUILD, CHANNEL, desk.context.digest_default)
    await use.switch_off(desk.context, CHANNEL)
    desk.clock.forward(minutes=5)
    assert await use.send_now(desk.context, GUILD, CHANNEL, digest_payload) == 1
    await desk.deliver()
    assert ONE in desk.mailbox.sent[-1].text


async def test_a_digest_that_an_earlier_version_stored_goes_out(waiting: BotHarness) -> None:
    async with waiting.db.write() as connection:
        (claim,) = await outbox.claim(connection, waiting.clock() + timedelta(minutes=1), 5)
        (number, *_) = (claim.payload or {})["stories"]
        embed = {"title": "AI", "description": f"`#{number}` {ONE}", "fields": []}
        old = {"content": "**Daily digest** · 1 story", "embeds": [embed], "stories": [[number]]}
        old |= {"buttons": [], "roles": [], "name": "Digest", "tags": []}
        row = outbox.new_row(outbox.DIGEST, "old", GUILD, CHANNEL, waiting.clock(), payload=old)
        await outbox.enqueue(connection, row)
    texts = await sent(waiting)
    assert all(ONE in text for text in texts)
    assert len(texts) == 2


# Notices.


@pytest.fixture
async def failing(desk: BotHarness) -> tuple[BotHarness, int]:
    """A channel that follows AI waits to be told that the only feed on it is gone."""
    await desk.follow()
    feed = NewFeed("https://paper.example/feed", FeedOrigin.SERVER, topics=("AI",), guild_id=GUILD)
    async with desk.db.write() as connection:
        source_id = await feeds.add(connection, feed, timedelta(hours=1), desk.clock())
        other = NewFeed("https://other.example/feed", FeedOrigin.SERVER, topics=("Space",), guild_id=GUILD)
        fine = await feeds.add(connection, other, timedelta(hours=1), desk.clock())
        gone = SettledPoll(source_id, Polling(timedelta(hours=1), None, 1, desk.clock()), error="it is gone")
        well = SettledPoll(fine, Polling(timedelta(hours=1), desk.clock() + timedelta(hours=1)))
        await feeds.settle(connection, [gone, well], desk.clock())
        told = await notices.warn(
            connection, TopicCache(), [(await feeds.get(connection, source_id), gone)], desk.clock()
        )
    assert told == [source_id]
    return desk, source_id


async def test_a_notice_goes_out_where_it_is_true(failing: tuple[BotHarness, int]) -> None:
    desk, _ = failing
    assert len(await sent(desk)) == 1
    assert desk.mailbox.sent[0].message.name.startswith("A feed stopped working: ")
    assert desk.mailbox.sent[0].message.tags == ("AI",)


async def test_a_notice_of_a_feed_that_works_again_is_not_sent(failing: tuple[BotHarness, int]) -> None:
    desk, source_id = failing
    async with desk.db.write() as connection:
        well = SettledPoll(source_id, Polling(timedelta(hours=1), desk.clock() + timedelta(hours=1)))
        await feeds.settle(connection, [well], desk.clock())
    assert await sent(desk) == []
    assert await desk.given_up() == ["the feed works again"]


async def test_a_notice_of_a_feed_that_was_removed_is_not_sent(failing: tuple[BotHarness, int]) -> None:
    desk, source_id = failing
    async with desk.db.write() as connection:
        await feeds.remove(connection, [source_id])
    assert await sent(desk) == []
    assert await desk.given_up() == ["the feed was removed"]


async def test_a_notice_to_a_channel_that_does_not_follow_the_topic_any_more_is_not_sent(
    failing: tuple[BotHarness, int],
) -> None:
    desk, _ = failing
    await unsubscribe(desk.context, "AI", CHANNEL)
    await desk.follow("Space")
    assert await sent(desk) == []
    assert await desk.given_up() == ["the channel no longer depends on the feed"]


async def test_a_notice_that_waited_for_more_than_a_day_is_not_sent(failing: tuple[BotHarness, int]) -> None:
    desk, _ = failing
    assert await sent(desk, days=1, seconds=1) == []


# Publishing.


@pytest.mark.parametrize("how", ["removed", "unsubscribed", "not published any more", "muted", "too old"])
async def test_what_is_not_wanted_any_more_is_not_published(desk: BotHarness, how: str) -> None:
    desk.mailbox.announcing = {CHANNEL}
    await desk.follow(publish=True)

    async def full(target: Target) -> Outcome:
        return Outcome(SendStatus.REFUSED, 429, retry_after=3000.0)

    publish = desk.mailbox.publish
    desk.mailbox.publish = full  # type: ignore[method-assign] # the hour is used up
    await desk.report(story := ai(ONE))
    desk.mailbox.publish = publish  # type: ignore[method-assign]
    match how:
        case "removed":
            await desk.take_in(replace(story, removed=True))
        case "unsubscribed":
            await unsubscribe(desk.context, "AI", CHANNEL)
        case "not published any more":
            await desk.follow()
        case "muted":
            await mutes.mute(desk.context, GUILD, None, "alpha.example")
        case _:
            desk.clock.forward(days=8)
    desk.clock.forward(hours=2)
    await desk.deliver()
    assert desk.mailbox.published == []
