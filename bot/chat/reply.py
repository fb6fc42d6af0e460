"""Answers to commands and buttons, visible to the user only."""

from __future__ import annotations

import logging
from typing import Any

import discord
from discord import ui

from bot.domain.text.cleaning import length
from bot.messages.commands import MOST, CommandIds, with_mentions
from bot.messages.message import FIELD_VALUE

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
    """Answer with `shown` (content, embed, embeds, view, file ...), with mentions of the commands that its texts name.

    The first answer replaces "is thinking"; later ones are new messages.
    """
    name_commands(interaction.client.command_ids, **shown)
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


def name_commands(
    ids: CommandIds,
    *,
    embed: discord.Embed | None = None,
    view: ui.View | ui.LayoutView | None = None,
    **_other: Any,
) -> None:
    """Make mentions of the commands that an embed or a layout names, as far as there is room for them."""
    if embed is not None:
        embed.description = with_mentions(embed.description or "", ids) or None
        for place, field in enumerate(embed.fields):
            value = with_mentions(field.value or "", ids, FIELD_VALUE)
            embed.set_field_at(place, name=field.name, value=value, inline=field.inline)
    if isinstance(view, ui.LayoutView):
        texts = [item for item in view.walk_children() if isinstance(item, ui.TextDisplay)]
        named = [with_mentions(text.content, ids) for text in texts]
        if sum(map(length, named)) <= MOST:
            for text, content in zip(texts, named, strict=True):
                text.content = content


def _thinking(interaction: discord.Interaction[Any]) -> bool:
    return interaction.response.type is discord.InteractionResponseType.deferred_channel_message
