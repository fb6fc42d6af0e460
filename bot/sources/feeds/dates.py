"""The dates of feeds, as they are written and as they were meant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_YEARS = range(1990, 2101)  # other years are a mistake, as everywhere in Topicwire
_LONGEST = 100

_MONTHS = {
    name: number
    for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}  # fmt: skip
_TWO_DIGITS = {name.title(): f"{number:02}" for name, number in _MONTHS.items()}
_ZONES = {
    **dict.fromkeys(["GMT", "UT", "UTC", "Z", "WET"], 0),
    **dict.fromkeys(["BST", "CET", "MEZ", "WEST"], 1),
    **dict.fromkeys(["CEST", "EET", "MESZ", "SAST"], 2),
    **dict.fromkeys(["EEST", "MSK"], 3),
    "IST": 5.5, "CST": -6, "CDT": -5, "EST": -5, "EDT": -4, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "AKST": -9, "AKDT": -8, "HST": -10, "SGT": 8, "HKT": 8, "AWST": 8, "JST": 9, "KST": 9, "AEST": 10,
    "AEDT": 11, "NZST": 12, "NZDT": 13, "BRT": -3, "ART": -3, "AST": -4, "ADT": -3,
}  # fmt: skip
_ZERO = {
    "GMT": "+00:00",
    "UTC": "+00:00",
    "UT": "+00:00",
    "Z": "+00:00",
    "+0000": "+00:00",
    "-0000": "+00:00",
}

_CLOCK = (
    r"(?:(\d{1,2}):(\d{2})(?::(\d{1,2})(?:[.,]\d+)?)?)?\s*(am|pm)?\s*"
    r"(?:(?:gmt|utc)?\s*([+-]\d{1,2}:?(?:\d{2})?)|\(?([a-z]{1,5})\)?)?\s*(?:\(.*\))?"
)
# `Mon, 2 March 2026 12:00:00 +0100` and the like: a weekday or none, dashes, two digits of a year.
_DAY_FIRST = re.compile(
    rf"(?:[^\W\d]+\.?,?\s+)?(\d{{1,2}})(?:st|nd|rd|th)?[\s-]*([a-z]{{3}})[a-z]*\.?,?[\s-]*(\d{{4}}|\d{{2}})(?:,?\s+(?:at\s+)?|$){_CLOCK}",
    re.IGNORECASE,
)
# `Mon Mar 2 12:00:00 2026`, `March 2, 2026 12:00 PM`
_YEAR_LAST = re.compile(
    r"(?:[a-z]+\.?,?\s+)??([a-z]{3})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?\s+(\d{1,2}):(\d{2}):(\d{2})\s+(?:([a-z]{1,5})\s+)?(\d{4})",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    rf"(?:[a-z]+\.?,?\s+)??([a-z]{{3}})[a-z]*\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})(?:,?\s+(?:at\s+)?|$){_CLOCK}",
    re.IGNORECASE,
)
# ISO 8601 as generously as it is used: parts may be missing, and a space may stand for the T.
_ISO = re.compile(
    rf"(\d{{4}})(?:[-/.]?(\d{{1,2}})(?:[-/.]?(\d{{1,2}}))?)?(?:(?:T|\s+)\s*{_CLOCK})?(?:[+-]\d\d:?\d\d|Z)?",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(\d{4})-?(\d{3})(?!\d)")


def moment(text: str) -> datetime | None:
    """The moment in UTC, or None where the text is no date of a sensible year. Without a zone it is UTC."""
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    try:
        found = _usual(text) or _unusual(text)
        if found and found.tzinfo is not UTC:
            found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found is not None and found.year in _YEARS else None


def _usual(text: str) -> datetime | None:
    """The two forms that nearly all feeds write, quickly: by their columns, as ISO 8601."""
    if text[3:5] == ", ":  # Mon, 02 Mar 2026 12:00:00 GMT
        month = _TWO_DIGITS.get(text[8:11])
        zone = text[26:]
        if (
            month is None
            or len(text) < 29
            or text[16] != " "
            or text[25] != " "
            or text[7] != " "
            or text[11] != " "
        ):
            return None
        text = f"{text[12:16]}-{month}-{text[5:7]}T{text[17:25]}{_ZERO.get(zone) or zone}"
        if zone[0] not in "+-" and zone not in _ZERO:
            return None
    elif len(text) < 15:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _unusual(text: str) -> datetime | None:
    text = " ".join(text.split())
    if found := _ORDINAL.fullmatch(text):
        start = datetime(int(found[1]), 1, 1, tzinfo=UTC)
        return start + timedelta(days=int(found[2]) - 1) if 0 < int(found[2]) < 367 else None
    if found := _ISO.fullmatch(text):
        year, month, day, *clock = found.groups()
        return _made(int(year), int(month or 1), int(day or 1), *clock)
    if found := _DAY_FIRST.fullmatch(text):
        day, name, year, *clock = found.groups()
        return _made(_full(int(year)), _MONTHS.get(name.lower()), int(day), *clock)
    if found := _MONTH_FIRST.fullmatch(text):
        name, day, year, *clock = found.groups()
        return _made(int(year), _MONTHS.get(name.lower()), int(day), *clock)
    if found := _YEAR_LAST.fullmatch(text):
        name, day, hour, minute, second, zone, year = found.groups()
        return _made(int(year), _MONTHS.get(name.lower()), int(day), hour, minute, second, None, None, zone)
    return None


def _full(year: int) -> int:
    """The year that two digits mean."""
    if year > 99:
        return year
    return year + (1900 if year >= 70 else 2000)


def _made(
    year: int,
    month: int | None,
    day: int,
    hour: str | None,
    minute: str | None,
    second: str | None,
    half: str | None,
    offset: str | None,
    zone: str | None,
) -> datetime | None:
    """The moment of these parts. 24:00 and a 60th second are the moment after."""
    if month is None:
        return None
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if half and 0 < hours <= 12:
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    if hours > 24 or minutes > 59 or seconds > 61:
        return None
    behind = _offset(offset) if offset else timedelta(hours=_ZONES.get((zone or "").upper(), 0))
    start = datetime(year, month, day, tzinfo=timezone(behind))
    return start + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _offset(text: str) -> timedelta:
    digits = text[1:].replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    away = timedelta(hours=hours, minutes=minutes)
    return -away if text[0] == "-" else away
