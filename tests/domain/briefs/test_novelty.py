"""What reports add to what is shown of a story, what changed, and figures in which outlets differ."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from bot.domain.briefs.brief import brief
from bot.domain.briefs.figures import MOST_FIGURES, differing_figures
from bot.domain.briefs.novelty import MOST_ADDITIONS, additions, change
from bot.domain.stories.owners import MediaOwners
from tests.domain.briefs.test_brief import BAN, FINE, FOOTBALL, GULLS, RIVAL, texts_of, view
from tests.hostile import AnyStory, any_stories
from tests.make import at

SUMMIT = "Envoys of nine countries will discuss drones over harbours in Alderby this autumn."
STORM = "Nine people died when the ferry sank in the storm off Alderby on Sunday."
STORM_TOO = "The ferry sank off Alderby in a storm on Sunday, and seven people died."


@given(any_stories)
def test_additions_are_sentences_of_owners_that_the_brief_does_not_have(any_story: AnyStory) -> None:
    any_view = any_story.view()
    shown = brief(any_view)
    found = additions(any_view, shown)
    assert len(found) <= MOST_ADDITIONS
    assert shown or not found
    every = [*shown, *found]
    assert len({report.record.outlet.domain for _, report in every}) == len(every)
    assert all(text in report.record.excerpt or text == report.record.title for text, report in every)


def test_each_further_outlet_adds_its_newest_sentence() -> None:
    seen = view(BAN, FINE, GULLS, f"{BAN} {RIVAL}", f"{BAN} {SUMMIT}", FOOTBALL)
    shown = brief(seen)
    left = {RIVAL, SUMMIT, BAN, FINE, GULLS} - set(texts_of(shown))
    found = additions(seen, shown)
    assert found
    assert set(texts_of(found)) <= left
    assert FOOTBALL not in texts_of(found)
    assert BAN not in texts_of(found)


def test_what_changed_is_what_later_reports_say_and_nothing_shown_did() -> None:
    seen = view(BAN, FINE, BAN, f"{BAN} {SUMMIT}")
    members = tuple(replace(m, first_seen=at(n)) for n, m in enumerate(seen.members))
    seen = replace(seen, members=members, lead=members[0])
    found = change(seen, at(1.5))
    assert found is not None
    assert (found.text, found.report) == (SUMMIT, members[3])
    assert found not in brief(seen, without=[found])
    assert change(seen, at(3)) is None
    assert change(seen, at(1.5), fits=lambda _: False) is None
    assert change(replace(seen, members=members[:3]), at(1.5)) is None


def test_figures_that_differ_are_all_shown_and_none_is_called_right() -> None:
    (group,) = differing_figures(view(STORM, STORM_TOO, STORM))
    assert [(figure.text, figure.report.record.outlet.domain) for figure in group] == [
        ("Nine people", "a.example"),
        ("seven people", "b.example"),
    ]


def test_numbers_count_as_equal_however_they_are_written() -> None:
    assert differing_figures(view(STORM, STORM.replace("Nine", "9"))) == ()
    thousand = STORM.replace("Nine", "Some 12,000")
    assert differing_figures(view(thousand, thousand.replace("12,000", "12.000"))) == ()
    (group,) = differing_figures(view(thousand, thousand.replace("12,000", "12,500")))
    assert [figure.text for figure in group] == ["12,000 people", "12,500 people"]


def test_a_figure_that_may_count_something_else_is_left_out() -> None:
    both = STORM_TOO.replace("seven people died", "seven people died and two people are missing")
    assert differing_figures(view(STORM, both)) == ()
    assert differing_figures(view(STORM, "Seven people bought a football club in another town.")) == ()
    year = "In 2024 people of Alderby saw a ferry sink in a storm off the town."
    assert differing_figures(view(STORM, year)) == ()


def test_figures_of_one_owner_do_not_differ_from_themselves() -> None:
    owners = MediaOwners({"a.example": "Big Press", "b.example": "Big Press"})
    assert differing_figures(view(STORM, STORM_TOO), owners) == ()


def test_figures_are_read_in_scripts_without_spaces_too() -> None:
    one = "横浜港で船が沈み、9人が死亡したと警察が発表した。"
    other = "県警によると、横浜港で船が沈み7人が死亡した。"
    (group,) = differing_figures(view(one, other))
    assert [figure.text for figure in group] == ["9人", "7人"]


@given(any_stories)
def test_figures_stand_in_their_reports_word_for_word(any_story: AnyStory) -> None:
    groups = differing_figures(any_story.view())
    assert len(groups) <= MOST_FIGURES
    for figure in (figure for group in groups for figure in group):
        record = figure.report.record
        assert figure.text in record.excerpt or figure.text in record.title
