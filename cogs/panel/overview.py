"""The page that shows what every channel gets, and what the bot lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import discord
from discord import ui

from bot.chat.panel import button
from bot.chat.permissions import missing
from bot.chat.reply import acknowledge
from bot.services import subscribe
from bot.services.subscribe import ChannelSubscriptions
from cogs.common import Interaction, guild_of, may_see
from cogs.pages import channel_lines
from cogs.panel.example import show_example
from cogs.panel.session import PageParts, Session


async def overview_page(session: Session, interaction: Interaction) -> PageParts:
    """All channels with subscriptions that the member can see."""
    guild = guild_of(interaction)
    entries = await subscribe.listing(session.context, guild.id)
    visible = [entry for entry in entries if may_see(interaction, entry.channel_id)]
    lines = [line for entry in visible for line in _lines(entry, guild)]

    async def example(pressed: Interaction, _values: Sequence[Any]) -> None:
        if await acknowledge(pressed):
            await show_example(session.context, pressed)

    empty = ["No channel has a topic yet. Press *Topics* to choose the first ones."]
    return PageParts(lines or empty, [ui.ActionRow(button("Show an example", example))])


def _lines(entry: ChannelSubscriptions, guild: discord.Guild) -> Iterator[str]:
    yield f"**<#{entry.channel_id}>**"
    channel = guild.get_channel_or_thread(entry.channel_id)
    if channel is not None and (problems := missing(channel)):
        yield f"⚠️ The bot lacks {', '.join(problems)} there."
    yield from channel_lines(entry, guild)
