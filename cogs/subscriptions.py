"""/subscribe, /unsubscribe and /subscriptions."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.domain.model import Mode, PostLayout, StorySize, Volume
from bot.errors import InvalidInputError
from bot.i18n import mark, tr
from bot.messages.message import Embed, escape
from bot.messages.story import GREY, list_pages
from bot.services import subscribe, topics
from bot.services.context import Context
from bot.services.subscribe import Reset, SubscribeRequest, SubscribeResult
from cogs.common import (
    MOST_CHOICES,
    ChannelOption,
    Interaction,
    answering,
    choices,
    guild_of,
    managed,
    managed_everywhere,
    may_see,
    only_with,
    require_postable,
)
from cogs.missing_channels import in_missing_channel, missing_channel_name, missing_channel_value
from cogs.pages import channel_lines, require_pingable, subscribed

PAGE = 15  # lines
POSTING = mark("Posting story #{number} in {channel}.")
POSTED = mark("Story #{number} is already posted in {channel}.")
UNSUBSCRIBED = mark("{channel} no longer follows **{topic}**. Existing posts stay.")
UNSUBSCRIBED_LOST = mark("The missing channel {channel} no longer follows **{topic}**. Existing posts stay.")


class SubscriptionCommands(commands.Cog):
    """Subscriptions of channels to topics."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        topic="Topic to subscribe to, including its subtopics",
        channel="Where to post (default: this channel)",
        mode="Live posts, a digest, or both (default: live)",
        volume="How much to post: few, some or many are about 2, 8 or 25 posts a day (default: some)",
        digest_volume="With posts and a digest: which stories the digest can have (default: everything)",
        mention="Role to ping with live posts (default: none)",
        ping_from="Ping only for stories of this size: when posted, or once when they reach it later (default: any)",
        announce_major="Reply once to a post whose story turns major later (default: no)",
        layout="How posts look (default: card)",
        publish="In an announcement channel: publish posts to its followers (default: no)",
        reset="Reset the mention, the volume, or everything to the default",
    )
    @only_with(manage_channels=True)
    async def subscribe(
        self,
        interaction: Interaction,
        topic: str,
        channel: ChannelOption | None = None,
        mode: Literal["live", "digest", "both"] | None = None,
        volume: Literal["few", "some", "many", "everything", "notable", "major"] | None = None,
        digest_volume: Literal["everything", "notable", "major"] | None = None,
        mention: discord.Role | None = None,
        ping_from: StorySize | None = None,
        announce_major: bool | None = None,
        layout: PostLayout | None = None,
        publish: bool | None = None,
        reset: Literal["mention", "volume", "everything"] | None = None,
    ) -> None:
        """Subscribe a channel to a topic, or change a subscription."""
        target = managed(interaction, channel)
        require_postable(target)
        if mention is not None:
            require_pingable(mention)
        if publish and not (isinstance(target, discord.TextChannel) and target.is_news()):
            raise InvalidInputError(
                tr(
                    "{channel} is not an announcement channel, so it has no followers to publish to.",
                    channel=target.mention,
                )
            )
        request = SubscribeRequest(
            guild_of(interaction).id,
            target.id,
            topic,
            Mode(mode) if mode else None,
            Volume(volume) if volume else None,
            mention.id if mention else None,
            publish,
            Reset(reset) if reset else None,
            layout=layout,
            digest_volume=Volume(digest_volume) if digest_volume else None,
            ping_from=ping_from,
            announces_major=announce_major,
        )
        result = await subscribe.subscribe(self.context, request)
        offer = self._offer(interaction, result, target)
        await views.answer(interaction, subscribed(result, mention, target), offer)

    def _offer(
        self, interaction: Interaction, result: SubscribeResult, target: PostableChannel
    ) -> views.ConfirmView | None:
        newest, subscription = result.forecast.newest, result.subscription
        if newest is None or result.forecast.posted or subscription.mode is Mode.DIGEST:
            return None

        async def press(pressed: Interaction) -> None:
            managed(pressed, target)
            posted = await subscribe.post_now(
                self.context, newest.number, subscription.guild_id, subscription.channel_id
            )
            sentence = POSTING if posted else POSTED
            text = tr(sentence, number=newest.number, channel=f"<#{subscription.channel_id}>")
            await views.answer(pressed, Embed(description=text, colour=GREY))

        return views.ConfirmView(interaction, views.Choice(tr("Post the newest story now"), press))

    @app_commands.command()
    @app_commands.describe(topic="Topic to unsubscribe from", channel="The channel (default: this channel)")
    @only_with(manage_channels=True)
    async def unsubscribe(
        self,
        interaction: Interaction,
        topic: str,
        channel: ChannelOption | None = None,
    ) -> None:
        """Unsubscribe a channel from a topic."""
        guild = guild_of(interaction)
        if (lost := in_missing_channel(guild, topic)) is not None:
            managed_everywhere(interaction, tr("The bot cannot see that channel."))
            channel_id, topic = lost
            name = await subscribe.unsubscribe(
                self.context, topic, channel_id, guild.id, channel_deleted=True
            )
            sentence, place = UNSUBSCRIBED_LOST, str(channel_id)
        else:
            target = managed(interaction, channel)
            name = await subscribe.unsubscribe(self.context, topic, target.id, guild.id)
            sentence, place = UNSUBSCRIBED, target.mention
        text = tr(sentence, channel=place, topic=escape(name))
        await views.answer(interaction, Embed(title=tr("Unsubscribed"), description=text, colour=GREY))

    @app_commands.command()
    @app_commands.guild_only()
    @answering
    async def subscriptions(self, interaction: Interaction) -> None:
        """List this server's subscriptions and paused channels."""
        guild = guild_of(interaction)
        entries = await subscribe.listing(self.context, guild.id)
        visible = [
            (channel_lines(entry, guild), entry)
            for entry in entries
            if may_see(interaction, entry.channel_id)
        ]
        lines = [line for channel_text, _ in visible for line in channel_text]
        headings = [f"**<#{entry.channel_id}>**" for channel_text, entry in visible for _ in channel_text]
        empty = tr("No channel has a subscription yet. Start with `/subscribe`.")
        await views.answer_pages(
            interaction, list_pages(tr("Subscriptions"), lines, empty, under=headings, size=PAGE)
        )

    @subscribe.autocomplete("topic")
    async def _any_topic(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current, guild_of(interaction).id))

    @unsubscribe.autocomplete("topic")
    async def _subscribed_topic(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        guild = guild_of(interaction)
        names = choices(await topics.subscribed(self.context, guild.id, current))
        lost = await subscribe.subscriptions_of_missing_channels(
            self.context, guild.id, lambda i: guild.get_channel_or_thread(i) is not None
        )
        names += [
            app_commands.Choice(name=missing_channel_name(s), value=missing_channel_value(s))
            for s in lost
            if current.casefold() in missing_channel_value(s).casefold()
        ]
        return names[-MOST_CHOICES:]
