"""/mute and /unmute."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.domain.text.cleaning import plural
from bot.messages.message import Embed, escape
from bot.messages.story import GREY, list_pages, story_line
from bot.services import mutes
from bot.services.context import Context
from cogs.common import (
    ChannelOption,
    Interaction,
    choices,
    guild_of,
    managed,
    managed_everywhere,
    may_see,
    only_with,
)

EXAMPLES = 3


def _place(interaction: Interaction, channel: PostableChannel | None) -> tuple[int | None, str]:
    """The id of the channel (None for the server) and its description. Checks the user's permission."""
    if channel is not None:
        return managed(interaction, channel).id, f"in {channel.mention}"
    managed_everywhere(interaction, "To mute in one channel only, choose it in the channel option.")
    return None, "across the server"


class MuteCommands(commands.Cog):
    """Mutes of a server or channel."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        what="An outlet (example.com) or words in a title; leave empty to list all mutes",
        channel="Mute in this channel only (default: the whole server)",
    )
    @only_with(manage_channels=True)
    async def mute(
        self,
        interaction: Interaction,
        what: app_commands.Range[str, 1, mutes.LONGEST] | None = None,
        channel: ChannelOption | None = None,
    ) -> None:
        """Hide an outlet, or articles with certain words in the title. Without options: list all mutes."""
        if what is None:
            await self._list(interaction, channel)
            return
        guild_id = guild_of(interaction).id
        channel_id, place = _place(interaction, channel)
        value = mutes.parse_mute(what)
        effect = await mutes.effect(self.context, guild_id, channel_id, value)
        name = f"**{escape(value)}**"

        async def undo(pressed: Interaction) -> None:
            _place(pressed, channel)
            await mutes.unmute(self.context, guild_id, channel_id, value)
            await views.answer(
                pressed, Embed("Unmuted", "", f"{name} is no longer muted {place}.", colour=GREY)
            )

        async def mute(answering: Interaction) -> None:
            _place(answering, channel)
            if not await mutes.mute(self.context, guild_id, channel_id, value):
                await views.answer(
                    answering, Embed(description=f"{name} is already muted {place}.", colour=GREY)
                )
                return
            text = f"{name} is muted {place}. Undo with `/unmute`.\n{_meaning(value)}\n{_describe_effect(effect)}"
            offer = views.ConfirmView(answering, views.Choice("Undo", undo))
            await views.answer(answering, Embed("Muted", "", text, colour=GREY), offer)

        if not effect.is_large:
            await mute(interaction)
            return
        offer = views.ConfirmView(
            interaction,
            views.Choice("Mute it", mute, danger=True),
            views.cancel("Cancel", f"{name} was not muted."),
        )
        text = f"{_describe_effect(effect)}\nThat is more than one story in ten. Mute {name} {place}?"
        await views.answer(interaction, Embed("Are you sure?", "", text, colour=GREY), offer)

    async def _list(self, interaction: Interaction, channel: PostableChannel | None) -> None:
        mutes_of_server = await mutes.listing(self.context, guild_of(interaction).id)
        lines = [
            f"• **{escape(mute.value)}** · {f'in <#{mute.channel_id}>' if mute.channel_id else 'across the server'}"
            for mute in mutes_of_server
            if (channel is None or mute.channel_id in (None, channel.id))
            and (not mute.channel_id or may_see(interaction, mute.channel_id))
        ]
        empty = "Nothing is muted. Mute an outlet or words with `/mute`."
        await views.answer_pages(interaction, list_pages("Muted", lines, empty))

    @app_commands.command()
    @app_commands.describe(
        what="The muted outlet or words", channel="The channel where it is muted (default: the whole server)"
    )
    @only_with(manage_channels=True)
    async def unmute(
        self,
        interaction: Interaction,
        what: app_commands.Range[str, 1, mutes.LONGEST],
        channel: ChannelOption | None = None,
    ) -> None:
        """Undo a mute."""
        channel_id, place = _place(interaction, channel)
        value = await mutes.unmute(self.context, guild_of(interaction).id, channel_id, what)
        text = f"**{escape(value)}** is no longer muted {place}."
        await views.answer(interaction, Embed(title="Unmuted", description=text, colour=GREY))

    @unmute.autocomplete("what")
    async def _muted(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await mutes.suggest(self.context, guild_of(interaction).id, current))


def _meaning(value: str) -> str:
    outlet = f"the outlet {escape(value)}" if "." in value else "any outlet with that name"
    return (
        f"This hides articles from {outlet} and articles with “{escape(mutes.phrase(value))}” in the title."
    )


def _describe_effect(effect: mutes.MuteEffect) -> str:
    days = mutes.LOOK_BACK.days
    if not effect.total:
        return f"There are no stories from the last {days} days to compare with."
    if not effect.hidden:
        return f"Of {plural(effect.total, 'story', 'stories')} from the last {days} days, it would have hidden none."
    lines = [
        f"Of {plural(effect.total, 'story', 'stories')} from the last {days} days, it would have hidden **{len(effect.hidden)}**:",
        *(f"• {story_line(view, 300)}" for view in effect.hidden[:EXAMPLES]),
    ]
    if len(effect.hidden) > EXAMPLES:
        lines.append(f"… and {len(effect.hidden) - EXAMPLES} more")
    return "\n".join(lines)
