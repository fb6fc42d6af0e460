"""The topics, subscriptions and mutes that decide where a story is posted."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mute, Subscription
from bot.domain.topics.topics import Topics
from bot.store import subscriptions
from bot.store.topic_cache import TopicCache


async def load(
    connection: AsyncConnection, cache: TopicCache
) -> tuple[Topics, tuple[Subscription, ...], tuple[Mute, ...]]:
    """The topics, subscriptions and mutes of all servers, as arguments for `plan`."""
    return (
        await cache.load(connection),
        await subscriptions.subscriptions(connection),
        await subscriptions.mutes(connection),
    )
