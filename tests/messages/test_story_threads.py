"""What is written in the thread of a story, whatever its reports are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import StoryView
from bot.domain.posting.story_threads import arrived, newest
from bot.domain.stories.owners import NO_OWNERS
from bot.domain.stories.story import story_view
from bot.messages.message import THREAD_NAME
from bot.messages.story_threads import thread_farewell, thread_name, thread_update, update_title
from tests.discord_rules import payload, problems, units
from tests.hostile import AnyStory, any_stories
from tests.make import examples, record, stored, story
from tests.shown import shown

TITLES = (
    "Ferry runs aground off Skerry Point",
    "Ferry aground, crew of nine safe",
    "Tug frees stranded ferry",
)


def view_of(*outlets: str, titles: tuple[str, ...] = TITLES) -> StoryView:
    """A story with a report of each outlet, an hour apart, whose records have the IDs from 1 on."""
    members = [
        stored(record(titles[n % len(titles)], outlet, hours=n), id=n + 1) for n, outlet in enumerate(outlets)
    ]
    view = story_view(story(*members))
    assert view is not None
    return view


def text(view: StoryView, after: int, until: int | None = None) -> str:
    """The text of an update."""
    return shown(thread_update(view, after, until or newest(view), NO_OWNERS)).text


@examples(0.5)
@given(any_stories, st.integers(0, 60), st.integers(0, 60))
def test_every_update_is_one_that_discord_takes(made: AnyStory, after: int, until: int) -> None:
    view = made.view()
    ids = sorted(member.id for member in view.members)
    lower, upper = ids[after % len(ids)] - 1, ids[until % len(ids)]
    message = thread_update(view, lower, upper, NO_OWNERS)
    assert problems(payload(message)) == []
    assert message.roles == ()
    assert message.title == update_title(), "by which it is recognised"
    assert 1 <= units(thread_name(view)) <= THREAD_NAME


def test_each_report_is_told_once_in_the_order_in_which_they_were_stored() -> None:
    view = view_of("a.example", "b.example", "c.example", "d.example")
    assert [member.id for member in arrived(view, 1)] == [2, 3, 4]
    assert [member.id for member in arrived(view, 1, 2)] == [2]
    first, second = text(view, 1, 2), text(view, 2)
    assert "b.example" in first
    assert "c.example" not in first
    assert "b.example" not in second
    assert second.index("d.example") < second.index("c.example"), "the newest first"


def test_outlets_count_that_no_earlier_report_is_of() -> None:
    view = view_of("a.example", "b.example", "a.example", "c.example")
    assert "+2 outlets" in text(view, 1)
    assert "outlet" not in text(view, 2, 3)
    assert "+1 outlet" in text(view, 3)


@pytest.mark.parametrize(("reports", "more"), [(5, ""), (6, "… and 1 more"), (30, "… and 25 more")])
def test_more_than_five_reports_are_counted(reports: int, more: str) -> None:
    view = view_of("first.example", *(["late.example"] * reports), titles=TITLES[:1])
    lines = text(view, 1).splitlines()
    assert len([line for line in lines if line.startswith("• ")]) == 5
    assert (lines[-1] == more) is bool(more)


def test_the_report_that_says_what_changed_is_not_listed_as_well() -> None:
    told = text(view_of("a.example", "b.example"), 1)
    assert told.count(TITLES[1]) == 1
    assert "•" not in told


def test_an_update_none_of_whose_articles_is_left_says_so() -> None:
    assert "do not belong to the story any more" in text(view_of("a.example"), 1)


def test_a_thread_ends_in_one_line() -> None:
    message = thread_farewell(7, "https://discord.com/channels/1/2/3")
    assert shown(message).text.splitlines() == [
        "This story continues in [story #7](https://discord.com/channels/1/2/3)."
    ]
