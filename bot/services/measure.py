"""Figures for monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.processes import living
from bot.services.context import Context
from bot.store import (
    alerts,
    api_tokens,
    delivery,
    feeds,
    follows,
    forwards,
    leases,
    outbox,
    stories,
    subscriptions,
)


@dataclass(frozen=True, slots=True)
class Measurements:
    """Metric name -> value, how many feeds are in which state, and how many processes that show signs of life have which role."""

    totals: Mapping[str, float]
    feeds: Mapping[str, int]
    processes: Mapping[str, int] = field(default_factory=dict)


async def measure(context: Context) -> Measurements:
    """Count everything; a StoreError where the database does not answer."""
    now = context.now()
    async with context.db.read() as connection:
        records, live_stories = await stories.recent_totals(connection, now)
        waiting, oldest = await delivery.backlog(connection, now)
        topics = await context.topics.load(connection)
        subscribed = await subscriptions.count(connection)
        paused = await subscriptions.paused(connection)
        states = await feeds.states_of_all(connection)
        kept = await outbox.kept_embeds(connection)
        alert_count = await alerts.count(connection)
        follow_count = await follows.count(connection)
        token_count = await api_tokens.count(connection)
        forward_counts = await forwards.totals(connection)
        processes = await leases.processes(connection)
    return Measurements(
        {
            "topicwire_records": records,
            "topicwire_stories": live_stories,
            "topicwire_topics": len(topics),
            "topicwire_subscriptions": subscribed,
            "topicwire_alerts": alert_count,
            "topicwire_follows": follow_count,
            "topicwire_api_tokens": token_count,
            "topicwire_forwards": forward_counts["forwards"],
            "topicwire_forwards_off": forward_counts["off"],
            "topicwire_forwards_waiting": forward_counts["waiting"],
            "topicwire_channels_paused": len(paused),
            "topicwire_outbox_waiting": waiting,
            "topicwire_outbox_kept_embeds": kept,
            "topicwire_outbox_late_seconds": (now - oldest).total_seconds() if oldest else 0.0,
        },
        states,
        living(processes),
    )
