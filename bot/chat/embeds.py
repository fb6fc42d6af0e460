"""Converts messages to discord.py's objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import discord
from discord import ui

from bot.messages.message import Button, Embed, Message


def to_embed(embed: Embed) -> discord.Embed:
    """An embed as a discord.py embed."""
    converted = discord.Embed(
        title=embed.title or None,
        url=embed.url or None,
        description=embed.description or None,
        colour=embed.colour,
        timestamp=datetime.fromisoformat(embed.timestamp) if embed.timestamp else None,
    )
    if embed.author:
        converted.set_author(name=embed.author)
    if embed.image:
        converted.set_image(url=embed.image)
    if embed.footer:
        converted.set_footer(text=embed.footer)
    for field in embed.fields:
        converted.add_field(name=field.name, value=field.value, inline=False)
    return converted


def to_embeds(message: Message) -> list[discord.Embed]:
    """All embeds of a message."""
    return [to_embed(embed) for embed in message.embeds]


def to_view(buttons: Sequence[Button]) -> ui.View | None:
    """A view with these buttons, or None without buttons.

    The dynamic items of the cogs answer the buttons, also after a restart. The view is stopped at once, because
    discord.py would otherwise keep one in memory for every message.
    """
    if not buttons:
        return None
    view = ui.View(timeout=None)
    for button in buttons:
        view.add_item(ui.Button(label=button.label, url=button.url or None, custom_id=button.action or None))
    view.stop()
    return view


def with_roles_of(guild: discord.Guild | None, message: Message) -> Message:
    """The message without mentions of deleted roles, which Discord shows as `@deleted-role`."""
    deleted = [role for role in message.roles if guild is not None and guild.get_role(role) is None]
    if not deleted:
        return message
    content = message.content
    for role in deleted:
        content = content.replace(f"<@&{role}>", "")
    roles = tuple(role for role in message.roles if role not in deleted)
    return replace(message, content=" ".join(content.split()), roles=roles)


def mentions(roles: Sequence[int]) -> discord.AllowedMentions:
    """Allow pings of these roles only."""
    return discord.AllowedMentions(
        everyone=False,
        users=False,
        replied_user=False,
        roles=[discord.Object(role) for role in roles] or False,
    )
