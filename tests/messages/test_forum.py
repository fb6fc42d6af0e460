"""Which of a forum's tags a post gets, and keeps."""

from __future__ import annotations

import pytest

from bot.domain.model import Topic
from bot.domain.topics.topics import Topics
from bot.messages.forum import Tag, chosen, fitting, followed, other_names, tag_names

MARINE = Topic("Marine Conservation Policy", "MCP", slug="marine", aliases=("Ocean Law",))
RAIL = Topic("Rail", aliases=("Trains",))
KNOWN = Topics([MARINE, RAIL])


def tags(*names: str, moderated: str = "") -> list[Tag]:
    """A forum's tags, numbered from 1."""
    return [Tag(number, name, name != moderated) for number, name in enumerate(names, 1)]


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("Marine Conservation Policy", True),
        ("mcp", True),
        ("ocean  LAW", True),
        ("marine", True),
        ("Marine Conservation ", True),  # as far as a tag goes
        ("Marine Conservation", True),
        ("Marine Conservatio…", True),
        ("Marine Conserv...", True),
        ("Marine Con.", True),
        ("Marine Co", False),
        ("Mar…", False),
        ("Conservation", False),
        ("Rail", False),
    ],
)
def test_a_tag_is_known_by_every_name_of_its_topic_as_far_as_20_characters_go(tag: str, fits: bool) -> None:
    names = tag_names(["Marine Conservation Policy"], KNOWN)
    assert bool(fitting(tags(tag), names)) is fits


def test_the_names_come_first_then_other_names() -> None:
    names = tag_names(["Rail", "Marine Conservation Policy", "Unheard of"], KNOWN)
    assert names[:3] == ("Rail", "Marine Conservation Policy", "Unheard of")
    assert set(names[3:]) == {"Trains", "MCP", "Ocean Law", "marine"}
    found = fitting(tags("MCP", "Trains", "Unheard of", "Rail"), names)
    assert [tag.name for tag in found] == ["Rail", "Unheard of", "Trains", "MCP"]


def test_a_new_post_gets_five_tags_at_most_and_none_that_it_may_not_set() -> None:
    names = [f"Topic {number}" for number in range(8)]
    assert chosen(tags(*names), names, required=False) == (1, 2, 3, 4, 5)
    assert chosen(tags("Topic 0", "Topic 1", moderated="Topic 0"), names, required=False) == (2,)


def test_a_forum_that_requires_a_tag_gets_one_where_there_is_any_to_set() -> None:
    available = tags("Staff", "Off topic", "Chat", moderated="Staff")
    assert chosen(available, ["Rail"], required=False) == ()
    assert chosen(available, ["Rail"], required=True) == (2,)
    assert chosen(tags("Staff", moderated="Staff"), ["Rail"], required=True) == ()


@pytest.mark.parametrize(
    ("applied", "names", "wanted"),
    [
        ([1], ["Rail", "Marine"], {1, 2}),  # a topic that joined
        ([1, 2], ["Marine"], {2}),  # one that left
        ([3], ["Rail"], {1, 3}),  # what a person set stays
        ([1], ["Nothing"], {1}),  # no post loses its last tag
        ([4], ["Rail"], {1, 4}),  # nor one that only moderators may take
        ([], ["Nothing"], set()),
    ],
)
def test_tags_follow_the_topics_and_leave_what_people_set(
    applied: list[int], names: list[str], wanted: set[int]
) -> None:
    available = tags("Rail", "Marine", "Solved", "Pinned", moderated="Pinned")
    others = [name for name in ("Rail", "Marine", "Pinned") if name not in names]
    assert set(followed(available, applied, names, others)) == wanted


def test_a_person_keeps_their_tags_where_there_is_room_for_five() -> None:
    available = tags(*"abcdefg")
    assert followed(available, [5, 6], [*"abcd"], []) == (5, 6, 1, 2, 3)


def test_the_names_of_all_other_topics() -> None:
    assert other_names(["Rail"], KNOWN) == ("Marine Conservation Policy", "MCP", "Ocean Law", "marine")
    assert other_names(["trains"], KNOWN) == other_names(["Rail"], KNOWN)
