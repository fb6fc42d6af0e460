"""The stories of a message that somebody points at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from bot.domain.model import Outlet, StoryView
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.story import Muted, Story, muted_by, story_view
from bot.errors import NotFoundError
from bot.i18n import mark, tr
from bot.services.context import Context
from bot.store import stories, subscriptions
from bot.store.sent_messages import sent_message

NO_POST = mark(
    "That message is not a post of a story in this channel. Use this on a post of this bot, or on its digest or list "
    "of the last 30 days."
)
NOTHING_LEFT = mark("No story of that message is left: the outlets removed them, or they are muted here.")


async def stories_of_message(
    context: Context, guild_id: int, channel_id: int, message_id: int, *, thread_id: int = 0
) -> int | tuple[StoryView, ...]:
    """The number of the story of a post, or the stories of a digest or roll-up that are left, without what is muted in the channel.

    A post of a forum is in the thread `thread_id` of the forum. Raises NotFoundError if the message is neither, and if no story is left.
    """
    async with context.db.read() as connection:
        message = await sent_message(connection, guild_id, (channel_id, thread_id), message_id)
        if message is None:
            raise NotFoundError(tr(NO_POST))
        if not message.is_list:
            return message.stories[0]
        merged = await stories.survivors(connection, message.stories)
        numbers = list(dict.fromkeys(merged.get(number, number) for number in message.stories))
        loaded = await stories.load(connection, numbers, guild_id)
        muted = muted_by(await subscriptions.mutes_in(connection, guild_id, channel_id))
    left = await asyncio.to_thread(_views, numbers, loaded, muted, context.rules.owners)
    if not left:
        raise NotFoundError(tr(NOTHING_LEFT))
    return left


def _views(
    numbers: Iterable[int], loaded: Mapping[int, Story], muted: Muted, owners: MediaOwners
) -> tuple[StoryView, ...]:
    views = (story_view(loaded[number], muted, owners) for number in numbers if number in loaded)
    return tuple(view for view in views if view is not None)


def outlets(view: StoryView) -> Sequence[Outlet]:
    """The outlets of a story, the lead's first, each domain once."""
    by_domain: dict[str, Outlet] = {}
    for report in (view.lead, *view.members):
        by_domain.setdefault(report.record.outlet.domain, report.record.outlet)
    return tuple(by_domain.values())
