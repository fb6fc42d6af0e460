"""What headers say, and what is not taken from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.web import headers

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ('"abc"', '"abc"'),
        (' W/"abc" ', 'W/"abc"'),
        (None, ""),
        ('"a\r\nX-Evil: 1"', ""),
        ('"\x00"', ""),
        ('"ü"', ""),
        ("x" * 500, "x" * 500),
        ("x" * 501, ""),
    ],
)
def test_plain(value: str | None, kept: str) -> None:
    assert headers.plain(value) == kept


@pytest.mark.parametrize(
    ("cache", "expires", "seconds"),
    [
        ("max-age=600", None, 600),
        ("public, MAX-AGE = 600, must-revalidate", None, 600),
        ('max-age="600"', "Mon, 05 Jan 2026 13:00:00 GMT", 600),
        ("s-maxage=5", None, None),
        ("no-cache", "Mon, 05 Jan 2026 13:00:00 GMT", 3600),
        ("max-age=" + "9" * 400, None, 365 * 86400),
        ("max-age=-1", None, None),
        ("max-age=soon", None, None),
        ("", "Mon, 05 Jan 2026 11:00:00 GMT", 0),
        ("", "0", None),
        ("", "Fri, 31 Dec 9999 23:59:59 GMT", 365 * 86400),
        ("", None, None),
    ],
)
def test_max_age(cache: str, expires: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert headers.max_age(cache, expires, NOW) == expected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 120.5 ", 120),
        ("9" * 300, 365 * 86400),
        ("Mon, 05 Jan 2026 12:01:00 GMT", 60),
        ("Monday, 05-Jan-26 12:01:00 GMT", 60),
        ("Mon Jan  5 12:01:00 2026", 60),
        ("Mon, 05 Jan 2026 14:01:00 +0200", 60),
        ("Mon, 05 Jan 2020 12:01:00 GMT", 0),
        ("-5", None),
        ("later", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert headers.retry_after(value, NOW) == expected


def test_a_time_without_a_present_says_nothing() -> None:
    assert headers.retry_after("Mon, 05 Jan 2026 12:01:00 GMT", None) is None
    assert headers.retry_after("60", None) == timedelta(seconds=60)


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ .*"))
def test_any_value_has_a_meaning_or_none(value: str) -> None:
    for found in (headers.max_age(value, value, NOW), headers.retry_after(value, NOW)):
        assert found is None or timedelta(0) <= found <= headers.LONGEST
    date = headers.date(value)
    assert date is None or date.tzinfo is UTC
