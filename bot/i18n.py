"""Every text that people read in Discord, in their language.

A text stands in the code in English, as `tr("{count} topics", count=3)`. Its translations are gettext catalogues, one
for each language, in `bot/locales`. Which of them counts is said by `speaking`, for as long as an answer or a post is
made: the member's language for answers, the server's for posts. Outside of it texts are English, as logs and the
command line are.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, time
from functools import cache, reduce
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any, Literal

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_day_names
from babel.lists import format_list
from babel.numbers import format_decimal

ENGLISH = "en"
# The languages that are complete, by Discord's code, as their speakers call them.
LANGUAGES = {
    ENGLISH: "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pt-BR": "Português (Brasil)",
    "ja": "日本語",
}

_BY_BASE = {code.partition("-")[0]: code for code in LANGUAGES}

CHOICE = "choice"  # gettext's context of the names of choices, which come from the command tree
LOCALES = Path(__file__).parent / "locales"

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language_for(code: str) -> str:
    """The nearest complete language for one of Discord's codes; English where there is none.

    >>> language_for("es-419"), language_for("en-GB"), language_for("ko")
    ('es', 'en', 'en')
    """
    return _BY_BASE.get(code.partition("-")[0].lower(), ENGLISH)


def language_of_locale(code: str) -> str | None:
    """The complete language of one of Discord's codes; None where there is none, and for English.

    >>> language_of_locale("es-419"), language_of_locale("en-GB"), language_of_locale("ko")
    ('es', None, None)
    """
    language = language_for(code)
    return None if language == ENGLISH else language


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Texts are in the nearest complete language for Discord's `code` until the block ends."""
    token = _language.set(language_for(code))
    try:
        yield
    finally:
        _language.reset(token)


def speak(code: str) -> None:
    """As `speaking`, to the end of the running task: for tasks that Discord's client starts for one interaction."""
    _language.set(language_for(code))


def spoken() -> str:
    """The language in which texts are now: a key of `LANGUAGES`."""
    return _language.get()


def in_every_language(text: Callable[[], str]) -> frozenset[str]:
    """What a text may be: as it is in each of the languages."""
    texts = set()
    for language in LANGUAGES:
        with speaking(language):
            texts.add(text())
    return frozenset(texts)


def locale() -> Locale:
    """CLDR's data of that language, for numbers, dates and lists. The bot's English is that of Great Britain."""
    return Locale.parse("en-GB" if spoken() == ENGLISH else spoken(), sep="-")


@cache
def catalogue(language: str) -> NullTranslations:
    """The texts of a language. Those without a translation stay English."""
    if language == ENGLISH:
        return NullTranslations()
    from babel.messages.mofile import write_mo  # English needs neither, and they are slow to import
    from babel.messages.pofile import read_po

    with (LOCALES / f"{language}.po").open("rb") as file:
        # Where the texts stand in the code is for translators, and half of the work.
        lines = (line for line in file if not line.startswith(b"#:"))
        texts = read_po(lines, locale=language.replace("-", "_"))
    for message in texts:
        if isinstance(message.string, list | tuple) and not all(message.string):
            message.string = ""  # or the forms that are there would stand beside empty ones
    compiled = io.BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    return GNUTranslations(compiled)


def load_catalogues() -> None:
    """Read the texts of all languages, which takes a moment, before anybody waits for them."""
    for language in LANGUAGES:
        catalogue(language)


def translation(language: str, message: str, context: str | None = None) -> str:
    """A text in one of the languages, with its placeholders; `context` as in `tr_in`."""
    texts = catalogue(language)
    return texts.gettext(message) if context is None else texts.pgettext(context, message)


def choice_name(name: str) -> str:
    """The name of a command's choice, as Discord shows it to those who read the language spoken."""
    return translation(spoken(), name, CHOICE)


def mark(message: str) -> str:
    """The text as it is: marks one that is translated later, by `tr`, such as a constant."""
    return message


def tr(message: str, /, **values: Any) -> str:
    """The text in the language spoken, with each `{name}` replaced by its value.

    `message` is a literal, or a value that `mark` was called with. Values are inserted as they are: escape them before.
    """
    return catalogue(spoken()).gettext(message).format(**values)


def tr_stored(text: str, *messages: str) -> str:
    """A text that was stored in English, in the language spoken; the text itself if it is none of the catalogue's.

    `messages` are those that it may have been made of by inserting values.
    """
    for message in messages:
        if (match := _pattern(message).fullmatch(text)) is not None:
            return tr(message, **match.groupdict())
    return catalogue(spoken()).gettext(text) if text else ""


@cache
def _pattern(message: str) -> re.Pattern[str]:
    """What a message can be with any values in it."""
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(message)), re.DOTALL)


def tr_in(context: str, message: str, /, **values: Any) -> str:
    """As `tr`, for an English text that means different things: `context` tells translators which (`button`, `verb`)."""
    return catalogue(spoken()).pgettext(context, message).format(**values)


def tr_plural(singular: str, plural: str, count: int, /, **values: Any) -> str:
    """As `tr`, in the form that the language has for `count` things.

    `{count}` is the number as the language writes it.

    >>> tr_plural("{count} outlet", "{count} outlets", 1200)
    '1,200 outlets'
    """
    text = catalogue(spoken()).ngettext(singular, plural, count)
    return text.format(count=number(count), **values)


def number(value: float) -> str:
    """A number as the language writes it.

    >>> with speaking("de"): number(1234.5)
    '1.234,5'
    """
    return format_decimal(value, locale=locale())


def decimal(value: float) -> str:
    """A number with one decimal place, even if that is 0.

    >>> decimal(2)
    '2.0'
    """
    return format_decimal(value, "0.0", locale=locale())


def day(value: date, style: Literal["medium", "long"] = "medium") -> str:
    """A day as the language writes it.

    >>> day(date(2026, 3, 9)), day(date(2026, 3, 9), "long")
    ('9 Mar 2026', '9 March 2026')
    """
    return format_date(value, style, locale=locale())


def day_and_month(value: date) -> str:
    """A day without its year.

    >>> day_and_month(date(2026, 3, 9))
    '9 March'
    """
    return format_skeleton("dMMMM", value, locale=locale())


def time_of_day(value: time) -> str:
    """A time of day, to the minute, as the language writes it.

    >>> time_of_day(time(9, 5))
    '09:05'
    """
    return format_time(value, "short", locale=locale())


def weekday(number_of_day: int) -> str:
    """A day of the week in full, 0 for Monday.

    >>> weekday(6)
    'Sunday'
    """
    return str(get_day_names("wide", "stand-alone", locale())[number_of_day])


def weekday_names() -> tuple[frozenset[str], ...]:
    """What the days of the week are called, Monday first: in full and in short, in lower case, without dots."""
    forms = [
        get_day_names(width, context, locale())
        for width in ("wide", "abbreviated", "short")
        for context in ("format", "stand-alone")
    ]
    return tuple(frozenset(str(of_form[day]).casefold().strip(".") for of_form in forms) for day in range(7))


def list_of(items: Iterable[str], style: Literal["standard", "or"] = "standard") -> str:
    """Things in a row, with the language's word before the last: `and`, or with style `or` its `or`.

    >>> list_of(["Berlin", "Paris", "Rome"])
    'Berlin, Paris and Rome'
    """
    return format_list(list(items), style, locale())


def comma_list(items: Iterable[str]) -> str:
    """Things with the language's comma between them, and no word before the last.

    >>> comma_list(["Berlin", "Paris", "Rome"])
    'Berlin, Paris, Rome'
    """
    first, *others = list(items) or [""]
    return reduce(locale().list_patterns["standard"]["middle"].format, others, first)


def list_and_more(items: Iterable[str], more: int) -> str:
    """Things of which `more` are not named; as `comma_list` where all are.

    >>> list_and_more(["Berlin", "Paris"], 3)
    'Berlin, Paris and 3 more'
    """
    if not more:
        return comma_list(items)
    return list_of([*items, tr_plural("{count} more", "{count} more", more)])
