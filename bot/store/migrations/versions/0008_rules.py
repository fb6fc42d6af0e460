"""What people decided about stories."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.schema import UtcTime

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rules",
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("other", sa.Integer(), nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["one"], ["records.id"], name=op.f("fk_rules_one"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other"], ["records.id"], name=op.f("fk_rules_other"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("one", "other", name=op.f("pk_rules")),
    )
    op.create_index(op.f("ix_rules_other"), "rules", ["other"])
