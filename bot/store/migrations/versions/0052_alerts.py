"""Alerts of members, the stories that they follow, and messages for one member."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.migrations.outbox_kinds import allow_kinds

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    allow_kinds("member", "member_rollup", "member_notice")
    op.add_column("outbox", sa.Column("user_id", sa.BigInteger))
    is_for_member = sa.text("user_id IS NOT NULL")
    op.create_index(
        "ix_outbox_member",
        "outbox",
        ["user_id"],
        sqlite_where=is_for_member,
        postgresql_where=is_for_member,
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("channel_id", sa.BigInteger),
        sa.Column("home_id", sa.BigInteger, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("suspended", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("guild_id", "user_id", "query", name="uq_alerts_guild_id_user_id_query"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "alert_channels",
        sa.Column("channel_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_alert_channels"),
    )
    op.create_table(
        "alert_queue",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("record_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_queue"),
        sa.ForeignKeyConstraint(
            ["record_id"], ["records.id"], name="fk_alert_queue_record_id", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "follows",
        sa.Column("guild_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("story", sa.Integer, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "user_id", "story", name="pk_follows"),
        sa.ForeignKeyConstraint(["story"], ["stories.number"], name="fk_follows_story", ondelete="CASCADE"),
    )
    for table, column in (
        ("alerts", "guild_id"),
        ("alerts", "user_id"),
        ("alerts", "channel_id"),
        ("alert_channels", "guild_id"),
        ("alert_queue", "record_id"),
        ("follows", "user_id"),
        ("follows", "story"),
        ("follows", "channel_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
