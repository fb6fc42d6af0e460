"""Discord's rate limits of single routes, as the headers of its answers tell them.

https://discord.com/developers/docs/topics/rate-limits: routes that share a limit name the same bucket, and each channel, server or
webhook has a bucket of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

MAJOR = {
    "channels": 1,
    "guilds": 1,
    "webhooks": 2,
    "interactions": 2,
}  # how many parts of a path after the first name whose limit it is
ROOTS = MAJOR.keys() | {"applications", "gateway", "oauth2", "users"}
MARGIN = 0.005  # seconds after a reset, which Discord rounds to milliseconds
MOST = 1_000  # buckets that are remembered before those are dropped whose time is over
# Limits that no header shows: so many requests of a route in so many seconds, for each channel. Discord documents none of them; its
# refusals have shown them for years, see https://github.com/discord/discord-api-docs/issues/4043. A channel has one webhook of the bot.
UNSHOWN = {"POST /webhooks/{}/{}": (30, 60.0)}
ARRIVAL = 1.0  # seconds by which the way to Discord may differ between two requests


class Route(NamedTuple):
    """A method with a path in which ids stand as `{}`, and the ids of the channel, server, webhook or interaction.

    The id of a webhook or an interaction comes with its token: routes are neither logged nor stored.
    """

    template: str
    major: str

    @property
    def is_of_webhook(self) -> bool:
        """Whether it is asked with the token of a webhook, and not with the bot's."""
        return " /webhooks/{}/{}" in self.template


def route_of(method: str, path: str) -> Route:
    """The route of a request by its path, such as `/channels/1/messages/2`, whatever the API's address is before it."""
    parts = path.strip("/").split("/")
    root, *rest = parts[next((place for place, part in enumerate(parts) if part in ROOTS), 0) :]
    count = MAJOR.get(root, 0)
    names = ["{}"] * len(rest[:count]) + ["{}" if part.isdecimal() else part for part in rest[count:]]
    return Route(f"{method} /{'/'.join([root, *names])}", "/".join(rest[:count]))


class _Bucket:
    __slots__ = ("remaining", "reset_at")

    def __init__(self, remaining: int, reset_at: float) -> None:
        self.remaining = remaining
        self.reset_at = reset_at


class Buckets:
    """What is left of the limit of each route. It reads no clock: each method is given the time, in seconds."""

    def __init__(self) -> None:
        self._sizes: dict[str, tuple[int, float]] = {}  # the bucket's name -> requests in so many seconds
        self._names: dict[str, str] = {}  # template -> the bucket's name
        self._buckets: dict[tuple[str, str], _Bucket] = {}  # by name and major parameters
        self._begun: dict[
            Route, deque[float]
        ] = {}  # of routes with limits that no header shows: the last requests

    def learn(self, route: Route, headers: Mapping[str, str], now: float) -> None:
        """Learn from the headers of an answer. What cannot be read is ignored."""
        name = headers.get("X-RateLimit-Bucket")
        try:
            size, remaining = (int(headers[f"X-RateLimit-{key}"]) for key in ("Limit", "Remaining"))
            seconds = float(headers["X-RateLimit-Reset-After"])
        except (KeyError, ValueError):
            return
        if name:
            self._names[route.template] = name
            self._sizes[name] = size, max(seconds, self._sizes.get(name, (0, 0.0))[1])
        reset_at = now + seconds + MARGIN
        before = self._current(route, now)
        if before is not None:  # requests that are on their way are counted already
            remaining = min(remaining, before.remaining)
        self._keep(route, _Bucket(remaining, reset_at), now)

    def spent(self, route: Route, until: float, now: float) -> None:
        """Note that Discord refused a request, and until when it refuses more of them."""
        self._keep(route, _Bucket(0, until + MARGIN), now)

    def begin(self, route: Route, now: float) -> None:
        """Count a request that starts now. The first one after a reset opens the next window, as far as is known."""
        bucket = self._current(route, now)
        if bucket is None and (size := self._sizes.get(self._key(route)[0])) is not None:
            bucket = _Bucket(size[0], now + size[1] + MARGIN)
            self._keep(route, bucket, now)
        if bucket is not None:
            bucket.remaining -= 1
        if route.template in UNSHOWN:
            self._count(route, now)

    def ready_at(self, routes: Iterable[Route], now: float) -> float:
        """When a request for each of these routes can be made: now, or when their limits are reset."""
        return max((self._ready_at(route, now) for route in routes), default=now)

    def _ready_at(self, route: Route, now: float) -> float:
        bucket = self._current(route, now)
        ready_at = now if bucket is None or bucket.remaining > 0 else bucket.reset_at
        if (begun := self._begun.get(route)) is not None and len(begun) == begun.maxlen:
            ready_at = max(ready_at, begun[0] + UNSHOWN[route.template][1] + ARRIVAL)
        return ready_at

    def _count(self, route: Route, now: float) -> None:
        most, seconds = UNSHOWN[route.template]
        if len(self._begun) >= MOST:
            over = now - seconds - ARRIVAL
            self._begun = {route: begun for route, begun in self._begun.items() if begun[-1] > over}
        self._begun.setdefault(route, deque(maxlen=most)).append(now)

    def _key(self, route: Route) -> tuple[str, str]:
        return self._names.get(route.template, route.template), route.major

    def _current(self, route: Route, now: float) -> _Bucket | None:
        bucket = self._buckets.get(self._key(route))
        return bucket if bucket is not None and bucket.reset_at > now else None

    def _keep(self, route: Route, bucket: _Bucket, now: float) -> None:
        if len(self._buckets) >= MOST:
            self._buckets = {key: kept for key, kept in self._buckets.items() if kept.reset_at > now}
        self._buckets[self._key(route)] = bucket
