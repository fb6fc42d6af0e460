"""Every text that people read in Discord, in their language.

A text stands in the code in English, as `tr("{count} topics", count=3)`. Its translations are gettext catalogues, one
for each language, in `bot/locales`. Which of them counts is said by `speaking`, for as long as an answer or a post is
made: the member's language for answers, the server's for posts. Outside of it texts are English, as logs and the
command line are.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
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

_LOCALES = Path(__file__).parent / "locales"

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language_for(code: str) -> str:
    """The nearest complete language for one of Discord's codes; English where there is none.

    >>> language_for("es-419"), language_for("en-GB"), language_for("ko")
    ('es', 'en', 'en')
    """
    base = code.partition("-")[0].lower()
    return next((language for language in LANGUAGES if language.partition("-")[0] == base), ENGLISH)


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


def locale() -> Locale:
    """CLDR's data of that language, for numbers, dates and lists."""
    return Locale.parse(spoken(), sep="-")


@cache
def catalogue(language: str) -> NullTranslations:
    """The texts of a language. Those without a translation stay English."""
    if language == ENGLISH:
        return NullTranslations()
    source = (_LOCALES / f"{language}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale=language.replace("-", "_")))
    compiled.seek(0)
    return GNUTranslations(compiled)


def mark(message: str) -> str:
    """The text as it is: marks one that is translated later, by `tr`, such as a constant."""
    return message


def tr(message: str, /, **values: Any) -> str:
    """The text in the language spoken, with each `{name}` replaced by its value.

    `message` is a literal, or a value that `mark` was called with. Values are inserted as they are: escape them before.
    """
    return catalogue(spoken()).gettext(message).format(**values)


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
