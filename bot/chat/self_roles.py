"""Roles that members give themselves and take back by clicking: which ones may be offered, and changing them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord

from bot.chat.permissions import permission_name
from bot.errors import NotAllowedError, NotFoundError
from bot.i18n import list_and_more, mark, speaking, tr, tr_plural

AUDIT_REASON = mark("Pressed the button of a role that Topicwire pings")
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
        yield tr("Everybody has @everyone already. Choose another role.")
    if role.managed or role.tags is not None:
        yield tr(
            "That role belongs to a bot, an integration or Discord itself, so nobody can be given it. Choose another role."
        )
    if names := _names(role.permissions.value & ~_harmless(guild.default_role.permissions)):
        yield tr(
            "That role has permissions that not everybody has: {permissions}. Members cannot give themselves such a role. "
            "Choose a role without permissions.",
            permissions=names,
        )
    for channel in guild.channels:
        if channel_reason := _obstacle_in(channel, role):
            yield channel_reason
    me = guild.me
    if not me.guild_permissions.manage_roles:
        yield tr(
            "The bot lacks the permission Manage Roles, which its invitation does not ask for. "
            "Grant it to the bot's role in the server settings to let members give themselves a role."
        )
    if role >= me.top_role:
        yield tr(
            "The bot can only give roles below its own. Move the bot's role above that role in the server settings."
        )


def _obstacle_in(channel: discord.abc.GuildChannel, role: discord.Role) -> str:
    """What the role changes in a channel compared with what everybody may do there."""
    allowed, denied = channel.overwrites_for(role).pair()
    everybody = channel.permissions_for(role.guild.default_role)
    if names := _names(allowed.value & ~_harmless(everybody)):
        return tr(
            "In {channel}, that role has permissions that not everybody has: {permissions}. "
            "Members cannot give themselves such a role. Choose a role that changes nothing in any channel.",
            channel=channel.mention,
            permissions=names,
        )
    if denied.value:
        return tr(
            "In {channel}, that role takes permissions away, so members must not be able to drop it. "
            "Choose a role that changes nothing in any channel.",
            channel=channel.mention,
        )
    return ""


def _harmless(everybody: discord.Permissions) -> int:
    """What everybody has, without what a click must not give to anybody: that may be taken from everybody again."""
    return everybody.value & ~(
        discord.Permissions.elevated().value | discord.Permissions(administrator=True).value
    )


def _names(permissions: int, most: int = 4) -> str:
    names = [permission_name(flag) for flag, has in discord.Permissions(permissions) if has]
    if permissions and not names:  # newer than discord.py
        return tr("an unknown one")
    return list_and_more(names[:most], max(0, len(names) - most))


async def toggle_role(member: discord.Member, role: discord.Role) -> bool:
    """Give the member the role, or take it away. Returns whether the member has it now.

    Raises NotAllowedError or NotFoundError if Discord does not do it.
    """
    give = member.get_role(role.id) is None
    change: Any = member.add_roles if give else member.remove_roles
    with speaking(member.guild.preferred_locale.value):  # the audit log is for those who run the server
        reason = tr(AUDIT_REASON)
    try:
        await change(role, reason=reason, atomic=True)
    except discord.RateLimited as error:
        raise NotAllowedError(
            tr_plural(
                "Discord limits how often roles change. Try again in {count} second.",
                "Discord limits how often roles change. Try again in {count} seconds.",
                max(1, round(error.retry_after)),
            )
        ) from error
    except discord.Forbidden as error:
        raise NotAllowedError(
            tr(
                "Discord did not let the bot change that role. The bot needs Manage Roles, and its role must be above that role."
            )
        ) from error
    except discord.NotFound as error:
        if error.code == UNKNOWN_ROLE:
            raise NotFoundError(tr("That role was deleted.")) from error
        raise
    return give
