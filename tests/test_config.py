"""Settings as values: what is taken, and what is told of the rest."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.bootstrap import describe_comparison
from bot.config import parse
from bot.config.addresses import API_VERSION
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
def test_whether_titles_are_compared_by_what_they_mean(
    written: object, semantic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "load", lambda: object())  # to read the model takes a second
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
        (
            {"discord": {"shards": {"cluster": 4, "clusters": 4}}},
            "discord.shards: cluster must be less than clusters: 0 to 3",
        ),
        (
            {"discord": {"shards": {"clusters": 4, "count": 3}}},
            "discord.shards: count must not be less than clusters, because each cluster needs a shard",
        ),
        ({"discord": {"shards": {"cluster": -1}}}, "discord.shards.cluster: must be 0 or more (got '-1')"),
        (
            {"database": {"url": "x.db", "direct_url": "postgresql://db/t"}},
            "database: with direct_url, url and direct_url must both be postgresql:// addresses",
        ),
        ({"colour": 1}, "colour: unknown setting; config.example.yaml lists all settings"),
    ],
)
def test_mistakes_are_explained_in_plain_words(settings: dict[str, Any], problem: str) -> None:
    assert problems(settings) == [problem]


@pytest.mark.parametrize(
    ("written", "api"),
    [
        ("http://localhost:8080", "http://localhost:8080/api/v10"),
        (" http://127.0.0.1:8080/ ", "http://127.0.0.1:8080/api/v10"),
        ("http://[::1]:8080/api", "http://[::1]:8080/api/v10"),
        ("http://proxy:8080/api/v10/", "http://proxy:8080/api/v10"),
        ("http://nirn.default.svc.cluster.local/discord/api", "http://nirn.default.svc.cluster.local/discord/api/v10"),
        ("http://192.168.1.7", "http://192.168.1.7/api/v10"),
        ("http://100.64.0.1:80", "http://100.64.0.1:80/api/v10"),
        ("https://proxy.example/api", "https://proxy.example/api/v10"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_address_of_the_api_gets_the_version_that_the_bot_speaks(written: str, api: str) -> None:
    assert parse({"discord": {"api_url": written}}).discord.api_url == api
    assert discord.http.INTERNAL_API_VERSION == API_VERSION


@pytest.mark.parametrize(
    ("written", "gateway"),
    [("ws://localhost:7878", "ws://localhost:7878/"), ("wss://proxy.example/gateway", "wss://proxy.example/gateway"), ("", "")],
)  # fmt: skip
def test_the_address_of_the_gateway(written: str, gateway: str) -> None:
    assert parse({"discord": {"gateway_url": written}}).discord.gateway_url == gateway


@pytest.mark.parametrize("key", ["api_url", "gateway_url"])
@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("localhost:8080", "write the address of a proxy for Discord's"),
        ("ftp://localhost", "write the address of a proxy for Discord's"),
        ("{encrypted}://", "write the address of a proxy for Discord's"),
        ("{encrypted}://proxy.example:70000", "write the address of a proxy for Discord's"),
        ("{encrypted}://[::1", "write the address of a proxy for Discord's"),
        ("{encrypted}://proxy.example/a b", "write the address of a proxy for Discord's"),
        ("{other}://localhost", "write the address of a proxy for Discord's"),
        ("{encrypted}://ann:secret@proxy.example", "write the address without a user"),
        ("{encrypted}://proxy.example/?key=secret", "write the address without a user"),
        ("{encrypted}://proxy.example/#part", "write the address without a user"),
        ("{plain}://proxy.example", "{plain}:// would send the bot's token unencrypted"),
        ("{plain}://8.8.8.8", "{plain}:// would send the bot's token unencrypted"),
        ("{plain}://[2606:4700::1111]", "{plain}:// would send the bot's token unencrypted"),
        ("{plain}://[::ffff:8.8.8.8]", "{plain}:// would send the bot's token unencrypted"),
        ("{plain}://134744072", "{plain}:// would send the bot's token unencrypted"),  # 8.8.8.8 as a number
        ("{plain}://0x08080808", "{plain}:// would send the bot's token unencrypted"),
        ("{plain}://localhost.example", "{plain}:// would send the bot's token unencrypted"),
        (5, "must be text"),
    ],
)
def test_an_address_that_the_token_must_not_go_to_is_refused(key: str, written: object, problem: str) -> None:
    schemes = {"encrypted": "https", "plain": "http", "other": "ws"}
    if key == "gateway_url":
        schemes = {"encrypted": "wss", "plain": "ws", "other": "http"}
    address = written.format(**schemes) if isinstance(written, str) else written
    [told] = problems({"discord": {key: address}})
    assert told.startswith(f"discord.{key}: {problem.format(**schemes)}")
    assert "secret" not in told


def test_an_address_has_no_version_that_the_bot_does_not_speak() -> None:
    [told] = problems({"discord": {"api_url": "https://proxy.example/api/v9"}})
    assert told.startswith("discord.api_url: the bot speaks version 10 of Discord's API")
