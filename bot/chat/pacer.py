"""All requests of the bot at the pace that Discord allows, whoever makes them, and what answers say about its limits."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

import discord

from bot.chat.port import FIRST_REQUEST, REQUEST_RANK
from bot.domain.requests.buckets import Buckets, Route
from bot.domain.requests.invalid import CAREFUL, MOST, InvalidRequests, is_invalid
from bot.domain.requests.pace import PERIOD, RequestPace, Turn

log = logging.getLogger(__name__)

# For all requests of an address that have no token of a bot: https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
ADDRESS_PER_SECOND = 50
LONGEST_WAIT = 30.0  # seconds that a request waits for a limit; one that would wait longer is not made
# A request of a lower rank passes those that came up to so long before it, a rank; so none waits for ever.
SECONDS_A_RANK = 1.0
URGENT_RANK = 1  # up to here: what somebody waits for at a command, and new messages in quiet channels
SCOPES = frozenset(("global", "user", "shared"))
UNNAMED = "none"  # the scope of a 429 that names none, as of the network in front of Discord


Paces = tuple[RequestPace, ...]  # that a request needs a turn of each of


class PacedRequest:
    """A request that has had its turn. discord.py may send it several times."""

    __slots__ = ("is_sent", "route", "turns")

    def __init__(self, route: Route, turns: dict[RequestPace, Turn]) -> None:
        self.route = route
        self.turns = turns
        self.is_sent = False

    def end(self, now: float) -> None:
        """Note that it was answered, has failed, or is not made."""
        for pace, turn in self.turns.items():
            pace.end(turn, now)


class _Waiting(NamedTuple):
    """A request that waits for the pace; `place` is the time from which it counts as waiting, in seconds."""

    place: float
    number: int
    rank: int
    route: Route
    future: asyncio.Future[PacedRequest | None]


class _Line:
    """Requests that wait for the pace. It gives each turn to the first of them at that moment, and to none in advance.

    Those that need the same paces are in one heap. One that waits for a pace of its own holds up no others.
    """

    def __init__(
        self,
        next_start: Callable[[Paces, int, float], float],
        begin: Callable[[Paces, Route, int, float], PacedRequest | None],
    ) -> None:
        self._next_start = next_start
        self._begin = begin
        self._numbers = itertools.count()
        self._heaps: dict[Paces, list[_Waiting]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, route: Route, paces: Paces) -> PacedRequest | None:
        """Wait for a turn, and take it; None: another took the last of the route meanwhile. Raises RateLimited."""
        future: asyncio.Future[PacedRequest | None] = asyncio.get_running_loop().create_future()
        rank = REQUEST_RANK.get()
        place = _now() + rank * SECONDS_A_RANK
        waiting = _Waiting(place, next(self._numbers), rank, route, future)
        heappush(self._heaps.setdefault(paces, []), waiting)
        self.call()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and (request := future.result()) is not None:
                request.end(_now())
            raise

    def call(self) -> None:
        """Give turns as the paces allow, and come back for the next one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while starts := self._starts(now := _now()):
            ready = [(first, paces) for start, first, paces in starts if start <= now]
            if not ready:
                soonest = min(start for start, *_ in starts)
                self._timer = asyncio.get_running_loop().call_at(soonest, self.call)
                break
            first, paces = min(ready, key=lambda each: each[0][:2])
            heappop(self._heaps[paces])
            first.future.set_result(self._begin(paces, first.route, first.rank, now))

    def _starts(self, now: float) -> list[tuple[float, _Waiting, Paces]]:
        """When the first request of each heap may start. Those for which that is too late are refused."""
        starts = []
        for paces, heap in self._heaps.items():
            while heap and heap[0].future.done():  # cancelled
                heappop(heap)
            if not heap:
                continue
            start = self._next_start(paces, heap[0].rank, now)
            if start - now <= LONGEST_WAIT:
                starts.append((start, heap[0], paces))
                continue
            for waiting in heap:
                if not waiting.future.done():
                    waiting.future.set_exception(discord.RateLimited(start - now))
            heap.clear()
        return starts


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
        self._line = _Line(self._next_start, self._begin)
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
            request = await self._line.turn(route, self._paces_of(route))
        if (first_request := FIRST_REQUEST.get()) is not None:
            first_request()
        return request

    def _next_start(self, paces: Paces, rank: int, now: float) -> float:
        for pace in paces:
            pace.least_gap = self.invalid.least_gap(now)
        return max(pace.next_start(now, is_urgent=rank <= URGENT_RANK) for pace in paces)

    def _begin(self, paces: Paces, route: Route, rank: int, now: float) -> PacedRequest | None:
        """Count a request that starts now; None if another took the last of its route."""
        if self.buckets.ready_at((route,), now) > now:
            return None
        self.buckets.begin(route, now)
        return PacedRequest(route, {pace: pace.begin(now, is_urgent=rank <= URGENT_RANK) for pace in paces})

    def _paces_of(self, route: Route) -> Paces:
        return self._webhook_paces if route.is_of_webhook else (self.pace,)

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
        """Note that a request was answered, or has failed: the next one may start earlier than it seemed."""
        request.end(_now())
        self._line.call()

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

    def rest(self) -> None:
        """Start no request for a period: another process with the same token may have used it up."""
        for pace in {self.pace, *self._webhook_paces}:
            if pace.limit < math.inf:
                pace.hold(_now() + pace.period)

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


def _webhook_paces(pace: RequestPace, limit: float) -> Paces:
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
