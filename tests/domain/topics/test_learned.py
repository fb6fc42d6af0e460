"""Guesses of a root topic: what they learn from, when they abstain, and where they count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.model import Record, Topic, TopicMatch
from bot.domain.topics.learned import LEAST, TitleModel, calibrated, learn_from_stream
from bot.domain.topics.topics import Topics
from tests.make import record

EMPTY = TitleModel(("Sea", "Stage"), {})
TEXTS = [
    ("Sea", "Trawlers land herring at the quay", "en"),
    ("Sea", "Herring shoals return to the quay", "en"),
    ("Stage", "Soprano bows after the curtain falls", "en"),
    ("Stage", "Curtain falls on the soprano's farewell", "en"),
    ("Nothing", "Quay quay quay", "en"),
]
MODEL = replace(EMPTY.learn(TEXTS), steps=((0.5, 0.9), (3.0, 0.97)))


def test_a_guess_names_the_topic_its_certainty_and_its_words() -> None:
    guess = MODEL.guess("Herring at the quay", "en")
    assert guess is not None
    assert (guess.topic, set(guess.words)) >= ("Sea", set())
    assert {"herring", "quay"} <= set(guess.words)
    assert guess.confidence in (0.9, 0.97)


@pytest.mark.parametrize("title", ["", "Herring", "Budget passes upper house", "Herring soprano", "12 34"])
def test_what_is_not_certain_gets_no_guess(title: str) -> None:
    assert MODEL.guess(title, "en") is None


def test_a_model_that_was_never_checked_makes_no_guess() -> None:
    assert replace(MODEL, steps=()).guess("Herring at the quay", "en") is None
    assert EMPTY.guess("Herring at the quay", "en") is None


def test_learning_leaves_the_model_as_it_was_and_adds_up() -> None:
    one = EMPTY.learn(TEXTS[:2]).learn(TEXTS[2:])
    assert one.counts == MODEL.counts
    assert EMPTY.counts == {}


def test_the_margin_is_the_lowest_from_which_guesses_are_right_often_enough() -> None:
    outcomes = [(float(n), n >= 40) for n in range(100)]
    steps = calibrated(outcomes, 0.9, 10)
    assert steps[0][0] == 34.0
    assert steps[0][1] >= 0.9
    assert list(steps) == sorted(steps)
    assert calibrated([(1.0, False)] * 50, 0.9, 10) == ()
    assert calibrated([(1.0, True)] * 9, 0.9, 10) == ()


TREE = Topics(
    [
        Topic("Sea", keywords=("trawler",)),
        Topic("Fish", parent="Sea", keywords=("cod",)),
        Topic("Stage", keywords=("opera",)),
        Topic("Own", query="herring", guild_id=7),
    ]
)


def stream() -> list[tuple[Record, tuple[TopicMatch, ...]]]:
    """Titles with keywords, and other words that are always with them."""
    titles = [
        title
        for n in range(150)
        for title in (
            f"Trawler {n} {'brings mackerel into the cove' if n % 2 else 'mackerel cove'}",
            f"Opera {n} opens with a brass fanfare",
        )
    ]
    return [(one, TREE.matcher.of(one)) for one in map(record, titles)]


def test_a_stream_teaches_the_words_that_stand_beside_keywords() -> None:
    assert MODEL.guess("Who brings mackerel into the cove", "en") is None
    taught = learn_from_stream(MODEL, stream(), TREE)
    guess = taught.guess("Who brings mackerel into the cove", "")
    assert guess is not None
    assert guess.topic == "Sea"
    assert guess.confidence >= LEAST
    assert taught.counts["trawler"] == MODEL.counts["trawler"], "a guess is made where no keyword is"


def test_a_stream_that_is_too_small_or_says_nothing_teaches_nothing() -> None:
    assert learn_from_stream(MODEL, [], TREE) is MODEL
    assert learn_from_stream(MODEL, stream()[:20], TREE) is MODEL
    mixed = [(one, (TopicMatch("Sea"), TopicMatch("Stage"))) for one, _ in stream()]
    assert learn_from_stream(MODEL, mixed, TREE) is MODEL


def guessing(*topics: Topic) -> Topics:
    return Topics(topics or TREE.matcher._trees[0], titles=MODEL)


def test_a_guess_is_made_where_nothing_else_says_a_topic() -> None:
    found = guessing().matcher.of(record("Herring at the quay"))
    assert [(m.topic, m.learned, m.declared, m.guild_id) for m in found] == [("Sea", True, False, 0)]
    assert [m.learned for m in guessing().matcher.of(record("Herring trawler at the quay"))] == [False]
    assert [m.learned for m in guessing().matcher.of(record("Herring at the quay", topics=["Stage"]))] == [
        False
    ]


def test_a_guess_is_of_a_root_topic_that_there_is() -> None:
    assert guessing(Topic("Stage")).matcher.of(record("Herring at the quay")) == ()
    assert (
        guessing(Topic("Sea", parent="Planet"), Topic("Planet")).matcher.of(record("Herring at the quay"))
        == ()
    )


def test_a_guess_is_nothing_to_a_servers_queries() -> None:
    """Their topics are what people wrote, and `topic:` asks for what is certain."""
    mine = Topic("Mine", query="topic:Sea", guild_id=7)
    found = guessing(Topic("Sea"), mine).matcher.of(record("Herring at the quay"))
    assert [m.topic for m in found] == ["Sea"]
    own = Topic("Sea", query="never", guild_id=7)
    assert guessing(own).matcher.of(record("Herring at the quay")) == ()
