"""Options of commands that are one of a few words."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from discord import app_commands

from bot.domain.model import PostLayout, StorySize
from bot.domain.posting.schedule import DigestStyle
from bot.domain.stories.order import Order
from bot.services.rephrasing import BriefStyle
from cogs.common import Interaction


class _WordOption(app_commands.Transformer):
    """A choice of words. discord.py would show the names of an enum's members, in capitals, instead of their values."""

    def __init__(self, words: type[StrEnum]) -> None:
        self._words = words

    @property
    def choices(self) -> list[app_commands.Choice[int | float | str]]:
        """The words, by their values."""
        return [app_commands.Choice(name=word.value, value=word.value) for word in self._words]

    async def transform(self, _interaction: Interaction, value: Any, /) -> StrEnum:
        """The word of that value."""
        return self._words(value)


LayoutOption = app_commands.Transform[PostLayout, _WordOption(PostLayout)]
DigestStyleOption = app_commands.Transform[DigestStyle, _WordOption(DigestStyle)]
BriefStyleOption = app_commands.Transform[BriefStyle, _WordOption(BriefStyle)]
OrderOption = app_commands.Transform[Order, _WordOption(Order)]
SizeOption = app_commands.Transform[StorySize, _WordOption(StorySize)]
