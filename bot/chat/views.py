"""Answers with buttons: pages, choices, and suggestions after a mistake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import discord
from discord import ui

from bot.chat.components import to_view
from bot.chat.errors import View, admit, answer_error, claim, is_mistake
from bot.chat.reply import acknowledge, reply
from bot.domain.text.cleaning import cut
from bot.errors import UnknownNameError
from bot.i18n import tr, tr_in
from bot.messages.layout import Option
from bot.messages.message import Embed, panel
from bot.messages.paging import jump_options
from bot.messages.story import GREY

# An interaction's token lives 15 minutes: after it the buttons could not answer any more.
# https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
ANSWER_SECONDS = 14 * 60.0

# Custom ids of menus. They stay the same from page to page, because discord.py would keep the menus of all pages in memory.
OPEN_ACTION = "list:open"
JUMP_ACTION = "list:jump"

LABEL = 80  # characters of a button: https://discord.com/developers/docs/components/reference#button

Press = Callable[[discord.Interaction[Any]], Awaitable[None]]
OptionPress = Callable[[discord.Interaction[Any], str], Awaitable[None]]
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


class LastingButton:
    """A button that still works after a restart, before `ui.DynamicItem` among the bases. Everybody gets an answer."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Accept every user."""
        claim(interaction)
        return True

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Answer the member alone, within the rate limits."""
        try:
            if await acknowledge(interaction) and await self.admitted(interaction):
                await self.answer(interaction)
        except Exception as error:
            # discord.py would only log it, because dynamic items have no error handler.
            await answer_error(interaction, error)

    async def admitted(self, interaction: discord.Interaction[Any]) -> bool:
        """Whether the press may proceed. If not, it is answered."""
        return await admit(interaction)

    async def answer(self, interaction: discord.Interaction[Any]) -> None:
        """What the button does."""
        raise NotImplementedError


class Answer(View):
    """An answer with buttons, which are removed when they expire."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        super().__init__(timeout=ANSWER_SECONDS)
        self._interaction = interaction

    async def on_timeout(self) -> None:
        """Remove the buttons, unless the message is gone."""
        try:
            await self._interaction.edit_original_response(view=self.without_offers())
        except discord.HTTPException:
            return


@dataclass(frozen=True, slots=True)
class Opening:
    """What the menu below a list opens: `press` gets the value of the option that was chosen."""

    placeholder: str
    press: OptionPress


class Pages(Answer):
    """Pages with buttons to turn them, a menu to jump to one of many, one to open an entry, and further items."""

    def __init__(
        self,
        interaction: discord.Interaction[Any],
        pages: Sequence[Embed],
        actions: Sequence[ui.Item[Any]],
        opening: Opening | None = None,
    ) -> None:
        super().__init__(interaction)
        self._pages = pages
        self._at = 0
        self._turns = (
            _Turn(self, tr_in("button", "Previous"), "◀️", by=-1),
            _Turn(self, tr_in("button", "Next"), "▶️", by=1),
        )
        self._actions = actions
        self._opening = opening
        self._show(0)

    def _show(self, at: int) -> None:
        self._at = at
        for turn in self._turns:
            turn.disabled = not 0 <= at + turn.by < len(self._pages)
        self.withdraw_offers()
        if self._opening is not None and self._pages[at].options:
            self.offer(OptionMenu(self._opening.placeholder, self._pages[at].options, self._opening.press))
        if jumps := jump_options(len(self._pages), at):
            self.offer(_Jump(self, jumps))
        self.offer(*(self._turns if len(self._pages) > 1 else ()), *self._actions)
        self.showing(self._pages[at], self._interaction.client.command_ids)

    async def turn(self, interaction: discord.Interaction[Any], by: int) -> None:
        """Show a page before or after this one."""
        await self.jump(interaction, self._at + by)

    async def jump(self, interaction: discord.Interaction[Any], to: int) -> None:
        """Show another page."""
        before = self._at
        self._show(min(max(to, 0), len(self._pages) - 1))
        try:
            await interaction.response.edit_message(view=self)
        except discord.HTTPException:  # the previous page is still shown
            self._show(before)
            raise
        self._interaction = interaction  # its token lives longest


class _Turn(ui.Button[Any]):
    def __init__(self, pages: Pages, label: str, emoji: str, *, by: int) -> None:
        super().__init__(label=label, emoji=emoji)
        self._pages, self.by = pages, by

    @answered
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Turn the page."""
        await self._pages.turn(interaction, self.by)


class _Jump(ui.Select[Any]):
    def __init__(self, pages: Pages, jumps: Sequence[Option]) -> None:
        super().__init__(
            custom_id=JUMP_ACTION, placeholder=tr("Jump to a page"), options=select_options(jumps)
        )
        self._pages = pages

    @answered
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the chosen page."""
        await self._pages.jump(interaction, int(self.values[0]))


class OptionMenu(ui.Select[Any]):
    """A menu that can be used again and again: each choice is acknowledged, and answered by `press`."""

    def __init__(self, placeholder: str, options: Sequence[Option], press: OptionPress) -> None:
        super().__init__(custom_id=OPEN_ACTION, placeholder=placeholder, options=select_options(options))
        self._press = press

    @answered
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Answer the choice."""
        if await acknowledge(interaction):
            await self._press(interaction, self.values[0])


def select_options(options: Sequence[Option]) -> list[discord.SelectOption]:
    """The options of a menu. Discord refuses a menu in which two have the same value, so the first of them stands."""
    by_value = {option.value: option for option in reversed(options)}
    return [
        discord.SelectOption(label=option.label, value=option.value, description=option.description or None)
        for option in reversed(by_value.values())
    ]


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
            self.offer(_ChoiceButton(self, choice, style))

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
    view: View | None = None,
    file: discord.File | None = None,
) -> None:
    """Answer visibly to the user only. The embed refers to the file as `attachment://name`."""
    ids = interaction.client.command_ids
    shown = to_view((panel(embed),), ids) if view is None else view.showing(embed, ids)
    await reply(interaction, view=shown, **({} if file is None else {"file": file}))


async def answer_pages(
    interaction: discord.Interaction[Any],
    pages: Sequence[Embed],
    actions: Sequence[ui.Item[Any]] = (),
    opening: Opening | None = None,
) -> None:
    """Answer with pages, what turns them if there are several, a menu of their options, and further items."""
    opens = opening is not None and any(page.options for page in pages)
    view = Pages(interaction, pages, actions, opening) if len(pages) > 1 or actions or opens else None
    await answer(interaction, pages[0], view)
