"""Topics that servers make themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("topics", sa.Column("guild_id", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(op.f("ix_topics_guild_id"), "topics", ["guild_id"], unique=False)
