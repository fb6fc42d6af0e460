"""Names and pictures of posts: the bot's own webhook in a channel, and which webhook made a message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "faces",
        sa.Column("channel_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.Column("webhook_id", sa.BigInteger, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("avatar_url", sa.Text, nullable=False),
        sa.Column("has_picture", sa.Boolean, nullable=False),
        sa.Column("is_lost", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_faces"),
    )
    op.create_index("ix_faces_guild_id", "faces", ["guild_id"])
    op.add_column("outbox", sa.Column("webhook_id", sa.BigInteger, nullable=True))
