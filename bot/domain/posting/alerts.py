"""Members' alerts: which records their queries match, and how many messages a member gets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.model import Mute, Stored
from bot.domain.stories.story import muted_by
from bot.domain.topics.query.language import Query, QueryError, parse
from bot.domain.topics.query.meter import Label, Meter
from bot.domain.topics.query.percolator import Matcher
from bot.domain.topics.topics import Topics

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AlertLimits:
    """What members may have, and what they get at most; see `config.example.yaml`.

    `per_hour` and `per_day` are messages of alerts to one member of a server. A follow ends after `follow_quiet` without
    a new report of its story.
    """

    per_member: int = 10
    per_server: int = 500
    per_hour: int = 5
    per_day: int = 20
    follows_per_member: int = 25
    follow_quiet: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Alert:
    """A query of a member of a server.

    `channel_id` is where the member is mentioned; None: a direct message. `home_id` is the channel in which the alert
    was made. `language` is the member's, by Discord's code. `suspended` says why the query is not matched; empty: it is.
    """

    id: int
    guild_id: int
    user_id: int
    query: str
    channel_id: int | None = None
    home_id: int = 0
    language: str = "en"
    suspended: str = ""


@dataclass(frozen=True, slots=True)
class Follow:
    """A story of which a member of a server gets what changes. `channel_id` is where the member began to follow it."""

    guild_id: int
    user_id: int
    story: int
    channel_id: int
    language: str
    since: datetime


@dataclass(frozen=True, slots=True)
class AlertMatch:
    """A record that an alert matches."""

    alert: Alert
    record_id: int


class AlertIndex:
    """The alerts of all servers, by query. `refused` are those whose stored query cannot be read any more.

    Equal queries are evaluated once. `meter` counts what the queries of each server cost.
    """

    def __init__(self, alerts: Iterable[Alert], meter: Meter | None = None) -> None:
        self.meter = meter or Meter()
        self.refused: list[tuple[Alert, QueryError]] = []
        self._alerts: dict[Label, list[Alert]] = {}
        self._percolator: Matcher[Label] = Matcher()
        for alert in alerts:
            if alert.suspended:
                continue
            try:
                query = parse(alert.query)
            except QueryError as error:  # the language was wider when it was stored
                self.refused.append((alert, error))
                continue
            self._add(alert, query)

    def _add(self, alert: Alert, query: Query) -> None:
        label = (alert.guild_id, query.text)
        if label not in self._alerts:
            self._percolator.add(label, query)
        self._alerts.setdefault(label, []).append(alert)

    def match(self, topics: Topics, records: Iterable[Stored], mutes: Sequence[Mute]) -> list[AlertMatch]:
        """The alerts that records match, in the order of the records. Counts what that costs.

        A record of a server's own feed is for that server's alerts alone, and nobody gets what the server or the
        channel of the alert has muted.
        """
        hidden = _Hidden(mutes)
        matches: list[AlertMatch] = []
        for stored in records:
            spent: dict[Label, int] = {}
            labels = self._percolator.match(topics.matcher.document(stored.record), spent)
            self.meter.count(spent, stored.guild_id)
            matches += [
                AlertMatch(alert, stored.id)
                for label in sorted(labels)
                if stored.guild_id in (0, label[0])
                for alert in self._alerts[label]
                if not hidden.hides(alert, stored)
            ]
        return matches


class _Hidden:
    """What the servers and channels of alerts have muted."""

    def __init__(self, mutes: Sequence[Mute]) -> None:
        self._mutes: dict[int, list[Mute]] = {}
        for mute in mutes:
            self._mutes.setdefault(mute.guild_id, []).append(mute)

    def hides(self, alert: Alert, stored: Stored) -> bool:
        scopes = (None, alert.channel_id)
        mutes = [mute for mute in self._mutes.get(alert.guild_id, ()) if mute.channel_id in scopes]
        return muted_by(mutes)(stored.record)


def room_for_alerts(sent: Iterable[datetime], now: datetime, limits: AlertLimits) -> int:
    """How many more messages of alerts a member may get now, given when the earlier ones were made."""
    times = list(sent)
    of_hour = sum(time > now - HOUR for time in times)
    of_day = sum(time > now - DAY for time in times)
    return max(0, min(limits.per_hour - of_hour, limits.per_day - of_day))
