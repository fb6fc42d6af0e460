"""Dates as feeds and records write them.

Most are ISO 8601 or RFC 822 and are read by their columns. In others, the time of day with its zone is searched first,
and the rest is read as a date with its parts in any common order.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import NamedTuple

from bot.sources.feeds.date_words import folded, is_filler, month_of, weekday_of
from bot.sources.feeds.zones import zone_of

_YEARS = range(1990, 2101)  # other years are mistakes
_LONGEST = 100  # characters of a date

_TWO_DIGITS = {
    name: f"{number:02}"
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}
_ZERO = {
    "GMT": "+00:00",
    "UTC": "+00:00",
    "UT": "+00:00",
    "Z": "+00:00",
    "+0000": "+00:00",
    "-0000": "+00:00",
}

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_NOTHING = dict.fromkeys(
    map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
)
# Seconds, milliseconds, microseconds or nanoseconds since 1970, as .NET's JSON wraps them too.
_EPOCH = re.compile(r"(?:/Date\()?@?(\d{10}|\d{13}|\d{16}|\d{19})(?:\.\d+)?(?:[+-]\d{4})?(?:\)/)?")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[T ]?(\d\d)(\d\d)(\d\d)?(?:[.,]\d+)?)?(?!\d)", re.IGNORECASE)
_WEEK = re.compile(r"(\d{4})-?W(\d\d)(?:-?([1-7]))?(?!\d)", re.IGNORECASE)
_COMPACT_TIME = re.compile(r"(?<=\d)T(\d\d)(\d\d)(\d\d)?(?![\d:])", re.IGNORECASE)
_HOUR_ALONE = re.compile(r"(?<=\d)T(\d\d)(?=\s?(?:Z|[+-]\d|$))", re.IGNORECASE)
_T = re.compile(r"(?<=\d)[T_](?=\d)", re.IGNORECASE)

_HALF = r"(?:\s?([ap])\.?\s?m\b\.?)?"
_TIME = re.compile(
    rf"(?<![\d.])(\d{{1,2}})(?::|\s?h\s?|[時时点]|시\s?)(\d{{1,2}})(?:\s?[:分분]\s?(\d{{1,2}})(?:[.,:]\d+)?)?[秒초]?{_HALF}",
    re.IGNORECASE,
)
_HOUR = re.compile(r"(?<![\d.:])(\d{1,2})()()\s?([ap])\.?\s?m\b\.?", re.IGNORECASE)
_DOTTED = re.compile(r"(?<=[\s,])(\d{1,2})\.(\d{2})(?:\.(\d{2}))?()(?![.\d])(?!\s*\d{4})")
_AFTERNOON = re.compile("오후|午後|下午|晚上")
_OFFSET = re.compile(
    r"\s?:?\s?\(?(?:gmt|utc|ut|z|[a-z]{3,4}(?=[+-]\d{4}))?\s?\(?-?([+-])(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?(?![\d/])",
    re.IGNORECASE,
)
_ZONE = re.compile(r"[\s,]*\(?([A-Za-z][A-Za-z_]*(?:\d[A-Z]{3})?(?:/[A-Za-z_+-]+\d*){0,2})\)?")
_LIKE_A_ZONE = re.compile(r"[A-Z]{2,5}|[A-Za-z]+/\S+")
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[-/.]")


class DateReading(NamedTuple):
    """A parsed date. `unknown_zone` is an unknown zone in it, for which UTC is assumed."""

    moment: datetime
    unknown_zone: str = ""


def unknown_zone(reading: DateReading) -> str:
    """A note about a date with an unknown zone."""
    return f"the time zone {reading.unknown_zone} is unknown; UTC is assumed"


def parse_moment(text: str) -> datetime | None:
    """The moment in UTC; None if the text is not a date from 1990 to 2100. The default zone is UTC."""
    reading = read_date(text)
    return reading.moment if reading else None


def read_date(text: str) -> DateReading | None:
    """The moment in UTC with its unknown zone, if any; None if the text is not a date from 1990 to 2100."""
    text = text.strip()[:_LONGEST]
    try:
        usual = _read_common(text)
        reading = DateReading(usual) if usual else _read_other(text)
        if reading and reading.moment.tzinfo is not UTC:
            reading = reading._replace(moment=reading.moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return None
    return reading if reading and reading.moment.year in _YEARS else None


def _read_common(text: str) -> datetime | None:
    """Read the two most common forms quickly, by their columns."""
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
        moment_read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment_read if moment_read.tzinfo else moment_read.replace(tzinfo=UTC)


# ------------------------------------------------------------------------------------ the other forms


def _read_other(text: str) -> DateReading | None:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_NOTHING).translate(_DASHES)
    text = " ".join(text.split())
    if epoch := _EPOCH.fullmatch(text):
        digits = epoch[1]
        compact = _COMPACT.fullmatch(text) if len(digits) != 10 else None
        if compact is None:
            return DateReading(datetime.fromtimestamp(int(digits[:10]), UTC))
    if (compact := _COMPACT.match(text)) and int(compact[1]) in _YEARS:
        year, month, day, hour, minute, second = (int(part or 0) for part in compact.groups())
        zone, unknown, _ = _zone(text[compact.end() :])
        return _reading(date(year, month, day), (hour, minute, second), zone, unknown)
    if week := _WEEK.match(text):
        day_of_week = date.fromisocalendar(int(week[1]), int(week[2]), int(week[3] or 1))
        text = f"{day_of_week.isoformat()} {text[week.end() :].lstrip('Tt')}"
    text = _HOUR_ALONE.sub(r" \1:00", _COMPACT_TIME.sub(r" \1:\2:\3", text))
    text = _T.sub(" ", text)
    clock = _TIME.search(text) or _HOUR.search(text) or _DOTTED.search(text)
    if clock is None:
        vague = _date(text) or _vague_date(text)
        return _reading(vague, (0, 0, 0), UTC, "") if vague else None
    before = text[: clock.start()]
    zone, unknown, following = _zone(text[clock.end() :])
    day_written = _date(before)
    if day_written is None:  # 12:00 02.03.2026 +0100
        day_written = _date(f"{before} {following}")
        zone = zone or (None if unknown else _last_zone(following))
    return _reading(day_written, _clock(clock, text), zone, unknown) if day_written else None


def _reading(day: date, clock: tuple[int, int, int], zone: tzinfo | None, unknown: str) -> DateReading | None:
    """The moment of these parts. 24:00 and leap seconds roll over."""
    hours, minutes, seconds = clock
    if hours > 24 or minutes > 59 or seconds > 61:
        return None
    start = datetime.combine(day, time(), zone or UTC)
    # Arithmetic on the wall clock, also in zones with daylight saving time.
    return DateReading(start + timedelta(hours=hours, minutes=minutes, seconds=seconds), unknown)


def _clock(clock: re.Match[str], text: str) -> tuple[int, int, int]:
    hour, minute, second, half = clock.groups()
    hours = int(hour)
    is_afternoon = (half or "").lower() == "p" or (not half and _AFTERNOON.search(text))
    if half and 0 < hours <= 12:
        hours %= 12
    return hours + (12 if is_afternoon and hours < 12 else 0), int(minute or 0), int(second or 0)


def _zone(text: str) -> tuple[tzinfo | None, str, str]:
    """The zone at the beginning, the name of an unknown zone there, and the rest of the text."""
    if offset := _OFFSET.match(text):
        return _offset(offset), "", text[offset.end() :]
    match = _ZONE.match(text)
    if match is None:
        return None, "", text
    name = match[1]
    zone = zone_of(name)
    if zone is not None:
        return zone, "", text[match.end() :]
    word = folded(name)
    if not _LIKE_A_ZONE.fullmatch(name) or month_of(word) or weekday_of(word) is not None or is_filler(word):
        return None, "", text
    return None, name, text[match.end() :]


def _last_zone(text: str) -> tzinfo | None:
    """The zone at the end of the text."""
    word = text.split()[-1] if text.split() else ""
    return _zone(word)[0]


def _offset(match: re.Match[str]) -> tzinfo:
    away = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-away if match[1] == "-" else away)


def _date(text: str) -> date | None:
    """The date at the beginning, after filler words; None if it is incomplete."""
    numbers: list[str] = []
    separator = ""
    month: int | None = None
    weekday: int | None = None
    end = 0
    for token in _TOKEN.finditer(text):
        part = token[0]
        if part.isdecimal():
            numbers.append(part)
            end = token.end()
            if len(numbers) == (2 if month else 3):
                break
        elif not part.isalpha():
            separator = separator or (part if len(numbers) == 1 else "")
        else:
            word = folded(part)
            if is_filler(word) and numbers:
                continue
            if (number := month_of(word)) is not None:
                month = number  # the last one counts: `mar. 3 nov. 2026` begins with a Tuesday
                end = token.end()
                if len(numbers) == 2:
                    break
            elif (day := weekday_of(word)) is not None:
                weekday = day if weekday is None else weekday
            elif numbers:
                break
    if text[end:].lstrip()[:1].isdecimal():  # it continues with something unknown
        return None
    if month:
        return _by_name(numbers, month) if len(numbers) == 2 else None
    return _by_number(numbers, separator, weekday) if len(numbers) == 3 else None


def _by_name(numbers: list[str], month: int) -> date | None:
    first, second = numbers
    year, day = (first, second) if len(first) == 4 else (second, first)
    return date(_full_year(year), month, int(day)) if len(year) in (2, 4) else None


def _by_number(numbers: list[str], separator: str, weekday: int | None) -> date | None:
    """The date of three numbers: year first, or in the order of the countries that use the separator."""
    first, second, third = numbers
    if len(first) == 4 or (len(third) == 2 and (separator == "-" or int(first) > 31)):
        return date(_full_year(first), int(second), int(third))
    if len(third) not in (2, 4):
        return None
    year, first_number, second_number = _full_year(third), int(first), int(second)
    month_first, day_first = (first_number, second_number), (second_number, first_number)
    readings = [month_first, day_first] if separator == "/" else [day_first, month_first]
    days = [date(year, month, day) for month, day in readings if month <= 12]
    return next((day for day in days if day.weekday() == weekday), days[0]) if days else None


def _vague_date(text: str) -> date | None:
    """A date without a day, or without day and month, as the first day; or a date by the day of the year."""
    parts = [folded(token[0]) for token in _TOKEN.finditer(text)]
    numbers = [part for part in parts if part.isdecimal()]
    months = [number for part in parts if (number := month_of(part))]
    if any(part.isalpha() and not month_of(part) and not is_filler(part) for part in parts):
        return None
    match [len(number) for number in numbers]:
        case [4] if months or text.isdecimal():
            return date(int(numbers[0]), months[0] if months else 1, 1)
        case [4, 1 | 2]:
            return date(int(numbers[0]), int(numbers[1]), 1)
        case [1 | 2, 4]:
            return date(int(numbers[1]), int(numbers[0]), 1)
        case [4, 3] | [7]:
            year, day = int("".join(numbers)[:4]), int("".join(numbers)[4:])
            return date(year, 1, 1) + timedelta(days=day - 1) if 0 < day < 367 else None
    return None


def _full_year(year: str) -> int:
    """The year of two or four digits."""
    number = int(year)
    if len(year) > 2:
        return number
    return number + (1900 if number >= 70 else 2000)
