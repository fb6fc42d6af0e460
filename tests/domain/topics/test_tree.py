"""Topics: their names, their tree, and what matches."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Record, Topic, TopicMatch
from bot.domain.stories import story as stories
from bot.domain.topics.matcher import reasons
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Query
from bot.domain.topics.topics import Topics
from bot.domain.topics.tree import ANYWHERE, feed_topic_of, merge_defaults
from bot.sources.topic_files import load_topics
from tests.make import record, stored, story
from tests.shared_data import SHARED, needs_shared, site_records

TREE = Topics(
    [
        Topic("AI", shortname="ai", slug="artificial-intelligence", aliases=("Artificial Intelligence",)),
        Topic(
            "Computer Vision", shortname="CV", parent="AI", keywords=("computer vision", "face recognition")
        ),
        Topic("Medical Imaging", parent="computer vision", keywords=("radiology",)),
        Topic("Space", keywords=("satellite", "moon landing")),
    ]
)

# Matching.


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("Computer vision counts trees", {"Computer Vision": ("computer vision",)}),
        ("COMPUTER VISION, again", {"Computer Vision": ("computer vision",)}),
        ("(Computer  vision)", {"Computer Vision": ("computer vision",)}),
        ("computer visions", {}),
        ("computer-vision", {}),
        ("supercomputer vision", {}),
        ("computer and vision", {}),
        ("Satellite satellite", {"Space": ("satellite",)}),
        ("A satellite’s moon landing", {"Space": ("satellite", "moon landing")}),
        (
            "Radiology by computer vision via satellite",
            {
                "Medical Imaging": ("radiology",),
                "Computer Vision": ("computer vision",),
                "Space": ("satellite",),
            },
        ),
        ("", {}),
    ],
)
def test_keywords_match_whole_words_without_regard_to_case(
    title: str, found: dict[str, tuple[str, ...]]
) -> None:
    assert TREE.matcher.match(title) == found


@pytest.mark.parametrize(
    ("keyword", "title", "matches"),
    [
        ("model-driven app", "A model-driven app", True),
        ("model-driven app", "A model–driven app", True),  # however the dash was typed
        ("model-driven app", "A model driven app", False),
        ("model driven app", "A model-driven app", False),
        ("editor's choice", "Editor’s choice", True),
        ("C++", "C++ is 40", True),
        ("C", "C++ is 40", False),
        (".NET", "The .NET runtime", True),
        ("net", "ASP.NET", True),
        ("Straße", "STRASSE", True),
        ("café", "Cafe\u0301 Noir", True),
        ("微软", "微软发布新产品", True),
        ("---", "a --- b", True),
        ("", "anything", False),
    ],
)
def test_keywords_match_as_people_mean_them(keyword: str, title: str, matches: bool) -> None:
    assert bool(Topics([Topic("T", keywords=(keyword,))]).matcher.match(title)) is matches


def test_the_excerpt_counts_only_where_a_topic_says_so() -> None:
    topics = Topics([Topic("A", keywords=("x",)), Topic("B", keywords=("x", "y z"), fields="title+excerpt")])
    assert topics.matcher.match("none", "x") == {"B": ("x",)}
    assert topics.matcher.match("x", "y z") == {"A": ("x",), "B": ("x", "y z")}
    assert topics.matcher.match("y", "z") == {}


WORDS = st.text("abcxyzäöß019_", min_size=1, max_size=3)
KEYWORDS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
TITLES = st.lists(WORDS | st.sampled_from([*"-,.:’()&/", "—", "A", "ABC"]), max_size=14).flatmap(
    lambda parts: st.lists(st.sampled_from(["", " ", "  "]), min_size=len(parts), max_size=len(parts)).map(
        lambda gaps: "".join(part + gap for part, gap in zip(parts, gaps, strict=True))
    )
)


def found_by_regex(keyword: str, title: str) -> bool:
    """The rule as it is stated: whole words, without regard to case, nothing but space between them."""
    pattern = r"\s+".join(map(re.escape, keyword.casefold().split()))
    return re.search(rf"(?<!\w){pattern}(?!\w)", title.casefold()) is not None


@given(st.lists(st.lists(KEYWORDS, max_size=4), max_size=5), TITLES)
def test_matching_finds_what_a_regular_expression_for_each_keyword_finds(
    keywords: list[list[str]], title: str
) -> None:
    topics = Topics(Topic(f"T{i}", keywords=tuple(own)) for i, own in enumerate(keywords))
    expected = {
        f"T{i}": {keyword for keyword in own if found_by_regex(keyword, title)}
        for i, own in enumerate(keywords)
    }
    found = {topic: set(own) for topic, own in topics.matcher.match(title).items()}
    assert found == {topic: own for topic, own in expected.items() if own}


# Declared and matched.


def test_declared_topics_are_trusted_and_joined_with_the_matched_ones() -> None:
    one = record("Satellite finds trees by computer vision", topics=["cv", "Forests", "forests"])
    assert TREE.matcher.of(one) == (
        TopicMatch("Computer Vision", True, ("computer vision",)),
        TopicMatch("Forests", True),
        TopicMatch("Space", False, ("satellite",)),
    )


def test_a_record_without_topics_has_none() -> None:
    assert TREE.matcher.of(record("Nothing of interest")) == ()


# Names.


@pytest.mark.parametrize("name", ["AI", "ai", " Ai ", "artificial-intelligence", "ARTIFICIAL INTELLIGENCE"])
def test_a_topic_is_found_by_any_of_its_names(name: str) -> None:
    found = TREE.resolve(name)
    assert found is not None
    assert found.name == "AI"


@pytest.mark.parametrize("name", ["", "A", "AIs", "computer", "radiology"])
def test_what_is_no_name_of_a_topic_is_not_found(name: str) -> None:
    assert TREE.resolve(name) is None


def test_a_name_goes_before_another_topics_alias_whatever_their_order() -> None:
    for order in (1, -1):
        topics = Topics([Topic("Vision", aliases=("Sight",)), Topic("Sight", shortname="vision")][::order])
        assert [found.name for found in map(topics.resolve, ("sight", "vision")) if found] == [
            "Sight",
            "Vision",
        ]


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("a", ["AI", "Medical Imaging", "Space"]),
        ("comp", ["Computer Vision"]),
        ("vision", ["Computer Vision"]),
        ("intelligence", ["AI"]),
        ("Compter Vison", ["Computer Vision"]),
        ("qqqq", []),
        ("", ["AI", "Computer Vision", "Medical Imaging", "Space"]),
    ],
)
def test_topics_are_suggested_by_prefix_then_inner_word_then_likeness(
    text: str, suggested: list[str]
) -> None:
    assert [topic.name for topic in TREE.suggest(text)] == suggested


def test_no_more_topics_are_suggested_than_asked_for() -> None:
    assert [topic.name for topic in TREE.suggest("", 2)] == ["AI", "Computer Vision"]


# The tree.


def test_a_topic_knows_what_is_above_and_below_it() -> None:
    assert TREE.ancestors("medical imaging") == ("Computer Vision", "AI")
    assert TREE.ancestors("Unknown") == ()
    assert TREE.with_descendants("ai") == ("AI", "Computer Vision", "Medical Imaging")
    assert TREE.with_descendants("Unknown") == ("Unknown",)
    assert TREE.with_ancestors(["Medical Imaging", "Unknown"]) == {
        "medical imaging",
        "computer vision",
        "ai",
        "unknown",
    }


def test_a_parent_that_is_not_configured_is_a_topic_too() -> None:
    topics = Topics([Topic("Vision", parent="AI")])
    assert topics.ancestors("Vision") == ("AI",)
    assert topics.with_descendants("AI") == ("AI", "Vision")


def test_the_more_specific_topics_of_a_story_come_first() -> None:
    assert TREE.specific_first(["AI", "Space", "Medical Imaging", "computer vision"]) == (
        "Space",
        "Medical Imaging",
        "AI",
        "computer vision",
    )


@given(st.lists(st.integers(-1, 7), min_size=8, max_size=8))
def test_closures_end_even_in_a_circle_and_mirror_each_other(parents: list[int]) -> None:
    topics = Topics(
        Topic(f"T{i}", parent=f"t{parent}" if parent >= 0 else "") for i, parent in enumerate(parents)
    )
    for i in range(8):
        above = topics.ancestors(f"T{i}")
        assert len(set(above)) == len(above)
        assert f"T{i}" not in above
        for name in above:
            assert f"T{i}" in topics.with_descendants(name)
        for name in topics.with_descendants(f"T{i}"):
            assert f"t{i}" in topics.with_ancestors([name])


def test_topics_can_be_counted_and_walked_through() -> None:
    assert len(TREE) == 4
    assert [topic.name for topic in TREE] == ["AI", "Computer Vision", "Medical Imaging", "Space"]


# Real records.


@cache
def real(folder: str) -> tuple[Topics, tuple[Record, ...]]:
    """The topics and records of a real site."""
    topics, _ = load_topics(SHARED / "records" / folder / "_data" / "topics")
    return Topics(topics), site_records(folder)


@needs_shared
def test_matching_alone_finds_the_declared_sub_topics_of_a_real_site() -> None:
    topics, records = real("powerapps")
    roots = {topic.name for topic in topics if not topic.parent}
    right = wrong = missed = 0
    for one in records:
        declared = {topic.name for name in one.topics if (topic := topics.resolve(name))} - roots
        found = topics.matcher.match(one.title, one.excerpt).keys() - roots
        right, wrong, missed = (
            right + len(found & declared),
            wrong + len(found - declared),
            missed + len(declared - found),
        )
    assert len(records) == 674
    assert wrong == 0
    assert right / (right + missed) >= 0.98


@needs_shared
def test_matching_real_titles_finds_what_a_regular_expression_finds() -> None:
    for folder in ("powerapps", "azure", "ai"):
        topics, records = real(folder)
        for one in records:
            expected = {
                topic.name
                for topic in topics
                if any(found_by_regex(keyword, one.title) for keyword in topic.keywords)
            }
            assert topics.matcher.match(one.title).keys() == expected, one.title


# What feeds are of use.


def test_what_is_above_or_below_a_topic_concerns_it() -> None:
    known = Topics([Topic("Tech"), Topic("AI", parent="Tech"), Topic("CV", parent="AI"), Topic("Space")])

    def concerned(*wanted: str) -> list[str]:
        return [name for name in ("Tech", "AI", "CV", "Space") if known.concerns([name], wanted)]

    assert concerned("ai") == ["Tech", "AI", "CV"]
    assert concerned("tech") == ["Tech", "AI", "CV"]
    assert concerned("space") == ["Space"]
    assert concerned() == []
    assert not known.concerns([], ["ai"])


def test_topics_of_ones_own_stand_before_others_of_the_same_name() -> None:
    own = [Topic("KI", aliases=("AI",)), Topic("Sea")]
    others = [Topic("AI", keywords=("ai",)), Topic("CV", parent="AI"), Topic("Space")]
    assert merge_defaults(own, others) == (*own, Topic("CV", parent="KI"), Topic("Space"))


# Queries.


def test_a_query_puts_records_into_a_topic_and_tells_by_which_words() -> None:
    wind = Topic("Wind", keywords=("turbine",), query='(offshore OR sea) "wind farm" -golf')
    known = Topics([wind, Topic("Good", query="domain:paper.example quality>=60")])
    one = record("Turbine for the wind farm in the sea", "paper.example", quality=70)
    assert known.matcher.of(one) == (
        TopicMatch("Wind", False, ("turbine", "wind farm", "sea")),
        TopicMatch("Good", False, ("domain:paper.example", "quality>=60")),
    )
    assert known.matcher.of(record("Golf at the wind farm in the sea", "other.example")) == ()


def test_a_declared_topic_with_a_query_is_there_once() -> None:
    known = Topics([Topic("Wind", query="wind")])
    assert known.matcher.of(record("Wind", topics=["wind"])) == (TopicMatch("Wind", True, ("Wind",)),)


# Topics of servers.

ONE, TWO = 1, 2
SERVERS = Topics(
    [
        Topic("AI", aliases=("Artificial Intelligence",)),
        Topic("Vision", parent="AI", keywords=("computer vision",)),
        Topic("Sea", aliases=("Ocean",), parent="AI", query="whales", guild_id=ONE),
        Topic("sea", query="ferry", guild_id=TWO),
        Topic("Twin", query="whales", guild_id=TWO),
    ]
)


def test_a_server_knows_shared_topics_and_its_own_and_no_others() -> None:
    assert [t.name for t in SERVERS] == ["AI", "Vision"]
    assert [t.name for t in SERVERS.visible_to(ONE)] == ["AI", "Vision", "Sea"]
    assert [t.name for t in SERVERS.visible_to(TWO)] == ["AI", "Vision", "sea", "Twin"]
    assert SERVERS.visible_to(3) is SERVERS.visible_to(0) is SERVERS.visible_to(ONE).visible_to(0)
    assert list(SERVERS.visible_to(0)) == list(SERVERS)
    assert len(SERVERS) == 2
    assert len(SERVERS.visible_to(TWO)) == 4
    for name in ("Sea", "ocean", "Twin"):
        assert SERVERS.resolve(name) is None
        assert SERVERS.suggest(name) == ()
    own = SERVERS.visible_to(ONE)
    assert own.resolve("OCEAN") == own.resolve("sea") == own.suggest("oceann")[0]
    assert own.resolve("Twin") is None
    assert SERVERS.visible_to(TWO).resolve("Ocean") is None


def test_a_servers_topic_stands_in_the_tree_for_that_server() -> None:
    assert SERVERS.visible_to(ONE).ancestors("sea") == ("AI",)
    assert set(SERVERS.visible_to(ONE).with_descendants("ai")) == {"AI", "Vision", "Sea"}
    assert set(SERVERS.with_descendants("ai")) == {"AI", "Vision"}
    assert SERVERS.visible_to(TWO).ancestors("sea") == ()


def test_a_record_is_told_of_every_server_by_its_queries() -> None:
    found = SERVERS.matcher.of(record("Whales follow the ferry", topics=["Sea", "ai"]))
    assert [(m.topic, m.guild_id, m.declared) for m in found] == [
        ("Sea", 0, True),  # what records declare is never a server's
        ("AI", 0, True),
        ("Sea", ONE, False),
        ("Twin", TWO, False),
        ("sea", TWO, False),
    ]
    assert found[2].keywords == ("Whales",)
    for guild_id in (0, ONE, TWO, 3):
        seen = SERVERS.visible_to(guild_id).matcher.of(
            record("Whales follow the ferry", topics=["Sea", "ai"])
        )
        assert seen == tuple(match for match in found if match.guild_id in (0, guild_id))
    assert SERVERS.matcher.matched(record("Whales")) == {}


def test_a_servers_own_record_declares_what_that_server_knows() -> None:
    told = record("A calm day", topics=["SEA", "ai", "Nobody's"])
    own = SERVERS.matcher.of(told, ONE)
    assert [(m.topic, m.guild_id, m.declared) for m in own] == [("Sea", ONE, True), ("AI", 0, True)]
    match = SERVERS.matcher.of(record("Whales", topics=["sea"]), ONE)[0]
    assert match == TopicMatch("Sea", True, ("Whales",), ONE)
    assert [(m.topic, m.guild_id) for m in SERVERS.matcher.of(told, 3)] == [("AI", 0)]
    assert [(m.topic, m.guild_id) for m in SERVERS.matcher.of(told)] == [
        ("SEA", 0),
        ("AI", 0),
        ("Nobody's", 0),
    ]


def test_what_a_server_sees_of_a_story_are_its_own_topics() -> None:
    member = stored(record("Whales follow the ferry"))
    whole = replace(story(member), topics={member.id: SERVERS.matcher.of(member.record)})
    for guild_id, seen in ((0, ()), (ONE, ("Sea",)), (TWO, ("Twin", "sea")), (3, ())):
        view = stories.story_view(whole.visible_to(guild_id))
        assert view is not None
        assert view.topics == seen


def test_an_own_name_that_everybody_gets_later_stands_for_both_in_that_server() -> None:
    known = Topics([Topic("Sea", query="whales", guild_id=ONE), Topic("SEA", keywords=("ferry",))])
    assert known.visible_to(ONE).resolve("sea") == Topic("Sea", query="whales", guild_id=ONE)
    assert known.visible_to(TWO).resolve("sea") == Topic("SEA", keywords=("ferry",))
    assert known.visible_to(ONE).with_ancestors(["SEA"]) == {"sea"}


def test_a_topic_whose_query_cannot_be_read_goes_on_without_and_is_named() -> None:
    known = Topics([Topic("Old", query="(ferry", keywords=("boat",)), Topic("Own", query="-x", guild_id=ONE)])
    assert [(topic.name, error.position) for topic, error in known.matcher.refused] == [
        ("Old", 0),
        ("Own", 0),
    ]
    assert [match.topic for match in known.matcher.of(record("A boat, no ferry"))] == ["Old"]
    assert known.visible_to(ONE).resolve("Own") is not None


def test_a_query_knows_the_topics_that_a_record_declares_or_matches_and_those_above() -> None:
    known = Topics(
        [
            Topic("AI"),
            Topic("Vision", "CV", parent="AI", keywords=("computer vision",)),
            Topic("Good AI", query="topic:AI quality>=70"),
            Topic("Seeing", query='topic:"vision"', guild_id=ONE),
        ]
    )

    def found(title: str, *declared: str, quality: int = 80) -> set[str]:
        return {
            m.topic
            for m in known.matcher.of(record(title, topics=declared, quality=quality))
            if not m.declared
        }

    assert found("Computer vision finds whales") == {"Vision", "Good AI", "Seeing"}
    assert found("Whales", "cv") == {"Good AI", "Seeing"}
    assert found("Whales", "AI") == {"Good AI"}
    assert found("Whales", "AI", quality=50) == set()
    assert found("Whales", "Space") == set()


def test_a_servers_topic_is_sought_where_its_parent_is() -> None:
    assert feed_topic_of(Topic("AI", parent="Tech")) == "ai"
    assert feed_topic_of(Topic("Sea", parent="AI", guild_id=ONE)) == "ai"
    assert feed_topic_of(Topic("Sea", guild_id=ONE)) == ANYWHERE
    assert SERVERS.concerns(["Vision"], {feed_topic_of(Topic("Sea", parent="AI", guild_id=ONE))})
    assert SERVERS.concerns(["Cooking"], {ANYWHERE})
    assert not SERVERS.concerns(["Cooking"], {"ai"})


# What is worked out for whom.


def _explained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that are explained from now on."""
    asked: list[str] = []

    def noted(query: Query, document: Document) -> tuple[str, ...]:
        asked.append(str(query))
        return reasons(query, document)

    monkeypatch.setattr("bot.domain.topics.matcher.reasons", noted)
    return asked


def test_only_what_the_asker_sees_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [
        Topic("Ferries", query=f"ferry OR word{guild_id}", guild_id=guild_id) for guild_id in range(1, 30)
    ]
    known = Topics([Topic("Sea", query="ferry"), *servers])
    asked = _explained(monkeypatch)
    assert [match.topic for match in known.visible_to(3).matcher.of(record("A ferry"))] == ["Sea", "Ferries"]
    assert sorted(asked) == ["ferry", "ferry OR word3"]
    asked.clear()
    assert list(known.matcher.matched(record("A ferry"))) == ["Sea"]
    assert asked == ["ferry"]


def test_a_record_of_a_servers_own_feed_belongs_to_no_topic_of_another_server() -> None:
    known = Topics([Topic("Ferries", query="ferry", guild_id=7), Topic("Boats", query="ferry", guild_id=8)])
    assert [match.topic for match in known.matcher.of(record("A ferry"), 7)] == ["Ferries"]
    assert len(known.matcher.of(record("A ferry"))) == 2


@pytest.mark.parametrize("title", ["A ferry", "A train", "Whales"])
@pytest.mark.parametrize("declared", [[], ["Ferries"], ["Boats"], ["Nothing"]])
@pytest.mark.parametrize("guild_id", [0, 7, 8])
def test_one_topic_alone_matches_as_among_all(title: str, declared: list[str], guild_id: int) -> None:
    ferries = Topic("Ferries", aliases=("Boats",), query="ferry OR topic:whales", guild_id=7)
    known = Topics(
        [Topic("Whales", keywords=("whales",)), ferries, Topic("Ferries", query="train", guild_id=8)]
    )
    report = record(title, topics=declared)
    among = [match for match in known.matcher.of(report, guild_id) if match.guild_id == 7]
    alone = known.matcher.match_one(ferries, report, guild_id)
    if guild_id == 8:  # nobody else sees it, and nobody asks
        return
    assert among == ([alone] if alone else [])


def test_one_topic_alone_explains_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    ferries = Topic("Ferries", query="ferry", guild_id=7)
    known = Topics(
        [ferries, *(Topic(f"T{number}", query=f"ferry OR x{number}", guild_id=7) for number in range(20))]
    )
    asked = _explained(monkeypatch)
    assert known.matcher.match_one(ferries, record("A ferry")) is not None
    assert asked == ["ferry"]


def test_a_suspended_topic_is_known_and_matches_nothing() -> None:
    known = Topics([Topic("Ferries", query="ferry", guild_id=7, suspended="too dear")])
    assert known.matcher.of(record("A ferry")) == ()
    found = known.visible_to(7).resolve("ferries")
    assert found is not None
    assert found.suspended == "too dear"
    assert [match.declared for match in known.matcher.of(record("A ferry", topics=["Ferries"]), 7)] == [True]


def test_near_misses_are_sought_among_few_names() -> None:
    known = Topics([Topic("Computer Vision"), Topic("Space")])
    assert [topic.name for topic in known.suggest("Compter Vison")] == ["Computer Vision"]
    assert [topic.name for topic in known.suggest("omputer visio n")] == ["Computer Vision"]
    assert known.suggest("c" * 5_000) == ()
