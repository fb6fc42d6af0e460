"""What several migrations do to the outbox. Frozen, as they are: it knows no schema but that of the database before it."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

_CHECK = re.compile(r"CHECK \(kind IN \([^)]*\)\)")


def allow_kinds(*more: str) -> None:
    """Allow further kinds of messages beside those that there are. SQLite cannot change a check, so the table is made anew."""
    connection = op.get_bind()
    checks = sa.inspect(connection).get_check_constraints("outbox")
    [check] = [check for check in checks if check["name"] == "ck_outbox_kind"]
    kinds = (*re.findall(r"'(\w+)'", check["sqltext"]), *more)
    if connection.dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_outbox_kind"), "outbox")
        op.create_check_constraint(op.f("ck_outbox_kind"), "outbox", sa.column("kind").in_(kinds))
        return
    master = sa.table("sqlite_master", sa.column("sql"), sa.column("tbl_name"), sa.column("type"))
    statements = sa.select(master.c.type, master.c.sql).where(
        master.c.tbl_name == "outbox", master.c.sql.is_not(None)
    )
    rows = connection.execute(statements).all()
    [ddl] = [sql for kind, sql in rows if kind == "table"]
    indexes = [sql for kind, sql in rows if kind == "index"]
    names = [column["name"] for column in sa.inspect(connection).get_columns("outbox")]
    op.execute("ALTER TABLE outbox RENAME TO outbox_before")
    for sql in indexes:
        name = re.match(r"CREATE (?:UNIQUE )?INDEX (\S+)", sql)
        assert name is not None
        op.execute(f"DROP INDEX {name[1]}")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(_CHECK.sub(f"CHECK (kind IN ({listed}))", ddl))
    before = sa.table("outbox_before", *map(sa.column, names))
    after = sa.table("outbox", *map(sa.column, names))
    op.execute(after.insert().from_select(names, sa.select(*before.c)))
    op.execute("DROP TABLE outbox_before")
    for sql in indexes:
        op.execute(sql)
