"""The first tables, as version 0.1.0 has them. Frozen: what changes later is another migration."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = None
branch_labels = None
depends_on = None

# The index of the words of records: FTS5's own tables in SQLite, a vector of words in PostgreSQL.
SEARCH = {
    "sqlite": (
        "CREATE VIRTUAL TABLE search USING fts5(title, excerpt, outlet, value, tokenize=\"ascii tokenchars '#+._:-'\")",
        "CREATE TRIGGER search_forget AFTER DELETE ON records BEGIN DELETE FROM search WHERE rowid = old.id; END",
    ),
    "postgresql": (
        "CREATE TABLE search (rowid integer PRIMARY KEY REFERENCES records (id) ON DELETE CASCADE, words tsvector NOT NULL)",
        "CREATE INDEX ix_search_words ON search USING gin (words)",
    ),
}


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)
    for statement in SEARCH[connection.dialect.name]:
        connection.exec_driver_sql(statement)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


TIME = sa.DateTime(timezone=True)  # SQLite has no such type: there it is the text of the naive UTC time
ID = sa.Integer()
SNOWFLAKE = sa.BigInteger()


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, default=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, default="")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _not_negative(column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} >= 0", name=column)


def _where(name: str, column: str, condition: str) -> sa.Index:
    return sa.Index(name, column, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def _deferred(column: str, *, use_alter: bool = False) -> sa.ForeignKey:
    return sa.ForeignKey(column, deferrable=True, initially="DEFERRED", use_alter=use_alter)


def _one_of(column: str, kinds: Iterable[str]) -> sa.CheckConstraint:
    allowed = ", ".join(f"'{kind}'" for kind in kinds)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=column)


sa.Table(
    "sources",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    _text("kind"),
    _flag("intake_done"),
    sa.Column("last_success", TIME),
    sa.Column("last_error_at", TIME),
    _text("last_error"),
    sa.Column("taken", sa.Integer, nullable=False, default=0),
    sa.Column("rejected", sa.Integer, nullable=False, default=0),
)

sa.Table(
    "feeds",
    metadata,
    sa.Column("source_id", ID, sa.ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, default=0, index=True),
    sa.Column("address", sa.Text, nullable=False),
    _text("url"),
    _text("name"),
    _text("title"),
    sa.Column("topics", sa.JSON, nullable=False),
    sa.Column("quality", sa.Integer),
    _text("origin"),
    sa.Column("added_at", TIME, nullable=False),
    sa.Column("added_by", SNOWFLAKE),
    sa.Column("interval", sa.Integer, nullable=False),
    sa.Column("next_poll", TIME),
    sa.Column("lease_until", TIME),
    sa.Column("polled_at", TIME),
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Column("failing_since", TIME),
    _flag("warned"),
    sa.UniqueConstraint("guild_id", "address"),
    _one_of("origin", ("catalogue", "config", "server", "operator")),
    _where("ix_feeds_due", "next_poll", "next_poll IS NOT NULL"),
)

sa.Table(
    "progress",
    metadata,
    sa.Column("source_id", ID, sa.ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)

sa.Table(
    "stories",
    metadata,
    sa.Column("number", ID, primary_key=True, autoincrement=False),
    sa.Column("lead_id", ID, _deferred("records.id", use_alter=True)),
    sa.Column("heat", sa.Integer, nullable=False),
    _flag("notable"),
    sa.Column("outlets", sa.Integer, nullable=False, default=0),
    sa.Column("first", TIME, nullable=False),
    sa.Column("last", TIME, nullable=False),
    sa.Column("last_seen", TIME, nullable=False, index=True),
    _flag("removed"),
    sa.Column("merged_into", ID, _deferred("stories.number")),
    _text("search"),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, server_default="0"),
    sa.Index("ix_stories_guild_id_last_seen", "guild_id", "last_seen"),
    _where("ix_stories_merged", "merged_into", "merged_into IS NOT NULL"),
)

sa.Table(
    "records",
    metadata,
    sa.Column("id", ID, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    _text("url"),
    _text("title"),
    _text("excerpt"),
    _text("outlet_name"),
    sa.Column("outlet_domain", sa.Text, nullable=False, index=True),
    sa.Column("published", TIME, nullable=False, index=True),
    sa.Column("first_seen", TIME, nullable=False, index=True),
    _text("type"),
    sa.Column("quality", sa.Integer, nullable=False),
    sa.Column("heat", sa.Integer),
    _flag("notable"),
    sa.Column("declared_topics", sa.JSON, nullable=False),
    sa.Column("image", sa.JSON),
    _text("language"),
    _flag("removed"),
    _flag("partial"),
    _flag("news"),
    sa.Column("story", ID, _deferred("stories.number"), index=True),
    sa.Column("source_id", ID, sa.ForeignKey("sources.id", ondelete="SET NULL"), index=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, server_default="0", index=True),
    _text("content_hash"),
    sa.Column("terms", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("why", sa.Text, nullable=False, server_default=sa.text("''")),
    _one_of("type", ("article", "video")),
    sa.Column("meaning", sa.LargeBinary),
)

sa.Table(
    "record_keys",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("record_id", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), nullable=False, index=True),
)

sa.Table(
    "declarations",
    metadata,
    sa.Column("record_id", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("declared_id", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), nullable=False, index=True),
)

sa.Table(
    "topics",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    _text("name"),
    _text("shortname"),
    _text("slug"),
    _text("parent"),
    sa.Column("keywords", sa.JSON, nullable=False),
    sa.Column("aliases", sa.JSON, nullable=False),
    _text("fields"),
    sa.Column("colour", sa.Integer),
    sa.Column("query", sa.Text, nullable=False, server_default=sa.text("''")),
    _flag("configured"),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, server_default="0", index=True),
    sa.Column("suspended", sa.Text, nullable=False, server_default=sa.text("''")),
)

sa.Table(
    "record_topics",
    metadata,
    sa.Column("record_id", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("topic_id", ID, sa.ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True),
    _flag("declared"),
    sa.Column("keywords", sa.JSON, nullable=False),
    sa.Index("ix_record_topics_topic_id_record_id", "topic_id", "record_id"),
)

sa.Table(
    "story_topics",
    metadata,
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("topic_id", ID, sa.ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True),
    sa.Index("ix_story_topics_topic_id_story", "topic_id", "story"),
)

sa.Table(
    "left_servers",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("at", TIME, nullable=False),
)

sa.Table(
    "subscriptions",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("channel_id", SNOWFLAKE, nullable=False),
    sa.Column("topic_id", ID, sa.ForeignKey("topics.id"), nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("importance", sa.Text),
    sa.Column("mention_role_id", SNOWFLAKE),
    _flag("publish"),
    sa.Column("created_at", TIME, nullable=False),
    sa.UniqueConstraint("channel_id", "topic_id"),
    _one_of("mode", ("live", "digest", "both")),
    _one_of("importance", ("all", "notable", "major")),
)

sa.Table(
    "channels",
    metadata,
    sa.Column("channel_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    _text("paused_reason"),
    sa.Column("paused_at", TIME),
    sa.Column("digest_at", sa.Text),
    sa.Column("digest_zone", sa.Text),
    sa.Column("digest_days", sa.Text),
    sa.Column("digest_size", sa.Integer),
    _flag("digest_off"),
    sa.Column("last_digest", TIME),
    sa.Column("next_digest", TIME),
    _where("ix_channels_due", "next_digest", "next_digest IS NOT NULL"),
)

sa.Table(
    "quotas",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    _count("feeds"),
    _count("topics"),
    _count("records"),
    sa.Column("day", sa.Date),
    _count("records_that_day"),
    *map(_not_negative, ("feeds", "topics", "records", "records_that_day")),
)

sa.Table(
    "mutes",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False),
    sa.Column("channel_id", SNOWFLAKE, nullable=False, default=0),
    _text("value"),
    _text("key"),
    sa.UniqueConstraint("guild_id", "channel_id", "key"),
)

sa.Table(
    "outbox",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("dedupe", sa.Text, nullable=False, unique=True),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("channel_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("story", ID, sa.ForeignKey("stories.number"), index=True),
    sa.Column("payload", sa.JSON),
    sa.Column("priority", sa.Integer, nullable=False, default=0),
    sa.Column("revision", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("due_at", TIME),
    sa.Column("lease_until", TIME),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("claims", sa.Integer, nullable=False, default=0),
    sa.Column("holder", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("claimed_at", TIME),
    sa.Column("begun_at", TIME),
    _text("reason"),
    _flag("closed"),
    sa.Column("message_id", SNOWFLAKE),
    sa.Column("thread_id", SNOWFLAKE),
    _text("shown"),
    sa.Column("sent_at", TIME),
    sa.Column("edited_at", TIME),
    _one_of("kind", ("story", "digest", "notice", "publish")),
    _where("ix_outbox_due", "due_at", "due_at IS NOT NULL"),
    _where("ix_outbox_leased", "lease_until", "lease_until IS NOT NULL"),
    _where("ix_outbox_published", "sent_at", "kind = 'publish'"),
)

sa.Table(
    "revisions",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
)

sa.Table(
    "story_overrides",
    metadata,
    sa.Column("one", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("other", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("same", sa.Boolean, nullable=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False),
    sa.Column("user_id", SNOWFLAKE, nullable=False),
    sa.Column("at", TIME, nullable=False),
)

sa.Table(
    "withheld_posts",
    metadata,
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("channel_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", TIME, nullable=False),
)

sa.Table(
    "digest_history",
    metadata,
    sa.Column("channel_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("outlets", sa.Integer, nullable=False),
    sa.Column("at", TIME, nullable=False),
)
