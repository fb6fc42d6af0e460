"""What the database compares names and titles by, and what becomes of a database that compared them otherwise."""

from __future__ import annotations

from importlib import import_module

import sqlalchemy as sa

from bot.domain.model import Subscription, Topic
from bot.services.context import Context
from bot.services.search import find
from bot.store import schema, server_topics, stories, subscriptions, topics
from bot.store.database import Database
from tests.make import Clock, at, record
from tests.store.taking import CHANNEL, GUILD, OTHER, take

MIGRATION = import_module("bot.store.migrations.versions.0020_folded")
COMPOSED, APART = "Zoë", "Zoe\u0308"


async def migrate(db: Database) -> None:
    async with db.write() as connection:
        await connection.run_sync(MIGRATION.fold)


async def keys(db: Database, table: sa.Table) -> list[tuple[str, str]]:
    label = table.c.name if "name" in table.c else table.c.value
    async with db.read() as connection:
        rows = await connection.execute(sa.select(label, table.c.key).order_by(table.c.id))
        return [(row[0], row.key) for row in rows]


async def test_a_mute_is_one_and_is_taken_back_in_whatever_form_it_is_typed(stores: Database) -> None:
    async with stores.write() as connection:
        for value in (COMPOSED, APART, COMPOSED.upper()):
            await subscriptions.mute(connection, GUILD, None, value)
        assert len(await subscriptions.mutes(connection, GUILD)) == 1
        await subscriptions.unmute(connection, GUILD, None, f" {APART}")
        assert await subscriptions.mutes(connection, GUILD) == ()


async def test_topics_of_names_that_look_the_same_become_one(stores: Database) -> None:
    async with stores.write() as connection:
        await topics.define(connection, [Topic(COMPOSED, keywords=("zoë",))])
        (first,) = (await topics.ids(connection)).values()
        stray = sa.insert(schema.topics).values({**topics.row_of(Topic(APART)), "key": "zoe\u0308"})
        second = (await connection.execute(stray.returning(schema.topics.c.id))).scalar_one()
        await subscriptions.subscribe(connection, Subscription(0, GUILD, CHANNEL, COMPOSED), first, at())
        await subscriptions.subscribe(connection, Subscription(0, GUILD, CHANNEL, APART), second, at())
        await subscriptions.subscribe(connection, Subscription(0, GUILD, OTHER, APART), second, at())
    for _ in range(2):  # again it changes nothing
        await migrate(stores)
        async with stores.read() as connection:
            followed = [(s.channel_id, s.topic) for s in await subscriptions.subscriptions(connection)]
            assert sorted(followed) == [(CHANNEL, COMPOSED), (OTHER, COMPOSED)]
            assert [topic.keywords for topic in await topics.load(connection, 0)] == [("zoë",)]


async def test_of_a_servers_topics_that_look_the_same_none_loses_its_query(stores: Database) -> None:
    async with stores.write() as connection:
        await server_topics.add(connection, Topic(COMPOSED, query="ferry", guild_id=GUILD))
        row = {**topics.row_of(Topic(APART, query="whale", guild_id=GUILD)), "key": f"{GUILD}\nzoe\u0308"}
        await connection.execute(sa.insert(schema.topics).values(row))
    await migrate(stores)
    async with stores.read() as connection:
        known = await topics.load(connection, GUILD)
    assert {topic.name: topic.query for topic in known} == {COMPOSED: "ferry", f"{APART} (2)": "whale"}
    assert known.resolve(f"{COMPOSED} (2)") == known.resolve(f"{APART} (2)")


async def test_keys_of_before_are_made_anew(stores: Database) -> None:
    async with stores.write() as connection:
        await topics.learn(connection, ["İzmir", "Deep‑Sea"])
        await connection.execute(
            sa.update(schema.topics).values(key=sa.func.lower(schema.topics.c.name) + "\u0307")
        )
        for value, key in (("Zoë", "zoe\u0308"), (APART, "x")):
            row = {"guild_id": GUILD, "channel_id": 0, "value": value, "key": key}
            await connection.execute(sa.insert(schema.mutes).values(row))
    await migrate(stores)
    assert await keys(stores, schema.topics) == [("İzmir", "izmir"), ("Deep‑Sea", "deep-sea")]
    assert await keys(stores, schema.mutes) == [("Zoë", "zoë")]


async def test_what_was_stored_before_is_found_by_search_and_by_title(stores: Database) -> None:
    await take(
        stores, record("İzmir ferry o\ufb03ce reopens", "a.example"), record("Plain title", "b.example")
    )
    async with stores.write() as connection:
        await connection.execute(sa.update(schema.stories).values(search="old"))
        await connection.execute(sa.delete(MIGRATION._search).where(MIGRATION._search.c.rowid >= 0))
    await migrate(stores)
    for words in ("izmir", "IZMIR FERRY", "office", "İzm*"):
        found = await find(Context(stores, Clock()), words)
        assert [hit.stored.record.title for hit in found.hits] == ["İzmir ferry o\ufb03ce reopens"]
    async with stores.read() as connection:
        for typed in ("izmir", "I\u0307ZMIR\u00a0ferry", "ｆｅｒｒｙ office"):
            assert len(await stories.titles(connection, typed, 5)) == 1
