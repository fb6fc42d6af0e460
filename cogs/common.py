"""Helpers of all commands: permissions, target channels and autocompletion."""

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
from bot.i18n import comma_list, mark, tr
from bot.messages.layout import CHOICE

Interaction = discord.Interaction[Any]
POSTABLE = mark(
    "The bot posts in text channels, announcement channels, threads and forums. Choose one of these."
)
_REQUIRES = "__topicwire_requires__"
S = TypeVar("S")
P = ParamSpec("P")


def answering(callback: Callback[S, P]) -> Callback[S, P]:
    """Apply `views.answered` to a command, and keep its option types readable for discord.py.

    discord.py evaluates the annotations in the module of the function, which would be `views`.
    """
    command = answered(callback)
    signature = inspect.signature(inspect.unwrap(callback), eval_str=True)
    command.__signature__ = signature  # type: ignore[attr-defined]  # PEP 362 allows it for every function
    return command


def check(interaction: Interaction, **permissions: bool) -> None:
    """Raise MissingPermissions unless the user has these permissions in the channel now.

    Buttons and forms stay for minutes, so a permission may be gone when they are used.
    """
    has = interaction.permissions
    if lacking := [name for name, value in permissions.items() if getattr(has, name) != value]:
        raise app_commands.MissingPermissions(lacking)


def requires(**permissions: bool) -> Callable[[Callback[S, P]], Callback[S, P]]:
    """Restrict a command to members with these permissions in the channel. Includes `answering`."""

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
    """Restrict a command to servers and to members with these permissions.

    Discord hides the command from everyone else, and the bot checks the permissions again.
    """

    def declare(callback: Callback[S, P]) -> Callback[S, P]:
        command = requires(**permissions)(callback)
        return app_commands.default_permissions(**permissions)(app_commands.guild_only()(command))

    return declare


def guild_of(interaction: Interaction) -> discord.Guild:
    """The server of the interaction. Raises NotAllowedError if the bot is not a member of it."""
    require_membership(interaction)
    assert interaction.guild is not None
    return interaction.guild


def target_channel(interaction: Interaction) -> Any:
    """The channel of a command or button; for a forum post, the forum."""
    channel = interaction.channel
    parent = channel.parent if isinstance(channel, discord.Thread) else None
    return parent if isinstance(parent, discord.ForumChannel) else channel


def target_channel_id(interaction: Interaction) -> int:
    """The id of `target_channel`, or 0 if there is no channel."""
    channel = target_channel(interaction)
    return channel.id if channel is not None else 0


def may_see(interaction: Interaction, channel_id: int) -> bool:
    """Whether the user may see the channel. A deleted channel may be shown to everybody."""
    channel = guild_of(interaction).get_channel_or_thread(channel_id)
    user = interaction.user
    return channel is None or not isinstance(user, discord.Member) or allowed(channel, user).view_channel


class _ChannelOption(app_commands.Transformer):
    """A channel to post in.

    A channel that the bot cannot see is passed on, so that the command can say what to do.
    """

    @property
    def type(self) -> discord.AppCommandOptionType:
        """The option type, for which Discord offers the server's channels."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """The types of `PostableChannel`."""
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
        """The channel, or Discord's partial data for a channel that the bot cannot see."""
        return value.resolve() or value


ChannelOption = app_commands.Transform[PostableChannel, _ChannelOption]


def channel_of(interaction: Interaction, chosen: PostableChannel | None = None) -> PostableChannel:
    """The chosen channel, or else the channel of the command.

    Raises NotAllowedError or InvalidInputError if the bot cannot post in such a channel.
    """
    channel = chosen or target_channel(interaction)
    if isinstance(channel, app_commands.AppCommandChannel | app_commands.AppCommandThread):
        unseen = mark("The bot cannot see {channel}. Give it View Channel there, or reopen the thread.")
        raise NotAllowedError(tr(unseen, channel=channel.mention))
    if not isinstance(channel, PostableChannel):
        raise InvalidInputError(tr(POSTABLE))
    return channel


def managed(interaction: Interaction, chosen: PostableChannel | None = None) -> PostableChannel:
    """Like `channel_of`; raises NotAllowedError unless the user has Manage Channels in that channel."""
    channel = channel_of(interaction, chosen)
    user = interaction.user
    if not isinstance(user, discord.Member) or not allowed(channel, user).manage_channels:
        raise NotAllowedError(
            tr("You need the Manage Channels permission in {channel}.", channel=channel.mention)
        )
    return channel


def managed_everywhere(interaction: Interaction, hint: str) -> None:
    """Raise NotAllowedError unless the user has Manage Channels in the whole server.

    A permission overwrite in one channel is not enough. `hint` says why, or what to do instead.
    """
    user = interaction.user
    if not isinstance(user, discord.Member) or not user.guild_permissions.manage_channels:
        needed = tr("You need the Manage Channels permission in the whole server.")
        raise NotAllowedError(f"{needed} {hint}")


def require_postable(channel: PostableChannel) -> None:
    """Raise NotAllowedError that names the permissions that the bot lacks in the channel."""
    if names := missing(channel):
        lacking = mark("The bot cannot post in {channel}. Give it {permissions} there, then try again.")
        raise NotAllowedError(tr(lacking, channel=channel.mention, permissions=comma_list(names)))


MOST_CHOICES = 25  # of autocompletion, set by Discord


def choices(names: list[str]) -> list[app_commands.Choice[str]]:
    """The names as choices for autocompletion: at most 25, each of at most 100 characters."""
    return [
        app_commands.Choice(name=shown, value=shown)
        for name in names[:MOST_CHOICES]
        if (shown := clip(name, CHOICE))
    ]
