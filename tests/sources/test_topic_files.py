"""Topic definitions from files and mappings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Topic
from bot.sources.topic_files import load_topics, topic_from_mapping
from tests.shared_data import SHARED, needs_shared


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_a_topic_file_as_sites_have_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="taxonomy: topic\n_id: power-apps\nname: Power Apps\nkeywords: [power apps]",
        b="""\
taxonomy: topic
_id: model-driven-apps
name: "Model-driven&nbsp;apps "
shortname: Model-driven
parent: power apps
keywords:
  - model-driven apps
  - Model-driven apps
  -
  - model driven app
aliases: [MDA]
hashtags:
  - "#ModelDrivenApps"
services:
  news: https://example.com/news/
---
""",
    )
    assert load_topics(tmp_path) == (
        (
            Topic("Power Apps", slug="power-apps", keywords=("power apps",)),
            Topic(
                name="Model-driven apps",
                shortname="Model-driven",
                slug="model-driven-apps",
                parent="power apps",
                keywords=("model-driven apps", "model driven app"),
                aliases=("MDA",),
            ),
        ),
        (),
    )


def test_a_bad_file_is_reported_and_the_rest_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    write(tmp_path, a="name: [\n", b="name: 5", c="keywords: [x]", d="- name: AI\n- name: ai\n- nonsense")
    (tmp_path / "deeper" / "e.json").write_text('{"name": "Cloud"}')
    (tmp_path / "f.yml").write_bytes(b"\x00\x01")
    (tmp_path / "notes.txt").write_text("not a topic")
    topics, rejected = load_topics(tmp_path)
    assert [topic.name for topic in topics] == ["AI", "Cloud"]
    assert [(Path(r.path).name, r.item, r.reason) for r in rejected] == [
        ("a.yaml", 1, "not valid YAML at line 2: did not find expected node content"),
        ("b.yaml", 1, "name: expected text, got number 5; put it in quotes"),
        ("c.yaml", 1, "name: missing"),
        ("d.yaml", 2, f"name: the topic 'ai' is already defined in {tmp_path / 'd.yaml'}"),
        ("d.yaml", 3, "topic: expected a mapping of fields, got text 'nonsense'"),
        ("f.yml", 1, "binary data, not text (a NUL byte at offset 0)"),
    ]


def test_unknown_parents_and_cycles_are_reported_and_cut(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="{name: A, parent: B}",
        b="{name: B, parent: c}",
        c="{name: C, parent: A}",
        d="{name: D, parent: D}",
        e="{name: E, parent: Nowhere}",
        f="{name: F, parent: Inline}",
        g="{name: G, parent: A}",
    )
    topics, rejected = load_topics(tmp_path, other_names=["inline"])
    assert {topic.name: topic.parent for topic in topics} == {
        "A": "", "B": "c", "C": "A", "D": "", "E": "", "F": "Inline", "G": "A",
    }  # fmt: skip
    assert [(Path(r.path).name, r.reason) for r in rejected] == [
        ("a.yaml", "parent: 'B' is the topic itself or one of its subtopics; the parent is ignored"),
        ("d.yaml", "parent: 'D' is the topic itself or one of its subtopics; the parent is ignored"),
        ("e.yaml", "parent: there is no topic 'Nowhere'; the parent is ignored"),
    ]


def test_a_directory_that_is_not_there_is_reported(tmp_path: Path) -> None:
    topics, (missing,) = load_topics(tmp_path / "missing")
    assert (topics, missing.path, missing.reason) == ((), str(tmp_path / "missing"), "no such directory")


@pytest.mark.parametrize(
    ("fields", "topic"),
    [
        ({"fields": "title+excerpt"}, Topic("AI", fields="title+excerpt")),
        ({"fields": "title"}, Topic("AI")),
        ({"colour": "#0078d4"}, Topic("AI", colour=0x0078D4)),
        ({"colour": 255}, Topic("AI", colour=255)),
        ({"keywords": None, "parent": None}, Topic("AI")),
    ],
)
def test_optional_fields(fields: dict[str, Any], topic: Topic) -> None:
    assert topic_from_mapping({"name": "AI"} | fields) == topic


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": ""}, "name: missing"),
        ({"keywords": "ai"}, "keywords: expected a list, got text 'ai'"),
        ({"keywords": ["ai", 365]}, "keywords[1]: expected text, got number 365; put it in quotes"),
        ({"keywords": [f"k{n}" for n in range(1001)]}, "keywords: expected at most 1,000 entries"),
        ({"fields": "body"}, "fields: expected title or title+excerpt, got text 'body'"),
        ({"colour": "red"}, "colour: expected \"#rrggbb\" in quotes, got text 'red'"),
        ({"colour": "#zzzzzz"}, "colour: expected \"#rrggbb\" in quotes, got text '#zzzzzz'"),
        ({"colour": True}, 'colour: expected "#rrggbb" in quotes, got true'),
        ({"colour": -1}, 'colour: expected "#rrggbb" in quotes, got number -1'),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is compared as a whole
        topic_from_mapping({"name": "AI"} | fields)
    assert str(raised.value) == reason


FIELDS = st.sampled_from(["name", "shortname", "_id", "parent", "keywords", "aliases", "fields", "colour"])
VALUES = (
    st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=5) | st.none(), max_size=4)
)


@given(st.dictionaries(FIELDS, VALUES))
def test_any_mapping_is_a_topic_or_a_reason(mapping: dict[str, object]) -> None:
    try:
        topic = topic_from_mapping(mapping)
    except ValueError:
        return
    assert topic.name


@needs_shared
@pytest.mark.parametrize(("site", "count"), [("powerapps", 7), ("azure", 20), ("ai", 16)])
def test_real_topics_load_as_they_are(site: str, count: int) -> None:
    topics, rejected = load_topics(SHARED / "records" / site / "_data" / "topics")
    assert (len(topics), rejected) == (count, ())
    assert sum(not topic.parent for topic in topics) == 1
    assert all(topic.slug and topic.keywords for topic in topics)


def test_a_query_is_kept_as_it_is_written_canonically() -> None:
    assert topic_from_mapping({"name": "Wind", "query": "  sea   Wind "}).query == "sea wind"


def test_an_error_in_a_query_names_the_place() -> None:
    with pytest.raises(ValueError, match=r"^query: this \( has no matching \) \(at character 1\)$"):
        topic_from_mapping({"name": "Wind", "query": "(sea"})


def test_keywords_are_given_for_all_languages_or_by_language(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="name: AI\nkeywords: {any: [machine learning], en: [ai, AI], de: [KI, künstliche intelligen*]}",
        b="name: Sea\nkeywords: {en: [sea]}",
    )
    assert load_topics(tmp_path) == (
        (
            Topic(
                "AI",
                keywords=("machine learning",),
                language_keywords=(("en", "ai"), ("de", "KI"), ("de", "künstliche intelligen*")),
            ),
            Topic("Sea", language_keywords=(("en", "sea"),)),
        ),
        (),
    )


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ({"eng": ["sea"]}, "keywords.eng: expected a language of two letters, such as en, or any"),
        ({"EN": ["sea"]}, "keywords.EN: expected a language"),
        ({"en": "sea"}, "keywords.en: expected a list"),
        ({"en": [1]}, "keywords.en[0]: expected"),
        ({False: ["hav"]}, "keywords: False is not a name: put it in quotes"),
        ({"en": ["se*"]}, "keywords.en: 'se*': a stem needs 3 characters or more before its *"),
        (["wind se*"], "keywords: 'se*': a stem needs 3 characters"),
        (
            {"en": [f"a{n}" for n in range(600)], "de": [f"b{n}" for n in range(600)]},
            "keywords: expected at most",
        ),
    ],
)
def test_what_is_wrong_with_keywords_is_said_with_their_key(keywords: object, reason: str) -> None:
    with pytest.raises(ValueError, match="keywords") as error:
        topic_from_mapping({"name": "Sea", "keywords": keywords})
    assert str(error.value).startswith(reason)
