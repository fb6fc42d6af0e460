"""A server topic that costs too much at run time matches nothing any more, says so, and is mended by an edit."""

from __future__ import annotations

import pytest

from bot.domain.topics.query import meter
from bot.messages.topics import topic_line
from bot.services import server_topics as use
from bot.services import status
from bot.services.server_topics import Draft
from bot.services.topics import listing
from bot.store.topic_cache import TopicCache
from tests.make import record
from tests.store.store_helpers import GUILD, headlines
from tests.workers.desk import BotHarness

OTHERS = GUILD + 1
PAIRS = " OR ".join(f"(wa* NEAR/1 z{letter}*)" for letter in "abcdefghijkl")
DEAR = f"type:article ({PAIRS})"


async def some(desk: BotHarness, number: int = 10) -> None:
    """Articles of shared sources."""
    await desk.take_in(
        *(
            record(f"{title} {desk.clock.now:%d %H}", f"o{position}.example", excerpt="waves and wind")
            for position, title in enumerate(headlines(number))
        )
    )
    desk.clock.forward(hours=1)


async def suspended(desk: BotHarness, guild_id: int = GUILD) -> dict[str, str]:
    async with desk.db.read() as connection:
        known = await TopicCache().load(connection, guild_id)
    return {topic.name: topic.suspended for topic in known if topic.suspended}


@pytest.fixture
async def dear(fresh: BotHarness, monkeypatch: pytest.MonkeyPatch) -> BotHarness:
    monkeypatch.setattr(meter, "WINDOW", 10)
    await fresh.begin("AI")
    await use.create(fresh.context, GUILD, Draft("Waves", DEAR))
    await use.create(fresh.context, GUILD, Draft("Wind", "wind"))
    await use.create(fresh.context, OTHERS, Draft("Waves", "waves"))
    return fresh


async def test_it_is_suspended_once_its_window_ends_and_no_other_is(dear: BotHarness) -> None:
    await some(dear, 9)
    assert await suspended(dear) == {}
    await some(dear, 2)
    assert list(await suspended(dear)) == ["Waves"]
    assert await suspended(dear, OTHERS) == {}


async def test_its_server_sees_why(dear: BotHarness) -> None:
    await some(dear, 12)
    why = (await suspended(dear))["Waves"]
    assert "the limits are 100 for one topic" in why
    assert (await use.show(dear.context, GUILD, "Waves")).topic.suspended == why
    assert (await status.status(dear.context, GUILD)).suspended == {"Waves": why}
    assert (await status.status(dear.context, OTHERS)).suspended == {}
    (row,) = [row for row in await listing(dear.context, "", GUILD) if row.topic.name == "Waves"]
    assert "suspended" in topic_line(row)


async def test_an_edit_lifts_it_and_looks_back(dear: BotHarness) -> None:
    await some(dear, 12)
    made = await use.edit(dear.context, GUILD, "Waves", Draft(query="waves"))
    assert made.topic.suspended == ""
    assert made.records == 12
    assert await suspended(dear) == {}
    await some(dear, 12)
    assert await suspended(dear) == {}


async def test_it_may_be_tried_again_as_it_is(dear: BotHarness) -> None:
    await some(dear, 12)
    made = await use.edit(dear.context, GUILD, "Waves", Draft(query=DEAR))
    assert made.topic.suspended == ""
    assert made.records == 0
    await some(dear, 12)
    assert list(await suspended(dear)) == ["Waves"]


@pytest.mark.both_stores
async def test_another_process_sees_it(dear: BotHarness) -> None:
    async with dear.db.read() as connection:
        before = await dear.context.topics.load(connection)
    await some(dear, 12)
    async with dear.db.read() as connection:
        after = await dear.context.topics.load(connection)
    assert after is not before
    assert (GUILD, "Waves") not in after.matcher._queries
