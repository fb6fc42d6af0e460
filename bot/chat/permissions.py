"""The bot's permissions in a channel, and what is missing."""

from __future__ import annotations

from typing import Any

import aiohttp
import discord

from bot.domain.retry import CODES, THREAD_LOCKED, UNKNOWN_CHANNEL

GONE = CODES[UNKNOWN_CHANNEL][1]

PostableChannel = discord.TextChannel | discord.Thread | discord.ForumChannel


def allowed(channel: Any, member: discord.Member) -> discord.Permissions:
    """A member's permissions in a channel; none in a thread whose channel the bot cannot see."""
    try:
        permissions: discord.Permissions = channel.permissions_for(member)
    except discord.ClientException:  # a thread has the permissions of its channel, which is not known
        return discord.Permissions.none()
    return permissions


def missing(channel: Any) -> list[str]:
    """The permissions that posting in the channel needs and the bot does not have there."""
    me = channel.guild.me
    if me is None:
        return []
    may = allowed(channel, me)
    # Without these two discord.py reports further permissions as missing.
    if not may.view_channel:
        return ["View Channel"]
    sending = {}
    if not isinstance(channel, discord.Thread):
        sending["Send Messages"] = may.send_messages
    if isinstance(channel, discord.Thread | discord.ForumChannel):
        sending["Send Messages in Threads"] = may.send_messages_in_threads
    needed = sending | {"Read Message History": may.read_message_history}
    if all(sending.values()):
        needed["Embed Links"] = may.embed_links
    return [name for name, has in needed.items() if not has]


def problem(client: discord.Client, channel_id: int) -> str:
    """Why the bot cannot post in a channel; empty if it can, or if that is unknown.

    Uses the cache, which has no archived threads: see `problem_now`.
    """
    channel = client.get_channel(channel_id)
    return GONE if channel is None else _problem_in(channel)


async def problem_now(client: discord.Client, channel_id: int) -> str:
    """Like `problem`, but fetches a channel that is not in the cache, such as an archived thread."""
    channel: Any = client.get_channel(channel_id)
    if channel is None:
        try:
            channel = await client.fetch_channel(channel_id)
        except (discord.NotFound, discord.Forbidden):
            return GONE
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError):
            return "Discord does not answer"
    return _problem_in(channel)


def _problem_in(channel: Any) -> str:
    if not isinstance(channel, PostableChannel):
        return ""
    names = missing(channel)
    if names:
        return f"the bot cannot post there. Give it {', '.join(names)} in the channel"
    # A new message reopens an archived thread, unless it is locked.
    if isinstance(channel, discord.Thread) and channel.locked and not may_unlock(channel):
        return CODES[THREAD_LOCKED][1]
    return ""


def may_unlock(thread: discord.Thread) -> bool:
    """Whether the bot may reopen a locked thread."""
    me = thread.guild.me
    return me is not None and allowed(thread, me).manage_threads


async def is_gone(client: discord.Client, channel_id: int) -> bool:
    """Whether Discord reports that the channel or thread does not exist. False if it does not answer."""
    try:
        await client.fetch_channel(channel_id)
    except discord.NotFound:
        return True
    except (discord.DiscordException, aiohttp.ClientError, OSError):
        return False
    return False
