"""Answering a command or a button, for the asker alone."""

from __future__ import annotations

from typing import Any

import discord

_ANSWERED = "answered"


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
