"""/alert: members are told of stories that match a query of theirs."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.permissions import PostableChannel, allowed
from bot.domain.text.cleaning import clip
from bot.errors import InvalidInputError, NotAllowedError
from bot.i18n import tr, tr_plural
from bot.messages.alerts import alert_made, alert_pages
from bot.messages.layout import CHOICE
from bot.messages.message import Embed, escape_to
from bot.messages.story import GREY
from bot.services import alerts
from bot.services.alerts import AlertRequest
from bot.services.context import Context
from cogs.common import (
    ChannelOption,
    Interaction,
    answering,
    channel_of,
    guild_of,
    managed,
    require_postable,
    requires,
)

QUERY = 300  # UTF-16 units of a query in an answer


@app_commands.guild_only()
class AlertCommands(commands.GroupCog, group_name="alert", group_description="Your own alerts"):
    """Alerts of members. A member sees nobody else's, and no answer is visible to others."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        query='Which articles to tell you about, such as (offshore OR sea) "wind farm" -golf',
        channel="Mention you in this channel instead of sending you a direct message",
    )
    @answering
    async def create(
        self, interaction: Interaction, query: str, channel: ChannelOption | None = None
    ) -> None:
        """Get a direct message when a story matches a query. Try it first with /topic test."""
        target = None if channel is None else await self._open_to(interaction, channel)
        request = AlertRequest(
            guild_of(interaction).id,
            interaction.user.id,
            query,
            target,
            interaction.channel_id or 0,
            interaction.locale.value,
        )
        alert = await alerts.create(self.context, request)
        await views.answer(interaction, alert_made(alert, self.context.alert_limits))

    async def _open_to(self, interaction: Interaction, chosen: PostableChannel) -> int:
        """The id of a channel in which alerts may mention this member. Raises NotAllowedError or InvalidInputError."""
        channel = channel_of(interaction, chosen)
        user = interaction.user
        if isinstance(channel, discord.ForumChannel):
            raise InvalidInputError(tr("An alert cannot go to a forum. Choose a text channel or a thread."))
        if not isinstance(user, discord.Member):
            raise NotAllowedError(tr("Only members of this server can have alerts in its channels."))
        may = allowed(channel, user)
        may_speak = may.send_messages_in_threads if isinstance(channel, discord.Thread) else may.send_messages
        if not (may.view_channel and may_speak):
            raise NotAllowedError(
                tr(
                    "You cannot write in {channel}. Choose a channel in which you can.",
                    channel=channel.mention,
                )
            )
        if not may.manage_channels and not await alerts.is_open(self.context, channel.guild.id, channel.id):
            raise NotAllowedError(
                tr(
                    "Alerts may not mention members in {channel}. Leave out the channel to get direct messages, or ask a "
                    "member with Manage Channels to open it with `/alert channel`.",
                    channel=channel.mention,
                )
            )
        require_postable(channel)
        return channel.id

    @app_commands.command(name="list")
    @answering
    async def list_own(self, interaction: Interaction) -> None:
        """Show your alerts in this server. Nobody else sees them."""
        own = await alerts.listing(self.context, guild_of(interaction).id, interaction.user.id)
        await views.answer_pages(interaction, alert_pages(own))

    @app_commands.command()
    @app_commands.describe(alert="One of your alerts")
    @answering
    async def delete(self, interaction: Interaction, alert: str) -> None:
        """Delete one of your alerts."""
        deleted = await alerts.delete(self.context, guild_of(interaction).id, interaction.user.id, alert)
        text = tr("{query} alerts you no longer.", query=f"**{escape_to(deleted.query, QUERY)}**")
        await views.answer(interaction, Embed(title=tr("Alert deleted"), description=text, colour=GREY))

    @app_commands.command()
    @app_commands.describe(
        channel="Where members' alerts may mention them", allow="Whether they may (default: yes)"
    )
    @requires(manage_channels=True)
    async def channel(self, interaction: Interaction, channel: ChannelOption, allow: bool = True) -> None:
        """Let all members have alerts in a channel, or end all alerts there."""
        chosen = managed(interaction, channel)
        if isinstance(chosen, discord.ForumChannel):
            raise InvalidInputError(tr("An alert cannot go to a forum. Choose a text channel or a thread."))
        if allow:
            require_postable(chosen)
        ended = await alerts.set_open(self.context, chosen.guild.id, chosen.id, is_open=allow)
        text = (
            tr("Members' alerts may mention them in {channel}.", channel=chosen.mention)
            if allow
            else tr("Alerts no longer mention members in {channel}.", channel=chosen.mention)
        )
        if ended:
            text += " " + tr_plural("{count} alert was deleted.", "{count} alerts were deleted.", ended)
        await views.answer(interaction, Embed(description=text, colour=GREY))

    @delete.autocomplete("alert")
    async def _own(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        own = await alerts.listing(self.context, guild_of(interaction).id, interaction.user.id)
        typed = current.casefold()
        return [
            app_commands.Choice(name=clip(alert.query, CHOICE), value=str(alert.id))
            for alert in own
            if typed in alert.query.casefold()
        ][:25]
