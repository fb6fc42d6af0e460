"""What volumes mean for whatever asks for stories of a topic: subscriptions of channels, and forwards, whose tables have the same columns for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Calibration, Subscription
from bot.store import schema
from bot.store.servers import LEFT

_TABLES = (schema.subscriptions, schema.forwards)

# What was computed for subscriptions, and when each is due again.
Calibrated = Mapping[Subscription, tuple[Calibration, datetime]]


def of_row(row: sa.Row[Any]) -> Calibration | None:
    """The calibration in a row of either table."""
    return None if row.threshold is None else Calibration(row.threshold, row.stories_a_day, row.posts_a_day)


def due(statement: sa.Select[Any], table: sa.Table, now: datetime, limit: int) -> sa.Select[Any]:
    """Of the rows of a statement on a table, those whose calibration is due, of servers that the bot is in: those of one topic follow each other.

    `+ 0`: an index by topic has all rows, of which few are due.
    """
    is_due = sa.or_(table.c.calibrate_at.is_(None), table.c.calibrate_at <= now)
    present = statement.where(is_due, table.c.guild_id.not_in(LEFT))
    return present.order_by(table.c.topic_id + 0, table.c.id).limit(limit)


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next calibration is due; what has none is not looked for."""
    times = []
    for table in _TABLES:
        earliest = sa.func.min(table.c.calibrate_at, type_=schema.UtcTime)
        times.append(await connection.scalar(sa.select(earliest).where(table.c.guild_id.not_in(LEFT))))
    return min(filter(None, times), default=None)


def _no_columns(*_: object) -> Mapping[str, Any]:
    return {}


async def store(
    connection: AsyncConnection,
    table: sa.Table,
    results: Calibrated,
    *,
    unless_changed: Callable[[Subscription], Mapping[str, Any]] = _no_columns,
    follows: Callable[[Subscription, Calibration], Mapping[str, Any]] = _no_columns,
) -> None:
    """Store what was computed, where the columns of `unless_changed` are as they were, and the columns that follow from it."""
    rows = []
    for subscription, (calibration, due_at) in results.items():
        values = {
            "threshold": calibration.threshold,
            "stories_a_day": calibration.stories,
            "posts_a_day": calibration.posts,
            "calibrate_at": due_at,
        }
        before, after = unless_changed(subscription), {**values, **follows(subscription, calibration)}
        named = {f"was_{name}": value for name, value in before.items()}
        rows.append({"of": subscription.id} | named | {f"to_{name}": v for name, v in after.items()})
    if rows:
        same = [
            table.c[name].is_not_distinct_from(sa.bindparam(f"was_{name}", type_=table.c[name].type))
            for name in before
        ]
        changed = {name: sa.bindparam(f"to_{name}", type_=table.c[name].type) for name in after}
        statement = sa.update(table).where(table.c.id == sa.bindparam("of"), *same).values(changed)
        await connection.execute(statement, rows)
