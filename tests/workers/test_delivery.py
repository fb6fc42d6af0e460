"""From the outbox to Discord: what is sent, when, and what becomes of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.chat.port import Target
from bot.domain.model import Mode, Record, Volume
from bot.domain.posting.decisions import PostingSettings
from bot.domain.retry import MISSING_PERMISSIONS, UNKNOWN_MESSAGE, Outcome, SendStatus
from bot.messages import why
from bot.messages.message import Message
from bot.services import mutes
from bot.services.context import Context
from bot.services.related import related
from bot.services.subscribe import post_now, unsubscribe
from bot.store import outbox, schema
from bot.workers.delivery import Delivery
from bot.workers.ingest import Ingest
from tests.databases import opened_as
from tests.make import Clock, at, record
from tests.shown import shown
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
from tests.workers.desk import BotHarness, InterruptibleDatabase, RecordingSender, SentRequest, reports

FORBIDDEN = Outcome(SendStatus.REFUSED, 403, MISSING_PERMISSIONS)
ROLE, OTHER_ROLE = (1 << 60) + 100, (1 << 60) + 101


def ai(title: str, outlet: str = "alpha.example", **more: Any) -> Record:
    """A record on AI."""
    return record(title, outlet, topics=["AI"], **more)


async def next_due(desk: BotHarness) -> datetime | None:
    return await desk.deliverer.next_due()


async def notes(desk: BotHarness, story: int) -> str:
    """What `/related` says became of a story in the channel."""
    found = await related(desk.context, str(story), GUILD, CHANNEL)
    return " ".join(why.notes(found.view.number, found.asked, found.fate))


# A post and its life.


async def test_a_story_is_sent_to_every_channel_that_asks_for_it_once(desk: BotHarness) -> None:
    await desk.follow()
    await desk.follow(channel=OTHER)
    await desk.follow("Space", OTHER)
    await desk.report(record(ONE, topics=["AI", "Space"]))
    assert desk.mailbox.titles == [ONE, ONE]
    assert {asked.target.channel_id for asked in desk.mailbox.sent} == {CHANNEL, OTHER}
    assert {asked.target.guild_id for asked in desk.mailbox.sent} == {GUILD}
    assert len({asked.nonce for asked in desk.mailbox.sent}) == 2
    assert await desk.deliver() == 0
    assert await next_due(desk) is None


async def test_the_biggest_stories_go_first(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(ai(ONE, quality=50), ai(TWO, quality=90), ai(THREE, quality=70))
    assert desk.mailbox.titles == [TWO, THREE, ONE]


async def test_what_joined_before_it_went_out_is_in_it(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE, "a.example", quality=60))
    await desk.take_in(ai(f"{ONE} again", "b.example", quality=90))
    await desk.deliver()
    (asked,) = desk.mailbox.sent
    assert asked.title == f"{ONE} again"
    assert "2 outlets" in asked.text
    assert desk.mailbox.edited == []


async def test_edits_of_a_minute_become_one_with_all_in_it(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(*reports(ONE, 1))
    for number in (1, 2, 3):
        desk.clock.forward(seconds=10)
        await desk.report(*reports(ONE, 1, first=number))
    assert desk.mailbox.edited == []
    assert await next_due(desk) == at() + desk.context.rules.edit_interval
    desk.clock.forward(seconds=30)
    await desk.deliver()
    (edit,) = desk.mailbox.edited
    assert "4 outlets" in edit.text
    assert edit.target.message_id is not None
    desk.clock.forward(seconds=1)
    await desk.report(*reports(ONE, 1, first=4))
    assert len(desk.mailbox.edited) == 1
    desk.clock.forward(seconds=59)
    await desk.deliver()
    assert [" · 4 outlets" in edit.text for edit in desk.mailbox.edited] == [True, False]


async def test_a_change_that_is_not_shown_is_not_sent(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(one := ai(ONE, quality=80))
    desk.clock.forward(minutes=5)
    await desk.report(replace(one, quality=81))
    assert await desk.deliver() == 0
    assert desk.mailbox.edited == []


async def test_after_its_window_a_post_is_left_as_it_is(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(ai(ONE, "a.example"))
    desk.clock.forward(hours=49)
    await desk.report(ai(ONE, "b.example", hours=48))
    assert desk.mailbox.edited == []


async def test_a_withdrawn_story_says_so_at_any_age(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(one := ai(ONE))
    desk.clock.forward(days=300)
    await desk.report(replace(one, removed=True))
    (edit,) = desk.mailbox.edited
    assert edit.title == "Story withdrawn"
    assert ONE not in edit.text
    desk.clock.forward(minutes=5)
    await desk.report(one)
    assert [edit.title for edit in desk.mailbox.edited] == ["Story withdrawn", ONE]  # it came back


async def test_what_its_outlet_removed_is_shown_no_longer_at_any_age(desk: BotHarness) -> None:
    await desk.follow()
    lead, other = ai(ONE, "a.example", quality=90), ai(f"{ONE} again", "b.example")
    await desk.report(lead, other)
    desk.clock.forward(days=300)
    await desk.report(replace(lead, removed=True))
    (edit,) = desk.mailbox.edited
    assert edit.title == other.title
    assert "1 outlet" in edit.text


async def test_a_role_is_pinged_by_the_post_and_never_by_an_edit(desk: BotHarness) -> None:
    await desk.follow(role=ROLE)
    await desk.follow("Space", volume=Volume.MAJOR, role=OTHER_ROLE)
    await desk.report(record(ONE, "a.example", topics=["AI", "Space"], quality=80))
    desk.clock.forward(minutes=5)
    await desk.report(*(record(ONE, f"o{n}.example", topics=["AI"]) for n in range(5)))
    (post,), (edit,) = desk.mailbox.sent, desk.mailbox.edited
    for asked in (post, edit):
        assert asked.message.roles == (ROLE,)
        assert asked.shown.lines[0] == f"<@&{ROLE}>"


async def test_a_story_that_reaches_the_bar_of_another_subscription_does_not_ping_again(
    desk: BotHarness,
) -> None:
    await desk.follow(role=ROLE)
    await desk.report(ai(ONE, "a.example", quality=80))
    await desk.follow(role=OTHER_ROLE)
    desk.clock.forward(minutes=5)
    await desk.report(ai(ONE, "b.example", quality=90))
    assert [edit.message.roles for edit in desk.mailbox.edited] == [(ROLE,)]


# What is not wanted any more when its turn comes.


async def test_what_was_unsubscribed_meanwhile_is_not_sent(desk: BotHarness) -> None:
    await desk.follow()
    await desk.follow("Space")
    await desk.take_in(ai(ONE), record(TWO, topics=["Space"]))
    await unsubscribe(desk.context, "AI", CHANNEL)
    await desk.deliver()
    assert desk.mailbox.titles == [TWO]
    assert await desk.given_up() == ["the channel's subscriptions no longer cover the story"]
    assert "the channel's subscriptions no longer cover the story" in await notes(desk, 3)


async def test_a_channel_that_wants_a_digest_instead_gets_no_post(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE))
    await desk.follow(mode=Mode.DIGEST)
    await desk.deliver()
    assert desk.mailbox.sent == []


async def test_what_was_muted_meanwhile_is_not_sent_and_what_stands_is_left(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(ai(ONE, "a.example"))
    await desk.take_in(ai(TWO, "a.example"), ai(THREE, "b.example"))
    await mutes.mute(desk.context, GUILD, CHANNEL, "a.example")
    desk.clock.forward(minutes=5)
    await desk.report(ai(ONE, "a.example", hours=1))
    assert desk.mailbox.titles == [ONE, THREE]
    assert desk.mailbox.edited == []
    assert await desk.given_up() == ["the story is muted here"]


async def test_muted_members_are_left_out(desk: BotHarness) -> None:
    await desk.follow()
    await mutes.mute(desk.context, GUILD, OTHER, "b.example")  # of another channel
    await mutes.mute(desk.context, GUILD, None, "c.example")
    await desk.report(ai(ONE, "a.example"), ai(f"{ONE} again", "b.example"), ai(ONE, "c.example", quality=99))
    (asked,) = desk.mailbox.sent
    assert "2 outlets" in asked.text
    assert asked.shown.small[1] == "A (a.example) · B (b.example)"


async def test_what_waited_longer_than_news_lasts_is_dropped(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE))
    await desk.pause()
    desk.clock.forward(days=6)
    await desk.take_in(ai(TWO, hours=6 * 24))
    desk.clock.forward(days=1, seconds=1)
    await desk.resume()
    await desk.deliver()
    assert desk.mailbox.titles == [TWO]
    assert await desk.given_up() == ["the message waited longer than posts.max_age allows"]


async def test_what_was_removed_before_it_went_out_is_not_sent(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(one := ai(ONE))
    await desk.take_in(replace(one, removed=True))
    await desk.deliver()
    assert desk.mailbox.sent == []
    assert await desk.given_up() == ["the story was removed"]


async def test_a_story_posted_on_demand_goes_out_whatever_its_bar(desk: BotHarness) -> None:
    await desk.follow(volume=Volume.MAJOR)
    await desk.take_in(ai(ONE))
    assert await post_now(desk.context, 3, GUILD, CHANNEL)
    assert not await post_now(desk.context, 3, GUILD, CHANNEL)
    await desk.deliver()
    assert desk.mailbox.titles == [ONE]


async def test_a_story_that_was_dropped_before_it_went_out_can_be_posted_on_demand(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE))
    await unsubscribe(desk.context, "AI", CHANNEL)
    await desk.deliver()
    await desk.follow()
    desk.clock.forward(days=20)
    assert await post_now(desk.context, 3, GUILD, CHANNEL)
    assert not await post_now(desk.context, 3, GUILD, CHANNEL)
    await desk.deliver()
    assert desk.mailbox.titles == [ONE]
    assert not await post_now(desk.context, 3, GUILD, CHANNEL)


async def test_a_post_that_a_moderator_deleted_is_not_posted_again(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(*reports(ONE, 1))
    desk.mailbox.answers[CHANNEL] = Outcome(SendStatus.REFUSED, 404, UNKNOWN_MESSAGE)
    desk.clock.forward(minutes=5)
    await desk.report(*reports(ONE, 1, first=1))
    assert not await post_now(desk.context, 3, GUILD, CHANNEL)


# Merged stories.


async def test_two_posts_of_one_story_become_a_post_and_a_pointer(desk: BotHarness) -> None:
    await desk.follow()
    one, two, both = two_events_and_their_report("AI")
    await desk.report(one, two)
    first, second = sorted(desk.mailbox.sent, key=lambda asked: asked.title, reverse=True)
    assert (first.title, second.title) == (one.title, two.title)
    desk.clock.forward(minutes=5)
    await desk.report(both)
    pointer = next(edit for edit in desk.mailbox.edited if "continues" in edit.title)
    other = next(edit for edit in desk.mailbox.edited if "continues" not in edit.title)
    assert pointer.title == "This story continues in #3"
    assert pointer.shown.url == (f"https://discord.com/channels/{GUILD}/{CHANNEL}/{other.target.message_id}")
    assert "3 outlets" in other.text
    desk.clock.forward(minutes=5)
    await desk.report(ai(both.title, "d.example", hours=1))
    assert len([edit for edit in desk.mailbox.edited if "continues" in edit.title]) == 1


async def test_the_one_post_of_a_merged_story_shows_the_one_that_goes_on(desk: BotHarness) -> None:
    await desk.follow(volume=Volume.NOTABLE)
    one, two, both = two_events_and_their_report("AI")
    await desk.report(replace(one, quality=10), two)
    assert desk.mailbox.titles == [two.title]
    desk.clock.forward(minutes=5)
    await desk.report(both)
    (edit,) = desk.mailbox.edited
    assert "#3" in edit.text
    assert "3 outlets" in edit.text
    desk.clock.forward(minutes=5)
    await desk.report(ai(both.title, "d.example", quality=95, hours=1))
    assert len(desk.mailbox.sent) == 1
    assert "4 outlets" in desk.mailbox.edited[-1].text


async def test_stories_that_are_one_before_they_went_out_are_one_post(desk: BotHarness) -> None:
    await desk.follow()
    one, two, both = two_events_and_their_report("AI")
    await desk.take_in(one, two)
    await desk.take_in(both)
    await desk.deliver()
    (asked,) = desk.mailbox.sent
    assert "3 outlets" in asked.text
    assert await desk.given_up() == ["merged into story #3"]


async def test_a_story_that_is_merged_while_it_goes_out_is_not_lost(desk: BotHarness) -> None:
    """Its row was claimed as another story's, which is none any more, and shows the one that goes on."""
    await desk.follow(volume=Volume.NOTABLE)
    one, two, both = two_events_and_their_report("AI")
    await desk.take_in(replace(one, quality=10), two)
    desk.db.before_next_read(lambda: desk.take_in(both))
    await desk.deliver()
    (asked,) = desk.mailbox.sent
    assert "#3" in asked.text
    assert "3 outlets" in asked.text
    assert await desk.given_up() == []


async def test_a_story_that_grows_while_it_goes_out_is_edited(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(*reports(ONE, 1))
    grow = desk.take_in

    class Slow(RecordingSender):
        async def send(self, target: object, message: Message, nonce: str) -> Outcome:
            await grow(*reports(ONE, 1, first=1))
            return await super().send(target, message, nonce)  # type: ignore[arg-type] # as it came

    desk.deliverer = Delivery(desk.context, slow := Slow())
    await desk.deliver()
    assert ("1 outlet" in slow.sent[0].text, slow.edited) == (True, [])
    desk.clock.forward(minutes=1)
    await desk.deliver()
    assert ["2 outlets" in edit.text for edit in slow.edited] == [True]


# Trouble.


async def test_a_refused_permission_pauses_the_channel_and_stops_its_other_messages(desk: BotHarness) -> None:
    await desk.follow()
    await desk.follow("Space", OTHER)
    await desk.take_in(ai(ONE, quality=90), ai(TWO, quality=80), ai(THREE), record(FOUR, topics=["Space"]))
    desk.mailbox.answers[CHANNEL] = FORBIDDEN
    await desk.deliver()
    assert [asked.title for asked in desk.mailbox.sent if asked.target.channel_id == CHANNEL] == [ONE]
    assert FOUR in desk.mailbox.titles
    assert await desk.queue() == 3
    assert await desk.deliver() == 0
    assert await next_due(desk) is None
    desk.mailbox.answers.clear()
    desk.clock.forward(hours=5)
    assert await desk.deliver() == 0
    await desk.resume()
    await desk.deliver()
    assert desk.mailbox.titles[2:] == [ONE, TWO, THREE]
    assert len({asked.nonce for asked in desk.mailbox.sent if asked.title == ONE}) == 1


async def test_an_edit_that_is_refused_pauses_too_and_is_made_later(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(*reports(ONE, 1))
    desk.mailbox.answers[CHANNEL] = Outcome(SendStatus.ABSENT)
    desk.clock.forward(minutes=5)
    await desk.report(*reports(ONE, 1, first=1))
    desk.mailbox.answers.clear()
    await desk.resume()
    await desk.deliver()
    assert len(desk.mailbox.edited) == 2


async def test_a_try_that_failed_is_made_again_with_the_same_nonce_as_late_as_was_asked(
    desk: BotHarness,
) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE))
    for outcome, wait in (
        (Outcome(SendStatus.UNREACHABLE, detail="no network"), 5),
        (Outcome(SendStatus.REFUSED, 503), 10),
        (Outcome(SendStatus.REFUSED, 429, retry_after=77.0), 77),
    ):
        desk.mailbox.answers[CHANNEL] = outcome
        await desk.deliver()
        assert await next_due(desk) == desk.clock() + timedelta(seconds=wait)
        desk.clock.forward(seconds=wait - 1)
        assert await desk.deliver() == 0
        desk.clock.forward(seconds=1)
    assert await notes(desk, 3) == "Waiting to be posted here: HTTP 429."
    desk.mailbox.answers.clear()
    await desk.deliver()
    assert len(desk.mailbox.sent) == 4
    assert len({asked.nonce for asked in desk.mailbox.sent}) == 1
    # One of the tries may have arrived, so Discord may show what it said then: an edit follows.
    desk.clock.forward(minutes=1)
    await desk.deliver()
    assert len(desk.mailbox.edited) == 1
    assert await next_due(desk) is None


async def test_a_message_that_was_deleted_is_never_touched_again(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(*reports(ONE, 1))
    desk.mailbox.answers[CHANNEL] = Outcome(SendStatus.REFUSED, 404, UNKNOWN_MESSAGE)
    for number in (1, 2):
        desk.clock.forward(minutes=5)
        await desk.report(*reports(ONE, 1, first=number))
    assert (len(desk.mailbox.sent), len(desk.mailbox.edited)) == (1, 1)


async def test_a_bug_in_a_sender_holds_up_no_other_message(
    desk: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    class Buggy(RecordingSender):
        async def send(self, target: object, message: Message, nonce: str) -> Outcome:
            if shown(message).title == ONE:
                raise ZeroDivisionError("a bug")
            return await super().send(target, message, nonce)  # type: ignore[arg-type] # as it came

    await desk.follow()
    await desk.take_in(ai(ONE, quality=90), ai(TWO))
    desk.deliverer = Delivery(desk.context, buggy := Buggy())
    await desk.deliver()
    assert buggy.titles == [TWO]
    assert "ZeroDivisionError" in caplog.text
    assert await desk.queue() == 1


async def test_what_went_wrong_is_logged(desk: BotHarness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "bot.workers.delivery")
    await desk.follow()
    await desk.take_in(ai(ONE))
    desk.mailbox.answers[CHANNEL] = FORBIDDEN
    await desk.deliver()
    assert f"channel {CHANNEL} is paused: the bot cannot post there" in caplog.text


async def test_a_worker_that_is_stopped_in_the_middle_is_replaced_after_its_lease(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE))
    reached = asyncio.Event()

    class Stuck(RecordingSender):
        async def send(self, target: object, message: Message, nonce: str) -> Outcome:
            self.sent.append(SentRequest(target, message, nonce))  # type: ignore[arg-type] # as it came
            reached.set()
            await asyncio.Event().wait()
            raise AssertionError

    stuck = Stuck()
    working = asyncio.ensure_future(Delivery(desk.context, stuck).step())
    await reached.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await desk.deliver() == 0
    assert await next_due(desk) == desk.clock() + outbox.LEASE
    desk.clock.forward(seconds=outbox.LEASE.total_seconds())
    await desk.deliver()
    assert [asked.nonce for asked in desk.mailbox.sent] == [asked.nonce for asked in stuck.sent]


# Several at once.


class Crowded(RecordingSender):
    """Answers nothing until so many messages are on their way at once."""

    def __init__(self, crowd: int) -> None:
        super().__init__()
        self._missing = crowd
        self._complete = asyncio.Event()

    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        self._missing -= 1
        if not self._missing:
            self._complete.set()
        await self._complete.wait()
        return await super().send(target, message, nonce)


async def test_channels_are_served_side_by_side_and_each_in_order(desk: BotHarness) -> None:
    channels = [CHANNEL + n for n in range(6)]
    for channel in channels:
        await desk.follow(channel=channel)
    titles = list(headlines(4))
    await desk.take_in(*(ai(title, quality=90 - n) for n, title in enumerate(titles)))
    desk.mailbox = Crowded(4)
    desk.deliverer = Delivery(desk.context, desk.mailbox, concurrency=4)
    await desk.deliver()
    for channel in channels:
        assert [a.title for a in desk.mailbox.sent if a.target.channel_id == channel] == titles
        assert desk.mailbox.busiest[channel] == 1
    assert desk.mailbox.busiest[0] <= 4


async def test_more_than_a_batch_goes_out(desk: BotHarness) -> None:
    await desk.follow_in(*(CHANNEL + n for n in range(12)))
    await desk.take_in(*(ai(title) for title in headlines(5)))
    assert await desk.deliverer.step() == 50
    assert await desk.deliver() == 10
    assert sorted(desk.mailbox.titles) == sorted(12 * [*headlines(5)])


async def test_a_channel_in_which_much_waits_holds_up_no_other(desk: BotHarness) -> None:
    await desk.follow()
    await desk.follow("Space", OTHER)
    await desk.take_in(*(ai(title, quality=90) for title in headlines(60)))
    await desk.take_in(record("Satellite lost", topics=["Space"]))
    assert await desk.deliverer.step() == 6
    assert {asked.target.channel_id for asked in desk.mailbox.sent} == {CHANNEL, OTHER}


async def test_no_message_is_begun_with_little_of_its_lease_left(
    desk: BotHarness, store_url: str, clock: Clock
) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE, quality=90), ai(TWO, quality=80), ai(THREE))

    class Slow(RecordingSender):
        async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
            clock.forward(seconds=40)
            return await super().send(target, message, nonce)

    desk.deliverer = Delivery(desk.context, slow := Slow())
    assert await desk.deliverer.step() == 3
    assert slow.titles == [ONE, TWO], "the third could have outlived its lease"
    async with opened_as(store_url, InterruptibleDatabase) as other:
        rival = BotHarness(other, clock)
        assert await rival.deliver() == 1  # it was given back at once, untried
    assert rival.mailbox.titles == [THREE]


async def test_a_stop_gives_back_what_was_not_begun_with(desk: BotHarness) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE, quality=90), ai(TWO, quality=80), ai(THREE))
    stopping = asyncio.Event()

    class Stopped(RecordingSender):
        async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
            stopping.set()
            return await super().send(target, message, nonce)

    stopped = Stopped()
    desk.deliverer = Delivery(desk.context, stopped, stopping=stopping.is_set)
    assert await desk.deliver() == 3
    assert stopped.titles == [ONE], "what is on its way is finished and settled"
    assert await desk.deliver() == 0
    assert await next_due(desk) == desk.clock()
    desk.deliverer = Delivery(desk.context, desk.mailbox)
    assert await desk.deliver() == 2
    assert desk.mailbox.titles == [TWO, THREE]


@pytest.mark.parametrize(
    ("outcome", "wait"),
    [(Outcome(SendStatus.REFUSED, 429, retry_after=77.0), 77), (Outcome(SendStatus.REFUSED, 503), 5)],
)
async def test_what_discord_cannot_take_now_is_not_tried_with_the_next_message(
    desk: BotHarness, outcome: Outcome, wait: int
) -> None:
    await desk.follow()
    await desk.take_in(*(ai(title, quality=90 - n) for n, title in enumerate(headlines(12))))
    desk.mailbox.answers[CHANNEL] = outcome
    await desk.deliver()
    assert desk.mailbox.titles == [ONE]
    assert await next_due(desk) == desk.clock() + timedelta(seconds=wait)
    desk.mailbox.answers.clear()
    desk.clock.forward(seconds=wait)
    await desk.deliver()
    assert desk.mailbox.titles == [ONE, *headlines(12)]


async def test_a_message_that_discord_fails_at_holds_up_the_others_but_shortly(desk: BotHarness) -> None:
    class Failing(RecordingSender):
        async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
            done = await super().send(target, message, nonce)
            return Outcome(SendStatus.REFUSED, 500) if shown(message).title == ONE else done

    await desk.follow()
    await desk.take_in(ai(ONE, quality=90), ai(TWO, quality=80), ai(THREE))
    desk.deliverer = Delivery(desk.context, failing := Failing())
    for _ in range(4):
        await desk.deliver()
        desk.clock.forward(seconds=5)
    assert {TWO, THREE} < set(failing.titles)


async def test_publishing_that_must_wait_holds_up_no_posts(desk: BotHarness) -> None:
    desk.mailbox.announcing = {CHANNEL}
    await desk.follow(publish=True)

    async def full(target: Target) -> Outcome:
        return Outcome(SendStatus.REFUSED, 429, retry_after=3000.0)

    desk.mailbox.publish = full  # type: ignore[method-assign] # the hour is used up
    await desk.report(ai(ONE))
    desk.clock.forward(minutes=1)
    await desk.report(ai(TWO))
    assert desk.mailbox.titles == [ONE, TWO]


@pytest.mark.both_stores
async def test_two_processes_send_every_message_once(desk: BotHarness, store_url: str, clock: Clock) -> None:
    for channel in (CHANNEL, OTHER):
        await desk.follow(channel=channel)
    await desk.take_in(*(ai(title) for title in headlines(30)))
    async with opened_as(store_url, InterruptibleDatabase) as other:
        rival = BotHarness(other, clock)
        counts = await asyncio.gather(desk.deliver(), rival.deliver(), desk.deliver(), rival.deliver())
        sent = desk.mailbox.sent + rival.mailbox.sent
    assert sum(counts) == len(sent) == 60
    assert len({(asked.target.channel_id, asked.title) for asked in sent}) == 60
    assert await next_due(desk) is None


# Publishing, and digests.


async def test_a_post_of_an_announcement_channel_is_published_once(desk: BotHarness) -> None:
    desk.mailbox.announcing = {CHANNEL}
    await desk.follow(publish=True)
    await desk.follow(channel=OTHER, publish=True)  # no announcement channel
    await desk.follow("Space", volume=Volume.EVERYTHING)  # does not ask for it
    await desk.report(ai(ONE, "a.example"), record(TWO, topics=["Space"]))
    (published,) = desk.mailbox.published
    assert published.target.channel_id == CHANNEL
    desk.clock.forward(minutes=5)
    await desk.report(ai(ONE, "b.example"))
    assert len(desk.mailbox.edited) == 2
    assert len(desk.mailbox.published) == 1


async def test_only_what_reaches_the_publishing_subscriptions_bar_is_published(desk: BotHarness) -> None:
    desk.mailbox.announcing = {CHANNEL}
    await desk.follow(publish=True, volume=Volume.MAJOR)
    await desk.follow("Space")
    await desk.report(record(ONE, topics=["AI", "Space"]))
    assert (desk.mailbox.titles, desk.mailbox.published) == ([ONE], [])


async def test_ten_an_hour_are_published_the_biggest_first(desk: BotHarness) -> None:
    desk.mailbox.announcing = {CHANNEL}
    await desk.follow(publish=True)
    await desk.report(*(ai(title, quality=90 - n) for n, title in enumerate(headlines(13))))
    posted = [asked.title for asked in desk.mailbox.sent]
    assert posted == list(headlines(13))
    assert [asked.target.message_id for asked in desk.mailbox.published] == list(range(1000, 1010))
    assert await next_due(desk) == desk.clock() + outbox.HOUR
    desk.clock.forward(hours=1)
    await desk.deliver()
    assert len(desk.mailbox.published) == 13


async def test_a_digest_goes_out_as_it_was_composed(desk: BotHarness) -> None:
    await desk.follow(mode=Mode.DIGEST)
    await desk.take_in(one := ai(ONE, "a.example"))
    desk.clock.forward(hours=1)
    desk.mailbox.answers[CHANNEL] = Outcome(SendStatus.UNREACHABLE)
    await desk.digest()
    desk.mailbox.answers.clear()
    desk.clock.forward(minutes=5)
    await desk.take_in(replace(one, title=f"{ONE} corrected"))
    await desk.deliver()
    first, second = desk.mailbox.sent
    assert (first.message, first.nonce) == (second.message, second.nonce)
    assert ONE in second.text
    assert "corrected" not in second.text


async def test_nothing_is_read_where_nothing_is_due(desk: BotHarness) -> None:
    async def fails() -> None:
        raise AssertionError

    desk.db.before_next_read(fails)
    assert await desk.deliver() == 0


async def test_rules_of_the_config_are_those_that_hold(desk: BotHarness) -> None:
    slow = Context(desk.db, desk.clock, PostingSettings(edit_interval=timedelta(hours=1)))
    desk.deliverer, desk.ingest = Delivery(slow, desk.mailbox), Ingest(slow)
    await desk.follow()
    await desk.report(*reports(ONE, 1))
    await desk.report(*reports(ONE, 1, first=1))
    assert await next_due(desk) == at(1)
    assert await desk.count(schema.outbox) == 1
