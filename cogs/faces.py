"""What `/appearance face` does: it makes or deletes the bot's webhook in a channel, and says what follows."""

from __future__ import annotations

import discord

from bot.chat import webhooks
from bot.chat.permissions import PostableChannel, allowed
from bot.errors import InvalidInputError, NotAllowedError
from bot.i18n import tr
from bot.messages.faces import ended_text, face_text
from bot.services import faces
from bot.services.context import Context
from cogs.common import Interaction, guild_of


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
    wish = faces.request(name, picture_address, has_picture=picture is not None)
    webhooks.require_webhooks(place)
    content = None if picture is None else await webhooks.picture_of(picture)
    present = await faces.face_of(context, place.id)
    webhook = await webhooks.ensure(
        place, interaction.client, None if present is None else present.webhook, content
    )
    face = await faces.choose(context, guild_of(interaction).id, place.id, webhook, wish)
    publishes = place.is_news() and await faces.publishes(context, place.id)
    lacks = publishes and not webhooks.may_publish(place)
    return face_text(place.mention, face, cannot_publish=lacks)


async def take_face(context: Context, interaction: Interaction, channel: PostableChannel) -> str:
    """Have posts of a channel appear as the bot's again. Returns what to say about it."""
    place = _with_webhooks(interaction, channel)
    webhook = await faces.end(context, place.id)
    await webhooks.remove(interaction.client, webhook)
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
