"""Many channels that follow a topic: a case each, so that all cases share one report."""

from __future__ import annotations

from collections.abc import Iterable

from simcord.builders import ChannelHandle

from bot.domain.model import Subscription
from bot.store.subscriptions import subscribe_all
from bot.store.topics import ids_by_label
from tests.chat.world import World


async def following(world: World, topic: str, *names: object) -> list[ChannelHandle]:
    """Channels with these names that follow a topic. They are stored at once: a command each takes longer than a delivery."""
    channels = [world.guild.create_text_channel(str(name)) for name in names]
    await follow(world, topic, channels)
    return channels


async def follow(world: World, topic: str, channels: Iterable[ChannelHandle]) -> None:
    """Have these channels follow a topic."""
    async with world.app.context.db.write() as connection:
        [topic_id] = (await ids_by_label(connection, [(0, topic)])).values()
        subscriptions = [Subscription(0, world.guild.id, channel.id, topic) for channel in channels]
        await subscribe_all(connection, [(one, topic_id, world.clock()) for one in subscriptions])
    await world.env.settle()
