"""Removes what refers to deleted channels and roles: at once, or at the next start."""

from __future__ import annotations

import logging
from typing import Any

import discord
from discord.ext import commands

from bot.chat.permissions import is_gone
from bot.services import languages, subscribe
from bot.services.context import Context

log = logging.getLogger(__name__)


class Upkeep(commands.Cog):
    """Listens for deletions, and compares the stored channels and roles when a server becomes available."""

    def __init__(self, context: Context, bot: commands.Bot) -> None:
        self.context = context
        self.bot: Any = bot

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Remove the subscriptions of a deleted channel."""
        await subscribe.forget_channel(self.context, channel.id)

    @commands.Cog.listener()
    async def on_guild_update(self, _before: discord.Guild, after: discord.Guild) -> None:
        """Note the language that a server prefers."""
        await languages.note_preferred(self.context, after.id, after.preferred_locale.value)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, thread: discord.RawThreadDeleteEvent) -> None:
        """Remove the subscriptions of a deleted thread. Discord also reports the threads of a deleted channel."""
        await subscribe.forget_channel(self.context, thread.thread_id)

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """Remove a deleted role from subscriptions."""
        await self._compare_roles(role.guild)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Compare everything after a new connection, because Discord does not report earlier deletions."""
        present = [guild.id for guild in self.bot.guilds]
        await subscribe.keep_servers(self.context, present, self.bot.shards_served)
        for guild in self.bot.guilds:
            await self._compare(guild)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Suspend a server that removed the bot. Its data stays."""
        await subscribe.leave(self.context, guild.id)
        log.info(
            "the bot was removed from server %s, and does nothing for it until it is invited again", guild.id
        )

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Resume a server that invited the bot again."""
        await self._compare(guild)

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Compare a server that became available after an outage. At a start each one does, and then all are compared together."""
        if self.bot.is_ready():
            await self._compare(guild)

    async def _compare(self, guild: discord.Guild) -> None:
        """Forget the channels and roles of a server that were deleted while the bot was away."""
        await subscribe.come_back(self.context, guild.id)
        if guild.unavailable:  # its channels and roles are unknown
            return
        await languages.note_preferred(self.context, guild.id, guild.preferred_locale.value)
        await self._compare_roles(guild)
        for channel_id in await subscribe.channels_of(self.context, guild.id):
            # Archived threads and hidden channels are not in the cache either, so ask Discord about each.
            if guild.get_channel_or_thread(channel_id) is None and await is_gone(self.bot, channel_id):
                await subscribe.forget_channel(self.context, channel_id)
                log.info("channel %s was deleted, and its subscriptions were removed", channel_id)

    async def _compare_roles(self, guild: discord.Guild) -> None:
        await subscribe.keep_roles(self.context, guild.id, lambda: [role.id for role in guild.roles])
