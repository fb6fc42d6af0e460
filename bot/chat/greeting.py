"""Sends a message to the channel of a server in which people look first and the bot may write."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice

import aiohttp
import discord
from discord import ui

from bot.chat.components import mentions
from bot.chat.permissions import allowed

log = logging.getLogger(__name__)

MOST_TRIES = 5  # channels


async def greet(guild: discord.Guild, view: ui.LayoutView) -> None:
    """Send the view to the first channel that takes it. If there is none, only the log says so."""
    for channel in islice(_writable(guild), MOST_TRIES):
        try:
            await channel.send(view=view, allowed_mentions=mentions(()))
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.info("no greeting in channel %s of server %s: %s", channel.id, guild.id, error)
        else:
            return
    log.info("the bot could not greet server %s: it may write in no text channel there", guild.id)


def _writable(guild: discord.Guild) -> Iterator[discord.TextChannel]:
    """The channels in which the bot may write: the one for system messages, then the others from the top."""
    first = [guild.system_channel] if guild.system_channel is not None else []
    for channel in dict.fromkeys([*first, *guild.text_channels]):
        may = allowed(channel, guild.me)
        if may.view_channel and may.send_messages:
            yield channel
