"""Alerts beside intakes: what they cost, what a crash leaves, and that none is lost or sent twice."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
import sqlalchemy as sa

from bot.chat.port import Target
from bot.domain.model import Record
from bot.domain.posting.alerts import Alert, AlertLimits
from bot.domain.retry import CANNOT_MESSAGE_USER, NO_MUTUAL_SERVERS, Outcome, SendStatus
from bot.domain.topics.query import meter
from bot.messages.message import Message
from bot.services import curate, follows, mutes
from bot.services.curate import Editor
from bot.services.server_topics import parse_query
from bot.store import alerts, member_messages, schema, subscriptions
from bot.store import follows as follows_store
from bot.workers import alerts as worker
from tests.make import record
from tests.store.store_helpers import CHANNEL, GUILD, headlines
from tests.workers.desk import BotHarness

MEMBER = 77


async def wants(desk: BotHarness, query: str, user_id: int = MEMBER, guild_id: int = GUILD) -> None:
    """A member has an alert."""
    alert = Alert(0, guild_id, user_id, str(parse_query(query)), None, CHANNEL)
    async with desk.db.write() as connection:
        await alerts.add(connection, alert, desk.clock())


async def messages(desk: BotHarness) -> list[int]:
    """The member of each message of a story that is sent or waits."""
    o = schema.outbox
    async with desk.db.read() as connection:
        statement = sa.select(o.c.user_id).where(o.c.kind == "member").order_by(o.c.id)
        return list((await connection.execute(statement)).scalars())


async def test_an_alert_that_costs_too_much_is_stopped_and_no_other_is(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "WINDOW", 10)
    pairs = " OR ".join(f"(wa* NEAR/1 z{letter}*)" for letter in "abcdefghijkl")
    await wants(desk, f"type:article ({pairs})")
    await wants(desk, "kestrel", user_id=78)
    flood = [
        record(title, f"o{n}.example", excerpt="waves and wind") for n, title in enumerate(headlines(11))
    ]
    await desk.take_in(*flood)
    await worker.step(desk.context)
    async with desk.db.read() as connection:
        stopped = {a.user_id: a.suspended for a in (await alerts.by_id(connection, range(1, 9))).values()}
    assert "costs" in stopped[MEMBER]
    assert stopped[78] == ""
    await desk.take_in(record("Kestrel nests on the old bridge", "k.example"))
    await worker.step(desk.context)
    assert await messages(desk) == [78]


async def test_a_crash_before_the_end_leaves_the_articles_waiting(desk: BotHarness) -> None:
    await wants(desk, "kestrel")
    await desk.take_in(record("Kestrel nests on the old bridge", "k.example"))
    comparing = asyncio.ensure_future(worker.step(desk.context))
    await asyncio.sleep(0)
    comparing.cancel()
    await asyncio.gather(comparing, return_exceptions=True)
    await worker.step(desk.context)
    await worker.step(desk.context)
    assert await messages(desk) == [MEMBER]


@pytest.mark.both_stores
async def test_two_processes_make_one_message(desk: BotHarness) -> None:
    await wants(desk, "kestrel")
    await desk.take_in(record("Kestrel nests on the old bridge", "k.example"))
    await asyncio.gather(*(worker.step(desk.context) for _ in range(3)))
    assert await messages(desk) == [MEMBER]


async def test_without_alerts_nothing_waits(desk: BotHarness) -> None:
    await desk.take_in(record("Kestrel nests on the old bridge", "k.example"))
    await wants(desk, "kestrel")
    await worker.step(desk.context)
    assert await messages(desk) == []


async def test_a_changed_title_can_match_and_alerts_once(desk: BotHarness) -> None:
    await wants(desk, "kestrel")
    first = record("Birds nest on the old bridge", "k.example")
    await desk.take_in(first)
    await worker.step(desk.context)
    assert await messages(desk) == []
    for title in ("Kestrel nests on the old bridge", "Kestrel pair nests on the old bridge"):
        await desk.take_in(record(title, "k.example", url=first.url))
        await worker.step(desk.context)
    assert await messages(desk) == [MEMBER]


async def test_a_story_that_was_muted_when_its_message_was_due_alerts_when_it_is_not(
    desk: BotHarness,
) -> None:
    await wants(desk, "kestrel")
    await desk.take_in(record("Kestrel nests on the old bridge", "k.example"))
    await worker.step(desk.context)
    await mutes.mute(desk.context, GUILD, None, "k.example")
    await desk.deliver()
    assert desk.mailbox.sent == []
    await desk.take_in(record("Kestrel nests on old bridge", "l.example"))
    await worker.step(desk.context)
    await desk.deliver()
    assert len(desk.mailbox.sent) == 1


async def state(desk: BotHarness) -> dict[str, int]:
    """How many alerts and follows there are, and messages of each kind for members."""
    o = schema.outbox
    async with desk.db.read() as connection:
        kinds = await connection.execute(
            sa.select(o.c.kind, sa.func.count()).where(o.c.user_id.is_not(None)).group_by(o.c.kind)
        )
        counts = {str(kind): int(number) for kind, number in kinds}
        counts["alerts"] = await alerts.count(connection)
        counts["follows"] = await follows_store.count(connection)
    return {name: number for name, number in counts.items() if number}


async def news(desk: BotHarness, *records: Record) -> None:
    """Records come in, and what is due is sent."""
    await desk.take_in(*records)
    await worker.step(desk.context)
    await desk.deliver()


async def test_a_flood_is_within_the_limits_whatever_comes_and_when(desk: BotHarness) -> None:
    limits = AlertLimits(per_hour=2, per_day=3)
    object.__setattr__(desk.context, "alert_limits", limits)
    await wants(desk, "type:article")
    flood = [record(title, f"o{n}.example") for n, title in enumerate(headlines(120))]
    for some in (flood[n : n + 10] for n in range(0, 120, 10)):
        await desk.take_in(*some)
        await worker.step(desk.context)
        await desk.deliver()
        desk.clock.forward(minutes=15)
    desk.clock.forward(hours=1)
    await desk.deliver()
    sent = Counter(request.target.user_id for request in desk.mailbox.sent)
    assert sent == {MEMBER: limits.per_day + 1}
    listing = desk.mailbox.edited[-1].text
    assert f"… and {120 - 3 - member_messages.MOST_LISTED} more" in listing
    assert (await state(desk))["member"] == 3 + member_messages.MOST_LISTED


@pytest.mark.parametrize(
    ("outcome", "left"),
    [
        (Outcome(SendStatus.LEFT), {}),
        (Outcome(SendStatus.REFUSED, 403, CANNOT_MESSAGE_USER), {"member": 2, "member_notice": 1}),
        (Outcome(SendStatus.REFUSED, 403, NO_MUTUAL_SERVERS), {"member": 2, "member_notice": 1}),
        (Outcome(SendStatus.ABSENT), {"member": 2, "alerts": 1, "follows": 1}),
        (Outcome(SendStatus.REFUSED, 500), {"member": 2, "alerts": 1, "follows": 1}),
    ],
)
async def test_what_discord_answers_about_a_member_ends_what_the_member_has(
    desk: BotHarness, outcome: Outcome, left: dict[str, int]
) -> None:
    await wants(desk, "kestrel OR council")
    first = record("Kestrel nests on the old bridge", "k.example")
    await news(desk, first)
    async with desk.db.read() as connection:
        [story] = (await connection.execute(sa.select(schema.outbox.c.story))).scalars()
    await follows.toggle(desk.context, GUILD, MEMBER, story, CHANNEL, "en")
    desk.mailbox.answers[MEMBER] = outcome
    await news(desk, record("Council votes on tram line to airport", "c.example"))
    desk.clock.forward(minutes=1)
    await desk.deliver()
    assert await state(desk) == left
    async with desk.db.read() as connection:
        assert await subscriptions.paused(connection) == {}


async def test_who_follows_again_when_direct_messages_are_accepted_again_gets_what_is_new(
    desk: BotHarness,
) -> None:
    await wants(desk, "kestrel")
    await news(desk, record("Kestrel nests on the old bridge", "k.example"))
    async with desk.db.read() as connection:
        [story] = (await connection.execute(sa.select(schema.outbox.c.story))).scalars()
    await follows.toggle(desk.context, GUILD, MEMBER, story, CHANNEL, "en")
    desk.mailbox.answers[MEMBER] = Outcome(SendStatus.REFUSED, 403, CANNOT_MESSAGE_USER)
    desk.clock.forward(minutes=5)
    await desk.deliver()
    assert await state(desk) == {"member": 1, "member_notice": 1}
    del desk.mailbox.answers[MEMBER]
    desk.mailbox.edited.clear()
    assert await follows.toggle(desk.context, GUILD, MEMBER, story, CHANNEL, "en") == (story, True)
    await desk.take_in(record("Kestrel nests on old bridge", "l.example"))
    desk.clock.forward(minutes=5)
    await desk.deliver()
    assert "2 outlets" in desk.mailbox.edited[-1].text
    assert len(desk.mailbox.sent) == 2  # the story and the notice


async def test_an_undone_merge_gives_each_message_of_a_member_its_story_back(desk: BotHarness) -> None:
    await wants(desk, "kestrel OR council")
    titles = ("Kestrel nests on the old bridge", "Council votes on tram line to airport")
    await news(desk, *(record(title, f"o{len(title)}.example") for title in titles))
    o, editor = schema.outbox, Editor(GUILD, MEMBER)
    async with desk.db.read() as connection:
        one, two = (await connection.execute(sa.select(o.c.story).order_by(o.c.story))).scalars()
    merged = await curate.merge(desk.context, editor, one, f"#{two}")
    desk.clock.forward(minutes=5)
    await desk.deliver()
    assert f"continues in #{one}" in desk.mailbox.edited[-1].text
    desk.mailbox.edited.clear()
    await curate.split_story(desk.context, editor, one, merged.articles)
    desk.clock.forward(minutes=5)
    await desk.deliver()
    assert [any(title in edit.text for edit in desk.mailbox.edited) for title in titles] == [True, True]
    assert len(desk.mailbox.sent) == 2


async def test_messages_for_members_come_after_posts_and_hold_up_no_channel(desk: BotHarness) -> None:
    await desk.follow()
    await wants(desk, "kestrel")
    await desk.take_in(record("Kestrel nests on the old bridge", "k.example", topics=["AI"]))
    await worker.step(desk.context)
    async with desk.db.read() as connection:
        order = sa.select(schema.outbox.c.kind).order_by(schema.outbox.c.priority.desc())
        kinds = list((await connection.execute(order.where(schema.outbox.c.due_at.is_not(None)))).scalars())
    assert kinds == ["story", "member"]
    desk.mailbox.answers[MEMBER] = Outcome(SendStatus.REFUSED, 429, retry_after=600.0)
    await desk.deliver()
    assert {request.target.channel_id for request in desk.mailbox.sent} == {CHANNEL, MEMBER}


async def test_a_message_whose_story_changes_while_it_is_sent_is_edited_once_more(desk: BotHarness) -> None:
    await wants(desk, "kestrel")
    await desk.take_in(record("Kestrel nests on the old bridge", "k.example"))
    await worker.step(desk.context)
    send = desk.mailbox.send

    async def slow(target: Target, message: Message, nonce: str) -> Outcome:
        await desk.take_in(record("Kestrel nests on old bridge", "l.example"))
        return await send(target, message, nonce)

    desk.mailbox.send = slow  # type: ignore[method-assign] # a report comes while Discord answers
    await desk.deliver()
    desk.mailbox.send = send  # type: ignore[method-assign]
    desk.clock.forward(minutes=5)
    await desk.deliver()
    [edit] = desk.mailbox.edited
    assert "2 outlets" in edit.text
