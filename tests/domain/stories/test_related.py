"""Stories beside a story, and its course."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Stored, StoryView
from bot.domain.stories import story as stories
from bot.domain.stories.related import (
    MOST,
    OF_ONE_OUTLET,
    RelatedCandidate,
    related_stories,
    timeline,
    words_of,
)
from bot.domain.stories.story import Story
from tests.make import at, record


def story(number: int, *titles: str, hours: Sequence[float] = (0,), outlets: Sequence[str] = ()) -> StoryView:
    """A story of reports at these hours; by outlets of their own where none are named."""
    members = tuple(
        Stored(
            100 * number + n,
            record(title, outlet or f"o{number}-{n}.example", hours=hour),
            at(hour),
            at(hour),
        )
        for n, (title, hour, outlet) in enumerate(
            zip(titles, hours, outlets or [""] * len(titles), strict=True)
        )
    )
    view = stories.story_view(Story(number, members, {}, {}))
    assert view is not None
    return view


METRO = story(1, "City halts facial recognition in metro", hours=[100])


def test_what_came_before_and_what_came_after_in_the_order_of_time() -> None:
    trial = story(2, "Facial recognition trial begins underground", hours=[20])
    law = story(3, "Council debates law on facial recognition", hours=[10])
    ruling = story(4, "Judges rule on facial recognition at stations", hours=[300])
    court = story(5, "Court hears case on metro recognition cameras", hours=[200])
    candidates = [
        RelatedCandidate(one, score) for one, score in ((trial, 5), (law, 3), (ruling, 5), (court, 4))
    ]
    before, after = related_stories(METRO, candidates)
    assert [view.number for view in before] == [3, 2]
    assert [view.number for view in after] == [5, 4]


def test_what_has_only_a_word_in_common_is_about_something_else() -> None:
    others = [
        "Shepherds' whistled language gets a recognition model",
        "Every street tree in the city counted in a week",
        "City says it will not be in the world cup after all",
        "Ferries in the bay hit fewer whales",
    ]
    candidates = [RelatedCandidate(story(n, title, hours=[n]), 5) for n, title in enumerate(others, 2)]
    assert related_stories(METRO, candidates) == ((), ())


def test_the_name_of_a_topic_is_nothing_in_common() -> None:
    def about(number: int, title: str) -> StoryView:
        return replace(story(number, title, hours=[number]), topics=("Computer Vision",))

    ferries = about(10, "Computer vision warns ferry captains of whales")
    trees = about(11, "Computer vision counts street trees")
    whales = about(12, "Ferry captains strike over pay and long shifts despite computer vision")
    before, after = related_stories(ferries, [RelatedCandidate(trees, 5), RelatedCandidate(whales, 5)])
    assert (before, [view.number for view in after]) == ((), [12])


def test_what_says_the_same_again_is_left_out() -> None:
    again = story(2, "Facial recognition in metro halts city", hours=[10])
    one, two = (story(n, "Council debates law on facial recognition", hours=[n]) for n in (3, 4))
    before, _ = related_stories(
        METRO,
        [
            RelatedCandidate(again, 9),
            RelatedCandidate(one, 5),
            RelatedCandidate(two, 5),
            RelatedCandidate(METRO, 20),
        ],
    )
    assert [view.number for view in before] == [3]


def test_what_is_declared_comes_first_and_may_be_little_alike() -> None:
    declared = story(2, "Cameras bought for all stations", hours=[10])
    weak = story(3, "Whale seen in the bay", hours=[11])
    alike = story(4, "Council debates law on facial recognition", hours=[12])
    before, _ = related_stories(
        METRO, [RelatedCandidate(declared, 0.1), RelatedCandidate(weak, 0.2), RelatedCandidate(alike, 6)], [2]
    )
    assert [view.number for view in before] == [2, 4]


NUMBERED = st.lists(
    st.tuples(st.floats(0, 10), st.integers(0, 300), st.sampled_from("abc"), st.sampled_from("uvwxyz")),
    max_size=20,
)


@given(NUMBERED)
def test_outlets_are_many_and_stories_few(candidates: list[tuple[float, int, str, str]]) -> None:
    views = [
        RelatedCandidate(
            story(
                n,
                f"Facial recognition {word}{word}{n} {word}ood {word}{n}a {word}{n}b",
                hours=[hour],
                outlets=[f"{outlet}.example"],
            ),
            score,
        )
        for n, (score, hour, outlet, word) in enumerate(candidates, 2)
    ]
    before, after = related_stories(METRO, views)
    assert max(len(before), len(after)) <= MOST
    led = [view.lead.record.outlet.domain for view in (*before, *after)]
    assert all(led.count(outlet) <= OF_ONE_OUTLET for outlet in led)
    assert all(view.first < METRO.first for view in before)
    assert all(view.first >= METRO.first for view in after)
    assert all(list(group) == sorted(group, key=lambda view: view.first) for group in (before, after))
    assert len({view.number for view in (*before, *after)} - {1}) == len(before) + len(after)


def test_the_course_of_a_story_are_its_first_report_more_outlets_and_its_last() -> None:
    hours = [0, 1, 2, 3, 20, 30]
    outlets = ["a.example", "a.example", "b.example", "c.example", "d.example", "e.example"]
    view = story(5, *(f"Bridge report {n}" for n in range(6)), hours=hours, outlets=outlets)
    moments = timeline(view)
    assert [(m.report.record.title, m.outlets) for m in moments] == [
        ("Bridge report 0", 1),
        ("Bridge report 2", 2),
        ("Bridge report 5", 5),
    ]


def test_a_short_story_has_no_course() -> None:
    assert timeline(story(5, "A", "B", "C", hours=[0, 1, 2])) == ()
    assert timeline(story(5, "A", "B", hours=[0, 20])) == ()
    assert timeline(story(5, "A", "B", "C", hours=[0, 10, 20], outlets=["a.example"] * 3)) == ()
    assert len(timeline(story(5, "A", "B", "C", hours=[0, 10, 20]))) == 3


def test_a_story_is_looked_for_by_the_words_of_its_lead_first() -> None:
    view = story(5, "Crane falls on bridge", "Bridge closed: 7 hurt", hours=[0, 1])
    assert words_of(view) == ("crane", "falls", "on", "bridge", "closed", "7", "hurt")
