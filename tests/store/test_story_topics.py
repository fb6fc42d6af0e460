"""The topics of stories in the database: decided by voices, kept from batch to batch, and apart for each server."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.model import Record, Topic
from bot.services.context import Context
from bot.services.server_topics import Draft, create, edit
from bot.store import schema, server_topics, stories, topics, volumes
from bot.store.database import MIGRATIONS, Database, normalise
from tests.make import Clock, at, record
from tests.store.store_helpers import GUILD, take

TITLE = "Harbour bridge closed after a crack is found"
OTHERS = GUILD + 1


def reports(
    count: int, *declared: str, first: int = 0, hours: float = 0, quality: int = 60
) -> Sequence[Record]:
    """Reports of one event, each of an outlet of its own."""
    return [
        record(TITLE, f"o{n}.example", topics=declared, hours=hours, quality=quality)
        for n in range(first, first + count)
    ]


async def found(db: Database, topic: str, guild_id: int | None = 0) -> list[object]:
    """What each of the ways to a topic's stories gives."""
    async with db.read() as connection:
        of_days = await volumes.counted(connection, [topic], at(100), 30, guild_id or 0)
        return [
            await stories.latest(connection, [topic], 10, guild_id),
            await stories.latest(connection, [topic], None, guild_id),
            await stories.hottest(connection, [topic], 10, at(100), guild_id),
            await stories.arrived(connection, [topic], at(-1), at(100), guild_id),
            sorted({number for days in of_days.values() for day in days for number in day}),
            [1] * (await stories.counts(connection, {topic: [topic]}, guild_id or 0))[topic],
        ]


IS: list[object] = [[1]] * 6
IS_NOT: list[object] = [[]] * 6

# A story with a topic of everybody and one of a server, as the first version stored them.
FIRST_VERSION = (
    "INSERT INTO topics (id, key, name, shortname, slug, parent, keywords, aliases, fields, configured, guild_id) VALUES"
    " (1, 'ai', 'AI', '', '', '', '[]', '[]', '', false, 0), (2, 'wind', 'Wind', '', '', '', '[]', '[]', '', false, :server)",
    "INSERT INTO stories (number, heat, notable, outlets, first, last, last_seen, removed, search, guild_id) VALUES"
    " (1, 1, false, 1, '2026-03-02 12:00', '2026-03-02 12:00', '2026-03-02 12:00', false, '', 0)",
    "INSERT INTO records (id, key, url, title, excerpt, outlet_name, outlet_domain, published, first_seen, type, quality,"
    " notable, declared_topics, language, removed, partial, news, story, guild_id, content_hash) VALUES"
    " (1, 'a', '', '', '', '', 'a.example', '2026-03-02 12:00', '2026-03-02 12:00', 'article', 1, false, '[]', '', false,"
    " false, false, 1, 0, '')",
    "INSERT INTO record_topics (record_id, topic_id, declared, keywords) VALUES (1, 1, true, '[]'), (1, 2, false, '[]')",
    "INSERT INTO story_topics (story, topic_id) VALUES (1, 1)",
)


async def test_every_way_to_a_topics_stories_goes_by_what_enough_voices_say(stores: Database) -> None:
    odd = record(TITLE, "odd.example", topics=["Space"], quality=1)
    await take(stores, *reports(12, "AI", quality=80), odd)
    assert await found(stores, "AI") == IS
    assert await found(stores, "Space") == IS_NOT
    await take(stores, *reports(3, "Space", first=20, hours=1), hours=1)
    assert await found(stores, "Space") == IS


async def test_a_topic_stays_from_batch_to_batch_until_clearly_fewer_say_so(stores: Database) -> None:
    async with stores.write() as connection:
        await topics.define(connection, [Topic("Bridges", keywords=("viaduct",))])
    one = record(f"{TITLE} in the viaduct", "odd.example", quality=1)
    await take(stores, *reports(4, quality=80), one)
    assert await found(stores, "Bridges") == IS
    await take(stores, *reports(1, first=10, hours=1), hours=1)
    assert await found(stores, "Bridges") == IS, "one of six is less than it takes, but not clearly"
    await take(stores, *reports(2, first=20, hours=2), hours=2)
    assert await found(stores, "Bridges") == IS_NOT
    await take(stores, *reports(1, first=30, hours=3), hours=3)
    assert await found(stores, "Bridges") == IS_NOT


async def test_a_servers_own_reports_and_topics_are_stored_for_it_alone(stores: Database) -> None:
    async with stores.write() as connection:
        await server_topics.add(connection, Topic("Cracks", query="crack", guild_id=GUILD))
    await take(stores, *reports(4, "AI"))
    await take(stores, *reports(1, "Space", first=50, hours=1), hours=1, guild_id=GUILD)
    async with stores.write() as connection:
        await topics.ensure(connection, ["Space"])
    await take(stores, *reports(2, "Space", first=60, hours=2), hours=2, guild_id=GUILD)
    for topic in ("AI", "Cracks", "Space"):
        assert await found(stores, topic, GUILD) == IS, topic
    for guild_id in (0, OTHERS):
        assert await found(stores, "AI", guild_id) == IS
        assert await found(stores, "Cracks", guild_id) == IS_NOT
        assert await found(stores, "Space", guild_id) == IS_NOT


async def test_a_new_server_topic_is_decided_for_stories_that_are_there(stores: Database) -> None:
    odd = record(f"{TITLE}, gulls unharmed", "odd.example", quality=1)
    await take(stores, *reports(11, quality=80), odd)
    context = Context(stores, Clock())
    await create(context, GUILD, Draft("Cracks", "crack"))
    await create(context, GUILD, Draft("Gulls", "gulls"))
    assert await found(stores, "Cracks", GUILD) == IS
    assert await found(stores, "Gulls", GUILD) == IS_NOT
    await edit(context, GUILD, "Gulls", Draft(query="bridge"))
    assert await found(stores, "Gulls", GUILD) == IS
    await edit(context, GUILD, "Gulls", Draft(query="seals"))
    assert await found(stores, "Gulls", GUILD) == IS_NOT


async def test_a_database_of_the_first_version_keeps_its_topics(empty_url: str) -> None:
    def upgrade(connection: sa.Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0040")
        for statement in FIRST_VERSION:
            connection.execute(sa.text(statement), {"server": GUILD} if ":server" in statement else {})

    engine = create_async_engine(normalise(empty_url))
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()
    db = await Database.open(empty_url)
    async with db.read() as connection:
        rows = (await connection.execute(sa.select(schema.story_topics))).all()
        learned = (await connection.execute(sa.select(schema.record_topics.c.learned))).scalars().all()
    await db.close()
    assert sorted(map(tuple, rows)) == [(1, 1, 0), (1, 2, GUILD)]
    assert learned == [False, False]
