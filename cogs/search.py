"""/search."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.domain.stories.order import Order
from bot.messages.search import pages
from bot.services import search
from bot.services.context import Context
from cogs.common import Interaction, answering, guild_of, target_channel_id
from cogs.coverage import opening_stories
from cogs.options import OrderOption


class SearchCommands(commands.Cog):
    """Search in all stored articles."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        query='Words or a query, such as (offshore OR sea) "wind farm" -golf',
        sort="Newest stories first (default), or best matches first",
    )
    @app_commands.guild_only()
    @answering
    async def search(self, interaction: Interaction, query: str, sort: OrderOption = Order.NEWEST) -> None:
        """Search all stories by words or with a query."""
        results = await search.find(
            self.context, query, guild_of(interaction).id, target_channel_id(interaction), sort
        )
        answer_embeds = await self.context.evaluations.in_turn(
            guild_of(interaction).id, pages, str(results.query), results.hits, results.left_out
        )
        await views.answer_pages(interaction, answer_embeds, opening=opening_stories(self.context))
