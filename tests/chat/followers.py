"""Channels that follow a topic where how they came to it is not what a test is about.

A subscription that is stored takes a tenth of what `/subscribe` takes, which looks at what the topic has brought.
"""

from __future__ import annotations

from typing import Any

from simcord.builders import ChannelHandle

from bot.domain.model import Subscription
from bot.store.subscriptions import subscribe_all
from bot.store.topics import ids_by_label
from tests.chat.world import World


async def follow(world: World, topic: str, *channels: ChannelHandle, **settings: Any) -> None:
    """Have channels, *news* if none are named, get live posts on a topic. `settings` are those of `Subscription`."""
    async with world.app.context.db.write() as connection:
        [topic_id] = (await ids_by_label(connection, [(0, topic)])).values()
        subscriptions = [
            Subscription(0, world.guild.id, channel.id, topic, **settings)
            for channel in channels or (world.news,)
        ]
        await subscribe_all(connection, [(one, topic_id, world.clock()) for one in subscriptions])
    await world.env.settle()


async def following(world: World, topic: str, *names: object) -> list[ChannelHandle]:
    """New channels with these names that follow a topic: one for each case, so that all cases share a report."""
    channels = [world.guild.create_text_channel(str(name)) for name in names]
    await follow(world, topic, *channels)
    return channels
