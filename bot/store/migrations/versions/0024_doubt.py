"""The outbox knows which process holds a lease, and of which messages it is in doubt whether they were sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("holder", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("outbox", sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE outbox SET begun_at = created_at WHERE message_id IS NULL AND attempts > 0")
