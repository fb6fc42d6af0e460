"""/votes, and the buttons 👍 and 👎 below posts."""

from __future__ import annotations

import re
from typing import Any, Literal

from discord import app_commands, ui
from discord.ext import commands

from bot.chat import views
from bot.chat.views import LastingButton
from bot.messages.message import Embed
from bot.messages.story import GREY, VOTE_ACTION, VOTES
from bot.messages.votes import vote_text, votes_embed
from bot.services import votes
from bot.services.context import Context
from cogs.common import Interaction, guild_of, only_with, target_channel_id


class VoteCommands(commands.Cog):
    """What members think of stories."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command(name="votes")
    @app_commands.describe(switch="Have buttons to vote with below posts, or no more (default: as it is)")
    @only_with(manage_guild=True)
    async def show(self, interaction: Interaction, switch: Literal["on", "off"] | None = None) -> None:
        """Show how members voted, by topic and outlet, and switch votes on or off."""
        guild_id = guild_of(interaction).id
        if switch is not None:
            await votes.switch(self.context, guild_id, on=switch == "on")
        counted = await votes.counted(self.context, guild_id)
        embed = votes_embed(
            are_on=counted.are_on,
            total=counted.all,
            topics=counted.topics,
            outlets=counted.outlets,
            days=votes.COUNTED.days,
        )
        await views.answer(interaction, embed)


class VoteButton(
    LastingButton,
    ui.DynamicItem[ui.Button[ui.View]],
    template=rf"{VOTE_ACTION}(?P<name>{'|'.join(VOTES)}):(?P<story>\d{{1,18}})",
):
    """A button below a post. It still works after a restart."""

    def __init__(self, name: str, story: str) -> None:
        self.name, self.story = name, int(story)
        super().__init__(ui.Button(label=VOTES[name], custom_id=f"{VOTE_ACTION}{name}:{story}"))

    @classmethod
    async def from_custom_id(
        cls, _interaction: Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> VoteButton:
        """The button that was pressed."""
        return cls(match["name"], match["story"])

    async def answer(self, interaction: Interaction) -> None:
        """Store the vote, or take it back."""
        stands = await votes.vote(
            interaction.client.context,
            guild_of(interaction).id,
            target_channel_id(interaction),
            self.story,
            interaction.user.id,
            up=self.name == "up",
        )
        await views.answer(interaction, Embed(description=vote_text(stands), colour=GREY))
