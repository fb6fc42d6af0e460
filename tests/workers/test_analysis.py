"""The texts of a record are analysed once, before the intake that stores it, and never on the event loop."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain.clustering.story_cluster import extract_terms
from bot.domain.records import analysis, intake
from bot.domain.records.analysis import TextAnalysis, Texts
from bot.domain.text import language, stems, words
from bot.services import server_topics
from bot.store import schema
from tests.make import record
from tests.store.store_helpers import GUILD
from tests.workers.desk import BotHarness

GLACIER = "Glacier above Brigtal loses a third of its ice"
FERRY = "Night ferry to Skagen returns after eleven years"


def spied(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[tuple[Any, ...]]:
    """The arguments of each call of a function from now on; one on the event loop's thread fails."""
    loop_thread = threading.get_ident()
    calls: list[tuple[Any, ...]] = []
    function: Callable[..., Any] = getattr(module, name)

    def spy(*arguments: Any, **named: Any) -> Any:
        assert threading.get_ident() != loop_thread, f"{name}{arguments} runs on the event loop"
        calls.append(arguments)
        return function(*arguments, **named)

    monkeypatch.setattr(module, name, spy)
    return calls


async def test_every_text_is_analysed_once_and_before_the_transaction(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fresh.begin("Alps")
    beforehand = spied(monkeypatch, analysis, "analyse")
    inside = spied(monkeypatch, intake, "analyse")
    related = record("Hut on the Brigtal glacier closes", "hut.example")
    glacier = record(GLACIER, "peak.example", excerpt="Surveyors flew over it.", related=[related])
    await fresh.take_in(glacier, record(FERRY, "sea.example"), replace(glacier, quality=9))
    counts = Counter(texts.title for (texts,) in beforehand)
    assert counts == {GLACIER: 1, related.title: 1, FERRY: 1}
    assert inside == []


async def test_what_is_stored_as_it_is_needs_no_analysis(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds bring the same items with each poll."""
    await fresh.begin("Alps")
    glacier, ferry = record(GLACIER, "peak.example"), record(FERRY, "sea.example")
    await fresh.take_in(glacier, ferry)
    beforehand = spied(monkeypatch, analysis, "analyse")
    inside = spied(monkeypatch, intake, "analyse")
    await fresh.take_in(glacier, replace(ferry, quality=9))
    assert [texts.title for (texts,) in beforehand] == [FERRY]
    assert inside == []


async def test_nothing_is_cut_or_detected_on_the_event_loop_while_articles_come_in(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fresh.begin("Alps")
    await fresh.follow("Alps")
    cuts = spied(monkeypatch, words, "_words")
    detected = spied(monkeypatch, language, "detect")
    spied(monkeypatch, stems, "words")
    await fresh.take_in(record(GLACIER, "peak.example", topics=["Alps"]), record(FERRY, "sea.example"))
    assert len(detected) == 2
    assert cuts


async def test_queries_and_the_search_index_share_the_words_of_a_text(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fresh.begin("Alps")
    await server_topics.create(fresh.context, GUILD, server_topics.Draft("Ice", "glacier AND surveyors"))
    cuts = spied(monkeypatch, words, "_words")
    glacier = record(GLACIER, "peak.example", excerpt="Surveyors flew over it.")
    await fresh.take_in(glacier)
    counts = Counter(text for text, folded in cuts if folded is words.plain)
    assert (counts[glacier.title], counts[glacier.excerpt]) == (1, 1)
    rt = schema.record_topics
    async with fresh.db.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(rt).where(~rt.c.declared)) == 1


async def test_a_removal_without_a_text_is_stored_with_what_the_text_said(fresh: BotHarness) -> None:
    """It is the only kind of text that the batch does not bring itself."""
    await fresh.begin("Alps")
    glacier = record(GLACIER, "peak.example")
    await fresh.take_in(glacier)
    await fresh.take_in(replace(glacier, title="removed", removed=True))
    r = schema.records
    async with fresh.db.read() as connection:
        row = (await connection.execute(sa.select(r.c.title, r.c.terms).where(r.c.key == glacier.key))).one()
    assert tuple(row) == (GLACIER, extract_terms(GLACIER, "", "en").kept())


def test_an_analysis_depends_on_nothing_but_the_texts() -> None:
    one = record(GLACIER, "peak.example", excerpt="Surveyors flew over it.")
    same = replace(one, key="https://other.example/1", quality=77, topics=("Alps",))
    assert Texts.of(one) == Texts.of(same)
    full = analysis.analyse(Texts.of(one))
    assert full == TextAnalysis(
        extract_terms(one.title, one.excerpt, one.language),
        b"",
        {
            "title": "glacier above brigtal loses a third of its ice",
            "excerpt": "surveyors flew over it",
            "outlet": " ".join(words.plain_words(one.outlet.name)),
        },
    )
    assert analysis.analyse(Texts.of(one, partial=True)) == TextAnalysis(full.terms)
