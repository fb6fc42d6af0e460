"""What the context menu of a message does: the same as the commands, for the story of the post that was clicked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.views import Answer, Choice, ConfirmView, OptionMenu
from bot.domain.model import StoryView
from bot.domain.text.cleaning import clip, isolate
from bot.i18n import tr
from bot.messages.layout import CHOICE, OPTIONS, Option
from bot.messages.message import Embed, escape_to
from bot.messages.story import GREY, story_option
from bot.services import mutes, posts, related
from bot.services.context import Context
from cogs.common import Interaction, answering, channel_of, check, guild_of, only_with, target_channel_id
from cogs.coverage import show_related, show_why
from cogs.curate import ask_which_article
from cogs.follows import follow_story
from cogs.muting import mute_with_care

NAME = 200  # UTF-16 units of an outlet's name in a question
ForStory = Callable[[Interaction, int], Awaitable[None]]


class StoryMenus(commands.Cog):
    """The context menus of messages. Discord lets an application have five of them."""

    def __init__(self, context: Context, bot: commands.Bot) -> None:
        self.context = context
        self.bot = bot
        self.menus = (
            app_commands.ContextMenu(name="Related", callback=self.related),
            app_commands.ContextMenu(name="Why is this here?", callback=self.why),
            app_commands.ContextMenu(name="Mute this outlet", callback=self.mute),
            app_commands.ContextMenu(name="Not the same story", callback=self.split),
            app_commands.ContextMenu(name="Follow this story", callback=self.follow),
        )

    async def cog_load(self) -> None:
        """Register the menus: discord.py has no decorator for those of a cog."""
        for menu in self.menus:
            self.bot.tree.add_command(menu)

    async def cog_unload(self) -> None:
        """Remove the menus."""
        for menu in self.menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)

    @app_commands.guild_only()
    @answering
    async def related(self, interaction: Interaction, message: discord.Message) -> None:
        """Show all coverage of the story."""

        async def show(answering_to: Interaction, number: int) -> None:
            await show_related(self.context, answering_to, str(number))

        await self._for_story(interaction, message, show)

    @app_commands.guild_only()
    @answering
    async def why(self, interaction: Interaction, message: discord.Message) -> None:
        """Show why the story was posted here, and how it was grouped."""

        async def show(answering_to: Interaction, number: int) -> None:
            await show_why(self.context, answering_to, str(number))

        await self._for_story(interaction, message, show)

    @app_commands.guild_only()
    @answering
    async def follow(self, interaction: Interaction, message: discord.Message) -> None:
        """Get what changes in the story by direct message, or stop."""

        async def toggle(pressed: Interaction, number: int) -> None:
            guild_id, channel_id = guild_of(pressed).id, interaction.channel_id or 0
            await follow_story(self.context, pressed, guild_id, number, channel_id)

        await self._for_story(interaction, message, toggle)

    @only_with(manage_channels=True)
    async def mute(self, interaction: Interaction, message: discord.Message) -> None:
        """Mute an outlet of the story."""
        await self._for_story(interaction, message, self._ask_outlet)

    @only_with(manage_messages=True)
    async def split(self, interaction: Interaction, message: discord.Message) -> None:
        """Take an article out of the story."""

        async def ask(answering_to: Interaction, number: int) -> None:
            await ask_which_article(self.context, answering_to, await self._view(answering_to, number))

        await self._for_story(interaction, message, ask)

    async def _for_story(self, interaction: Interaction, message: discord.Message, then: ForStory) -> None:
        """Call `then` with the story of a post. For a digest or roll-up, ask which of its stories first."""
        told = await posts.stories_of_message(
            self.context,
            guild_of(interaction).id,
            target_channel_id(interaction),
            message.id,
            thread_id=interaction.channel_id or 0,
        )
        if isinstance(told, int):
            await then(interaction, told)
            return

        async def chosen(pressed: Interaction, value: str) -> None:
            await then(pressed, int(value))

        options = [story_option(view) for view in told[:OPTIONS]]
        await _ask(interaction, tr("Which of these stories?"), tr("Choose a story"), options, chosen)

    async def _view(self, interaction: Interaction, number: int) -> StoryView:
        return await related.story_seen(
            self.context, number, guild_of(interaction).id, target_channel_id(interaction)
        )

    async def _ask_outlet(self, interaction: Interaction, number: int) -> None:
        check(interaction, manage_channels=True)
        view = await self._view(interaction, number)
        outlets = posts.outlets(view)[:OPTIONS]
        if len(outlets) == 1:
            await self._ask_place(interaction, outlets[0].domain)
            return

        async def chosen(pressed: Interaction, place: str) -> None:
            await self._ask_place(pressed, outlets[int(place)].domain)

        options = [
            Option(clip(isolate(outlet.name), CHOICE) or "…", str(place), clip(outlet.domain, CHOICE))
            for place, outlet in enumerate(outlets)
        ]
        question = tr("Which outlet of story #{number}?", number=view.number)
        await _ask(interaction, question, tr("Choose an outlet"), options, chosen)

    async def _ask_place(self, interaction: Interaction, domain: str) -> None:
        """Ask where to mute an outlet, then mute it like `/mute`."""
        check(interaction, manage_channels=True)
        channel = channel_of(interaction)
        value = mutes.parse_mute(domain)

        async def here(pressed: Interaction) -> None:
            await mute_with_care(self.context, pressed, value, channel)

        async def everywhere(pressed: Interaction) -> None:
            await mute_with_care(self.context, pressed, value, None)

        name = f"**{escape_to(value, NAME)}**"
        offer = ConfirmView(
            interaction,
            Choice(tr("In this channel"), here),
            Choice(tr("In the whole server"), everywhere),
            views.cancel(tr("Cancel"), tr("{name} was not muted.", name=name)),
        )
        question = tr("Where should {name} be muted?", name=name)
        await views.answer(interaction, Embed(description=question, colour=GREY), offer)


async def _ask(
    interaction: Interaction, question: str, placeholder: str, options: list[Option], press: views.OptionPress
) -> None:
    answer = Answer(interaction)
    answer.offer(OptionMenu(placeholder, options, press))
    await views.answer(interaction, Embed(description=question, colour=GREY), answer)
