"""What a title means is kept with each record, where a model tells it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("records", sa.Column("meaning", sa.LargeBinary(), nullable=True))
