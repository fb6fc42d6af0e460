"""The page that changes a subscription: how it is delivered, how much is posted, and who is pinged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import discord
from discord import ui

from bot.chat.components import mentions
from bot.chat.panel import button, menu, role_menu
from bot.chat.permissions import PostableChannel
from bot.domain.model import Mode, StorySize, Subscription, Volume
from bot.domain.text.cleaning import clip
from bot.domain.text.words import name_key
from bot.errors import InvalidInputError
from bot.i18n import speaking, tr
from bot.messages.layout import CHOICE
from bot.messages.message import escape_to
from bot.messages.setup import (
    NAME,
    PanelChoice,
    PanelState,
    mode_choices,
    ping_choices,
    subscribed_words,
    volume_choices,
)
from bot.services import languages, setup, subscribe
from bot.services.subscribe import Reset, SubscribeRequest
from cogs.common import Interaction, guild_of, require_postable
from cogs.pages import cannot_ping, how_posted, may_ping, require_pingable
from cogs.panel.session import PageParts, Row, Session, page_of, turning
from cogs.roles import change_role, offered_role, role_offer


async def posts_page(session: Session, interaction: Interaction) -> PageParts:
    """A menu of the channel's topics, and the settings of the chosen one."""
    guild, state = guild_of(interaction), session.state
    followed = (await setup.channel_setup(session.context, guild.id, state.channel_id)).subscriptions
    if not followed:
        return PageParts([tr("This channel follows no topic yet. Press *Topics* to choose some.")])
    by_key = {name_key(s.topic): s for s in followed}
    chosen = by_key.get(name_key(state.topic))
    page = page_of(session, followed)
    choices = [PanelChoice(s.topic, clip(s.topic, CHOICE), how_posted(s, None), s is chosen) for s in page]

    async def choose(_interaction: Interaction, values: Sequence[Any]) -> PanelState:
        return session.state.after(topic=next(s.topic for s in page if clip(s.topic, CHOICE) == values[0]))

    rows = [menu("topic", tr("Choose a topic to change"), choices, session.on(choose))]
    rows += turning(session, len(page), len(followed))
    if chosen is None:
        return PageParts([f"• {escape_to(s.topic, NAME)} · {how_posted(s, guild)}" for s in followed], rows)
    line = f"**{escape_to(chosen.topic, NAME)}** · {how_posted(chosen, guild)}"
    return PageParts([line], [*rows, *_Settings(session, chosen).rows(session.channel(interaction), guild)])


class _Settings:
    """The menus and buttons of one subscription."""

    def __init__(self, session: Session, subscription: Subscription) -> None:
        self._session = session
        self._subscription = subscription

    def rows(self, channel: PostableChannel | None, guild: discord.Guild) -> list[Row]:
        """One row for each setting, and one of buttons."""
        subscription, on = self._subscription, self._session.on
        role = subscription.mention_role_id
        role = role if role and guild.get_role(role) else None
        buttons = [button(tr("Unsubscribe"), on(self._unsubscribe), danger=True)]
        if isinstance(channel, discord.TextChannel) and channel.is_news():
            label = tr("Do not publish to followers") if subscription.publish else tr("Publish to followers")
            buttons.append(button(label, on(self._publish), name="publish"))
        if role and subscription.mode is not Mode.DIGEST:
            buttons.append(button(tr("Offer the role"), on(self._offer_role)))
            buttons.append(button(tr("Get or give back the role"), on(self._change_role)))
        if subscription.mode is not Mode.DIGEST:
            announces = subscription.announces_major
            label = (
                tr("Do not announce major stories") if announces else tr("Announce stories that turn major")
            )
            buttons.append(button(label, on(self._announce), name="announce"))
        rows = [
            menu("mode", tr("How it is delivered"), mode_choices(subscription), on(self._mode)),
            menu("volume", tr("How much is posted"), volume_choices(subscription), on(self._volume)),
            role_menu(role, on(self._role)),
        ]
        if role and subscription.mode is not Mode.DIGEST:
            rows.append(
                menu(
                    "ping_from",
                    tr("When the role is pinged"),
                    ping_choices(subscription),
                    on(self._ping_from),
                )
            )
        return [*rows, ui.ActionRow(*buttons)]

    async def _change(self, interaction: Interaction, warning: str = "", **changes: Any) -> PanelState:
        channel = self._session.managed(interaction)
        require_postable(channel)
        request = SubscribeRequest(guild_of(interaction).id, channel.id, self._subscription.topic)
        result = await subscribe.subscribe(self._session.context, replace(request, **changes))
        line = "✅ " + tr("**{topic}** was changed.", topic=escape_to(result.subscription.topic, NAME))
        return self._session.state.after(notice="\n".join(filter(None, (line, warning))))

    async def _mode(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        return await self._change(interaction, mode=Mode(values[0]))

    async def _volume(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        return await self._change(interaction, volume=Volume(values[0]))

    async def _ping_from(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        return await self._change(interaction, ping_from=StorySize(values[0]))

    async def _announce(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        return await self._change(interaction, announces_major=not self._subscription.announces_major)

    async def _role(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        if not values:
            return await self._change(interaction, reset=Reset.MENTION)
        [role] = values
        require_pingable(role)
        warning = "" if may_ping(role, self._session.managed(interaction)) else cannot_ping(role)
        return await self._change(interaction, warning, mention_role_id=role.id)

    async def _offer_role(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        channel = self._session.managed(interaction)
        require_postable(channel)
        if isinstance(channel, discord.ForumChannel):
            raise InvalidInputError(
                tr("A forum has no place for this message. Offer the role in a text channel.")
            )
        role, pings = await offered_role(self._session.context, interaction, self._role_id)
        topics = [ping.topic for ping in pings if ping.channel_id == channel.id]
        spoken = await languages.server_language(self._session.context, channel.guild.id)
        with speaking(spoken.code):  # it is for everybody
            offer = role_offer(role, topics, channel.id)
        await channel.send(view=offer, allowed_mentions=mentions(()))
        said = tr("{channel} offers {role} to everybody.", channel=channel.mention, role=role.mention)
        return self._session.state.after(notice=f"✅ {said}")

    async def _change_role(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        notice = await change_role(self._session.context, interaction, self._role_id)
        return self._session.state.after(notice=notice)

    @property
    def _role_id(self) -> int:
        return self._subscription.mention_role_id or 0

    async def _publish(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        return await self._change(interaction, publish=not self._subscription.publish)

    async def _unsubscribe(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        channel = self._session.managed(interaction)
        name = await subscribe.unsubscribe(
            self._session.context, self._subscription.topic, channel.id, guild_of(interaction).id
        )
        return self._session.state.after(topic="", notice=subscribed_words([], [name], channel.id))
