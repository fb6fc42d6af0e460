"""What the bot may do in a channel, and in words what is missing."""

from __future__ import annotations

from typing import Any

import discord

Target = discord.TextChannel | discord.Thread | discord.ForumChannel


def missing(channel: Any) -> list[str]:
    """The permissions that posting in the channel needs and the bot does not have there."""
    me = channel.guild.me
    if me is None:
        return []
    allowed = channel.permissions_for(me)
    needed = {
        "View Channel": allowed.view_channel,
        "Embed Links": allowed.embed_links,
        "Read Message History": allowed.read_message_history,
    }
    if isinstance(channel, discord.Thread):
        needed["Send Messages in Threads"] = allowed.send_messages_in_threads
    else:
        needed["Send Messages"] = allowed.send_messages
    if isinstance(channel, discord.ForumChannel):
        needed["Send Messages in Threads"] = allowed.send_messages_in_threads
    return [name for name, has in needed.items() if not has]


def problem(client: discord.Client, channel_id: int) -> str:
    """Why nothing can be posted in a channel; empty where it can, or where that cannot be told from here."""
    channel = client.get_channel(channel_id)
    if channel is None:
        return "the channel is gone, or the bot cannot see it"
    if not isinstance(channel, Target):
        return ""
    names = missing(channel)
    if names:
        return f"the bot may not post there: give it {', '.join(names)} in the channel"
    if isinstance(channel, discord.Thread) and (channel.locked or channel.archived):
        return "the thread is closed: open it again"
    return ""
