"""/mute and /unmute."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.domain.model import Mute
from bot.i18n import tr
from bot.messages.message import Embed, escape
from bot.messages.story import GREY, list_pages
from bot.services import mutes
from bot.services.context import Context
from cogs.common import (
    ChannelOption,
    Interaction,
    choices,
    guild_of,
    may_see,
    only_with,
)
from cogs.muting import mute_texts, mute_with_care, muted_place


def _place(mute: Mute) -> str:
    return tr("in {channel}", channel=f"<#{mute.channel_id}>") if mute.channel_id else tr("across the server")


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
        muted_place(interaction, channel)
        value = mutes.parse_mute(what)
        await mute_with_care(self.context, interaction, value, channel)

    async def _list(self, interaction: Interaction, channel: PostableChannel | None) -> None:
        mutes_of_server = await mutes.listing(self.context, guild_of(interaction).id)
        lines = [
            f"• **{escape(mute.value)}** · {_place(mute)}"
            for mute in mutes_of_server
            if (channel is None or mute.channel_id in (None, channel.id))
            and (not mute.channel_id or may_see(interaction, mute.channel_id))
        ]
        empty = tr("Nothing is muted. Mute an outlet or words with `/mute`.")
        await views.answer_pages(interaction, list_pages(tr("Muted"), lines, empty))

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
        channel_id = muted_place(interaction, channel)
        value = await mutes.unmute(self.context, guild_of(interaction).id, channel_id, what)
        text = mute_texts(value, channel).unmuted
        await views.answer(interaction, Embed(title=tr("Unmuted"), description=text, colour=GREY))

    @unmute.autocomplete("what")
    async def _muted(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await mutes.suggest(self.context, guild_of(interaction).id, current))
