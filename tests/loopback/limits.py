"""Discord's rate limits, as its documentation and the headers of its responses describe them.

https://discord.com/developers/docs/topics/rate-limits
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many requests in a window of so many seconds, which the first request opens."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit of one or several routes, counted for each major parameter. Responses show it in their headers."""

    name: str
    limit: Limit
    routes: tuple[str, ...]  # "METHOD /channels/*/messages"

    @property
    def hash(self) -> str:
        """What Discord calls the bucket."""
        return blake2b(self.name.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Sublimit:
    """A limit of a channel that no header shows: a response may be refused while its bucket has requests left."""

    name: str
    limit: Limit
    routes: tuple[str, ...]
    scope: str = "shared"
    applies: Callable[[Mapping[str, Any]], bool] = lambda _body: True


def _renames(body: Mapping[str, Any]) -> bool:
    return not body.keys().isdisjoint(("name", "topic"))


EXECUTE = "POST /webhooks/*/*"
# The numbers are those that Discord's responses have had for years. Discord documents none of them but those of
# publishing (https://discord.com/developers/docs/resources/message#crosspost-message) and may change them.
BUCKETS = (
    Bucket("send", Limit(5, 5), ("POST /channels/*/messages",)),
    Bucket("edit", Limit(5, 5), ("PATCH /channels/*/messages/*",)),
    Bucket("delete", Limit(5, 1), ("DELETE /channels/*/messages/*",)),
    Bucket("publish", Limit(10, 3600), ("POST /channels/*/messages/*/crosspost",)),
    Bucket("history", Limit(50, 5), ("GET /channels/*/messages", "GET /channels/*/messages/*")),
    Bucket("open threads", Limit(50, 300), ("POST /channels/*/threads", "POST /channels/*/messages/*/threads")),
    Bucket("channel", Limit(5, 15), ("PATCH /channels/*",)),
    Bucket("execute", Limit(5, 2), (EXECUTE,)),
    Bucket("webhook message", Limit(5, 2), tuple(f"{method} /webhooks/*/*/messages/*" for method in ("GET", "PATCH", "DELETE"))),
    Bucket("webhooks", Limit(5, 60), ("POST /channels/*/webhooks", "PATCH /webhooks/*", "DELETE /webhooks/*")),
    Bucket("commands", Limit(2, 4), ("PUT /applications/*/commands",)),
    Bucket("gateway", Limit(2, 5), ("GET /gateway/bot",)),
)  # fmt: skip
SUBLIMITS = (
    Sublimit("webhooks of a channel", Limit(30, 60), (EXECUTE,)),
    Sublimit("renames", Limit(2, 600), ("PATCH /channels/*",), applies=_renames),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a Discord. None stands for no limit."""

    per_token: Limit | None = Limit(50, 1)  # without interactions
    per_address: Limit | None = Limit(50, 1)  # for requests without a token, such as those of webhooks
    invalid: Limit | None = Limit(10_000, 600)  # answers with 401, 403 or 429, but for those of shared limits
    identify: Limit | None = Limit(1, 5)  # for each concurrency key
    sessions: Limit | None = Limit(1000, 86_400)  # that a token may start
    gateway_events: Limit | None = Limit(120, 60)  # that a connection may send
    buckets: tuple[Bucket, ...] = BUCKETS
    sublimits: tuple[Sublimit, ...] = SUBLIMITS


DISCORD = Limits()
UNLIMITED = Limits(None, None, None, None, None, None, (), ())


@dataclass(frozen=True, slots=True)
class Asked:
    """What limits a request. `route` has `*` for ids and tokens, `major` is what Discord calls the major parameters."""

    route: str
    major: str
    channel: int
    address: str
    token: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_of_interaction(self) -> bool:
        """The global limit does not count these."""
        return self.route.startswith("POST /interactions/")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request gets the status 429: `scope` is user, shared or global; `wait` is in seconds."""

    scope: str
    wait: float
    by_network: bool = False  # by what stands in front of the API


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headers of the response, and why it is refused, if it is."""

    headers: Mapping[str, str]
    refusal: Refusal | None = None


@dataclass(slots=True)
class _Window:
    limit: Limit
    ends: float = -math.inf
    used: int = 0

    def left(self, now: float) -> int:
        if now >= self.ends:
            self.ends, self.used = now + self.limit.seconds, 0
        return self.limit.requests - self.used

    def take(self, now: float) -> bool:
        if self.left(now) <= 0:
            return False
        self.used += 1
        return True


class RateLimiter:
    """Admits or refuses requests. `clock` is in seconds; `epoch` is the clock's zero as Discord's headers name times."""

    def __init__(self, limits: Limits, clock: Clock, epoch: float) -> None:
        self.limits = limits
        self.refused: Counter[str] = Counter()  # by scope; "network" for addresses that are blocked
        self.invalid = 0  # requests that count towards the limit of invalid ones
        self._clock = clock
        self._epoch = epoch
        self._buckets = {route: bucket for bucket in limits.buckets for route in bucket.routes}
        self._sublimits: dict[str, list[Sublimit]] = {}
        for sublimit in limits.sublimits:
            for route in sublimit.routes:
                self._sublimits.setdefault(route, []).append(sublimit)
        self._windows: dict[Hashable, _Window] = {}

    def admit(self, asked: Asked) -> Verdict:
        """Whether a request is answered. One that is refused counts towards no limit of its route."""
        now = self._clock()
        if (refusal := self._of_everything(asked, now)) is not None:
            return self._refused(asked, refusal, {})
        bucket = self._buckets.get(asked.route)
        window = bucket and self._window(("bucket", bucket.hash, asked.major), bucket.limit)
        hidden = [
            (sublimit, self._window((sublimit.name, asked.channel), sublimit.limit))
            for sublimit in self._sublimits.get(asked.route, ())
            if sublimit.applies(asked.body)
        ]
        refusal = Refusal("user", window.ends - now) if window and window.left(now) <= 0 else None
        refusal = refusal or next(
            (Refusal(sub.scope, other.ends - now) for sub, other in hidden if other.left(now) <= 0), None
        )
        if refusal is None:
            for taken in (window, *(other for _, other in hidden)):
                if taken:
                    taken.take(now)
        headers = self._headers(bucket, window, now) if bucket and window else {}
        return Verdict(headers) if refusal is None else self._refused(asked, refusal, headers)

    def note(self, address: str, status: int, *, shared: bool = False) -> None:
        """Count an answer towards the limit of invalid requests of an address, if it is one of those."""
        if status in (401, 403, 429) and not shared:
            self.invalid += 1
            if (limit := self.limits.invalid) is not None:
                self._window(("invalid", address), limit).take(self._clock())

    def allows_identify(self, token: str, key: int) -> bool:
        """Whether a shard with this concurrency key may identify now."""
        limit = self.limits.identify
        return limit is None or self._window(("identify", token, key), limit).take(self._clock())

    def sessions_left(self, token: str) -> tuple[int, float]:
        """How many sessions a token may start still, and the seconds until it may start all of them again."""
        limit = self.limits.sessions or Limit(1000, 86_400)
        window = self._window(("sessions", token), limit)
        return window.left(now := self._clock()), window.ends - now

    def start_session(self, token: str) -> bool:
        """Whether a token may start one more session."""
        limit = self.limits.sessions
        return limit is None or self._window(("sessions", token), limit).take(self._clock())

    def allows_event(self, connection: Hashable) -> bool:
        """Whether a connection to the gateway may send one more event."""
        limit = self.limits.gateway_events
        return limit is None or self._window(("events", connection), limit).take(self._clock())

    def _of_everything(self, asked: Asked, now: float) -> Refusal | None:
        """The limits that know no routes."""
        limits = self.limits
        if limits.invalid is not None:
            window = self._window(("invalid", asked.address), limits.invalid)
            if window.left(now) <= 0:
                return Refusal("network", window.ends - now, by_network=True)
        limit = limits.per_token if asked.token else limits.per_address
        if limit is None or asked.is_of_interaction:
            return None
        window = self._window(("global", asked.token or asked.address), limit)
        return None if window.take(now) else Refusal("global", window.ends - now)

    def _refused(self, asked: Asked, refusal: Refusal, headers: Mapping[str, str]) -> Verdict:
        self.refused[refusal.scope] += 1
        self.note(asked.address, 429, shared=refusal.scope == "shared")
        return Verdict(headers, refusal)

    def _window(self, key: Hashable, limit: Limit) -> _Window:
        if (window := self._windows.get(key)) is None:
            window = self._windows[key] = _Window(limit)
        return window

    def _headers(self, bucket: Bucket, window: _Window, now: float) -> dict[str, str]:
        return {
            "X-RateLimit-Bucket": bucket.hash,
            "X-RateLimit-Limit": str(bucket.limit.requests),
            "X-RateLimit-Remaining": str(window.left(now)),
            "X-RateLimit-Reset": _upwards(self._epoch + window.ends),
            "X-RateLimit-Reset-After": _upwards(window.ends - now),
        }


def _upwards(seconds: float) -> str:
    """With three decimals, and never too short: who waits that long is not refused."""
    return f"{math.ceil(seconds * 1000) / 1000:.3f}"
