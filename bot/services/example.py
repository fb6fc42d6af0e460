"""A story to show how a post looks: a recent one of the server's, or an invented one."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from bot.domain.model import Outlet, Record, Stored, StoryView
from bot.domain.stories.ranking import Sort
from bot.domain.stories.story import Story, story_view
from bot.i18n import mark, spoken, tr
from bot.services import related
from bot.services.context import Context

LOOKED_AT = 20  # of the hottest stories, of which the one with most outlets is shown

# Outlet, its domain, title, what it says, and the minutes before now.
_REPORTS = (
    (
        "Harbour Courier",
        "harbourcourier.example",
        mark("Old lighthouse shines again after twelve years of repairs"),
        mark(
            "The lighthouse on the northern pier was switched on again on Friday evening. About 400 people watched."
        ),
        95,
    ),
    (
        "Coast Radio",
        "coastradio.example",
        mark("Lighthouse on northern pier shines again"),
        mark(
            "Volunteers collected half of the money for the repairs of the lighthouse, the harbour master said."
        ),
        50,
    ),
    (
        "The Tidewatch",
        "tidewatch.example",
        mark("After twelve years the old lighthouse shines again"),
        mark("The new lamp of the lighthouse uses a tenth of the power of the old one."),
        20,
    ),
)


async def example_story(context: Context, guild_id: int, channel_id: int) -> tuple[StoryView, bool]:
    """A story, and whether it is real: the widest reported one of the hottest that the channel sees, if there is any."""
    _, views = await related.latest(context, None, guild_id, channel_id, LOOKED_AT, Sort.HOT)
    if views:
        return max(views, key=lambda view: view.outlets), True
    return await asyncio.to_thread(invented_story, context.now()), False


def invented_story(now: datetime) -> StoryView:
    """A story that three invented outlets reported in the last two hours, in the language spoken."""
    members = tuple(
        Stored(
            id=place,
            record=Record(
                key=f"https://{domain}/lighthouse",
                url=f"https://{domain}/lighthouse",
                title=tr(title),
                outlet=Outlet(outlet, domain),
                excerpt=tr(excerpt),
                published=now - timedelta(minutes=minutes),
                quality=80 - place,
                topics=(tr("Culture"),),
                language=spoken(),
            ),
            published=now - timedelta(minutes=minutes),
            first_seen=now - timedelta(minutes=minutes),
            story=1,
        )
        for place, (outlet, domain, title, excerpt, minutes) in enumerate(_REPORTS, 1)
    )
    view = story_view(Story(1, members, {}, {}))
    assert view is not None  # nothing is muted
    return view
