"""The outbox as a queue that costs the same to read however long it is: rows that are ready, on the shelf, or not due yet."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0064"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
LANE = (
    "(CASE WHEN kind = 'publish' THEN 5 WHEN message_id IS NULL AND begun_at IS NOT NULL THEN 0 "
    "WHEN user_id IS NOT NULL THEN 4 WHEN kind IN ('digest', 'notice') THEN 3 "
    "WHEN message_id IS NULL THEN 1 ELSE 2 END)"
)
IN_ORDER: list[Any] = [sa.text(LANE), sa.text("priority DESC"), "due_at", "id"]
UNSHELVED = "(shelved_for IS NULL OR shelved_for <> due_at)"
INDEXES: dict[str, tuple[list[Any], str]] = {
    "ix_outbox_ready": (
        IN_ORDER,
        f"due_at <= coalesce(ripe_at, created_at) AND {UNSHELVED} AND NOT closed",
    ),
    "ix_outbox_shelved": (["channel_id", *IN_ORDER], "shelved_for = due_at AND NOT closed"),
    "ix_outbox_unripe": (["due_at"], "due_at > coalesce(ripe_at, created_at) AND NOT closed"),
    "ix_outbox_unsent": (["channel_id", "begun_at", "due_at"], "message_id IS NULL AND due_at IS NOT NULL"),
    "ix_outbox_edits": (
        ["channel_id", "due_at"],
        f"message_id IS NOT NULL AND due_at IS NOT NULL AND {UNSHELVED}",
    ),
    "ix_outbox_sent_at": (["sent_at"], "sent_at IS NOT NULL"),
}


def upgrade() -> None:
    op.add_column("outbox", sa.Column("ripe_at", TIME, nullable=True))
    op.add_column("outbox", sa.Column("shelved_for", TIME, nullable=True))
    for name in ("channel_id", "sent_at", "due", "published"):
        op.drop_index(f"ix_outbox_{name}", "outbox")
    op.create_index("ix_outbox_channel_id_sent_at", "outbox", ["channel_id", "sent_at"])
    for name, (columns, condition) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(name, "outbox", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "backlogs",
        sa.Column("channel_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("publishes", sa.Boolean, nullable=False),
        sa.Column("check_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("channel_id", "publishes", name="pk_backlogs"),
    )
    has_time = sa.text("check_at IS NOT NULL")
    op.create_index(
        "ix_backlogs_publishes_check_at",
        "backlogs",
        ["publishes", "check_at"],
        sqlite_where=has_time,
        postgresql_where=has_time,
    )
