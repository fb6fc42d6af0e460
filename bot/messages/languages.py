"""Names of languages, for readers."""

from __future__ import annotations

from functools import cache

from babel import Locale, UnknownLocaleError

ENGLISH = "en"  # ISO 639-1: the language of the bot's own texts


def base_language(tag: str) -> str:
    """The language of a tag, without script and country: `pt` of `pt-BR`. Empty of an empty one."""
    return tag.replace("_", "-").partition("-")[0].lower()


@cache
def language_name(tag: str, reader: str = ENGLISH) -> str:
    """What readers of `reader` call the language of a tag; its code where it has no name there.

    >>> language_name("de-AT")
    'German'
    """
    code = base_language(tag)
    try:
        return Locale.parse(reader).languages.get(code) or code
    except (UnknownLocaleError, ValueError):
        return code
