"""The catalogue that comes with the package: what would only be noticed when somebody follows a topic of it."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from bot import bootstrap
from bot.config import parse as config_of
from bot.domain.model import Topic
from bot.domain.records.identity import canonical
from bot.domain.topics.topics import Topics
from bot.errors import ConfigError
from bot.sources import catalogue
from bot.sources.catalogue import CatalogueFeed, catalogue_feeds, catalogue_topics
from bot.sources.web.addresses import checked
from scripts import title_model


@cache
def topics() -> tuple[Topic, ...]:
    return catalogue_topics()


@cache
def feeds() -> tuple[CatalogueFeed, ...]:
    return catalogue_feeds()


@cache
def known() -> Topics:
    return Topics(topics())


def twice(names: list[str]) -> list[str]:
    """What occurs more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def test_there_are_topics_and_feeds_enough_to_start_with() -> None:
    assert len(topics()) >= 60
    assert len(feeds()) >= 150


def test_every_address_is_one_and_occurs_once() -> None:
    """By the identity that records have as well: two spellings of one address are the same feed."""
    assert twice([canonical(feed.url) for feed in feeds()]) == []
    assert {feed.url.partition("://")[0] for feed in feeds()} <= {"http", "https"}
    for feed in feeds():
        checked(feed.url)  # raises where the bot would not fetch from there


def test_every_feed_can_be_written_into_a_config() -> None:
    """So a user who wants one of them with other topics can copy it."""
    own = [
        {"kind": "feed", "url": feed.url, "name": feed.name, "topics": list(feed.topics)} for feed in feeds()
    ]
    assert len(config_of({"sources": own}).sources) == len(feeds())


def test_every_feed_has_a_name_and_says_where_its_address_was_read() -> None:
    assert [feed.url for feed in feeds() if not feed.name.strip()] == []
    assert [feed.url for feed in feeds() if not feed.seen.strip()] == []


def test_every_feed_is_about_topics_that_there_are_by_their_full_names() -> None:
    names = {topic.name for topic in topics()}
    assert [feed.url for feed in feeds() if not feed.topics] == []
    assert [(feed.url, name) for feed in feeds() for name in feed.topics if name not in names] == []


def test_no_name_of_a_topic_means_another_one_too() -> None:
    """Names, short names, slugs and aliases alike: a user types any of them."""
    means: dict[str, set[str]] = {}
    for topic in topics():
        for name in (topic.name, topic.shortname, topic.slug, *topic.aliases):
            if name:
                means.setdefault(name.casefold(), set()).add(topic.name)
    assert {name: found for name, found in means.items() if len(found) > 1} == {}
    assert twice([topic.name.casefold() for topic in topics()]) == []


@pytest.mark.parametrize("of", ["name", "shortname", "slug", "aliases"])
def test_every_topic_is_found_by_any_of_its_names(of: str) -> None:
    for topic in topics():
        names = topic.aliases if of == "aliases" else (str(getattr(topic, of)),)
        for name in filter(None, names):
            found = known().resolve(name)
            assert found is not None
            assert found.name == topic.name


def test_every_parent_is_a_topic_and_no_topic_stands_above_itself() -> None:
    parents = {topic.name: topic.parent for topic in topics()}
    assert [name for name, parent in parents.items() if parent and parent not in parents] == []
    for name in parents:
        path = [name]
        while (above := parents[path[-1]]) and len(path) <= len(parents):
            path.append(above)
        assert len(path) == len(set(path)), path


def test_whoever_follows_a_topic_has_a_feed_that_may_bring_something_on_it() -> None:
    """One of the topic itself, of one below it, or of one above it."""
    about = set(chain.from_iterable(feed.topics for feed in feeds()))
    below = {name.casefold() for name in about}
    above = known().with_ancestors(about)
    without = [
        topic.name
        for topic in topics()
        if topic.name.casefold() not in above
        and not any(name in below for name in known().with_ancestors([topic.name]))
    ]
    assert without == []


def test_every_topic_has_keywords_or_stands_above_or_has_feeds_of_its_own() -> None:
    """Otherwise nothing would ever be about it."""
    about = {name for feed in feeds() for name in feed.topics}
    parents = {topic.parent for topic in topics()}
    without = [t.name for t in topics() if not t.keywords and t.name not in about and t.name not in parents]
    assert without == []


def test_a_damaged_package_says_what_is_wrong_with_which_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "topics").mkdir()
    (tmp_path / "feeds" / "a.yaml").write_text("- {url: [1], name: A}\n")
    (tmp_path / "topics" / "b.yaml").write_text("keywords: [x]\n")
    monkeypatch.setattr(catalogue, "_catalogue_directory", lambda: tmp_path)
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        catalogue_feeds()
    with pytest.raises(ConfigError, match=r"b\.yaml"):
        catalogue_topics()


def test_the_model_of_titles_is_what_its_texts_give() -> None:
    """Run `make model` after a change of the catalogue's keywords or of titles.txt."""
    model, _ = title_model.build()
    shipped = title_model.CATALOGUE / "titles.json"
    assert shipped.read_text(encoding="utf-8") == title_model.as_json(model)
    loaded = catalogue.catalogue_titles()
    assert loaded == model
    assert set(loaded.topics) == {topic.name for topic in topics() if not topic.parent} - {"News"}


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"topics": ["A"]}',
        b'{"topics": 1, "counts": {}}',
        b'{"topics": ["A"], "counts": {"x": {"0": 1}}, "steps": [[1, 0.9]]}',
        b'{"topics": ["A", "B"], "counts": {"x": {"0": -1, "1": 2}}, "steps": []}',
        b'{"topics": ["A", "B"], "counts": {"x": {"2": 1}}, "steps": []}',
        b'{"topics": ["A", "B"], "counts": {"x": {"0": NaN}}, "steps": []}',
        b'{"topics": ["A", "B"], "counts": {"x": {"0": 1e999}}, "steps": []}',
    ],
)
def test_a_damaged_model_of_titles_is_one_sentence_and_keywords_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "titles.json").write_bytes(content)
    monkeypatch.setattr(catalogue, "_catalogue_directory", lambda: tmp_path)
    catalogue.catalogue_titles.cache_clear()
    try:
        assert bootstrap.title_model(config_of({})) is None
    finally:
        catalogue.catalogue_titles.cache_clear()
    (warning,) = caplog.records
    assert "titles.json cannot be read" in warning.getMessage()
    assert "only keywords decide topics" in warning.getMessage()


def test_guesses_are_off_where_settings_say_so_or_the_catalogue_is() -> None:
    assert bootstrap.title_model(config_of({})) is not None
    assert bootstrap.title_model(config_of({"topics": {"learned": False}})) is None
    assert bootstrap.title_model(config_of({"feeds": {"catalogue": False}})) is None
