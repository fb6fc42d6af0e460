"""/threads: a thread for each story of a channel."""

from __future__ import annotations

from typing import Literal

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.threads import missing_for_threads, require_threads
from bot.i18n import tr
from bot.messages.message import Embed
from bot.messages.story import GREY
from bot.messages.story_threads import switched_text
from bot.services import story_threads
from bot.services.context import Context
from cogs.common import Interaction, guild_of, managed, only_with


class ThreadCommands(commands.Cog):
    """Threads of posts."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command(name="threads")
    @app_commands.describe(switch="Open a thread on each post, or no more")
    @only_with(manage_channels=True)
    async def threads(self, interaction: Interaction, switch: Literal["on", "off"]) -> None:
        """Open a thread on each of this channel's posts, in which what comes later is written."""
        channel = require_threads(managed(interaction))
        await story_threads.switch(self.context, guild_of(interaction).id, channel.id, on=switch == "on")
        text = switched_text(channel.mention, on=switch == "on", missing=missing_for_threads(channel))
        await views.answer(interaction, Embed(title=tr("Threads"), description=text, colour=GREY))
