"""Whether the posts of a channel get threads."""

from __future__ import annotations

from bot.services.context import Context
from bot.store import story_threads, subscriptions


async def switch(context: Context, guild_id: int, channel_id: int, *, on: bool) -> None:
    """Have a thread for each story of a channel, or no more. Threads that are there stay."""
    async with context.db.write() as connection:
        await subscriptions.ensure_channel(connection, channel_id, guild_id)
        await story_threads.switch(connection, channel_id, on=on)


async def are_on(context: Context, channel_id: int) -> bool:
    """Whether there is a thread for each story of a channel."""
    async with context.db.read() as connection:
        return bool(await story_threads.channels_with(connection, [channel_id]))
