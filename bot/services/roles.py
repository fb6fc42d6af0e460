"""The roles that the posts of a server ping."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.model import Mode
from bot.services.context import Context
from bot.store import subscriptions


@dataclass(frozen=True, slots=True)
class PingedTopic:
    """A topic whose posts in a channel ping a role."""

    channel_id: int
    topic: str


async def pinged_by(context: Context, guild_id: int, role_id: int) -> tuple[PingedTopic, ...]:
    """What pings a role of a server now: its subscriptions with live posts that name the role."""
    async with context.db.read() as connection:
        subscribed = await subscriptions.subscriptions(connection, guild_id=guild_id)
    return tuple(
        PingedTopic(subscription.channel_id, subscription.topic)
        for subscription in subscribed
        if subscription.mention_role_id == role_id and subscription.mode is not Mode.DIGEST
    )
