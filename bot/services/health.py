"""Where the running parts note what they cannot do, for those who show it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from bot.domain.outages import Health, OutageKind

log = logging.getLogger(__name__)

NOTABLE = timedelta(seconds=10)  # Discord has bots reconnect several times a day, which takes a moment


class HealthMonitor:
    """Keeps the present `Health`, and logs the end of each outage. Whoever notices an outage logs its beginning."""

    def __init__(self) -> None:
        self.health = Health()

    def note(self, kind: OutageKind, reason: str | None, now: datetime) -> None:
        """Note that something fails for this reason, or that it works (None)."""
        before = self.health.of(kind)
        if before is None and reason is None:
            return
        self.health = self.health.after(kind, reason, now)
        if before is not None and reason is None and before.lasts(now) >= NOTABLE:
            seconds = timedelta(seconds=round(before.lasts(now).total_seconds()))
            log.info("the outage (%s) is over after %s", kind.value, seconds)
