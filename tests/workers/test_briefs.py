"""Briefs as channels get them: with no edit more than a story's growth asks for, and nothing of other servers or muted outlets."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.domain.model import Record, StoryView
from bot.domain.stories.owners import MediaOwners
from bot.messages.story import Said, said_in_post
from bot.services import mutes
from bot.services.related import related
from bot.workers import rendering
from tests.make import record
from tests.store.store_helpers import CHANNEL, GUILD, ONE
from tests.workers.desk import BotHarness

SAID = (
    "The council of Alderby banned drones over the harbour on Monday.",
    "Two people were hurt by falling drones in Alderby last week, the council said.",
    "Pilots from all over Norland want courts to end the drones ban of the Alderby council.",
    "Ferry captains had asked the Alderby council for years to keep drones off the water.",
)


def said(number: int) -> Record:
    """What the outlet of that number says of the one event."""
    return record(ONE, f"o{number}.example", topics=["AI"], excerpt=SAID[number])


async def test_a_post_has_one_edit_for_each_growth_of_its_story_and_none_without(desk: BotHarness) -> None:
    await desk.follow()
    await desk.report(said(0), said(1))
    (post,) = desk.mailbox.sent
    assert all(text in post.text for text in SAID[:2]), post.text
    assert "What changed" not in post.text
    later = [said(2), said(3)]
    for number, one in enumerate(later, 2):
        desk.clock.forward(minutes=5)
        await desk.report(one)
        await desk.deliver()
        assert len(desk.mailbox.edited) == number - 1
    edit = desk.mailbox.edited[-1]
    assert "**What changed** · " in edit.text
    desk.clock.forward(minutes=5)
    await desk.report(*later)  # once more, and nothing new
    assert len(desk.mailbox.edited) == 2


async def test_a_muted_outlet_has_no_word_in_a_post_nor_in_what_others_add(desk: BotHarness) -> None:
    await desk.follow()
    await mutes.mute(desk.context, GUILD, None, "o1.example")
    await desk.report(*map(said, range(4)))
    (post,) = desk.mailbox.sent
    assert SAID[1] not in post.text
    found = await related(desk.context, "#2", GUILD, CHANNEL)
    assert "o1.example" not in str(found.additions)


async def test_what_a_servers_own_source_says_is_read_in_that_server_alone(desk: BotHarness) -> None:
    elsewhere = GUILD + 5
    await desk.follow()
    await desk.follow_elsewhere("AI", CHANNEL + 50, elsewhere)
    await desk.report(said(0), said(1))
    desk.clock.forward(minutes=5)
    source = type(desk.source)("list:own").add()
    await desk.ingest.step(source, guild_id=elsewhere)
    await desk.ingest.step(source.add(said(2)), guild_id=elsewhere)
    await desk.deliver()
    shown = {asked.target.channel_id: asked.text for asked in (*desk.mailbox.sent, *desk.mailbox.edited)}
    assert SAID[2] in shown[CHANNEL + 50]
    assert SAID[2] not in shown[CHANNEL]
    assert SAID[0] in shown[CHANNEL]


async def test_channels_that_see_the_same_of_a_story_share_its_brief(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a story costs no more the more channels follow it. What a channel mutes is another brief."""
    await desk.follow()
    await desk.follow(channel=CHANNEL + 1)
    for server in range(1, 5):
        await desk.follow_elsewhere("AI", CHANNEL + 10 * server, GUILD + server)
    await mutes.mute(desk.context, GUILD, CHANNEL + 1, "o1.example")
    briefs: list[int] = []
    compute = said_in_post

    def counted(view: StoryView, owners: MediaOwners, since: datetime | None) -> Said:
        briefs.append(view.outlets)
        return compute(view, owners, since)

    monkeypatch.setattr(rendering, "said_in_post", counted)
    await desk.report(said(0), said(1), said(2))
    assert len(desk.mailbox.sent) == 6
    assert sorted(briefs) == [2, 3]
    desk.clock.forward(minutes=5)
    briefs.clear()
    await desk.report(said(3))
    assert len(desk.mailbox.edited) == 6
    assert sorted(briefs) == [3, 4]
    changed = {edit.target.channel_id: "What changed" in str(edit.message) for edit in desk.mailbox.edited}
    assert all(changed.values()), changed
