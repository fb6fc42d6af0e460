"""*Merge with* and *Not the same story* below /related, for members with Manage Messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import discord
from discord import ui

from bot.chat import views
from bot.chat.errors import Modal
from bot.chat.reply import acknowledge
from bot.domain.model import UNKNOWN_DATE, Stored, StoryView
from bot.domain.text.cleaning import clip, isolate
from bot.errors import InvalidInputError
from bot.i18n import day, time_of_day, tr
from bot.messages.layout import CHOICE
from bot.messages.message import Embed, escape_to
from bot.messages.story import GREY
from bot.services import curate
from bot.services.context import Context
from bot.services.curate import Editor
from cogs.common import Interaction, check, guild_of

MOST_CHOICES = 25  # of a menu: https://discord.com/developers/docs/components/reference#string-select


def actions(context: Context, interaction: Interaction, view: StoryView) -> list[ui.Button[Any]]:
    """The buttons that the user may press."""
    if not interaction.permissions.manage_messages:
        return []
    guild_id = guild_of(interaction).id
    buttons: list[ui.Button[Any]] = []
    if curate.may_merge(context, guild_id, view):
        buttons.append(_Merge(context, view.number))
    if members := curate.may_split(context, guild_id, view):
        buttons.append(_Part(context, view.number, members))
    return buttons


def _editor(interaction: Interaction) -> Editor:
    """The user as an editor. Checks the permission again, because buttons and forms stay for minutes."""
    check(interaction, manage_messages=True)
    return Editor(guild_of(interaction).id, interaction.user.id)


async def _done(interaction: Interaction, text: str, undo: views.Press) -> None:
    """Replace the answer by what was done, with a button that undoes it."""
    embed = Embed(description=text, colour=GREY)
    view = views.ConfirmView(interaction, views.Choice(tr("Undo"), undo))
    await interaction.edit_original_response(view=view.showing(embed, interaction.client.command_ids))


async def _merge(context: Context, interaction: Interaction, number: int, other: str) -> None:
    """Merge two stories. *Undo* takes the articles of the absorbed one out again."""
    merged = await curate.merge(context, _editor(interaction), number, other)

    async def undo(pressed: Interaction) -> None:
        kept, fresh = await curate.split_story(context, _editor(pressed), merged.number, merged.articles)
        text = tr("Undone: story #{new} is separate from #{number} again.", new=fresh, number=kept)
        await views.answer(pressed, Embed(description=text, colour=GREY))

    text = tr(
        "Story #{merged} is now part of #{number}. The posts are updated within a minute.",
        merged=merged.absorbed,
        number=merged.number,
    )
    await _done(interaction, text, undo)


async def _split(context: Context, interaction: Interaction, number: int, article: int, title: str) -> None:
    """Take an article out of its story. *Undo* brings it back."""
    kept, fresh = await curate.split_story(context, _editor(interaction), number, (article,))

    async def undo(pressed: Interaction) -> None:
        merged = await curate.merge(context, _editor(pressed), kept, str(fresh))
        text = tr(
            "Undone: “{title}” is part of story #{number} again.",
            title=escape_to(title, 200),
            number=merged.number,
        )
        await views.answer(pressed, Embed(description=text, colour=GREY))

    text = tr(
        "“{title}” is now story #{new}, separate from #{number}.",
        title=escape_to(title, 200),
        new=fresh,
        number=kept,
    )
    await _done(interaction, text, undo)


class _Merge(ui.Button[Any]):
    """Opens the form that asks for the other story."""

    def __init__(self, context: Context, number: int) -> None:
        super().__init__(label=tr("Merge with…"))
        self._context, self._number = context, number

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        _editor(interaction)
        await interaction.response.send_modal(_WhichOther(self._context, self._number))


class _WhichOther(Modal):
    """Asks for the other story by number, link or title."""

    def __init__(self, context: Context, number: int) -> None:
        super().__init__(title=tr("Merge with another story"), timeout=views.ANSWER_SECONDS)
        self._context, self._number = context, number
        label = tr("Number, link, or words of its title")
        self._other: ui.TextInput[Any] = ui.TextInput(label=label, custom_id="other", max_length=200)
        self.add_item(self._other)

    @views.answered
    async def on_submit(self, interaction: Interaction, /) -> None:
        if not await acknowledge(interaction):
            return
        await _merge(self._context, interaction, self._number, self._other.value)


class _Part(ui.Button[Any]):
    """Opens the menu of the story's articles."""

    def __init__(self, context: Context, number: int, members: Sequence[Stored]) -> None:
        super().__init__(label=tr("Not the same story…"))
        self._context, self._number, self._members = context, number, members

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        if await acknowledge(interaction):
            await _ask_which(self._context, interaction, self._number, self._members)


async def ask_which_article(context: Context, interaction: Interaction, view: StoryView) -> None:
    """Answer with the menu of the articles that the user can take out of a story. Raises if there are none."""
    editor = _editor(interaction)
    if len(view.members) < 2:
        raise InvalidInputError(
            tr("Story #{number} has only one article, so there is nothing to separate.", number=view.number)
        )
    members = curate.may_split(context, editor.guild_id, view)
    if not members:
        curate.require_editor(context, editor)
        raise InvalidInputError(
            tr("No article of story #{number} can become a separate story.", number=view.number)
        )
    await _ask_which(context, interaction, view.number, members)


async def _ask_which(
    context: Context, interaction: Interaction, number: int, members: Sequence[Stored]
) -> None:
    _editor(interaction)
    answer = views.Answer(interaction)
    answer.offer(_WhichReport(context, number, members[-MOST_CHOICES:]))
    text = tr(
        "Which article of story #{number} is about something else? It becomes a separate story.",
        number=number,
    )
    if len(members) > MOST_CHOICES:
        text += " " + tr("The list shows the newest {count} articles.", count=MOST_CHOICES)
    await views.answer(interaction, Embed(description=text), answer)


def _published(when: datetime) -> str:
    if when == UNKNOWN_DATE:
        return tr("date unknown")
    return tr("{date}, {time} UTC", date=day(when.date()), time=time_of_day(when.time()))


class _WhichReport(ui.Select[Any]):
    """A menu of the articles of a story, oldest first."""

    def __init__(self, context: Context, number: int, members: Sequence[Stored]) -> None:
        super().__init__(
            placeholder=tr("Choose an article"),
            options=[
                discord.SelectOption(
                    label=clip(member.record.title, CHOICE) or member.record.outlet.domain,
                    description=clip(
                        f"{isolate(member.record.outlet.name)} · {_published(member.published)}", CHOICE
                    ),
                    value=str(member.id),
                )
                for member in members
            ],
        )
        self._context, self._number = context, number
        self._titles = {str(member.id): member.record.title for member in members}

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        if not await acknowledge(interaction, thinking=False):
            return
        [chosen] = self.values
        await _split(self._context, interaction, self._number, int(chosen), self._titles[chosen])
