"""The message in a server that the bot has joined, with the buttons to begin."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import discord
from discord import ui
from discord.ext import commands

from bot.chat import views
from bot.chat.greeting import greet
from bot.chat.panel import still
from bot.chat.views import LastingButton
from bot.i18n import mark, speaking, tr
from bot.messages.commands import CommandIds, with_mentions
from bot.messages.message import Embed
from bot.messages.setup import NOT_FOR_YOU, WELCOME, Page
from bot.messages.story import GREY
from bot.services import languages, subscribe
from bot.services.context import Context
from cogs.common import Interaction, guild_of
from cogs.panel import open_panel, show_example

ACTION = "welcome:"  # of the custom ids of the buttons
BUTTONS = {
    "topics": mark("Choose topics"),
    "digest": mark("Digest time"),
    "example": mark("Show an example"),
}
MISSED = timedelta(days=1)  # a server that joined longer ago has found its way
PAGES = {"topics": Page.TOPICS, "digest": Page.DIGEST}


class Welcome(commands.Cog):
    """Says hello in a server that invited the bot."""

    def __init__(self, context: Context, bot: commands.Bot) -> None:
        self.context = context
        self.bot: Any = bot

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Greet a server that invited the bot."""
        joined_at = guild.me.joined_at if guild.me is not None else None
        if await subscribe.may_greet(self.context, guild.id, joined_at or self.context.now()):
            await languages.note_preferred(self.context, guild.id, guild.preferred_locale.value)
            with speaking((await languages.server_language(self.context, guild.id)).code):
                await greet(guild, welcome(self.bot.command_ids))

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Greet the servers that invited the bot while it was away, or just before its first start."""
        for guild in self.bot.guilds:
            await self.on_guild_available(guild)

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Greet a server of which the invitation was missed, if it is not long ago."""
        joined_at = guild.me.joined_at if guild.me is not None and not guild.unavailable else None
        if joined_at is not None and self.context.now() - joined_at <= MISSED:
            await self.on_guild_join(guild)


def welcome(ids: CommandIds) -> ui.LayoutView:
    """What the bot does, with the buttons to begin. They work after a restart."""
    buttons: list[ui.Button[Any]] = [
        ui.Button(label=tr(label), custom_id=f"{ACTION}{name}", style=discord.ButtonStyle.primary)
        for name, label in BUTTONS.items()
    ]
    return still(ui.Container(ui.TextDisplay(with_mentions(tr(WELCOME), ids)), ui.ActionRow(*buttons)))


class WelcomeButton(
    LastingButton,
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=rf"{ACTION}(?P<name>{'|'.join(BUTTONS)})",
):
    """A button of the welcome, for members with Manage Server."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(ui.Button(label=tr(BUTTONS[name]), custom_id=f"{ACTION}{name}"))

    @classmethod
    async def from_custom_id(
        cls, _interaction: Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> WelcomeButton:
        """The button that was pressed."""
        return cls(match["name"])

    async def answer(self, interaction: Interaction) -> None:
        """Open the panel, or show an example, to the member alone."""
        guild_of(interaction)
        context: Context = interaction.client.context
        if not interaction.permissions.manage_guild:
            await views.answer(interaction, Embed(description=tr(NOT_FOR_YOU), colour=GREY))
        elif (page := PAGES.get(self.name)) is not None:
            await open_panel(context, interaction, page)
        else:
            await show_example(context, interaction)
