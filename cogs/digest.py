"""/digest set, off, preview and now."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.components import mentions, to_view
from bot.chat.reply import reply
from bot.domain.posting.schedule import DEFAULT_SIZE, MOST_SIZE, DigestStyle, Schedule
from bot.domain.text.cleaning import clip
from bot.i18n import comma_list, tr, tr_plural
from bot.messages.digest import channel_digest, digest_payload, schedule_words
from bot.messages.layout import Markdown
from bot.messages.message import Embed, dated, escape
from bot.messages.story import GREY
from bot.services import digests
from bot.services.context import Context
from cogs.common import (
    Interaction,
    answering,
    channel_of,
    choices,
    guild_of,
    managed,
    require_postable,
    requires,
)


@app_commands.guild_only()
class DigestCommands(commands.GroupCog, group_name="digest", group_description="The digest of this channel"):
    """A channel's digest. Set, off and now need Manage Channels; everybody may look at the preview."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    @app_commands.command(name="set")
    @app_commands.describe(
        time="Time of day, such as 09:00 or 9 pm",
        timezone="Your time zone: a city such as Berlin, or an offset such as UTC+2",
        days="Days: weekdays, weekends, or days such as mon, thu or mon-fri (default: daily)",
        size=f"Maximum number of stories (default: {DEFAULT_SIZE})",
        style="Headlines only, or a sentence below each headline (default: brief)",
    )
    @requires(manage_channels=True)
    async def set_(
        self,
        interaction: Interaction,
        time: str,
        timezone: str,
        days: str | None = None,
        size: app_commands.Range[int, 1, MOST_SIZE] | None = None,
        style: DigestStyle = DigestStyle.BRIEF,
    ) -> None:
        """Set when this channel's digest is sent, and what it shows."""
        await self._set(interaction, time, timezone, days, size, style)

    async def _set(
        self,
        interaction: Interaction,
        time: str,
        timezone: str,
        days: str | None,
        size: int | None,
        style: DigestStyle,
    ) -> None:
        channel = managed(interaction)
        require_postable(channel)
        reading = digests.zone(timezone)
        schedule = digests.schedule(time, reading.zone, days, size, style)
        done = await digests.set_schedule(self.context, guild_of(interaction).id, channel.id, schedule)
        lines = [
            _set_text(schedule, channel.mention),
            tr("Next digest: {time}", time=f"<t:{int(done.next_digest.timestamp())}:F>"),
        ]
        if done.topics:
            lines.append(tr("Topics: {topics}", topics=clip(comma_list(map(escape, done.topics)), 1500)))
        else:
            lines.append(
                "⚠️ " + tr("The digest has no topics yet. Use `/subscribe` with the mode *digest* or *both*.")
            )
        if reading.note:
            lines.append(f"⚠️ {escape(reading.note)}")

        def instead(zone: str) -> views.Choice:
            async def press(pressed: Interaction) -> None:
                await self._set(pressed, time, zone, days, size, style)

            return views.Choice(tr("Use {zone}", zone=zone), press)

        offer = views.ConfirmView(interaction, *map(instead, reading.others)) if reading.others else None
        await views.answer(
            interaction, Embed(title=tr("Digest set"), description="\n".join(lines), colour=GREY), offer
        )

    @app_commands.command()
    @requires(manage_channels=True)
    async def off(self, interaction: Interaction) -> None:
        """Turn off this channel's digest."""
        channel = managed(interaction)
        await digests.switch_off(self.context, channel.id)
        text = tr("{channel} no longer gets a digest. Its subscriptions stay.", channel=channel.mention)
        await views.answer(interaction, Embed(title=tr("Digest off"), description=text, colour=GREY))

    @app_commands.command()
    @answering
    async def preview(self, interaction: Interaction) -> None:
        """Show this channel's digest as it would be now. Only you see it."""
        channel = channel_of(interaction)
        composed = await digests.preview(self.context, guild_of(interaction).id, channel.id)
        digest, plan = composed.digest, composed.schedule
        message = channel_digest(digest, composed.topics, plan, composed.owners, composed.model_briefs)
        since = dated(digest.since)
        if message is None:
            text = tr(
                "There have been no new stories since {date}. A digest is only sent when there are new stories.",
                date=since,
            )
            await views.answer(interaction, Embed(title=tr("Digest preview"), description=text, colour=GREY))
            return
        when = " · ".join((tr("Preview"), tr("stories since {date}", date=since), schedule_words(plan)))
        view = to_view((*message.layout, Markdown.of(f"-# {when}")), interaction.client.command_ids)
        await reply(interaction, view=view, allowed_mentions=mentions(()))

    @app_commands.command()
    @requires(manage_channels=True)
    async def now(self, interaction: Interaction) -> None:
        """Send this channel's digest now. The next one covers the time after it."""
        channel = managed(interaction)
        require_postable(channel)
        count = await digests.send_now(self.context, guild_of(interaction).id, channel.id, digest_payload)
        text = (
            tr_plural("Sending a digest with {count} story.", "Sending a digest with {count} stories.", count)
            if count
            else tr("There are no new stories, so no digest is sent.")
        )
        await views.answer(interaction, Embed(title=tr("Digest"), description=text, colour=GREY))

    @set_.autocomplete("timezone")
    async def _timezone(
        self, _interaction: Interaction, current: str
    ) -> list[discord.app_commands.Choice[str]]:
        return choices(digests.suggest_zones(current))


def _set_text(schedule: Schedule, channel: str) -> str:
    """When a channel gets its digest, and how long it is."""
    when = schedule_words(schedule)
    if schedule.style is DigestStyle.HEADLINES:
        return tr_plural(
            "{channel} gets a digest {when} with at most {count} story (headlines only).",
            "{channel} gets a digest {when} with at most {count} stories (headlines only).",
            schedule.size,
            channel=channel,
            when=when,
        )
    return tr_plural(
        "{channel} gets a digest {when} with at most {count} story.",
        "{channel} gets a digest {when} with at most {count} stories.",
        schedule.size,
        channel=channel,
        when=when,
    )
