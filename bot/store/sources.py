"""Sources: how far each was read, and the result of the last fetch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.text.cleaning import clip
from bot.store import schema
from bot.store.conditions import is_full_record
from bot.store.sql import chunks, insert_new, lock, upsert

_s = schema.sources
_p = schema.progress


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source as the store knows it. `taken` counts records since the first intake;

    `rejected` the items that the last fetch had to refuse.
    """

    id: int
    name: str
    kind: str
    intake_done: bool
    last_success: datetime | None
    last_error_at: datetime | None
    last_error: str
    taken: int
    rejected: int


def state_of(row: sa.Row[Any]) -> SourceState:
    return SourceState(
        row.id,
        row.name,
        row.kind,
        row.intake_done,
        row.last_success,
        row.last_error_at,
        row.last_error,
        row.taken,
        row.rejected,
    )


async def ensure(connection: AsyncConnection, name: str, kind: str) -> SourceState:
    """The source of that name, created if it is new."""
    row = {
        "name": name,
        "kind": kind,
        "intake_done": False,
        "last_error": "",
        "taken": 0,
        "rejected": 0,
    }
    await insert_new(connection, _s, [row], on=["name"])
    return state_of((await connection.execute(sa.select(_s).where(_s.c.name == name))).one())


@dataclass(frozen=True, slots=True)
class SourceTotals:
    """Several sources together: how many, their records and refused items, and when one was last read."""

    count: int
    taken: int
    rejected: int
    last_success: datetime | None


async def totals(connection: AsyncConnection, sources: sa.ColumnElement[bool]) -> SourceTotals:
    """The sources of which a condition holds."""
    counted = sa.select(
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(_s.c.taken), 0),
        sa.func.coalesce(sa.func.sum(_s.c.rejected), 0),
        sa.func.max(_s.c.last_success, type_=schema.UtcTime),
    )
    return SourceTotals(*(await connection.execute(counted.where(sources))).one())


async def health(
    connection: AsyncConnection, guild_id: int, limit: int
) -> tuple[SourceTotals, list[SourceState], SourceTotals]:
    """Of the sources that bring articles to a server: those that work, those that failed last, and other failing ones.

    At most `limit` of the failing ones are given each by itself, the last to fail first.
    """
    feeds = sa.select(schema.feeds.c.source_id).where(schema.feeds.c.guild_id.in_((0, guild_id)))
    seen = sa.or_(_s.c.kind != "feed", _s.c.id.in_(feeds))
    works = _s.c.last_error_at.is_(None)
    last_failed = sa.select(_s).where(seen, ~works).order_by(_s.c.last_error_at.desc(), _s.c.id.desc())
    failing = [state_of(row) for row in await connection.execute(last_failed.limit(limit))]
    others = sa.and_(seen, ~works, _s.c.id.not_in([state.id for state in failing]))
    return await totals(connection, sa.and_(seen, works)), failing, await totals(connection, others)


async def progress(connection: AsyncConnection, source_id: int) -> dict[str, Any]:
    """The progress that the source stored with its last batches, by its own keys."""
    rows = await connection.execute(sa.select(_p.c.key, _p.c.value).where(_p.c.source_id == source_id))
    return dict(rows.all())


@dataclass(frozen=True, slots=True)
class SourceStep:
    """How far a source has moved on.

    `taken` more records came in. `finished` is given with the last batch of a fetch: it went well until
    then, and `rejected` items of it were refused.
    """

    source_id: int
    entries: Mapping[str, Any]
    taken: int
    finished: datetime | None
    rejected: int


async def advance(connection: AsyncConnection, steps: Sequence[SourceStep]) -> None:
    """Move sources on, in the transaction that stores their records."""
    entries = [
        {"source_id": step.source_id, "key": key, "value": value}
        for step in steps
        for key, value in step.entries.items()
    ]
    await lock(connection, _s.c.id, [step.source_id for step in steps])
    await upsert(connection, _p, entries, on=["source_id", "key"])
    p = sa.bindparam
    statement = sa.update(_s).where(_s.c.id == p("of"))
    if taken := [{"of": step.source_id, "more": step.taken} for step in steps if step.taken]:
        await connection.execute(statement.values(taken=_s.c.taken + p("more")), taken)
    finished = [
        {"of": step.source_id, "at": step.finished, "refused": step.rejected}
        for step in steps
        if step.finished is not None
    ]
    if finished:
        fine = {"intake_done": True, "last_error": "", "last_error_at": None}
        await connection.execute(
            statement.values(last_success=p("at"), rejected=p("refused"), **fine), finished
        )


async def forget_progress(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Have the next fetch of these sources be complete: what one of them brought was lost."""
    for part in chunks(ids):
        await connection.execute(sa.delete(_p).where(_p.c.source_id.in_(part)))


async def begin_anew(connection: AsyncConnection, source_id: int) -> None:
    """Reset a source, so that its next fetch is a first intake again: complete, and without posts."""
    await connection.execute(sa.delete(_p).where(_p.c.source_id == source_id))
    await connection.execute(sa.update(_s).where(_s.c.id == source_id).values(intake_done=False))


async def progress_of(connection: AsyncConnection, ids: Sequence[int], key: str) -> dict[int, Any]:
    """One progress entry of several sources, by source."""
    progress: dict[int, Any] = {}
    for part in chunks(ids):
        rows = await connection.execute(
            sa.select(_p.c.source_id, _p.c.value).where(_p.c.source_id.in_(part), _p.c.key == key)
        )
        progress |= dict(rows.all())
    return progress


async def failed(connection: AsyncConnection, source_id: int, error: str, now: datetime) -> None:
    """Note why a source could not be fetched."""
    values = {"last_error": clip(error, 500), "last_error_at": now}
    await connection.execute(sa.update(_s).where(_s.c.id == source_id).values(**values))


async def newest_records(connection: AsyncConnection, source_id: int, count: int) -> list[int]:
    """The ids of the source's newest records by publication."""
    r = schema.records
    eligible = sa.and_(r.c.source_id == source_id, is_full_record())
    rows = await connection.execute(
        sa.select(r.c.id).where(eligible).order_by(r.c.published.desc(), r.c.id.desc()).limit(count)
    )
    return list(rows.scalars())
