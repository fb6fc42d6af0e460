"""Records taken straight into a database, without a source."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mode, Record, Stored
from bot.domain.posting import plan as planning
from bot.domain.posting.decisions import PostingSettings, matching
from bot.domain.posting.plan import IntakePlan
from bot.domain.records.analysis import TextAnalysis, Texts, analyse
from bot.domain.records.intake import Arrival, StoredContext, identify, keys_of
from bot.domain.stories.story import Story, story_view, topics_by_server
from bot.store import fan_outs, outbox, records, schema, sources, stories, subscriptions
from bot.store.database import Database
from bot.store.sources import SourceState
from bot.store.topic_cache import TopicCache
from bot.workers.story_window import StoryWindowCache
from tests.make import at, record

GUILD = 1 << 60  # ids of Discord need more than 32 bits
CHANNEL = (1 << 60) + 7
OTHER = (1 << 60) + 8

RULES = PostingSettings()


@contextmanager
def statements(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """What is executed meanwhile, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def execute(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(db.engine.sync_engine, "before_cursor_execute", execute)
    try:
        yield seen
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", execute)


async def plan_of(db: Database, work: Callable[[AsyncConnection], Awaitable[object]]) -> list[str]:
    """How the database goes about all statements of some work, where it would rather not read a whole table."""
    async with db.write() as connection:
        with statements(db) as seen:
            await work(connection)
        explain = "EXPLAIN QUERY PLAN"
        if db.dialect == "postgresql":  # which reads small tables as they are
            await connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
            explain = "EXPLAIN"
        steps: list[str] = []
        for statement, parameters in seen:
            some = parameters[0] if isinstance(parameters, list) else parameters
            rows = await connection.exec_driver_sql(f"{explain} {statement}", some)
            steps += [str(row[-1]) for row in rows]
    return steps


def headlines(number: int) -> Iterator[str]:
    """Titles of unrelated events: no word occurs in two of them."""
    syllables = [c + v for c in "bdfgklmnprst" for v in "aeiou"]
    for first in range(61, 61 + 5 * number, 5):
        words = (f"{syllables[n // 60 % 60]}{syllables[n % 60]}rn" for n in range(first, first + 5))
        yield " ".join(words).capitalize()


ONE, TWO, THREE, FOUR = headlines(4)

# Two events, and the title of a report that shows them to be one.
HALVES = ("Harbour bridge closed after crack found", "Engineers inspect damaged steel girder overnight")
WHOLE = "Harbour bridge closed after crack found, engineers inspect damaged steel girder overnight"


def two_events_and_their_report(*topics: str, hours: float = 0) -> tuple[Record, Record, Record]:
    """Reports of two stories, and the one that makes one of them."""
    one = record(HALVES[0], "a.example", topics=topics, quality=80, hours=hours)
    two = record(HALVES[1], "b.example", topics=topics, quality=80, hours=hours)
    both = record(WHOLE, "c.example", topics=topics, quality=70, hours=hours + 0.5, related=[one, two])
    return one, two, both


_CACHES: WeakKeyDictionary[Database, TopicCache] = WeakKeyDictionary()


def topic_cache(db: Database) -> TopicCache:
    """The topics of a database in memory, as a process that uses it has them."""
    return _CACHES.setdefault(db, TopicCache())


async def load_context(db: Database, *batch: Record) -> StoredContext:
    """What the store knows of what a batch names."""
    async with db.write() as connection:
        return await records.stored_context(connection, [Arrival(record) for record in batch])


async def story_counts(connection: AsyncConnection, guild_id: int = 0) -> dict[str, int]:
    """How many stories each topic has, itself."""
    known = await TopicCache().load(connection, guild_id)
    return await stories.counts(connection, {topic.name: [topic.name] for topic in known}, guild_id)


def analysed(stored: Stored) -> TextAnalysis:
    """What the texts of a record say."""
    return analyse(Texts.of(stored.record, partial=stored.partial))


async def take(
    db: Database,
    *batch: Record,
    hours: float = 0,
    silent: bool = False,
    guild_id: int = 0,
    semantic: bool = False,
) -> IntakePlan:
    """Have a batch decided about and stored, at a time given in hours."""
    now = at(hours)
    async with db.intake() as connection:
        arrivals = [Arrival(record, guild_id=guild_id, silent=silent) for record in batch]
        known = await records.stored_context(connection, arrivals)
        topics = await topic_cache(db).load(connection)
        identified = identify(arrivals, known, topics, now, RULES.max_age, semantic=semantic)
        placed = await StoryWindowCache(semantic=semantic).place(connection, identified, now)
        stored = await records.affected(connection, planning.affected(identified, placed))
        drafted = planning.draft(identified, placed, stored, topics, now, RULES)
        apart = await fan_outs.apart(connection, drafted.fan_outs, now - RULES.edit_window)
        made = planning.plan(drafted, apart, now, RULES)
        await records.apply(connection, made, now, RULES)
    return made


async def posts_of(db: Database) -> list[int]:
    """The stories of all posts, sent or to be sent."""
    o = schema.outbox
    async with db.read() as connection:
        rows = await connection.execute(sa.select(o.c.story).where(o.c.kind == "story").order_by(o.c.id))
        return [story for (story,) in rows]


async def withheld(db: Database, channel_id: int = CHANNEL) -> dict[int, str]:
    """Why stories that the channel follows live were not posted there, as `/why` says."""
    async with db.read() as connection:
        numbers = await stories.latest(connection, None, None, GUILD)
        loaded = await stories.load(connection, numbers, GUILD)
        known = await TopicCache().load(connection, GUILD)
        live = [
            s
            for s in await subscriptions.subscriptions(connection, channel_ids=[channel_id])
            if s.mode is not Mode.DIGEST
        ]
        posted = set(await outbox.posts(connection, numbers))
        reasons = {}
        for number in sorted(numbers):
            view = story_view(loaded[number])
            matched = matching(view, live, known) if view else ()
            reason = await fan_outs.withheld_reason(connection, number, channel_id, matched)
            if reason is not None and ((number, channel_id) not in posted or reason == "already posted"):
                reasons[number] = reason
        return reasons


async def merge(db: Database, old: int, into: int) -> None:
    """Have a story go on as another one, as a plan would."""
    async with db.intake() as connection:
        found = await stories.load(connection, [old, into])
        moved = {m.id: replace(m, story=into) for m in found[old].members}
        members = (*found[into].members, *moved.values())
        matches = {**found[into].topics, **found[old].topics}
        declared = {**found[into].declared, **found[old].declared}
        merged = Story(into, members, declared, matches, found[into].assigned)
        made = IntakePlan(
            records=moved,
            merged={old: into},
            stories={into: story_view(merged)},
            story_topics={into: topics_by_server(merged)},
        )
        await records.apply(connection, made, at(), RULES)


async def stored_of(db: Database, wanted: Record) -> Stored:
    """A record as it is known now."""
    async with db.read() as connection:
        ids = set((await records.ids_by_key(connection, keys_of(wanted))).values())
        (found,) = (await records.by_id(connection, ids)).values()
    return found


async def wipe(db: Database) -> None:
    """Leave the tables, empty."""
    tables = schema.metadata.sorted_tables
    filled = sa.select(*(sa.exists(sa.select(table)).label(table.name) for table in tables))
    async with db.write() as connection:
        await connection.execute(sa.update(schema.records).values(story=None))
        has_rows = (await connection.execute(filled)).one()
        for table, has in reversed(list(zip(tables, has_rows, strict=True))):
            if has:
                await connection.execute(sa.delete(table))


async def story_numbers(connection: AsyncConnection) -> list[int]:
    """The numbers of all stories that were neither merged nor removed, in order."""
    return sorted(await stories.latest(connection, None, None))


async def all_sources(connection: AsyncConnection) -> list[SourceState]:
    """Every source that was ever read, in the order in which they were added."""
    rows = await connection.execute(sa.select(schema.sources).order_by(schema.sources.c.id))
    return [sources.state_of(row) for row in rows]
