"""/why in words: how many outlets say a topic, topics that too few say, and guesses."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.model import TopicMatch
from bot.domain.stories import story as stories
from bot.domain.stories.story import Story
from bot.messages.why import why_pages
from tests.make import record, stored


def topic_lines(matches: Mapping[int, tuple[TopicMatch, ...]], outlets: int) -> list[str]:
    """The lines on topics of a story of that many outlets."""
    members = tuple(
        stored(record("Whales", f"o{n}.example", quality=50 - n, hours=n), id=n)
        for n in range(1, outlets + 1)
    )
    view = stories.story_view(Story(1, members, {}, matches))
    assert view is not None
    page = why_pages(view, (), view.topics, matches, {})[0]
    assert page.description is not None
    return page.description.partition("**Topics**\n")[2].partition("\n**")[0].strip().splitlines()


def test_a_topic_is_shown_with_its_voices() -> None:
    sea = TopicMatch("Sea", keywords=("whales",))
    assert topic_lines({1: (sea,), 2: (sea,)}, 9) == ["Sea, 2 of 9 outlets: “whales” (O1, O2)"]


def test_a_story_of_one_outlet_has_nothing_to_count() -> None:
    assert topic_lines({1: (TopicMatch("Sea", True),)}, 1) == ["Sea: tagged by O1"]


def test_topics_that_too_few_say_are_named_with_the_most_said_first() -> None:
    odd, rare = TopicMatch("Odd", keywords=("o",)), TopicMatch("Rare", keywords=("r",))
    lines = topic_lines({3: (odd, rare), 4: (odd,)}, 15)
    assert lines == ["Too few outlets for: Odd (2 of 15 outlets), Rare (1 of 15 outlets)"]


def test_a_guess_says_that_it_is_one() -> None:
    guess = TopicMatch("Sea", keywords=("mackerel", "cove"), learned=True)
    assert topic_lines({1: (guess,)}, 1) == [
        "Sea: guessed from words that are typical of the topic: “mackerel” (O1), “cove” (O1)"
    ]
