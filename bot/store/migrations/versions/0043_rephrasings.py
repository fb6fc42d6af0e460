"""What a model made of briefs, and the servers that want it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("outbox", sa.Column("rephrased", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("ix_outbox_sent_at", "outbox", ["sent_at"])
    op.create_table(
        "rephrasing_servers",
        sa.Column("guild_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name="pk_rephrasing_servers"),
    )
    op.create_table(
        "rephrasings",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("story", sa.Integer, nullable=False),
        sa.Column("lines", sa.JSON, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["story"], ["stories.number"], "fk_rephrasings_story", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name="pk_rephrasings"),
    )
    op.create_index("ix_rephrasings_story", "rephrasings", ["story"])
    op.create_index("ix_rephrasings_at", "rephrasings", ["at"])
