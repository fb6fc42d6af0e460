"""Whom decisions about stories concern."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mute, Subscription
from bot.domain.topics.tree import Topics
from bot.store import subscriptions, topics


async def load(connection: AsyncConnection) -> tuple[Topics, tuple[Subscription, ...], tuple[Mute, ...]]:
    """What there is to follow, who follows it, and what they do not want: as `plan` takes them."""
    return (
        await topics.load(connection),
        await subscriptions.subscriptions(connection),
        await subscriptions.mutes(connection),
    )
