"""The page of the server's feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discord import ui

from bot.chat.panel import button, field, menu
from bot.domain.polling import Feed
from bot.domain.text.cleaning import clip, plural
from bot.messages.layout import CHOICE
from bot.messages.message import escape_to
from bot.messages.setup import NAME, PanelChoice, PanelState
from bot.services import sources
from cogs.common import Interaction, guild_of
from cogs.pages import feed_line
from cogs.panel.session import Action, PageParts, Row, Session, page_of, turning


async def feeds_page(session: Session, interaction: Interaction) -> PageParts:
    """The feeds that the server added, with a form to add one and a menu to remove one."""
    listing = await sources.listing(session.context, guild_of(interaction).id)
    feeds = listing.server_feeds
    page = page_of(session, feeds)
    add = session.ask("Add a feed", _fields, _add(session))
    rows: list[Row] = [ui.ActionRow(button("Add a feed…", add))]
    if page:
        choices = [PanelChoice(feed.shown, str(feed.source_id)) for feed in page]
        rows.append(
            menu("remove", "Remove a feed (its articles stay)", choices, session.on(_remove(session, page)))
        )
    rows += turning(session, len(page), len(feeds))
    return PageParts([feed_line(feed) for feed in page] or ["This server has no feeds yet."], rows)


def _fields() -> Mapping[str, ui.TextInput[Any]]:
    return {
        "Address of a feed, or of a page with one": field("url", example="https://example.com/feed"),
        "Topic of its articles (empty: by keywords)": field("topic", required=False),
    }


def _add(session: Session) -> Action:
    async def add(interaction: Interaction, values: Sequence[Any]) -> PanelState:
        url, topic = values
        interaction.client.tree.limits.count_as("source add", interaction)
        added = await sources.add(
            session.context,
            url,
            topic or None,
            guild_id=guild_of(interaction).id,
            added_by=interaction.user.id,
        )
        count = plural(len(added.preview.document.items), "article")
        name = escape_to(added.feed.shown, NAME)
        return session.state.after(
            notice=f"✅ **{name}** was added, with {count}. New articles are posted from now on."
        )

    return add


def _remove(session: Session, page: Sequence[Feed]) -> Action:
    async def remove(interaction: Interaction, values: Sequence[Any]) -> PanelState:
        feed = next(feed for feed in page if str(feed.source_id) == values[0])
        removed = await sources.remove(session.context, feed.address, guild_of(interaction).id)
        name = escape_to(clip(removed.shown, CHOICE), NAME)
        return session.state.after(notice=f"**{name}** was removed. Its articles stay.", first=0)

    return remove
