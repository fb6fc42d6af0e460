"""Old stories are deleted with all that belongs to them, unless a post or a person needs them, and do not come back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.domain.model import Record
from bot.domain.records.analysis import Analyses, analyse_all
from bot.services import curate
from bot.services.context import Context
from bot.store import follows, schema
from bot.workers import cleanup, ingest
from tests.form import sized
from tests.make import record
from tests.store.store_helpers import CHANNEL, GUILD, headlines
from tests.workers.desk import BotHarness

KEEP = timedelta(days=40)
EDITOR = curate.Editor(GUILD, 7)
# Tables whose rows belong to an article, a story or a message of a story.
OF_STORIES = (
    schema.stories, schema.records, schema.record_keys, schema.record_topics, schema.story_topics, schema.declarations,
    schema.outbox, sa.table("search"),
)  # fmt: skip


@pytest.fixture
def keeping(desk: BotHarness) -> Context:
    """The context of a bot that keeps articles for 40 days."""
    return replace(desk.context, keep=KEEP)


def dated(desk: BotHarness, title: str, **more: object) -> Record:
    """An article that is published now."""
    now = desk.clock.now
    made = record(title, topics=["AI"], **more)  # type: ignore[arg-type]  # what a record takes
    return replace(made, published=now, related=tuple(replace(r, published=now) for r in made.related))


async def numbers(desk: BotHarness) -> list[int]:
    """The numbers of all stories."""
    async with desk.db.read() as connection:
        rows = await connection.execute(sa.select(schema.stories.c.number).order_by(schema.stories.c.number))
        return list(rows.scalars())


async def rows(desk: BotHarness) -> dict[str, int]:
    """How many rows each table has that belongs to stories."""
    async with desk.db.read() as connection:
        return {
            table.name: await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in OF_STORIES
        }


@pytest.mark.both_stores
async def test_an_old_story_goes_with_all_that_belongs_to_it(desk: BotHarness, keeping: Context) -> None:
    old, new = headlines(2)
    await desk.follow()
    await desk.report(dated(desk, "An article that stays the newest for a while"))
    await cleanup.step(keeping)  # what the bot began with is old already
    before = await rows(desk)
    await desk.report(dated(desk, old, related=[record("An earlier article", "beta.example")]))
    desk.clock.forward(days=1)
    await desk.report(dated(desk, new))
    assert await desk.count(schema.outbox) == 3
    desk.clock.forward(days=39)
    assert await cleanup.step(keeping) == 0
    desk.clock.forward(hours=1)
    await cleanup.step(keeping)
    left = await rows(desk)
    # The newer story has taken the place of the one that was there before.
    assert left["stories"] == left["outbox"] == 1
    assert left == before


async def test_a_story_stays_as_long_as_a_message_of_it_is_younger(
    desk: BotHarness, keeping: Context
) -> None:
    await desk.follow()
    title, newest = headlines(2)
    await desk.report(dated(desk, title))
    number = (await numbers(desk))[-1]
    desk.clock.forward(days=30)
    async with desk.db.write() as connection:  # an edit, as after a correction
        post = schema.outbox
        await connection.execute(
            sa.update(post).where(post.c.story == number).values(edited_at=desk.clock.now)
        )
    await desk.report(dated(desk, newest))
    desk.clock.forward(days=39)
    await cleanup.step(keeping)
    assert number in await numbers(desk)
    desk.clock.forward(days=2)
    await cleanup.step(keeping)
    assert number not in await numbers(desk)


async def test_a_story_stays_as_long_as_somebody_follows_it(desk: BotHarness, keeping: Context) -> None:
    title, newest = headlines(2)
    await desk.report(dated(desk, title))
    number = (await numbers(desk))[-1]
    async with desk.db.write() as connection:
        await connection.execute(
            sa.insert(schema.follows).values(
                guild_id=GUILD,
                user_id=5,
                story=number,
                channel_id=CHANNEL,
                language="en",
                created_at=desk.clock.now,
            )
        )
    desk.clock.forward(days=60)
    await desk.report(dated(desk, newest))
    unhurried = replace(
        keeping, alert_limits=replace(keeping.alert_limits, follow_quiet=timedelta(days=1000))
    )
    await cleanup.step(unhurried)
    assert number in await numbers(desk)
    async with desk.db.write() as connection:
        await follows.remove_one(connection, GUILD, 5, number)
    await cleanup.step(unhurried)
    assert number not in await numbers(desk)


async def test_what_a_living_story_lists_stays_as_long_as_the_story(
    desk: BotHarness, keeping: Context
) -> None:
    """An article names an older one of another story, which the menu of its post lists as background."""
    await desk.follow()
    earlier, later, newest = headlines(3)
    old = dated(desk, earlier, outlet="beta.example")
    oldest = dated(desk, "A harbour is dredged for larger ships", outlet="delta.example")
    await desk.report(oldest)
    await desk.report(replace(old, related=(oldest,)))
    desk.clock.forward(days=39)
    await desk.report(replace(dated(desk, later), related=(old,)))
    desk.clock.forward(hours=36)
    await cleanup.step(keeping)
    async with desk.db.read() as connection:
        titles = set((await connection.execute(sa.select(schema.records.c.title))).scalars())
    assert {earlier, later} <= titles
    assert oldest.title not in titles, "what the old one names goes"
    desk.clock.forward(days=60)
    await desk.report(dated(desk, newest))
    await cleanup.step(keeping)
    async with desk.db.read() as connection:
        titles = set((await connection.execute(sa.select(schema.records.c.title))).scalars())
    assert {earlier, later}.isdisjoint(titles)


async def test_merged_stories_go_with_the_one_that_goes_on(desk: BotHarness, keeping: Context) -> None:
    await desk.follow()
    one, two, newest = headlines(3)
    await desk.report(dated(desk, one), dated(desk, two))
    first, second = (await numbers(desk))[-2:]
    await curate.merge(desk.context, EDITOR, first, str(second))
    desk.clock.forward(minutes=2)
    await desk.deliver()
    desk.clock.forward(days=30)
    await desk.report(dated(desk, newest))
    desk.clock.forward(days=11)
    await cleanup.step(keeping)
    assert {first, second}.isdisjoint(await numbers(desk))


async def test_what_somebody_decided_lately_stays(desk: BotHarness, keeping: Context) -> None:
    one, two, newest = headlines(3)
    await desk.report(dated(desk, one), dated(desk, two))
    first, second = (await numbers(desk))[-2:]
    desk.clock.forward(days=30)
    await curate.merge(desk.context, EDITOR, first, str(second))
    desk.clock.forward(days=11)
    await desk.report(dated(desk, newest))
    await cleanup.step(keeping)
    assert {first, second} <= set(await numbers(desk))


async def test_a_deleted_article_that_its_source_still_has_is_not_posted_again(
    desk: BotHarness, keeping: Context
) -> None:
    await desk.follow()
    titles = headlines(3)
    old = dated(desk, next(titles))
    undated = replace(dated(desk, next(titles)), published=None)
    await desk.report(old, undated)
    for _ in range(3):  # a source that shows both again and again, for longer than keys are kept
        desk.clock.forward(days=39)
        await desk.report(dated(desk, next(titles, "A ferry runs aground")))
        await cleanup.step(keeping)
        desk.mailbox.sent.clear()
        before = await rows(desk)
        summary = await desk.take_in(old, undated)
        await desk.deliver()
        assert (summary.new, summary.changed, summary.unchanged) == (0, 0, 2)
        assert not desk.mailbox.sent
        assert await rows(desk) == before


async def test_a_deleted_article_is_not_analysed_again(
    desk: BotHarness, keeping: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysed: list[str] = []

    def counted(arriving: Iterable[Record], *, semantic: bool) -> Analyses:
        some = list(arriving)
        analysed.extend(found.title for found in some)
        return analyse_all(some, semantic=semantic)

    old, newest, newer = (dated(desk, title) for title in headlines(3))
    await desk.report(old)
    desk.clock.forward(days=41)
    await desk.report(replace(newest, published=desk.clock.now))
    await cleanup.step(keeping)
    monkeypatch.setattr(ingest, "analyse_all", counted)
    await desk.take_in(replace(newer, published=desk.clock.now), old)
    assert analysed == [newer.title]


async def test_a_later_report_at_the_same_address_comes_in(desk: BotHarness, keeping: Context) -> None:
    await desk.follow()
    old, newest, later = headlines(3)
    first = dated(desk, old, url="https://alpha.example/front-page")
    await desk.report(first)
    desk.clock.forward(days=41)
    await desk.report(dated(desk, newest))
    await cleanup.step(keeping)
    desk.mailbox.sent.clear()
    await desk.report(dated(desk, later, url="https://alpha.example/front-page"))
    assert len(desk.mailbox.sent) == 1


async def test_numbers_are_not_given_out_twice(desk: BotHarness, keeping: Context) -> None:
    await desk.report(*[dated(desk, title) for title in headlines(5)])
    last = (await numbers(desk))[-1]
    desk.clock.forward(days=400)
    await cleanup.step(keeping)
    assert await numbers(desk) == [last]
    await desk.report(dated(desk, "A new bridge opens in spring"))
    assert await numbers(desk) == [last, last + 1]


async def test_keys_that_no_source_shows_go_in_time(desk: BotHarness, keeping: Context) -> None:
    await desk.report(*[dated(desk, title) for title in headlines(3)])
    desk.clock.forward(days=41)
    await cleanup.step(keeping)
    assert await desk.count(schema.forgotten_keys)
    desk.clock.forward(days=41)
    await cleanup.step(keeping)
    assert not await desk.count(schema.forgotten_keys)


@pytest.mark.both_stores
async def test_a_year_of_articles_takes_no_more_room_than_what_is_kept(
    desk: BotHarness, keeping: Context
) -> None:
    """The rows, and with SQLite the pages of the file, in the end, beside those of the first 18 weeks."""
    await desk.follow()
    steps = sized(9, long=17)  # within 6 of them as much goes as comes
    titles = headlines(steps * 3)
    largest = 0
    for step in range(steps):
        await desk.report(*[dated(desk, next(titles)) for _ in range(3)])
        desk.clock.forward(days=21)
        await cleanup.step(keeping)
        size = sum((await rows(desk)).values()) + await desk.count(schema.forgotten_keys)
        pages = 0
        if desk.db.dialect == "sqlite":
            async with desk.db.read() as connection:
                pages = await connection.scalar(sa.text("PRAGMA page_count")) or 0
        if step < 6:
            largest, most_pages = max(largest, size), pages
    assert size <= largest
    assert pages <= most_pages * 1.05
