"""The buttons of the panel for the name and picture of a channel's posts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import discord
from discord import ui

from bot.chat.panel import button, field
from bot.domain.posting.face import Face
from bot.i18n import tr
from bot.messages.setup import PanelState
from bot.services import faces
from cogs.common import Interaction
from cogs.faces import give_face, take_face
from cogs.panel.session import Row, Session


async def face_row(session: Session, interaction: Interaction) -> list[Row]:
    """Buttons that give the posts of the chosen channel a name and picture, or take them; none for other kinds of channels."""
    channel = session.channel(interaction)
    if not isinstance(channel, discord.TextChannel):
        return []
    face = await faces.face_of(session.context, channel.id)
    actions = _FaceActions(session, face)
    give = session.ask(tr("Name and picture of posts"), actions.fields, actions.give)
    buttons = [button(tr("Name and picture…"), give, name="face")]
    if face is not None:
        buttons.append(button(tr("Name and picture of the bot"), session.on(actions.take), danger=True))
    return [ui.ActionRow(*buttons)]


class _FaceActions:
    """What the buttons do in the chosen channel, whose posts have this face."""

    def __init__(self, session: Session, face: Face | None) -> None:
        self._session = session
        self._face = face

    def fields(self) -> Mapping[str, ui.TextInput[Any]]:
        """What the form asks for."""
        name, address = (self._face.name, self._face.avatar_url) if self._face else ("", "")
        of_topic, of_bot = tr("empty: the name of each topic"), tr("empty: the picture of the bot")
        return {
            tr("Name"): field("name", default=name, example=of_topic, required=False),
            tr("Address of a picture"): field("address", default=address, example=of_bot, required=False),
        }

    async def give(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Have posts appear as typed. A picture that was uploaded stays if no other is named."""
        name, address = values
        interaction.client.tree.limits.count_as("appearance face", interaction)
        uploaded = self._face is not None and self._face.has_picture
        picture = address or (None if uploaded else faces.OF_BOT)
        channel = self._session.managed(interaction)
        notice = await give_face(
            self._session.context, interaction, channel, name or faces.OF_TOPIC, None, picture
        )
        return self._session.state.after(notice=notice)

    async def take(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """Have posts appear as the bot's."""
        interaction.client.tree.limits.count_as("appearance face", interaction)
        notice = await take_face(self._session.context, interaction, self._session.managed(interaction))
        return self._session.state.after(notice=notice)
