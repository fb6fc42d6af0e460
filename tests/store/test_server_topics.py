"""Topics of servers in the database: apart from the shared ones and from each other, and what is kept of all in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.model import Record, Subscription, Topic, Volume
from bot.domain.polling import FeedOrigin, NewFeed
from bot.domain.topics.query.language import Query
from bot.domain.topics.tree import ANYWHERE
from bot.services.context import Context
from bot.services.server_topics import Draft, create, delete, edit
from bot.store import feeds, quotas, server_topics, stories, subscriptions, topics
from bot.store.database import Database
from bot.store.topic_cache import TopicCache
from bot.workers import rematch
from tests.databases import opened
from tests.make import Clock, at, record
from tests.store.store_helpers import CHANNEL, GUILD, stored_of, story_counts, take, topic_cache

OTHERS = GUILD + 1
WIND = Topic("Wind", aliases=("Turbines",), parent="Energy", query='"wind farm"', guild_id=GUILD)
TWIN = Topic("wind", query="golf", guild_id=OTHERS)


async def add(db: Database, *wanted: Topic) -> None:
    async with db.intake() as connection:
        for topic in wanted:
            await server_topics.add(connection, topic)


async def names(db: Database, guild_id: int = 0) -> list[str]:
    async with db.read() as connection:
        return [topic.name for topic in await topic_cache(db).load(connection, guild_id)]


async def latest(db: Database, topic: str, guild_id: int) -> list[int]:
    async with db.read() as connection:
        return await stories.latest(connection, [topic], 100, guild_id)


async def arrived(db: Database, topic: str, guild_id: int) -> list[int]:
    async with db.read() as connection:
        return await stories.arrived(connection, [topic], at(-1), at(1000), guild_id)


async def number(db: Database, wanted: Record) -> int:
    found = (await stored_of(db, wanted)).story
    assert found is not None
    return found


async def test_it_comes_back_as_it_was_made_for_its_server(stores: Database) -> None:
    await add(stores, WIND, TWIN)
    async with stores.read() as connection:
        known = await TopicCache().load(connection)
        assert list(known.visible_to(GUILD)) == [WIND]
        assert list(known.visible_to(OTHERS)) == [TWIN]
        assert list(known) == []
        used = await quotas.usage(connection, (GUILD, OTHERS, 0))
        assert [used[guild].topics for guild in (GUILD, OTHERS, 0)] == [1, 1, 0]
        assert await topics.ids(connection) == {}


async def test_configuring_and_learning_leave_it_alone(stores: Database) -> None:
    await add(stores, WIND)
    await take(stores, record("Something", topics=["WIND"]))
    async with stores.intake() as connection:
        await topics.configure(connection, [Topic("Gale", aliases=("wind", "turbines"))])
    assert await names(stores) == ["Gale"], "what records brought along is the topic of that other name now"
    assert await names(stores, GUILD) == ["Gale", "Wind"]
    async with stores.intake() as connection:
        await topics.configure(connection, [])
    assert await names(stores, GUILD) == ["Gale", "Wind"]


async def test_a_story_is_found_by_it_in_its_server_alone(stores: Database) -> None:
    await add(stores, WIND, TWIN)
    one, two = record("A wind farm opens"), record("Golf in the rain", "b.example")
    await take(stores, one, two)
    first, second = await number(stores, one), await number(stores, two)
    for find in (latest, arrived):
        assert await find(stores, "wind", GUILD) == [first]
        assert await find(stores, "wind", OTHERS) == [second]
        assert await find(stores, "wind", 0) == await find(stores, "wind", 7) == []
    async with stores.read() as connection:
        assert (await story_counts(connection, GUILD))["Wind"] == 1
        assert (await story_counts(connection, OTHERS))["wind"] == 1
        assert await story_counts(connection) == {}
        seen = (await stories.load(connection, [first], OTHERS))[first]
        assert [match.topic for own in seen.topics.values() for match in own] == []
        seen = (await stories.load(connection, [first], GUILD))[first]
        assert [match.keywords for own in seen.topics.values() for match in own] == [("wind farm",)]


async def test_a_name_that_looks_like_a_servers_key_is_a_name(stores: Database) -> None:
    await add(stores, WIND)
    await take(stores, record("Something", topics=[f"{GUILD} wind", f"{GUILD}: Wind"]))
    assert await latest(stores, "wind", GUILD) == []
    assert len(await names(stores)) == 2


async def test_a_change_keeps_its_subscriptions_and_forgets_the_records_of_another_query(
    stores: Database,
) -> None:
    await add(stores, WIND)
    await take(stores, record("A wind farm opens"))
    async with stores.intake() as connection:
        wanted = Subscription(0, GUILD, CHANNEL, "Wind", volume=Volume.EVERYTHING)
        await subscriptions.subscribe(connection, wanted, await topics.id_of(connection, WIND), at())
        renamed = Topic("Gale", query=WIND.query, guild_id=GUILD)
        await server_topics.change(connection, WIND, renamed)
    assert await latest(stores, "Gale", GUILD) == [1]
    async with stores.intake() as connection:
        assert await server_topics.channels(connection, renamed, GUILD) == (CHANNEL,)
        assert await server_topics.channels(connection, renamed, OTHERS) == ()
        await server_topics.change(connection, renamed, Topic("Gale", query="gale", guild_id=GUILD))
    assert await latest(stores, "Gale", GUILD) == []
    async with stores.read() as connection:
        (kept,) = await subscriptions.subscriptions(connection, guild_id=GUILD)
    assert kept.topic == "Gale"


async def follow(db: Database, *names: str, guild_id: int = GUILD) -> int:
    """A server's own feed that is about these topics."""
    wanted = NewFeed("https://tide.example/feed", FeedOrigin.SERVER, "Tide", names, guild_id=guild_id)
    async with db.write() as connection:
        return await feeds.add(connection, wanted, timedelta(hours=1), at())


async def about(db: Database, feed: int) -> tuple[str, ...]:
    async with db.read() as connection:
        return (await feeds.get(connection, feed)).topics


async def test_what_its_servers_feeds_bring_stays_in_it_whatever_its_query_and_name(stores: Database) -> None:
    await add(stores, WIND, TWIN)
    own, theirs = await follow(stores, "Wind", "AI"), await follow(stores, "wind", guild_id=OTHERS)
    calm = record("A calm day", topics=["wind", "AI"])
    async with stores.intake() as connection:
        await topics.define(connection, [Topic("AI")])
    await take(stores, calm, guild_id=GUILD)
    assert await latest(stores, "Wind", GUILD) == [1]
    assert await latest(stores, "Wind", OTHERS) == await latest(stores, "Wind", 0) == []
    context = Context(stores, Clock())
    made = await edit(context, GUILD, "Wind", Draft(name="Gale", query="gale"))
    assert made.records == 1
    assert await latest(stores, "Gale", GUILD) == [1]
    assert await about(stores, own) == ("Gale", "AI")
    assert await about(stores, theirs) == ("wind",), "another server's"
    await rematch.define(context, [Topic("Space", keywords=("rocket",))])
    assert await latest(stores, "Gale", GUILD) == [1]
    await delete(context, GUILD, "Gale")
    assert await about(stores, own) == ("AI",)
    await rematch.define(context, [Topic("Space", keywords=("satellite",))])
    assert await names(stores) == ["AI", "Space"], "a server makes no topics for everybody"
    assert await latest(stores, "AI", GUILD) == [1]


async def test_removing_it_ends_its_subscriptions_and_no_others(stores: Database) -> None:
    await add(stores, WIND, TWIN)
    async with stores.intake() as connection:
        for topic, guild_id, channel in ((WIND, GUILD, CHANNEL), (TWIN, OTHERS, CHANNEL + 1)):
            wanted = Subscription(0, guild_id, channel, topic.name)
            await subscriptions.subscribe(connection, wanted, await topics.id_of(connection, topic), at())
    await take(stores, record("A wind farm opens beside a golf club"))
    async with stores.intake() as connection:
        await server_topics.remove(connection, WIND)
        assert [s.guild_id for s in await subscriptions.subscriptions(connection)] == [OTHERS]
    assert await names(stores, GUILD) == []
    assert await latest(stores, "Wind", GUILD) == []
    assert await latest(stores, "Wind", OTHERS) == [1]


async def test_feeds_are_sought_for_what_is_followed(stores: Database) -> None:
    async with stores.intake() as connection:
        ids = await topics.ensure(connection, ["Space"])
        assert await topics.followed(connection) == frozenset()
        await subscriptions.subscribe(connection, Subscription(0, GUILD, 1, "Space"), ids["space"], at())
    assert await _followed(stores) == {"space"}
    await add(stores, WIND, TWIN)
    async with stores.intake() as connection:
        own = await topics.id_of(connection, WIND)
        await subscriptions.subscribe(connection, Subscription(0, GUILD, 1, "Wind"), own, at())
    assert await _followed(stores) == {"space", "energy"}
    async with stores.intake() as connection:
        own = await topics.id_of(connection, TWIN)
        await subscriptions.subscribe(connection, Subscription(0, OTHERS, 2, "wind"), own, at())
    assert await _followed(stores) == {"space", "energy", ANYWHERE}


async def _followed(db: Database) -> frozenset[str]:
    async with db.read() as connection:
        return await topics.followed(connection)


# Looking back.


async def test_every_record_of_a_month_is_looked_back_at_and_none_before(
    stores: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.server_topics.AT_ONCE", 3)
    context = Context(stores, clock)
    own = [record(f"Wind report {n}", f"{n}.example", hours=n) for n in range(8)]
    for n, each in enumerate(own):
        await take(stores, each, hours=n)
    clock.forward(days=30, hours=1, minutes=30)
    made = await create(context, GUILD, Draft("Wind", "wind"))
    assert made.records == 6
    assert (await edit(context, GUILD, "wind", Draft(query="wind report"))).records == 6
    assert (await edit(context, GUILD, "wind", Draft(query="storm"))).records == 0
    assert await latest(stores, "Wind", GUILD) == []


async def test_two_managers_at_once_make_one_of_a_name(
    stores: Database, store_url: str, clock: Clock
) -> None:
    async with opened(store_url) as other:
        made = await asyncio.gather(
            *(create(Context(db, clock), GUILD, Draft("Wind", "wind")) for db in (stores, other) * 2),
            return_exceptions=True,
        )
    assert sum(isinstance(one, BaseException) for one in made) == 3
    assert await names(stores, GUILD) == ["Wind"]


# What is kept in memory.


async def test_topics_are_built_once_and_again_when_they_change(stores: Database, store_url: str) -> None:
    await add(stores, WIND)
    async with opened(store_url) as other:
        for db in (stores, other):
            async with db.read() as connection:
                first = await topic_cache(db).load(connection)
            async with db.intake() as connection:
                assert await topic_cache(db).load(connection) is first
                assert await topic_cache(db).load(connection, GUILD) is first.visible_to(GUILD)
        context = Context(other, Clock())
        await edit(context, GUILD, "Wind", Draft(name="Gale"))
        assert await names(stores, GUILD) == ["Gale"]
        await delete(Context(stores, Clock()), GUILD, "Gale")
        assert await names(other, GUILD) == []
        async with other.write() as connection:
            await topics.ensure(connection, ["Space"])
        assert await names(stores, GUILD) == ["Space"]


async def test_a_change_that_was_not_stored_is_not_kept(stores: Database) -> None:
    await add(stores, WIND)
    assert await names(stores, GUILD) == ["Wind"]
    with pytest.raises(ZeroDivisionError):
        async with stores.intake() as connection:
            await topics.ensure(connection, ["Never"])
            assert [topic.name for topic in await topic_cache(stores).load(connection)] == ["Never"]
            raise ZeroDivisionError
    async with stores.write() as connection:
        await topics.ensure(connection, ["Space"])
    assert await names(stores) == ["Space"]


async def test_what_is_changed_in_a_transaction_counts_in_it_at_once(stores: Database) -> None:
    async with stores.intake() as connection:
        await server_topics.add(connection, WIND)
        assert list(await topic_cache(stores).load(connection, GUILD)) == [WIND]
        await server_topics.remove(connection, WIND)
        assert list(await topic_cache(stores).load(connection, GUILD)) == []


async def test_two_processes_that_change_topics_at_once_are_both_heard(
    stores: Database, store_url: str
) -> None:
    """So that no process takes what the first of them left for what the second one did."""

    async def learn(db: Database, name: str) -> None:
        async with db.write() as connection:
            await topics.ensure(connection, [name])

    async with opened(store_url) as other:
        for round_ in range(5):
            await asyncio.gather(*(learn(db, f"{round_} {n}") for n, db in enumerate((stores, other) * 2)))
            found = [await names(db) for db in (stores, other)]
            assert found[0] == found[1]
            assert len(found[0]) == 4 * (round_ + 1)


async def test_a_stored_query_that_cannot_be_read_stops_nothing(
    stores: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await add(stores, Topic("Old", query="(wind", guild_id=GUILD), WIND)
    await take(stores, record("A wind farm opens"))
    assert await latest(stores, "Wind", GUILD) == [1]
    assert "the query of topic 'Old' is ignored: this ( has no matching )" in caplog.text
    assert caplog.text.count("is ignored") == 1, "told once, not at every intake"


async def test_a_query_is_parsed_once_while_its_topic_is_known(stores: Database) -> None:
    async def parsed() -> dict[str, Query]:
        async with stores.read() as connection:
            return dict((await topic_cache(stores).load(connection)).matcher.parsed)

    await add(stores, WIND, TWIN)
    before = await parsed()
    assert set(before) == {WIND.query, TWIN.query}
    other = Topic("Sea", query="sea", guild_id=GUILD)
    await add(stores, other)
    async with stores.intake() as connection:
        await server_topics.remove(connection, TWIN)
    after = await parsed()
    assert set(after) == {WIND.query, other.query}
    assert after[WIND.query] is before[WIND.query]
