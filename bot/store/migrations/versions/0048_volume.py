"""Volumes instead of importance, the size of stories, roll-ups, quiet hours, and first posts. A report of a feed alone is not notable."""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
VOLUMES = ("few", "some", "many", "everything", "notable", "major")
CHOSEN = ("volume", "digest_volume")
KINDS = ("story", "digest", "notice", "publish", "rollup")

# What was set stays. What was not set was notable for live posts and everything for digests.
FILL = """
UPDATE subscriptions SET
volume = CASE WHEN importance = 'all' THEN 'everything' WHEN importance IS NOT NULL THEN importance
WHEN mode = 'digest' THEN NULL ELSE 'notable' END,
digest_volume = CASE WHEN importance IS NULL AND mode = 'both' THEN 'everything' END
"""
# The quality of a feed was 70 where nothing was set, which made each of its articles notable.
LOWER_HEAT = """
UPDATE stories
SET heat = heat - (SELECT CASE WHEN quality = 70 THEN 10 ELSE quality - 69 END FROM records WHERE id = lead_id)
WHERE lead_id IN (
    SELECT records.id FROM records JOIN sources ON sources.id = records.source_id
    WHERE sources.kind = 'feed' AND records.quality >= 70 AND records.heat IS NULL
)
"""
LOWER_NOTABLE = """
UPDATE stories SET notable = (heat >= 70 OR (SELECT records.notable FROM records WHERE records.id = stories.lead_id))
WHERE lead_id IN (
    SELECT records.id FROM records JOIN sources ON sources.id = records.source_id
    WHERE sources.kind = 'feed' AND records.quality >= 70 AND records.heat IS NULL
)
"""
LOWER_QUALITY = """
UPDATE records SET quality = CASE WHEN quality = 70 THEN 60 ELSE 69 END
WHERE quality >= 70 AND source_id IN (SELECT id FROM sources WHERE kind = 'feed')
"""
# The number of outlets stands for that of voices and of reports, until the story changes.
SIZE = """
UPDATE stories SET size = (((CAST(CASE WHEN heat < 0 THEN 0 WHEN heat > 1048575 THEN 1048575 ELSE heat END AS BIGINT)
* 4096 + CASE WHEN outlets > 4095 THEN 4095 ELSE outlets END) * 4096
+ CASE WHEN outlets > 4095 THEN 4095 ELSE outlets END) * 65536) + (CAST(number AS BIGINT) * 40503) % 65536
"""


def _without_importance(ddl: str) -> str:
    """The statement that makes the table, without a column that its check names: SQLite cannot drop such a column."""
    checks = ", ".join(f"CONSTRAINT ck_subscriptions_{name} CHECK ({name} IN {VOLUMES})" for name in CHOSEN)
    ddl = re.sub(r"CONSTRAINT ck_subscriptions_importance CHECK \(importance IN \([^)]*\)\)", checks, ddl)
    return re.sub(r"\n\s*importance TEXT,", "", ddl)


def _with_rollups(ddl: str) -> str:
    """The statement that makes the outbox, with one more kind of messages."""
    return ddl.replace("'notice', 'publish')", "'notice', 'publish', 'rollup')")


def _make_anew(table: str, change: Callable[[str], str], *, left_out: str = "") -> None:
    """Make a table of SQLite anew, as it cannot change checks: with a changed statement, all its rows and its indexes."""
    connection = op.get_bind()
    master = sa.table("sqlite_master", sa.column("sql"), sa.column("tbl_name"), sa.column("type"))
    statements = sa.select(master.c.type, master.c.sql).where(
        master.c.tbl_name == table, master.c.sql.is_not(None)
    )
    rows = connection.execute(statements).all()
    [ddl] = [sql for kind, sql in rows if kind == "table"]
    indexes = [sql for kind, sql in rows if kind == "index"]
    names = [
        column["name"] for column in sa.inspect(connection).get_columns(table) if column["name"] != left_out
    ]
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


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name in CHOSEN:
        op.add_column("subscriptions", sa.Column(name, sa.Text))
    for name, kind in (("threshold", sa.BigInteger), ("stories_a_day", sa.Float), ("posts_a_day", sa.Float)):
        op.add_column("subscriptions", sa.Column(name, kind))
    for name in ("calibrate_at", "first_posts_until"):
        op.add_column("subscriptions", sa.Column(name, TIME))
    op.execute(FILL)
    if is_sqlite:
        _make_anew("subscriptions", _without_importance, left_out="importance")
        _make_anew("outbox", _with_rollups)
    else:
        op.drop_column("subscriptions", "importance")
        for name in CHOSEN:
            check = op.f(f"ck_subscriptions_{name}")
            op.create_check_constraint(check, "subscriptions", sa.column(name).in_(VOLUMES))
        op.drop_constraint(op.f("ck_outbox_kind"), "outbox")
        op.create_check_constraint(op.f("ck_outbox_kind"), "outbox", sa.column("kind").in_(KINDS))
    op.create_index("ix_subscriptions_calibrate_at", "subscriptions", ["calibrate_at"])
    is_new = sa.text("first_posts_until IS NOT NULL")
    op.create_index(
        "ix_subscriptions_new",
        "subscriptions",
        ["first_posts_until"],
        sqlite_where=is_new,
        postgresql_where=is_new,
    )
    op.execute("UPDATE withheld_posts SET reason = 'too small' WHERE reason = 'below importance'")
    op.add_column("stories", sa.Column("size", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(LOWER_HEAT)
    op.execute(LOWER_NOTABLE)
    op.execute(LOWER_QUALITY)
    op.execute(SIZE)
    op.add_column("outbox", sa.Column("rollup", sa.Integer))
    has_rollup = sa.text("rollup IS NOT NULL")
    op.create_index(
        "ix_outbox_rolled_up", "outbox", ["rollup"], sqlite_where=has_rollup, postgresql_where=has_rollup
    )
    op.add_column("channels", sa.Column("per_hour", sa.Integer))
    for name in ("quiet_from", "quiet_until", "quiet_zone"):
        op.add_column("channels", sa.Column(name, sa.Text))
