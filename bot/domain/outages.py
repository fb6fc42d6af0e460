"""Outages: what the bot cannot do at present, since when, and why. Pure; `now` is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

DOWN_HOSTS = 8  # so many hosts fail one after another, and none answers: it is the network, not the feeds


class OutageKind(StrEnum):
    """What is out of reach, by the name that metrics use."""

    CONNECTION = "connection"  # to Discord's gateway
    SENDING = "sending"  # Discord takes no requests
    DATABASE = "database"  # it cannot be read or written
    FEEDS = "feeds"  # no feed of any host can be fetched


@dataclass(frozen=True, slots=True)
class Outage:
    """A present outage. `reason` is in English, as errors are."""

    kind: OutageKind
    since: datetime
    reason: str

    def lasts(self, now: datetime) -> timedelta:
        """How long it has lasted; none if the clock was set back meanwhile."""
        return max(now - self.since, timedelta())


@dataclass(frozen=True, slots=True)
class Health:
    """All present outages, at most one of a kind; `/status`, `/healthz` and the metrics show this value."""

    outages: tuple[Outage, ...] = ()

    def of(self, kind: OutageKind) -> Outage | None:
        """The present outage of that kind."""
        return next((outage for outage in self.outages if outage.kind is kind), None)

    def after(self, kind: OutageKind, reason: str | None, now: datetime) -> Health:
        """The state after `kind` failed for this reason, or worked (None). An outage keeps the time at which it began."""
        present = self.of(kind)
        others = tuple(outage for outage in self.outages if outage.kind is not kind)
        if reason is None:
            return Health(others)
        outage = Outage(kind, now, reason) if present is None else replace(present, reason=reason)
        return Health((*others, outage))


@dataclass(frozen=True, slots=True)
class FeedStreak:
    """The hosts, and the servers with feeds of their own, whose feeds failed since a feed was last fetched, and since when."""

    hosts: frozenset[str] = frozenset()
    since: datetime | None = None

    @property
    def is_outage(self) -> bool:
        """Whether so many hosts failed that none of them is to blame."""
        return len(self.hosts) >= DOWN_HOSTS

    def after(self, answered: bool, failed_hosts: Iterable[str], now: datetime) -> FeedStreak:
        """The streak after some polls: whether any host answered, and which did not."""
        if answered:
            return FeedStreak()
        hosts = self.hosts.union(failed_hosts)
        return FeedStreak(hosts, (self.since or now) if hosts else None)
