"""The slash commands: each reads its options, calls one service, and answers."""

from __future__ import annotations

from discord.ext import commands

from bot.services.context import Context
from cogs.about import About
from cogs.briefs import Briefs
from cogs.digest import Digest
from cogs.mutes import Mutes
from cogs.search import Search
from cogs.server_topics import ServerTopics
from cogs.sources import Sources
from cogs.stories import RelatedButton, Stories
from cogs.subscriptions import Subscriptions
from cogs.topics import Topics
from cogs.upkeep import Upkeep

COGS = (Subscriptions, Stories, Search, Topics, ServerTopics, Sources, Briefs, Digest, Mutes, About)


async def add_to(bot: commands.Bot, context: Context) -> None:
    """Give the bot all its commands, and the button that stands below posts."""
    for cog in COGS:
        await bot.add_cog(cog(context))
    await bot.add_cog(Upkeep(context, bot))
    bot.add_dynamic_items(RelatedButton)
