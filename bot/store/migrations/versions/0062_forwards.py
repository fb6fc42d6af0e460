"""Tokens that read a server's stories, and addresses outside of Discord that stories are sent to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
VOLUMES = "'few', 'some', 'many', 'everything', 'notable', 'major'"


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "forwards",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.Column("topic_id", sa.Integer, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("volume", sa.Text, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("threshold", sa.BigInteger),
        sa.Column("stories_a_day", sa.Float),
        sa.Column("posts_a_day", sa.Float),
        sa.Column("calibrate_at", TIME),
        sa.Column("failures", sa.Integer, server_default="0", nullable=False),
        sa.Column("failing_since", TIME),
        sa.Column("retry_at", TIME),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("off_at", TIME),
        sa.Column("lease_until", TIME),
        sa.Column("claims", sa.Integer, server_default="0", nullable=False),
        sa.CheckConstraint(f"volume IN ({VOLUMES})", name=op.f("ck_forwards_volume")),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name="fk_forwards_topic_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_forwards"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "forward_queue",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("story", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["story"], ["stories.number"], name="fk_forward_queue_story", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_forward_queue"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "forward_deliveries",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("forward_id", sa.Integer, nullable=False),
        sa.Column("story", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("sent", sa.Integer, server_default="0", nullable=False),
        sa.Column("sent_hash", sa.Text, nullable=False),
        sa.Column("sent_at", TIME),
        sa.Column("due_at", TIME),
        sa.Column("touched_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["forward_id"], ["forwards.id"], name="fk_forward_deliveries_forward_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["story"], ["stories.number"], name="fk_forward_deliveries_story", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_forward_deliveries"),
        sa.UniqueConstraint("forward_id", "story", name="uq_forward_deliveries_forward_id_story"),
        sqlite_autoincrement=True,
    )
    for table, column in (
        ("api_tokens", "guild_id"),
        ("forwards", "guild_id"),
        ("forwards", "topic_id"),
        ("forward_queue", "story"),
        ("forward_deliveries", "story"),
        ("forward_deliveries", "touched_at"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_forward_deliveries_due",
        "forward_deliveries",
        ["forward_id", "due_at"],
        sqlite_where=is_due,
        postgresql_where=is_due,
    )
