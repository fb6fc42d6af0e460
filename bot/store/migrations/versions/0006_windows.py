"""What stories are found by is kept with each record, and why it is where it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.domain.clustering.story_cluster import extract_terms

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("terms", "why"):
        op.add_column("records", sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_table(
        "revisions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_revisions")),
    )
    connection = op.get_bind()
    records = sa.table("records", *map(sa.column, ("id", "title", "excerpt", "language", "partial", "terms")))
    rows = connection.execute(sa.select(records).where(sa.not_(records.c.partial))).all()
    filled = [
        {"of": row.id, "to": extract_terms(row.title, row.excerpt, row.language).kept()} for row in rows
    ]
    if filled:
        statement = sa.update(records).where(records.c.id == sa.bindparam("of"))
        connection.execute(statement.values(terms=sa.bindparam("to")), filled)
