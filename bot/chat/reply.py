"""Answering a command or a button, for the asker alone."""

from __future__ import annotations

import logging
from typing import Any

import discord

log = logging.getLogger(__name__)

_ANSWERED = "answered"


async def acknowledge(interaction: discord.Interaction[Any], *, thinking: bool = True) -> bool:
    """Tell Discord at once that the interaction was heard. False where Discord has given up on it already.

    `thinking` shows that an answer comes, for the asker alone; without it the message stays as it is.
    """
    try:
        await interaction.response.defer(ephemeral=thinking, thinking=thinking)
    except discord.HTTPException as error:
        log.warning("an interaction could not be acknowledged: %s", error)
        return False
    return True


async def reply(interaction: discord.Interaction[Any], **shown: Any) -> None:
    """Answer with what `shown` gives (content, embed, embeds, view, file ...).

    The first answer takes the place of "is thinking"; a later one follows it.
    """
    response = interaction.response
    if not response.is_done():
        await response.send_message(ephemeral=True, **shown)
    elif _ANSWERED not in interaction.extras and _thinking(interaction):
        if "file" in shown:  # an edit says which files there are from now on
            shown["attachments"] = [shown.pop("file")]
        await interaction.edit_original_response(**shown)
    else:
        await interaction.followup.send(ephemeral=True, **shown)
    interaction.extras[_ANSWERED] = True


def _thinking(interaction: discord.Interaction[Any]) -> bool:
    return interaction.response.type is discord.InteractionResponseType.deferred_channel_message
