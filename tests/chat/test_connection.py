"""What stands in the way of a connection, and how long the next try waits."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bot.chat.connection import Trouble, explain_failure, one_line_per_reconnect, pause_after
from bot.errors import TopicwireError


def answer(status: int, message: Any, **headers: str) -> discord.HTTPException:
    """An error of Discord's HTTP API."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response: Any = SimpleNamespace(status=status, reason="Error", headers=CIMultiDict(named))
    return discord.HTTPException(response, message)


def handshake(status: int, **headers: str) -> aiohttp.WSServerHandshakeError:
    """A gateway that refuses the connection."""
    url = URL("wss://gateway.example")
    request = aiohttp.RequestInfo(url, "GET", CIMultiDictProxy(CIMultiDict()), url)
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return aiohttp.WSServerHandshakeError(request, (), status=status, headers=named)


@pytest.mark.parametrize(
    ("error", "reason", "seconds"),
    [
        (answer(429, "<html>blocked\n</html>", Retry_After="12"), "HTTP 429, an error page of a proxy", 12),
        (answer(429, {"message": "slow down", "code": 0}), "HTTP 429, slow down", None),
        (answer(403, "<!doctype html>"), "HTTP 403, an error page of a proxy", None),
        (answer(403, {"message": "internal network error", "code": 40333}), "HTTP 403, internal", None),
        (answer(503, "", Retry_After="0.5"), "HTTP 503", 0.5),
        (answer(500, {"message": "a\nb", "code": 0}), "HTTP 500, a b", None),
        (answer(429, "", Retry_After="soon"), "HTTP 429", None),
        (answer(429, "", Retry_After="nan"), "HTTP 429", None),
        (answer(429, "", Retry_After="-3"), "HTTP 429", 0),
        (
            answer(
                429, "", Retry_After="Wed, 04 Mar 2026 10:01:00 GMT", Date="Wed, 04 Mar 2026 10:00:00 GMT"
            ),
            "HTTP 429",
            60,
        ),
        (discord.RateLimited(45.0), "HTTP 429, too many requests", 45),
        (handshake(429, Retry_After="7"), "HTTP 429 from the gateway", 7),
        (handshake(502), "HTTP 502 from the gateway", None),
        (OSError("no route"), "no route", None),
        (TimeoutError(), "TimeoutError", None),
        (aiohttp.ClientPayloadError("cut short"), "cut short", None),
        (KeyError("retry_after"), "did not come from Discord's API", None),
    ],
)
def test_what_passes_by_itself_is_told_in_one_line(
    error: Exception, reason: str, seconds: float | None
) -> None:
    trouble = explain_failure(error)
    assert reason in trouble.reason
    assert "\n" not in trouble.reason
    assert trouble.wait == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "error",
    [
        discord.LoginFailure("no"),
        answer(401, {"message": "401: Unauthorized", "code": 0}),
        answer(403, {"message": "Missing Access", "code": 50001}),
        discord.ConnectionClosed(SimpleNamespace(close_code=4004), shard_id=None),  # type: ignore[arg-type]  # a socket
        discord.ConnectionClosed(SimpleNamespace(close_code=4012), shard_id=None),  # type: ignore[arg-type]  # a socket
    ],
)
def test_what_does_not_pass_ends_in_a_sentence(error: Exception) -> None:
    with pytest.raises(TopicwireError, match=r"^Discord refused"):
        explain_failure(error)


def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(ZeroDivisionError):
        explain_failure(ZeroDivisionError())


def test_pauses_grow_to_a_bound_and_never_undercut_what_discord_asks() -> None:
    pauses = [pause_after(Trouble("down"), failures) for failures in range(1, 40)]
    assert pauses[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(minutes=10)
    assert pause_after(Trouble("", timedelta(seconds=45)), 1) == timedelta(seconds=45)
    assert pause_after(Trouble("", timedelta(seconds=1)), 3) == timedelta(seconds=20)
    assert pause_after(Trouble("", timedelta(days=400)), 1) == timedelta(days=1)


def test_a_lost_connection_is_one_line_in_the_log() -> None:
    try:
        raise OSError("the line\nis dead")
    except OSError as error:
        info: Any = (OSError, error, error.__traceback__)
    record = logging.LogRecord("discord.client", logging.ERROR, "", 1, "Trying in %.2fs", (3.0,), info)
    assert one_line_per_reconnect(record)
    assert record.getMessage() == "Trying in 3.00s (the line is dead)"
    assert record.exc_info is None
