"""/related and /latest, and the button below every post."""

from __future__ import annotations

import re
from typing import Any, Literal

from discord import app_commands, ui
from discord.ext import commands

from bot.chat.views import LastingButton
from bot.domain.stories.ranking import Sort
from bot.domain.text.cleaning import clip, isolate
from bot.i18n import tr
from bot.messages.layout import CHOICE
from bot.messages.story import RELATED_ACTION
from bot.services import related, topics
from bot.services.context import Context
from cogs.common import Interaction, answering, choices, guild_of
from cogs.coverage import show_latest, show_related, show_why


class StoryCommands(commands.Cog):
    """Commands that show stories."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(story="Number (such as #12), link, or words of its title")
    @app_commands.guild_only()
    @answering
    async def related(self, interaction: Interaction, story: str) -> None:
        """Show all coverage of a story, best first."""
        await show_related(self.context, interaction, story)

    @app_commands.command()
    @app_commands.describe(story="Number (such as #12), link, or words of its title")
    @app_commands.guild_only()
    @answering
    async def why(self, interaction: Interaction, story: str) -> None:
        """Show why a story has its topics and articles, and whether it was posted here."""
        await show_why(self.context, interaction, story)

    @app_commands.command()
    @app_commands.describe(
        topic="Only stories of this topic and its subtopics",
        sort="Newest first (default), or hot: recent and widely reported first",
    )
    @app_commands.guild_only()
    @answering
    async def latest(
        self,
        interaction: Interaction,
        topic: str | None = None,
        sort: Literal["newest", "hot"] = "newest",
    ) -> None:
        """Show the newest stories, or the hottest."""
        await show_latest(self.context, interaction, topic, Sort(sort))

    @related.autocomplete("story")
    @why.autocomplete("story")
    async def _story(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        suggestions = await related.suggest(self.context, current, guild_of(interaction).id)
        return [
            app_commands.Choice(name=clip(f"#{number} {isolate(title)}", CHOICE), value=str(number))
            for number, title in suggestions[:25]
        ]

    @latest.autocomplete("topic")
    async def _topic(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current, guild_of(interaction).id))


class RelatedButton(
    LastingButton, ui.DynamicItem[ui.Button[ui.View]], template=rf"{RELATED_ACTION}(?P<story>\d+)"
):
    """The *Related coverage* button below every post. It still works after a restart."""

    def __init__(self, story: str) -> None:
        self.story = story
        super().__init__(ui.Button(label=tr("Related coverage"), custom_id=f"{RELATED_ACTION}{story}"))

    @classmethod
    async def from_custom_id(
        cls, _interaction: Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> RelatedButton:
        """The button that was pressed."""
        return cls(match["story"])

    async def answer(self, interaction: Interaction) -> None:
        """Show the coverage."""
        await show_related(interaction.client.context, interaction, self.story)
