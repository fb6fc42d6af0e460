"""/digest set, list, remove, off, preview and now."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.components import mentions, to_view
from bot.chat.reply import reply
from bot.domain.posting.channel_digests import NAME_MOST
from bot.domain.posting.schedule import DEFAULT_SIZE, MOST_SIZE, WEEK, DigestStyle
from bot.i18n import tr
from bot.messages.digest import channel_digest, digest_payload, next_line, schedule_words, sent_words
from bot.messages.layout import Markdown
from bot.messages.message import Embed, dated, small
from bot.messages.story import GREY, list_pages
from bot.services import digests, topics
from bot.services.context import Context
from cogs.common import (
    ChannelOption,
    Interaction,
    answering,
    channel_of,
    choices,
    guild_of,
    managed,
    may_see,
    require_postable,
    requires,
    target_channel_id,
)
from cogs.digest_setting import remove_digest, set_digest

PAGE = 15  # lines


@app_commands.guild_only()
class DigestCommands(commands.GroupCog, group_name="digest", group_description="The digests of this channel"):
    """The digests of channels. Everybody may list and preview them; the rest needs Manage Channels."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    @app_commands.command(name="set")
    @app_commands.describe(
        time="Time of day, such as 09:00 or 9 pm",
        timezone="Your time zone: a city such as Berlin, or an offset such as UTC+2",
        days="Days: weekdays, weekends, or days such as sun, mon-fri (default: daily); one day makes it weekly",
        size=f"Maximum number of stories (default: {DEFAULT_SIZE})",
        style="Headlines only, or a sentence below each headline (default: brief)",
        topic="Only this topic (default: the channel's topics with the mode digest or both)",
        name="The digest to change, or a name for a new one (default: the daily or the weekly one)",
        channel="Where it is sent (default: this channel)",
    )
    @requires(manage_channels=True)
    async def set_(
        self,
        interaction: Interaction,
        time: str,
        timezone: str,
        days: str | None = None,
        size: app_commands.Range[int, 1, MOST_SIZE] | None = None,
        style: DigestStyle | None = None,
        topic: str | None = None,
        name: app_commands.Range[str, 1, NAME_MOST] | None = None,
        channel: ChannelOption | None = None,
    ) -> None:
        """Set when a digest of a channel is sent and what it shows, or add another one."""
        target = managed(interaction, channel)
        require_postable(target)
        guild_id, title = guild_of(interaction).id, name or ""
        before = await digests.schedule_of(self.context, guild_id, target.id, title)
        reading = digests.zone(timezone)
        if before is None:
            schedule = digests.schedule(time, reading.zone, days, size, style or DigestStyle.BRIEF)
        else:  # what is left out stays
            kept = days or ",".join(WEEK[day] for day in sorted(before.days))
            schedule = digests.schedule(time, reading.zone, kept, size or before.size, style or before.style)
        await set_digest(
            self.context, interaction, target, schedule, topic=topic or "", name=title, reading=reading
        )

    @app_commands.command(name="list")
    @answering
    async def list_(self, interaction: Interaction) -> None:
        """List the digests of this server's channels."""
        guild = guild_of(interaction)
        planned = [
            one
            for one in await digests.planned_digests(self.context, guild.id)
            if may_see(interaction, one.digest.channel_id)
        ]
        lines = [next_line(one) for one in planned]
        headings = [f"**<#{one.digest.channel_id}>**" for one in planned]
        empty = tr("No channel has a digest yet. Start with `/digest set`.")
        await views.answer_pages(
            interaction, list_pages(tr("Digests"), lines, empty, under=headings, size=PAGE)
        )

    @app_commands.command()
    @app_commands.describe(
        name="The digest to remove (default: the only one)", channel="Its channel (default: this channel)"
    )
    @requires(manage_channels=True)
    async def remove(
        self, interaction: Interaction, name: str = "", channel: ChannelOption | None = None
    ) -> None:
        """Remove a digest of a channel."""
        await remove_digest(self.context, interaction, managed(interaction, channel), name=name)

    @app_commands.command()
    @requires(manage_channels=True)
    async def off(self, interaction: Interaction) -> None:
        """Turn off all digests of this channel."""
        channel = managed(interaction)
        await digests.switch_off(self.context, channel.id)
        text = tr("{channel} no longer gets a digest. Its subscriptions stay.", channel=channel.mention)
        await views.answer(interaction, Embed(title=tr("Digest off"), description=text, colour=GREY))

    @app_commands.command()
    @app_commands.describe(name="The digest to preview (default: the one that comes next)")
    @answering
    async def preview(self, interaction: Interaction, name: str = "") -> None:
        """Show this channel's digest as it would be now. Only you see it."""
        channel = channel_of(interaction)
        composed = await digests.preview(self.context, guild_of(interaction).id, channel.id, name)
        digest, plan = composed.digest, composed.schedule
        message = channel_digest(
            digest, composed.topics, plan, composed.owners, composed.model_briefs, composed.title
        )
        since = dated(digest.since)
        if message is None:
            text = tr(
                "There have been no new stories since {date}. A digest is only sent when there are new stories.",
                date=since,
            )
            embed = Embed(title=tr("Digest preview"), description=text, colour=GREY)
            await views.answer(interaction, embed)
            return
        when = " · ".join((tr("Preview"), tr("stories since {date}", date=since), schedule_words(plan)))
        view = to_view((*message.layout, Markdown.of(small(when))), interaction.client.command_ids)
        await reply(interaction, view=view, allowed_mentions=mentions(()))

    @app_commands.command()
    @app_commands.describe(name="The digest to send (default: the only one)")
    @requires(manage_channels=True)
    async def now(self, interaction: Interaction, name: str = "") -> None:
        """Send this channel's digest now. The next one covers the time after it."""
        channel = managed(interaction)
        require_postable(channel)
        count = await digests.send_now(
            self.context, guild_of(interaction).id, channel.id, digest_payload, name=name
        )
        await views.answer(interaction, Embed(title=tr("Digest"), description=sent_words(count), colour=GREY))

    @set_.autocomplete("timezone")
    async def _timezone(
        self, _interaction: Interaction, current: str
    ) -> list[discord.app_commands.Choice[str]]:
        return choices(digests.suggest_zones(current))

    @set_.autocomplete("topic")
    async def _topic(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current, guild_of(interaction).id))

    @set_.autocomplete("name")
    @remove.autocomplete("name")
    @preview.autocomplete("name")
    @now.autocomplete("name")
    async def _name(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        chosen = getattr(interaction.namespace, "channel", None)
        channel_id = chosen.id if chosen is not None else target_channel_id(interaction)
        if not may_see(interaction, channel_id):
            return []
        guild_id = guild_of(interaction).id
        return choices(await digests.suggest(self.context, guild_id, channel_id, current))
