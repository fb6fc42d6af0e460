"""Topics that changed are matched against what is already stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from bot.domain.model import Topic, TopicMatch, Volume
from bot.domain.stories.owners import MediaOwners
from bot.services.topics import listing
from bot.store import records, schema, stories
from bot.workers import rematch
from tests.make import record
from tests.store.store_helpers import GUILD, TWO, story_counts
from tests.workers.desk import BotHarness

WHALES = Topic("Whales", keywords=("whale", "whales"))
SEA = Topic("Sea")


async def latest(desk: BotHarness, topic: str) -> list[int]:
    """The stories of a topic."""
    async with desk.db.read() as connection:
        return sorted(await stories.latest(connection, [topic], 100))


@pytest.fixture
async def harbour(fresh: BotHarness) -> BotHarness:
    """Stories on whales and on something else, before anybody configured a topic."""
    await fresh.take_in(
        record("A whale in the harbour", "a.example", topics=["Sea"]),
        record("A whale in the harbour again", "b.example"),
        record(TWO, "c.example"),
    )
    return fresh


async def test_a_new_topic_finds_what_came_before_it(harbour: BotHarness) -> None:
    assert await rematch.configure(harbour.context, [WHALES])
    assert await latest(harbour, "Whales") == [1]
    assert await latest(harbour, "Sea") == [1]
    async with harbour.db.read() as connection:
        matches = await records.topics_of(connection, [1, 2])
    assert set(matches[1]) == {TopicMatch("Sea", True), TopicMatch("Whales", False, ("whale",))}
    assert matches[2] == (TopicMatch("Whales", False, ("whale",)),)


async def test_the_same_topics_again_are_not_matched(
    harbour: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "bot.workers.rematch")
    assert await rematch.configure(harbour.context, [WHALES, SEA])
    assert "the bot matched 3 records again" in caplog.text
    caplog.clear()
    assert not await rematch.configure(harbour.context, [SEA, WHALES])
    assert not await rematch.define(harbour.context, [WHALES])
    assert caplog.text == ""


async def test_a_changed_keyword_takes_stories_out_and_puts_others_in(harbour: BotHarness) -> None:
    await rematch.configure(harbour.context, [WHALES])
    word = TWO.split()[1]
    assert await rematch.configure(harbour.context, [Topic("Whales", keywords=(word,))])
    assert await latest(harbour, "Whales") == [2]


async def test_a_topic_that_is_configured_no_more_keeps_what_declares_it(harbour: BotHarness) -> None:
    await rematch.configure(harbour.context, [WHALES, Topic("Sea", keywords=(TWO.split()[0],))])
    assert await latest(harbour, "Sea") == [1, 2]
    await rematch.configure(harbour.context, [])
    assert await latest(harbour, "Sea") == [1]
    assert await latest(harbour, "Whales") == []


async def test_defining_keeps_what_was_configured(harbour: BotHarness) -> None:
    await rematch.configure(harbour.context, [WHALES])
    assert await rematch.define(harbour.context, [Topic("Other", keywords=(TWO.split()[0],))])
    assert (await latest(harbour, "Whales"), await latest(harbour, "Other")) == ([1], [2])


async def test_more_than_are_matched_at_once_are_matched(
    harbour: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rematch, "AT_ONCE", 1)
    await rematch.configure(harbour.context, [WHALES])
    assert await latest(harbour, "Whales") == [1]
    async with harbour.db.read() as connection:
        assert (await story_counts(connection))["Whales"] == 1


async def test_topics_whose_records_were_not_all_matched_count_as_new_at_the_next_start(
    harbour: BotHarness,
) -> None:
    async def crash() -> None:
        raise MemoryError

    harbour.db.at_commit(crash)
    with pytest.raises(MemoryError):
        await rematch.configure(harbour.context, [WHALES])
    assert await latest(harbour, "Whales") == []
    assert await rematch.configure(harbour.context, [WHALES])
    assert await latest(harbour, "Whales") == [1]


async def test_removed_records_get_their_topics_and_bring_none(harbour: BotHarness) -> None:
    gone = record(
        "Fishermen report a lonely whale 40 miles off Cape Morrow", "d.example", url="https://d.example/1"
    )
    await harbour.take_in(gone)
    await harbour.take_in(
        record(
            "Fishermen report a lonely whale 40 miles off Cape Morrow",
            "d.example",
            url="https://d.example/1",
            removed=True,
        )
    )
    await rematch.configure(harbour.context, [WHALES])
    assert await latest(harbour, "Whales") == [1]
    await harbour.take_in(gone)
    assert await latest(harbour, "Whales") == [1, 3]


async def test_a_new_parent_needs_no_matching(harbour: BotHarness) -> None:
    await rematch.configure(harbour.context, [WHALES, SEA])
    await rematch.configure(harbour.context, [Topic("Whales", parent="Sea", keywords=WHALES.keywords), SEA])
    rows = await listing(harbour.context, "", GUILD)
    assert [(row.topic.name, row.depth, row.stories) for row in rows] == [("Sea", 0, 1), ("Whales", 1, 1)]
    harbour.clock.forward(days=1, hours=1)  # what is there is none of the first posts
    await harbour.follow("Sea", volume=Volume.EVERYTHING)
    await harbour.report(record("Volunteers free a stranded whale from fishing nets", "e.example"))
    assert harbour.mailbox.titles == ["Volunteers free a stranded whale from fishing nets"]


async def test_a_story_is_decided_when_all_of_its_records_are_matched(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too few of its 30 outlets are on the topic by the old keyword, and too few by the new one."""
    monkeypatch.setattr(rematch, "AT_ONCE", 5)
    seen = {n: "A heron flew by." if n < 5 else "An otter swam by." if n >= 25 else "" for n in range(30)}
    await rematch.configure(fresh.context, [Topic("Animals", keywords=("otter",), fields="title+excerpt")])
    await fresh.take_in(
        record("Dam breaks above Corvale village", "lead.example", quality=90),
        *(record("Dam breaks above Corvale village", f"o{n}.example", excerpt=seen[n]) for n in range(30)),
    )
    assert await fresh.count(schema.stories) == 1
    assert await latest(fresh, "Animals") == []
    await rematch.configure(fresh.context, [Topic("Animals", keywords=("heron",), fields="title+excerpt")])
    assert await latest(fresh, "Animals") == []


async def test_a_story_is_loaded_once_however_many_pages_its_records_are_on(
    harbour: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rematch, "AT_ONCE", 1)
    decided: list[int] = []
    decide = stories.decide_topics

    async def noted(connection: Any, numbers: Iterable[int], owners: MediaOwners) -> None:
        decided.extend(numbers := list(numbers))
        await decide(connection, numbers, owners)

    monkeypatch.setattr(stories, "decide_topics", noted)
    await rematch.configure(harbour.context, [WHALES])
    assert decided == [1, 2]
