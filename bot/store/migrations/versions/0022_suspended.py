"""Topics may be suspended, and stories and topics are listed from indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None


_INDEXES = (
    ("story_topics", "topic_id", "story"),
    ("record_topics", "topic_id", "record_id"),
    ("stories", "guild_id", "last_seen"),
)


def upgrade() -> None:
    op.drop_index("ix_story_topics_topic_id", "story_topics")
    op.drop_index("ix_record_topics_topic_id", "record_topics")
    for table, *columns in _INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    op.add_column("topics", sa.Column("suspended", sa.Text(), nullable=False, server_default=sa.text("''")))
