"""Keywords: stems, keywords that count in one language, and how they are typed there."""

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
        ("*gericht", "Das Landgericht tagt", True),
        ("*gericht", "Vor Gericht", True),
        ("*gericht", "Die Regale sind eingerichtet", False),
        ("*unfall*", "Autounfälle und ein Verkehrsunfall", True),
        ("*unfall*", "Zwei Unfallorte", True),
        ("*unfall*", "Ein Unfal", False),
        ("freies *spiel*", "Freies Ballspielen", True),
        ("*ab", "Hinab", False),
        ("*ab", "*ab", True),
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


@pytest.mark.parametrize(
    ("title", "language", "matches"),
    [
        ("Die KI schlägt die Ärzte bei der Diagnose", "en", True),  # a site that never set its language
        ("Die KI schlägt die Ärzte bei der Diagnose", "nl", True),  # taken for a language like it
        ("Tennis: Ki and Ju win the doubles in three sets", "en", False),
    ],
)
def test_a_keyword_counts_in_the_language_of_the_title_whatever_the_outlet_declares(
    title: str, language: str, matches: bool
) -> None:
    assert bool(KeywordIndex([AI]).match(title, "", language)) is matches


@pytest.mark.parametrize(
    ("language", "keyword", "title", "matches"),
    [
        ("es", "policía*", "La policia busca al ladron", True),
        ("es", "policía*", "LA POLICÍA BUSCA AL LADRÓN", True),
        ("fr", "élection", "Election : les urnes sont fermées", True),
        ("fr", "pêche", "La pêche reprend", True),
        ("ru", "самолёт*", "Самолеты вернулись на аэродром", True),
        ("de", "wähler", "Waehler entscheiden am Sonntag", True),
        ("de", "züge", "Im Zuge der Bauarbeiten", False),  # Germans leave no dots out
        ("tr", "nişan*", "Nisan ayında bahçede", False),  # April
        ("pl", "sąd", "W starym sadzie", False),  # an orchard
    ],
)
def test_a_keyword_of_a_language_is_found_as_people_there_type_it(
    language: str, keyword: str, title: str, matches: bool
) -> None:
    topic = Topic("T", language_keywords=((language, keyword),))
    assert bool(KeywordIndex([topic]).match(title, "", language)) is matches


def test_a_keyword_of_any_language_keeps_its_accents() -> None:
    assert KeywordIndex([Topic("T", keywords=("résumé",))]).match("How to write a resume", "", "en") == {}


def test_excerpts_are_read_for_topics_that_say_so() -> None:
    whole = Topic("Whole", keywords=("whale*",), fields="title+excerpt")
    title = Topic("Title", keywords=("whale*", "harbour"))
    assert KeywordIndex([whole, title]).match("A harbour", "Two whales") == {
        "Whole": ("whale*",),
        "Title": ("harbour",),
    }
    assert KeywordIndex([title]).match("A harbour", "Two whales") == {"Title": ("harbour",)}


def test_the_language_of_a_record_decides() -> None:
    topics = Topics([AI])
    assert [m.topic for m in topics.matcher.of(replace(record("AI beats doctors"), language="en"))] == ["AI"]
    assert topics.matcher.of(replace(record("Ai lavoratori"), language="it")) == ()


def test_stems_that_are_too_short_are_named() -> None:
    assert short_stems("ab* farm abc* c*") == ("ab*", "c*")
    assert short_stems("wind * farm*") == ()
    assert short_stems("*ab farm *abc* *a*") == ("*ab", "*a*")


WORDS = st.lists(st.text("abcd", min_size=1, max_size=6), min_size=1, max_size=8)


@given(st.text("abcd", min_size=3, max_size=5), st.sampled_from(("{}*", "*{}", "*{}*")), WORDS)
def test_a_stem_matches_exactly_where_a_word_has_it(stem: str, form: str, title: list[str]) -> None:
    has = {"{}*": str.startswith, "*{}": str.endswith, "*{}*": str.__contains__}[form]
    keyword = form.format(stem)
    matched = KeywordIndex([Topic("T", keywords=(keyword, "abc*", "*abc", "*bcd*"))]).match(" ".join(title))
    assert (keyword in matched.get("T", ())) is any(has(word, stem) for word in title)
    (token,) = keyword_tokens(keyword)
    assert [token.matches(word) for word in title] == [has(word, stem) for word in title]
