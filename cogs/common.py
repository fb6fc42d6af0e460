"""What all commands share: where they act, and completing names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import discord
from discord import app_commands

from bot.chat.errors import require_membership
from bot.chat.permissions import PostableChannel, allowed, missing
from bot.chat.views import Callback, answered
from bot.domain.text.cleaning import clip
from bot.errors import InvalidInputError, NotAllowedError
from bot.messages.message import CHOICE

Interaction = discord.Interaction[Any]
_REQUIRES = "__topicwire_requires__"
S = TypeVar("S")
P = ParamSpec("P")


def answering(callback: Callback[S, P]) -> Callback[S, P]:
    """A command as `views.answered` has it. discord.py reads its options' types where it stands, not in `views`."""
    command = answered(callback)
    signature = inspect.signature(inspect.unwrap(callback), eval_str=True)
    command.__signature__ = signature  # type: ignore[attr-defined]  # which every function may have: PEP 362
    return command


def check(interaction: Interaction, **permissions: bool) -> None:
    """MissingPermissions unless the user has these in the channel, now: buttons and forms stay for minutes."""
    has = interaction.permissions
    if lacking := [name for name, value in permissions.items() if getattr(has, name) != value]:
        raise app_commands.MissingPermissions(lacking)


def requires(**permissions: bool) -> Callable[[Callback[S, P]], Callback[S, P]]:
    """A command for members with these permissions in the channel. Mistakes are answered, as by `answering`."""

    def declare(callback: Callback[S, P]) -> Callback[S, P]:
        @wraps(callback)
        async def checked(self: S, interaction: Interaction, /, *args: P.args, **options: P.kwargs) -> None:
            check(interaction, **permissions)
            await callback(self, interaction, *args, **options)

        command = answering(checked)
        setattr(command, _REQUIRES, permissions)
        return command

    return declare


def required(command: app_commands.Command[Any, ..., Any]) -> Mapping[str, bool]:
    """The permissions that a command requires."""
    permissions: Mapping[str, bool] = getattr(command.callback, _REQUIRES, {})
    return permissions


def only_with(**permissions: bool) -> Callable[[Callback[S, P]], Callback[S, P]]:
    """A command for servers, and for members with these permissions: told to Discord, and checked again."""

    def declare(callback: Callback[S, P]) -> Callback[S, P]:
        command = requires(**permissions)(callback)
        return app_commands.default_permissions(**permissions)(app_commands.guild_only()(command))

    return declare


def guild_of(interaction: Interaction) -> discord.Guild:
    """The server, one that the bot is in; every command is declared for servers only."""
    require_membership(interaction)
    assert interaction.guild is not None
    return interaction.guild


def target_channel(interaction: Interaction) -> Any:
    """Where a command was typed or a button pressed: in a post of a forum, that is the forum."""
    channel = interaction.channel
    parent = channel.parent if isinstance(channel, discord.Thread) else None
    return parent if isinstance(parent, discord.ForumChannel) else channel


def target_channel_id(interaction: Interaction) -> int:
    """The id of that channel; 0 where there is none."""
    channel = target_channel(interaction)
    return channel.id if channel is not None else 0


def may_see(interaction: Interaction, channel_id: int) -> bool:
    """Whether the user sees the channel; of one that is gone everybody may know."""
    channel = guild_of(interaction).get_channel_or_thread(channel_id)
    user = interaction.user
    return channel is None or not isinstance(user, discord.Member) or allowed(channel, user).view_channel


class _ChannelOption(app_commands.Transformer):
    """A channel to post in. One that the bot cannot see is no error of discord.py's: the command says what to do."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """Discord offers the server's channels."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """Those that `PostableChannel` names."""
        return [
            discord.ChannelType.text,
            discord.ChannelType.news,
            discord.ChannelType.news_thread,
            discord.ChannelType.public_thread,
            discord.ChannelType.private_thread,
            discord.ChannelType.forum,
            discord.ChannelType.media,
        ]

    async def transform(self, _interaction: Interaction, value: Any, /) -> Any:
        """The channel, or what Discord says of one that the bot cannot see."""
        return value.resolve() or value


ChannelOption = app_commands.Transform[PostableChannel, _ChannelOption]


def channel_of(interaction: Interaction, chosen: PostableChannel | None = None) -> PostableChannel:
    """The channel that was named, else the one that the command was typed in; it must be one to post in."""
    channel = chosen or target_channel(interaction)
    if isinstance(channel, app_commands.AppCommandChannel | app_commands.AppCommandThread):
        raise NotAllowedError(
            f"The bot cannot see {channel.mention}. Give it View Channel there, or reopen the thread."
        )
    if not isinstance(channel, PostableChannel):
        raise InvalidInputError(
            "The bot posts in text channels, announcement channels, threads and forums. Choose one of these."
        )
    return channel


def managed(interaction: Interaction, chosen: PostableChannel | None = None) -> PostableChannel:
    """As `channel_of`; NotAllowedError unless the user has Manage Channels in that very channel."""
    channel = channel_of(interaction, chosen)
    user = interaction.user
    if not isinstance(user, discord.Member) or not allowed(channel, user).manage_channels:
        raise NotAllowedError(f"You need the Manage Channels permission in {channel.mention}.")
    return channel


def managed_everywhere(interaction: Interaction, hint: str) -> None:
    """NotAllowedError unless the user has Manage Channels in the whole server; `hint` says why, or what else to do.

    A right in one channel, as an overwrite can give it, is none in the others.
    """
    user = interaction.user
    if not isinstance(user, discord.Member) or not user.guild_permissions.manage_channels:
        raise NotAllowedError(f"You need the Manage Channels permission in the whole server. {hint}")


def require_postable(channel: PostableChannel) -> None:
    """NotAllowedError that names what the bot lacks to post in the channel."""
    if names := missing(channel):
        raise NotAllowedError(
            f"The bot cannot post in {channel.mention}. Give it {', '.join(names)} there, then try again."
        )


def stored_articles(stored: int, limit: int) -> str:
    """How many articles of a server's own feeds are stored, and how many may be."""
    return f"Stored articles from this server's feeds: {stored:,} (the limit is {limit:,})"


MOST_CHOICES = 25  # that autocomplete may offer


def choices(names: list[str]) -> list[app_commands.Choice[str]]:
    """Names as what autocomplete offers; Discord takes 25 of at most 100 characters."""
    return [
        app_commands.Choice(name=shown, value=shown)
        for name in names[:MOST_CHOICES]
        if (shown := clip(name, CHOICE))
    ]
