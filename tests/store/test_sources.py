"""Sources: how far each has been taken in, and how it went last."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import sqlalchemy as sa

from bot.store import schema, sources
from bot.store.database import Database
from bot.store.sources import SourceState
from tests.databases import opened
from tests.make import at, record
from tests.store.store_helpers import all_sources, headlines, take


async def state(db: Database, name: str = "folder:/news") -> SourceState:
    async with db.write() as connection:
        return await sources.ensure(connection, name, "folder")


async def test_a_source_is_made_once(stores: Database, store_url: str) -> None:
    async with opened(store_url) as other:
        found = await asyncio.gather(*(state(db) for db in (stores, other) * 3))
    first = SourceState(found[0].id, "folder:/news", "folder", False, None, None, "", 0, 0)
    assert found == [first] * 6
    await state(stores, "folder:/more")
    async with stores.read() as connection:
        assert [s.name for s in await all_sources(connection)] == ["folder:/news", "folder:/more"]


async def test_progress_comes_back_as_it_was_noted_and_is_replaced_by_key(stores: Database) -> None:
    one, other = await state(stores), await state(stores, "folder:/more")
    entries = {"a/“b”.md": {"size": 12, "time": 1.5, "hash": "x", "gone": None, "list": [1, "é", True]}}
    async with stores.write() as connection:
        assert await sources.progress(connection, one.id) == {}
        await sources.advance(
            connection, [sources.SourceStep(one.id, entries, taken=2, finished=None, rejected=1)]
        )
        await sources.advance(
            connection, [sources.SourceStep(one.id, {"c": {"size": 1}}, taken=1, finished=None, rejected=1)]
        )
        await sources.advance(
            connection, [sources.SourceStep(one.id, {"c": {"size": 2}}, taken=0, finished=None, rejected=1)]
        )
        assert await sources.progress(connection, one.id) == entries | {"c": {"size": 2}}
        assert await sources.progress(connection, other.id) == {}
    assert await state(stores) == replace(one, taken=3)


async def test_an_intake_is_done_with_its_last_batch(stores: Database) -> None:
    source = await state(stores)
    async with stores.write() as connection:
        await sources.advance(
            connection, [sources.SourceStep(source.id, {}, taken=5, finished=at(1), rejected=2)]
        )
    done = replace(source, taken=5, intake_done=True, last_success=at(1), rejected=2)
    assert await state(stores) == done
    async with stores.write() as connection:
        await sources.advance(
            connection, [sources.SourceStep(source.id, {}, taken=0, finished=at(2), rejected=0)]
        )
    assert await state(stores) == replace(done, last_success=at(2), rejected=0)


async def test_an_error_stands_until_it_went_well(stores: Database) -> None:
    source = await state(stores)
    async with stores.write() as connection:
        await sources.failed(connection, source.id, "OSError: " + "x" * 1000, at(1))
        await sources.advance(
            connection, [sources.SourceStep(source.id, {}, taken=1, finished=None, rejected=0)]
        )
    failed = await state(stores)
    assert (failed.last_error_at, failed.intake_done) == (at(1), False)
    assert failed.last_error.startswith("OSError: x")
    assert len(failed.last_error) == 500
    async with stores.write() as connection:
        await sources.advance(
            connection, [sources.SourceStep(source.id, {}, taken=0, finished=at(2), rejected=0)]
        )
    mended = await state(stores)
    assert (mended.last_error, mended.last_error_at, mended.last_success) == ("", None, at(2))


async def test_the_newest_records_of_a_source(stores: Database) -> None:
    one, other = await state(stores), await state(stores, "folder:/more")
    for position, title in enumerate(headlines(6)):
        partial = record(title + " declared", "p.example", hours=100)
        made = await take(stores, record(title, hours=position % 4, related=[partial], removed=position == 3))
        own = [i for i, stored in made.records.items() if not stored.partial]
        async with stores.write() as connection:
            of = one.id if position != 2 else other.id
            await connection.execute(
                sa.update(schema.records).where(schema.records.c.id.in_(own)).values(source_id=of)
            )
    async with stores.read() as connection:
        found = await sources.newest_records(connection, one.id, 10)
        titles = sa.select(schema.records.c.id, schema.records.c.title)
        named = dict((await connection.execute(titles)).all())
        order = list(headlines(6))
        assert [order.index(named[i]) for i in found] == [5, 1, 4, 0]
        assert await sources.newest_records(connection, one.id, 2) == found[:2]
        assert len(await sources.newest_records(connection, other.id, 10)) == 1
