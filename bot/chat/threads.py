"""Opens and names the threads of posts."""

from __future__ import annotations

from typing import Any, Final

import discord

from bot.chat.permissions import PostableChannel, allowed, permission_name
from bot.domain.retry import MISSING_PERMISSIONS, Outcome, SendStatus
from bot.errors import InvalidInputError
from bot.i18n import tr

ARCHIVE_AFTER: Final = 1440  # minutes of silence: a server has room for 1,000 active threads
HAS_THREAD = 160004  # https://discord.com/developers/docs/topics/opcodes-and-status-codes#json


async def open_thread(channel: Any, message_id: int, name: str) -> Outcome:
    """Open the thread of a message, or take the one that it has. The thread has the number of the message."""
    if not isinstance(channel, discord.TextChannel):
        return Outcome(SendStatus.ABSENT)
    if missing_for_threads(channel):  # Discord counts refused requests, and blocks who makes many
        return Outcome(SendStatus.REFUSED, 403, MISSING_PERMISSIONS)
    try:
        message = channel.get_partial_message(message_id)
        await message.create_thread(name=name, auto_archive_duration=ARCHIVE_AFTER)
    except discord.HTTPException as error:
        if error.code != HAS_THREAD:
            raise
    return Outcome(SendStatus.OK, message_id=message_id)


async def rename_thread(thread: Any, name: str) -> Outcome:
    """Give a thread that the bot opened another name. One that somebody else opened keeps its own."""
    if isinstance(thread, discord.Thread) and thread.owner_id == thread.guild.me.id and thread.name != name:
        if thread.archived:  # which Discord otherwise refuses to rename
            await thread.edit(name=name, archived=False)
        else:
            await thread.edit(name=name)
    return Outcome(SendStatus.OK)


def require_threads(channel: PostableChannel) -> discord.TextChannel:
    """The channel, if its posts can have threads. Raises InvalidInputError for a forum or a thread."""
    if isinstance(channel, discord.TextChannel):
        return channel
    problem = (
        tr(
            "{channel} is a forum, in which each story has a post of its own already.",
            channel=channel.mention,
        )
        if isinstance(channel, discord.ForumChannel)
        else tr(
            "{channel} is a thread, and Discord has no threads in threads. Choose a text channel.",
            channel=channel.mention,
        )
    )
    raise InvalidInputError(problem)


def missing_for_threads(channel: discord.TextChannel) -> list[str]:
    """The permissions that threads of posts need and the bot does not have in the channel."""
    me = channel.guild.me
    if me is None:
        return []
    may = allowed(channel, me)
    needed = ("create_public_threads", "send_messages_in_threads")
    return [permission_name(flag) for flag in needed if not getattr(may, flag)]
