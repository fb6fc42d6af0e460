"""The settings of the model that rephrases briefs, and what `topicwire check` says of it."""

from __future__ import annotations

import logging

import pytest

from bot import bootstrap
from bot.config import Config, parse
from bot.errors import ConfigError
from bot.models import openai_compatible
from bot.runtime import logs

SETTINGS = {
    "discord": {"token": "t"},
    "rephrasing": {"url": "http://localhost:11434/v1", "model": "small", "key": "sk-canary"},
}


def settings() -> Config:
    return parse(SETTINGS)


async def test_a_model_is_built_only_where_there_is_one() -> None:
    async with bootstrap.build_model(parse({})) as none:
        assert none is None
    async with bootstrap.build_model(settings()) as model:
        assert model is not None
    assert "small at localhost rephrases and translates briefs" in bootstrap.describe_comparison(settings())
    assert "rephrases" not in bootstrap.describe_comparison(parse({}))


async def test_a_missing_extra_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bootstrap.check(settings()) == []
    monkeypatch.setattr(openai_compatible, "find_spec", lambda _: None)
    assert bootstrap.check(settings()) == [openai_compatible.MISSING]
    assert ".[llm]" in openai_compatible.MISSING
    with pytest.raises(ConfigError, match="not installed"):
        async with bootstrap.build_model(settings()):
            pass
    assert bootstrap.check(parse({"discord": {"token": "t"}})) == [], (
        "without a model the extra is not needed"
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"url": "localhost:11434", "model": "m"}, "write the address"),
        ({"url": "ftp://models.example", "model": "m"}, "write the address"),
        ({"url": "https://user:sk-canary@models.example", "model": "m"}, "without user and password"),
        ({"url": "https://models.example/v1"}, "model is missing"),
        ({"timeout": "10m"}, "from 1s to 5m"),
        ({"per_day": 10_001}, "must be 10000 or less"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_with_what_to_write(
    wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse({"rephrasing": wrong})
    assert "sk-canary" not in str(caught.value)


def test_the_key_is_not_shown() -> None:
    assert "sk-canary" not in repr(settings())


def test_the_log_has_nothing_of_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    loggers = [logging.getLogger(name) for name in ("openai", "httpx2", "httpcore2")]
    before = [logger.level for logger in loggers]
    try:
        logs.configure("debug")
        assert not any(logger.isEnabledFor(logging.INFO) for logger in loggers)
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
