"""Threads of posts: the channels that want them, how far each is, and the messages in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.migrations.outbox_kinds import allow_kinds

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    allow_kinds("thread")
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
