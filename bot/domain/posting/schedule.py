"""When digests come: days, a time of day and a zone, read as people write them. Pure; times are arguments."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.i18n import ENGLISH, list_of, mark, spoken, tr, weekday_names

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EVERY_DAY = frozenset(range(7))
DEFAULT_SIZE = 10
MOST_SIZE = 25


class DigestStyle(StrEnum):
    """What a digest shows of a story: its headline, or a sentence of an outlet below it as well."""

    HEADLINES = "headlines"
    BRIEF = "brief"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a digest comes: at `at` in `zone`, on `days` (0 = Monday); at most `size` stories in that `style`."""

    at: time
    zone: str
    days: frozenset[int] = EVERY_DAY
    size: int = DEFAULT_SIZE
    style: DigestStyle = DigestStyle.BRIEF

    def after(self, moment: datetime) -> datetime:
        """The first time after `moment` (aware) when a digest is due, in UTC.

        The wall clock rules: 09:00 stays 09:00 across daylight-saving changes. A time that the
        change skips comes as much later as the clock jumps; one that comes twice counts once.
        """
        zone = ZoneInfo(self.zone)
        day = moment.astimezone(zone).date()
        for offset in range(9):
            candidate = day + timedelta(days=offset)
            due = datetime.combine(candidate, self.at, tzinfo=zone).astimezone(UTC)
            if candidate.weekday() in self.days and due > moment:
                return due
        raise ValueError("a schedule needs at least one day")

    @property
    def period(self) -> timedelta:
        """The longest time from one day on which it comes to the next one: what a digest may have to cover.

        >>> Schedule(time(9), "UTC").period.days, Schedule(time(9), "UTC", frozenset((0, 1))).period.days
        (1, 6)
        """
        days = sorted(self.days)
        return timedelta(
            days=max(later - day for day, later in zip(days, (*days[1:], days[0] + 7), strict=True))
        )


_DAYS = {
    **dict.fromkeys(("daily", "day", "everyday", "all", "all days", "all week"), EVERY_DAY),
    **dict.fromkeys(("weekday", "workday", "working day", "business day"), frozenset(range(5))),
    **dict.fromkeys(("weekend", "the weekend"), frozenset((5, 6))),
}
_NOT_A_DAY = mark("“{text}” is not a day: use daily, weekdays, weekends, or days such as mon, thu or mon-fri")
_ASIDE = re.compile(r"^(?:(?:on|at|every|each)\s+)+")
_BETWEEN = re.compile(r"\s*(?:-|–|—|\.\.+|…|→)\s*|\s+(?:to|till|until|through|thru|bis|a|au)\s+|\s*から\s*")
_LISTED = re.compile(r"\s*[,;/&+、・と]\s*(?:and\s+)?|\s+and\s+|\s+")


def parse_days(text: str) -> frozenset[int]:
    """`daily`, `weekdays`, `weekends`, or days such as `mon, thu` or `mon-fri`; ValueError says what is allowed.

    Days may have their names in the language spoken, too: `Montag und Do`.
    """
    text_form = _ASIDE.sub("", unicodedata.normalize("NFKC", text).strip().casefold())
    if (named := _DAYS.get(text_form) or _DAYS.get(text_form.removesuffix("s"))) is not None:
        return named
    text_form = _in_english(text_form)
    days: set[int] = set()
    for part in filter(None, _LISTED.split(_BETWEEN.sub("-", text_form))):
        first, *others = (_day(name, part) for name in part.split("-"))
        if len(others) > 1:
            raise ValueError(tr(_NOT_A_DAY, text=part[:20]))
        last = others[0] if others else first
        days.update((first + more) % 7 for more in range((last - first) % 7 + 1))
    if not days:
        raise ValueError(
            tr("Name at least one day: use daily, weekdays, weekends, or days such as mon, thu or mon-fri")
        )
    return frozenset(days)


def _in_english(text: str) -> str:
    """The text with the names of days in the language spoken, and its word for `and`, replaced by English ones."""
    if spoken() == ENGLISH:
        return text
    both = list_of(("1", "2"))[1:-1].strip()
    day_of = {
        _plain(name): WEEK[day]
        for day, names in enumerate(weekday_names())
        for name in {*names, *(name.partition("-")[0] for name in names)}  # `segunda` of `segunda-feira`
    }
    words = sorted((*day_of, _plain(both)), key=len, reverse=True)
    pattern = rf"(?<![a-z])({'|'.join(map(re.escape, words))})s?\.?(?![a-z])"
    return re.sub(pattern, lambda match: f" {day_of.get(match[1], ',')} ", _plain(text)).strip()


def _plain(text: str) -> str:
    """Without accents: people leave them out."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _day(name: str, part: str) -> int:
    """The day whose name begins like that."""
    name = name.strip(".").removesuffix("s")
    day = next((i for i, full in enumerate(DAY_NAMES) if full.casefold().startswith(name)), None)
    if day is None or len(name) < 3:
        raise ValueError(tr(_NOT_A_DAY, text=part[:20]))
    return day


def describe_days(days: frozenset[int]) -> str:
    """The inverse of `parse_days`, as people say it. It is stored and read again, so it is the same in every language."""
    names = {
        EVERY_DAY: "every day",
        frozenset(range(5)): "Monday to Friday",
        frozenset((5, 6)): "on weekends",
    }
    return names.get(days) or ", ".join(DAY_NAMES[day] for day in sorted(days))


_WORDS_OF_TIME = {"noon": time(12), "midday": time(12), "midnight": time(0)}
_TIME = re.compile(
    r"(?:at\s*)?(\d{1,2})(?:\s*[:.h]\s*(\d{1,2})?)?\s*(?:([ap])\.?\s?m\.?|uhr|o['’]?\s?clock|hours?|hrs?)?"
)
_NOON = re.compile(r"(?:at\s+)?(?:12\s*)?(noon|midday|midnight)")


def parse_time(text: str) -> time:
    """`9:00`, `09.30`, `9`, `9 pm`, `21:15`, `noon`; ValueError says what is allowed."""
    text_form = unicodedata.normalize("NFKC", text).strip().casefold()
    if named := _NOON.fullmatch(text_form):
        text_form = named[1]
    if text_form in _WORDS_OF_TIME:
        return _WORDS_OF_TIME[text_form]
    match = _TIME.fullmatch(text_form)
    try:
        if match is None:
            raise ValueError
        hour, minute = int(match[1]), int(match[2] or 0)
        if match[3]:
            if not 1 <= hour <= 12:
                raise ValueError
            hour = hour % 12 + (12 if match[3] == "p" else 0)
        return time(hour, minute)
    except ValueError:
        message = tr("“{text}” is not a time of day: write it like 09:00, 21:30 or 9 pm", text=text[:20])
        raise ValueError(message) from None
