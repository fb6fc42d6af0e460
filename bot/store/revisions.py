"""Whether what a process keeps in memory is still what is stored."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.sql import insert

STORIES = "stories"  # which records are in which story
TOPICS = "topics"  # what topics there are

_v = schema.revisions


async def of(connection: AsyncConnection, name: str) -> int:
    """How often what goes by that name has changed."""
    number: int | None = await connection.scalar(sa.select(_v.c.number).where(_v.c.name == name))
    return number or 0


async def advance(connection: AsyncConnection, name: str) -> int:
    """It has changed once more. Returns the new number, in force with the transaction of the caller."""
    # One statement: of two that change it at once the second waits for the first, and counts it.
    statement = insert(connection, _v).values(name=name, number=1)
    statement = statement.on_conflict_do_update(index_elements=["name"], set_={"number": _v.c.number + 1})
    number: int = (await connection.execute(statement.returning(_v.c.number))).scalar_one()
    return number
