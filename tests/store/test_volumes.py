"""How many stories a day topics have, as each server sees it."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.model import Topic, TopicMatch
from bot.domain.stories.owners import NO_OWNERS
from bot.store import server_topics, stories, volumes
from bot.store.database import Database
from tests.make import at, record
from tests.store.store_helpers import (
    FOUR,
    GUILD,
    ONE,
    THREE,
    TWO,
    stored_of,
    take,
    two_events_and_their_report,
)

OTHERS = GUILD + 1


async def volume(
    db: Database, *names: str, guild_id: int = 0, hours: float = 0, days: int = 3
) -> dict[str, list[int]]:
    """How many stories of each topic each day has."""
    async with db.read() as connection:
        found = await volumes.by_day(connection, names, at(hours), days, guild_id)
    return {name: [len(day) for day in by_day] for name, by_day in found.items()}


async def test_stories_count_on_the_day_of_their_first_report(stores: Database) -> None:
    await take(stores, record(ONE, "a.example", topics=["AI"], hours=-47), hours=-1)
    await take(stores, record(ONE, "b.example", topics=["AI"], hours=-1))  # grows: no second story
    await take(stores, record(TWO, topics=["AI", "Space"], hours=-24))
    await take(stores, record(THREE, topics=["AI"], hours=-23.99), record(FOUR, topics=["AI"], hours=-72))
    assert await volume(stores, "AI", "Space", "Unknown") == {"ai": [1, 2, 0], "space": [0, 1, 0]}
    assert await volume(stores, "Space") == {"space": [0, 1, 0]}
    assert await volume(stores, "AI", hours=24, days=2) == {"ai": [0, 1]}
    assert await volume(stores, "AI", hours=24, days=1) == {}
    assert await volume(stores) == {}


async def test_merged_and_removed_stories_do_not_count(stores: Database) -> None:
    one, two, both = two_events_and_their_report("AI", hours=-2)
    gone = record(ONE, topics=["AI"], hours=-2)
    await take(stores, one, two, gone)
    assert await volume(stores, "AI") == {"ai": [3, 0, 0]}
    await take(stores, both, replace(gone, removed=True))
    assert await volume(stores, "AI") == {"ai": [1, 0, 0]}


async def test_a_servers_own_topic_counts_for_it_alone(stores: Database) -> None:
    wind = Topic("Wind", query="wind", guild_id=GUILD)
    await take(
        stores,
        here := record(f"{ONE} wind", topics=["Energy"], hours=-2),
        record(TWO, topics=["Wind"], hours=-2),
    )
    async with stores.intake() as connection:
        await server_topics.add(connection, wind)
        match = TopicMatch("Wind", keywords=("wind",), guild_id=GUILD)
        await server_topics.tag(connection, wind, [(await stored_of(stores, here), match)])
        await stories.decide_topics(connection, [1], NO_OWNERS)
    assert await volume(stores, "wind", guild_id=GUILD) == {"wind": [2, 0, 0]}
    assert await volume(stores, "wind", guild_id=OTHERS) == {"wind": [1, 0, 0]}
    assert await volume(stores, "wind") == {"wind": [1, 0, 0]}
    assert await volume(stores, "Energy", "Wind", guild_id=GUILD) == {"energy": [1, 0, 0], "wind": [2, 0, 0]}


async def test_it_is_watched_since_the_first_news(stores: Database) -> None:
    async def watched(days: int = 29) -> int:
        async with stores.read() as connection:
            return await volumes.watched(connection, at(0), days)

    assert await watched() == 0
    await take(stores, record(ONE, hours=-600), silent=True, hours=-300)  # seen first when it was published
    assert await watched() == 0
    await take(stores, record(TWO, hours=-250), hours=-245)
    assert await watched() == 10
    await take(stores, record(THREE))
    assert await watched() == 10
    assert await watched(5) == 0  # of what came before, it knows nothing


# The hottest.


async def test_the_hottest_stories_come_first_and_older_ones_fall_behind(stores: Database) -> None:
    await take(stores, record(ONE, heat=100, topics=["AI"], hours=-30), hours=-30)
    await take(stores, record(TWO, heat=90, topics=["AI"]), record(THREE, heat=40), record(FOUR, heat=0))

    async def hottest(topics: list[str] | None = None, limit: int | None = 9, hours: float = 0) -> list[int]:
        async with stores.read() as connection:
            return await stories.hottest(connection, topics, limit, at(hours))

    assert await hottest() == await hottest(limit=None) == [2, 1, 3, 4]
    assert await hottest(hours=100_000) == [2, 1, 3, 4]
    assert await hottest(limit=1) == [2]
    assert await hottest(["AI"]) == [2, 1]
    assert await hottest(["Space"]) == []
