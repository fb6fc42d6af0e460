"""Servers are apart: whatever one of them brings or decides, the others have what they had, to the byte."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain.clustering.batch import DECLARERS, Batch
from bot.domain.model import Mode, Record, Volume
from bot.domain.posting.membership import GUESTS
from bot.errors import TopicwireError
from bot.services import curate, related, server_topics
from bot.services.context import Context
from bot.services.curate import Editor
from bot.services.subscribe import SubscribeRequest, subscribe
from bot.store import digests, feeds, outbox, schema, servers, stories, subscriptions, topics
from bot.store.database import Database
from bot.store.topic_cache import TopicCache
from bot.workers.ingest import Ingest
from tests.form import sized
from tests.make import Clock, ListSource, record

MINE, YOURS = 11, 22
CHANNELS = {MINE: 110, YOURS: 220}
EVENTS = (
    "Lighthouse keeper of Farrow Point retires after forty years",
    "Glacier lake above Tarn valley drains overnight",
    "Orchard growers vote for a shared cider press",
    "Night train between Velden and Marrow returns",
)
ENDINGS = ("", " at last", ", say neighbours", " again this spring", " to cheers")


class ServersHarness:
    """The shared source and one of each server, with a channel of each that follows all."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.clock = clock
        self.context = Context(database, clock)
        self.ingest = Ingest(self.context)
        self.sources = {guild_id: ListSource(f"list:{guild_id}") for guild_id in (0, *CHANNELS)}

    async def open(self) -> ServersHarness:
        """Past the first intakes."""
        async with self.context.db.intake() as connection:
            await topics.ensure(connection, ["Valley"])
        for guild_id, source in self.sources.items():
            await self.ingest.step(source, guild_id=guild_id)
        for guild_id, channel_id in CHANNELS.items():
            await subscribe(
                self.context, SubscribeRequest(guild_id, channel_id, "Valley", Mode.LIVE, Volume.EVERYTHING)
            )
        return self

    async def bring(self, guild_id: int, *records: Record) -> None:
        """Have a server's own source, or (0) the shared one, bring these."""
        await self.ingest.step(self.sources[guild_id].add(*records), guild_id=guild_id)

    async def rows(self, guild_id: int) -> dict[str, list[Any]]:
        """All that is stored of what a server sees and has."""
        seen = (0, guild_id)
        named = {
            "records": sa.select(schema.records).where(schema.records.c.guild_id.in_(seen)),
            "stories": sa.select(schema.stories).where(schema.stories.c.guild_id.in_(seen)),
            "outbox": sa.select(schema.outbox).where(schema.outbox.c.guild_id == guild_id),
            "held": sa.select(schema.withheld_posts).where(schema.withheld_posts.c.guild_id == guild_id),
            "rules": sa.select(schema.story_overrides).where(schema.story_overrides.c.guild_id == guild_id),
            "channels": sa.select(schema.channels).where(schema.channels.c.guild_id == guild_id),
            "topics": sa.select(schema.topics).where(schema.topics.c.guild_id.in_(seen)),
            "story_topics": sa.select(schema.story_topics)
            .join(schema.stories, schema.stories.c.number == schema.story_topics.c.story)
            .where(schema.stories.c.guild_id.in_(seen)),
        }
        async with self.context.db.read() as connection:
            found = {name: (await connection.execute(rows)).all() for name, rows in named.items()}
        return {name: sorted(map(repr, rows)) for name, rows in found.items()}

    async def answers(self, guild_id: int) -> list[Any]:
        """What a server is answered of every story that it sees."""
        async with self.context.db.read() as connection:
            numbers = await stories.latest(connection, None, None, guild_id)
        channel_id = CHANNELS[guild_id]
        found = [await related.related(self.context, f"#{n}", guild_id, channel_id) for n in numbers]
        return [repr(one) for one in found]


@pytest.fixture
async def town(stores: Database, clock: Clock) -> ServersHarness:
    """A bot in two servers."""
    return await ServersHarness(stores, clock).open()


def report(of: random.Random, outlets: str, *related_: Record) -> Record:
    """One of the events, by an outlet."""
    title = of.choice(EVENTS) + of.choice(ENDINGS)
    outlet = f"{outlets}{of.randrange(4)}.example"
    return record(title, outlet, topics=["Valley"], quality=of.randrange(40, 90), related=related_)


async def act(town: ServersHarness, of: random.Random, before: list[Record]) -> None:
    """Something that a server brings or decides."""
    match of.randrange(5):
        case 0 | 1:
            named = of.sample(before, min(2, len(before)))
            fresh = [report(of, "mine", *named) for _ in range(of.randrange(1, 5))]
            before += fresh
            await town.bring(MINE, *fresh)
        case 2 if before:
            gone = of.choice(before)
            await town.bring(MINE, record(gone.title, gone.outlet.domain, url=gone.url, removed=True))
        case 3:
            try:
                await curate.merge(
                    town.context, Editor(MINE, 1), of.randrange(1, 12), f"#{of.randrange(1, 12)}"
                )
            except TopicwireError:
                return
        case _:
            try:
                await curate.split_story(
                    town.context, Editor(MINE, 1), of.randrange(1, 12), (of.randrange(1, 20),)
                )
            except TopicwireError:
                return


@pytest.mark.parametrize("seed", range(sized(1, long=3)))
async def test_what_a_server_brings_or_decides_leaves_another_as_it_was(
    town: ServersHarness, seed: int
) -> None:
    of = random.Random(seed)  # noqa: S311 - a sequence to repeat, not a secret
    mine: list[Record] = []
    await server_topics.create(town.context, MINE, server_topics.Draft("Lakes", "glacier OR lake"))
    for _ in range(4):
        town.clock.forward(hours=of.choice((0.1, 30)))
        await town.bring(0, *(report(of, "every") for _ in range(of.randrange(3))))
        await town.bring(YOURS, *(report(of, "yours") for _ in range(of.randrange(3))))
        rows, answers = await town.rows(YOURS), await town.answers(YOURS)
        for _ in range(3):
            await act(town, of, mine)
        assert await town.rows(YOURS) == rows
        assert await town.answers(YOURS) == answers


async def test_a_servers_report_of_an_older_story_is_posted_in_no_other_server(
    stores: Database, clock: Clock
) -> None:
    town = ServersHarness(stores, clock)
    async with stores.intake() as connection:
        await topics.ensure(connection, ["Valley"])
    for guild_id, source in town.sources.items():
        await town.ingest.step(source, guild_id=guild_id)
    await town.bring(0, record(EVENTS[0], topics=["Valley"], quality=80))
    clock.forward(days=1, hours=1)  # it is none of the first posts
    for guild_id, channel_id in CHANNELS.items():
        await subscribe(
            town.context, SubscribeRequest(guild_id, channel_id, "Valley", Mode.LIVE, Volume.EVERYTHING)
        )
    await town.bring(MINE, record(f"{EVENTS[0]} indeed", "mine.example", topics=["Valley"], quality=80))
    assert len((await town.rows(MINE))["outbox"]) == 1
    assert (await town.rows(YOURS))["outbox"] == []


async def test_a_story_has_room_for_so_many_reports_of_a_servers_own(town: ServersHarness) -> None:
    await town.bring(0, record(EVENTS[1], topics=["Valley"]))
    many = [record(EVENTS[1], f"mine{n}.example", hours=n / 100) for n in range(GUESTS + 20)]
    await town.bring(MINE, *many)
    async with town.context.db.read() as connection:
        seen = (await stories.load(connection, [1], MINE))[1]
        others = (await stories.load(connection, [1], YOURS))[1]
    kept = {member.record.title for member in seen.members}
    assert kept == {EVENTS[1]}
    assert len(seen.members) == GUESTS + 1
    assert {m.record.key for m in seen.members if m.guild_id} == {
        f"{MINE} {one.key}" for one in many[-GUESTS:]
    }
    assert len(others.members) == 1


async def test_what_a_server_has_rests_while_the_bot_is_not_in_it(town: ServersHarness) -> None:
    await server_topics.create(town.context, MINE, server_topics.Draft("Lakes", "glacier OR lake"))
    await town.bring(0, record(EVENTS[0], topics=["Valley"], quality=80))
    now = town.clock()
    async with town.context.db.write() as connection:
        await servers.leave(connection, [MINE], now)
    async with town.context.db.read() as connection:
        assert MINE not in await servers.with_something(connection)
        assert {s.guild_id for s in await subscriptions.subscriptions(connection)} == {YOURS}
        assert {state.guild_id for state in await subscriptions.channels(connection)} == {YOURS}
        assert await subscriptions.followers(connection) == {(0, "valley"): 1}
        assert (await TopicCache().load(connection, MINE)).resolve("Lakes") is None
        assert {state.guild_id for state in await digests.due(connection, now)} <= {YOURS}
        assert await feeds.due(connection, now, (), 10) == []
    async with town.context.db.write() as connection:
        assert {claim.guild_id for claim in await outbox.claim(connection, now, 10)} == {YOURS}
    await town.bring(0, record(EVENTS[1], topics=["Valley"], quality=80))
    assert len((await town.rows(MINE))["outbox"]) == 1
    async with town.context.db.write() as connection:
        await servers.come_back(connection, MINE)
        assert {claim.guild_id for claim in await outbox.claim(connection, now, 10)} == {MINE, YOURS}
    async with town.context.db.read() as connection:
        assert (await TopicCache().load(connection, MINE)).resolve("Lakes") is not None


async def test_declarations_of_one_record_by_many_cost_no_more_for_each(
    town: ServersHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    counted = Batch.story_of

    def story_of(self: Batch, report_id: int) -> int | None:
        nonlocal steps
        steps += 1
        return counted(self, report_id)

    monkeypatch.setattr(Batch, "story_of", story_of)
    declared = [record("Harvest fair", f"fair{n}.example", url=f"https://fair{n}.example/") for n in range(5)]

    async def cost(of: str, count: int) -> int:
        before = steps
        titles = (f"{of} {chr(97 + n % 26)}{n} hamlet {n * 7}" for n in range(count))
        await town.bring(0, *(record(t, f"{of}{n}.example", related=declared) for n, t in enumerate(titles)))
        return (steps - before) // count

    few, many = await cost("few", 2 * DECLARERS), await cost("many", 8 * DECLARERS)
    assert many <= 1.5 * few
