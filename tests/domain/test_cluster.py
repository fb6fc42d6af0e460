"""Which records report the same event."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cluster import Report, cluster
from tests.make import at
from tests.shared_data import SHARED, needs_shared


def report(
    number: int,
    title: str,
    *,
    hours: float = 0,
    outlet: str = "",
    declares: Sequence[int] = (),
    partial: bool = False,
    story: int | None = None,
    language: str = "",
    excerpt: str = "",
) -> Report:
    """A report, by an outlet of its own where none is named."""
    name = outlet or f"outlet{number}.example"
    return Report(number, title, excerpt, at(hours), name, language, frozenset(declares), partial, story)


def same(one: Report, other: Report) -> bool:
    """Whether two reports that arrive one after the other form one story."""
    found = cluster([one, other], [], 1).stories
    return found[one.id] == found[other.id]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Harbour bridge closed after crane collapses onto railway line",
            "Crane collapses onto railway line, closing harbour bridge",
        ),
        (
            "City council halts facial recognition trial in metro after audit",
            "Facial recognition trial in the metro halted after damning audit",
        ),
    ],
)
def test_reports_of_one_event_in_other_words_are_one_story(one: str, other: str) -> None:
    assert same(report(1, one), report(2, other, hours=5))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Brewery opens new cellar in Lisbon", "Brewery opens new plant in Ohio"),
        ("Night train reaches the coast", "An old train is sold"),
        ("Council votes on school meals", "Volcano erupts in the south"),
    ],
)
def test_reports_of_different_events_are_not(one: str, other: str) -> None:
    assert not same(report(1, one), report(2, other, hours=1))


def test_the_same_title_long_after_is_another_event() -> None:
    title = "Harbour bridge closed after crane collapses onto railway line"
    assert not same(report(1, title), report(2, title, hours=24 * 30))


def test_words_are_compared_by_the_stems_of_their_language() -> None:
    one = report(1, "Erdbeben erschüttert die Küste der Insel Brannö", language="de")
    other = report(2, "Heftige Erdbeben erschüttern die Küsten der Insel Brannö", language="de", hours=1)
    assert same(one, other)


def test_a_declaration_lowers_the_bar_but_is_no_proof() -> None:
    lead = report(1, "Harbour bridge closed after crane collapse", declares=[2, 3])
    agrees = report(2, "Trains diverted as crane blocks harbour crossing", hours=2, partial=True)
    far = report(3, "Harbour festival draws record crowd", hours=-24 * 60, partial=True)
    found = cluster([lead, agrees, far], [], 1)
    assert found.stories == {1: 1, 2: 1}


def test_a_partial_record_never_opens_a_story() -> None:
    assert cluster([report(1, "A lone declaration about nothing", partial=True)], [], 1).stories == {}


def test_a_series_of_one_outlet_stays_apart() -> None:
    titles = [f"Weekly roundup number {n}: {what}" for n, what in enumerate(("bees", "ferries", "chess"))]
    reports = [report(n, title, outlet="series.example", hours=n) for n, title in enumerate(titles, 1)]
    assert len(set(cluster(reports, [], 1).stories.values())) == 3


def test_what_is_known_keeps_its_number_and_gets_the_newcomer() -> None:
    known = report(1, "Crane collapses onto railway line at harbour bridge", story=7)
    found = cluster(
        [report(2, "Harbour bridge shut: crane collapses onto railway line", hours=1)], [known], 8
    )
    assert found.stories == {2: 7}
    assert "crane" in found.why[2]


def test_two_stories_that_turn_out_to_be_one_go_on_under_the_lower_number() -> None:
    one = report(1, "Crane collapses onto railway line at harbour bridge", story=3)
    other = report(2, "Harbour bridge closed, trains diverted after crane collapse", story=5, hours=1)
    bridge = report(
        3, "Harbour bridge closed after crane collapses onto railway line", hours=2, declares=[1, 2]
    )
    found = cluster([bridge], [one, other], 6)
    assert found.stories == {3: 3}
    assert found.merged == {5: 3}


TITLES = st.lists(
    st.sampled_from(
        [
            "harbour",
            "bridge",
            "crane",
            "train",
            "council",
            "school",
            "volcano",
            "island",
            "metro",
            "audit",
            "whale",
            "ferry",
        ]
    ),
    min_size=1,
    max_size=7,
).map(" ".join)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Report], list[Report]]:
    """Arrivals, and a window with stories 1 to 4."""
    window = [
        report(n, draw(TITLES), hours=draw(st.integers(-50, 0)), story=draw(st.integers(1, 4)))
        for n in range(1, draw(st.integers(1, 6)))
    ]
    arrivals = [
        report(n, draw(TITLES), hours=draw(st.integers(0, 50)), declares=draw(st.lists(st.integers(1, 30), max_size=3)),
               partial=draw(st.booleans()))
        for n in range(20, 20 + draw(st.integers(0, 8)))
    ]  # fmt: skip
    return arrivals, window


@given(streams())
def test_every_record_that_came_in_is_in_a_story_and_no_number_is_lost(
    stream: tuple[list[Report], list[Report]],
) -> None:
    arrivals, window = stream
    found = cluster(arrivals, window, 5)
    assert {r.id for r in arrivals if not r.partial} <= set(found.stories)
    opened = sorted(
        {number for number in found.stories.values() if number >= 5} | {n for n in found.merged if n >= 5}
    )
    assert opened == list(range(5, 5 + len(opened)))
    assert all(new < old for old, new in found.merged.items())
    assert not set(found.merged) & (set(found.merged.values()) | set(found.stories.values()))


@given(streams())
def test_the_order_of_the_window_does_not_matter(stream: tuple[list[Report], list[Report]]) -> None:
    arrivals, window = stream
    assert cluster(arrivals, window, 5) == cluster(arrivals, window[::-1], 5)


def b_cubed(truth: Mapping[int, str], found: Mapping[int, int]) -> tuple[float, float]:
    """B-cubed precision and recall (Bagga and Baldwin, 1998): means over the items."""
    events, stories = defaultdict(set), defaultdict(set)
    for item, event in truth.items():
        events[event].add(item)
        stories[found[item]].add(item)
    shared = {item: len(events[event] & stories[found[item]]) for item, event in truth.items()}
    precision = sum(shared[item] / len(stories[found[item]]) for item in truth) / len(truth)
    recall = sum(shared[item] / len(events[truth[item]]) for item in truth) / len(truth)
    return precision, recall


@needs_shared
def test_real_headlines_form_their_events() -> None:
    lines = (SHARED / "stories" / "headlines.jsonl").read_text(encoding="utf-8").splitlines()
    rows = sorted((json.loads(line) for line in lines), key=lambda row: row["publishedDateTime"])
    pairs = (SHARED / "stories" / "headlines.truth.tsv").read_text(encoding="utf-8").splitlines()
    truth = dict(pair.split("\t") for pair in pairs)
    reports = [
        Report(n, row["title"], "", datetime.fromisoformat(row["publishedDateTime"]), row["provider"]["domain"], "",
               frozenset(), False, None)
        for n, row in enumerate(rows)
    ]  # fmt: skip
    found = cluster(reports, [], 1).stories
    precision, recall = b_cubed({n: truth[row["webUrl"]] for n, row in enumerate(rows)}, found)
    assert precision >= 0.86
    assert recall >= 0.70


def test_a_stream_longer_than_the_window_keeps_its_stories_apart() -> None:
    title = "Harbour bridge closed after crane collapses onto railway line"
    reports = [report(n, title, hours=24 * 10 * n) for n in range(1, 5)]
    assert len(set(cluster(reports, [], 1).stories.values())) == 4
