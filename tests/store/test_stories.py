"""Stories as they are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain.stories import story as domain_stories
from bot.domain.stories.story import Story
from bot.store import stories
from bot.store.database import Database
from tests.make import at, record
from tests.store.store_helpers import (
    FOUR,
    GUILD,
    ONE,
    THREE,
    TWO,
    headlines,
    merge,
    story_numbers,
    take,
    two_events_and_their_report,
)


async def search(db: Database, text: str, limit: int = 25) -> list[str]:
    """The titles that are found."""
    async with db.read() as connection:
        return [title for _, title in await stories.titles(connection, text, limit)]


# By title.


TYPED = [
    ("Night train reaches the coast", "night TRAIN"),
    ("Night train reaches the coast", "  coast night "),
    ("Night train reaches the coast", "ach"),
    ("Über den Fluss", "über"),
    ("Über den Fluss", "ÜBER fluss"),
    ("Großer Bahnhof", "GROSSER bahn"),
    ("Ночной поезд", "ночной ПОЕЗД"),
    ("100% of seats_taken \\o/", "100% s_t"),
    ("100% of seats_taken \\o/", "\\o/"),
    ("“Quoted” & 🐋", "“quoted” 🐋"),
    ("O'Brien's café", "o'b café"),
]


async def test_a_story_is_found_by_parts_of_its_title(stores: Database) -> None:
    await take(stores, *(record(title) for title in dict(TYPED)), record(ONE))
    for title, typed in TYPED:
        assert await search(stores, typed) == [title], typed


async def test_what_is_typed_is_no_pattern(stores: Database) -> None:
    await take(stores, record("Night train reaches the coast"))
    for typed in ("%", "_", "\\", "nothing", "n%t", "n_ght", "train plane"):
        assert await search(stores, typed) == [], typed


async def test_nothing_typed_finds_the_newest(stores: Database) -> None:
    for hours, title in enumerate((ONE, TWO, THREE)):
        await take(stores, record(title, hours=hours), hours=hours)
    assert await search(stores, " ") == [THREE, TWO, ONE]
    assert await search(stores, "", 2) == [THREE, TWO]


async def test_it_is_the_lead_whose_title_counts(stores: Database) -> None:
    await take(stores, record(ONE, "a.example", quality=10))
    await take(stores, record(f"{ONE} again", "b.example", quality=90), hours=1)
    assert await search(stores, "again") == [f"{ONE} again"]


async def test_merged_and_removed_stories_are_not_offered(stores: Database) -> None:
    one, two, both = two_events_and_their_report()
    await take(stores, one, two, gone := record(ONE))
    assert await search(stores, "girder") == [two.title]
    await take(stores, replace(gone, removed=True), both, hours=1)
    assert await search(stores, ONE) == []
    assert await search(stores, "girder") == []
    assert await search(stores, "") == [one.title]


# By address and number.


async def test_a_story_is_found_by_every_address_of_its_members(stores: Database) -> None:
    declared = record(TWO, "far.example", hours=-1000)
    twin = "https://b.example/1-for-phones"
    await take(
        stores,
        record(ONE, url="https://a.example/1", related=[declared]),
        record(ONE, url="https://b.example/1", twins=[twin]),
        record(THREE, url="https://c.example/1"),
    )
    async with stores.read() as connection:
        addresses = ["https://a.example/1", "https://b.example/1", twin, "https://c.example/1"]
        assert [await stories.by_key(connection, key) for key in addresses] == [1, 1, 1, 2]
        assert await stories.by_key(connection, declared.key) is None  # background of no story of its own
        assert await stories.by_key(connection, "https://a.example/unknown") is None


async def test_stories_are_loaded_with_members_what_they_declare_and_topics(stores: Database) -> None:
    declared = record(TWO, "far.example", hours=-1000)
    gone = record(FOUR, "gone.example", hours=-1000)
    await take(stores, gone, hours=-1000)
    lead = record(ONE, "a.example", related=[declared, gone], topics=["AI"], quality=90)
    other = record(ONE, "b.example", topics=["Space"], quality=80)
    await take(stores, lead, other, record(THREE, "c.example"))
    await take(stores, replace(gone, removed=True), hours=1)
    async with stores.read() as connection:
        found = await stories.load(connection, [2, 3, 2, 99])
    assert list(found) == [2, 3, 99]
    assert found[99] == Story(99, (), {}, {})
    view = domain_stories.story_view(found[2])
    assert view is not None
    assert [m.record.title for m in view.members] == [ONE, ONE]
    assert [(c.stored.record.title, c.relation) for c in view.coverage] == [
        (ONE, "same"),
        (TWO, "background"),
    ]
    assert view.topics == ("AI", "Space")
    assert [m.record.title for m in found[3].members] == [THREE]


# By topic and time.


async def test_a_story_counts_once_in_a_topic_and_all_above_it(stores: Database) -> None:
    both = record(ONE, "a.example", topics=["Computer Vision", "AI"])
    gone = record(FOUR, "d.example", topics=["AI"])
    await take(stores, both, record(TWO, "b.example", topics=["Computer Vision"]))
    await take(stores, record(THREE, "c.example", topics=["AI", "Space"]), gone)
    await take(stores, replace(gone, removed=True), hours=1)
    below = {
        "AI": ["AI", "Computer Vision"],
        "Computer Vision": ["Computer Vision"],
        "Space": ["Space"],
        "Sea": ["Sea"],
    }
    async with stores.read() as connection:
        counts = await stories.counts(connection, below)
        assert counts == {"AI": 3, "Computer Vision": 2, "Space": 1, "Sea": 0}
        for name, names in below.items():
            assert len(await stories.latest(connection, names, None, 0)) == counts[name]


async def test_what_only_a_server_sees_counts_for_that_server(stores: Database) -> None:
    await take(stores, record(ONE, "a.example", topics=["AI"]))
    await take(stores, record(TWO, "b.example", topics=["AI"]), guild_id=GUILD)
    async with stores.read() as connection:
        for guild_id, count in ((GUILD, 2), (GUILD + 1, 1), (0, 1)):
            assert await stories.counts(connection, {"AI": ["AI"]}, guild_id) == {"AI": count}
            assert len(await stories.latest(connection, ["AI"], None, guild_id)) == count


async def test_a_great_many_topics_are_counted(stores: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stories, "IN_MOST", 2)
    titles = headlines(5)
    await take(stores, *(record(title, topics=[f"T{n}", "All"]) for n, title in enumerate(titles)))
    names = [f"T{n}" for n in range(5)]
    async with stores.read() as connection:
        counts = await stories.counts(
            connection, {"All": ["All", *names], **{name: [name] for name in names}}
        )
    assert counts == {"All": 5, **dict.fromkeys(names, 1)}


async def test_the_latest_are_those_that_something_arrived_for_last(stores: Database) -> None:
    for hours, (title, topic) in enumerate(((ONE, "AI"), (TWO, "Space"), (THREE, "AI"))):
        await take(stores, record(title, f"o{hours}.example", hours=hours, topics=[topic]), hours=hours)
    await take(stores, record(ONE, "late.example", hours=0), hours=5)
    async with stores.read() as connection:
        assert await stories.latest(connection, None, 10) == [1, 3, 2]
        assert await stories.latest(connection, None, 2) == [1, 3]
        assert await stories.latest(connection, ["ai"], 10) == [1, 3]
        assert await stories.latest(connection, ["AI", "SPACE"], 10) == [1, 3, 2]
        assert await stories.latest(connection, ["Sea"], 10) == []
        assert await stories.latest(connection, [], 10) == []


async def test_what_came_at_one_time_is_in_a_fixed_order(stores: Database) -> None:
    batch = [record(title, f"o{n}.example") for n, title in enumerate((ONE, TWO, THREE, FOUR))]
    await take(stores, *batch)
    await take(stores, replace(batch[0], quality=70))  # rewrites the first row
    async with stores.read() as connection:
        assert await stories.latest(connection, None, 10) == [4, 3, 2, 1]


async def test_what_arrived_between_two_moments(stores: Database) -> None:
    partial = record(FOUR, "late.example", hours=3)
    for hours, title in enumerate((ONE, TWO, THREE)):
        related = [partial] if title == THREE else []
        item = record(title, f"o{hours}.example", hours=hours, topics=["AI"], related=related)
        await take(stores, item, hours=hours)
    async with stores.read() as connection:

        async def arrived(since: float, until: float, *names: str) -> list[int]:
            return await stories.arrived(connection, names or None, at(since), at(until))

        assert await arrived(-1, 5) == [1, 2, 3]
        assert await arrived(0, 1) == [2]
        assert await arrived(1, 1) == []
        assert await arrived(2, 9) == []
        assert await arrived(-1, 5, "ai") == [1, 2, 3]
        assert await arrived(-1, 5, "Space") == []


async def test_a_story_with_several_arrivals_arrived_once_and_a_removed_one_did_not(stores: Database) -> None:
    one = record(ONE, "a.example", topics=["AI"])
    await take(stores, one, record(ONE, "b.example"), two := record(TWO, "c.example"))
    await take(stores, replace(two, removed=True), hours=1)
    async with stores.read() as connection:
        assert await stories.arrived(connection, None, at(-1), at(9)) == [1]
        assert await story_numbers(connection) == [1]
        assert await stories.totals(connection) == (3, 1)


async def test_a_merged_story_counts_as_the_one_that_goes_on(stores: Database) -> None:
    await take(stores, record(ONE, "a.example", topics=["AI"]), hours=0)
    await take(stores, record(TWO, "b.example", topics=["Space"]), hours=5)
    await merge(stores, 2, 1)
    async with stores.read() as connection:
        assert await stories.arrived(connection, ["space"], at(4), at(6)) == [1]
        assert await stories.latest(connection, ["Space"], 10) == [1]
        assert await stories.totals(connection) == (2, 1)


async def test_a_server_is_read_nothing_of_another_server(stores: Database) -> None:
    """Rows of other servers stay in the database: nobody has to filter them afterwards."""
    first, second, whole = two_events_and_their_report("AI")
    for guild_id in (0, GUILD, GUILD + 1):
        for each in (first, second, whole):
            await take(stores, replace(each, title=f"{each.title} {guild_id}"), guild_id=guild_id)
    async with stores.read() as connection:
        numbers = await story_numbers(connection)
        read: list[sa.Row[Any]] = []
        fetched = sa.engine.Result.__iter__
        with pytest.MonkeyPatch.context() as patch:

            def iterate(result: Any) -> Any:
                rows = list(fetched(result))
                read.extend(rows)
                return iter(rows)

            patch.setattr(sa.engine.CursorResult, "__iter__", iterate)
            found = await stories.load(connection, numbers, GUILD)
    owners = {row._mapping["guild_id"] for row in read if "guild_id" in row._mapping}
    assert owners == {0, GUILD}
    assert any(story.declared for story in found.values())
