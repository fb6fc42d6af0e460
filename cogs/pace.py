"""/post-limit, /quiet-hours set and off."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.i18n import tr
from bot.messages.message import Embed, escape
from bot.messages.pace import limit_text, quiet_text
from bot.messages.story import GREY
from bot.services import digests, pace
from bot.services.context import Context
from cogs.common import Interaction, choices, guild_of, managed, only_with, requires


class PaceCommands(commands.Cog):
    """How many posts an hour a channel gets."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command(name="post-limit")
    @app_commands.describe(per_hour="Posts an hour at most (default: what the bot's operator has set)")
    @only_with(manage_channels=True)
    async def post_limit(self, interaction: Interaction, per_hour: int | None = None) -> None:
        """Limit how many posts an hour this channel gets. More stories become one list."""
        channel = managed(interaction)
        limit = await pace.limit(self.context, guild_of(interaction).id, channel.id, per_hour)
        text = limit_text(channel.mention, limit)
        await views.answer(interaction, Embed(title=tr("Limit set"), description=text, colour=GREY))


@app_commands.guild_only()
@app_commands.default_permissions(manage_channels=True)
class QuietHoursCommands(
    commands.GroupCog, group_name="quiet-hours", group_description="Hours in which this channel gets no posts"
):
    """A channel's quiet hours."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    @app_commands.command(name="set")
    @app_commands.describe(
        start="When they begin, such as 22:00 or 10 pm",
        end="When they end, such as 07:00",
        timezone="Your time zone: a city such as Berlin, or an offset such as UTC+2",
    )
    @requires(manage_channels=True)
    async def set_(self, interaction: Interaction, start: str, end: str, timezone: str) -> None:
        """Set hours in which this channel gets no posts. Afterwards, one list shows what came."""
        channel = managed(interaction)
        reading = digests.zone(timezone)
        quiet = pace.quiet_hours(start, end, reading.zone)
        done = await pace.set_quiet(self.context, guild_of(interaction).id, channel.id, quiet)
        text = quiet_text(channel.mention, quiet, done.until)
        if reading.note:
            text += f"\n⚠️ {escape(reading.note)}"
        await views.answer(interaction, Embed(title=tr("Quiet hours set"), description=text, colour=GREY))

    @app_commands.command()
    @requires(manage_channels=True)
    async def off(self, interaction: Interaction) -> None:
        """Turn off this channel's quiet hours. What waits for their end is posted now."""
        channel = managed(interaction)
        await pace.end_quiet(self.context, channel.id)
        text = tr("{channel} no longer has quiet hours.", channel=channel.mention)
        await views.answer(interaction, Embed(title=tr("Quiet hours off"), description=text, colour=GREY))

    @set_.autocomplete("timezone")
    async def _timezone(
        self, _interaction: Interaction, current: str
    ) -> list[discord.app_commands.Choice[str]]:
        return choices(digests.suggest_zones(current))
