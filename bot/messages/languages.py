"""Names of languages, for readers."""

from __future__ import annotations

from functools import cache

from babel import Locale, UnknownLocaleError

from bot.i18n import spoken


def base_language(tag: str) -> str:
    """The language of a tag, without script and country: `pt` of `pt-BR`. Empty of an empty one."""
    return tag.replace("_", "-").partition("-")[0].lower()


def language_name(tag: str, reader: str = "") -> str:
    """What readers of `reader`, by default of the language spoken, call the language of a tag; its code where it has no name.

    >>> language_name("de-AT")
    'German'
    """
    return _language_name(base_language(tag), reader or spoken())


@cache
def _language_name(code: str, reader: str) -> str:
    try:
        return Locale.parse(reader.replace("-", "_")).languages.get(code) or code
    except (UnknownLocaleError, ValueError):
        return code
