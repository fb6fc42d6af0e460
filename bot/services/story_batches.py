"""Stories by the thousand: read a part at a time, and looked at off the event loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from bot.domain.stories.story import Story
from bot.services.context import Context
from bot.store import stories
from bot.store.sql import chunks

T = TypeVar("T")

AT_ONCE = 100  # stories that are read and looked at in one go: some milliseconds of the event loop


async def story_batches(
    context: Context,
    numbers: Sequence[int],
    guild_id: int | None,
    look_at: Callable[[Sequence[Story]], T],
) -> AsyncGenerator[T]:
    """What `look_at` makes of these stories as a server sees them, `AT_ONCE` at a time and in their order.

    It runs in the thread of `context.evaluations`, while no transaction is open.
    """
    for part in chunks(numbers, AT_ONCE):
        async with context.db.read() as connection:
            loaded = await stories.load(connection, part, guild_id)
        yield await context.evaluations.run(look_at, [loaded[number] for number in part])
