"""What titles mean: reports of one event that share no word."""

from __future__ import annotations

import random
from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.clustering import embeddings
from bot.domain.clustering.agreement import b_cubed
from bot.domain.clustering.assign import StoryWindow
from bot.domain.clustering.embeddings import ENTRIES, Meaning, embed_title
from bot.domain.clustering.story_cluster import Report, extract_terms
from tests.domain.clustering.test_assign import Item, site
from tests.domain.clustering.test_assign import headlines as headlines_of_events
from tests.make import at
from tests.shared_data import needs_shared
from tests.store.store_helpers import headlines

pytestmark = pytest.mark.skipif(not embeddings.installed(), reason="the extra 'semantic' is not installed")

SLUMP = "Carmaker shares slump after recall of faulty brakes"
FALL = "Stock of automaker falls over brake defects"
WHALE = "Whale seen swimming in the northern bay"


def like(one: str, other: str) -> float:
    """How alike two titles are."""
    found = [Meaning.of([embed_title(title, "en")]) for title in (one, other)]
    assert found[0] is not None
    assert found[1] is not None
    return found[0].similarity(found[1])


def test_titles_of_one_event_are_alike_in_other_words() -> None:
    assert like(SLUMP, FALL) > 0.5 > 0.2 > like(SLUMP, WHALE)
    assert like(SLUMP, SLUMP) == pytest.approx(1, abs=0.02)


def test_a_vector_has_a_fixed_size_and_is_the_same_each_time() -> None:
    assert len(embed_title(SLUMP, "en")) == ENTRIES
    assert embed_title(SLUMP, "en-GB") == embed_title(SLUMP, "")


@pytest.mark.parametrize(
    ("title", "language"), [(SLUMP, "de"), ("", "en"), ("港の橋が閉鎖される", ""), ("\ud800", "")]
)
def test_of_what_the_model_does_not_know_there_is_none(title: str, language: str) -> None:
    assert embed_title(title, language) == b""
    assert Meaning.of([b""]) is None


@given(st.text(max_size=600))
def test_any_title_has_a_vector_or_none(title: str) -> None:
    assert len(embed_title(title, "")) in (0, ENTRIES)


vectors = st.lists(st.binary(min_size=ENTRIES, max_size=ENTRIES), min_size=1, max_size=5)


@given(vectors, vectors)
def test_joining_is_taking_all_together(one: list[bytes], other: list[bytes]) -> None:
    first, second, whole = (Meaning.of(those) for those in (one, other, one + other))
    assert first is not None
    assert second is not None
    assert whole is not None
    joined = first.joined(second)
    assert joined.titles == whole.titles
    assert joined.similarity(first) == pytest.approx(whole.similarity(first), abs=1e-4)
    assert first.similarity(second) == pytest.approx(second.similarity(first))


def placed(*titles: str, semantic: bool) -> list[int]:
    """The stories of reports that arrive one after the other."""
    others = list(headlines(60))  # how rare words are is known
    reports = [
        Report(
            number,
            extract_terms(title, "", "en"),
            100.0,
            f"outlet{number}.example",
            meaning=embed_title(title, "en") if semantic else b"",
        )
        for number, title in enumerate([*others, *titles])
    ]
    found = StoryWindow().place(reports, {}, 1).stories
    return [found[number] for number in range(len(others), len(reports))]


def test_reports_in_other_words_are_one_story_where_meanings_are_known() -> None:
    one, other, whale = placed(SLUMP, FALL, WHALE, semantic=True)
    assert one == other != whale
    one, other, whale = placed(SLUMP, FALL, WHALE, semantic=False)
    assert len({one, other, whale}) == 3


def test_reports_without_a_vector_are_compared_by_their_words() -> None:
    window = StoryWindow()
    again = "Automaker's stock falls as it admits defects of brakes"
    reports = [
        Report(1, extract_terms(FALL, "", "en"), 100.0, "a.example", meaning=embed_title(FALL, "en")),
        Report(2, extract_terms(again, "", "en"), 100.0, "b.example"),
    ]
    found = window.place(reports, {}, 1).stories
    assert found[1] == found[2]


def test_a_window_is_read_back_with_what_titles_mean() -> None:
    window = StoryWindow(
        [
            Report(
                1,
                extract_terms(SLUMP, "", "en"),
                100.0,
                "a.example",
                story=1,
                meaning=embed_title(SLUMP, "en"),
            )
        ]
    )
    report = Report(2, extract_terms(SLUMP, "", "en"), 100.0, "b.example", meaning=embed_title(SLUMP, "en"))
    assert window.place([report], {}, 2).stories == {2: 1}


@needs_shared
def test_more_is_found_of_small_events_among_unrelated_records() -> None:
    reports, events = headlines_of_events()
    of_event: dict[str, list[Item]] = {}
    for report in reports:
        of_event.setdefault(events[report.id], []).append(report)
    f1: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(3):
        rng = random.Random(seed)  # noqa: S311 -- the same samples each time
        few = [
            item
            for those in of_event.values()
            for item in rng.sample(those, min(len(those), rng.randint(1, 6)))
        ]
        others = [
            replace(item, excerpt="")
            for name in ("azure", "powerapps")
            for item in rng.sample(site(name), 150)
        ]
        stream = rng.sample([*few, *others], len(few) + len(others))
        for semantic, measured in f1.items():
            arrivals = [
                replace(item, published=at(n / 3))
                .report()
                ._replace(meaning=embed_title(item.title, "") if semantic else b"")
                for n, item in enumerate(stream)
            ]
            stories = StoryWindow().place(arrivals, {}, 1).stories
            measured.append(b_cubed({item.id: events[item.id] for item in few}, stories).f1)
    assert fmean(f1[False]) >= 0.83
    assert fmean(f1[True]) >= fmean(f1[False]) + 0.01
