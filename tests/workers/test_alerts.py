"""Alerts beside intakes: what they cost, what a crash leaves, and that none is lost or sent twice."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from bot.domain.posting.alerts import Alert
from bot.domain.topics.query import meter
from bot.services import mutes
from bot.services.server_topics import parse_query
from bot.store import alerts, schema
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
