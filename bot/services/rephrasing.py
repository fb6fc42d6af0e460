"""What a language model may make of a server's briefs: nothing until somebody who manages the server decides otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bot.domain.briefs.lexicon import LEXICONS
from bot.errors import InvalidInputError, NotAllowedError
from bot.i18n import comma_list, tr
from bot.services.context import Context
from bot.store import rephrasings

LANGUAGES: Mapping[str, str] = {code: lexicon.name for code, lexicon in LEXICONS.items()}  # by ISO 639-1 code
ORIGINAL = "original"  # what stands for no language


class BriefStyle(StrEnum):
    """What briefs are written in."""

    VERBATIM = "verbatim"
    REPHRASED = "rephrased"


async def style(context: Context, guild_id: int) -> BriefStyle:
    """What a server has chosen."""
    async with context.db.read() as connection:
        wanting = await rephrasings.wanting(connection, [guild_id])
    return BriefStyle.REPHRASED if wanting else BriefStyle.VERBATIM


async def languages(context: Context, guild_id: int) -> dict[int, str]:
    """The codes of the languages that a server's channels have their briefs translated into, by channel."""
    async with context.db.read() as connection:
        chosen = await rephrasings.languages(connection, [guild_id])
    return {channel_id: code for channel_id, code in chosen.items() if code in LANGUAGES}


async def choose(context: Context, guild_id: int, user_id: int, chosen: BriefStyle) -> None:
    """Have a server's briefs in this style from now on. Raises NotAllowedError where there is no model."""
    if chosen is BriefStyle.REPHRASED:
        _require_model(context)
    async with context.db.write() as connection:
        if chosen is BriefStyle.REPHRASED:
            await rephrasings.want(connection, guild_id, user_id, context.now())
        else:
            await rephrasings.want_no_more(connection, guild_id)


async def translate(context: Context, guild_id: int, channel_id: int, user_id: int, language: str) -> None:
    """Have a channel's briefs in this language from now on: one of `LANGUAGES`, or `ORIGINAL`.

    Raises NotAllowedError where there is no model, and InvalidInputError for another language.
    """
    if language != ORIGINAL:
        _require_model(context)
        if language not in LANGUAGES:
            names = comma_list(LANGUAGES.values())
            raise InvalidInputError(
                tr("Briefs can be translated into {languages}. Choose one of these.", languages=names)
            )
    code = "" if language == ORIGINAL else language
    async with context.db.write() as connection:
        await rephrasings.translate(connection, channel_id, guild_id, code, user_id, context.now())


def _require_model(context: Context) -> None:
    if not context.model:
        raise NotAllowedError(
            tr(
                "This bot has no model that could rephrase or translate briefs. The person who runs the bot can set one "
                "up: `rephrasing.url` in its settings."
            )
        )
