"""Reports what changes in servers, for processes that have no gateway of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discord.ext import commands

# Events after which a sender has to read a server again. Their last argument is the server, or something of it.
EVENTS = (
    "on_guild_update",
    "on_guild_channel_create",
    "on_guild_channel_update",
    "on_guild_channel_delete",
    "on_guild_role_create",
    "on_guild_role_update",
    "on_guild_role_delete",
    "on_guild_available",
    "on_guild_join",
    "on_guild_remove",
    "on_member_update",  # of the bot itself: Discord reports no other member without a privileged intent
)


def report_changes(client: commands.Bot, report: Callable[[int], None]) -> None:
    """Have the client report the ids of servers in which channels, roles or permissions have changed."""

    async def changed(*arguments: Any) -> None:
        report(getattr(arguments[-1], "guild", arguments[-1]).id)

    for event in EVENTS:
        client.add_listener(changed, event)
