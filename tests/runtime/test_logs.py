"""The log as its reader sees it."""

from __future__ import annotations

import io
import json
import logging

import pytest

from bot.runtime.logs import FORMAT, Formatter, configure, json_formatter

FORGED = (
    "x\n2026-01-01 00:00:00,000 INFO    bot.runtime.app: all is well \x1b[2J\x1b]0;mine\x07\u202egnp\u2028y\r"
)


@pytest.fixture
def log() -> tuple[logging.Logger, io.StringIO]:
    """A logger, and what it writes."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(Formatter())
    logger = logging.Logger("bot.example")
    logger.addHandler(handler)
    return logger, written


def test_an_event_is_one_line_whatever_it_quotes(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    logger.warning("the topic %s does not exist", FORGED)
    (line,) = written.getvalue().splitlines()
    assert "\x1b" not in line
    assert "\\n2026-01-01" in line
    assert "\\x1b[2J" in line


def test_a_traceback_starts_no_line_of_its_own(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    try:
        raise ValueError(FORGED)
    except ValueError:
        logger.exception("a command failed: %s", FORGED, stack_info=True)
    first, *rest = written.getvalue().splitlines()
    assert "a command failed" in first
    assert rest
    assert all(line.startswith("    ") for line in rest)
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(written.getvalue())


def test_the_level_of_the_settings_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.Logger("root")
    monkeypatch.setattr(logging, "root", root)
    configure("warning")
    assert root.level == logging.WARNING
    (handler,) = root.handlers
    assert isinstance(handler.formatter, Formatter)
    assert handler.formatter._fmt == FORMAT


def test_an_event_is_one_object_of_json_whatever_it_quotes(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    logger.handlers[0].setFormatter(json_formatter())
    try:
        raise ValueError(FORGED)
    except ValueError:
        logger.exception("the topic %s does not exist", FORGED, stack_info=True)
    (line,) = written.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    event = json.loads(line)
    assert event["event"] == f"the topic {FORGED} does not exist"
    assert (event["level"], event["logger"]) == ("error", "bot.example")
    assert event["timestamp"].endswith("Z")
    assert event["exception"].startswith("Traceback")


def test_the_format_of_the_settings_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.Logger("root")
    monkeypatch.setattr(logging, "root", root)
    configure("info", "json")
    (handler,) = root.handlers
    assert handler.formatter is not None
    assert (
        json.loads(handler.format(logging.makeLogRecord({"msg": "ready", "levelname": "INFO"})))["event"]
        == "ready"
    )
