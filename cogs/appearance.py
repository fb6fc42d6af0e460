"""/appearance: how posts look, under which name, and in which language they are."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.chat.reply import acknowledge, reply
from bot.chat.translator import untranslated
from bot.domain.model import PostLayout
from bot.errors import InvalidInputError
from bot.i18n import LANGUAGES, language_for, mark, tr, tr_plural
from bot.messages.message import Embed
from bot.messages.story import GREY, story_post
from bot.services import appearance, languages, topics
from bot.services.appearance import Preview
from bot.services.context import Context
from cogs.common import Interaction, choices, guild_of, managed, managed_everywhere, requires
from cogs.faces import FaceCommand

LAYOUTS = {
    PostLayout.CARD: mark("Card"),
    PostLayout.COMPACT: mark("Compact"),
    PostLayout.HEADLINE: mark("Headline"),
}
USE = {
    PostLayout.CARD: mark("Use card"),
    PostLayout.COMPACT: mark("Use compact"),
    PostLayout.HEADLINE: mark("Use headline"),
}
SPOKEN = [
    app_commands.Choice(name="the server's language in Discord", value=languages.SERVERS_OWN),
    *(app_commands.Choice(name=untranslated(name), value=code) for code, name in LANGUAGES.items()),
]


@app_commands.guild_only()
@app_commands.default_permissions(manage_channels=True)
class AppearanceCommands(
    FaceCommand, commands.GroupCog, group_name="appearance", group_description="How posts look"
):
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
        layout="Everything, a headline and a line, or a headline with its picture",
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
                tr("Choose a layout, a colour, or both. `/appearance preview` shows the layouts.")
            )
        if everywhere:
            managed_everywhere(interaction, tr("Without `everywhere`, you change only this channel."))
        channel = None if everywhere else managed(interaction)
        await self.choose(interaction, channel, layout=layout, colour=colour, topic=topic)

    async def choose(self, interaction: Interaction, channel: PostableChannel | None, **chosen: Any) -> None:
        """Set how posts look, and say so."""
        guild_id = guild_of(interaction).id
        changed = await appearance.choose(
            self.context, guild_id, channel.id if channel is not None else None, **chosen
        )
        if channel is not None:
            text = tr_plural(
                "Set for {count} subscription in {channel}. New posts look like this, and older ones will too when "
                "they are updated.",
                "Set for {count} subscriptions in {channel}. New posts look like this, and older ones will too when "
                "they are updated.",
                len(changed),
                channel=channel.mention,
            )
        else:
            text = tr_plural(
                "Set for {count} subscription in this server. New posts look like this, and older ones will too "
                "when they are updated.",
                "Set for {count} subscriptions in this server. New posts look like this, and older ones will too "
                "when they are updated.",
                len(changed),
            )
        await views.answer(interaction, Embed(title=tr("Appearance"), description=text, colour=GREY))

    @app_commands.command(name="language")
    @app_commands.describe(language="The language of posts and digests")
    @app_commands.choices(language=SPOKEN)
    @requires(manage_channels=True)
    async def language_(self, interaction: Interaction, language: str) -> None:
        """Set the language of posts and digests in this server. Answers are in the language of whoever asks."""
        managed_everywhere(interaction, tr("The language is that of all channels."))
        set_ = await languages.choose(self.context, guild_of(interaction).id, language)
        text = tr(
            "Posts and digests in this server are in this language from now on: **{language}**. Those that are already "
            "there change when they are next updated.",
            language=LANGUAGES[language_for(set_.code)],
        )
        await views.answer(interaction, Embed(title=tr("Language"), description=text, colour=GREY))

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
        self._show(PostLayout.CARD)

    def _show(self, layout: PostLayout) -> None:
        self._layout = layout
        self.withdraw_offers()
        self.offer(
            *(_Show(self, other, is_shown=other is layout) for other in PostLayout), _Use(self, layout)
        )
        shown = story_post(
            self._preview.view, topics=self._preview.topics, colour=self._preview.colour, layout=layout
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
        super().__init__(label=tr(LAYOUTS[layout]), style=style, disabled=is_shown)
        self._preview, self._layout = preview, layout

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        """Show the layout."""
        await self._preview.turn(interaction, self._layout)


class _Use(ui.Button[Any]):
    def __init__(self, preview: _LayoutPreview, layout: PostLayout) -> None:
        super().__init__(label=tr(USE[layout]), style=discord.ButtonStyle.primary)
        self._preview = preview

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        """Choose the layout."""
        if await acknowledge(interaction):
            await self._preview.use(interaction)
