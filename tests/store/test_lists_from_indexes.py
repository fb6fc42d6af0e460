"""Lists and completions are answered from indexes, with a few statements, however many stories there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import product

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Topic
from bot.store import answer_cache, search, server_topics, stories, story_pages, volumes
from bot.store.database import Database
from bot.store.story_pages import PageRequest, Position
from tests.make import at, record
from tests.store.store_helpers import GUILD, headlines, statements, take

OTHERS = GUILD + 1


async def plans(db: Database, work: Callable[[AsyncConnection], Awaitable[object]]) -> list[str]:
    """How SQLite goes about all statements of some work: a line a step."""
    async with db.read() as connection:
        with statements(db) as seen:
            await work(connection)
        found: list[str] = []
        for statement, parameters in list(seen):
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found += [str(row.detail) for row in rows]
    return found


@pytest.fixture
async def many(stores: Database) -> Database:
    """A dozen stories an hour apart, every third on whales, and one of a server's own topic."""
    every = [
        record(title, f"o{n}.example", hours=n, topics=["Whales"] if n % 3 == 0 else ["Space"])
        for n, title in enumerate(headlines(12))
    ]
    await take(stores, *every, hours=11)
    return stores


ASKED: dict[str, Callable[[AsyncConnection], Awaitable[object]]] = {
    "titles": lambda c: stories.titles(c, "wh", 25, GUILD),
    "latest of a topic": lambda c: stories.latest(c, ["Whales"], 100, GUILD),
    "latest": lambda c: stories.latest(c, None, 100, GUILD),
    "counts": lambda c: stories.counts(c, {"Whales": ["Whales"]}, GUILD),
    "volumes": lambda c: volumes.by_day(c, ["whales", "space"], at(12), 1, GUILD),
    "load": lambda c: stories.load(c, [1, 2, 3], GUILD),
    "a page": lambda c: story_pages.page(c, PageRequest(GUILD, None, 20, since=at(2))),
    "a page of a topic": lambda c: story_pages.page(c, PageRequest(GUILD, ["Whales"], 20)),
    "a page behind another": lambda c: story_pages.page(
        c, PageRequest(GUILD, ["Whales"], 20, after=Position(at(5), 6))
    ),
    "by title": lambda c: search.by_title(c, ["whales"], GUILD, 25),
}


# Plans are read as SQLite writes them.
on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@on_sqlite
async def test_no_table_of_stories_or_records_is_scanned(many: Database) -> None:
    for name, work in ASKED.items():
        steps = await plans(many, work)
        assert steps, name
        whole = [
            step
            for step in steps
            if step.startswith(("SCAN stories", "SCAN records", "SCAN story_topics", "SCAN record_topics"))
        ]
        assert [
            step
            for step in whole
            if "USING COVERING INDEX" not in step and "ix_stories_last_seen" not in step
        ] == [], name


@on_sqlite
async def test_what_a_server_sees_is_not_what_rows_are_found_by(many: Database) -> None:
    """Nearly all is shared: an index by server finds nearly everything."""
    since = at(-24)
    works: list[Callable[[AsyncConnection], Awaitable[object]]] = [
        *ASKED.values(),
        lambda c: server_topics.recent(c, GUILD, since, None, 200),
        lambda c: server_topics.first(c, GUILD),
        lambda c: stories.arrived(c, ["Whales"], since, at(12), GUILD),
    ]
    for work in works:
        assert [step for step in await plans(many, work) if "ix_records_guild_id" in step] == []


async def test_few_statements_are_enough(many: Database) -> None:
    for name, work in ASKED.items():
        async with many.read() as connection:
            with statements(many) as seen:
                await work(connection)
        assert len(seen) <= 8, name


@asynccontextmanager
async def windows_of(size: int) -> AsyncIterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stories, "NEWEST", size)
        yield


async def test_the_latest_of_a_topic_are_the_same_however_few_are_looked_at_first(many: Database) -> None:
    async with many.read() as connection:
        whole = list(await stories.latest(connection, ["Whales"], None, GUILD))
        for window, limit in product([1, 2, 5, 100], [1, 3, 4, 100]):
            async with windows_of(window):
                assert await stories.latest(connection, ["Whales"], limit, GUILD) == whole[:limit]
                assert await stories.latest(connection, ["whales", "Space"], 3, None) == [12, 11, 10]
                assert await stories.latest(connection, ["Nothing"], limit, GUILD) == []
    assert len(whole) == 4


@pytest.mark.parametrize("window", [1, 100])
async def test_the_latest_of_a_servers_own_topic_are_for_it_alone(many: Database, window: int) -> None:
    mine = Topic("Mine", query="mine", guild_id=GUILD)
    async with many.intake() as connection:
        await server_topics.add(connection, mine)
    title = "Something of mine happened at the docks"
    await take(many, record(title, "z.example", hours=-1), hours=0.5)
    async with many.read() as connection, windows_of(window):
        assert await stories.latest(connection, ["Mine"], 5, GUILD) == [13]
        assert await stories.latest(connection, ["Mine"], 5, OTHERS) == []
        assert await stories.latest(connection, ["Mine"], 5, None) == []


async def test_a_title_that_is_not_new_is_found_by_its_whole_words(many: Database) -> None:
    (first,) = list(headlines(1))
    words = first.lower().split()
    async with many.read() as connection, windows_of(3):
        assert await stories.titles(connection, words[0], 5, GUILD) == []
        assert await search.by_title(connection, words[:2], GUILD, 5) == [(1, first)]
        assert await search.by_title(connection, [words[0], words[1][:4]], GUILD, 5) == [(1, first)]
        assert await search.by_title(connection, [words[1][:3]], GUILD, 5) == []
        assert await search.by_title(connection, [], GUILD, 5) == []
        assert await search.by_title(connection, ["'", '"', "*"], GUILD, 5) == []


async def test_volumes_that_take_long_are_counted_once_in_a_while(
    many: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_cache, "MIN_ROWS", 2)

    async def asked(hours: float) -> int:
        async with many.read() as connection:
            with statements(many) as seen:
                await volumes.by_day(connection, ["whales"], at(hours), 2, GUILD)
        return len(seen)

    assert await asked(12) > 0
    assert await asked(12.1) == 0
    assert await asked(12.2) > 0
    monkeypatch.setattr(answer_cache, "MIN_ROWS", 10_000)
    assert await asked(13) > 0
    assert await asked(13) > 0


async def test_a_query_of_many_short_beginnings_asks_the_index_for_none(many: Database) -> None:
    from bot.domain.stories.order import Order
    from bot.domain.topics.query.language import parse

    beginnings = " OR ".join(f"{word[:2]}*" for word in ("bad", "bed", "bid", "bod", "bud", "dab"))
    async with many.read() as connection:
        for text, asks in ((beginnings, False), (f"({beginnings}) storm", True), ("ba* OR be*", True)):
            with statements(many) as seen:
                await search.candidates(connection, parse(text), GUILD, Order.NEWEST, 10)
            assert any("MATCH" in statement or "@@" in statement for statement, _ in seen) is asks


async def test_totals_of_many_are_counted_once_in_a_while(
    many: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(hours: float) -> tuple[int, int]:
        async with many.read() as connection:
            return await stories.recent_totals(connection, at(hours))

    assert await asked(12) == (12, 12)
    monkeypatch.setattr(answer_cache, "MIN_ROWS", 5)
    assert await asked(12) == (12, 12)
    await take(many, record("One more thing that nobody expected", "z.example", hours=12), hours=12)
    assert await asked(12.1) == (12, 12)
    assert await asked(12.5) == (13, 13)
