"""How fast a channel is posted to: its limit of posts an hour, and its quiet hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.posting.quiet import QuietHours
from bot.domain.posting.schedule import parse_time
from bot.errors import InvalidInputError, NotFoundError
from bot.i18n import tr
from bot.services.context import Context
from bot.store import rollups, subscriptions


@dataclass(frozen=True, slots=True)
class QuietSet:
    """Quiet hours that were set; `until` is when they end if it is quiet now."""

    quiet: QuietHours
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelPace:
    """How many posts an hour a channel gets at most, whether that was chosen for it, and its quiet hours."""

    per_hour: int
    is_chosen: bool
    quiet: QuietHours | None


async def of_channel(context: Context, guild_id: int, channel_id: int) -> ChannelPace:
    """What is set for a channel of this server."""
    async with context.db.read() as connection:
        state = await subscriptions.channel(connection, channel_id)
    if state is None or state.guild_id != guild_id:
        return ChannelPace(context.rules.per_hour, is_chosen=False, quiet=None)
    per_hour = min(state.per_hour or context.rules.per_hour, context.rules.most_per_hour)
    return ChannelPace(per_hour, state.per_hour is not None, state.quiet)


async def limit(context: Context, guild_id: int, channel_id: int, per_hour: int | None) -> int:
    """Set how many posts an hour a channel gets at most (None: the default). Returns what holds now."""
    most = context.rules.most_per_hour
    if per_hour is not None and not 1 <= per_hour <= most:
        raise InvalidInputError(tr("Choose a limit from 1 to {most} posts an hour.", most=most))
    async with context.db.write() as connection:
        await subscriptions.ensure_channel(connection, channel_id, guild_id)
        await subscriptions.set_per_hour(connection, channel_id, per_hour)
        state = await subscriptions.channel(connection, channel_id)
        now = context.now()
        if state is None or state.quiet is None or state.quiet.until(now) is None:
            # What waits for a free post is decided about anew: with a higher limit there may be one now.
            await rollups.end_wait(connection, channel_id, now)
    context.wake()
    return min(per_hour or context.rules.per_hour, most)


def quiet_hours(start: str, end: str, zone: str) -> QuietHours:
    """Quiet hours as a user typed them, `zone` a proper one. InvalidInputError says what is allowed."""
    try:
        quiet = QuietHours(parse_time(start), parse_time(end), zone)
    except ValueError as error:
        raise InvalidInputError(tr("{problem}.", problem=error)) from error
    if quiet.start == quiet.end:
        raise InvalidInputError(
            tr("Quiet hours need a start and an end that differ, such as 22:00 and 07:00.")
        )
    return quiet


async def set_quiet(context: Context, guild_id: int, channel_id: int, quiet: QuietHours) -> QuietSet:
    """Set the quiet hours of a channel. What waits for the end of earlier ones waits for the end of these, or comes now."""
    now = context.now()
    until = quiet.until(now)
    async with context.db.write() as connection:
        await subscriptions.ensure_channel(connection, channel_id, guild_id)
        await subscriptions.set_quiet(connection, channel_id, quiet)
        await rollups.end_wait(connection, channel_id, until or now)
    context.wake()
    return QuietSet(quiet, until)


async def end_quiet(context: Context, channel_id: int) -> None:
    """The channel has no quiet hours any more. What waits for their end comes now. NotFoundError if it has none."""
    async with context.db.write() as connection:
        state = await subscriptions.channel(connection, channel_id)
        if state is None or state.quiet is None:
            raise NotFoundError(tr("This channel has no quiet hours."))
        await subscriptions.set_quiet(connection, channel_id, None)
        await rollups.end_wait(connection, channel_id, context.now())
    context.wake()
