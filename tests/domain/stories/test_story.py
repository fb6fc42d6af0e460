"""What a story shows: lead, coverage, heat, and what mutes leave of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import HEAT_PER_OUTLET, Mute, Outlet, Relation, Stored, StoryView, Volume
from bot.domain.model import TopicMatch as Match
from bot.domain.posting.volume import FIXED, reaches
from bot.domain.stories import story as stories
from bot.domain.stories.story import Story, heat_of, lead_of, muted_by
from bot.domain.stories.voices import voices
from tests.make import at, record, stored, story


def seen(found: Story, *muted: str) -> StoryView:
    """The story as a reader with these mutes sees it."""
    view = stories.story_view(found, muted_by(mutes(*muted)))
    assert view is not None
    return view


def mutes(*values: str) -> Sequence[Mute]:
    return [Mute(i, 1, None, value) for i, value in enumerate(values)]


def shape(view: StoryView) -> list[tuple[int, str]]:
    """Ids and relations of the coverage."""
    return [(entry.stored.id, entry.relation.value) for entry in view.coverage]


# The lead.


def test_the_best_record_leads_then_the_earliest() -> None:
    worse = stored(record("A", hours=0, quality=50), id=1)
    late = stored(record("B", hours=2, quality=60), id=2)
    early = stored(record("C", hours=1, quality=60), id=3)
    assert lead_of([worse, late]).id == 2
    assert lead_of([worse, late, early]).id == 3


def test_a_record_that_came_in_itself_leads_before_a_better_one_that_did_not() -> None:
    own = stored(record("A", quality=1), id=1)
    declared = stored(record("B", quality=99), id=2, partial=True)
    assert lead_of([declared, own]).id == 1
    assert lead_of([declared, stored(record("C", quality=98), id=3, partial=True)]).id == 2


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), min_size=1, max_size=6))
def test_the_lead_does_not_depend_on_the_order_of_arrival(plans: list[tuple[int, int, bool]]) -> None:
    members = [
        stored(record("A", url=f"https://a.example/{i}", quality=quality, hours=hours), id=i, partial=partial)
        for i, (quality, hours, partial) in enumerate(plans)
    ]
    lead = lead_of(members)
    assert lead == lead_of(members[::-1])
    same_kind = [member for member in members if member.partial == lead.partial]
    assert lead.record.quality == max(member.record.quality for member in same_kind)
    assert not lead.partial or all(member.partial for member in members)
    assert seen(story(*members)) == seen(story(*members[::-1]))


# Heat.


@pytest.mark.parametrize(
    ("declared", "outlets", "heat"),
    [
        (None, "a", 60),
        (None, "ab", 80),
        (None, "abcd", 120),
        (None, "abba", 80),  # distinct outlets
        (None, "aa", 60),
        (300, "a", 300),
        (0, "abc", 0),  # declared is declared
    ],
)
def test_heat_is_declared_or_grows_with_other_outlets(declared: int | None, outlets: str, heat: int) -> None:
    lead, *others = (
        stored(record("A", f"{name}.example", quality=60 - i, heat=declared if not i else 999))
        for i, name in enumerate(outlets)
    )
    assert heat_of(lead, voices([lead, *others])) == heat
    assert seen(story(lead, *others)).heat == heat


def test_declared_reports_of_the_event_heat_a_story_and_background_does_not() -> None:
    lead = stored(record("A", "a.example"), id=1, declares=[2, 3])
    same = stored(record("A", "b.example"), id=2, partial=True)
    background = stored(record("C", "c.example"), id=3, partial=True, story=None)
    view = seen(story(lead, same, declared=[same, background]))
    assert (view.heat, view.outlets) == (80, 2)


@pytest.mark.parametrize(
    ("quality", "declared", "reached"),
    [
        (0, False, {Volume.EVERYTHING}),
        (69, False, {Volume.EVERYTHING}),
        (70, False, {Volume.EVERYTHING, Volume.NOTABLE}),
        (69, True, {Volume.EVERYTHING, Volume.NOTABLE}),
        (149, False, {Volume.EVERYTHING, Volume.NOTABLE}),
        (150, False, set(FIXED)),
    ],
)
def test_a_story_reaches_the_bars_of_its_heat(quality: int, declared: bool, reached: set[Volume]) -> None:
    view = seen(story(stored(record("A", quality=quality, notable=declared))))
    assert {bar for bar in FIXED if reaches(view, bar)} == reached


def test_only_the_lead_can_declare_a_story_notable() -> None:
    lead = stored(record("A", "a.example", quality=20))
    assert not seen(story(lead, stored(record("A", "a.example", quality=10, notable=True)))).notable


# Coverage.


def test_coverage_is_everything_but_the_lead_best_first() -> None:
    lead = stored(record("A", quality=90), id=1, declares=[5, 4])
    other = stored(record("B", quality=40), id=2)
    partial = stored(record("C", quality=70), id=3, partial=True)
    worse = stored(record("D", quality=30), id=4, story=9)
    better = stored(record("E", quality=80), id=5, story=None, partial=True)
    view = seen(story(other, partial, lead, declared=[worse, better]))
    assert view.lead.id == 1
    assert shape(view) == [(5, "background"), (3, "same"), (2, "same"), (4, "background")]
    assert [member.id for member in view.members] == [1, 3, 2]


def test_what_another_member_than_the_lead_declares_is_not_coverage() -> None:
    lead = stored(record("A", quality=90), id=1)
    other = stored(record("B", quality=40), id=2, declares=[3])
    assert shape(seen(story(lead, other, declared=[stored(record("C"), id=3)]))) == [(2, "same")]


def test_a_declared_record_that_is_a_member_stands_once() -> None:
    lead = stored(record("A", quality=90), id=1, declares=[2, 7])
    same = stored(record("B", quality=40), id=2)
    assert shape(seen(story(lead, same, declared=[same]))) == [(2, "same")]


def test_a_story_begins_and_ends_with_its_members() -> None:
    view = seen(story(*(stored(record("A", quality=hours, hours=hours)) for hours in (5, 1, 9))))
    assert (view.first, view.last) == (at(1), at(9))


def test_topics_stand_in_the_order_in_which_they_arrived_each_once() -> None:
    late = stored(record("A", quality=90, hours=0), id=1, seen=5)
    early = stored(record("B", hours=3), id=2, seen=4)
    topics = {1: (Match("Vision"), Match("ai", True)), 2: (Match("Space"), Match("AI"))}
    assert seen(Story(1, (late, early), {}, topics)).topics == ("Space", "AI", "Vision")


def test_a_story_without_members_shows_nothing() -> None:
    assert stories.story_view(Story(1, (), {}, {})) is None


# Mutes.


@pytest.mark.parametrize(
    ("value", "muted"),
    [
        ("alpha.example", True),
        ("ALPHA.example", True),
        ("Alpha News", True),
        ("alpha news", True),
        ("alpha", False),
        ("example", False),
        ("council", True),
        ("drones", True),
        ("drone", False),
        ("bans drones", True),
        ("drones bans", False),
        ("council drones", False),
        ("voted", False),  # of the excerpt
        ("…", False),
        ("", False),
    ],
)
def test_a_mute_is_an_outlet_or_whole_words_of_the_title(value: str, muted: bool) -> None:
    one = replace(
        record("Council bans drones!", excerpt="It voted."), outlet=Outlet("Alpha News", "alpha.example")
    )
    assert muted_by(mutes(value))(one) is muted
    assert muted_by(mutes("other.example", value))(one) is muted


def test_muted_records_neither_lead_nor_count_nor_cover() -> None:
    best = stored(record("A", "a.example", quality=90), id=1)
    lead = stored(record("B", "b.example", quality=60), id=2, declares=[4, 5])
    other = stored(record("C", "c.example", quality=50), id=3)
    declared = [
        stored(record("D", name, quality=5), id=i, story=None)
        for i, name in ((4, "a.example"), (5, "e.example"))
    ]
    found = story(best, lead, other, declared=declared)
    view = seen(found, "a.example")
    assert (view.lead.id, view.heat, view.outlets) == (2, 80, 2)
    assert shape(view) == [(3, "same"), (5, "background")]
    assert seen(found).lead.id == 1


def test_a_story_whose_records_are_all_muted_shows_nothing() -> None:
    assert (
        stories.story_view(story(stored(record("A")), stored(record("B"))), muted_by(mutes("alpha.example")))
        is None
    )


def test_a_muted_member_is_not_shown_as_background_either() -> None:
    lead = stored(record("A", "a.example", quality=90), id=1, declares=[2])
    member = stored(record("B", "b.example"), id=2)
    assert shape(seen(story(lead, member, declared=[member]), "b.example")) == []


PLAN = st.tuples(st.sampled_from("abcd"), st.integers(0, 99), st.booleans(), st.booleans())


@given(st.lists(PLAN, min_size=1, max_size=8), st.sets(st.sampled_from("abcd")))
def test_a_view_holds_every_record_once_but_the_muted(
    plans: list[tuple[str, int, bool, bool]], muted: set[str]
) -> None:
    entries = [
        stored(record("A", f"{outlet}.example", quality=quality), id=i, partial=partial and bool(i))
        for i, (outlet, quality, partial, _) in enumerate(plans)
    ]
    inside = [entry for entry, plan in zip(entries, plans, strict=True) if not plan[3] or not entry.id]
    declares = tuple(entry.id for entry in entries)
    members: list[Stored] = [replace(member, declares=declares) for member in inside]
    view = stories.story_view(
        story(*members, declared=entries), muted_by(mutes(*(f"{m}.example" for m in muted)))
    )
    left = {entry.id for entry in entries if entry.record.outlet.domain[0] not in muted}
    if view is None:
        assert not left & {member.id for member in members}
        return
    shown = [view.lead.id, *(entry.stored.id for entry in view.coverage)]
    assert sorted(shown) == sorted(left)
    assert {member.id for member in view.members} == left & {member.id for member in members}
    assert {e.stored.id for e in view.coverage if e.relation is Relation.BACKGROUND} == left - {
        member.id for member in members
    }
    qualities = [entry.stored.record.quality for entry in view.coverage]
    assert qualities == sorted(qualities, reverse=True)
    assert view.outlets == len({member.record.outlet for member in view.members})
    assert view.heat == view.lead.record.quality + 20 * (view.outlets - 1)


# Wire copies.

AGENCY = "The harbour bridge was closed on Monday after engineers had found a crack in a girder."


def test_copies_of_one_text_count_once_for_heat() -> None:
    copies = [
        stored(record(f"Title {n}", f"{n}.example", quality=70, excerpt=f"{AGENCY} By {n}")) for n in range(5)
    ]
    own = stored(
        record(
            "Title",
            "own.example",
            quality=60,
            excerpt="Our reporter was there when the bridge had to be closed to all traffic.",
        )
    )
    found = stories.story_view(story(*copies, own))
    assert found is not None
    assert (found.heat, found.outlets) == (70 + HEAT_PER_OUTLET, 6)


def test_two_outlets_that_each_brought_two_agencies_are_one_voice() -> None:
    """Whoever copies from both joins them: what is counted is who speaks for himself."""
    other = AGENCY.replace("harbour", "railway")
    members = [
        stored(record("One", "a.example", quality=70, excerpt=AGENCY)),
        stored(record("Two", "b.example", quality=70, excerpt=AGENCY)),
        stored(record("Three", "b.example", quality=70, excerpt=other)),
        stored(record("Four", "c.example", quality=70, excerpt=other)),
    ]
    assert voices(members) == 1


@pytest.mark.parametrize(
    ("begins", "copied"),
    [
        ("市の中心部にある古い橋は、", False),  # many reports of it begin so
        ("市の中心部にある古い橋は、点検で見つかった亀裂のため月曜日の朝から通行止めになっている。", True),
        ("The old bridge in the centre of the town ", False),
        ("The old bridge in the centre of the town has been closed since Monday, ", True),
    ],
)
def test_a_copy_begins_as_no_two_authors_would_in_any_script(begins: str, *, copied: bool) -> None:
    ends = ("市長は謝罪した。 The mayor apologised.", "代替のバスが走る。 Buses run instead.")
    members = [stored(record("One", f"{n}.example", excerpt=begins + end)) for n, end in enumerate(ends)]
    assert voices(members) == (1 if copied else 2)


def test_short_texts_are_nobodys_copies() -> None:
    members = [stored(record("One", f"{n}.example", excerpt="Read more here.")) for n in range(3)]
    assert voices(members) == 3


def test_a_text_that_thousands_copied_is_one_voice_and_no_work_that_grows_with_their_square() -> None:
    text = "The ferry to the northern islands does not leave before noon because of the storm"
    calls = 0

    def counted(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal calls
        calls += event == "line" and frame.f_code.co_name in ("root", "voice_of")
        return counted

    def steps(number: int) -> int:
        nonlocal calls
        members = [stored(record("Ferry", f"o{n}.example", excerpt=text), id=n) for n in range(1, number)]
        before, calls = sys.gettrace(), 0
        sys.settrace(counted)
        try:
            assert voices(members) == 1
        finally:
            sys.settrace(before)
        return calls

    assert steps(2001) < 3 * steps(1001)
