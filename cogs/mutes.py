"""/mute and /unmute."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.permissions import Target
from bot.domain.message import Embed, escape
from bot.domain.render import GREY
from bot.errors import NotAllowedError
from bot.usecases import mutes as use
from bot.usecases.context import Context
from cogs.common import Interaction, choices, guild_of, managed, only_with


def _place(interaction: Interaction, channel: Target | None) -> tuple[int | None, str]:
    """The channel, or the whole server; the user must be allowed to decide for it."""
    if channel is not None:
        return managed(interaction, channel).id, channel.mention
    # A right in this one channel, as an overwrite can give it, is none in the others.
    user = interaction.user
    if not isinstance(user, discord.Member) or not user.guild_permissions.manage_channels:
        raise NotAllowedError(
            "You need Manage Channels in the whole server for this: name a channel to mute something there only."
        )
    return None, "the whole server"


class Mutes(commands.Cog):
    """What a server does not want to read."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        what="An outlet (example.com) or words in a title", channel="Only in this channel (the whole server)"
    )
    @only_with(manage_channels=True)
    async def mute(
        self,
        interaction: Interaction,
        what: app_commands.Range[str, 1, use.LONGEST],
        channel: discord.TextChannel | discord.Thread | discord.ForumChannel | None = None,
    ) -> None:
        """Keep an outlet, or titles with certain words, out."""
        channel_id, place = _place(interaction, channel)
        value = await use.mute(self.context, guild_of(interaction).id, channel_id, what)
        text = f"**{escape(value)}** neither leads nor counts in {place} from now on. Take it back with `/unmute`."
        await views.answer(interaction, Embed(title="Muted", description=text, colour=GREY))

    @app_commands.command()
    @app_commands.describe(what="What was muted", channel="The channel it was muted in (the whole server)")
    @only_with(manage_channels=True)
    async def unmute(
        self,
        interaction: Interaction,
        what: app_commands.Range[str, 1, use.LONGEST],
        channel: discord.TextChannel | discord.Thread | discord.ForumChannel | None = None,
    ) -> None:
        """Let an outlet or words in again."""
        channel_id, place = _place(interaction, channel)
        value = await use.unmute(self.context, guild_of(interaction).id, channel_id, what)
        text = f"**{escape(value)}** counts again in {place}."
        await views.answer(interaction, Embed(title="Unmuted", description=text, colour=GREY))

    @unmute.autocomplete("what")
    async def _muted(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await use.suggest(self.context, guild_of(interaction).id, current))
