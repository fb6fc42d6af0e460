"""Whether somebody is in a server and sees a channel now. The bot keeps no members, so it asks Discord."""

from __future__ import annotations

import discord

from bot.chat.permissions import allowed
from bot.domain.retry import UNKNOWN_CHANNEL

NOT_A_MEMBER = frozenset((10007, 10013))  # unknown member, unknown user


async def present_member(guild: discord.Guild, user_id: int) -> discord.Member | None:
    """The member of a server with this id; None if there is none. Raises what Discord answers otherwise."""
    try:
        return await guild.fetch_member(user_id)
    except discord.NotFound as error:
        if error.code in NOT_A_MEMBER:
            return None
        raise


async def sees(guild: discord.Guild, member: discord.Member, channel_id: int) -> bool:
    """Whether a member may view a channel or thread of the server. A deleted one, or one hidden from the bot, nobody sees."""
    channel = guild.get_channel_or_thread(channel_id)
    if channel is None:  # an archived thread is not in the cache
        try:
            fetched = await guild.fetch_channel(channel_id)
        except (discord.Forbidden, discord.InvalidData):
            return False
        except discord.NotFound as error:
            if error.code != UNKNOWN_CHANNEL:
                raise
            return False
        channel = fetched
    may = allowed(channel, member)
    if not may.view_channel:
        return False
    if isinstance(channel, discord.Thread) and channel.is_private() and not may.manage_threads:
        try:
            await channel.fetch_member(member.id)
        except discord.NotFound:
            return False
    return True
