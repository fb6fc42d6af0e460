"""Threads of posts: the channels that want them, how far each is, and the messages in them."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
KIND = "thread"


def _allow_kind() -> None:
    """Allow one more kind of messages beside those that there are. SQLite cannot change a check, so the table is made anew."""
    connection = op.get_bind()
    checks = sa.inspect(connection).get_check_constraints("outbox")
    [check] = [check for check in checks if check["name"] == "ck_outbox_kind"]
    kinds = (*re.findall(r"'(\w+)'", check["sqltext"]), KIND)
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
    op.execute(re.sub(r"CHECK \(kind IN \([^)]*\)\)", f"CHECK (kind IN ({listed}))", ddl))
    before = sa.table("outbox_before", *map(sa.column, names))
    after = sa.table("outbox", *map(sa.column, names))
    op.execute(after.insert().from_select(names, sa.select(*before.c)))
    op.execute("DROP TABLE outbox_before")
    for sql in indexes:
        op.execute(sql)


def upgrade() -> None:
    _allow_kind()
    is_thread = sa.text("kind = 'thread'")
    op.create_index(
        "ix_outbox_threads",
        "outbox",
        ["channel_id", "story"],
        sqlite_where=is_thread,
        postgresql_where=is_thread,
    )
    op.add_column("channels", sa.Column("threads", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "story_threads",
        sa.Column("post", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("thread_id", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("told_record", sa.Integer, nullable=False),
        sa.Column("written_at", TIME, nullable=True),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("post", name="pk_story_threads"),
        sa.CheckConstraint("state IN ('waiting', 'open', 'gone')", name=op.f("ck_story_threads_state")),
    )
    op.create_index("ix_story_threads_channel_id", "story_threads", ["channel_id"])
    has_problem = sa.text("problem <> ''")
    op.create_index(
        "ix_story_threads_problem",
        "story_threads",
        ["guild_id"],
        sqlite_where=has_problem,
        postgresql_where=has_problem,
    )
