"""Topics of stories are decided and stored: for everybody (0), and for servers what they see besides. Learned topics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

COPY = "CREATE TABLE story_topics_before AS SELECT story, topic_id FROM story_topics"
OF_EVERYBODY = """
INSERT INTO story_topics (story, topic_id, guild_id)
SELECT story_topics_before.story, story_topics_before.topic_id, stories.guild_id
FROM story_topics_before JOIN stories ON stories.number = story_topics_before.story
"""
# A server's topics of a story were those of any report. What is not enough any more goes when the story grows.
OF_SERVERS = """
INSERT INTO story_topics (story, topic_id, guild_id)
SELECT DISTINCT records.story, topics.id, CASE WHEN topics.guild_id = 0 THEN records.guild_id ELSE topics.guild_id END
FROM record_topics
JOIN records ON records.id = record_topics.record_id
JOIN topics ON topics.id = record_topics.topic_id
JOIN stories ON stories.number = records.story
WHERE NOT records.removed AND stories.merged_into IS NULL
AND ((records.guild_id <> 0 AND stories.guild_id = 0) OR topics.guild_id <> 0)
AND (records.guild_id = 0 OR topics.guild_id = 0 OR records.guild_id = topics.guild_id)
"""


def upgrade() -> None:
    learned = sa.Column("learned", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("record_topics", learned)
    op.execute(COPY)
    op.drop_table("story_topics")
    op.create_table(
        "story_topics",
        sa.Column("story", sa.Integer, nullable=False),
        sa.Column("topic_id", sa.Integer, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["story"], ["stories.number"], "fk_story_topics_story", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], "fk_story_topics_topic_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("story", "topic_id", "guild_id", name="pk_story_topics"),
    )
    op.create_index("ix_story_topics_topic_id_story", "story_topics", ["topic_id", "story"])
    op.execute(OF_EVERYBODY)
    op.execute(OF_SERVERS)
    op.drop_table("story_topics_before")
