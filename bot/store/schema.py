"""The tables: one schema for SQLite and PostgreSQL. Migrations bring a database to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from bot.domain.model import Mode, Volume
from bot.domain.polling import FeedOrigin
from bot.domain.posting.story_threads import ThreadState

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time. SQLite has no such type: there it is the sortable text of the naive time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was about to be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None or value.tzinfo is not None else value.replace(tzinfo=UTC)


ID = sa.Integer()
SNOWFLAKE = sa.BigInteger()
LONG_ID = sa.BigInteger().with_variant(
    sa.Integer(), "sqlite"
)  # of rows that come and go; only so SQLite gives them


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, default=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, default="")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _not_negative(column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} >= 0", name=column)


def _where(name: str, column: str, condition: str, *more: str) -> sa.Index:
    """An index of the few rows that satisfy a condition, by one column or more."""
    return sa.Index(name, column, *more, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


def _deferred(column: str, *, use_alter: bool = False) -> sa.ForeignKey:
    """A reference that must hold at the end of a transaction: stories and records point at each other."""
    return sa.ForeignKey(column, deferrable=True, initially="DEFERRED", use_alter=use_alter)


def _one_of(column: str, kinds: Iterable[str]) -> sa.CheckConstraint:
    """A column has one of these values."""
    allowed = ", ".join(f"'{kind}'" for kind in kinds)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=column)


sources = sa.Table(
    "sources",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    _text("kind"),
    _flag("intake_done"),
    sa.Column("last_success", UtcTime),
    sa.Column("last_error_at", UtcTime),
    _text("last_error"),
    sa.Column("taken", sa.Integer, nullable=False, default=0),
    sa.Column("rejected", sa.Integer, nullable=False, default=0),
)

feeds = sa.Table(
    "feeds",
    metadata,
    sa.Column("source_id", ID, sa.ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, default=0, index=True),  # 0: shared
    sa.Column("address", sa.Text, nullable=False),  # as it was given
    _text("url"),  # where it is now
    _text("name"),
    _text("title"),
    sa.Column("topics", sa.JSON, nullable=False),
    sa.Column("quality", sa.Integer),
    _text("origin"),
    sa.Column("added_at", UtcTime, nullable=False),
    sa.Column("added_by", SNOWFLAKE),
    sa.Column("interval", sa.Integer, nullable=False),  # seconds
    sa.Column("next_poll", UtcTime),  # none: it is stopped
    sa.Column("lease_until", UtcTime),  # who took it to poll it has it for so long
    sa.Column("holder", sa.Text),  # the process that took it last
    sa.Column("polled_at", UtcTime),
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Column("failing_since", UtcTime),
    _flag("warned"),
    sa.UniqueConstraint("guild_id", "address"),
    _one_of("origin", FeedOrigin),
    _where("ix_feeds_due", "next_poll", "next_poll IS NOT NULL"),
)

progress = sa.Table(
    "progress",
    metadata,
    sa.Column("source_id", ID, sa.ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)

# What pollers fetched, and the intake has yet to take in, in the order of the ids. See `bot.workers.inbox`.
inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", LONG_ID, primary_key=True),
    sa.Column(
        "source_id", ID, sa.ForeignKey("feeds.source_id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("item_count", sa.Integer, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # a row that is deleted must not be another one by then
)

stories = sa.Table(
    "stories",
    metadata,
    sa.Column("number", ID, primary_key=True, autoincrement=False),
    sa.Column("lead_id", ID, _deferred("records.id", use_alter=True), index=True),
    sa.Column("heat", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),  # see `ranking.size`
    _flag("notable"),
    sa.Column("outlets", sa.Integer, nullable=False, default=0),
    sa.Column("first", UtcTime, nullable=False),
    sa.Column("last", UtcTime, nullable=False),
    sa.Column("last_seen", UtcTime, nullable=False, index=True),
    _flag("removed"),
    sa.Column("merged_into", ID, _deferred("stories.number")),
    _text("search"),  # the lead's title as `bot.domain.text.words.search_key` has it
    sa.Column("guild_id", SNOWFLAKE, nullable=False, server_default="0"),  # the server that alone sees it
    # When one decision for most channels was made about it last, and why that posted it nowhere: see `bot.store.fan_outs`.
    sa.Column("decided_at", UtcTime, index=True),
    sa.Column("withheld", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Index("ix_stories_guild_id_last_seen", "guild_id", "last_seen"),
    _where("ix_stories_merged", "merged_into", "merged_into IS NOT NULL"),
)

records = sa.Table(
    "records",
    metadata,
    sa.Column("id", ID, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    _text("url"),
    _text("title"),
    _text("excerpt"),
    _text("outlet_name"),
    sa.Column("outlet_domain", sa.Text, nullable=False, index=True),
    sa.Column("published", UtcTime, nullable=False, index=True),
    sa.Column("first_seen", UtcTime, nullable=False, index=True),
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
    # What stories are found by: stems of the title, and of the excerpt on a line of its own.
    sa.Column("terms", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("why", sa.Text, nullable=False, server_default=sa.text("''")),  # what put it into its story
    _one_of("type", ("article", "video")),
    # A kind that came later than the constraint, which SQLite cannot change without copying the table.
    sa.Column("podcast", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("meaning", sa.LargeBinary),  # see `bot.domain.clustering.embeddings`; none: it is not known
)

record_keys = sa.Table(
    "record_keys",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("record_id", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), nullable=False, index=True),
)

# The keys of records that were deleted because of their age, as hashes, until no source shows them any more; see `retention`.
forgotten_keys = sa.Table(
    "forgotten_keys",
    metadata,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("published", UtcTime, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False, index=True),
)

declarations = sa.Table(
    "declarations",
    metadata,
    sa.Column("record_id", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("declared_id", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), nullable=False, index=True),
)

topics = sa.Table(
    "topics",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # see `bot.store.topics.key_of`
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
    sa.Column("guild_id", SNOWFLAKE, nullable=False, server_default="0", index=True),  # 0: shared
    sa.Column(
        "suspended", sa.Text, nullable=False, server_default=sa.text("''")
    ),  # why its query matches nothing
    sa.Column(
        "look_back_at", UtcTime
    ),  # when a look-back was requested that has not ended; NULL: none is open
    _where("ix_topics_look_back_at", "look_back_at", "look_back_at IS NOT NULL"),
)

record_topics = sa.Table(
    "record_topics",
    metadata,
    sa.Column("record_id", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("topic_id", ID, sa.ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True),
    _flag("declared"),
    sa.Column("keywords", sa.JSON, nullable=False),
    # A guess by the words of the title; see `bot.domain.topics.learned`.
    sa.Column("learned", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_record_topics_topic_id_record_id", "topic_id", "record_id"),
)

story_topics = sa.Table(
    "story_topics",
    metadata,
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("topic_id", ID, sa.ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True),
    # The server that sees the topic in the story besides those of everybody (0).
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False, server_default="0"),
    sa.Index("ix_story_topics_topic_id_story", "topic_id", "story"),
)

# Servers that the bot is not in any more: what they have rests.
left_servers = sa.Table(
    "left_servers",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("at", UtcTime, nullable=False),
)

# Servers that were greeted when the bot joined them. `joined_at` is NULL once it has left again.
greeted_servers = sa.Table(
    "greeted_servers",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("joined_at", UtcTime),
)

# The languages of servers, by Discord's codes: the one that Discord says the server prefers, and the one that was chosen for
# the bot's posts, if any.
server_languages = sa.Table(
    "server_languages",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("preferred", sa.Text),
    sa.Column("chosen", sa.Text),
)

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("channel_id", SNOWFLAKE, nullable=False),
    sa.Column("topic_id", ID, sa.ForeignKey("topics.id"), nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("volume", sa.Text),  # none: the default of the mode
    sa.Column("digest_volume", sa.Text),  # that of the digest, where it differs
    sa.Column("mention_role_id", SNOWFLAKE),
    _flag("publish"),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("layout", sa.Text, nullable=False, server_default=sa.text("'card'")),
    sa.Column("accent", sa.Integer),
    # What the volume means for the topic now, see `bot.domain.posting.volume`.
    sa.Column("threshold", sa.BigInteger),
    sa.Column("posts_from", sa.BigInteger),  # the size from which it posts stories live; none: it posts none
    sa.Column("stories_a_day", sa.Float),
    sa.Column("posts_a_day", sa.Float),
    sa.Column("calibrate_at", UtcTime, index=True),  # none: at once
    sa.Column("first_posts_until", UtcTime),  # how long it waits for its first posts; none: it has had them
    sa.Column("ping_from", sa.Text, nullable=False, server_default=sa.text("'any'")),
    sa.Column("announces_major", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("channel_id", "topic_id"),
    _where("ix_subscriptions_new", "first_posts_until", "first_posts_until IS NOT NULL"),
    # All that a fan-out reads of a subscription.
    sa.Index("ix_subscriptions_followers", "topic_id", "posts_from", "channel_id", "guild_id", "volume"),
    _one_of("mode", Mode),
    _one_of("volume", Volume),
    _one_of("digest_volume", Volume),
)

# The template of each server's posts. The last post that did not fit into a message with it is a card.
post_templates = sa.Table(
    "post_templates",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("user_id", SNOWFLAKE, nullable=False),
    sa.Column("set_at", UtcTime, nullable=False),
    sa.Column("too_long_story", ID),
    sa.Column("too_long_at", UtcTime),
)

channels = sa.Table(
    "channels",
    metadata,
    sa.Column("channel_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    _text("paused_reason"),
    sa.Column("paused_at", UtcTime),
    _flag("digest_off"),  # none of its digests comes, and no subscription brings one
    sa.Column("per_hour", sa.Integer),  # posts; none: the setting
    # Hours without posts, in local time.
    sa.Column("quiet_from", sa.Text),
    sa.Column("quiet_until", sa.Text),
    sa.Column("quiet_zone", sa.Text),
    sa.Column("threads", sa.Boolean, nullable=False, server_default=sa.false()),  # each post gets one
)

# The digests of channels, see `bot.domain.posting.channel_digests.ChannelDigest`. An id is never used again: a message of
# a removed digest may still wait in the outbox.
digests = sa.Table(
    "digests",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("channel_id", SNOWFLAKE, nullable=False, index=True),
    _text("name"),
    sa.Column("topic_id", ID, sa.ForeignKey("topics.id"), index=True),
    # When it comes, and what it shows; none: as the settings say.
    sa.Column("at", sa.Text),
    sa.Column("zone", sa.Text),
    sa.Column("days", sa.Text),
    sa.Column("size", sa.Integer),
    sa.Column("style", sa.Text),
    sa.Column("created_at", UtcTime),
    sa.Column("covered_until", UtcTime),
    sa.Column("next_at", UtcTime),
    _where("ix_digests_due", "next_at", "next_at IS NOT NULL"),
    sqlite_autoincrement=True,
)

# How much each server has of its own, see `bot.store.quotas`.
quotas = sa.Table(
    "quotas",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    _count("feeds"),
    _count("topics"),
    _count("records"),
    sa.Column("day", sa.Date),  # the last one with new records
    _count("records_that_day"),
    *map(_not_negative, ("feeds", "topics", "records", "records_that_day")),
)

mutes = sa.Table(
    "mutes",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False),
    sa.Column("channel_id", SNOWFLAKE, nullable=False, default=0),  # 0: the whole server
    _text("value"),
    _text("key"),
    sa.UniqueConstraint("guild_id", "channel_id", "key"),
)

# How the rows of the outbox queue, see `bot.store.queue`; in words that both databases take, as indexes have them.
# A row is ready from when a claim, or whoever made it, has seen that it is due. Another `due_at` undoes that, and takes it from the shelf.
_UNSHELVED = "(shelved_for IS NULL OR shelved_for <> due_at)"
IS_READY = f"due_at <= coalesce(ripe_at, created_at) AND {_UNSHELVED} AND NOT closed"
IS_UNRIPE = "due_at > coalesce(ripe_at, created_at) AND NOT closed"
IS_SHELVED = "shelved_for = due_at AND NOT closed"
IS_UNSENT = "message_id IS NULL AND due_at IS NOT NULL"
IS_EDIT = f"message_id IS NOT NULL AND due_at IS NOT NULL AND {_UNSHELVED}"
LANE = (
    "(CASE WHEN kind = 'publish' THEN 5 WHEN message_id IS NULL AND begun_at IS NOT NULL THEN 0 "
    "WHEN user_id IS NOT NULL THEN 4 WHEN kind IN ('digest', 'notice') THEN 3 "
    "WHEN message_id IS NULL THEN 1 ELSE 2 END)"
)


def _queued(name: str, condition: str, *before: str) -> sa.Index:
    """An index of rows that satisfy a condition, in the order in which they are claimed."""
    columns: tuple[Any, ...] = (*before, sa.text(LANE), sa.text("priority DESC"), "due_at", "id")
    return sa.Index(name, *columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("dedupe", sa.Text, nullable=False, unique=True),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("channel_id", SNOWFLAKE, nullable=False),
    sa.Column("story", ID, sa.ForeignKey("stories.number"), index=True),
    sa.Column("digest_id", ID),  # of a digest's message: the digest may have been removed since
    sa.Column("payload", sa.JSON),
    sa.Column("priority", sa.Integer, nullable=False, default=0),
    sa.Column("revision", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("due_at", UtcTime),
    sa.Column("ripe_at", UtcTime),  # when it was last seen to be due; none: when it was made
    sa.Column("shelved_for", UtcTime),  # the `due_at` for which it is on the shelf
    sa.Column("lease_until", UtcTime),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("claims", sa.Integer, nullable=False, default=0),
    sa.Column("holder", sa.Text, nullable=False, server_default=sa.text("''")),  # the process with the lease
    sa.Column("claimed_at", UtcTime),
    # When the first try was begun of which it is not known that it made no message.
    sa.Column("begun_at", UtcTime),
    _text("reason"),
    _flag("closed"),
    sa.Column("message_id", SNOWFLAKE),
    sa.Column("thread_id", SNOWFLAKE),
    _text("shown"),
    sa.Column("sent_at", UtcTime),
    sa.Column("edited_at", UtcTime),
    sa.Column("rollup", ID),  # the message that lists the story, as it got no post of its own
    sa.Column("reply_to", ID),  # the post that an escalation replies to
    # Whether a model's rephrasing was looked for, which costs a message one edit at most.
    sa.Column("rephrased", sa.Boolean, nullable=False, server_default=sa.false()),
    # What its message is made of, see `bot.domain.retry.MessageForm`, and the roles that it named when it was sent.
    sa.Column("form", sa.Text, nullable=False, server_default=sa.text("'components'")),
    sa.Column("mentioned", sa.JSON),
    sa.Column("webhook_id", SNOWFLAKE),  # that made the message; none: the bot did
    # The member whom it is for. Its channel is that member's id where it is a direct message.
    sa.Column("user_id", SNOWFLAKE),
    _where("ix_outbox_kept_embeds", "guild_id", "form = 'kept embeds'"),
    _where("ix_outbox_member", "user_id", "user_id IS NOT NULL"),
    _one_of(
        "kind",
        (
            "story",
            "digest",
            "notice",
            "publish",
            "rollup",
            "member",
            "member_rollup",
            "member_notice",
            "escalation",
            "thread",
        ),
    ),
    # Nearly every row is a message that was sent and waits for nothing. A new post is in `ready` and `unsent` alone.
    _queued("ix_outbox_ready", IS_READY),
    _queued("ix_outbox_shelved", IS_SHELVED, "channel_id"),
    _where("ix_outbox_unripe", "due_at", IS_UNRIPE),
    _where("ix_outbox_unsent", "channel_id", IS_UNSENT, "begun_at", "due_at"),
    _where("ix_outbox_edits", "channel_id", IS_EDIT, "due_at"),
    sa.Index("ix_outbox_channel_id_sent_at", "channel_id", "sent_at"),
    _where("ix_outbox_sent_at", "sent_at", "sent_at IS NOT NULL"),
    _where("ix_outbox_leased", "lease_until", "lease_until IS NOT NULL"),
    _where("ix_outbox_rolled_up", "rollup", "rollup IS NOT NULL"),
    _where("ix_outbox_replies", "reply_to", "reply_to IS NOT NULL"),
    _where("ix_outbox_threads", "channel_id", "kind = 'thread'", "story"),
)

# The channels with rows on the shelf, apart for publishing. At `check_at` the first of those rows leave it; none: not before
# the channel is resumed or the bot is back in its server.
backlogs = sa.Table(
    "backlogs",
    metadata,
    sa.Column("channel_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("publishes", sa.Boolean, primary_key=True),
    sa.Column("check_at", UtcTime),
    _where("ix_backlogs_publishes_check_at", "publishes", "check_at IS NOT NULL", "check_at"),
)

# The thread of a post, which is a row of the outbox. Its number is that of the post's message.
story_threads = sa.Table(
    "story_threads",
    metadata,
    sa.Column("post", ID, primary_key=True, autoincrement=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False),
    sa.Column("channel_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("thread_id", SNOWFLAKE, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("told_record", ID, nullable=False),
    sa.Column("written_at", UtcTime),
    _text("problem"),  # why it is not there, or not written in
    sa.Column("updated_at", UtcTime, nullable=False),
    _one_of("state", ThreadState),
    _where("ix_story_threads_problem", "guild_id", "problem <> ''"),
)

# How posts of a channel appear: the bot's own webhook there, whose token is a secret, with a name and a picture.
faces = sa.Table(
    "faces",
    metadata,
    sa.Column("channel_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("webhook_id", SNOWFLAKE, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    _text("name"),
    _text("avatar_url"),
    _flag("has_picture"),
    _flag("is_lost"),
)

# Whether what a process keeps in memory is still what is stored: the number goes up with every change.
revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
)

# What people decided: two records, the lower id first, report the same event or do not.
story_overrides = sa.Table(
    "story_overrides",
    metadata,
    sa.Column("one", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("other", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("same", sa.Boolean, nullable=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False),
    sa.Column("user_id", SNOWFLAKE, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

# The queries of members: a matching story is sent to them, or to a channel that mentions them.
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("user_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("channel_id", SNOWFLAKE, index=True),  # none: a direct message
    sa.Column("home_id", SNOWFLAKE, nullable=False),  # the channel in which it was made
    sa.Column("language", sa.Text, nullable=False),  # of the member, by Discord's code
    sa.Column("created_at", UtcTime, nullable=False),
    _text("suspended"),  # why its query is not matched
    sa.UniqueConstraint("guild_id", "user_id", "query"),
    sqlite_autoincrement=True,  # an id in a message must not become another alert's
)

# The channels in which alerts of all members may mention them.
alert_channels = sa.Table(
    "alert_channels",
    metadata,
    sa.Column("channel_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
)

# The records that are still to be compared with alerts. One that changes meanwhile is queued once more.
alert_queue = sa.Table(
    "alert_queue",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("record_id", ID, sa.ForeignKey("records.id", ondelete="CASCADE"), nullable=False, index=True),
    sqlite_autoincrement=True,  # a row that is deleted must not be another one by then
)

# The stories of which members get what changes.
follows = sa.Table(
    "follows",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("user_id", SNOWFLAKE, primary_key=True, autoincrement=False, index=True),
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("channel_id", SNOWFLAKE, nullable=False, index=True),  # in which it was pressed
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

withheld_posts = sa.Table(
    "withheld_posts",
    metadata,
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("channel_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

digest_history = sa.Table(
    "digest_history",
    metadata,
    sa.Column("digest_id", ID, sa.ForeignKey("digests.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("outlets", sa.Integer, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

# The servers whose posts have buttons to vote with.
voting_servers = sa.Table(
    "voting_servers",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
)

# What a member thinks of a story: good (`up`) or not.
votes = sa.Table(
    "votes",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("user_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("up", sa.Boolean, nullable=False),
    sa.Column("at", UtcTime, nullable=False, index=True),
)

# The servers that want briefs rephrased by a model, and who decided it.
rephrasing_servers = sa.Table(
    "rephrasing_servers",
    metadata,
    sa.Column("guild_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("user_id", SNOWFLAKE, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

# The channels whose briefs a model translates, and who decided it.
translation_channels = sa.Table(
    "translation_channels",
    metadata,
    sa.Column("channel_id", SNOWFLAKE, primary_key=True, autoincrement=False),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("user_id", SNOWFLAKE, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

# The tokens with which programs read a server's stories. Of the token itself there is only the hash.
api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    _text("name"),
    sa.Column("secret_hash", sa.Text, nullable=False),
    sa.Column("user_id", SNOWFLAKE, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,  # the id is part of the token
)

# The addresses outside of Discord to which stories of a topic are sent, see `bot.domain.forwarding.Forward`.
# The secret signs what is sent, so it cannot be stored as a hash.
forwards = sa.Table(
    "forwards",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("guild_id", SNOWFLAKE, nullable=False, index=True),
    sa.Column("topic_id", ID, sa.ForeignKey("topics.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("volume", sa.Text, nullable=False),
    sa.Column("channel_id", SNOWFLAKE, nullable=False),  # is told that the address fails
    sa.Column("created_at", UtcTime, nullable=False),
    # What the volume means for the topic now, as for subscriptions.
    sa.Column("threshold", sa.BigInteger),
    sa.Column("stories_a_day", sa.Float),
    sa.Column("posts_a_day", sa.Float),
    sa.Column("calibrate_at", UtcTime),  # none: at once
    _count("failures"),  # in a row
    sa.Column("failing_since", UtcTime),
    sa.Column("retry_at", UtcTime),
    _text("problem"),  # of the last try that failed
    sa.Column("off_at", UtcTime),  # when it was switched off
    sa.Column("lease_until", UtcTime),
    _count("claims"),
    _one_of("volume", Volume),
    sqlite_autoincrement=True,
)

# The stories that are still to be compared with forwards. One that changes meanwhile is queued once more.
forward_queue = sa.Table(
    "forward_queue",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), nullable=False, index=True),
    sqlite_autoincrement=True,  # a row that is deleted must not be another one by then
)

# A story as an address has it: one row, which is due again when the story changes.
forward_deliveries = sa.Table(
    "forward_deliveries",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("forward_id", ID, sa.ForeignKey("forwards.id", ondelete="CASCADE"), nullable=False),
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), nullable=False, index=True),
    _count("revision"),
    _count("attempts"),
    _count("sent"),  # how often it was delivered
    _text("sent_hash"),  # of what was delivered last
    sa.Column("sent_at", UtcTime),
    sa.Column("due_at", UtcTime),
    sa.Column("touched_at", UtcTime, nullable=False, index=True),
    sa.UniqueConstraint("forward_id", "story"),
    _where("ix_forward_deliveries_due", "forward_id", "due_at IS NOT NULL", "due_at"),
    sqlite_autoincrement=True,  # the id is part of what a receiver tells deliveries apart by
)

# One row for each call of the model, see `bot.store.rephrasings`.
rephrasings = sa.Table(
    "rephrasings",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("story", ID, sa.ForeignKey("stories.number", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("lines", sa.JSON, nullable=False),
    sa.Column("at", UtcTime, nullable=False, index=True),
)

# Who does what one process at a time may do, and which processes there are, see `bot.store.leases`. `beat` counts renewals;
# an empty `holder`: nobody. `roles` are those of a process, with commas between them. The times are of the database's clock.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("beat", sa.BigInteger, nullable=False),
    sa.Column("roles", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("since", UtcTime, nullable=True),
    sa.Column("renewed_at", UtcTime, nullable=True),
)

# When the next shard of a bucket may identify with Discord's gateway, by token, see `bot.store.identifies`.
identify_slots = sa.Table(
    "identify_slots",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("bucket", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("free_at", UtcTime, nullable=False),
)

# The tables with rows of one server each, children before their parents, and those among them that grow with the stories.
OF_SERVERS = [table for table in reversed(metadata.sorted_tables) if "guild_id" in table.c]
BULKY = (
    outbox,
    story_threads,
    withheld_posts,
    votes,
    follows,
    story_overrides,
    story_topics,
    records,
    stories,
)
