"""Keywords: stems, and keywords that count in one language."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Topic
from bot.domain.topics.keywords import KeywordIndex, keyword_tokens, short_stems
from bot.domain.topics.topics import Topics
from tests.make import record

AI = Topic(
    "AI", keywords=("machine learning",), language_keywords=(("en", "ai"), ("de", "ki"), ("de", "ki- *"))
)


@pytest.mark.parametrize(
    ("keyword", "title", "matches"),
    [
        ("robot*", "Robotics for beginners", True),
        ("robot*", "A robot", True),
        ("robot*", "An autorobot", False),
        ("robot*", "Robo", False),
        ("wind* farm", "Windy farm", True),
        ("wind farm*", "Two wind farms open", True),
        ("wind farm*", "Wind, farms", False),
        ("élect*", "Les élections", True),
        ("a*", "Anything", False),
        ("a*", "a*", True),
        ("a *", "a * b", True),
    ],
)
def test_a_stem_stands_for_all_words_that_begin_with_it(keyword: str, title: str, matches: bool) -> None:
    assert bool(KeywordIndex([Topic("T", keywords=(keyword,))]).match(title)) is matches


@pytest.mark.parametrize(
    ("title", "language", "matches"),
    [
        ("AI beats doctors", "en", True),
        ("AI beats doctors", "en-GB", True),
        ("AI beats doctors", "EN_us", True),
        ("AI beats doctors", "", True),  # not known: it may be any
        ("Je t'ai vu", "fr", False),
        ("Ai lavoratori", "it", False),
        ("KI schlägt Ärzte", "de", True),
        ("Ki and others", "en", False),
        ("Le machine learning", "fr", True),
    ],
)
def test_a_keyword_of_a_language_counts_in_that_language(title: str, language: str, matches: bool) -> None:
    assert bool(KeywordIndex([AI]).match(title, "", language)) is matches


def test_the_language_of_a_record_decides() -> None:
    topics = Topics([AI])
    assert [m.topic for m in topics.matcher.of(replace(record("AI beats doctors"), language="en"))] == ["AI"]
    assert topics.matcher.of(replace(record("Ai lavoratori"), language="it")) == ()


def test_stems_that_are_too_short_are_named() -> None:
    assert short_stems("ab* farm abc* c*") == ("ab*", "c*")
    assert short_stems("wind * farm*") == ()


WORDS = st.lists(st.text("abcd", min_size=1, max_size=6), min_size=1, max_size=8)


@given(st.text("abcd", min_size=3, max_size=5), WORDS)
def test_a_stem_matches_exactly_where_a_word_begins_with_it(stem: str, title: list[str]) -> None:
    found = KeywordIndex([Topic("T", keywords=(f"{stem}*",))]).match(" ".join(title))
    assert bool(found) is any(word.startswith(stem) for word in title)
    (token,) = keyword_tokens(f"{stem}*")
    assert [token.matches(word) for word in title] == [word.startswith(stem) for word in title]
