"""Subscriptions have a volume instead of an importance, and stories a size. A report of a feed alone is not notable."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0043"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
VOLUMES = ("few", "some", "many", "everything", "notable", "major")

# What was set stays. What was not set was notable for live posts and everything for digests.
COPY = """
INSERT INTO subscriptions
(id, guild_id, channel_id, topic_id, mode, mention_role_id, publish, created_at, volume, digest_volume)
SELECT id, guild_id, channel_id, topic_id, mode, mention_role_id, publish, created_at,
CASE WHEN importance = 'all' THEN 'everything' WHEN importance IS NOT NULL THEN importance
WHEN mode = 'digest' THEN NULL ELSE 'notable' END,
CASE WHEN importance IS NULL AND mode = 'both' THEN 'everything' END
FROM subscriptions_before
"""
FILL = """
UPDATE subscriptions SET
volume = CASE WHEN importance = 'all' THEN 'everything' WHEN importance IS NOT NULL THEN importance
WHEN mode = 'digest' THEN NULL ELSE 'notable' END,
digest_volume = CASE WHEN importance IS NULL AND mode = 'both' THEN 'everything' END
"""
# The quality of a feed was 70 where nothing was set, which made each of its articles notable.
LOWER_HEAT = """
UPDATE stories
SET heat = heat - (SELECT CASE WHEN quality = 70 THEN 10 ELSE quality - 69 END FROM records WHERE id = lead_id)
WHERE lead_id IN (
    SELECT records.id FROM records JOIN sources ON sources.id = records.source_id
    WHERE sources.kind = 'feed' AND records.quality >= 70 AND records.heat IS NULL
)
"""
LOWER_NOTABLE = """
UPDATE stories SET notable = (heat >= 70 OR (SELECT records.notable FROM records WHERE records.id = stories.lead_id))
WHERE lead_id IN (
    SELECT records.id FROM records JOIN sources ON sources.id = records.source_id
    WHERE sources.kind = 'feed' AND records.quality >= 70 AND records.heat IS NULL
)
"""
LOWER_QUALITY = """
UPDATE records SET quality = CASE WHEN quality = 70 THEN 60 ELSE 69 END
WHERE quality >= 70 AND source_id IN (SELECT id FROM sources WHERE kind = 'feed')
"""
# The number of outlets stands for that of voices and of reports, until the story changes.
SIZE = """
UPDATE stories SET size = (((CAST(CASE WHEN heat < 0 THEN 0 WHEN heat > 1048575 THEN 1048575 ELSE heat END AS BIGINT)
* 4096 + CASE WHEN outlets > 4095 THEN 4095 ELSE outlets END) * 4096
+ CASE WHEN outlets > 4095 THEN 4095 ELSE outlets END) * 65536) + (CAST(number AS BIGINT) * 40503) % 65536
"""


def _one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({allowed})", op.f(f"ck_subscriptions_{column}"))


def _new_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("volume", sa.Text),
        sa.Column("digest_volume", sa.Text),
        sa.Column("threshold", sa.BigInteger),
        sa.Column("stories_a_day", sa.Float),
        sa.Column("posts_a_day", sa.Float),
        sa.Column("calibrate_at", TIME),
    ]


def _make_anew() -> None:
    """SQLite cannot drop a column that a check names."""
    op.drop_index("ix_subscriptions_guild_id", "subscriptions")
    op.rename_table("subscriptions", "subscriptions_before")
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("topic_id", sa.Integer, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("mention_role_id", sa.BigInteger),
        sa.Column("publish", sa.Boolean, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        *_new_columns(),
        _one_of("mode", ("live", "digest", "both")),
        _one_of("volume", VOLUMES),
        _one_of("digest_volume", VOLUMES),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], "fk_subscriptions_topic_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("channel_id", "topic_id", name="uq_subscriptions_channel_id_topic_id"),
    )
    op.execute(COPY)
    op.drop_table("subscriptions_before")
    op.create_index("ix_subscriptions_guild_id", "subscriptions", ["guild_id"])


def _change() -> None:
    for column in _new_columns():
        op.add_column("subscriptions", column)
    op.execute(FILL)
    op.drop_column("subscriptions", "importance")
    for name in ("volume", "digest_volume"):
        check = op.f(f"ck_subscriptions_{name}")
        op.create_check_constraint(check, "subscriptions", sa.column(name).in_(VOLUMES))


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_anew()
    else:
        _change()
    op.create_index("ix_subscriptions_calibrate_at", "subscriptions", ["calibrate_at"])
    op.execute("UPDATE withheld_posts SET reason = 'too small' WHERE reason = 'below importance'")
    op.add_column("stories", sa.Column("size", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(LOWER_HEAT)
    op.execute(LOWER_NOTABLE)
    op.execute(LOWER_QUALITY)
    op.execute(SIZE)
