"""The button with which members give themselves a role that posts ping, and the message that offers it."""

from __future__ import annotations

import re
from typing import Any

import discord
from discord import ui

from bot.chat import views
from bot.chat.panel import still
from bot.chat.self_roles import require_offerable, toggle_role
from bot.chat.views import LastingButton
from bot.errors import NotAllowedError, NotFoundError
from bot.i18n import mark, tr
from bot.messages.message import Embed
from bot.messages.roles import offer_text, role_given, role_taken
from bot.messages.story import GREY
from bot.services.context import Context
from bot.services.roles import PingedTopic, pinged_by
from cogs.common import Interaction, guild_of, may_see

ACTION = "role:"  # of the custom id of the button, followed by the role's ID
LABEL = mark("Get or give back the role")


async def change_role(context: Context, interaction: Interaction, role_id: int) -> str:
    """Give the user a role or take it back. Returns a sentence about it. Raises if the role may not be offered now."""
    role, pings = await offered_role(context, interaction, role_id)
    member = interaction.user
    if not isinstance(member, discord.Member):
        raise NotAllowedError(tr("Only members of this server can have its roles."))
    interaction.client.tree.limits.count_role_change(interaction)
    if not await toggle_role(member, role):
        return role_taken(role.id)
    return role_given(role.id, [p.topic for p in pings if may_see(interaction, p.channel_id)])


async def offered_role(
    context: Context, interaction: Interaction, role_id: int
) -> tuple[discord.Role, tuple[PingedTopic, ...]]:
    """A role with what pings it. Raises an error with the reason if members may not give it to themselves now."""
    guild = guild_of(interaction)
    role = guild.get_role(role_id)
    if role is None:
        raise NotFoundError(tr("That role was deleted."))
    pings = await pinged_by(context, guild.id, role_id)
    if not pings:
        raise NotAllowedError(
            tr("No post of this server pings that role now, so the bot no longer gives it.")
        )
    require_offerable(role)
    return role, pings


def role_offer(role: discord.Role, topics: list[str], channel_id: int) -> ui.LayoutView:
    """The message that offers a role for these topics in a channel. Its button works after a restart."""
    button: ui.Button[Any] = ui.Button(
        label=tr(LABEL), custom_id=f"{ACTION}{role.id}", style=discord.ButtonStyle.primary
    )
    text = ui.TextDisplay[Any](offer_text(role.id, topics, channel_id))
    return still(ui.Container(text, ui.ActionRow(button)))


class RoleButton(
    LastingButton, ui.DynamicItem[ui.Button[ui.LayoutView]], template=rf"{ACTION}(?P<role>\d{{1,20}})"
):
    """Gives a member a role, or takes it back. Everything is checked again at each press."""

    def __init__(self, role_id: int) -> None:
        self.role_id = role_id
        super().__init__(ui.Button(label=tr(LABEL), custom_id=f"{ACTION}{role_id}"))

    @classmethod
    async def from_custom_id(
        cls, _interaction: Interaction, _item: ui.Item[Any], match: re.Match[str], /
    ) -> RoleButton:
        """The button that was pressed."""
        return cls(int(match["role"]))

    async def answer(self, interaction: Interaction) -> None:
        """Change the role, and say so."""
        said = await change_role(interaction.client.context, interaction, self.role_id)
        await views.answer(interaction, Embed(description=said, colour=GREY))
