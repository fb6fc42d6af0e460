"""/appearance preview and set: how posts look."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.chat.reply import acknowledge, reply
from bot.domain.model import PostLayout
from bot.domain.text.cleaning import plural
from bot.errors import InvalidInputError
from bot.i18n import tr
from bot.messages.message import Embed
from bot.messages.story import GREY, story_post
from bot.messages.template import EXAMPLE, fenced, too_long_words
from bot.services import appearance, templates, topics
from bot.services.appearance import Preview
from bot.services.context import Context
from cogs import template_form
from cogs.common import Interaction, choices, guild_of, managed, managed_everywhere, requires


@app_commands.guild_only()
@app_commands.default_permissions(manage_channels=True)
class AppearanceCommands(commands.GroupCog, group_name="appearance", group_description="How posts look"):
    """Layouts and colours of posts."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    @app_commands.command()
    @app_commands.describe(topic="Topic of the story to show (default: what this channel follows)")
    @requires(manage_channels=True)
    async def preview(self, interaction: Interaction, topic: str | None = None) -> None:
        """Show a recent story in each layout, and choose one. Only you see it."""
        channel = managed(interaction)
        shown = await appearance.preview(self.context, guild_of(interaction).id, channel.id, topic)
        await reply(interaction, view=_LayoutPreview(self, interaction, channel, shown, topic))

    @app_commands.command(name="set")
    @app_commands.describe(
        layout="Everything, a headline and a line, a headline with its picture, or this server's template",
        colour="Colour of the edge, such as #2D9CDB, or topic for the topic's colour",
        topic="Only posts of this topic (default: all of the channel)",
        everywhere="In all channels of this server (default: only this channel)",
    )
    @requires(manage_channels=True)
    async def set_(
        self,
        interaction: Interaction,
        layout: PostLayout | None = None,
        colour: str | None = None,
        topic: str | None = None,
        everywhere: bool = False,
    ) -> None:
        """Set how this channel's posts look."""
        if layout is None and colour is None:
            raise InvalidInputError(
                "Choose a layout, a colour, or both. `/appearance preview` shows the layouts."
            )
        if everywhere:
            managed_everywhere(interaction, "Without `everywhere`, you change only this channel.")
        channel = None if everywhere else managed(interaction)
        await self.choose(interaction, channel, layout=layout, colour=colour, topic=topic)

    async def choose(self, interaction: Interaction, channel: PostableChannel | None, **chosen: Any) -> None:
        """Set how posts look, and say so."""
        guild_id = guild_of(interaction).id
        changed = await appearance.choose(
            self.context, guild_id, channel.id if channel is not None else None, **chosen
        )
        place = channel.mention if channel is not None else "this server"
        text = (
            f"Set for {plural(len(changed), 'subscription')} in {place}. New posts look like this, and older ones will too when "
            "they are updated."
        )
        await views.answer(interaction, Embed(title="Appearance", description=text, colour=GREY))

    template = app_commands.Group(name="template", description="A layout of this server's own")

    @template.command(name="set")
    @requires(manage_channels=True)
    async def set_template(self, interaction: Interaction) -> None:
        """Write the template of this server's posts. You see it on a story before it is saved."""
        template_form.require_manager(interaction)
        stored = await templates.find(self.context, guild_of(interaction).id)
        await template_form.open_editor(self.context, interaction, stored.text if stored else EXAMPLE)

    @template.command(name="show")
    @requires(manage_channels=True)
    async def show_template(self, interaction: Interaction) -> None:
        """Show the template of this server's posts."""
        stored = await templates.saved(self.context, guild_of(interaction).id)
        text = "\n".join((fenced(stored.text), *too_long_words(stored.too_long_story, stored.too_long_at)))
        embed = Embed(title=tr("The template of this server's posts"), description=text, colour=GREY)
        await views.answer(interaction, embed)

    @template.command(name="preview")
    @requires(manage_channels=True)
    async def preview_template(self, interaction: Interaction) -> None:
        """Show a recent story with the template. Only you see it."""
        stored = await templates.saved(self.context, guild_of(interaction).id)
        await template_form.show_template(self.context, interaction, templates.checked(stored.text))

    @template.command(name="remove")
    @requires(manage_channels=True)
    async def remove_template(self, interaction: Interaction) -> None:
        """Remove the template. Posts that use it become cards."""
        template_form.require_manager(interaction)
        await templates.remove(self.context, guild_of(interaction).id)
        words = tr("The template was removed. Channels that used it get cards.")
        await views.answer(interaction, Embed(description=words, colour=GREY))

    @preview.autocomplete("topic")
    @set_.autocomplete("topic")
    async def _topic(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current, guild_of(interaction).id))


class _LayoutPreview(views.Answer):
    """A story in one layout at a time, with a button for each, and one that chooses the layout shown."""

    def __init__(
        self,
        cog: AppearanceCommands,
        interaction: Interaction,
        channel: PostableChannel,
        preview: Preview,
        topic: str | None,
    ) -> None:
        super().__init__(interaction)
        self._cog, self._channel, self._preview, self._topic = cog, channel, preview, topic
        self._layout = PostLayout.CARD
        self._layouts = [
            layout for layout in PostLayout if layout is not PostLayout.TEMPLATE or preview.template
        ]
        self._show(PostLayout.CARD)

    def _show(self, layout: PostLayout) -> None:
        self._layout = layout
        self.withdraw_offers()
        self.offer(
            *(_Show(self, other, is_shown=other is layout) for other in self._layouts), _Use(self, layout)
        )
        shown = story_post(
            self._preview.view,
            topics=self._preview.topics,
            colour=self._preview.colour,
            layout=layout,
            template=self._preview.template,
        )
        self.showing_layout(shown.layout)

    async def turn(self, interaction: Interaction, layout: PostLayout) -> None:
        """Show another layout."""
        self._show(layout)
        await interaction.response.edit_message(view=self)
        self._interaction = interaction

    async def use(self, interaction: Interaction) -> None:
        """Choose the layout that is shown."""
        managed(interaction, self._channel)
        await self._cog.choose(interaction, self._channel, layout=self._layout, topic=self._topic)


class _Show(ui.Button[Any]):
    def __init__(self, preview: _LayoutPreview, layout: PostLayout, *, is_shown: bool) -> None:
        style = discord.ButtonStyle.secondary
        super().__init__(label=layout.value.capitalize(), style=style, disabled=is_shown)
        self._preview, self._layout = preview, layout

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        """Show the layout."""
        await self._preview.turn(interaction, self._layout)


class _Use(ui.Button[Any]):
    def __init__(self, preview: _LayoutPreview, layout: PostLayout) -> None:
        super().__init__(label=f"Use {layout}", style=discord.ButtonStyle.primary)
        self._preview = preview

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        """Choose the layout."""
        if await acknowledge(interaction):
            await self._preview.use(interaction)
