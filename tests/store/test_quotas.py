"""Quotas: the table says at any time what counting would."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from bot.domain.model import Topic
from bot.domain.polling import FeedOrigin, NewFeed
from bot.store import feeds, quotas, schema, server_topics
from bot.store.database import Database
from bot.store.quotas import Usage
from bot.store.topic_cache import TopicCache
from tests.databases import opened
from tests.make import at, examples, record
from tests.store.store_helpers import GUILD, headlines, take, wipe

SERVERS = (0, GUILD, GUILD + 1)
TITLES = list(headlines(4))
TODAY = date(2026, 1, 5)

# What may happen: to which server, and with which of a few feeds, topics and articles.
steps = st.lists(
    st.tuples(
        st.sampled_from(["feed", "no feed", "topic", "no topic", "article", "removed article"]),
        st.sampled_from(SERVERS),
        st.integers(0, 3),
    ),
    max_size=12,
)


async def _step(db: Database, what: str, guild_id: int, which: int) -> None:
    if "article" in what:
        mine = record(TITLES[which], f"o{which}.example", removed=what.startswith("removed"))
        await take(db, mine, guild_id=guild_id)
        return
    async with db.intake() as connection:
        address = f"https://f{which}.example/feed"
        if what == "feed":
            feed = NewFeed(address, FeedOrigin.SERVER, guild_id=guild_id)
            await feeds.add(connection, feed, timedelta(minutes=5), at())
        elif what == "no feed":
            every = await feeds.all_feeds(connection, guild_id)
            await feeds.remove(connection, [feed.source_id for feed in every if feed.address == address])
        elif guild_id:
            topic = Topic(f"Topic {which}", query="fog", guild_id=guild_id)
            exists = (await TopicCache().load(connection, guild_id)).resolve(topic.name) is not None
            if exists != (what == "topic"):
                await (server_topics.remove if exists else server_topics.add)(connection, topic)


async def _counted(db: Database, table: sa.Table) -> dict[int, int]:
    async with db.read() as connection:
        owned = sa.select(table.c.guild_id, sa.func.count()).where(table.c.guild_id != 0)
        return dict((await connection.execute(owned.group_by(table.c.guild_id))).all())


@examples(0.2, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(happening=steps)
async def test_the_table_says_what_counting_says(
    stores: Database, happening: list[tuple[str, int, int]]
) -> None:
    await wipe(stores)
    for what, guild_id, which in happening:
        await _step(stores, what, guild_id, which)
    async with stores.read() as connection:
        used = await quotas.usage(connection, SERVERS)
    for table in (schema.feeds, schema.topics, schema.records):
        counted = await _counted(stores, table)
        counts = {guild_id: getattr(usage, table.name) for guild_id, usage in used.items()}
        assert counts == {guild_id: counted.get(guild_id, 0) for guild_id in SERVERS}


async def test_a_transaction_that_fails_counts_nothing(stores: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with stores.write() as connection:
            await quotas.add(connection, "feeds", {GUILD: 1})
            raise ZeroDivisionError
    async with stores.read() as connection:
        assert await quotas.usage_of(connection, GUILD) == Usage()


async def test_new_articles_are_counted_for_each_day_anew(stores: Database) -> None:
    async with stores.write() as connection:
        await quotas.count_new_records(connection, {GUILD: 3, 0: 7}, TODAY)
        await quotas.count_new_records(connection, {GUILD: 2, GUILD + 1: 1}, TODAY)
        used = await quotas.usage(connection, SERVERS)
        assert [used[of].records_on(TODAY) for of in SERVERS] == [0, 5, 1]
        tomorrow = TODAY + timedelta(days=1)
        assert used[GUILD].records_on(tomorrow) == 0
        await quotas.count_new_records(connection, {GUILD: 4}, tomorrow)
        assert (await quotas.usage_of(connection, GUILD)).records_on(tomorrow) == 4


async def test_of_two_that_take_the_last_place_the_second_sees_the_first(
    stores: Database, store_url: str
) -> None:
    """A limit that is checked after counting holds, also for transactions of two processes."""
    limit, refused = 1, 0

    async def add(db: Database) -> None:
        nonlocal refused
        try:
            async with db.write() as connection:
                await quotas.add(connection, "feeds", {GUILD: 1})
                if (await quotas.usage_of(connection, GUILD)).feeds > limit:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            refused += 1

    async with opened(store_url) as other:
        await asyncio.gather(*(add(db) for _ in range(3) for db in (stores, other)))
    async with stores.read() as connection:
        assert (await quotas.usage_of(connection, GUILD)).feeds == limit
    assert refused == 5


async def test_the_database_refuses_less_than_nothing(stores: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        async with stores.write() as connection:
            await quotas.add(connection, "topics", {GUILD: -1})
