"""/topics."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.domain.render import list_pages
from bot.usecases import topics as use
from bot.usecases.context import Context
from cogs.common import Interaction, answering, guild_of


class Topics(commands.Cog):
    """What can be followed."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(search="A part of the name")
    @app_commands.guild_only()
    @answering
    async def topics(self, interaction: Interaction, search: str = "") -> None:
        """All topics that can be followed, and how many stories each has."""
        lines = await use.listing(self.context, search, guild_of(interaction).id)
        empty = (
            f"No topic is like “{search[:80]}”."
            if search
            else "No topics are known yet: they come with the records."
        )
        await views.answer_pages(interaction, list_pages("Topics", lines, empty, size=20))
