"""Topics in the database: configured ones, and those that records brought along."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.model import Topic
from bot.store import topics
from bot.store.database import Database
from bot.store.topic_cache import TopicCache
from tests.databases import opened
from tests.make import record
from tests.store.store_helpers import ONE, TWO, story_counts, take

VISION = Topic(
    "Computer Vision",
    "CV",
    "computer-vision",
    "AI",
    ("computer vision", "facial  recognition", "Bildverarbeitung"),
    ("Machine Vision",),
    "title+excerpt",
    0x00FF7F,
)


async def configure(db: Database, *wanted: Topic) -> bool:
    async with db.write() as connection:
        return await topics.configure(connection, wanted)


async def define(db: Database, *wanted: Topic) -> bool:
    async with db.write() as connection:
        return await topics.define(connection, wanted)


async def known(db: Database) -> Sequence[Topic]:
    async with db.read() as connection:
        return list(await TopicCache().load(connection))


async def test_a_topic_comes_back_as_it_was_configured(stores: Database) -> None:
    by_language = Topic("AI", keywords=("x",), language_keywords=(("en", "ai"), ("en", "ml*"), ("de", "ki")))
    assert await configure(stores, VISION, by_language)
    assert await known(stores) == [VISION, by_language]


async def test_configuring_the_same_again_changes_nothing(stores: Database) -> None:
    await configure(stores, VISION, Topic("AI"))
    assert not await configure(stores, Topic("AI"), VISION)
    assert not await define(stores, VISION)
    assert not await define(stores)


async def test_a_changed_definition_replaces_the_old_one(stores: Database) -> None:
    await configure(stores, VISION)
    changed = Topic("computer vision", keywords=("seeing machines",))
    assert await configure(stores, changed)
    assert await known(stores) == [changed]


async def test_what_is_configured_no_more_stays_known_by_its_name(stores: Database) -> None:
    await configure(stores, VISION, Topic("AI", keywords=("ai",)))
    assert await configure(stores, Topic("AI", keywords=("ai",)))
    assert await known(stores) == [Topic("Computer Vision"), Topic("AI", keywords=("ai",))]
    assert not await configure(stores, Topic("AI", keywords=("ai",)))
    assert await configure(stores, VISION, Topic("AI", keywords=("ai",)))
    assert await known(stores) == [VISION, Topic("AI", keywords=("ai",))]


async def test_defining_adds_to_what_is_configured(stores: Database) -> None:
    await configure(stores, Topic("AI"))
    assert await define(stores, VISION)
    assert await known(stores) == [Topic("AI"), VISION]


async def test_a_topic_of_records_becomes_known_and_can_be_configured_later(stores: Database) -> None:
    await take(stores, record(ONE, topics=["computer vision"]))
    assert await known(stores) == [Topic("computer vision")]
    async with stores.read() as connection:
        before = await topics.ids(connection)
    assert await configure(stores, VISION)
    assert await known(stores) == [VISION]
    async with stores.read() as connection:
        assert await topics.ids(connection) == before


async def test_learning_leaves_a_configured_topic_as_it_is(stores: Database) -> None:
    await configure(stores, VISION)
    async with stores.write() as connection:
        ids = await topics.ensure(connection, ["COMPUTER VISION", "Été", "ÉTÉ"])
        assert await topics.ensure(connection, []) == ids
    assert ids.keys() == {"computer vision", "été"}
    assert await known(stores) == [VISION, Topic("Été")]


async def test_stories_are_counted_for_their_own_topics(stores: Database) -> None:
    await configure(stores, VISION, Topic("AI"), Topic("Sea"))
    await take(
        stores,
        record(ONE, "a.example", topics=["CV"]),
        record(ONE, "b.example", topics=["AI"]),
        record(TWO, "c.example", topics=["AI"]),
    )
    async with stores.read() as connection:
        assert await story_counts(connection) == {"Computer Vision": 1, "AI": 2, "Sea": 0}


async def test_two_processes_learn_a_topic_once(stores: Database, store_url: str) -> None:
    async def learn(db: Database) -> dict[str, int]:
        async with db.write() as connection:
            return await topics.ensure(connection, ["AI", "Space"])

    async with opened(store_url) as other:
        found = await asyncio.gather(*(learn(db) for db in (stores, other) * 3))
    assert all(ids == found[0] for ids in found)
    assert [topic.name for topic in await known(stores)] == ["AI", "Space"]
