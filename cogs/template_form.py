"""Writing the template of a server's posts: a form, and a preview on a real story before anything is saved."""

from __future__ import annotations

from functools import partial
from typing import Any

import discord
from discord import ui

from bot.chat import views
from bot.chat.components import mentions
from bot.chat.errors import Modal
from bot.chat.reply import acknowledge, reply
from bot.domain.model import PostLayout
from bot.domain.posting.template import MOST_LENGTH, Template
from bot.errors import InvalidInputError
from bot.i18n import tr
from bot.messages.layout import without_buttons
from bot.messages.message import Embed, escape_markup
from bot.messages.story import GREY, story_post
from bot.messages.template import EXAMPLE, template_help
from bot.services import templates
from bot.services.context import Context
from bot.services.example import example_story
from cogs.common import Interaction, guild_of, managed_everywhere, target_channel_id


def require_manager(interaction: Interaction) -> None:
    """Raise NotAllowedError unless the member may change the server's template."""
    managed_everywhere(interaction, tr("The template is used in all channels of this server."))


async def open_editor(context: Context, interaction: Interaction, text: str) -> None:
    """Answer with what a template can have, and a button that opens the form with this text."""
    embed = Embed(title=tr("The template of this server's posts"), description=template_help(), colour=GREY)
    view = views.Answer(interaction)
    view.offer(_Edit(context, text, tr("Write the template…")))
    await views.answer(interaction, embed, view)


async def open_form(context: Context, interaction: Interaction) -> None:
    """Open the form with the server's template, or with an example if it has none."""
    require_manager(interaction)
    stored = await templates.find(context, guild_of(interaction).id)
    await interaction.response.send_modal(_TemplateForm(context, stored.text if stored else EXAMPLE))


async def show_template(
    context: Context, interaction: Interaction, template: Template, *buttons: Any
) -> None:
    """Answer with a story as the template shows it: a recent one of the server's, or an invented one. With buttons below it."""
    guild_id, channel_id = guild_of(interaction).id, target_channel_id(interaction)
    view, is_real = await example_story(context, guild_id, channel_id)
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
    note = tr("This is an example. Only you can see it, and nothing was posted.")
    if not is_real:
        note = tr("This is an example with an invented story. Only you can see it, and nothing was posted.")
    names = topics.specific_first(view.topics)
    post = partial(
        story_post,
        view,
        topics=names,
        owners=context.rules.owners,
        layout=PostLayout.TEMPLATE,
        template=template,
    )
    shown = post(note=note)
    if shown.fell_back:
        warning = tr("⚠️ This story has no room in a message with the template, so it is shown as a card.")
        shown = post(note=f"{note} {warning}")
    answer = views.Answer(interaction)
    answer.offer(*buttons)
    answer.showing_layout(shown.layout if is_real else without_buttons(shown.layout))
    await reply(interaction, view=answer, allowed_mentions=mentions(()))


async def check(context: Context, interaction: Interaction, text: str) -> None:
    """Answer with a preview of the template and a button that saves it, or with what is wrong with it. Either can be edited."""
    edit = _Edit(context, text, tr("Edit…"))
    try:
        template = templates.checked(text)
    except InvalidInputError as error:
        view = views.Answer(interaction)
        view.offer(edit)
        embed = Embed(
            title=tr("The template was not saved"), description=f"⚠️ {escape_markup(str(error))}", colour=GREY
        )
        await views.answer(interaction, embed, view)
        return
    await show_template(context, interaction, template, _Save(context, text), edit)


class _Edit(ui.Button[Any]):
    def __init__(self, context: Context, text: str, label: str) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.secondary)
        self._context, self._text = context, text

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        """Open the form."""
        require_manager(interaction)
        await interaction.response.send_modal(_TemplateForm(self._context, self._text))


class _Save(ui.Button[Any]):
    def __init__(self, context: Context, text: str) -> None:
        super().__init__(label=tr("Save"), style=discord.ButtonStyle.primary)
        self._context, self._text = context, text

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        """Save the template that is shown."""
        if not await acknowledge(interaction):
            return
        require_manager(interaction)
        await templates.save(self._context, guild_of(interaction).id, self._text, interaction.user.id)
        words = tr(
            "Saved. Choose the layout *template* with `/appearance set`, for one channel or everywhere."
        )
        await views.answer(interaction, Embed(description=words, colour=GREY))


class _TemplateForm(Modal):
    """The text of the template."""

    def __init__(self, context: Context, text: str) -> None:
        super().__init__(title=tr("The template of posts"))
        self._context = context
        self._field: ui.TextInput[Any] = ui.TextInput(
            custom_id="template",
            style=discord.TextStyle.paragraph,
            default=text[:MOST_LENGTH] or None,
            placeholder="### {headline}",
            max_length=MOST_LENGTH,
        )
        self.add_item(ui.Label(text=tr("Text with placeholders"), component=self._field))

    @views.answered
    async def on_submit(self, interaction: Interaction, /) -> None:
        """Show what comes of it."""
        if await acknowledge(interaction):
            require_manager(interaction)
            await check(self._context, interaction, self._field.value)
