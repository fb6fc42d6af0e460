"""Subscriptions choose how their posts look; messages with embeds, as earlier versions sent them, are told from others;
records can be podcasts.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    layout = sa.Column("layout", sa.Text, nullable=False, server_default=sa.text("'card'"))
    op.add_column("subscriptions", layout)
    op.add_column("subscriptions", sa.Column("accent", sa.Integer))
    form = sa.Column("form", sa.Text, nullable=False, server_default=sa.text("'components'"))
    op.add_column("outbox", form)
    op.add_column("outbox", sa.Column("mentioned", sa.JSON))
    op.add_column("records", sa.Column("podcast", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute("UPDATE outbox SET form = 'embeds' WHERE message_id IS NOT NULL AND kind <> 'publish'")
    op.create_index(
        "ix_outbox_kept_embeds",
        "outbox",
        ["guild_id"],
        sqlite_where=sa.text("form = 'kept embeds'"),
        postgresql_where=sa.text("form = 'kept embeds'"),
    )
