"""All requests of the bot at the pace that Discord allows, whoever makes them, and what answers say about its limits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import discord

from bot.chat.port import FIRST_REQUEST
from bot.domain.requests.buckets import Buckets, Route
from bot.domain.requests.invalid import CAREFUL, MOST, InvalidRequests, is_invalid
from bot.domain.requests.pace import PERIOD, RequestPace, Turn

log = logging.getLogger(__name__)

# For all requests of an address that have no token of a bot: https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
ADDRESS_PER_SECOND = 50
LONGEST_WAIT = 30.0  # seconds that a request waits for a limit; one that would wait longer is not made
SCOPES = frozenset(("global", "user", "shared"))
UNNAMED = "none"  # the scope of a 429 that names none, as of the network in front of Discord


class PacedRequest:
    """A request that has had its turn. discord.py may send it several times."""

    __slots__ = ("is_sent", "route", "turns")

    def __init__(self, route: Route, turns: dict[RequestPace, Turn]) -> None:
        self.route = route
        self.turns = turns
        self.is_sent = False


class Pacer:
    """All limits of requests: `limit` a period with the bot's token, `webhook_limit` with those of webhooks, and those of each route.

    If `webhook_limit` is 0, requests of webhooks count towards `limit`, and keep to what Discord takes from one address as well. `refused`
    counts the answers with status 429 by their scope.
    """

    def __init__(
        self, limit: float = math.inf, webhook_limit: float = math.inf, period: float = PERIOD
    ) -> None:
        self.pace = RequestPace(limit, period)
        self._webhook_paces = _webhook_paces(self.pace, webhook_limit)
        self.buckets = Buckets()
        self.invalid = InvalidRequests()
        self.refused: Counter[str] = Counter()
        self._in_order = {pace: asyncio.Lock() for pace in (self.pace, *self._webhook_paces)}
        self._is_careful = False

    @property
    def limit(self) -> float:
        """Requests a second with the bot's token."""
        return self.pace.limit / self.pace.period

    @property
    def webhook_limit(self) -> float:
        """Requests a second with the tokens of webhooks."""
        return min(pace.limit / pace.period for pace in self._webhook_paces)

    @property
    def has_one_pace(self) -> bool:
        """Whether all requests wait for the same limit, with whichever token they are made."""
        return self._webhook_paces == (self.pace,)

    def ready_in(self, routes: Iterable[Route]) -> float:
        """Seconds until requests for these routes can be made as far as their own limits are concerned; 0: now."""
        now = _now()
        return self.buckets.ready_at(routes, now) - now

    async def turn(self, route: Route) -> PacedRequest:
        """Wait until a request may be made. Raises RateLimited if that is too long."""
        request = None
        while request is None:
            await _wait(self.ready_in((route,)))
            request = await self._take(route)
        if (first_request := FIRST_REQUEST.get()) is not None:
            first_request()
        return request

    async def _take(self, route: Route) -> PacedRequest | None:
        """Count a request once each pace allows one, first come, first served; None: another took the last of its route."""
        paces = self._paces_of(route)
        async with contextlib.AsyncExitStack() as stack:
            for pace in paces:
                await stack.enter_async_context(self._in_order[pace])
                await self._wait_for(pace)
            now = _now()
            if self.buckets.ready_at((route,), now) > now:
                return None
            self.buckets.begin(route, now)
            return PacedRequest(route, {pace: pace.begin(now) for pace in paces})

    def _paces_of(self, route: Route) -> Sequence[RequestPace]:
        return self._webhook_paces if route.is_of_webhook else (self.pace,)

    async def _wait_for(self, pace: RequestPace) -> None:
        pace.least_gap = self.invalid.least_gap(_now())
        while (seconds := pace.next_start(_now()) - _now()) > 0:
            await _wait(seconds)

    def departs(self, request: PacedRequest) -> None:
        """Note that a request is sent. When discord.py repeats one, that counts as well."""
        now = _now()
        if request.is_sent:
            request.turns = {pace: pace.begin(now) for pace in request.turns}
            self.buckets.begin(request.route, now)
        request.is_sent = True
        for pace, turn in request.turns.items():
            pace.depart(turn, now)

    def ends(self, request: PacedRequest) -> None:
        """Note that a request was answered, or has failed."""
        for pace, turn in request.turns.items():
            pace.end(turn, _now())

    def learn(self, route: Route, status: int, headers: Mapping[str, str]) -> None:
        """Learn from the answer to any request, also to one that needs no turn."""
        now = _now()
        scope = headers.get("X-RateLimit-Scope", UNNAMED)
        if status == 429:
            self.refused[scope if scope in SCOPES else UNNAMED] += 1
        else:
            self.buckets.learn(route, headers, now)
        if is_invalid(status, scope):
            self.invalid.add(now)
            self._note_invalid(self.invalid.count(now))

    def refuse(self, route: Route, seconds: float, *, everywhere: bool) -> None:
        """Note that Discord asks to wait with this route, or with all requests of its kind."""
        now = _now()
        if everywhere:
            self._paces_of(route)[0].hold(now + seconds)
        else:
            self.buckets.spent(route, now + seconds, now)

    def _note_invalid(self, count: int) -> None:
        was_careful, self._is_careful = self._is_careful, count >= CAREFUL
        if self._is_careful and not was_careful:
            log.warning(
                "Discord refused %s requests in ten minutes, and blocks the bot's address at %s: the bot slows down",
                f"{count:,}",
                f"{MOST:,}",
            )


def _webhook_paces(pace: RequestPace, limit: float) -> tuple[RequestPace, ...]:
    """The paces of requests of webhooks. The last one is the most shared: whoever waits for another does not hold it up."""
    if limit > 0:
        return (RequestPace(limit, pace.period),)
    of_address = ADDRESS_PER_SECOND * pace.period
    return (pace,) if pace.limit <= of_address else (RequestPace(of_address, pace.period), pace)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _wait(seconds: float) -> None:
    if seconds > LONGEST_WAIT:
        raise discord.RateLimited(seconds)
    if seconds > 0:
        await asyncio.sleep(seconds)
