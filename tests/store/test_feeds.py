"""Feeds: which are followed, when each is due, and what is kept of a poll."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Record
from bot.domain.polling import Feed, FeedOrigin, NewFeed, Polling
from bot.services import sources as services
from bot.services.context import Context
from bot.store import feeds, quotas, schema, sources, subscriptions
from bot.store.database import Database
from bot.store.feeds import SettledPoll
from bot.store.sources import SourceStep
from tests.databases import opened
from tests.feeds import Page, Site, reader, rss
from tests.make import Clock, at, record
from tests.store.store_helpers import CHANNEL, GUILD, headlines, take

ELSEWHERE = GUILD + 1
INTERVAL = timedelta(minutes=5)
URL = "https://paper.example/feed"
WISH = NewFeed(URL, FeedOrigin.OPERATOR, "The Paper", ("AI",), 80)
OWN = NewFeed(URL, FeedOrigin.SERVER, topics=("AI",), guild_id=GUILD, added_by=(1 << 60) + 5)


async def add(db: Database, wanted: NewFeed = WISH, hours: float = 0) -> Feed:
    """Follow a feed; as it stands then."""
    async with db.write() as connection:
        source_id = await feeds.add(connection, wanted, INTERVAL, at(hours))
        (found,) = [f for f in await feeds.all_feeds(connection) if f.source_id == source_id]
    return found


async def configure(db: Database, *wanted: NewFeed, hours: float = 0) -> None:
    """As at the start of the bot, with these in its config and catalogue."""
    async with db.write() as connection:
        await feeds.configure(connection, wanted, INTERVAL, at(hours))


async def settle(db: Database, *settled: SettledPoll, hours: float = 1) -> None:
    """Polls are over."""
    async with db.write() as connection:
        await feeds.settle(connection, settled, at(hours))


async def every(db: Database, guild_id: int | None = None) -> list[Feed]:
    async with db.read() as connection:
        return await feeds.all_feeds(connection, guild_id)


async def now(db: Database, feed: Feed) -> Feed:
    """A feed as it stands now."""
    (found,) = [f for f in await every(db) if f.source_id == feed.source_id]
    return found


async def due(db: Database, hours: float, followed: Sequence[int] = (), limit: int = 100) -> list[str]:
    """The addresses of the feeds that are to be polled."""
    async with db.read() as connection:
        found = await feeds.due(connection, at(hours), followed, limit)
    return [feed.address for feed in found]


async def claim(db: Database, *wanted: Feed, hours: float = 0) -> list[str]:
    """Take these to poll; the addresses of those that were to be had."""
    async with db.write() as connection:
        taken = await feeds.claim(connection, [feed.source_id for feed in wanted], at(hours))
    return [feed.address for feed in wanted if feed.source_id in taken]


async def next_due(db: Database, *followed: int) -> datetime | None:
    """When the next feed is due."""
    async with db.read() as connection:
        return await feeds.next_due(connection, followed)


def named(host: str, origin: FeedOrigin = FeedOrigin.OPERATOR, **more: object) -> NewFeed:
    """A feed at an address of its own."""
    return NewFeed(f"https://{host}.example/feed", origin, **more)  # type: ignore[arg-type] # what a feed has


def polled(feed: Feed, hours: float | None, error: str = "", **more: object) -> SettledPoll:
    """A poll of it, after which it is due again at that time."""
    next_poll = None if hours is None else at(hours)
    failures = 1 if error else 0
    since = at() if error else None
    return SettledPoll(
        feed.source_id,
        Polling(INTERVAL, next_poll, failures, since),
        error,
        **more,  # type: ignore[arg-type] # what is kept
    )


# Following.


async def test_a_feed_that_is_added_is_due_at_once(stores: Database) -> None:
    feed = await add(stores, hours=2)
    assert feed == Feed(
        source_id=feed.source_id,
        guild_id=0,
        address=URL,
        url=URL,
        name="The Paper",
        title="",
        topics=("AI",),
        quality=80,
        origin=FeedOrigin.OPERATOR,
        polled_at=None,
        polling=Polling(INTERVAL, at(2)),
        intake_done=False,
        last_success=None,
        last_error="",
        taken=0,
        rejected=0,
    )
    assert feed.shown == "The Paper"


async def test_what_a_feed_calls_itself_may_be_known_before_it_is_polled(stores: Database) -> None:
    feed = await add(stores, replace(OWN, title="The Paper"))
    assert (feed.title, feed.shown) == ("The Paper", "The Paper")
    await settle(stores, polled(feed, 1, title="The Paper Online"))
    assert (await add(stores, replace(OWN, title="The Paper"))).title == "The Paper Online"


async def test_again_changes_what_is_declared_and_keeps_how_it_stands(stores: Database) -> None:
    feed = await add(stores)
    await settle(stores, polled(feed, 5, title="The Paper Online"))
    before = await now(stores, feed)
    changed = await add(stores, NewFeed(URL, FeedOrigin.CONFIG, "Paper", ("Space", "AI")), hours=3)
    assert changed == replace(
        before, name="Paper", topics=("Space", "AI"), quality=None, origin=FeedOrigin.CONFIG
    )
    assert len(await every(stores)) == 1


async def test_one_that_was_stopped_is_asked_again_when_it_is_added_again(stores: Database) -> None:
    feed = await add(stores)
    await settle(stores, polled(feed, None, "the feed was removed permanently (410)"))
    assert await due(stores, 10_000) == []
    await add(stores, hours=4)
    assert await due(stores, 4) == [URL]


async def test_what_stands_in_a_feeds_name_and_topics_comes_back_as_it_was(stores: Database) -> None:
    odd = NewFeed(
        "https://x.example/?a=1&b='%s'", FeedOrigin.OPERATOR, "“Ünï” \\ '%s' 😀", ("C++", "東京", 'a"b')
    )
    feed = await add(stores, odd)
    assert (feed.address, feed.name, feed.topics) == (odd.address, odd.name, odd.topics)


async def test_a_server_has_a_feed_for_itself_whoever_else_follows_it(stores: Database) -> None:
    shared, own = await add(stores), await add(stores, OWN)
    other = await add(stores, replace(OWN, guild_id=ELSEWHERE))
    assert len({shared.source_id, own.source_id, other.source_id}) == 3
    assert [f.source_id for f in await every(stores, GUILD)] == [own.source_id]
    assert [f.source_id for f in await every(stores, 0)] == [shared.source_id]
    async with stores.read() as connection:
        used = await quotas.usage(connection, (GUILD, ELSEWHERE, 7))
        assert [used[guild].feeds for guild in (GUILD, ELSEWHERE, 7)] == [1, 1, 0]


async def test_a_feed_is_found_where_it_was_and_where_it_is(stores: Database) -> None:
    own = await add(stores, OWN)
    await add(stores)
    await settle(stores, polled(own, 2, moved="https://new.example/feed"))
    async with stores.read() as connection:
        for address in (URL, "https://new.example/feed"):
            found = await feeds.find(connection, address, GUILD)
            assert found is not None
            assert (found.source_id, found.address, found.url) == (
                own.source_id,
                URL,
                "https://new.example/feed",
            )
        assert await feeds.find(connection, "https://new.example/feed", 0) is None
        assert await feeds.find(connection, URL, ELSEWHERE) is None


# What the config and the catalogue say.


async def test_the_config_and_the_catalogue_are_followed_as_they_are(stores: Database) -> None:
    a, b, c = named("a", FeedOrigin.CONFIG), named("b", FeedOrigin.CATALOGUE, topics=("AI",)), named("c")
    await configure(stores, a, b)
    await add(stores, c)
    await add(stores, OWN)
    before = {feed.address: feed for feed in await every(stores)}
    assert set(before) == {a.address, b.address, c.address, URL}
    d = named("d", FeedOrigin.CONFIG)
    await configure(stores, replace(b, name="B", topics=("Space",), quality=3), d, hours=9)
    after = {feed.address: feed for feed in await every(stores)}
    assert set(after) == {b.address, d.address, c.address, URL}, "servers' and operators' stay"
    assert after[c.address] == before[c.address]
    changed = after[b.address]
    assert (changed.source_id, changed.name, changed.topics, changed.quality) == (
        before[b.address].source_id,
        "B",
        ("Space",),
        3,
    )


async def test_a_start_with_the_same_config_leaves_every_feed_as_it_stands(stores: Database) -> None:
    wanted = [
        named("a", FeedOrigin.CONFIG, topics=("AI",), quality=5),
        named("b", FeedOrigin.CATALOGUE, name="B"),
    ]
    await configure(stores, *wanted)
    for feed in await every(stores):
        await settle(stores, polled(feed, 3, "it failed", title="A title"))
    before = await every(stores)
    await configure(stores, *wanted, hours=1)
    assert await every(stores) == before


async def test_the_config_takes_a_feed_over_from_the_catalogue_and_back(stores: Database) -> None:
    listed = named("a", FeedOrigin.CATALOGUE, name="Listed", topics=("AI",))
    await configure(stores, listed)
    (first,) = await every(stores)
    await configure(stores, replace(listed, origin=FeedOrigin.CONFIG, topics=("Space",)))
    (own,) = await every(stores)
    assert (own.source_id, own.origin, own.topics) == (first.source_id, FeedOrigin.CONFIG, ("Space",))
    await configure(stores, listed)
    (back,) = await every(stores)
    assert (back.source_id, back.origin, back.topics) == (first.source_id, FeedOrigin.CATALOGUE, ("AI",))


async def test_what_an_operator_added_stays_as_they_added_it(stores: Database) -> None:
    """Even if the catalogue has it too: it would be polled only while somebody follows it."""
    await configure(stores, named("a", FeedOrigin.CATALOGUE, topics=("AI",)))
    added = await add(stores, named("a", topics=("Space",)))
    await configure(stores, named("a", FeedOrigin.CATALOGUE, name="A", topics=("AI",)), hours=1)
    assert await every(stores) == [added]
    await configure(stores, hours=2)
    assert await every(stores) == [added]


async def test_the_config_takes_over_what_an_operator_added(stores: Database) -> None:
    added = await add(stores, named("a", topics=("Space",)))
    await settle(stores, polled(added, 5, title="A title"))
    wanted = named("a", FeedOrigin.CONFIG, name="A", topics=("AI",), quality=3)
    await configure(stores, wanted, hours=1)
    (own,) = await every(stores)
    assert (own.source_id, own.origin, own.name, own.topics, own.quality) == (
        added.source_id,
        FeedOrigin.CONFIG,
        "A",
        ("AI",),
        3,
    )
    assert (own.title, own.polling.next_poll) == ("A title", at(5))
    await configure(stores, hours=2)
    assert await every(stores) == [], "as of all that the config had"


async def test_the_config_takes_over_what_an_operator_added_in_another_spelling(stores: Database) -> None:
    await add(stores, NewFeed("http://www.a.example/feed/", FeedOrigin.OPERATOR, topics=("Space",)))
    wanted = named("a", FeedOrigin.CONFIG, topics=("AI",))
    for _ in range(2):
        await configure(stores, wanted)
        assert [(f.address, f.topics) for f in await every(stores)] == [(wanted.address, ("AI",))]


# Following no longer.


async def test_a_feed_that_is_followed_again_begins_anew(stores: Database) -> None:
    """What it brought meanwhile is no news: its first intake is silent again."""
    feed = await add(stores)
    async with stores.write() as connection:
        await sources.advance(
            connection,
            [
                sources.SourceStep(
                    feed.source_id, {"http": {"etag": '"1"'}}, taken=3, finished=at(), rejected=1
                )
            ],
        )
        await feeds.settle(connection, [polled(feed, 2, "it failed")], at(1))
        await feeds.remove(connection, [feed.source_id])
        assert await feeds.all_feeds(connection) == []
        assert await feeds.states(connection, [feed.source_id]) == {}
    again = await add(stores, hours=9)
    assert (again.source_id, again.intake_done, again.polling.failures) == (feed.source_id, False, 0)
    assert (again.polling.next_poll, again.title, again.polled_at) == (at(9), "", None)
    async with stores.read() as connection:
        assert await sources.progress(connection, feed.source_id) == {}


async def test_removing_leaves_all_others(stores: Database) -> None:
    made = [await add(stores, named(f"n{number}")) for number in range(5)]
    async with stores.write() as connection:
        await feeds.remove(connection, [])
        await feeds.remove(connection, [made[1].source_id, made[3].source_id, 99_999])
    assert [f.source_id for f in await every(stores)] == [made[i].source_id for i in (0, 2, 4)]


# What is due.


async def test_the_longest_waiting_are_due_first(stores: Database) -> None:
    made = [await add(stores, named(name)) for name in "abcd"]
    await settle(stores, *(polled(feed, hours) for feed, hours in zip(made, (3, 1, 2, 5), strict=True)))
    assert await due(stores, 0.9) == []
    expected = [made[i].address for i in (1, 2, 0)]
    assert await due(stores, 3) == expected
    assert await due(stores, 3, limit=2) == expected[:2]
    assert await next_due(stores) == at(1)


async def test_a_feed_that_somebody_claimed_is_nobody_elses_until_it_is_settled(stores: Database) -> None:
    a, b = await add(stores, named("a")), await add(stores, named("b"))
    assert await claim(stores, a) == [a.address]
    assert await claim(stores, a, b) == [b.address]
    assert await due(stores, 0) == []
    await settle(stores, polled(a, 1), hours=0)
    assert await claim(stores, a, b) == []
    assert await due(stores, 1 - 1 / 60) == [b.address], "its lease has ended"
    assert await claim(stores, a, b, hours=1) == [a.address, b.address]


async def test_a_lease_ends_by_itself_or_when_it_is_given_up(stores: Database) -> None:
    a, b = await add(stores, named("a")), await add(stores, named("b"))
    end = feeds.LEASE / timedelta(hours=1)
    assert await claim(stores, a, b) == [a.address, b.address]
    assert await next_due(stores) == at(end)
    async with stores.write() as connection:
        await feeds.release(connection, [a.source_id])
    assert await due(stores, 0) == [a.address]
    assert await next_due(stores) == at()
    assert await due(stores, end - 0.01) == [a.address]
    assert await due(stores, end) == [a.address, b.address]


async def test_a_feed_that_changed_since_it_was_found_due_is_not_claimed(stores: Database) -> None:
    gone, stopped, polled_since = [await add(stores, named(name)) for name in "abc"]
    await settle(
        stores, polled(stopped, None, "the feed was removed permanently (410)"), polled(polled_since, 1)
    )
    async with stores.write() as connection:
        await feeds.remove(connection, [gone.source_id])
    assert await claim(stores, gone, stopped, polled_since) == []


async def test_of_the_catalogue_only_those_that_are_followed_are_due(stores: Database) -> None:
    listed = await add(stores, named("listed", FeedOrigin.CATALOGUE))
    other = await add(stores, named("other", FeedOrigin.CATALOGUE))
    own = [
        await add(stores, named(origin.value, origin, guild_id=GUILD if origin is FeedOrigin.SERVER else 0))
        for origin in (FeedOrigin.CONFIG, FeedOrigin.SERVER, FeedOrigin.OPERATOR)
    ]
    always = [feed.address for feed in own]
    assert await due(stores, 1) == [feed.address for feed in own if not feed.guild_id]  # nobody there reads
    async with stores.write() as connection:
        await subscriptions.ensure_channel(connection, CHANNEL, GUILD)
    assert await due(stores, 1) == always
    assert await due(stores, 1, followed=[other.source_id]) == [other.address, *always]
    await settle(stores, *(polled(feed, 8) for feed in (*own, other)))
    assert await next_due(stores) == at(8)
    assert await next_due(stores, listed.source_id) == at()


async def test_a_stopped_feed_is_never_due(stores: Database) -> None:
    feed = await add(stores)
    await settle(stores, polled(feed, None, "the feed was removed permanently (410)"))
    assert await due(stores, 1_000_000) == []
    assert await next_due(stores, feed.source_id) is None


async def test_what_the_catalogue_is_about(stores: Database) -> None:
    feed = await add(stores, named("a", FeedOrigin.CATALOGUE, topics=("AI", "Space")))
    await add(stores, named("b", FeedOrigin.CONFIG, topics=("AI",)))
    async with stores.read() as connection:
        assert await feeds.catalogue(connection) == {feed.source_id: ("AI", "Space")}


async def multiply(connection: AsyncConnection, table: sa.Table, number: int) -> None:
    """Have so many rows like the first one, in a moment: their numbers, names and addresses are their own."""
    (first,) = (await connection.execute(sa.select(table))).mappings()
    own = {"id", "source_id", "name", "address", "url"} & set(first)
    rows = [
        {
            **first,
            **{key: first[key] + n if isinstance(first[key], int) else f"{first[key]}{n}" for key in own},
        }
        for n in range(1, number)
    ]
    await connection.execute(sa.insert(table), rows)


async def test_many_feeds_are_asked_for_at_once(stores: Database) -> None:
    """More than a statement takes parameters."""
    await configure(stores, named("n0", FeedOrigin.CATALOGUE))
    async with stores.write() as connection:
        for table in (schema.sources, schema.feeds):
            await multiply(connection, table, 1200)
        ids = [feed.source_id for feed in await feeds.all_feeds(connection)]
        assert await feeds.claim(connection, ids[:600], at(1)) == set(ids[:600])
        assert len(await feeds.due(connection, at(1), ids, 5000)) == 600
        assert len(await feeds.states(connection, ids)) == 1200
        await feeds.remove(connection, ids)
    assert await every(stores) == []


# How polls went.


async def test_a_poll_that_went_well_is_noted(stores: Database) -> None:
    feed, other = await add(stores), await add(stores, OWN)
    await settle(stores, polled(feed, 1, "it failed"))
    kept = SettledPoll(feed.source_id, Polling(timedelta(minutes=42), at(3)), title="The Paper Online")
    await settle(stores, kept, hours=2)
    after = await now(stores, feed)
    assert after == replace(
        feed, title="The Paper Online", polled_at=at(2), polling=kept.polling, last_success=at(2)
    )
    assert await now(stores, other) == other


async def test_a_poll_that_failed_is_noted_with_its_reason(stores: Database) -> None:
    feed = await add(stores)
    await settle(stores, polled(feed, 1))
    polling = Polling(INTERVAL, at(9), 4, at(2), warned=True)
    await settle(stores, SettledPoll(feed.source_id, polling, "x" * 1000), hours=3)
    after = await now(stores, feed)
    assert (after.polling, after.polled_at, after.last_success) == (polling, at(3), at(1))
    assert after.last_error == "x" * 499 + "…"


async def test_a_title_and_an_address_stay_until_there_are_others(stores: Database) -> None:
    feed = await add(stores, replace(WISH, name=""))
    await settle(stores, polled(feed, 1, title="One", moved="https://two.example/"))
    await settle(stores, polled(feed, 1))
    kept = await now(stores, feed)
    assert (kept.title, kept.url, kept.address, kept.shown) == ("One", "https://two.example/", URL, "One")
    await settle(stores, polled(feed, 1, title="Two", moved="https://three.example/"))
    changed = await now(stores, feed)
    assert (changed.title, changed.url, changed.address) == ("Two", "https://three.example/", URL)


async def test_polls_of_several_feeds_are_noted_together_each_its_own(stores: Database) -> None:
    made = [await add(stores, named(name)) for name in "abc"]
    await settle(stores)
    await settle(
        stores,
        polled(made[0], 1, title="A"),
        polled(made[1], 2, "it failed"),
        polled(made[2], None, "gone", moved="https://c2.example/"),
    )
    a, b, c = [await now(stores, feed) for feed in made]
    assert (a.title, a.last_error, a.last_success, a.polling.next_poll) == ("A", "", at(1), at(1))
    assert (b.title, b.last_error, b.last_success, b.polling.next_poll) == ("", "it failed", None, at(2))
    assert (c.url, c.last_error, c.polling.next_poll) == ("https://c2.example/", "gone", None)


async def test_a_feed_that_was_removed_meanwhile_stays_removed(stores: Database) -> None:
    feed = await add(stores)
    async with stores.write() as connection:
        await feeds.remove(connection, [feed.source_id])
    await settle(stores, polled(feed, 1))
    assert await every(stores) == []


@pytest.mark.parametrize("guild_id", [None, 0, GUILD])
async def test_feeds_are_counted_by_state(stores: Database, guild_id: int | None) -> None:
    none = {"fine": 0, "new": 0, "failing": 0, "stopped": 0}
    async with stores.read() as connection:
        assert await feeds.states_of_all(connection, guild_id) == none
    for of in (0, GUILD):
        made = [await add(stores, named(f"{name}{of}", guild_id=of)) for name in "abcde"]
        await settle(
            stores,
            polled(made[0], 1),
            polled(made[1], 1, "x"),
            polled(made[2], None, "x"),
            polled(made[3], 2),
        )
    each = {"fine": 2, "new": 1, "failing": 1, "stopped": 1}
    async with stores.read() as connection:
        found = await feeds.states_of_all(connection, guild_id)
    assert found == (each if guild_id is not None else {state: 2 * n for state, n in each.items()})


# What a feed is about.


async def test_a_feed_is_about_what_it_brought_lately(stores: Database) -> None:
    feed, other = await add(stores), await add(stores, OWN)
    old, new, more = headlines(3)

    async def bring(wanted: Record, of: Feed, hours: float) -> None:
        made = await take(stores, wanted, hours=hours)
        async with stores.write() as connection:
            moved = sa.update(schema.records).where(schema.records.c.id.in_(list(made.records)))
            await connection.execute(moved.values(source_id=of.source_id))

    await bring(record(old, topics=["History"], hours=-100), feed, -100)
    await bring(record(new, topics=["AI", "Space"]), feed, 0)
    await bring(record(more, topics=["Sports"]), other, 0)
    async with stores.read() as connection:
        assert await feeds.topics_from(connection, feed.source_id, at(-1)) == {(0, "AI"), (0, "Space")}
        long = await feeds.topics_from(connection, feed.source_id, at(-200))
        assert long == {(0, "AI"), (0, "Space"), (0, "History")}
        assert await feeds.topics_from(connection, other.source_id, at(-1)) == {(0, "Sports")}
        assert await feeds.topics_from(connection, 99_999, at(-1)) == set()


# One feed in several spellings.


async def test_a_feed_is_found_by_another_spelling_of_its_address(stores: Database) -> None:
    made = await add(stores, NewFeed("https://www.paper.example/feed/", FeedOrigin.OPERATOR))
    async with stores.read() as connection:
        for address in ("http://paper.example/feed", "https://paper.example/feed/?utm_source=x"):
            found = await feeds.find(connection, address, 0)
            assert found is not None
            assert found.source_id == made.source_id
        assert await feeds.find(connection, "https://paper.example/other", 0) is None


async def test_the_catalogue_does_not_have_what_the_operator_added_in_another_spelling(
    stores: Database,
) -> None:
    await add(stores, NewFeed("http://paper.example/feed/", FeedOrigin.OPERATOR))
    async with stores.write() as connection:
        listed = NewFeed("https://paper.example/feed", FeedOrigin.CATALOGUE)
        await feeds.configure(connection, [listed], timedelta(minutes=5), at())
    assert len(await every(stores)) == 1


async def remove_it(context: Context, _site: Site) -> None:
    await services.remove(context, "The Paper", GUILD)


async def add_it_again(context: Context, site: Site) -> None:
    await services.add(context, site.url(), guild_id=GUILD)


@pytest.mark.parametrize(("change", "removed_before"), [(remove_it, False), (add_it_again, True)])
async def test_a_feed_changes_while_its_poll_is_stored(
    postgres_url: str, change: Callable[[Context, Site], Coroutine[Any, Any, None]], removed_before: bool
) -> None:
    """Both lock the feed, its source and its server's counts, which is a deadlock unless one waits for all of the other."""
    site = Site({"/feed": Page(rss("Anglers count herons", title="The Paper"))})
    async with opened(postgres_url) as db, site.serving(), AsyncExitStack() as stack:
        web = reader()
        stack.push_async_callback(web.close)
        context = Context(db, Clock(), web=web)
        await add_it_again(context, site)
        (feed,) = await every(db, GUILD)
        if removed_before:
            await remove_it(context, site)
        async with db.intake() as poll:
            changing = asyncio.create_task(change(context, site))
            await wait_for_a_lock(db)
            await sources.advance(poll, [SourceStep(feed.source_id, {"state": 1}, 1, at(1), 0)])
            await quotas.count_new_records(poll, {GUILD: 1}, at(1).date())
            await feeds.settle(poll, [SettledPoll(feed.source_id, feed.polling)], at(1))
        await changing
        assert len(await every(db, GUILD)) == (1 if removed_before else 0)


async def wait_for_a_lock(db: Database) -> None:
    """Wait until a transaction waits for another one."""
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(1_000):
        async with db.read() as connection:
            if await connection.scalar(waiting):
                return
    raise AssertionError("no transaction waits")
