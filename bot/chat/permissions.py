"""The bot's permissions in a channel, and what is missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord

from bot.domain.retry import CODES, THREAD_LOCKED, UNKNOWN_CHANNEL
from bot.i18n import comma_list, mark, tr

GONE = CODES[UNKNOWN_CHANNEL][1]
# What Discord's settings call each permission, by discord.py's name for it.
NAMES = {
    "create_instant_invite": mark("Create Instant Invite"),
    "kick_members": mark("Kick Members"),
    "ban_members": mark("Ban Members"),
    "administrator": mark("Administrator"),
    "manage_channels": mark("Manage Channels"),
    "manage_guild": mark("Manage Server"),
    "add_reactions": mark("Add Reactions"),
    "view_audit_log": mark("View Audit Log"),
    "priority_speaker": mark("Priority Speaker"),
    "stream": mark("Stream"),
    "read_messages": mark("View Channel"),
    "send_messages": mark("Send Messages"),
    "send_tts_messages": mark("Send Tts Messages"),
    "manage_messages": mark("Manage Messages"),
    "embed_links": mark("Embed Links"),
    "attach_files": mark("Attach Files"),
    "read_message_history": mark("Read Message History"),
    "mention_everyone": mark("Mention Everyone"),
    "external_emojis": mark("External Emojis"),
    "view_guild_insights": mark("View Server Insights"),
    "connect": mark("Connect"),
    "speak": mark("Speak"),
    "mute_members": mark("Mute Members"),
    "deafen_members": mark("Deafen Members"),
    "move_members": mark("Move Members"),
    "use_voice_activation": mark("Use Voice Activation"),
    "change_nickname": mark("Change Nickname"),
    "manage_nicknames": mark("Manage Nicknames"),
    "manage_roles": mark("Manage Roles"),
    "manage_webhooks": mark("Manage Webhooks"),
    "manage_expressions": mark("Manage Expressions"),
    "use_application_commands": mark("Use Application Commands"),
    "request_to_speak": mark("Request To Speak"),
    "manage_events": mark("Manage Events"),
    "manage_threads": mark("Manage Threads"),
    "create_public_threads": mark("Create Public Threads"),
    "create_private_threads": mark("Create Private Threads"),
    "external_stickers": mark("External Stickers"),
    "send_messages_in_threads": mark("Send Messages in Threads"),
    "use_embedded_activities": mark("Use Embedded Activities"),
    "moderate_members": mark("Moderate Members"),
    "view_creator_monetization_analytics": mark("View Creator Monetization Analytics"),
    "use_soundboard": mark("Use Soundboard"),
    "create_expressions": mark("Create Expressions"),
    "create_events": mark("Create Events"),
    "use_external_sounds": mark("Use External Sounds"),
    "send_voice_messages": mark("Send Voice Messages"),
    "set_voice_channel_status": mark("Set Voice Channel Status"),
    "send_polls": mark("Send Polls"),
    "use_external_apps": mark("Use External Apps"),
    "pin_messages": mark("Pin Messages"),
    "bypass_slowmode": mark("Bypass Slowmode"),
}

NOT_FETCHED = "it is looked at later"

PostableChannel = discord.TextChannel | discord.Thread | discord.ForumChannel


def allowed(channel: Any, member: discord.Member) -> discord.Permissions:
    """A member's permissions in a channel; none in a thread whose channel the bot cannot see."""
    try:
        permissions: discord.Permissions = channel.permissions_for(member)
    except discord.ClientException:  # a thread has the permissions of its channel, which is not known
        return discord.Permissions.none()
    return permissions


def permission_name(flag: str) -> str:
    """What readers call a permission that discord.py calls `flag`."""
    return tr(NAMES[flag]) if flag in NAMES else flag.replace("_", " ").title()


def missing(channel: Any) -> list[str]:
    """The permissions that posting in the channel needs and the bot does not have there."""
    me = channel.guild.me
    if me is None:
        return []
    may = allowed(channel, me)
    # Without these two discord.py reports further permissions as missing.
    if not may.view_channel:
        return [permission_name("read_messages")]
    sending = {}
    if not isinstance(channel, discord.Thread):
        sending["send_messages"] = may.send_messages
    if isinstance(channel, discord.Thread | discord.ForumChannel):
        sending["send_messages_in_threads"] = may.send_messages_in_threads
    needed = sending | {"read_message_history": may.read_message_history}
    if all(sending.values()):
        needed["embed_links"] = may.embed_links
    return [permission_name(flag) for flag, has in needed.items() if not has]


def problem(client: discord.Client, channel_id: int) -> str:
    """Why the bot cannot post in a channel; empty if it can, or if that is unknown.

    Uses the cache, which has no archived threads: see `problem_now`.
    """
    channel = client.get_channel(channel_id)
    return tr(GONE) if channel is None else _problem_in(channel)


async def problem_now(
    client: discord.Client,
    channel_id: int,
    read_server: Callable[[], Awaitable[None]] | None = None,
    may_fetch: Callable[[], bool] = lambda: True,
) -> str:
    """Like `problem`, but fetches a channel that is not in the cache, such as an archived thread.

    `read_server` fills the cache of a client that has no gateway. `may_fetch` says whether to fetch the channel now.
    """
    try:
        if read_server is not None:
            await read_server()
        channel: Any = client.get_channel(channel_id)
        if channel is None and not may_fetch():
            return NOT_FETCHED
        channel = channel or await client.fetch_channel(channel_id)
    except (discord.NotFound, discord.Forbidden):
        return tr(GONE)
    except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError):
        return tr("Discord does not answer")
    return _problem_in(channel)


def _problem_in(channel: Any) -> str:
    if not isinstance(channel, PostableChannel):
        return ""
    names = missing(channel)
    if names:
        return tr(
            "the bot cannot post there. Give it {permissions} in the channel", permissions=comma_list(names)
        )
    # A new message reopens an archived thread, unless it is locked.
    if isinstance(channel, discord.Thread) and channel.locked and not may_unlock(channel):
        return tr(CODES[THREAD_LOCKED][1])
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
