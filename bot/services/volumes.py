"""What volumes mean: how big a story has to be for few, some or many posts a day of a topic, computed from what it brought."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.forwarding import Forward
from bot.domain.model import Calibration, Mute, StoryView, Subscription
from bot.domain.posting.volume import (
    FIXED,
    History,
    VolumePlace,
    calibrate,
    history,
    is_posted,
    live_volume,
    longest_history,
    place_below,
    shown_volume,
)
from bot.domain.stories.ranking import size_of
from bot.domain.stories.story import muted_by
from bot.services.context import Context
from bot.store import calibrations, forwards, quotas, subscriptions, volumes


async def history_of(
    connection: AsyncConnection, context: Context, subscription: Subscription, mutes: Collection[Mute] = ()
) -> History:
    """What a subscription's topic has brought, as its server sees it, without what is muted there."""
    now = context.now()
    since = longest_history(now)
    loaded_topics = await context.topics.load(connection, subscription.guild_id)
    names = loaded_topics.with_descendants(subscription.topic)
    muted = muted_by(tuple(mutes)) if mutes else None
    guild_id = subscription.guild_id
    past = await volumes.past_stories(connection, names, since, now, guild_id, muted)
    watched_since = await volumes.first_news(connection, names, since, now, guild_id)
    return await asyncio.to_thread(history, past, watched_since, now)


async def refresh(context: Context, due: Iterable[Subscription]) -> list[Subscription]:
    """Compute the calibrations of these subscriptions, and store them. Returns the subscriptions with these."""
    calibrated = await _calibrated(context, list(due))
    async with context.db.write() as connection:
        await subscriptions.calibrate(connection, calibrated)
    return [replace(s, calibration=calibration) for s, (calibration, _) in calibrated.items()]


async def refresh_forwards(context: Context, due: Iterable[Forward]) -> None:
    """Compute the calibrations of these forwards, and store them."""
    calibrated = await _calibrated(context, [forward.subscription for forward in due])
    async with context.db.write() as connection:
        await forwards.calibrate(connection, calibrated)


async def _calibrated(
    context: Context, due: Sequence[Subscription]
) -> dict[Subscription, tuple[Calibration, datetime]]:
    """What the volumes of these subscriptions mean now, each with when to compute it again.

    Channels that see the same of a topic share the work: all of servers without feeds and topics of their own that mute nothing.
    """
    now = context.now()
    histories: dict[object, History] = {}
    async with context.db.read() as connection:
        guild_ids = {subscription.guild_id for subscription in due}
        usage = await quotas.usage(connection, guild_ids)
        every_mute = await subscriptions.mutes(connection, *guild_ids) if guild_ids else ()
        results = {}
        for subscription in due:
            mutes = _mutes_of(subscription, every_mute)
            has_its_own = usage[subscription.guild_id].feeds or usage[subscription.guild_id].topics
            server = subscription.guild_id if mutes or has_its_own else 0
            key = (subscription.topic, server, mutes)
            if key not in histories:
                histories[key] = await history_of(
                    connection, context, replace(subscription, guild_id=server), mutes
                )
            results[subscription] = histories[key]
    return {
        subscription: (calibrate(shown_volume(subscription), past), now + past.refresh)
        for subscription, past in results.items()
    }


def _mutes_of(subscription: Subscription, mutes: Iterable[Mute]) -> tuple[Mute, ...]:
    return tuple(
        mute
        for mute in mutes
        if mute.guild_id == subscription.guild_id and mute.channel_id in (None, subscription.channel_id)
    )


async def place_of(
    connection: AsyncConnection, context: Context, view: StoryView, covering: Iterable[Subscription]
) -> VolumePlace | None:
    """Where a story that was not posted stands for the subscription that posts most of those that cover it.

    None if these go by the story alone, or it would be posted by now.
    """
    measured = [(s, s.calibration) for s in covering if s.calibration and live_volume(s) not in FIXED]
    if not measured or any(is_posted(view, subscription) for subscription, _ in measured):
        return None
    subscription, calibration = max(measured, key=lambda pair: pair[1].posts or 0)
    mutes = await subscriptions.mutes_in(connection, subscription.guild_id, subscription.channel_id)
    past = await history_of(connection, context, subscription, mutes)
    return place_below(size_of(view), calibration, past)


async def refresh_due(context: Context, limit: int) -> int:
    """Compute the calibrations that are due, at most so many of subscriptions and of forwards. Returns how many there were of either."""
    async with context.db.read() as connection:
        due = await subscriptions.to_calibrate(connection, context.now(), limit)
        due_forwards = await forwards.to_calibrate(connection, context.now(), limit)
    if due:
        await refresh(context, due)
    if due_forwards:
        await refresh_forwards(context, due_forwards)
    return max(len(due), len(due_forwards))


async def next_due(context: Context) -> datetime | None:
    """When the next calibration is due."""
    async with context.db.read() as connection:
        return await calibrations.next_due(connection)
