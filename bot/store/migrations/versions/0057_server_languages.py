"""The languages of servers: the preferred one, as Discord says, and the chosen one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "server_languages",
        sa.Column("guild_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("preferred", sa.Text, nullable=True),
        sa.Column("chosen", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("guild_id", name="pk_server_languages"),
    )
