"""Channels choose what their digest shows of a story."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    style = sa.Column("digest_style", sa.Text, nullable=False, server_default=sa.text("'brief'"))
    op.add_column("channels", style)
