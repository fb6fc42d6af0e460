"""Topics tell when earlier articles have still to be matched with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("topics", sa.Column("look_back_at", sa.DateTime(timezone=True), nullable=True))
    is_asked_for = sa.text("look_back_at IS NOT NULL")
    op.create_index(
        "ix_topics_look_back_at",
        "topics",
        ["look_back_at"],
        sqlite_where=is_asked_for,
        postgresql_where=is_asked_for,
    )
