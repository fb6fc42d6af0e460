"""A story in each layout, of which one can be chosen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord import ui

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.chat.reply import acknowledge
from bot.domain.model import PostLayout
from bot.i18n import mark, tr
from bot.messages.story import story_post
from bot.services.appearance import Preview
from cogs.common import Interaction, managed

LAYOUTS = {
    PostLayout.CARD: mark("Card"),
    PostLayout.COMPACT: mark("Compact"),
    PostLayout.HEADLINE: mark("Headline"),
    PostLayout.TEMPLATE: mark("Template"),
}
USE = {
    PostLayout.CARD: mark("Use card"),
    PostLayout.COMPACT: mark("Use compact"),
    PostLayout.HEADLINE: mark("Use headline"),
    PostLayout.TEMPLATE: mark("Use template"),
}
# Sets how posts look, and says so: of an interaction, in a channel, with the settings by name.
Choose = Callable[..., Awaitable[None]]


class LayoutPreview(views.Answer):
    """A story in one layout at a time, with a button for each, and one that chooses the layout shown."""

    def __init__(
        self,
        choose: Choose,
        interaction: Interaction,
        channel: PostableChannel,
        preview: Preview,
        topic: str | None,
    ) -> None:
        super().__init__(interaction)
        self._choose, self._channel, self._preview, self._topic = choose, channel, preview, topic
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
        await self._choose(interaction, self._channel, layout=self._layout, topic=self._topic)


class _Show(ui.Button[Any]):
    def __init__(self, preview: LayoutPreview, layout: PostLayout, *, is_shown: bool) -> None:
        style = discord.ButtonStyle.secondary
        super().__init__(label=tr(LAYOUTS[layout]), style=style, disabled=is_shown)
        self._preview, self._layout = preview, layout

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        """Show the layout."""
        await self._preview.turn(interaction, self._layout)


class _Use(ui.Button[Any]):
    def __init__(self, preview: LayoutPreview, layout: PostLayout) -> None:
        super().__init__(label=tr(USE[layout]), style=discord.ButtonStyle.primary)
        self._preview = preview

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        """Choose the layout."""
        if await acknowledge(interaction):
            await self._preview.use(interaction)
