"""Leases tell which processes there are: their roles, since when, and their last sign of life."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("leases", sa.Column("roles", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("leases", sa.Column("since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("leases", sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=True))
    # Every process has one now. Of a poller that died before, the feeds are still given back.
    op.execute(
        "UPDATE leases SET name = 'process ' || substr(name, 8), roles = 'poller' WHERE name LIKE 'poller %'"
    )
