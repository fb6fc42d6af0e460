"""What records are searched by: an index of their words."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from bot.domain.model import Outlet, Record
from bot.store import search

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

AT_ONCE = 1_000  # records in memory

_columns = ("id", "key", "url", "title", "excerpt", "outlet_name", "outlet_domain", "type", "language")
_records = sa.table("records", *map(sa.column, (*_columns, "partial", "removed")))


def upgrade() -> None:
    connection = op.get_bind()
    for statement in search.TABLE[connection.dialect.name]:
        connection.exec_driver_sql(statement)
    fill(connection)


def fill(connection: sa.Connection) -> None:
    """Enter what is there already."""
    dialect = connection.dialect.name
    r, after = _records.c, -1
    own = sa.select(*(r[name] for name in _columns)).where(sa.not_(r.partial), sa.not_(r.removed))
    while rows := connection.execute(own.where(r.id > after).order_by(r.id).limit(AT_ONCE)).all():
        entries = [search.row_of(dialect, row.id, _record(row)) for row in rows]
        connection.execute(search.insert(dialect), entries)
        after = rows[-1].id


def _record(row: sa.Row[Any]) -> Record:
    outlet = Outlet(row.outlet_name, row.outlet_domain)
    return Record(row.key, row.url, row.title, outlet, row.excerpt, type=row.type, language=row.language)
