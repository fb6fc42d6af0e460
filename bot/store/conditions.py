"""Conditions that several queries share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.store import schema
from bot.store.sql import visible_to

_r = schema.records
_s = schema.stories


def is_live_story(guild_id: int | None = None) -> sa.ColumnElement[bool]:
    """Stories that were neither merged into another one nor removed, as a server sees them (None: all)."""
    return sa.and_(_s.c.merged_into.is_(None), ~_s.c.removed, visible_to(_s.c.guild_id, guild_id))


def is_full_record(guild_id: int | None = None) -> sa.ColumnElement[bool]:
    """Records that arrived themselves and were not removed, as a server sees them (None: all)."""
    return sa.and_(~_r.c.partial, ~_r.c.removed, visible_to(_r.c.guild_id, guild_id))


def is_unleased(
    lease_until: sa.Column[datetime], now: datetime | sa.BindParameter[datetime]
) -> sa.ColumnElement[bool]:
    """Rows that no worker holds: they were never leased, or the lease has ended."""
    return sa.or_(lease_until.is_(None), lease_until <= now)


def has_value(column: sa.Column[Any], value: int | None) -> sa.ColumnElement[bool]:
    """Rows with this value in a column; None: all rows."""
    return sa.true() if value is None else column == value
