"""Replies that announce a grown story: once, within the limits of the channel, and true for as long as they stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest
import sqlalchemy as sa

from bot.domain.model import Mode, Record, StorySize, Volume
from bot.domain.posting.quiet import QuietHours
from bot.domain.retry import UNKNOWN_MESSAGE, Outcome, SendStatus
from bot.services import curate, mutes, pace
from bot.services.curate import Editor
from bot.services.subscribe import Reset, SubscribeRequest, subscribe, unsubscribe
from bot.store import outbox, schema
from bot.workers import cleanup
from tests.make import record
from tests.store.store_helpers import CHANNEL, GUILD
from tests.workers.desk import BotHarness, SentRequest

TITLE = "Lighthouse at Cape Mallory relit after storm"
ROLE = 77


async def follow(desk: BotHarness, size: StorySize = StorySize.MAJOR, *, announces: bool = False) -> None:
    """The channel follows AI, with a ping from that size on."""
    request = SubscribeRequest(GUILD, CHANNEL, "AI", Mode.LIVE, Volume.EVERYTHING, ROLE)
    await subscribe(desk.context, replace(request, ping_from=size, announces_major=announces))


def reports(first: int, last: int) -> list[Record]:
    """Reports of one event by the outlets with these numbers."""
    return [record(TITLE, f"o{n}.example", topics=["AI"]) for n in range(first, last)]


def replies(desk: BotHarness) -> list[SentRequest]:
    """What was sent as a reply."""
    return [request for request in desk.mailbox.sent if request.target.reply_to is not None]


async def grow(desk: BotHarness) -> None:
    """A story that was posted small turns major."""
    await desk.report(*reports(0, 1))
    desk.clock.forward(minutes=5)
    await desk.take_in(*reports(1, 7))


async def test_a_story_that_turns_major_is_announced_once_with_the_ping(desk: BotHarness) -> None:
    await follow(desk)
    await grow(desk)
    await desk.deliver()
    post, reply = desk.mailbox.sent
    assert (post.message.roles, reply.message.roles) == ((), (ROLE,))
    assert reply.target.reply_to == 1000
    assert TITLE in reply.text
    assert "This story is now major. 7 outlets report it." in reply.text
    for hour in range(4):
        desk.clock.forward(hours=1)
        await desk.report(*reports(7 + hour, 8 + hour))
    assert len(desk.mailbox.sent) == 2
    texts = [edit.text for edit in desk.mailbox.edited if edit.target.message_id == 1001]
    assert "11 outlets report it." in texts[-1], "the reply goes with the story"


async def test_it_is_never_announced_again_however_often_the_bot_cleans_up(desk: BotHarness) -> None:
    await follow(desk)
    await grow(desk)
    await desk.deliver()
    for days in (1, 59):
        desk.clock.forward(days=days)
        await cleanup.step(desk.context)
        assert await desk.count(schema.outbox) == 2


@pytest.mark.both_stores
async def test_a_reply_in_doubt_is_looked_for_by_what_it_replies_to(desk: BotHarness) -> None:
    await follow(desk)
    await grow(desk)
    desk.mailbox.answers[CHANNEL] = Outcome(SendStatus.UNREACHABLE)
    await desk.deliver()
    desk.mailbox.answers.clear()
    sent = len(desk.mailbox.sent)
    desk.mailbox.standing[CHANNEL] = Outcome(SendStatus.EXISTS, message_id=1055, roles=(ROLE,))
    for _ in range(3):
        desk.clock.forward(minutes=10)
        await desk.deliver()
    assert [mark.reply_to for mark in desk.mailbox.looked] == [1000]
    assert len(desk.mailbox.sent) == sent
    assert [asked.target.message_id for asked in desk.mailbox.edited][-1] == 1055


@pytest.mark.both_stores
async def test_a_process_that_dies_before_it_sends_leaves_the_reply_to_the_next(desk: BotHarness) -> None:
    await follow(desk)
    await grow(desk)
    async with desk.db.write() as connection:
        claimed = await outbox.claim(connection, desk.clock(), 50)
    assert {claim.kind for claim in claimed} == {"story", "escalation"}
    desk.clock.forward(minutes=3)
    await desk.deliver()
    desk.clock.forward(minutes=3)
    await desk.deliver()
    [reply] = replies(desk)
    assert reply.message.roles == (ROLE,)


async def test_a_reply_takes_its_place_in_the_hourly_limit(desk: BotHarness) -> None:
    await follow(desk)
    await pace.limit(desk.context, GUILD, CHANNEL, 1)
    await grow(desk)
    await desk.deliver()
    assert len(desk.mailbox.sent) == 1, "the post took the place of this hour"
    desk.clock.forward(hours=1)
    await desk.take_in(record("Kestrel census begins in the north", "z.example", topics=["AI"], quality=10))
    await desk.deliver()
    assert [request.title for request in desk.mailbox.sent][2:] == ["More stories"]
    assert len(replies(desk)) == 1


async def test_a_reply_waits_until_the_quiet_hours_end(desk: BotHarness) -> None:
    await follow(desk)
    await desk.report(*reports(0, 1))
    desk.clock.forward(minutes=5)
    await pace.set_quiet(desk.context, GUILD, CHANNEL, QuietHours(time(12), time(14), "UTC"))
    await desk.report(*reports(1, 7))
    assert replies(desk) == []
    desk.clock.forward(hours=2)
    await desk.deliver()
    assert len(replies(desk)) == 1
    assert "More stories" not in desk.mailbox.titles


@pytest.mark.parametrize("change", ["unsubscribed", "role taken back", "size", "removed", "muted"])
async def test_a_reply_that_nothing_asks_for_any_more_is_not_sent(desk: BotHarness, change: str) -> None:
    await follow(desk)
    first = reports(0, 1)
    await desk.report(*first)
    desk.clock.forward(minutes=5)
    later = reports(1, 7)
    await desk.take_in(*later)
    request = SubscribeRequest(GUILD, CHANNEL, "AI")
    match change:
        case "unsubscribed":
            await unsubscribe(desk.context, "AI", CHANNEL, GUILD)
        case "role taken back":
            await subscribe(desk.context, replace(request, reset=Reset.MENTION))
        case "size":
            await subscribe(desk.context, replace(request, ping_from=StorySize.ANY))
        case "removed":
            await desk.take_in(*(replace(report, removed=True) for report in [*first, *later]))
        case "muted":
            await mutes.mute(desk.context, GUILD, CHANNEL, "lighthouse")
    await desk.deliver()
    assert replies(desk) == []


async def test_a_withdrawn_story_leaves_nothing_in_the_reply(desk: BotHarness) -> None:
    await follow(desk)
    first, later = reports(0, 1), reports(1, 7)
    await desk.report(*first)
    desk.clock.forward(minutes=5)
    await desk.report(*later)
    desk.clock.forward(minutes=5)
    await desk.take_in(*(replace(report, removed=True) for report in [*first, *later]))
    desk.clock.forward(minutes=5)
    await desk.deliver()
    last = {asked.target.message_id: asked.text for asked in desk.mailbox.edited}
    assert len(last) == 2
    assert all("Story withdrawn" in text and TITLE not in text for text in last.values())


async def test_a_reply_is_withdrawn_with_the_story_whose_post_was_deleted(desk: BotHarness) -> None:
    await follow(desk)
    first, later = reports(0, 1), reports(1, 7)
    await desk.report(*first)
    desk.clock.forward(minutes=5)
    await desk.report(*later)
    o = schema.outbox
    async with desk.db.write() as connection:
        await connection.execute(sa.update(o).where(o.c.kind == "story").values(closed=True, due_at=None))
    desk.clock.forward(days=30)
    await desk.take_in(*(replace(report, removed=True) for report in [*first, *later]))
    desk.clock.forward(minutes=5)
    await desk.deliver()
    assert desk.mailbox.edited[-1].target.message_id == 1001
    assert "Story withdrawn" in desk.mailbox.edited[-1].text


async def test_a_reply_to_a_deleted_post_comes_to_nothing(desk: BotHarness) -> None:
    await follow(desk)
    await grow(desk)
    desk.mailbox.answers[CHANNEL] = Outcome(SendStatus.REFUSED, 400, UNKNOWN_MESSAGE)
    for _ in range(5):
        await desk.deliver()
        desk.clock.forward(minutes=20)
    desk.mailbox.answers.clear()
    await desk.report(*reports(7, 9))
    assert len(replies(desk)) <= 1
    assert await desk.queue() == 0


@pytest.mark.parametrize("later", [0, 4], ids=["at once", "with more reports"])
async def test_a_story_is_not_announced_again_after_one_that_was_is_merged_into_it(
    desk: BotHarness, later: int
) -> None:
    await follow(desk, announces=True)
    await desk.report(record("Ferry timetable for Kestrel Sound published", "w.example", topics=["AI"]))
    await grow(desk)
    await desk.deliver()
    assert len(replies(desk)) == 1
    desk.clock.forward(minutes=5)
    kept, gone, *_ = await curate.merge(desk.context, Editor(GUILD, 9), 3, "4")
    assert (kept, gone) == (3, 4)
    for first in range(7, 7 + later):
        desk.clock.forward(minutes=5)
        await desk.report(*reports(first, first + 1))
    desk.clock.forward(minutes=5)
    await desk.deliver()
    assert len(replies(desk)) == 1
    texts = {edit.target.message_id: edit.text for edit in desk.mailbox.edited}
    assert "continues in #3" in texts[1001], "the post"
    assert "continues in #3" in texts[1002], "the reply to it"
    assert TITLE not in texts[1002]
