"""A channel has several digests, each with a schedule, a topic and a history. The digest of before stays the first one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0049"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
MOVED = (
    "at",
    "zone",
    "days",
    "size",
    "style",
)  # columns of a channel's only digest, after the prefix `digest_`

# A channel that has only posts has a row too, but had no digest.
DIGESTS = """
INSERT INTO digests (guild_id, channel_id, name, at, zone, days, size, style, created_at, covered_until, next_at)
SELECT guild_id, channel_id, '', digest_at, digest_zone, digest_days, digest_size,
CASE WHEN digest_at IS NOT NULL THEN digest_style END,
(SELECT MIN(created_at) FROM subscriptions WHERE subscriptions.channel_id = channels.channel_id),
last_digest, next_digest
FROM channels
WHERE digest_at IS NOT NULL OR last_digest IS NOT NULL OR next_digest IS NOT NULL
ORDER BY channel_id
"""
HISTORY = """
INSERT INTO digest_history (digest_id, story, outlets, at)
SELECT digests.id, before.story, before.outlets, before.at
FROM digest_history_before AS before JOIN digests ON digests.channel_id = before.channel_id
"""
# Messages that were sent are known by their channel; those that wait belong to its digest.
WAITING = """
UPDATE outbox SET digest_id = (SELECT digests.id FROM digests WHERE digests.channel_id = outbox.channel_id)
WHERE kind = 'digest'
"""


def upgrade() -> None:
    op.create_table(
        "digests",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("topic_id", sa.Integer),
        sa.Column("at", sa.Text),
        sa.Column("zone", sa.Text),
        sa.Column("days", sa.Text),
        sa.Column("size", sa.Integer),
        sa.Column("style", sa.Text),
        sa.Column("created_at", TIME),
        sa.Column("covered_until", TIME),
        sa.Column("next_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_digests"),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], "fk_digests_topic_id"),
        sqlite_autoincrement=True,
    )
    for column in ("guild_id", "channel_id", "topic_id"):
        op.create_index(f"ix_digests_{column}", "digests", [column])
    is_due = sa.text("next_at IS NOT NULL")
    op.create_index("ix_digests_due", "digests", ["next_at"], sqlite_where=is_due, postgresql_where=is_due)
    op.execute(DIGESTS)
    op.execute("CREATE TABLE digest_history_before AS SELECT * FROM digest_history")
    op.drop_table("digest_history")
    op.create_table(
        "digest_history",
        sa.Column("digest_id", sa.Integer, nullable=False),
        sa.Column("story", sa.Integer, nullable=False),
        sa.Column("outlets", sa.Integer, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest_id", "story", name="pk_digest_history"),
        sa.ForeignKeyConstraint(
            ["digest_id"], ["digests.id"], "fk_digest_history_digest_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["story"], ["stories.number"], "fk_digest_history_story", ondelete="CASCADE"),
    )
    op.execute(HISTORY)
    op.drop_table("digest_history_before")
    op.add_column("outbox", sa.Column("digest_id", sa.Integer))
    op.execute(WAITING)
    op.drop_index("ix_channels_due", "channels")
    for name in (*(f"digest_{name}" for name in MOVED), "last_digest", "next_digest"):
        op.drop_column("channels", name)
