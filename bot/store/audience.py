"""Whom decisions about stories concern."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mute, Subscription
from bot.domain.topics.topics import Topics
from bot.store import subscriptions
from bot.store.topic_cache import TopicCache


async def load(
    connection: AsyncConnection, cache: TopicCache
) -> tuple[Topics, tuple[Subscription, ...], tuple[Mute, ...]]:
    """What there is to follow, who follows it, and what they do not want: as `plan` takes them."""
    return (
        await cache.load(connection),
        await subscriptions.subscriptions(connection),
        await subscriptions.mutes(connection),
    )
