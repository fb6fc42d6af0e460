"""The keys of articles that were deleted because of their age, and indexes by which their rows go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forgotten_keys",
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("published", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_forgotten_keys"),
    )
    op.create_index("ix_forgotten_keys_seen_at", "forgotten_keys", ["seen_at"])
    if op.get_bind().dialect.name == "postgresql":
        # An earlier step of this transaction may have changed stories. PostgreSQL indexes no table whose references it still has to check.
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.create_index("ix_stories_lead_id", "stories", ["lead_id"])
    op.create_index("ix_digest_history_story", "digest_history", ["story"])
