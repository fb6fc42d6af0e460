"""Feeds, and when each is polled next: within bounds, by how often it has news, and by its own hints.

Pure: the answer of a poll and the time go in, the feed's next state comes out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.model import FEED_QUALITY
from bot.domain.text.addresses import host_of

FASTER = 0.5  # part of the interval that is left after a poll that brought something
SLOWER = 1.25  # and after one that did not
JITTER = 0.1  # part of an interval by which a poll may come later, so that feeds spread out
LONGEST_ASKED = timedelta(days=1)  # a feed may ask for rarer polls, up to this
LONGEST_RETRY = timedelta(days=7)  # likewise a server for a later retry
WARN_AFTER = timedelta(days=3)
_HOUR = timedelta(hours=1)


class PollResult(StrEnum):
    """The result of a poll."""

    NEW = "new"
    NOTHING_NEW = "nothing new"
    FAILED = "failed"
    GONE = "gone"  # 410: for good


@dataclass(frozen=True, slots=True)
class Bounds:
    """How often a feed is polled at most and at least."""

    least: timedelta = timedelta(minutes=5)
    most: timedelta = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Polls:
    """What holds for all feeds: the bounds, the quality of records (feeds declare none), and a server's limits.

    `per_server` is how many feeds of its own it may have, `per_day` how many new records these may bring in a day,
    `most_stored` how many records they may have in the database.
    """

    bounds: Bounds = Bounds()
    quality: int = FEED_QUALITY
    per_server: int = 25
    per_day: int = 5000
    most_stored: int = 50_000


@dataclass(frozen=True, slots=True)
class Hints:
    """What a feed and its server ask for: a time between polls, hours (0 to 23) and days (Monday 0) without any, in UTC."""

    every: timedelta = timedelta()
    skip_hours: Collection[int] = ()
    skip_days: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Polling:
    """Where a feed stands. `next_poll` None: it is stopped. `warned`: its readers know that it fails."""

    interval: timedelta
    next_poll: datetime | None
    failures: int = 0
    failing_since: datetime | None = None
    warned: bool = False


class FeedOrigin(StrEnum):
    """Who added a feed. CATALOGUE: polled only while somebody follows one of its topics. SERVER: added in
    Discord, it counts for that server alone. OPERATOR: added on the command line.
    """

    CATALOGUE = "catalogue"
    CONFIG = "config"
    SERVER = "server"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class NewFeed:
    """A feed to be followed. `address` is as it was given; None and empty take what the feed or a default says.

    `title` is what it calls itself, if that is known before it is polled.
    """

    address: str
    origin: FeedOrigin
    name: str = ""
    topics: tuple[str, ...] = ()
    quality: int | None = None
    guild_id: int = 0
    added_by: int | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed that is followed. `url` is where it is now, `title` what it calls itself.

    `last_success`, `last_error`, `taken` and `rejected` are as for any source.
    """

    source_id: int
    guild_id: int
    address: str
    url: str
    name: str
    title: str
    topics: tuple[str, ...]
    quality: int | None
    origin: FeedOrigin
    polled_at: datetime | None
    polling: Polling
    intake_done: bool
    last_success: datetime | None
    last_error: str
    taken: int
    rejected: int

    @property
    def shown(self) -> str:
        """What people call it: never its address, which may hold a password or a token."""
        return self.name or self.title or host_of(self.url)


def next_schedule(
    before: Polling,
    result: PollResult,
    now: datetime,
    bounds: Bounds,
    *,
    hints: Hints = Hints(),
    retry_after: timedelta | None = None,
    jitter: float = 0.0,
) -> Polling:
    """The feed's state after a poll. `jitter` is a random number from 0 to 1."""
    late = 1 + JITTER * jitter
    if result is PollResult.GONE:
        return replace(
            before,
            next_poll=None,
            failures=before.failures + 1,
            failing_since=before.failing_since or now,
        )
    if result is PollResult.FAILED:
        failures = before.failures + 1
        pause = min(max(before.interval, bounds.least) * 2 ** min(failures - 1, 10), bounds.most)
        pause = max(pause * late, min(retry_after or timedelta(), LONGEST_RETRY))
        since = before.failing_since or now
        return replace(before, next_poll=now + pause, failures=failures, failing_since=since)
    factor = FASTER if result is PollResult.NEW else SLOWER
    interval = min(max(before.interval * factor, bounds.least), bounds.most)
    requested = min(hints.every, max(LONGEST_ASKED, bounds.most))
    return Polling(interval, _allowed(now + max(interval * late, requested), hints))


def _allowed(at: datetime, hints: Hints) -> datetime:
    """The first moment from `at` on that is in no hour or day to be skipped; `at` where every one is."""
    moment = at
    for _ in range(8 * 24):
        if moment.hour not in hints.skip_hours and moment.weekday() not in hints.skip_days:
            return moment
        moment = moment.replace(minute=0, second=0, microsecond=0) + _HOUR
    return at


def to_warn(polling: Polling, now: datetime) -> bool:
    """Whether it is time to tell the feed's readers that it fails."""
    since = polling.failing_since
    stopped = polling.next_poll is None
    return since is not None and not polling.warned and (stopped or now - since >= WARN_AFTER)
