"""Metrics of a running bot in the Prometheus format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
}
COUNTERS: Mapping[str, str] = {
    "topicwire_polls_total": "Feed polls since the start, by outcome.",
    "topicwire_pushed_total": "Pushed items since the start, by outcome.",
    "topicwire_reads_total": "Requests for feeds and stories since the start, by outcome.",
    "topicwire_forwarded_total": "Deliveries of stories to forwards since the start, by outcome.",
    "topicwire_rephrasings_total": "Calls of the model that rephrases and translates briefs since the start, by outcome.",
}


class _Snapshot:
    """A collector that returns values measured before."""

    def __init__(
        self,
        measured: Measurements,
        connected: bool,
        counts: Mapping[str, Mapping[str, int]],
        outages: Mapping[str, float],
    ) -> None:
        self._gauges: dict[str, float] = {**measured.totals, "topicwire_discord_connected": connected}
        self._labelled = {
            "topicwire_feeds": ("state", measured.feeds),
            "topicwire_outage_seconds": ("kind", {kind.value: 0.0 for kind in OutageKind} | dict(outages)),
        }
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        for name, meaning in GAUGES.items():
            if name in self._labelled:
                label, values = self._labelled[name]
                family = GaugeMetricFamily(name, meaning, labels=[label])
                for value, count in values.items():
                    family.add_metric([value], count)
                yield family
            elif name in self._gauges:  # without the database, some cannot be measured
                yield GaugeMetricFamily(name, meaning, value=self._gauges[name])
        for name, meaning in COUNTERS.items():
            counter = CounterMetricFamily(name, meaning, labels=["outcome"])
            for outcome, count in self._counts.get(name, {}).items():
                counter.add_metric([outcome], count)
            yield counter


def exposition(
    measured: Measurements,
    *,
    connected: bool,
    counts: Mapping[str, Mapping[str, int]],
    outages: Mapping[str, float],
) -> bytes:
    """The metrics page. `counts` maps a counter's name to the count of each outcome, `outages` the kind of each to its seconds."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(_Snapshot(measured, connected, counts, outages))
    return generate_latest(registry)
