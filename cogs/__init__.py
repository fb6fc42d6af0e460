"""The slash commands: each reads its options, calls one service, and answers."""

from __future__ import annotations

from discord.ext import commands

from bot.services.context import Context
from cogs.about import AboutCommands
from cogs.alerts import AlertCommands
from cogs.api_tokens import ApiTokenCommands
from cogs.appearance import AppearanceCommands
from cogs.briefs import BriefCommands
from cogs.data import DataCommands
from cogs.digest import DigestCommands
from cogs.follows import FollowButton, MemberButton
from cogs.forwards import ForwardCommands
from cogs.mutes import MuteCommands
from cogs.pace import PaceCommands, QuietHoursCommands
from cogs.roles import RoleButton
from cogs.search import SearchCommands
from cogs.server_topics import ServerTopicCommands
from cogs.setup import SetupCommands
from cogs.sources import SourceCommands
from cogs.stories import RelatedButton, StoryCommands
from cogs.story_menus import StoryMenus
from cogs.subscriptions import SubscriptionCommands
from cogs.threads import ThreadCommands
from cogs.topics import TopicCommands
from cogs.upkeep import Upkeep
from cogs.votes import VoteButton, VoteCommands
from cogs.welcome import Welcome, WelcomeButton

COGS = (
    SubscriptionCommands,
    StoryCommands,
    SearchCommands,
    TopicCommands,
    ServerTopicCommands,
    SourceCommands,
    AlertCommands,
    ApiTokenCommands,
    ForwardCommands,
    AppearanceCommands,
    BriefCommands,
    DigestCommands,
    PaceCommands,
    QuietHoursCommands,
    ThreadCommands,
    MuteCommands,
    VoteCommands,
    DataCommands,
    AboutCommands,
    SetupCommands,
)


async def add_to(bot: commands.Bot, context: Context) -> None:
    """Register all commands, and the buttons that work after a restart."""
    for cog in COGS:
        await bot.add_cog(cog(context))
    await bot.add_cog(StoryMenus(context, bot))
    await bot.add_cog(Upkeep(context, bot))
    await bot.add_cog(Welcome(context, bot))
    bot.add_dynamic_items(RelatedButton, WelcomeButton, RoleButton, VoteButton, FollowButton, MemberButton)
