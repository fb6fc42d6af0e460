"""*Merge with* and *Not the same story* below /related, for members with Manage Messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import discord
from discord import ui

from bot.chat import views
from bot.chat.components import to_view
from bot.chat.errors import Modal
from bot.chat.reply import acknowledge
from bot.domain.model import UNKNOWN_DATE, Stored, StoryView
from bot.domain.text.cleaning import clip, isolate
from bot.errors import InvalidInputError
from bot.messages.layout import CHOICE
from bot.messages.message import Embed, escape_to, panel
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


async def _done(interaction: Interaction, text: str) -> None:
    view = to_view((panel(Embed(description=text)),), interaction.client.command_ids)
    await interaction.edit_original_response(view=view)


class _Merge(ui.Button[Any]):
    """Opens the form that asks for the other story."""

    def __init__(self, context: Context, number: int) -> None:
        super().__init__(label="Merge with…")
        self._context, self._number = context, number

    @views.answered
    async def callback(self, interaction: Interaction) -> None:
        _editor(interaction)
        await interaction.response.send_modal(_WhichOther(self._context, self._number))


class _WhichOther(Modal, title="Merge with another story"):
    """Asks for the other story by number, link or title."""

    other: ui.TextInput[Any] = ui.TextInput(
        label="Number, link, or words of its title", custom_id="other", max_length=200
    )

    def __init__(self, context: Context, number: int) -> None:
        super().__init__(timeout=views.ANSWER_SECONDS)
        self._context, self._number = context, number

    @views.answered
    async def on_submit(self, interaction: Interaction, /) -> None:
        if not await acknowledge(interaction):
            return
        number, merged = await curate.merge(
            self._context, _editor(interaction), self._number, self.other.value
        )
        await _done(
            interaction,
            f"Story #{merged} is now part of #{number}. The posts are updated within a minute."
            f" To undo this, use `/related` for story {number} and press *Not the same story…*.",
        )


class _Part(ui.Button[Any]):
    """Opens the menu of the story's articles."""

    def __init__(self, context: Context, number: int, members: Sequence[Stored]) -> None:
        super().__init__(label="Not the same story…")
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
            f"Story #{view.number} has only one article, so there is nothing to separate."
        )
    members = curate.may_split(context, editor.guild_id, view)
    if not members:
        curate.require_editor(context, editor)
        raise InvalidInputError(f"No article of story #{view.number} can become a separate story.")
    await _ask_which(context, interaction, view.number, members)


async def _ask_which(
    context: Context, interaction: Interaction, number: int, members: Sequence[Stored]
) -> None:
    _editor(interaction)
    answer = views.Answer(interaction)
    answer.offer(_WhichReport(context, number, members[-MOST_CHOICES:]))
    text = f"Which article of story #{number} is about something else? It becomes a separate story."
    if len(members) > MOST_CHOICES:
        text += f" The list shows the newest {MOST_CHOICES} articles."
    await views.answer(interaction, Embed(description=text), answer)


def _published(when: datetime) -> str:
    return "date unknown" if when == UNKNOWN_DATE else f"{when:%d %b %H:%M} UTC"


class _WhichReport(ui.Select[Any]):
    """A menu of the articles of a story, oldest first."""

    def __init__(self, context: Context, number: int, members: Sequence[Stored]) -> None:
        super().__init__(
            placeholder="Choose an article",
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
        number, fresh = await curate.split_story(
            self._context, _editor(interaction), self._number, int(chosen)
        )
        await _done(
            interaction,
            f"“{escape_to(self._titles[chosen], 200)}” is now story #{fresh}, separate from #{number}."
            f" To undo this, use `/related` for story {number}, press *Merge with…* and enter #{fresh}.",
        )
