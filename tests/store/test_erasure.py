"""Everything of a server is deleted, whatever tables there are, and nothing of anybody else."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.services import erasure
from bot.services.context import Context
from bot.store import erasure as store
from bot.store import feeds, quotas, records, revisions, schema
from bot.store.database import Database
from bot.workers import cleanup
from tests.make import START, Clock, record
from tests.store.store_helpers import take

GONE, STAYS = 1 << 60, (1 << 60) + 1
_number = count(1000)


def example(column: sa.Column[Any], guild_id: int) -> Any:
    """A value that no other row has, where the type allows it."""
    for constraint in column.table.constraints:
        text = str(constraint.sqltext) if isinstance(constraint, sa.CheckConstraint) else ""
        if text.startswith(f"{column.name} IN ('"):
            return text.split("'")[1]
    match column.type:
        case sa.JSON():
            return []
        case sa.Boolean():
            return False
        case sa.LargeBinary():
            return next(_number).to_bytes(8)
        case sa.Text():
            return (
                f"feed:{guild_id}:{next(_number)}"
                if column.table is schema.sources
                else f"text {next(_number)}"
            )
        case sa.Integer():
            return next(_number)
    return START


async def add_row(connection: AsyncConnection, table: sa.Table, guild_id: int) -> tuple[Any, ...]:
    """Add a row of a server, with rows of the same server for all that it must refer to. Returns its key."""
    values: dict[str, Any] = {}
    for column in table.c:
        if column.name == "guild_id":
            values[column.name] = guild_id
        elif column.foreign_keys and not column.nullable:
            target = next(iter(column.foreign_keys)).column.table
            values[column.name] = (await add_row(connection, target, guild_id))[0]
        elif (not column.nullable and column.server_default is None) or column.primary_key:
            values[column.name] = example(column, guild_id)
    await connection.execute(sa.insert(table).values(values))
    return tuple(values[column.name] for column in table.primary_key.columns)


async def fill(connection: AsyncConnection, guild_id: int) -> None:
    """Add a row of a server to every table that can have one."""
    for table in reversed(schema.OF_SERVERS):
        held = await connection.scalar(
            sa.select(sa.func.count()).select_from(table).where(table.c.guild_id == guild_id)
        )
        if not held:
            await add_row(connection, table, guild_id)
    used = {"feeds": schema.feeds, "topics": schema.topics, "records": schema.records}
    for name, table in used.items():
        held = await connection.scalar(
            sa.select(sa.func.count()).select_from(table).where(table.c.guild_id == guild_id)
        )
        await connection.execute(
            sa.update(schema.quotas).where(schema.quotas.c.guild_id == guild_id).values({name: held})
        )
    story = await connection.scalar(
        sa.select(schema.stories.c.number).where(schema.stories.c.guild_id == guild_id)
    )
    lead = (
        sa.select(sa.func.min(schema.records.c.id))
        .where(schema.records.c.guild_id == guild_id)
        .scalar_subquery()
    )
    await connection.execute(
        sa.update(schema.stories).where(schema.stories.c.number == story).values(lead_id=lead)
    )
    await connection.execute(
        sa.update(schema.records).where(schema.records.c.guild_id == guild_id).values(story=story)
    )


async def rows(db: Database) -> dict[str, Counter[Any]]:
    """All rows of all tables but the revision numbers."""
    async with db.read() as connection:
        return {
            table.name: Counter(map(repr, await connection.execute(sa.select(table))))
            for table in schema.metadata.sorted_tables
            if table is not schema.revisions
        }


async def of_server(db: Database, guild_id: int) -> dict[str, int]:
    """The tables that have rows of a server, and how many."""
    counts = {}
    async with db.read() as connection:
        for table in schema.OF_SERVERS:
            counted = sa.select(sa.func.count()).select_from(table).where(table.c.guild_id == guild_id)
            counts[table.name] = await connection.scalar(counted) or 0
    return {name: number for name, number in counts.items() if number}


@pytest.mark.parametrize("limit", [1, 1000])
async def test_a_server_with_a_row_in_every_table_has_none_afterwards_and_others_keep_theirs(
    stores: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(erasure, "ROWS_AT_ONCE", limit)
    async with stores.write() as connection:
        await fill(connection, STAYS)
        await connection.execute(sa.delete(schema.left_servers))
    before = await rows(stores)
    async with stores.write() as connection:
        await fill(connection, GONE)
        await connection.execute(sa.delete(schema.left_servers))
    assert set(await of_server(stores, GONE)) == {table.name for table in schema.OF_SERVERS} - {
        "left_servers"
    }
    await erasure.erase(Context(stores, clock), GONE)
    assert set(await of_server(stores, GONE)) == {table.name for table in store.KEPT}
    after = await rows(stores)
    for table in store.KEPT:
        assert sum(after.pop(table.name).values()) == 2
        del before[table.name]
    assert after == before
    async with stores.read() as connection:
        usage = await quotas.usage_of(connection, GONE)
    assert (usage.feeds, usage.topics, usage.records) == (0, 0, 0)


async def test_a_server_that_removed_the_bot_is_deleted_after_30_days_with_all_that_says_it_was_there(
    stores: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with stores.write() as connection:
        for guild_id in (GONE, STAYS):
            await fill(connection, guild_id)
        left = sa.update(schema.left_servers)
        await connection.execute(left.values(at=clock()))
        await connection.execute(
            left.where(schema.left_servers.c.guild_id == STAYS).values(at=clock() + timedelta(hours=1))
        )
    context = Context(stores, clock)
    clock.forward(days=30)
    everything = await of_server(stores, GONE)
    await erasure.erase_left(context)
    assert await of_server(stores, GONE) == everything
    clock.forward(minutes=1)
    await cleanup.step(context)
    assert await of_server(stores, GONE) == {}
    assert "left_servers" in await of_server(stores, STAYS)
    assert (
        f"everything of server {GONE} was deleted, which removed the bot more than 30 days ago" in caplog.text
    )


async def test_what_is_cut_off_is_completed_by_doing_it_again(stores: Database, clock: Clock) -> None:
    async with stores.write() as connection:
        await fill(connection, GONE)
        await connection.execute(sa.delete(schema.left_servers))
    async with stores.intake() as connection:
        done = await store.erase_batch(connection, GONE, 12)
    assert done.rows == 12
    await erasure.erase(Context(stores, clock), GONE)
    assert set(await of_server(stores, GONE)) == {table.name for table in store.KEPT}


async def test_reports_of_a_servers_feeds_leave_shared_stories_and_no_number_is_given_out_twice(
    stores: Database, clock: Clock
) -> None:
    await take(stores, record("Lighthouse keeper rescues stranded sailors", topics=["Sea"]))
    guest = record("Lighthouse keeper rescues stranded sailors off the cape", "own.example", topics=["Sea"])
    await take(stores, guest, record("Beekeepers count a record harvest", "own.example"), guild_id=GONE)
    async with stores.read() as connection:
        taken = await records.members(connection, [1, 2])
        numbers = (
            (await records.stored_context(connection, [])).next_record,
            await records.next_story(connection),
        )
    assert {stored.guild_id for stored in taken.values() if stored.story == 1} == {0, GONE}
    context = Context(stores, clock)
    async with stores.read() as connection:
        before = await revisions.of(connection, revisions.STORIES)
    await erasure.erase(context, GONE)
    async with stores.read() as connection:
        left = await records.members(connection, [1, 2])
        assert [stored.guild_id for stored in left.values()] == [0]
        assert await connection.scalar(sa.text("SELECT count(*) FROM search")) == 1
        assert (
            (await records.stored_context(connection, [])).next_record,
            await records.next_story(connection),
        ) == numbers
        revision = await revisions.of(connection, revisions.STORIES)
    assert context.story_log.changed(before, revision) == frozenset({1, 2})


async def test_feeds_that_a_server_removed_before_leave_no_address(stores: Database, clock: Clock) -> None:
    async with stores.write() as connection:
        for guild_id in (GONE, STAYS, 0):
            name = feeds.source_name("https://feeds.example/all", guild_id)
            await connection.execute(sa.insert(schema.sources).values(name=name))
    await erasure.erase(Context(stores, clock), GONE)
    async with stores.read() as connection:
        names = (await connection.execute(sa.select(schema.sources.c.name))).scalars().all()
    assert sorted(names) == sorted(feeds.source_name("https://feeds.example/all", of) for of in (0, STAYS))
