"""Roles that members give themselves and take back by clicking: which ones may be offered, and changing them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord

from bot.domain.text.cleaning import plural
from bot.errors import NotAllowedError, NotFoundError

AUDIT_REASON = "Pressed the button of a role that Topicwire pings"
# Permissions that discord.py calls otherwise than Discord's settings do.
_CALLED = {"read_messages": "view_channel", "manage_guild": "manage_server"}
UNKNOWN_ROLE = 10011  # https://discord.com/developers/docs/topics/opcodes-and-status-codes#json


def require_offerable(role: discord.Role) -> None:
    """Raise NotAllowedError with the reason if members may not give themselves this role, or the bot cannot give it.

    Such a role is for pings: it gives nothing, in the server or in a channel, that not everybody has already, and takes nothing
    away. So a click never leads to rights, to a hidden channel, or out of a restriction.
    """
    reason = next(_obstacles(role), None)
    if reason is not None:
        raise NotAllowedError(reason)


def _obstacles(role: discord.Role) -> Iterator[str]:
    guild = role.guild
    if role.is_default():
        yield "Everybody has @everyone already. Choose another role."
    if role.managed or role.tags is not None:
        yield "That role belongs to a bot, an integration or Discord itself, so nobody can be given it. Choose another role."
    if names := _names(role.permissions.value & ~_harmless(guild.default_role.permissions)):
        yield (
            f"That role has permissions that not everybody has: {names}. Members cannot give themselves such a role. "
            "Choose a role without permissions."
        )
    for channel in guild.channels:
        if channel_reason := _obstacle_in(channel, role):
            yield channel_reason
    me = guild.me
    if not me.guild_permissions.manage_roles:
        yield (
            "The bot lacks the permission Manage Roles, which its invitation does not ask for. "
            "Grant it to the bot's role in the server settings to let members give themselves a role."
        )
    if role >= me.top_role:
        yield "The bot can only give roles below its own. Move the bot's role above that role in the server settings."


def _obstacle_in(channel: discord.abc.GuildChannel, role: discord.Role) -> str:
    """What the role changes in a channel compared with what everybody may do there."""
    allowed, denied = channel.overwrites_for(role).pair()
    everybody = channel.permissions_for(role.guild.default_role)
    if names := _names(allowed.value & ~_harmless(everybody)):
        return (
            f"In {channel.mention}, that role has permissions that not everybody has: {names}. "
            "Members cannot give themselves such a role. Choose a role that changes nothing in any channel."
        )
    if denied.value:
        return (
            f"In {channel.mention}, that role takes permissions away, so members must not be able to drop it. "
            "Choose a role that changes nothing in any channel."
        )
    return ""


def _harmless(everybody: discord.Permissions) -> int:
    """What everybody has, without what a click must not give to anybody: that may be taken from everybody again."""
    return everybody.value & ~(
        discord.Permissions.elevated().value | discord.Permissions(administrator=True).value
    )


def _names(permissions: int, most: int = 4) -> str:
    names = [
        _CALLED.get(name, name).replace("_", " ").title()
        for name, has in discord.Permissions(permissions)
        if has
    ]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    if permissions and not names:  # newer than discord.py
        return "an unknown one"
    return ", ".join(names[:most]) + more


async def toggle_role(member: discord.Member, role: discord.Role) -> bool:
    """Give the member the role, or take it away. Returns whether the member has it now.

    Raises NotAllowedError or NotFoundError if Discord does not do it.
    """
    give = member.get_role(role.id) is None
    change: Any = member.add_roles if give else member.remove_roles
    try:
        await change(role, reason=AUDIT_REASON, atomic=True)
    except discord.RateLimited as error:
        wait = plural(max(1, round(error.retry_after)), "second")
        raise NotAllowedError(f"Discord limits how often roles change. Try again in {wait}.") from error
    except discord.Forbidden as error:
        raise NotAllowedError(
            "Discord did not let the bot change that role. The bot needs Manage Roles, and its role must be above that role."
        ) from error
    except discord.NotFound as error:
        if error.code == UNKNOWN_ROLE:
            raise NotFoundError("That role was deleted.") from error
        raise
    return give
