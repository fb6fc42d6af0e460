"""Answers with buttons: pages, choices, and suggestions after a mistake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import discord
from discord import ui

from bot.chat.embeds import to_embed
from bot.chat.errors import View, answer_error, is_mistake
from bot.chat.reply import acknowledge, name_commands, reply
from bot.domain.text.cleaning import cut
from bot.errors import UnknownNameError
from bot.messages.message import Embed
from bot.messages.story import GREY

# An interaction's token lives 15 minutes: after it the buttons could not answer any more.
# https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
ANSWER_SECONDS = 14 * 60.0

LABEL = 80  # characters of a button: https://discord.com/developers/docs/components/reference#button

Press = Callable[[discord.Interaction[Any]], Awaitable[None]]
S = TypeVar("S")
P = ParamSpec("P")
Callback = Callable[Concatenate[S, discord.Interaction[Any], P], Coroutine[Any, Any, None]]


def answered(callback: Callback[S, P]) -> Callback[S, P]:
    """Answer the mistakes of users in a command, button or form. Only bugs are raised.

    For an unknown name in an option, the answer has buttons that repeat the command with similar names.
    """

    @wraps(callback)
    async def guarded(
        self: S, interaction: discord.Interaction[Any], /, *args: P.args, **options: P.kwargs
    ) -> None:
        try:
            await callback(self, interaction, *args, **options)
        except Exception as error:
            if not is_mistake(error):
                raise

            def choice(option: str, name: str) -> Choice:
                async def press(pressed: discord.Interaction[Any]) -> None:
                    changed: Any = {**options, option: name}
                    await guarded(self, pressed, *args, **changed)

                return Choice(name, press)

            choices = []
            if isinstance(error, UnknownNameError):
                option = next((key for key, value in options.items() if value == error.typed), None)
                choices = [choice(option, name) for name in error.near] if option else []
            await answer_error(interaction, error, ConfirmView(interaction, *choices) if choices else None)

    return guarded


class Answer(View):
    """An answer with buttons, which are removed when they expire."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        super().__init__(timeout=ANSWER_SECONDS)
        self._interaction = interaction

    async def on_timeout(self) -> None:
        """Remove the buttons, unless the message is gone."""
        try:
            await self._interaction.edit_original_response(view=None)
        except discord.HTTPException:
            return


class Pages(Answer):
    """Pages with buttons to turn them, and further items."""

    def __init__(
        self, interaction: discord.Interaction[Any], pages: Sequence[Embed], actions: Sequence[ui.Item[Any]]
    ) -> None:
        super().__init__(interaction)
        self._pages = pages
        self._at = 0
        self._mark()
        if len(pages) == 1:
            self.clear_items()
        for item in actions:
            self.add_item(item)

    def _mark(self) -> None:
        self.previous.disabled = self._at == 0
        self.following.disabled = self._at == len(self._pages) - 1

    async def _turn(self, interaction: discord.Interaction[Any], by: int) -> None:
        before = self._at
        self._at = min(max(self._at + by, 0), len(self._pages) - 1)
        self._mark()
        try:
            page = to_embed(self._pages[self._at])
            name_commands(interaction.client.command_ids, embed=page)
            await interaction.response.edit_message(embed=page, view=self)
        except discord.HTTPException:  # the previous page is still shown
            self._at = before
            self._mark()
            raise
        self._interaction = interaction  # its token lives longest

    @ui.button(label="Previous", emoji="◀️")
    @answered
    async def previous(self, interaction: discord.Interaction[Any], _button: ui.Button[Pages]) -> None:
        """Show the previous page."""
        await self._turn(interaction, -1)

    @ui.button(label="Next", emoji="▶️")
    @answered
    async def following(self, interaction: discord.Interaction[Any], _button: ui.Button[Pages]) -> None:
        """Show the next page."""
        await self._turn(interaction, 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """A button with its label and action. `danger` marks an action that cannot be undone."""

    label: str
    press: Press
    danger: bool = False


class _ChoiceButton(ui.Button[Any]):
    def __init__(self, offer: ConfirmView, choice: Choice, style: discord.ButtonStyle) -> None:
        super().__init__(label=cut(choice.label, LABEL), style=style)
        self._offer, self._press = offer, choice.press

    @answered
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Remove the buttons and run the action."""
        if await acknowledge(interaction):
            await self._offer.close()
            await self._press(interaction)


class ConfirmView(Answer):
    """Buttons of which one can be pressed, once. The first is highlighted."""

    def __init__(self, interaction: discord.Interaction[Any], *choices: Choice) -> None:
        super().__init__(interaction)
        for choice in choices:
            style = discord.ButtonStyle.primary if choice is choices[0] else discord.ButtonStyle.secondary
            style = discord.ButtonStyle.danger if choice.danger else style
            self.add_item(_ChoiceButton(self, choice, style))

    async def close(self) -> None:
        """Remove the buttons. A failure does not stop the chosen action."""
        self.stop()
        await self.on_timeout()


def cancel(label: str, text: str) -> Choice:
    """A choice that changes nothing and answers with a text."""

    async def press(interaction: discord.Interaction[Any]) -> None:
        await answer(interaction, Embed(description=text, colour=GREY))

    return Choice(label, press)


async def answer(
    interaction: discord.Interaction[Any],
    embed: Embed,
    view: ui.View | None = None,
    file: discord.File | None = None,
) -> None:
    """Answer visibly to the user only. The embed refers to the file as `attachment://name`."""
    shown: dict[str, Any] = {"embed": to_embed(embed)}
    if view is not None:
        shown["view"] = view
    if file is not None:
        shown["file"] = file
    await reply(interaction, **shown)


async def answer_pages(
    interaction: discord.Interaction[Any], pages: Sequence[Embed], actions: Sequence[ui.Item[Any]] = ()
) -> None:
    """Answer with pages, buttons to turn them if there are several, and further items."""
    view = Pages(interaction, pages, actions) if len(pages) > 1 or actions else None
    await answer(interaction, pages[0], view)
