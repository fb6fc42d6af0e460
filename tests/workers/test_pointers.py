"""A message whose story was merged into another one points to where that is told, and only while it is told there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.chat.port import Target
from bot.domain.model import Record
from bot.domain.retry import INVALID_FORM_BODY, UNKNOWN_MESSAGE, Outcome, SendStatus
from bot.messages.message import Message
from bot.services import curate
from bot.services.curate import Editor
from bot.store import stories
from bot.workers.delivery import Delivery
from tests.make import record
from tests.shown import shown
from tests.store.store_helpers import GUILD, ONE, TWO, two_events_and_their_report
from tests.workers.desk import OK, BotHarness, RecordingSender

EDITOR = Editor(GUILD, 1)


def ai(title: str, outlet: str, **more: Any) -> Record:
    """A record on AI."""
    return record(title, outlet, topics=["AI"], **more)


class ChannelView(RecordingSender):
    """What stands in the channel: the last of every message; edits of some are refused."""

    def __init__(self) -> None:
        super().__init__()
        self.shows: dict[int, str] = {}
        self.refuses: dict[int, Outcome] = {}

    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Note what it shows."""
        outcome = await super().send(target, message, nonce)
        if outcome.message_id is not None:
            self.shows[outcome.message_id] = shown(message).title
        return outcome

    async def edit(self, target: Target, message: Message) -> Outcome:
        """Note what it shows, if it is not refused."""
        await super().edit(target, message)
        assert target.message_id is not None
        outcome = self.refuses.get(target.message_id, OK)
        if outcome is OK:
            self.shows[target.message_id] = shown(message).title
        return outcome

    def pointers(self) -> dict[int, int]:
        """Which message points to which."""
        last = {asked.target.message_id: asked for asked in self.edited}
        return {
            one: int(last[one].shown.url.rsplit("/", 1)[1])
            for one, title in self.shows.items()
            if "continues in" in title
        }


@pytest.fixture
def wall(desk: BotHarness) -> ChannelView:
    """The channel."""
    made = ChannelView()
    desk.deliverer = Delivery(desk.context, made)
    return made


async def hours_pass(desk: BotHarness, hours: int = 4) -> None:
    """Everything that is due in that time is tried, when it is due."""
    end = desk.clock() + timedelta(hours=hours)
    while (due := await desk.deliverer.next_due()) is not None and due < end:
        desk.clock.now = max(desk.clock() + timedelta(minutes=1), due)
        await desk.deliver()
    desk.clock.now = end
    await desk.deliver()


async def merged(desk: BotHarness, wall: ChannelView, **refuses: Outcome) -> tuple[Record, Record, Record]:
    """Two posted stories, 1000 and 1001, that a third report shows to be one."""
    await desk.follow()
    one, two, both = two_events_and_their_report("AI")
    await desk.report(one)
    await desk.report(two)
    assert wall.shows == {1000: one.title, 1001: two.title}
    wall.refuses = {int(name.removeprefix("of_")): outcome for name, outcome in refuses.items()}
    desk.clock.forward(minutes=5)
    await desk.report(both)
    await hours_pass(desk)
    return one, two, both


GONE = Outcome(SendStatus.REFUSED, 404, UNKNOWN_MESSAGE)
REFUSED = Outcome(SendStatus.REFUSED, 400, INVALID_FORM_BODY, detail="no")


async def test_a_pointer_comes_after_the_message_that_it_points_to(
    desk: BotHarness, wall: ChannelView
) -> None:
    await merged(desk, wall)
    assert [edit.target.message_id for edit in wall.edited] == [1000, 1001]
    assert wall.pointers() == {1001: 1000}


async def test_where_the_message_that_goes_on_was_deleted_the_other_one_shows_the_story(
    desk: BotHarness, wall: ChannelView
) -> None:
    one, _, _ = await merged(desk, wall, of_1000=GONE)
    assert wall.pointers() == {}
    assert wall.shows[1001] == one.title
    await desk.report(ai(one.title, "d.example", quality=95, hours=4))
    assert wall.edited[-1].target.message_id == 1001
    assert "4 outlets" in wall.edited[-1].text
    assert len(wall.sent) == 2


async def test_where_the_other_message_was_deleted_nothing_points_to_it(
    desk: BotHarness, wall: ChannelView
) -> None:
    one, _, _ = await merged(desk, wall, of_1001=GONE)
    assert wall.pointers() == {}
    assert wall.shows[1000] == one.title


async def test_where_both_were_deleted_nothing_is_posted_again(desk: BotHarness, wall: ChannelView) -> None:
    await merged(desk, wall, of_1000=GONE, of_1001=GONE)
    assert wall.pointers() == {}
    assert len(wall.sent) == 2


async def test_a_message_that_is_deleted_later_is_pointed_to_no_longer(
    desk: BotHarness, wall: ChannelView
) -> None:
    one, _, _ = await merged(desk, wall)
    wall.refuses = {1000: GONE}
    await desk.report(ai(one.title, "d.example", quality=95, hours=4))
    await hours_pass(desk)
    assert wall.pointers() == {}
    assert wall.shows[1001] == one.title


async def test_as_long_as_the_other_message_does_not_show_the_story_nothing_points_to_it(
    desk: BotHarness, wall: ChannelView
) -> None:
    _, two, both = await merged(desk, wall, of_1000=REFUSED)
    assert wall.pointers() == {}
    assert wall.shows[1001] == two.title
    wall.refuses.clear()
    await desk.report(replace(both, quality=99))
    await hours_pass(desk)
    assert wall.pointers() == {1001: 1000}


async def test_a_pointer_waits_out_an_outage(desk: BotHarness, wall: ChannelView) -> None:
    await merged(desk, wall, of_1000=Outcome(SendStatus.REFUSED, 503))
    assert wall.pointers() == {}
    wall.refuses.clear()
    await hours_pass(desk, 1)
    assert wall.pointers() == {1001: 1000}


async def test_a_message_is_edited_before_it_is_pointed_to_however_old_it_is(
    desk: BotHarness, wall: ChannelView
) -> None:
    await desk.follow()
    await desk.report(ai(ONE, "a.example"), ai(TWO, "b.example", hours=1))
    desk.clock.forward(days=30)
    kept, gone, _ = await curate.merge(desk.context, EDITOR, 3, "4")
    assert (kept, gone) == (3, 4)
    await hours_pass(desk)
    assert [edit.target.message_id for edit in wall.edited] == [1000, 1001]
    assert wall.pointers() == {1001: 1000}


async def parted(desk: BotHarness, number: int, title: str) -> int:
    """Take the record of that title out of a story: the number of what it is now."""
    async with desk.db.read() as connection:
        story = (await stories.load(connection, [number]))[number]
    (record_id,) = [member.id for member in story.members if member.record.title == title]
    _, fresh = await curate.split_story(desk.context, EDITOR, number, (record_id,))
    return fresh


@pytest.mark.parametrize("days", [0, 30])
@pytest.mark.parametrize("delivered", [True, False])
async def test_a_pointer_goes_when_the_merge_is_undone(
    desk: BotHarness, wall: ChannelView, days: int, *, delivered: bool
) -> None:
    await desk.follow()
    await desk.report(ai(ONE, "a.example", quality=90), ai(TWO, "b.example", hours=0.5))
    await curate.merge(desk.context, EDITOR, 3, "4")
    if delivered:
        await hours_pass(desk)
        assert wall.pointers() == {1001: 1000}
    desk.clock.forward(days=days)
    fresh = await parted(desk, 3, TWO)
    await hours_pass(desk)
    assert wall.pointers() == {}
    assert wall.shows == {1000: ONE, 1001: TWO}
    assert len(wall.sent) == 2
    async with desk.db.read() as connection:
        assert await stories.survivor(connection, 4) == fresh
    # And once more.
    await curate.merge(desk.context, EDITOR, 3, str(fresh))
    await hours_pass(desk)
    assert wall.pointers() == {1001: 1000}
    await parted(desk, 3, TWO)
    await hours_pass(desk)
    assert wall.shows == {1000: ONE, 1001: TWO}


async def test_a_merge_that_is_undone_before_the_second_message_went_out_leaves_two(
    desk: BotHarness, wall: ChannelView
) -> None:
    await desk.follow()
    await desk.take_in(ai(ONE, "a.example", quality=90), ai(TWO, "b.example", hours=0.5))
    await curate.merge(desk.context, EDITOR, 3, "4")
    await hours_pass(desk)
    assert list(wall.shows.values()) == [ONE]
    await parted(desk, 3, TWO)
    await hours_pass(desk)
    assert list(wall.shows.values()) == [ONE, TWO]


async def test_another_report_that_is_taken_out_leaves_a_pointer_alone(
    desk: BotHarness, wall: ChannelView
) -> None:
    _, _, both = await merged(desk, wall)
    await parted(desk, 3, both.title)
    await hours_pass(desk)
    assert wall.pointers() == {1001: 1000}
