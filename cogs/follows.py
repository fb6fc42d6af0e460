"""*Follow this story* below every post, and the buttons of messages for one member."""

from __future__ import annotations

import re
from typing import Any

import discord
from discord import ui

from bot.chat import views
from bot.chat.membership import present_member, sees
from bot.chat.views import LastingButton
from bot.errors import NotAllowedError
from bot.i18n import tr
from bot.messages.alerts import MEMBER_ACTION, follow_text
from bot.messages.message import Embed
from bot.messages.story import FOLLOW_ACTION, GREY, related_pages
from bot.services import follows, related
from bot.services.context import Context
from cogs.common import Interaction, guild_of
from cogs.coverage import show_related


async def follow_story(
    context: Context, interaction: Interaction, guild_id: int, number: int, channel_id: int
) -> None:
    """Have the user follow a story, or stop, and say so."""
    followed, is_followed = await follows.toggle(
        context, guild_id, interaction.user.id, number, channel_id, interaction.locale.value
    )
    text = follow_text(followed, context.alert_limits.follow_quiet.days, is_followed=is_followed)
    await views.answer(interaction, Embed(description=text, colour=GREY))


class FollowButton(
    LastingButton, ui.DynamicItem[ui.Button[ui.LayoutView]], template=rf"{FOLLOW_ACTION}(?P<story>\d{{1,18}})"
):
    """The *Follow this story* button below every post. It still works after a restart."""

    def __init__(self, story: int) -> None:
        self.story = story
        super().__init__(ui.Button(label="…", custom_id=f"{FOLLOW_ACTION}{story}"))

    @classmethod
    async def from_custom_id(
        cls, _interaction: Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> FollowButton:
        """The button that was pressed."""
        return cls(int(match["story"]))

    async def answer(self, interaction: Interaction) -> None:
        """Follow the story, or stop."""
        context, guild = interaction.client.context, guild_of(interaction)
        await follow_story(context, interaction, guild.id, self.story, interaction.channel_id or 0)


class MemberButton(
    LastingButton,
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=rf"{MEMBER_ACTION}(?P<what>follow|related):(?P<guild>\d{{1,20}}):(?P<user>\d{{1,20}}):(?P<story>\d{{1,18}})",
):
    """A button of a message for one member. It names the server and the member, and both are checked at each press."""

    def __init__(self, custom_id: str, what: str, guild_id: int, user_id: int, story: int) -> None:
        self.what, self.guild_id, self.user_id, self.story = what, guild_id, user_id, story
        super().__init__(ui.Button(label="…", custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, _interaction: Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> MemberButton:
        """The button that was pressed."""
        return cls(match[0], match["what"], int(match["guild"]), int(match["user"]), int(match["story"]))

    async def admitted(self, interaction: Interaction) -> bool:
        """Whether the press may proceed: in a direct message it comes from no server, so its member is looked up."""
        if interaction.guild_id is not None:
            return await super().admitted(interaction)
        interaction.client.tree.limits.count(interaction)
        return True

    async def answer(self, interaction: Interaction) -> None:
        """Follow the story or stop, or show its coverage, as far as the member may see it now."""
        context = interaction.client.context
        if interaction.guild_id is not None:
            if self.what == "related":
                await show_related(context, interaction, str(self.story))
                return
            guild_id, channel_id = guild_of(interaction).id, interaction.channel_id or 0
            await follow_story(context, interaction, guild_id, self.story, channel_id)
            return
        home_id = await self._home(interaction, context)
        if self.what == "follow":
            await follow_story(context, interaction, self.guild_id, self.story, home_id)
            return
        details = await related.related(context, str(self.story), self.guild_id, home_id)
        pages = await context.evaluations.in_turn(
            self.guild_id, related_pages, details.view, (), details.topics, additions=details.additions
        )
        await views.answer(interaction, pages[0])

    async def _home(self, interaction: Interaction, context: Context) -> int:
        """The channel that a direct message is about. Raises NotAllowedError unless its member sees it now."""
        guild: discord.Guild | None = interaction.client.get_guild(self.guild_id)
        if guild is None or interaction.user.id != self.user_id:
            raise NotAllowedError(tr("This message is from a server that the bot is no longer in."))
        member = await present_member(guild, self.user_id)
        if member is None:
            await follows.forget_member(context, self.guild_id, self.user_id)
            raise NotAllowedError(tr("You are no longer a member of the server that this message is from."))
        home_id = await follows.home_of(context, self.guild_id, self.user_id, self.story)
        if home_id is None or not await sees(guild, member, home_id):
            raise NotAllowedError(
                tr("You can no longer see the channel that this message is from, or the message is too old.")
            )
        return home_id
