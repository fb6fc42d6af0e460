"""The page of the server's feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discord import ui

from bot.chat.panel import button, field, menu
from bot.domain.polling import Feed
from bot.domain.text.cleaning import clip
from bot.i18n import tr, tr_plural
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
    add = session.ask(tr("Add a feed"), _fields, _add(session))
    rows: list[Row] = [ui.ActionRow(button(tr("Add a feed…"), add))]
    if page:
        choices = [PanelChoice(feed.shown, str(feed.source_id)) for feed in page]
        remove = session.on(_remove(session, page))
        rows.append(menu("remove", tr("Remove a feed (its articles stay)"), choices, remove))
    rows += turning(session, len(page), len(feeds))
    return PageParts([feed_line(feed) for feed in page] or [tr("This server has no feeds yet.")], rows)


def _fields() -> Mapping[str, ui.TextInput[Any]]:
    return {
        tr("Address of a feed, or of a page with one"): field("url", example="https://example.com/feed"),
        tr("Topic (empty: found by keywords)"): field("topic", required=False),
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
        said = tr_plural(
            "**{feed}** was added, with {count} article. New articles are posted from now on.",
            "**{feed}** was added, with {count} articles. New articles are posted from now on.",
            len(added.preview.document.items),
            feed=escape_to(added.feed.shown, NAME),
        )
        return session.state.after(notice=f"✅ {said}")

    return add


def _remove(session: Session, page: Sequence[Feed]) -> Action:
    async def remove(interaction: Interaction, values: Sequence[Any]) -> PanelState:
        feed = next(feed for feed in page if str(feed.source_id) == values[0])
        removed = await sources.remove(session.context, feed.address, guild_of(interaction).id)
        name = escape_to(clip(removed.shown, CHOICE), NAME)
        said = tr("**{feed}** was removed. Its articles stay.", feed=name)
        return session.state.after(notice=said, first=0)

    return remove
