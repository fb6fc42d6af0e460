"""A story's topics by evidence: how many independent voices it takes, and that a topic does not come and go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Stored, TopicMatch
from bot.domain.stories import story as stories
from bot.domain.stories.evidence import ASSIGN, KEEP, is_about, needed
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.story import Story, topics_by_server
from tests.make import record, stored

SEA = TopicMatch("Sea", keywords=("sea",))
DECLARED = TopicMatch("Sea", declared=True)


def reports(count: int, domain: str = "o{}.example", guild_id: int = 0, first: int = 1) -> list[Stored]:
    """Members whose lead is the first."""
    members = [
        stored(record(f"Report {n}", domain.format(n), quality=50 - n, hours=n / 100), id=n)
        for n in range(first, first + count)
    ]
    return [replace(member, guild_id=guild_id) for member in members]


class Counted(tuple[Stored, ...]):
    """Members that count how often somebody looks through all of them."""

    looks = 0

    def __iter__(self) -> Iterator[Stored]:
        self.looks += 1
        return super().__iter__()


def topics(
    members: Sequence[Stored],
    matches: Mapping[int, Sequence[TopicMatch]],
    *assigned: str,
    owners: MediaOwners = NO_OWNERS,
) -> tuple[str, ...]:
    of = {i: tuple(own) for i, own in matches.items()}
    view = stories.story_view(Story(1, tuple(members), {}, of, {0: frozenset(assigned)}), owners=owners)
    assert view is not None
    return view.topics


@pytest.mark.parametrize(
    ("size", "saying", "is_assigned"),
    [
        (1, [1], True),
        (2, [2], True),
        (5, [5], True),
        (6, [6], False),
        (6, [5, 6], True),
        (6, [1], True),  # the lead counts twice
        (12, [1], False),
        (50, range(2, 11), False),
        (50, range(2, 12), True),
        (200, range(2, 30), False),
        (200, range(2, 42), True),
    ],
)
def test_the_bigger_a_story_the_more_voices_it_takes(
    size: int, saying: Sequence[int], is_assigned: bool
) -> None:
    assert topics(reports(size), {i: [SEA] for i in saying}) == (("Sea",) if is_assigned else ())


def test_who_declares_a_topic_counts_twice() -> None:
    members = reports(10)
    assert topics(members, {9: [SEA]}) == ()
    assert topics(members, {9: [DECLARED]}) == ("Sea",)


def test_outlets_of_one_owner_and_copies_of_one_text_are_one_voice() -> None:
    members = reports(12)
    said = {i: [SEA] for i in (10, 11, 12)}
    assert topics(members, said) == ("Sea",)
    owned = MediaOwners({f"o{n}.example": "Gull Group" for n in (10, 11, 12)})
    assert topics(members, said, owners=owned) == ()
    wire = "The harbour of Brackenmouth was closed on Monday after a crane fell into the water."
    copies = [*members[:9], *(replace(m, record=replace(m.record, excerpt=wire)) for m in members[9:])]
    assert topics(copies, said) == ()


def test_many_reports_of_one_outlet_are_one_voice() -> None:
    members = [*reports(9), *reports(30, "live.example", first=10)]
    assert topics(members, {i: [SEA] for i in range(10, 40)}) == ()


def test_records_that_others_only_link_to_are_no_silent_voices() -> None:
    members = reports(8)
    linked = [replace(member, partial=True) for member in members[2:]]
    assert topics([*members[:2], *linked], {2: [SEA]}) == ("Sea",)


def test_an_assigned_topic_stays_until_clearly_fewer_say_so() -> None:
    members = reports(100)
    said = {i: [SEA] for i in range(2, 20)}
    assert topics(members, said) == ()
    assert topics(members, said, "sea") == ("Sea",)
    assert topics(members, {i: [SEA] for i in range(2, 12)}, "sea") == ()
    assert KEEP < ASSIGN


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.booleans())
def test_deciding_again_changes_nothing(says: list[bool], before: bool) -> None:
    members = reports(len(says))
    matches = {i: (SEA,) for i, yes in enumerate(says, 1) if yes}
    had = {0: frozenset({"sea"})} if before else {}
    once = topics_by_server(Story(1, tuple(members), {}, matches, had))
    keys = {server: frozenset(key for _, key in labels) for server, labels in once.items()}
    assert topics_by_server(Story(1, tuple(members), {}, matches, keys)) == once


@given(st.lists(st.booleans(), min_size=1, max_size=80))
def test_a_topic_of_a_growing_story_comes_and_goes_no_more_than_the_reports_force_it_to(
    says: list[bool],
) -> None:
    """Between losing a topic and getting it back, the share of voices has to rise from KEEP to ASSIGN."""
    members, assigned, lost_at = reports(len(says)), False, 0
    for count in range(1, len(says) + 1):
        saying = [i for i in range(2, count + 1) if says[i - 1]]
        now = bool(topics(members[:count], {i: [SEA] for i in saying}, *(["sea"] if assigned else [])))
        share = len(saying) / count
        if now and not assigned:
            assert len(saying) >= needed(count) or share >= ASSIGN
        if assigned and not now:
            assert len(saying) < 1 or share < KEEP
            assert count > lost_at
            lost_at = count
        assigned = now


def test_what_everybody_sees_is_not_changed_by_a_servers_own_reports() -> None:
    """Neither for others nor for that server, whose silent reports outnumber the shared ones."""
    shared, guests = reports(4), reports(40, "guest{}.example", guild_id=7, first=10)
    story = Story(1, (*shared, *guests), {}, {3: (SEA,)})
    assert topics_by_server(story) == {0: {(0, "sea")}}
    for server in (0, 7, 8):
        view = stories.story_view(story.visible_to(server))
        assert view is not None
        assert view.topics == ("Sea",)


def test_server_topics_and_server_feeds_concern_that_server() -> None:
    shared, guest = reports(3), reports(1, "guest{}.example", guild_id=7, first=10)
    wind = TopicMatch("Wind", keywords=("wind",), guild_id=8)
    story = Story(1, (*shared, *guest), {}, {2: (wind,), 10: (SEA,)})
    assert topics_by_server(story) == {7: {(0, "sea")}, 8: {(8, "wind")}}


def test_a_server_topic_takes_as_many_voices_as_any() -> None:
    wind = TopicMatch("Wind", keywords=("wind",), guild_id=8)
    assert topics_by_server(Story(1, tuple(reports(20)), {}, {9: (wind,)})) == {}
    assert topics_by_server(Story(1, tuple(reports(20)), {}, dict.fromkeys(range(9, 14), (wind,)))) == {
        8: {(8, "wind")}
    }


def test_a_story_is_about_what_enough_of_its_reports_are_about() -> None:
    members = reports(30)
    assert not is_about(members, {3, 4}, lead=members[0])
    assert is_about(members, range(3, 9), lead=members[0])
    assert is_about(members, range(3, 8), lead=members[0], assigned=True)


def hosted(servers: int) -> Story:
    """A story of three shared reports, and two of each server's own."""
    guests = [reports(2, f"g{{}}-{n}.example", guild_id=n, first=10 * n) for n in range(1, servers + 1)]
    members = Counted((*reports(3), *chain.from_iterable(guests)))
    wind = TopicMatch("Wind", keywords=("wind",), guild_id=1)
    return Story(1, members, {}, {2: (SEA,), 10: (SEA, wind)}, {0: frozenset(), 1: frozenset({"wind"})})


def looks(story: Story) -> int:
    assert isinstance(story.members, Counted)
    return story.members.looks


def test_the_reports_of_many_servers_are_not_looked_through_for_each_of_them() -> None:
    few, many = hosted(2), hosted(40)
    for story in (few, many):
        assert topics_by_server(story) == {0: {(0, "sea")}, 1: {(1, "wind")}}
    assert looks(few) == looks(many)
    before = looks(many)
    seen = stories.by_server(many)
    assert [len(seen(n).members) for n in range(42)] == [3, *[5] * 40, 3]
    assert looks(many) == before + 1


def test_what_a_server_sees_is_the_same_however_it_is_asked() -> None:
    page = record("Report 2", "o2.example", url="https://o2.example/page")
    twice = [replace(stored(page, id=i), guild_id=server) for i, server in ((900, 0), (901, 1))]
    story = hosted(3)
    story = replace(story, members=(*story.members, *twice))
    for story_now in (story, replace(story, members=tuple(reports(3)))):
        seen = stories.by_server(story_now)
        for server in range(5):
            one, other = seen(server), story_now.visible_to(server)
            assert set(one.members) == set(other.members)
            assert stories.story_view(one) == stories.story_view(other)
