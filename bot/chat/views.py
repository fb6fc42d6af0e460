"""Answers with buttons: pages to turn, and a question with one button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord
from discord import ui

from bot.chat.embeds import to_embed
from bot.chat.errors import View
from bot.chat.reply import reply
from bot.domain.message import Embed

# An interaction's token lives 15 minutes: after it the buttons could not answer any more.
# https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
ANSWER_SECONDS = 14 * 60.0

Press = Callable[[discord.Interaction[Any]], Awaitable[None]]


class Answer(View):
    """An answer with buttons, which are taken away when they would no longer work."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        super().__init__(timeout=ANSWER_SECONDS)
        self._interaction = interaction

    async def on_timeout(self) -> None:
        """Take the buttons away; the message may be gone by now, which is as good."""
        try:
            await self._interaction.edit_original_response(view=None)
        except discord.HTTPException:
            return


class Pages(Answer):
    """Pages to turn, where there are several, and what else can be pressed."""

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
        self._at = min(max(self._at + by, 0), len(self._pages) - 1)
        self._mark()
        self._interaction = interaction  # its token lives longest
        await interaction.response.edit_message(embed=to_embed(self._pages[self._at]), view=self)

    @ui.button(label="Previous", emoji="◀️")
    async def previous(self, interaction: discord.Interaction[Any], _button: ui.Button[Pages]) -> None:
        """One page back."""
        await self._turn(interaction, -1)

    @ui.button(label="Next", emoji="▶️")
    async def following(self, interaction: discord.Interaction[Any], _button: ui.Button[Pages]) -> None:
        """One page on."""
        await self._turn(interaction, 1)


class Offer(Answer):
    """One button that does one thing, once; `danger`: one that cannot be taken back."""

    def __init__(
        self, interaction: discord.Interaction[Any], label: str, press: Press, *, danger: bool = False
    ) -> None:
        super().__init__(interaction)
        self._press = press
        self.accept.label = label
        if danger:
            self.accept.style = discord.ButtonStyle.danger

    @ui.button(style=discord.ButtonStyle.primary)
    async def accept(self, interaction: discord.Interaction[Any], _button: ui.Button[Offer]) -> None:
        """Do it, and take the button away. It may take longer than the seconds that Discord waits for a word."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        self.stop()
        await self._interaction.edit_original_response(view=None)
        await self._press(interaction)


async def answer(
    interaction: discord.Interaction[Any],
    embed: Embed,
    view: ui.View | None = None,
    file: discord.File | None = None,
) -> None:
    """Answer so that only the asker sees it. The embed shows a picture among the files as `attachment://name`."""
    shown: dict[str, Any] = {"embed": to_embed(embed)}
    if view is not None:
        shown["view"] = view
    if file is not None:
        shown["file"] = file
    await reply(interaction, **shown)


async def answer_pages(
    interaction: discord.Interaction[Any], pages: Sequence[Embed], actions: Sequence[ui.Item[Any]] = ()
) -> None:
    """Answer with pages, with buttons to turn them where there are several, and with more of them below."""
    view = Pages(interaction, pages, actions) if len(pages) > 1 or actions else None
    await answer(interaction, pages[0], view)
