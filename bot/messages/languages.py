"""Names of languages, for readers."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale, UnknownLocaleError

from bot.i18n import spoken


def base_language(tag: str) -> str:
    """The language of a tag, without script and country: `pt` of `pt-BR`. Empty of an empty one."""
    return tag.replace("_", "-").partition("-")[0].lower()


def language_name(tag: str, reader: str = "") -> str:
    """What readers of `reader`, by default of the language spoken, call the language of a tag; its code where it has no name.

    A tag comes from outside: where it is none, nothing of it is shown, because names stand in Markdown.

    >>> language_name("de-AT"), language_name("xx"), language_name("[en](https://example.com)")
    ('German', 'xx', '?')
    """
    return _language_name(base_language(tag), reader or spoken())


@lru_cache(maxsize=1024)  # of the codes that articles have, not all of which are those of languages
def _language_name(code: str, reader: str) -> str:
    unnamed = code if code.isalnum() else "?"
    try:
        return Locale.parse(reader.replace("-", "_")).languages.get(code) or unnamed
    except (UnknownLocaleError, ValueError):
        return unnamed
