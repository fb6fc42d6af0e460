"""Answers to commands and buttons, visible to the user only."""

from __future__ import annotations

import logging
from typing import Any

import discord

log = logging.getLogger(__name__)

_ANSWERED = "answered"


async def acknowledge(interaction: discord.Interaction[Any], *, thinking: bool = True) -> bool:
    """Acknowledge the interaction. Returns False if Discord has already given up on it.

    `thinking` shows the user that an answer follows; without it the message stays as it is.
    """
    try:
        await interaction.response.defer(ephemeral=thinking, thinking=thinking)
    except discord.HTTPException as error:
        log.warning("an interaction could not be acknowledged: %s", error)
        return False
    return True


async def reply(interaction: discord.Interaction[Any], **shown: Any) -> None:
    """Answer with `shown` (view, file, allowed mentions).

    The first answer replaces "is thinking"; later ones are new messages.
    """
    response = interaction.response
    if not response.is_done():
        await response.send_message(ephemeral=True, **shown)
    elif _ANSWERED not in interaction.extras and _thinking(interaction):
        if "file" in shown:  # an edit takes the list of all attachments
            shown["attachments"] = [shown.pop("file")]
        await interaction.edit_original_response(**shown)
    else:
        await interaction.followup.send(ephemeral=True, **shown)
    interaction.extras[_ANSWERED] = True


def _thinking(interaction: discord.Interaction[Any]) -> bool:
    return interaction.response.type is discord.InteractionResponseType.deferred_channel_message
