"""Metrics of a running bot in the Prometheus format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from bot.domain.outages import OutageKind
from bot.services.measure import Measurements

# Name -> description. Names of counters end in _total by Prometheus's convention.
GAUGES: Mapping[str, str] = {
    "topicwire_records": "Stored articles, without those that only other articles list as related.",
    "topicwire_stories": "Stories, without merged ones.",
    "topicwire_topics": "Topics.",
    "topicwire_subscriptions": "Subscriptions of all servers.",
    "topicwire_alerts": "Alerts of members.",
    "topicwire_follows": "Stories that members follow, once for each member.",
    "topicwire_api_tokens": "Tokens of servers that read stories.",
    "topicwire_forwards": "Addresses that servers send stories to.",
    "topicwire_forwards_off": "Those of them that were switched off because they failed.",
    "topicwire_forwards_waiting": "Stories that wait to be sent to the others.",
    "topicwire_channels_paused": "Paused channels.",
    "topicwire_outbox_waiting": "Messages that are due to be sent or edited.",
    "topicwire_outbox_kept_embeds": "Messages that keep the embeds of an earlier version because Discord refused the edit.",
    "topicwire_outbox_late_seconds": "How long the oldest waiting message has been due, in seconds.",
    "topicwire_feeds": "Feeds by state: fine, new (not polled yet, such as catalogue feeds that no channel needs), failing, stopped.",
    "topicwire_outage_seconds": "How long each kind of outage has lasted, in seconds: connection, sending, database and feeds; 0 without one.",
    "topicwire_discord_connected": "1 while the bot is connected to Discord.",
    "topicwire_discord_pace_used": "The share of Discord's limit for all requests that the last second used, from 0 to 1.",
    "topicwire_discord_invalid_requests": "Requests of the last ten minutes that Discord counts as invalid. It blocks the address at 10,000.",
    "topicwire_delivery_queued": "Messages that this process has claimed and not begun to send.",
    "topicwire_delivery_in_flight": "Messages that are being sent.",
    "topicwire_processes": "Processes that show signs of life, by role.",
    "topicwire_leading": "1 while this process leads, by role (intake, sender): of several processes one does the work.",
}
COUNTERS: Mapping[str, str] = {
    "topicwire_polls_total": "Feed polls since the start, by outcome.",
    "topicwire_pushed_total": "Pushed items since the start, by outcome.",
    "topicwire_reads_total": "Requests for feeds and stories since the start, by outcome.",
    "topicwire_forwarded_total": "Deliveries of stories to forwards since the start, by outcome.",
    "topicwire_discord_429_total": "Requests that Discord refused because of a rate limit, by its scope: global, user, shared, none.",
    "topicwire_rephrasings_total": "Calls of the model that rephrases and translates briefs since the start, by outcome.",
}


LABELS = {"topicwire_discord_429_total": "scope"}  # of counters; the others have an outcome
SCOPES = ("global", "user", "shared", "none")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests to Discord, and messages on their way there. `refused` counts the answers with status 429 by their scope."""

    refused: Mapping[str, int] = field(default_factory=dict)
    invalid: int = 0
    pace_used: float = 0.0
    queued: int = 0
    in_flight: int = 0


class _Snapshot:
    """A collector that returns values measured before."""

    def __init__(
        self,
        measured: Measurements,
        connected: bool,
        counts: Mapping[str, Mapping[str, int]],
        traffic: Traffic,
        leading: Mapping[str, bool],
        outages: Mapping[str, float],
    ) -> None:
        self._gauges: dict[str, float] = {
            **measured.totals,
            "topicwire_discord_connected": connected,
            "topicwire_discord_pace_used": traffic.pace_used,
            "topicwire_discord_invalid_requests": traffic.invalid,
            "topicwire_delivery_queued": traffic.queued,
            "topicwire_delivery_in_flight": traffic.in_flight,
        }
        # Metric -> its label, and the value of each label.
        self._labelled: dict[str, tuple[str, Mapping[str, float]]] = {
            "topicwire_feeds": ("state", measured.feeds),
            "topicwire_leading": ("role", leading),
            "topicwire_processes": ("role", measured.processes),
            "topicwire_outage_seconds": ("kind", {kind.value: 0.0 for kind in OutageKind} | dict(outages)),
        }
        refused = {scope: traffic.refused.get(scope, 0) for scope in SCOPES}
        self._counts = {**counts, "topicwire_discord_429_total": refused}

    def collect(self) -> Iterable[Metric]:
        for name, meaning in GAUGES.items():
            if name in self._labelled:
                label, values = self._labelled[name]
                gauge = GaugeMetricFamily(name, meaning, labels=[label])
                for value, number in values.items():
                    gauge.add_metric([value], number)
                yield gauge
            elif name in self._gauges:  # without the database, some cannot be measured
                yield GaugeMetricFamily(name, meaning, value=self._gauges[name])
        for name, meaning in COUNTERS.items():
            counter = CounterMetricFamily(name, meaning, labels=[LABELS.get(name, "outcome")])
            for outcome, count in self._counts.get(name, {}).items():
                counter.add_metric([outcome], count)
            yield counter


def exposition(
    measured: Measurements,
    *,
    connected: bool,
    counts: Mapping[str, Mapping[str, int]],
    traffic: Traffic,
    leading: Mapping[str, bool],
    outages: Mapping[str, float],
) -> bytes:
    """The metrics page. `counts` maps a counter's name to the count of each outcome, `leading` a role to whether the process leads,
    `outages` the kind of each present outage to its seconds.
    """
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(_Snapshot(measured, connected, counts, traffic, leading, outages))
    return generate_latest(registry)
