"""Whether a server has its briefs rephrased by a model: off until somebody who manages it switches it on."""

from __future__ import annotations

from enum import StrEnum

from bot.errors import NotAllowedError
from bot.services.context import Context
from bot.store import rephrasings


class BriefStyle(StrEnum):
    """What briefs are written in."""

    VERBATIM = "verbatim"
    REPHRASED = "rephrased"


async def style(context: Context, guild_id: int) -> BriefStyle:
    """What a server has chosen."""
    async with context.db.read() as connection:
        wanting = await rephrasings.wanting(connection, [guild_id])
    return BriefStyle.REPHRASED if wanting else BriefStyle.VERBATIM


async def choose(context: Context, guild_id: int, user_id: int, chosen: BriefStyle) -> None:
    """Have a server's briefs in this style from now on. Raises NotAllowedError where there is no model."""
    if chosen is BriefStyle.REPHRASED and not context.model:
        raise NotAllowedError(
            "This bot has no model that could rephrase briefs. The person who runs the bot can set one up: "
            "`rephrasing.url` in its settings."
        )
    async with context.db.write() as connection:
        if chosen is BriefStyle.REPHRASED:
            await rephrasings.want(connection, guild_id, user_id, context.now())
        else:
            await rephrasings.want_no_more(connection, guild_id)
