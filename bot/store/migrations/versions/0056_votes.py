"""Votes of members on stories, and the servers that have them switched on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "voting_servers",
        sa.Column("guild_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name="pk_voting_servers"),
    )
    op.create_table(
        "votes",
        sa.Column("guild_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("story", sa.Integer, nullable=False),
        sa.Column("user_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("up", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "story", "user_id", name="pk_votes"),
        sa.ForeignKeyConstraint(["story"], ["stories.number"], name="fk_votes_story", ondelete="CASCADE"),
    )
    op.create_index("ix_votes_story", "votes", ["story"])
    op.create_index("ix_votes_at", "votes", ["at"])
