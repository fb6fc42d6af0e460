"""/setup."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.services.context import Context
from cogs.common import Interaction, only_with
from cogs.panel import open_panel


class SetupCommands(commands.Cog):
    """The panel in which everything can be set by clicking."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @only_with(manage_guild=True)
    async def setup(self, interaction: Interaction) -> None:
        """Choose topics, channels, digests, mutes and feeds by clicking."""
        await open_panel(self.context, interaction)
