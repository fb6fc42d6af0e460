"""What all commands share: where they act, and completing names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.permissions import Target, allowed, missing
from bot.domain.message import CHOICE
from bot.domain.text import clip
from bot.errors import InvalidInputError, NotAllowedError

Interaction = discord.Interaction[Any]
T = TypeVar("T")


def only_with(**permissions: bool) -> Callable[[T], T]:
    """A command for servers, and for members with these permissions: told to Discord, and checked again."""

    def declare(command: T) -> T:
        command = app_commands.guild_only()(command)
        command = app_commands.default_permissions(**permissions)(command)
        return app_commands.checks.has_permissions(**permissions)(command)

    return declare


def guild_of(interaction: Interaction) -> discord.Guild:
    """The server; every command is declared for servers only."""
    if interaction.guild is None:
        raise InvalidInputError("This works in a server only.")
    return interaction.guild


def here(interaction: Interaction) -> Any:
    """Where a command was typed or a button pressed: in a post of a forum, that is the forum."""
    channel = interaction.channel
    parent = channel.parent if isinstance(channel, discord.Thread) else None
    return parent if isinstance(parent, discord.ForumChannel) else channel


def here_id(interaction: Interaction) -> int:
    """The id of that channel; 0 where there is none."""
    channel = here(interaction)
    return channel.id if channel is not None else 0


def may_see(interaction: Interaction, channel_id: int) -> bool:
    """Whether the user sees the channel; of one that is gone everybody may know."""
    channel = guild_of(interaction).get_channel_or_thread(channel_id)
    user = interaction.user
    return channel is None or not isinstance(user, discord.Member) or allowed(channel, user).view_channel


def channel_of(interaction: Interaction, named: Target | None = None) -> Target:
    """The channel that was named, else the one that the command was typed in; it must be one to post in."""
    channel = named or here(interaction)
    if not isinstance(channel, Target):
        raise InvalidInputError(
            "Stories go to text and announcement channels, threads and forums: name one of these."
        )
    return channel


def managed(interaction: Interaction, named: Target | None = None) -> Target:
    """As `channel_of`; NotAllowedError unless the user has Manage Channels in that very channel."""
    channel = channel_of(interaction, named)
    user = interaction.user
    if not isinstance(user, discord.Member) or not allowed(channel, user).manage_channels:
        raise NotAllowedError(f"You need Manage Channels in {channel.mention} for this.")
    return channel


def require_postable(channel: Target) -> None:
    """NotAllowedError that names what the bot lacks to post in the channel."""
    if names := missing(channel):
        raise NotAllowedError(
            f"The bot may not post in {channel.mention}: give it {', '.join(names)} there, then try again."
        )


class Often:
    """How often a server may have done what costs others something: so many times a minute."""

    def __init__(self, times: int) -> None:
        self._servers: commands.CooldownMapping[Interaction] = commands.CooldownMapping(
            commands.Cooldown(times, 60), lambda interaction: interaction.guild_id
        )

    def count(self, interaction: Interaction) -> None:
        """Count one more; CommandOnCooldown where a server has had enough of them for now."""
        now = interaction.created_at.timestamp()
        bucket = self._servers.get_bucket(interaction, now)
        if bucket is not None and (wait := bucket.update_rate_limit(now)):
            raise app_commands.CommandOnCooldown(bucket, wait)


def choices(names: list[str]) -> list[app_commands.Choice[str]]:
    """Names as what autocomplete offers; Discord takes 25 of at most 100 characters."""
    return [
        app_commands.Choice(name=shown, value=shown) for name in names[:25] if (shown := clip(name, CHOICE))
    ]
