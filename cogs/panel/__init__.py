"""The setup panel: everything that a manager does by command, by clicking. One module for each page, or for two."""

from __future__ import annotations

from bot.messages.setup import Page, PanelState
from bot.services.context import Context
from cogs.common import Interaction
from cogs.panel.channel import channel_page
from cogs.panel.digest import digest_page
from cogs.panel.example import show_example
from cogs.panel.feeds import feeds_page
from cogs.panel.mutes import mutes_page
from cogs.panel.overview import overview_page
from cogs.panel.posts import posts_page
from cogs.panel.server import server_page
from cogs.panel.session import PageBuilder, Session, first_channel
from cogs.panel.topics import topics_page

__all__ = ["open_panel", "show_example"]

PAGES: dict[Page, PageBuilder] = {
    Page.OVERVIEW: overview_page,
    Page.TOPICS: topics_page,
    Page.POSTS: posts_page,
    Page.DIGEST: digest_page,
    Page.MUTES: mutes_page,
    Page.FEEDS: feeds_page,
    Page.CHANNEL: channel_page,
    Page.SERVER: server_page,
}


async def open_panel(context: Context, interaction: Interaction, page: Page = Page.OVERVIEW) -> None:
    """Answer with the panel on a page, for the channel in which it is opened."""
    state = PanelState(first_channel(interaction), page)
    await Session(context, state, PAGES).open(interaction)
