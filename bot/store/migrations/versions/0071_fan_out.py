"""The size from which a subscription posts, as a number, and decisions for most channels with their story."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

# A size has the heat of a story above its 40 lowest bits. Without a threshold, the prior of this version decides.
FILL = """
UPDATE subscriptions SET posts_from = CASE
WHEN mode = 'digest' THEN NULL
WHEN volume = 'everything' THEN 0
WHEN volume = 'notable' THEN CAST(70 AS BIGINT) * 1099511627776
WHEN volume = 'major' THEN CAST(150 AS BIGINT) * 1099511627776
WHEN threshold IS NOT NULL THEN threshold
WHEN volume = 'few' THEN {few}
WHEN volume = 'many' THEN {many}
ELSE {some} END
"""
FEW, SOME, MANY = 131941663834112, 76966082445312, 65970966198492


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("posts_from", sa.BigInteger, nullable=True))
    op.execute(FILL.format(few=FEW, some=SOME, many=MANY))
    op.create_index(
        "ix_subscriptions_followers",
        "subscriptions",
        ["topic_id", "posts_from", "channel_id", "guild_id", "volume"],
    )
    op.add_column("stories", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stories", sa.Column("withheld", sa.Text, nullable=False, server_default=sa.text("''")))
    op.create_index("ix_stories_decided_at", "stories", ["decided_at"])
