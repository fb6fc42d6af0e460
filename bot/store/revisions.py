"""Revision numbers that tell a process whether its caches are current."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.sql import insert, upsert

STORIES = "stories"  # which records are in which story
TOPICS = "topics"  # what topics there are
ALERTS = "alerts"  # what alerts there are
LAST_STORY = "last_story"  # the highest number of a story that was deleted with its server
LAST_RECORD = "last_record"  # and the highest id of such a record
LOGGED = 1_000  # revisions that a log keeps

_v = schema.revisions
_NUMBER = sa.select(_v.c.number).where(_v.c.name == sa.bindparam("named"))


async def of(connection: AsyncConnection, name: str) -> int:
    """The current revision of a cache."""
    number: int | None = await connection.scalar(_NUMBER, {"named": name})
    return number or 0


async def advance(connection: AsyncConnection, name: str) -> int:
    """It has changed once more. Returns the new number, in force with the transaction of the caller."""
    # One statement: of two that change it at once the second waits for the first, and counts it.
    number: int = (
        await connection.execute(_advance(connection.dialect.name), {"name": name, "number": 1})
    ).scalar_one()
    return number


@cache
def _advance(dialect: str) -> Any:
    counted = {"number": _v.c.number + 1}
    statement = insert(dialect, _v).on_conflict_do_update(index_elements=["name"], set_=counted)
    return statement.returning(_v.c.number)


async def next_number(connection: AsyncConnection, column: sa.Column[Any], name: str) -> int:
    """The number after the highest in a column, and after those that `remember_numbers` noted under a name."""
    number: int | None = await connection.scalar(_highest(column), {"named": name})
    return (number or 0) + 1


@cache
def _highest(column: sa.Column[Any]) -> sa.Select[int]:
    stored = sa.select(sa.func.max(column).label("number"))
    return sa.select(sa.func.max(sa.union_all(stored, _NUMBER).subquery().c.number))


async def remember_numbers(connection: AsyncConnection, column: sa.Column[Any], name: str) -> None:
    """Note the highest number in a column before rows are deleted: none may be given out twice."""
    number = await next_number(connection, column, name) - 1
    await upsert(connection, _v, [{"name": name, "number": number}], on=["name"])


class StoryLog:
    """Which stories each of the latest revisions of `STORIES` changed. It has the corrections that people made in this process.

    A cache of stories uses it to read only the stories that changed since its own revision.
    """

    def __init__(self) -> None:
        self._changed: dict[int, frozenset[int]] = {}

    def note(self, revision: int, stories: Iterable[int]) -> None:
        """A revision, whose transaction has ended, changed these stories."""
        self._changed[revision] = frozenset(stories)
        if len(self._changed) > LOGGED:
            del self._changed[min(self._changed)]

    def changed(self, after: int, until: int) -> frozenset[int] | None:
        """The stories that changed after one revision, up to another; None: some change is not in the log."""
        if not 0 <= until - after <= len(self._changed):
            return None
        every = [self._changed.get(revision) for revision in range(after + 1, until + 1)]
        return None if None in every else frozenset().union(*filter(None, every))
