"""/topics."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.i18n import tr
from bot.messages.topics import topic_pages
from bot.services import topics
from bot.services.context import Context
from cogs.common import Interaction, answering, guild_of
from cogs.coverage import opening_topics


class TopicCommands(commands.Cog):
    """The list of topics."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(search="Part of a topic's name")
    @app_commands.guild_only()
    @answering
    async def topics(self, interaction: Interaction, search: str = "") -> None:
        """List all topics with their number of stories."""
        rows = await topics.listing(self.context, search, guild_of(interaction).id)
        empty = tr("There are no topics yet.")
        if search:
            empty = tr("No topic matches “{search}”.", search=search[:80])
        await views.answer_pages(
            interaction,
            await self.context.evaluations.in_turn(guild_of(interaction).id, topic_pages, rows, empty),
            opening=opening_topics(self.context),
        )
