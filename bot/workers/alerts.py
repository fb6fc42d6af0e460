"""Compares new articles with members' alerts: after the intake, off the event loop, and in turns with what commands compute."""

from __future__ import annotations

import logging

from bot.domain.topics.query import meter
from bot.services.context import Context
from bot.store import alerts, member_messages, records, subscriptions

log = logging.getLogger(__name__)

AT_ONCE = 200  # articles, as many as commands look at in one slice


async def step(context: Context) -> None:
    """Queue the messages of all articles that wait, and those alone: a crash leaves them waiting."""
    while await _slice(context):
        pass


async def _slice(context: Context) -> int:
    """Compare the first articles that wait. Returns their number."""
    now = context.now()
    async with context.db.read() as connection:
        queued = await alerts.queued(connection, AT_ONCE)
        if not queued:
            return 0
        stored = await records.by_id(connection, set(queued.values()))
        index = await context.alerts.load(connection)
        topics = await context.topics.load(connection, 0)
        mutes = await subscriptions.mutes(connection)
    oldest = now - context.rules.max_age
    fresh = [record for record in stored.values() if record.first_seen >= oldest]
    matches = await context.evaluations.run(index.match, topics, fresh, mutes)
    reasons = {label: meter.reason(price) for label, price in index.meter.excess().items()}
    # As an intake: no story changes its number meanwhile, and nobody else counts the messages of a member.
    async with context.db.intake() as connection:
        count = await member_messages.alert(connection, matches, context.alert_limits, now)
        await alerts.suspend(connection, reasons)
        await alerts.unqueue(connection, queued)
    for (guild_id, _), why in reasons.items():
        log.warning("an alert of server %d is suspended: %s", guild_id, why)
    if count:
        context.wake()
    return len(queued)
