"""The page that shows what every channel gets, and what the bot lacks, and sets the language of the server's posts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import discord
from discord import ui

from bot.chat.panel import button, menu
from bot.chat.permissions import missing
from bot.chat.reply import acknowledge
from bot.i18n import LANGUAGES, comma_list, language_for, tr
from bot.messages.setup import PanelChoice, PanelState
from bot.services import languages, subscribe
from bot.services.languages import ServerLanguage
from bot.services.subscribe import ChannelSubscriptions
from cogs.common import Interaction, guild_of, managed_everywhere, may_see
from cogs.pages import channel_lines
from cogs.panel.example import show_example
from cogs.panel.session import PageParts, Row, Session


async def overview_page(session: Session, interaction: Interaction) -> PageParts:
    """All channels with subscriptions that the member can see."""
    guild = guild_of(interaction)
    entries = await subscribe.listing(session.context, guild.id)
    visible = [entry for entry in entries if may_see(interaction, entry.channel_id)]
    lines = [line for entry in visible for line in _lines(entry, guild)]

    async def example(pressed: Interaction, _values: Sequence[Any]) -> None:
        if await acknowledge(pressed):
            await show_example(session.context, pressed)

    empty = [tr("No channel has a topic yet. Press *Topics* to choose the first ones.")]
    spoken = await languages.server_language(session.context, guild.id)
    rows = [_languages(session, spoken), ui.ActionRow(button(tr("Show an example"), example))]
    return PageParts(lines or empty, rows)


def _languages(session: Session, present: ServerLanguage) -> Row:
    """A menu of the languages that the server's posts can be in."""

    async def choose(interaction: Interaction, values: Sequence[Any]) -> PanelState:
        managed_everywhere(interaction, tr("The language is that of all channels."))
        await languages.choose(session.context, guild_of(interaction).id, values[0])
        notice = tr(
            "✅ New posts are in this language. Those that are already there follow when they are updated."
        )
        return session.state.after(notice=notice)

    preferred = LANGUAGES[language_for(present.preferred or "")]
    choices = [
        PanelChoice(
            tr("The server's language in Discord: {language}", language=preferred),
            languages.SERVERS_OWN,
            chosen=present.chosen is None,
        ),
        *(PanelChoice(name, code, chosen=present.chosen == code) for code, name in LANGUAGES.items()),
    ]
    return menu("language", tr("Language of posts and digests"), choices, session.on(choose))


def _lines(entry: ChannelSubscriptions, guild: discord.Guild) -> Iterator[str]:
    yield f"**<#{entry.channel_id}>**"
    channel = guild.get_channel_or_thread(entry.channel_id)
    if channel is not None and (problems := missing(channel)):
        yield "⚠️ " + tr("The bot lacks {permissions} there.", permissions=comma_list(problems))
    yield from channel_lines(entry, guild)
