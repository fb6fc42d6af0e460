"""The button that switches the threads of a channel's posts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot.chat.panel import button
from bot.chat.threads import missing_for_threads, require_threads
from bot.i18n import tr
from bot.messages.setup import PanelState
from bot.messages.story_threads import switched_text
from bot.services import story_threads
from cogs.common import Interaction
from cogs.panel.session import Row, Session


async def thread_row(session: Session, interaction: Interaction) -> list[Row]:
    """The button, for a channel whose posts can have threads."""
    if not isinstance(session.channel(interaction), discord.TextChannel):
        return []
    on = not await story_threads.are_on(session.context, session.state.channel_id)

    async def switch(interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        channel = require_threads(session.managed(interaction))
        await story_threads.switch(session.context, channel.guild.id, channel.id, on=on)
        text = switched_text(channel.mention, on=on, missing=missing_for_threads(channel) if on else ())
        return session.state.after(notice=f"✅ {text}")

    label = tr("Open a thread for each story") if on else tr("No threads for stories")
    return [ui.ActionRow(button(label, session.on(switch), name="threads"))]
