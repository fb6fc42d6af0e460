"""A new subscription begins with the best stories of the last day, as soon as there are any."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from bot.domain.model import StoryView, Subscription
from bot.domain.posting.first_posts import LAST_DAY, WAIT, first_posts
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.story import Muted, Story, muted_by, story_view
from bot.domain.text.words import name_key
from bot.services.context import Context
from bot.store import feeds, outbox, stories, subscriptions

MOST_CANDIDATES = 500  # stories of the last day, the newest


async def begin(context: Context, subscription: Subscription, *, feeds_are_read: bool = False) -> int:
    """Queue the first posts of a subscription that waits for them. Returns their number.

    If there are none it goes on waiting, unless its feeds have been read and its topic has stories of the last day: what
    comes from then on is posted as it comes. The channel had some within a day if it was unsubscribed and subscribed again: then there are no more.
    """
    now = context.now()
    guild_id, channel_id = subscription.guild_id, subscription.channel_id
    async with context.db.read() as connection:
        loaded_topics = await context.topics.load(connection, guild_id)
        names = loaded_topics.with_descendants(subscription.topic)
        since = now - LAST_DAY
        recent = await stories.newest_arrived(connection, names, since, now, guild_id, MOST_CANDIDATES)
        if not recent:
            return 0
        posted = {story for story, channel in await outbox.posts(connection, recent) if channel == channel_id}
        fresh = [number for number in recent if number not in posted]
        loaded = await stories.load(connection, fresh, guild_id)
        muted = muted_by(await subscriptions.mutes_in(connection, guild_id, channel_id))
    owners = context.rules.owners
    views = await asyncio.to_thread(_views, list(loaded.values()), muted, owners)
    chosen = first_posts(views, subscription, now)
    if not chosen and not feeds_are_read:
        return 0
    async with context.db.write() as connection:
        if not await subscriptions.begin_first_posts(connection, subscription.id):
            return 0
        if await outbox.had_first_posts(connection, channel_id, subscription.topic, now - WAIT):
            return 0
        for view in chosen:
            row = outbox.new_row(
                outbox.STORY,
                outbox.story_name(view.number, channel_id),
                guild_id,
                channel_id,
                now,
                story=view.number,
                priority=view.heat,
                payload={outbox.FIRST: subscription.topic},
            )
            await outbox.enqueue(connection, row)
    context.wake()
    return len(chosen)


def _views(loaded: Iterable[Story], muted: Muted, owners: MediaOwners) -> list[StoryView]:
    return [view for story in loaded if (view := story_view(story, muted, owners)) is not None]


async def begin_waiting(context: Context) -> int:
    """Queue first posts of all subscriptions that wait for them and whose feeds have been read. Returns how many."""
    async with context.db.read() as connection:
        waiting = await subscriptions.awaiting_first_posts(connection, context.now())
        unread = {
            guild_id: await feeds.unread_topic_lists(connection, guild_id)
            for guild_id in {subscription.guild_id for subscription in waiting}
        }
        loaded_topics = await context.topics.load(connection)
    count = 0
    for subscription in waiting:
        topics = loaded_topics.visible_to(subscription.guild_id)
        followed = {name_key(subscription.topic)}
        lists = unread[subscription.guild_id]
        if not any(names and topics.concerns(names, followed) for names in lists):
            count += await begin(context, subscription, feeds_are_read=True)
    return count
