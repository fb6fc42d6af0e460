"""The window in memory follows what people decide, without being read anew, and whatever other processes do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.clustering.batch import Clustering
from bot.domain.model import Record
from bot.services import curate
from bot.services.context import Context
from bot.services.curate import Editor
from bot.sources.model import Item, ItemBatch
from bot.store import records, schema, sources, stories
from bot.store.revisions import LOGGED, StoryLog
from bot.workers import story_window
from bot.workers.batches import SourceBatch
from bot.workers.ingest import Ingest
from tests.databases import opened_as
from tests.domain.clustering.test_window import WORDS
from tests.make import ListSource, record
from tests.store.store_helpers import GUILD, headlines
from tests.workers.desk import BotHarness, InterruptibleDatabase

EDITOR = Editor(GUILD, 1)
OAK = "Storm fells the oldest oak of Lindow park"
FLOOD = "Cellars flooded along the river Tame"
LOST = "Shepherd finds lost ring in a Welsh quarry"


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows with each window that is read from the database."""
    every: list[Any] = []
    read = story_window.read

    async def counted(*arguments: Any, **named: Any) -> Any:
        every.append(arguments)
        return await read(*arguments, **named)

    monkeypatch.setattr(story_window, "read", counted)
    return every


async def story_of(bot: BotHarness, title: str) -> int:
    """The story of the record that has come in under a title."""
    r = schema.records
    async with bot.db.read() as connection:
        number: int = (await connection.execute(sa.select(r.c.story).where(r.c.title == title))).scalar_one()
    return number


async def joins(bot: BotHarness, title: str, outlet: str) -> int:
    """The story that a record joins which comes in now."""
    await bot.take_in(record(title, outlet))
    return await story_of(bot, title)


async def two_stories(bot: BotHarness) -> tuple[int, int]:
    await bot.take_in(record(OAK, "a.example"), record(FLOOD, "b.example"))
    return await story_of(bot, OAK), await story_of(bot, FLOOD)


async def test_a_merge_and_a_split_are_obeyed_without_reading_the_window_anew(
    desk: BotHarness, loads: Sequence[Any]
) -> None:
    oak, flood = await two_stories(desk)
    loads_before = len(loads)
    await curate.merge(desk.context, EDITOR, oak, str(flood))
    assert await joins(desk, f"{FLOOD} once more", "d.example") == oak
    async with desk.db.read() as connection:
        story = (await stories.load(connection, [oak]))[oak]
    (taken_out,) = [member.id for member in story.members if member.record.title == FLOOD]
    _, fresh = await curate.split_story(desk.context, EDITOR, oak, (taken_out,))
    # They never merge again, though they say the same.
    assert await joins(desk, f"{FLOOD} last night", "e.example") == fresh
    assert await story_of(desk, FLOOD) == fresh
    assert await story_of(desk, f"{FLOOD} once more") == oak
    assert len(loads) == loads_before


@pytest.mark.both_stores
async def test_what_another_process_decides_is_obeyed_as_well(desk: BotHarness, loads: Sequence[Any]) -> None:
    oak, flood = await two_stories(desk)
    loads_before = len(loads)
    elsewhere = Context(desk.db, desk.clock, editors="all")
    await curate.merge(elsewhere, EDITOR, oak, str(flood))
    third = await joins(desk, "Glider lands on a motorway", "x.example")
    fourth = await joins(desk, "Choir sings for nine hours", "y.example")
    await curate.merge(desk.context, EDITOR, third, str(fourth))
    assert await joins(desk, f"{FLOOD} once more", "d.example") == oak
    assert len(loads) == loads_before + 1


async def test_a_decision_that_was_not_stored_leaves_no_trace(
    desk: BotHarness, loads: Sequence[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    oak, flood = await two_stories(desk)
    loads_before = len(loads)

    async def broken() -> None:
        raise ZeroDivisionError

    desk.db.at_commit(broken)
    with pytest.raises(ZeroDivisionError):
        await curate.merge(desk.context, EDITOR, oak, str(flood))
    assert await joins(desk, f"{FLOOD} once more", "d.example") == flood
    assert len(loads) == loads_before


async def test_what_was_placed_in_a_window_of_the_past_is_seen_by_the_recent_one(
    desk: BotHarness, loads: Sequence[Any]
) -> None:
    """A report of more than two weeks ago opens a story that one of less than two weeks ago belongs to."""
    await two_stories(desk)
    loads_before = len(loads)
    lost = "Shepherd finds lost ring in a Welsh quarry"
    await desk.take_in(record(lost, "c.example", hours=-24 * 14.5))
    await desk.take_in(record(f"{lost}, say wardens", "d.example", hours=-24 * 12))
    assert await story_of(desk, f"{lost}, say wardens") == await story_of(desk, lost)
    assert len(loads) == loads_before


def _batches_of_the_past() -> list[list[Record]]:
    """Reports of the last month, most of them older than two weeks, of which some are about the same events."""
    chooser = random.Random(5)  # noqa: S311 - nothing secret
    return [
        [
            record(
                " ".join(chooser.sample(WORDS, 4)).capitalize(),
                f"o{chooser.randrange(4)}.example",
                url=f"https://o.example/{batch}/{number}",
                hours=-24 * chooser.uniform(10, 30 - batch),
            )
            for number in range(12)
        ]
        for batch in range(5)
    ]


async def test_a_kept_window_of_the_past_decides_as_one_that_is_read_anew(
    desk: BotHarness, tmp_path: Path
) -> None:
    """Also after a person corrected a story."""
    places = []
    async with opened_as(str(tmp_path / "anew.db"), InterruptibleDatabase) as db:
        anew = BotHarness(db, desk.clock)
        await anew.begin("AI", "Space")
        for bot in (desk, anew):
            for number, batch in enumerate(_batches_of_the_past()):
                if bot is anew:
                    bot.ingest = Ingest(bot.context)
                await bot.take_in(*batch)
                if number == 2:
                    one, two = await story_of(bot, batch[0].title), await story_of(bot, batch[1].title)
                    if one != two:
                        await curate.merge(bot.context, EDITOR, one, str(two))
            r = schema.records
            async with bot.db.read() as connection:
                rows = await connection.execute(sa.select(r.c.key, r.c.story, r.c.why).order_by(r.c.key))
                places.append([tuple(row) for row in rows if "o.example" in row.key])
    assert places[0] == places[1]
    assert len({story for _, story, _ in places[0]}) < len(places[0])


async def test_a_first_intake_does_not_read_the_stories_of_the_past_again_with_each_batch(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    reports = records.reports

    async def counted(*arguments: Any, **named: Any) -> Any:
        read.append(len(answer := await reports(*arguments, **named)))
        return answer

    monkeypatch.setattr(records, "reports", counted)
    batches = 6
    for batch in range(batches):
        titles = headlines(batches * 8)
        some = list(islice(titles, batch * 8, (batch + 1) * 8))
        await desk.take_in(
            *(record(title, "o.example", hours=-24 * (16 + n)) for n, title in enumerate(some))
        )
    assert sum(read) <= 2 * 8 * batches, "each report at most twice: the present may want it as well"


async def test_an_intake_that_is_cancelled_meanwhile_leaves_another_one_its_window(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It waits for its turn while the other one reads again what a person has changed."""
    oak, flood = await two_stories(desk)
    await curate.merge(desk.context, EDITOR, oak, str(flood))
    async with desk.db.write() as connection:
        state = await sources.ensure(connection, "list:other", "list")
    waiting = SourceBatch(state, ItemBatch((Item("list", 1, record("Quarry closes", "c.example")),)))
    read_again = records.reports_of

    async def meanwhile(*arguments: Any, **named: Any) -> Any:
        task = asyncio.create_task(desk.ingest.store([waiting]))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return await read_again(*arguments, **named)

    monkeypatch.setattr(records, "reports_of", meanwhile)
    with caplog.at_level("ERROR"):
        await desk.take_in(record(f"{FLOOD} once more", "d.example"))
    assert caplog.text == ""
    assert await story_of(desk, f"{FLOOD} once more") == oak


@given(
    st.dictionaries(st.integers(1, 9), st.integers(1, 9), max_size=4),
    st.dictionaries(st.integers(1, 9), st.integers(1, 9), max_size=4),
    st.dictionaries(st.integers(100, 104), st.integers(1, 12), max_size=4),
)
@example({5: 4}, {7: 5}, {})
@example({5: 4}, {5: 3}, {100: 5})
def test_a_story_in_the_windows_of_two_times_goes_on_as_one_story(
    recent: dict[int, int], past: dict[int, int], placed: dict[int, int]
) -> None:
    """Whatever either window merged, nothing goes on as a story that was merged itself."""
    # Of the stories that a window merges, those with the lower numbers go on.
    of_recent, of_past = ({old: new for old, new in m.items() if new < old} for m in (recent, past))
    of_recent, of_past = (
        {old: new for old, new in merged.items() if new not in merged} for merged in (of_recent, of_past)
    )
    both = story_window._joined(Clustering(placed, of_recent, {}), Clustering({}, of_past, {}))
    assert both.merged.keys().isdisjoint(both.merged.values())
    assert both.merged.keys().isdisjoint(both.stories.values())
    for old, new in chain(of_recent.items(), of_past.items()):
        assert both.merged.get(old, old) == both.merged.get(new, new)


def test_a_log_tells_what_changed_only_where_it_has_every_revision() -> None:
    log = StoryLog()
    log.note(4, [1, 2])
    log.note(5, [2, 7])
    log.note(7, [9])
    assert log.changed(3, 5) == frozenset({1, 2, 7})
    assert log.changed(5, 5) == frozenset()
    assert log.changed(5, 7) is None
    assert log.changed(2, 4) is None
    assert log.changed(6, 7) == frozenset({9})
    assert log.changed(7, 6) is None  # another database


def test_a_log_keeps_the_latest_revisions() -> None:
    log = StoryLog()
    for revision in range(1, 3 * LOGGED):
        log.note(revision, [revision])
    assert log.changed(2 * LOGGED, 3 * LOGGED - 1) == frozenset(range(2 * LOGGED + 1, 3 * LOGGED))
    assert log.changed(1, 3 * LOGGED - 1) is None


async def test_what_a_server_has_left_of_a_story_goes_on_in_the_window(
    desk: BotHarness, loads: Sequence[Any]
) -> None:
    """It became a story of its own when the shared article was removed: the server's next article joins it."""
    own = ListSource("list:own")
    gone = record(LOST, "a.example", url="https://a.example/lost")
    await desk.take_in(gone)
    await desk.ingest.step(own.add(record(f"{LOST}, wardens say", "b.example")), guild_id=GUILD)
    shared = await story_of(desk, LOST)
    assert await story_of(desk, f"{LOST}, wardens say") == shared
    await desk.take_in(replace(gone, removed=True))
    left = await story_of(desk, f"{LOST}, wardens say")
    assert left != shared
    loads_before = len(loads)
    await desk.ingest.step(own.add(record(f"{LOST}, police say", "c.example")), guild_id=GUILD)
    assert await story_of(desk, f"{LOST}, police say") == left
    assert len(loads) == loads_before
