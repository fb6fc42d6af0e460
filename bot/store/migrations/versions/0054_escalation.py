"""The size of stories from which a subscription pings, replies to the posts of stories that reach it later, and templates of posts."""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

KIND = "escalation"
KIND_CHECK = re.compile(r"(CONSTRAINT ck_outbox_kind CHECK \(kind IN \()([^)]*)(\)\))")

# The digest of a subscription with live posts has everything from now on. One that was limited to big stories keeps that.
KEEP = """
UPDATE subscriptions SET digest_volume = volume
WHERE mode = 'both' AND volume IN ('notable', 'major') AND digest_volume IS NULL
"""


def _with_escalations(ddl: str) -> str:
    """The statement that makes the outbox, with one more kind of messages."""
    return KIND_CHECK.sub(rf"\1\2, '{KIND}'\3", ddl)


def _make_anew(table: str, change: Callable[[str], str]) -> None:
    """Make a table of SQLite anew, as it cannot change checks: with a changed statement, all its rows and its indexes."""
    connection = op.get_bind()
    master = sa.table("sqlite_master", sa.column("sql"), sa.column("tbl_name"), sa.column("type"))
    statements = sa.select(master.c.type, master.c.sql).where(
        master.c.tbl_name == table, master.c.sql.is_not(None)
    )
    rows = connection.execute(statements).all()
    [ddl] = [sql for kind, sql in rows if kind == "table"]
    indexes = [sql for kind, sql in rows if kind == "index"]
    names = [column["name"] for column in sa.inspect(connection).get_columns(table)]
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    for sql in indexes:
        name = re.match(r"CREATE (?:UNIQUE )?INDEX (\S+)", sql)
        assert name is not None
        op.execute(f"DROP INDEX {name[1]}")
    op.execute(change(ddl))
    before = sa.table(f"{table}_before", *map(sa.column, names))
    after = sa.table(table, *map(sa.column, names))
    op.execute(after.insert().from_select(names, sa.select(*before.c)))
    op.execute(f"DROP TABLE {table}_before")
    for sql in indexes:
        op.execute(sql)


def _kinds() -> list[str]:
    """The kinds of messages that PostgreSQL allows in the outbox."""
    checks = sa.inspect(op.get_bind()).get_check_constraints("outbox")
    [text] = [check["sqltext"] for check in checks if check["name"] == "ck_outbox_kind"]
    return re.findall(r"'([^']+)'", text)


def upgrade() -> None:
    op.execute(KEEP)
    ping_from = sa.Column("ping_from", sa.Text, nullable=False, server_default=sa.text("'any'"))
    op.add_column("subscriptions", ping_from)
    announces = sa.Column("announces_major", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("subscriptions", announces)
    op.add_column("outbox", sa.Column("reply_to", sa.Integer))
    op.create_table(
        "post_templates",
        sa.Column("guild_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("too_long_story", sa.Integer, nullable=True),
        sa.Column("too_long_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("guild_id", name="pk_post_templates"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _make_anew("outbox", _with_escalations)
    else:
        allowed = [*_kinds(), KIND]
        op.drop_constraint(op.f("ck_outbox_kind"), "outbox")
        op.create_check_constraint(op.f("ck_outbox_kind"), "outbox", sa.column("kind").in_(allowed))
    is_reply = sa.text("reply_to IS NOT NULL")
    op.create_index(
        "ix_outbox_replies", "outbox", ["reply_to"], sqlite_where=is_reply, postgresql_where=is_reply
    )
