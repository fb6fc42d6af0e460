"""The size of stories from which a subscription pings, replies to the posts of stories that reach it later, and templates of posts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.migrations.outbox_kinds import allow_kinds

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

# The digest of a subscription with live posts has everything from now on. One that was limited to big stories keeps that.
KEEP = """
UPDATE subscriptions SET digest_volume = volume
WHERE mode = 'both' AND volume IN ('notable', 'major') AND digest_volume IS NULL
"""


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
    allow_kinds("escalation")
    is_reply = sa.text("reply_to IS NOT NULL")
    op.create_index(
        "ix_outbox_replies", "outbox", ["reply_to"], sqlite_where=is_reply, postgresql_where=is_reply
    )
