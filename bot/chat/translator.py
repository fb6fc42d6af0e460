"""The commands in the language of each member, from the same catalogue as all other texts.

Descriptions, choices and the names of context menus are translated. The names of commands and of their options are not: answers
and documents name them (`/digest set`, the option `everywhere`), and so does whoever helps a member of another language. Discord
shows a command by one name to each member, and finds it when its English name is typed in any case.
"""

from __future__ import annotations

from typing import NamedTuple

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.i18n import CHOICE, language_of_locale, translation
from bot.messages.languages import language_name

# Characters: https://discord.com/developers/docs/interactions/application-commands#application-command-object
MENU_NAME = 32
DESCRIPTION = 100  # that of a command or an option, and the name of a choice
LANGUAGE = (
    "language"  # of which language a text is the name, in its extras; empty: one that is called so everywhere
)

MENU_CONTEXT = "menu"  # gettext's context of the names of context menus


def language_choice(name: str, code: str) -> app_commands.locale_str:
    """The name of a language, for a choice: each member reads what their language calls it."""
    return app_commands.locale_str(name, **{LANGUAGE: code})


def untranslated(name: str) -> app_commands.locale_str:
    """A name for a choice that is the same in all languages."""
    return language_choice(name, "")


class CommandText(NamedTuple):
    """A text of a command: its gettext context, if it has one, how many characters Discord lets it have, and what it says."""

    context: str | None
    limit: int
    text: str


def command_text(
    string: app_commands.locale_str, context: app_commands.TranslationContextTypes
) -> CommandText | None:
    """The text to look up in the catalogue; None of one that is not translated, or not by the catalogue."""
    if LANGUAGE in string.extras:
        return None
    match context.location:
        case Location.command_name if isinstance(context.data, app_commands.ContextMenu):
            return CommandText(MENU_CONTEXT, MENU_NAME, string.message)
        case Location.choice_name:
            return CommandText(CHOICE, DESCRIPTION, string.message)
        case Location.command_description | Location.group_description | Location.parameter_description:
            return CommandText(None, DESCRIPTION, string.message)
        case _:
            return None


class CatalogueTranslator(app_commands.Translator):
    """Translates the texts of the command tree when the commands are registered."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The text in the language of a locale; None where it stays English."""
        language = language_of_locale(locale.value)
        if language is None:
            return None
        if code := string.extras.get(LANGUAGE):
            return language_name(code, language.replace("-", "_"))
        text = command_text(string, context)
        if text is None:
            return None
        translated = translation(language, text.text, text.context)
        # Discord would refuse all commands for one text that is too long.
        return None if translated == text.text or len(translated) > text.limit else translated
