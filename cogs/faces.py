"""/appearance face: the name and picture of posts. It makes or deletes the bot's webhook in a channel."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views, webhooks
from bot.chat.permissions import PostableChannel, allowed
from bot.errors import InvalidInputError, NotAllowedError
from bot.i18n import tr
from bot.messages.faces import ended_text, face_text
from bot.messages.message import Embed
from bot.messages.story import GREY
from bot.services import faces
from bot.services.context import Context
from cogs.common import ChannelOption, Interaction, guild_of, managed, requires


class FaceCommand(commands.Cog):
    """The command, as a part of the cog with the group `/appearance`."""

    context: Context

    @app_commands.command()
    @app_commands.describe(
        use="On: posts have a name and picture of their own; off: those of the bot",
        name="Name, or topic for the name of each post's topic (default: topic)",
        picture="Picture to upload",
        picture_address="Address of a picture instead, or bot for the bot's picture (default: bot)",
        channel="Text or announcement channel (default: this one)",
    )
    @requires(manage_channels=True)
    async def face(
        self,
        interaction: Interaction,
        use: Literal["on", "off"],
        name: str | None = None,
        picture: discord.Attachment | None = None,
        picture_address: str | None = None,
        channel: ChannelOption | None = None,
    ) -> None:
        """Let this channel's posts appear under a name and picture, by a webhook of the bot."""
        place = managed(interaction, channel)
        if use == "on":
            text = await give_face(self.context, interaction, place, name, picture, picture_address)
        else:
            text = await take_face(self.context, interaction, place)
        await views.answer(interaction, Embed(title=tr("Name and picture"), description=text, colour=GREY))


async def give_face(
    context: Context,
    interaction: Interaction,
    channel: PostableChannel,
    name: str | None,
    picture: discord.Attachment | None,
    picture_address: str | None,
) -> str:
    """Have posts of a channel appear under a name and picture. Returns what to say about it."""
    place = _with_webhooks(interaction, channel)
    request = faces.request(name, picture_address, has_picture=picture is not None)
    webhooks.require_webhooks(place)
    content = None if picture is None else await webhooks.picture_of(picture)
    present = await faces.face_of(context, place.id)
    webhook = await webhooks.ensure(
        place, interaction.client, None if present is None else present.webhook, content
    )
    face = await faces.choose(context, guild_of(interaction).id, place.id, webhook, request)
    publishes = place.is_news() and await faces.publishes(context, place.id)
    lacks = publishes and not webhooks.may_publish(place)
    return face_text(place.mention, face, cannot_publish=lacks)


async def take_face(context: Context, interaction: Interaction, channel: PostableChannel) -> str:
    """Have posts of a channel appear as the bot's again. Returns what to say about it."""
    place = _with_webhooks(interaction, channel)
    webhook = await faces.webhook_of(context, place.id)
    await webhooks.remove(interaction.client, webhook)
    await faces.end(context, place.id)
    return ended_text(place.mention)


def _with_webhooks(interaction: Interaction, channel: PostableChannel) -> discord.TextChannel:
    """The channel. Raises InvalidInputError or NotAllowedError if it is none with webhooks, or the user may not manage them."""
    if not isinstance(channel, discord.TextChannel):
        raise InvalidInputError(
            tr(
                "Only posts of text and announcement channels can have a name and picture. Choose such a channel."
            )
        )
    user = interaction.user
    if not isinstance(user, discord.Member) or not allowed(channel, user).manage_webhooks:
        raise NotAllowedError(
            tr("You need the Manage Webhooks permission in {channel}.", channel=channel.mention)
        )
    return channel
