"""The page that mutes outlets and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discord import ui

from bot.chat.panel import button, field, menu
from bot.chat.permissions import PostableChannel
from bot.domain.model import Mute
from bot.domain.text.cleaning import clip
from bot.i18n import comma_list, number, tr, tr_plural
from bot.messages.layout import CHOICE
from bot.messages.message import escape
from bot.messages.setup import PanelChoice, PanelState, PendingMute, mute_lines
from bot.services import mutes
from cogs.common import Interaction, guild_of, managed, managed_everywhere, may_see
from cogs.panel.session import Action, PageParts, Row, Session, page_of, turning


async def mutes_page(session: Session, interaction: Interaction) -> PageParts:
    """The mutes of the server and of the chosen channel, with buttons to add one and a menu to undo some."""
    state, actions = session.state, _MuteActions(session)
    everywhere = await mutes.listing(session.context, guild_of(interaction).id)
    shown = [m for m in everywhere if not m.channel_id or may_see(interaction, m.channel_id)]
    page = page_of(session, shown)
    if state.mute is not None:
        return PageParts((), [_confirm(session, actions)])
    here = session.ask(tr("Mute in this channel"), _fields, actions.mute_here)
    everywhere_too = session.ask(tr("Mute in the whole server"), _fields, actions.mute_everywhere)
    rows: list[Row] = [
        ui.ActionRow(
            button(tr("Mute in this channel…"), here),
            button(tr("Mute in the whole server…"), everywhere_too),
        )
    ]
    if page:
        place = tr("across the server")
        choices = [PanelChoice(m.value, str(m.id), "" if m.channel_id else place) for m in page]
        undo = session.on(actions.undo(page))
        rows.append(menu("unmute", tr("Unmute"), choices, undo, several=True))
    rows += turning(session, len(page), len(shown))
    return PageParts(mute_lines(page), rows)


def _fields() -> Mapping[str, ui.TextInput[Any]]:
    return {tr("An outlet, or words in a title"): field("what", example="example.com")}


def _confirm(session: Session, actions: _MuteActions) -> Row:
    cancel = session.to(notice=tr("Nothing was muted."))
    mute = button(tr("Mute it"), session.on(actions.confirm), danger=True)
    return ui.ActionRow(mute, button(tr("Cancel"), cancel))


class _MuteActions:
    """What the page's buttons and menu do. Rights are those of the commands."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _require(self, interaction: Interaction, channel_id: int | None) -> None:
        if channel_id is None:
            hint = tr("To mute in one channel only, press *Mute in this channel…*.")
            managed_everywhere(interaction, hint)
        else:
            self._session.managed(interaction)

    async def mute_here(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Mute in the chosen channel."""
        return await self._mute(interaction, values[0], self._session.managed(interaction).id)

    async def mute_everywhere(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Mute in the server."""
        return await self._mute(interaction, values[0], None)

    async def _mute(self, interaction: Interaction, text: str, channel_id: int | None) -> PanelState:
        self._require(interaction, channel_id)
        value = mutes.parse_mute(text)
        effect = await mutes.effect(self._session.context, guild_of(interaction).id, channel_id, value)
        if effect.is_large:
            question = tr_plural(
                "**{name}** would have hidden {hidden} of {count} story from the last 7 days. Mute it?",
                "**{name}** would have hidden {hidden} of {count} stories from the last 7 days. Mute it?",
                effect.total,
                name=escape(value),
                hidden=number(len(effect.hidden)),
            )
            return self._session.state.after(mute=PendingMute(value, channel_id), notice=question)
        return await self._store(interaction, PendingMute(value, channel_id))

    async def confirm(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """Mute what was asked about."""
        pending = self._session.state.mute
        return self._session.state.after() if pending is None else await self._store(interaction, pending)

    async def _store(self, interaction: Interaction, pending: PendingMute) -> PanelState:
        self._require(interaction, pending.channel_id)
        guild_id = guild_of(interaction).id
        is_new = await mutes.mute(self._session.context, guild_id, pending.channel_id, pending.value)
        name = f"**{escape(pending.value)}**"
        said = (
            "✅ " + tr("{name} is muted.", name=name) if is_new else tr("{name} is muted already.", name=name)
        )
        return self._session.state.after(notice=said)

    def undo(self, page: Sequence[Mute]) -> Action:
        """Undo the chosen ones of these mutes."""

        async def undo(interaction: Interaction, values: Sequence[Any]) -> PanelState:
            chosen = [mute for mute in page if str(mute.id) in values]
            guild_id = guild_of(interaction).id
            for mute in chosen:
                self._require_at(interaction, mute.channel_id)
                await mutes.unmute(self._session.context, guild_id, mute.channel_id, mute.value)
            names = comma_list(escape(clip(mute.value, CHOICE)) for mute in chosen[:5])
            return self._session.state.after(notice=tr("Unmuted: {names}.", names=names) if names else "")

        return undo

    def _require_at(self, interaction: Interaction, channel_id: int | None) -> None:
        """Like `_require`, for a mute of any channel of the server."""
        channel = guild_of(interaction).get_channel_or_thread(channel_id) if channel_id else None
        if isinstance(channel, PostableChannel):
            managed(interaction, channel)
        else:
            managed_everywhere(interaction, tr("This mute is not of one channel only."))
