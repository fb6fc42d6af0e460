"""/appearance: how posts look, under which name, and in which language they are."""

from __future__ import annotations

from typing import Any

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.chat.reply import reply
from bot.chat.translator import untranslated
from bot.domain.model import PostLayout
from bot.errors import InvalidInputError
from bot.i18n import LANGUAGES, language_for, tr, tr_plural
from bot.messages.message import Embed
from bot.messages.story import GREY
from bot.messages.template import EXAMPLE, fenced, too_long_words
from bot.services import appearance, languages, templates, topics
from bot.services.context import Context
from cogs import template_form
from cogs.common import Interaction, choices, guild_of, managed, managed_everywhere, requires
from cogs.faces import FaceCommand
from cogs.layout_preview import LayoutPreview

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
        await reply(interaction, view=LayoutPreview(self.choose, interaction, channel, shown, topic))

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
