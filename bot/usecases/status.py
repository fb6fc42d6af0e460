"""How the bot is doing, for those who run a server; and mending what was paused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from bot.store import outbox, sources, stories, subscriptions
from bot.store.sources import SourceState as SourceState
from bot.usecases.context import Context

RECENT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Status:
    """What `/status` shows. `paused` are channel and reason; `held` counts the last day by reason."""

    version: str
    records: int
    stories: int
    sources: tuple[SourceState, ...]
    queue: int
    paused: tuple[tuple[int, str], ...]
    held: dict[str, int]
    given_up: tuple[tuple[int, str], ...]
    subscriptions: int


async def status(context: Context, guild_id: int) -> Status:
    """The state of the bot as it concerns one server."""
    since = context.now() - RECENT
    async with context.db.read() as connection:
        own, alive = await stories.totals(connection)
        states = await subscriptions.channels(connection, guild_id)
        return Status(
            version("topicwire"),
            own,
            alive,
            tuple(await sources.all_sources(connection)),
            await outbox.queue_length(connection, guild_id),
            tuple((s.channel_id, s.paused_reason) for s in states if s.paused_reason),
            await outbox.held_counts(connection, guild_id, since),
            tuple(await outbox.given_up(connection, guild_id, since)),
            len(await subscriptions.subscriptions(connection, guild_id=guild_id)),
        )


async def resume_mended(context: Context, problem: Callable[[int], str]) -> list[int]:
    """Resume the paused channels in which nothing stands against posting any more.

    `problem` says of a channel why nothing can be posted there, empty where it can.
    """
    async with context.db.read() as connection:
        paused = [s.channel_id for s in await subscriptions.channels(connection) if s.paused_reason]
    mended = [channel_id for channel_id in paused if not problem(channel_id)]
    if mended:
        async with context.db.write() as connection:
            await subscriptions.resume(connection, mended)
        context.wake()
    return mended
