"""Guesses learn from what came in through shared sources, where keywords or outlets say the topic."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from bot.domain.model import Topic, TopicMatch
from bot.domain.topics.learned import TitleModel
from bot.domain.topics.topics import Topics
from bot.services import related
from bot.store import records, stories, topic_cache
from bot.store.topic_cache import TopicCache
from bot.workers import rematch, titles
from bot.workers.ingest import Ingest
from tests.make import record
from tests.store.store_helpers import GUILD
from tests.workers.desk import BotHarness

SEA = [Topic("Sea", keywords=("trawler",)), Topic("Stage", keywords=("opera",))]


async def test_what_came_in_teaches_guesses(desk: BotHarness) -> None:
    context = replace(desk.context, titles=TitleModel(("Sea", "Stage"), {}))
    await rematch.configure(context, SEA)
    desk.ingest = Ingest(context)
    for n, (sea, stage) in enumerate(
        [("brings mackerel into the cove", "opens with a brass fanfare"), ("mackerel cove", "brass fanfare")]
    ):
        await desk.take_in(
            *(record(f"Trawler {at} {sea}", f"s{n}-{at}.example") for at in range(80)),
            *(record(f"Opera {at} {stage}", f"o{n}-{at}.example") for at in range(80)),
        )
    title = "Who brings mackerel into the cove"
    await desk.take_in(record(title, "before.example"))
    assert await titles.step(context) == 322, "what has no topic teaches nothing"
    await desk.take_in(record(title, "after.example"))
    async with desk.db.read() as connection:
        found = await records.topics_of(connection, range(1, 10))
    (guess,) = found[max(found)]
    assert (guess.topic, guess.learned) == ("Sea", True)
    assert "mackerel" in guess.keywords
    assert len(found) == 323, "the one before has no topic still"
    assert await titles.step(context) == 322, "guesses teach no guesses"


async def test_stored_guesses_go_where_they_are_turned_off(desk: BotHarness) -> None:
    await rematch.configure(desk.context, SEA)
    trawler, harbour = record("Trawler sails", "a.example"), record("Mackerel in the cove", "b.example")
    await desk.take_in(trawler, harbour)
    async with desk.db.intake() as connection:
        known = await records.by_id(connection, range(1, 10))
        (guessed,) = (i for i, stored in known.items() if stored.record.title == harbour.title)
        await records.rematch(connection, {guessed: (TopicMatch("Sea", False, ("mackerel",), learned=True),)})
        await stories.decide_topics(connection, [cast(int, known[guessed].story)], desk.context.rules.owners)
    _, listed = await related.latest(desk.context, "Sea", GUILD)
    assert {view.lead.record.title for view in listed} == {trawler.title, harbour.title}
    await rematch.forget_guesses(desk.context)
    _, listed = await related.latest(desk.context, "Sea", GUILD)
    assert {view.lead.record.title for view in listed} == {trawler.title}
    async with desk.db.read() as connection:
        assert guessed not in await records.topics_of(connection, range(1, 10))


async def test_nothing_is_guessed_where_that_is_off(desk: BotHarness) -> None:
    assert await titles.step(desk.context) == 0
    await rematch.configure(desk.context, SEA)
    await desk.take_in(record("Trawler sails"), record("Mackerel cove"))
    async with desk.db.read() as connection:
        found = await records.topics_of(connection, range(1, 10))
    assert {i: of for i, of in found.items() if i > 2} == {3: (TopicMatch("Sea", False, ("trawler",)),)}


async def test_topics_that_are_built_while_guesses_are_learned_are_not_kept(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the bot would guess by the old model until the topics change."""
    cache = TopicCache()
    learned = TitleModel(("Sea", "Stage"), {})
    build = topic_cache._build

    def meanwhile(*arguments: Any) -> Topics:
        built = build(*arguments)
        cache.replace_titles(learned)
        return built

    async with desk.db.read() as connection:
        with monkeypatch.context() as patch:
            patch.setattr(topic_cache, "_build", meanwhile)
            await cache.load(connection)
        assert (await cache.load(connection)).matcher.titles is learned


async def test_topics_are_built_once_for_all_who_need_them_at_the_same_time(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index of keywords takes megabytes and a third of a second, and at a start many need it at once."""
    cache, built = TopicCache(), list[Topics]()
    build = topic_cache._build

    def counted(*arguments: Any) -> Topics:
        built.append(build(*arguments))
        return built[-1]

    monkeypatch.setattr(topic_cache, "_build", counted)

    async def load() -> Topics:
        async with desk.db.read() as connection:
            return await cache.load(connection)

    assert await asyncio.gather(*(load() for _ in range(3))) == [built[0]] * 3
    assert len(built) == 1


async def test_what_teaches_guesses_is_read_a_part_at_a_time(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of a story only the records that teach, however many others it has."""
    monkeypatch.setattr(records, "LABELLED_AT_ONCE", 10)
    await rematch.configure(desk.context, SEA)
    await desk.take_in(*(record("Trawler sails for the cove", f"o{n}.example") for n in range(40)))
    async with desk.db.read() as connection:
        assert len(await records.labelled(connection, 25)) == 25
        counts: list[int] = []
        matches = records._matches

        async def counted(*arguments: Any) -> Any:
            found = await matches(*arguments)
            counts.append(len(found))
            return found

        monkeypatch.setattr(records, "_matches", counted)
        labelled = await records.labelled(connection, 25)
    assert counts == [10, 10, 5]
    assert {record.title for record, _ in labelled} == {"Trawler sails for the cove"}
    assert all(found == (TopicMatch("Sea", False, ("trawler",)),) for _, found in labelled)
