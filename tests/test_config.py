"""Settings as values: what is taken, and what is told of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from bot.bootstrap import describe_comparison
from bot.config import parse
from bot.domain.clustering import embeddings
from bot.errors import ConfigError

SERVER = 2**62 + 1


def problems(settings: dict[str, Any]) -> list[str]:
    """What is wrong with them."""
    with pytest.raises(ConfigError) as caught:
        parse(settings)
    return caught.value.problems


@pytest.mark.parametrize("written", [SERVER, str(SERVER), f" {SERVER}\n"])
def test_servers_are_named_by_their_ids(written: int | str) -> None:
    assert parse({"stories": {"editors": [written]}}).stories.editors == (SERVER,)


def test_servers_are_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPICWIRE_STORIES__EDITORS", f'["{SERVER}", 5]')
    assert parse({}).stories.editors == (SERVER, 5)


@pytest.mark.parametrize("written", ["Demo", "", 0, -5, 2**63, 1.5, True, None, "٤٢", "1_0", "9" * 5000])
def test_what_is_no_id_of_a_server_is_told_with_its_place(written: object) -> None:
    [problem] = problems({"stories": {"editors": [5, written]}})
    assert problem.startswith("stories.editors[1]: write the numeric id of a server")
    assert len(problem) < 300


@pytest.mark.parametrize("written", [SERVER, str(SERVER), {"Demo": SERVER}])
def test_one_server_is_a_list_too(written: object) -> None:
    [problem] = problems({"stories": {"editors": written}})
    assert problem.startswith("stories.editors: ")


@pytest.mark.parametrize(("written", "semantic"), [("auto", "auto"), ("no", "no"), (False, "no")])
def test_whether_titles_are_compared_by_what_they_mean(written: object, semantic: str) -> None:
    assert parse({"stories": {"semantic": written}}).stories.semantic == semantic
    assert parse({"stories": {"semantic": False}}).stories.compares_meanings() is False
    assert parse({}).stories.compares_meanings() is False
    assert parse({"stories": {"semantic": "auto"}}).stories.compares_meanings() is embeddings.installed()


@pytest.mark.parametrize("problem", [embeddings.MISSING, embeddings.DAMAGED], ids=["missing", "damaged"])
def test_without_a_model_stories_are_compared_by_words_and_the_check_says_why(
    problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "problem", lambda: problem)
    config = parse({"stories": {"semantic": "auto"}})
    assert config.stories.compares_meanings() is False
    assert describe_comparison(config) == f"stories are compared by words ({problem})"
    [refused] = problems({"stories": {"semantic": "yes"}})
    assert refused.startswith(f"stories.semantic: {problem}")


@pytest.mark.parametrize("written", ["yes", True])
def test_what_is_not_installed_cannot_be_asked_for(written: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "installed", lambda: False)
    [problem] = problems({"stories": {"semantic": written}})
    assert problem.startswith("stories.semantic: ")
    assert ".[semantic]" in problem
    assert parse({}).stories.compares_meanings() is False


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"topics": 3}, "topics: must be a section of keys and values"),
        ({"sources": 3}, "sources: must be a list"),
        ({"sources": [{"kind": "folder"}]}, "sources[0].path: is required"),
        ({"sources": [{"kind": "feed", "url": 5}]}, "sources[0].url: must be text"),
        ({"digest": {"size": 30}}, "digest.size: must be 25 or less (got '30')"),
        ({"http": {"per_minute": 0}}, "http.per_minute: must be 1 or more (got '0')"),
        ({"http": {"per_minute": "a"}}, "http.per_minute: must be a whole number (got 'a')"),
        ({"feeds": {"catalogue": "x"}}, "feeds.catalogue: must be true or false (got 'x')"),
        ({"log": {"level": "loud"}}, "log.level: must be 'debug', 'info', 'warning' or 'error' (got 'loud')"),
        ({"log": {"format": "xml"}}, "log.format: must be 'text' or 'json' (got 'xml')"),
        ({"colour": 1}, "colour: unknown setting; config.example.yaml lists all settings"),
    ],
)
def test_mistakes_are_explained_in_plain_words(settings: dict[str, Any], problem: str) -> None:
    assert problems(settings) == [problem]
