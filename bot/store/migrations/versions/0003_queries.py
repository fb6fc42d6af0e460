"""Queries of topics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("topics", sa.Column("query", sa.Text(), server_default=sa.text("''"), nullable=False))
