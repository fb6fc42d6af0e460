"""The one place where a command's or button's error becomes an answer.

The user is told what to do, with an id; the log has the whole story under the same id.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
from typing import Any

import discord
from discord import app_commands, ui

from bot.chat.reply import reply
from bot.domain.message import escape
from bot.domain.text import clip
from bot.errors import QueryRefusedError, StoreError, TopicwireError

log = logging.getLogger(__name__)


def _names(permissions: list[str]) -> str:
    return ", ".join(name.replace("_", " ").replace("guild", "server").title() for name in permissions)


_CHANNEL = re.compile(r"\\<\\#(\d+)\\>")


def _shown(text: str) -> str:
    """Plain text as Markdown that shows it; only the channels that it names become links."""
    return _CHANNEL.sub(r"<#\1>", escape(text))


def explain(error: BaseException) -> str | None:
    """What to tell the user of an expected error; None for a bug."""
    match error:
        case StoreError():  # what it says is for whoever runs the bot
            return "The bot cannot use its database right now. Try again in a minute; if it stays, tell whoever runs the bot the id below."
        case QueryRefusedError():
            drawn = error.drawn.replace("`", "ˋ")  # which could end the block
            return f"{_shown(str(error))}\n```\n{drawn}\n```\nFor example: `{error.example}`"
        case TopicwireError():
            return _shown(str(error))
        case app_commands.MissingPermissions(missing_permissions=missing):
            return f"You need the permission {_names(missing)} for this. Ask somebody who runs the server."
        case app_commands.BotMissingPermissions(missing_permissions=missing):
            return f"The bot needs the permission {_names(missing)} here. Give it in the channel's settings."
        case app_commands.NoPrivateMessage():
            return "This works in a server only."
        case app_commands.TransformerError(
            value=app_commands.AppCommandChannel() | app_commands.AppCommandThread()
        ):
            return f"The bot cannot see {error.value.mention}: give it View Channel there, or open the thread again."
        case app_commands.TransformerError():
            return f"“{_shown(clip(str(error.value), 100))}” does not fit there: pick one of the choices."
        case app_commands.CommandSignatureMismatch() | app_commands.CommandNotFound():
            return "Discord still shows an old version of this command. Try again in a minute."
        case app_commands.CommandOnCooldown():
            return f"Not so fast: try again in {math.ceil(error.retry_after)} seconds."
        case app_commands.CheckFailure():
            return "You may not do that here."
        case discord.Forbidden():
            return "Discord did not let the bot do that: check its permissions in the channel."
        case discord.HTTPException() if error.status >= 500:
            return "Discord has trouble right now. Try again in a few minutes."
        case _:
            return None


async def answer_error(interaction: discord.Interaction[Any], error: BaseException) -> None:
    """Tell the user what went wrong and what to do, and log it under the same id."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    incident = secrets.token_hex(4)
    told = explain(error)
    where = interaction.command.qualified_name if interaction.command else "a button"
    if told is None:
        log.error("error %s in %s", incident, where, exc_info=error)
        told = "Something went wrong on our side. Try again; if it stays, tell whoever runs the bot the id below."
    elif isinstance(error, StoreError):
        log.error("error %s in %s: %s", incident, where, error, exc_info=error.__cause__)
    else:
        log.info(
            "error %s in %s: %s: %s", incident, where, type(error).__name__, error, exc_info=error.__cause__
        )
    embed = discord.Embed(description=clip(f"⚠️ {told}", 4000), colour=0xEB5757)
    embed.set_footer(text=f"Error {incident}")
    try:
        await reply(interaction, embed=embed)
    except discord.HTTPException as failed:
        log.warning("error %s could not be shown: %s", incident, failed)


class Tree(app_commands.CommandTree[Any]):
    """The command tree, its errors answered above."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Say at once that the command was heard: Discord gives up on one after three seconds.

        A command may have to wait that long for the database while a large batch is taken in. Every
        answer is for the asker alone.
        """
        if interaction.type is not discord.InteractionType.application_command:
            return True
        try:
            await interaction.response.defer(ephemeral=True, thinking=True)
        except discord.HTTPException as error:
            log.warning("a command could not be acknowledged: %s", error)
            return False
        return True

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        """Answer any error of a slash command."""
        if interaction.type is discord.InteractionType.autocomplete:
            log.warning("autocomplete failed", exc_info=error)
            return
        await answer_error(interaction, error)


class View(ui.View):
    """A view, its errors answered above."""

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception, item: Any, /) -> None:
        """Answer any error of a button."""
        await answer_error(interaction, error)
