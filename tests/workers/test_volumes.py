"""What few, some and many mean is computed from what is stored, and kept up to date."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.model import Calibration, Mode, Subscription, Volume
from bot.domain.stories.ranking import size
from bot.services import mutes, related
from bot.services.subscribe import SubscribeRequest, subscribe
from bot.store import schema, subscriptions
from bot.store.database import MIGRATIONS, Database, normalise
from bot.workers import volumes
from tests.make import START, record
from tests.store.store_helpers import CHANNEL, GUILD, OTHER, headlines, statements
from tests.workers.desk import BotHarness

TITLES = tuple(headlines(500))


async def bring(
    desk: BotHarness, days: int, per_day: int, *, outlet: str = "alpha.example", first: int = 0
) -> None:
    """So many unrelated stories come in at once, each day."""
    for day in range(days):
        hours = (desk.clock.now - START) / timedelta(hours=1)
        of_day = TITLES[first + day * per_day : first + (day + 1) * per_day]
        await desk.take_in(*(record(title, outlet, topics=["AI"], hours=hours) for title in of_day))
        desk.clock.forward(days=1)


async def calibration(desk: BotHarness, channel: int = CHANNEL) -> Calibration:
    """What is stored for the channel's subscription."""
    async with desk.db.read() as connection:
        [subscription] = await subscriptions.subscriptions(connection, channel_ids=[channel])
    assert subscription.calibration is not None
    return subscription.calibration


async def test_some_is_about_eight_a_day_of_what_the_topic_brings_and_why_says_so(desk: BotHarness) -> None:
    await desk.follow(volume=Volume.SOME)
    await bring(desk, 9, 20)
    await volumes.step(desk.context)
    known = await calibration(desk)
    assert (known.stories, known.posts) == (20, 8)
    await bring(desk, 2, 20, first=180)
    withheld = sorted(number for number, reason in (await desk.withheld()).items() if reason == "too small")
    late = [number for number in withheld if number > 182]
    assert 40 - len(late) == pytest.approx(16, abs=4)
    details, _ = await related.why(desk.context, f"#{late[0]}", GUILD, CHANNEL)
    assert details.fate is not None
    place = details.fate.place
    assert place is not None
    assert (place.posts, place.stories) == (8, 20)
    assert 9 <= place.place <= 20


async def test_a_calibration_is_due_hourly_at_first_and_daily_after_a_week(desk: BotHarness) -> None:
    await desk.follow(volume=Volume.SOME)
    assert await volumes.step(desk.context) == desk.clock.now + volumes.IDLE
    await bring(desk, 1, 30)
    before = await calibration(desk)
    await volumes.step(desk.context)
    assert await calibration(desk) != before
    await bring(desk, 9, 3, first=30)
    await volumes.step(desk.context)
    settled = await calibration(desk)
    await desk.take_in(*(record(title, topics=["AI"]) for title in TITLES[100:140]))
    desk.clock.forward(hours=23)
    await volumes.step(desk.context)
    assert await calibration(desk) == settled
    desk.clock.forward(hours=2)
    with statements(desk.db) as seen:
        await volumes.step(desk.context)
        await volumes.step(desk.context)
    assert sum(statement.startswith("UPDATE subscriptions") for statement, _ in seen) == 1


async def test_channels_that_see_the_same_share_the_work_and_mutes_count(desk: BotHarness) -> None:
    for channel in (CHANNEL, OTHER, OTHER + 1):
        await desk.follow(channel=channel, volume=Volume.SOME)
    await desk.follow_elsewhere("AI", OTHER + 2, GUILD + 1)
    await mutes.mute(desk.context, GUILD, OTHER, "loud.example")
    for day in range(9):
        await bring(desk, 1, 3, outlet="loud.example", first=6 * day)
        desk.clock.forward(days=-1)
        await bring(desk, 1, 3, first=6 * day + 3)
    with statements(desk.db) as seen:
        await volumes.step(desk.context)
    looked = [statement for statement, _ in seen if "SELECT DISTINCT stories.number" in statement]
    assert len(looked) == 2, "one for all channels, and one for the channel that mutes something"
    assert (await calibration(desk)).stories == 6
    assert (await calibration(desk, OTHER)).stories == 3


async def test_another_volume_is_computed_at_once_and_the_old_one_is_not_stored_over_it(
    desk: BotHarness,
) -> None:
    await desk.follow(volume=Volume.FEW)
    few = await calibration(desk)
    async with desk.db.read() as connection:
        due: tuple[Subscription, ...] = await subscriptions.subscriptions(connection)
    await desk.follow(volume=Volume.MANY)
    many = await calibration(desk)
    assert many.threshold < few.threshold
    async with desk.db.write() as connection:
        await subscriptions.calibrate(connection, {due[0]: (few, desk.clock.now)})
    assert await calibration(desk) == many


async def test_a_story_is_posted_when_it_has_grown_to_the_threshold(desk: BotHarness) -> None:
    await desk.follow(volume=Volume.SOME)
    await desk.report(record(TITLES[0], "a.example", topics=["AI"]))
    assert desk.mailbox.titles == []
    await desk.report(record(TITLES[0], "b.example", topics=["AI"]))
    assert desk.mailbox.titles == [TITLES[0]]


async def test_without_a_volume_a_digest_has_everything_and_live_posts_some(desk: BotHarness) -> None:
    asked = SubscribeRequest(GUILD, CHANNEL, "AI", Mode.BOTH)
    await subscribe(desk.context, asked)
    await desk.report(record(TITLES[0], topics=["AI"]))
    assert desk.mailbox.titles == []
    desk.clock.forward(hours=1)
    await desk.digest()
    assert TITLES[0] in desk.mailbox.sent[0].text


BEFORE = (
    "INSERT INTO topics (id, key, name, shortname, slug, parent, keywords, aliases, fields, configured) VALUES"
    " (1, 'ai', 'AI', '', '', '', '[]', '[]', '', false)",
    "INSERT INTO sources (id, name, kind, intake_done, last_error, taken, rejected) VALUES"
    " (1, 'feed:x', 'feed', true, '', 0, 0), (2, 'folder:x', 'folder', true, '', 0, 0)",
    "INSERT INTO withheld_posts (story, channel_id, guild_id, reason, at)"
    " SELECT 1, 5, 1, 'below importance', '2026-03-02 12:00' FROM sources WHERE id = 1",
)
STORY = (
    "INSERT INTO stories (number, heat, notable, outlets, first, last, last_seen, removed, search) VALUES"
    " (:n, :heat, true, 1, '2026-03-02 12:00', '2026-03-02 12:00', '2026-03-02 12:00', false, '')",
    "INSERT INTO records (id, key, url, title, excerpt, outlet_name, outlet_domain, published, first_seen, type, quality,"
    " notable, declared_topics, language, removed, partial, news, story, guild_id, content_hash, source_id) VALUES"
    " (:n, :n, '', '', '', '', 'a.example', '2026-03-02 12:00', '2026-03-02 12:00', 'article', :quality, false, '[]', '',"
    " false, false, false, :n, 0, '', :source)",
    "UPDATE stories SET lead_id = :n WHERE number = :n",
)
# Number, heat, quality of the lead, source; then what becomes of heat and quality.
STORIES = (
    (1, 70, 70, 1, (60, False, 60)),
    (2, 110, 70, 1, (100, True, 60)),
    (3, 90, 90, 1, (69, False, 69)),
    (4, 60, 60, 1, (60, True, 60)),
    (5, 85, 85, 2, (85, True, 85)),
)
SUBSCRIPTIONS = (
    ("live", "all", ("everything", None)),
    ("live", None, ("notable", None)),
    ("digest", None, (None, None)),
    ("both", None, ("notable", "everything")),
    ("both", "major", ("major", "major")),
    ("digest", "notable", ("notable", None)),
)


async def test_subscriptions_and_stories_of_an_earlier_version_keep_what_they_have(empty_url: str) -> None:
    def upgrade(connection: sa.Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0043")
        for statement in BEFORE[:2]:
            connection.execute(sa.text(statement))
        for number, heat, quality, source, _ in STORIES:
            values = {"n": number, "heat": heat, "quality": quality, "source": source}
            for statement in STORY:
                text = statement.replace("(:n, :n,", f"(:n, 'key{number}',")
                connection.execute(sa.text(text), {k: v for k, v in values.items() if f":{k}" in text})
        connection.execute(sa.text(BEFORE[2]))
        for number, (mode, importance, _) in enumerate(SUBSCRIPTIONS, 1):
            connection.execute(
                sa.text(
                    "INSERT INTO subscriptions (id, guild_id, channel_id, topic_id, mode, importance, publish, created_at)"
                    " VALUES (:id, 1, :channel, 1, :mode, :importance, false, '2026-03-02 12:00')"
                ),
                {"id": number, "channel": number, "mode": mode, "importance": importance},
            )

    engine = create_async_engine(normalise(empty_url))
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()
    db = await Database.open(empty_url)
    stories, records, subscribed = schema.stories, schema.records, schema.subscriptions
    async with db.read() as connection:
        heats = await connection.execute(
            sa.select(stories.c.heat, stories.c.notable, records.c.quality, stories.c.size)
            .join(records, records.c.id == stories.c.lead_id)
            .order_by(stories.c.number)
        )
        rows = heats.all()
        chosen = await connection.execute(
            sa.select(subscribed.c.volume, subscribed.c.digest_volume).order_by(subscribed.c.id)
        )
        assert list(map(tuple, chosen)) == [after for _, _, after in SUBSCRIPTIONS]
        reasons = (await connection.execute(sa.select(schema.withheld_posts.c.reason))).scalars().all()
    await db.close()
    # A story of a feed whose lead is as good as before stays what it was.
    assert [tuple(row)[:3] for row in rows] == [after for *_, after in STORIES]
    assert [row.size for row in rows] == [size(heat, 1, 1, number) for number, *_, (heat, _, _) in STORIES]
    assert reasons == ["too small"]
