"""A database in which a channel had one digest comes to one in which it may have several."""

from __future__ import annotations

from datetime import UTC, datetime, time

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.posting.digest import DigestMention
from bot.domain.posting.schedule import DigestStyle, Schedule
from bot.store import digests, schema, subscriptions
from bot.store.database import MIGRATIONS, Database, normalise
from bot.store.subscriptions import ChannelState

GUILD = 7
SET, DEFAULT, OFF, LIVE = 1, 2, 3, 4  # channels
EARLY, LAST, NEXT = (datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 2, 9))

BEFORE = (
    """INSERT INTO channels (channel_id, guild_id, paused_reason, digest_at, digest_zone, digest_days, digest_size,
    digest_style, digest_off, last_digest, next_digest) VALUES
    (1, 7, '', '07:30', 'Europe/Berlin', 'mon,thu', 5, 'headlines', false, '2026-03-02 12:00', '2026-03-09 12:00'),
    (2, 7, 'gone', NULL, NULL, NULL, NULL, 'brief', false, NULL, '2026-03-09 12:00'),
    (3, 7, '', '09:00', 'UTC', 'sun', 10, 'brief', true, '2026-03-02 12:00', NULL),
    (4, 7, '', NULL, NULL, NULL, NULL, 'brief', false, NULL, NULL)""",
    """INSERT INTO topics (id, key, name, shortname, slug, parent, keywords, aliases, fields, configured, guild_id)
    VALUES (1, 'ai', 'AI', '', '', '', '[]', '[]', '', false, 0)""",
    """INSERT INTO subscriptions (id, guild_id, channel_id, topic_id, mode, publish, created_at) VALUES
    (1, 7, 1, 1, 'digest', false, '2026-03-01 12:00'), (2, 7, 4, 1, 'live', false, '2026-03-01 12:00')""",
    """INSERT INTO stories (number, heat, notable, outlets, first, last, last_seen, removed, search) VALUES
    (5, 70, true, 2, '2026-03-01 12:00', '2026-03-01 12:00', '2026-03-01 12:00', false, '')""",
    """INSERT INTO digest_history (channel_id, story, outlets, at) VALUES
    (1, 5, 2, '2026-03-02 12:00'), (3, 5, 1, '2026-03-02 12:00')""",
    """INSERT INTO outbox (id, kind, dedupe, nonce, guild_id, channel_id, priority, revision, created_at, attempts, claims,
    reason, closed, shown) VALUES
    (1, 'digest', 'digest:1', 'n', 7, 3, 0, 0, '2026-03-02 12:00', 0, 0, '', false, ''),
    (2, 'story', 'story:5:1', 'm', 7, 1, 0, 0, '2026-03-02 12:00', 0, 0, '', false, '')""",
)


async def before(url: str) -> None:
    """Make a database of the version before."""

    def upgrade(connection: sa.Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0049")
        for statement in BEFORE:
            connection.execute(sa.text(statement))

    engine = create_async_engine(normalise(url))
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


async def test_a_channels_digest_keeps_its_schedule_its_turn_and_what_it_told(empty_url: str) -> None:
    await before(empty_url)
    db = await Database.open(empty_url)
    try:
        async with db.read() as connection:
            stored = await digests.stored(connection)
            assert stored == (
                ChannelDigest(
                    1, GUILD, SET,
                    schedule=Schedule(time(7, 30), "Europe/Berlin", frozenset((0, 3)), 5, DigestStyle.HEADLINES),
                    created_at=EARLY, covered_until=LAST, next_at=NEXT,
                ),
                ChannelDigest(2, GUILD, DEFAULT, next_at=NEXT),
                ChannelDigest(3, GUILD, OFF, schedule=Schedule(time(9), "UTC", frozenset((6,))), covered_until=LAST),
            )  # fmt: skip
            assert await subscriptions.channels(connection) == [
                ChannelState(SET, GUILD),
                ChannelState(DEFAULT, GUILD, "gone"),
                ChannelState(OFF, GUILD, off=True),
                ChannelState(LIVE, GUILD),
            ]
            told = [await digests.mentions(connection, digest.id) for digest in stored]
            assert told == [{5: DigestMention(2, LAST)}, {}, {5: DigestMention(1, LAST)}]
            owners = sa.select(schema.outbox.c.digest_id).order_by(schema.outbox.c.id)
            assert list((await connection.execute(owners)).scalars()) == [3, None]
            assert [digest.id for digest in await digests.due(connection, NEXT)] == [1]
        async with db.write() as connection:  # ids and keys go on from there
            added = await digests.add(connection, ChannelDigest(0, GUILD, SET, "Sky"), None, NEXT)
            assert added.id == 4
    finally:
        await db.close()
