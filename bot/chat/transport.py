"""Requests below discord.py: timeouts, and responses that discord.py must not handle itself."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
from discord.http import HTTPClient, Route
from discord.webhook.async_ import AsyncWebhookAdapter, async_context
from yarl import URL

from bot.chat.pacer import PacedRequest, Pacer
from bot.domain.requests.buckets import route_of

REQUEST_SECONDS = 30.0  # for one HTTP request; waiting for a rate limit is not part of it
LONGEST_WAIT = timedelta(days=1)
UNNAMED_WAIT = timedelta(seconds=5)  # for a limit without a duration
FOREIGN_ANSWER = "the answer did not come from Discord's API"
CREATIONS = ("/messages", "/threads")  # path suffixes of requests that create something


@dataclass(frozen=True, slots=True)
class DiscordAddresses:
    """Where clients reach Discord's API and its gateway; empty for the addresses that discord.py has.

    discord.py keeps its addresses in its classes, where all clients of a process share them.
    """

    api: str = ""  # with the version, without a slash at its end
    gateway: str = ""

    def api_base(self) -> str:
        """The start of the address of every request."""
        return self.api or Route.BASE

    def route(self, route: Route) -> Route:
        """A route at the address of the API."""
        if not self.api:
            return route
        moved = copy.copy(route)
        moved.url = self.api + route.url.removeprefix(Route.BASE)
        return moved

    def socket(self, url: str) -> str:
        """The address of a connection to the gateway. Those that resume have the same: no other host gets the token."""
        return str(URL(self.gateway).with_query(URL(url).query)) if self.gateway else url


DISCORD = DiscordAddresses()


class WebhookAdapter(AsyncWebhookAdapter):
    """discord.py's client for webhooks and for the answers to commands, at the addresses of one bot."""

    def __init__(self, addresses: DiscordAddresses) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # discord.py does not annotate it
        self._addresses = addresses

    async def request(self, route: Route, session: aiohttp.ClientSession, **options: Any) -> Any:
        """Send a request of a webhook or an interaction."""
        return await super().request(self._addresses.route(route), session, **options)

    def use(self) -> None:
        """Use this client in the current task, and in the tasks that it creates from now on."""
        async_context.set(self)


class GlobalLimitError(discord.RateLimited):
    """The bot has reached the limit for all its requests."""


def tracing(pacer: Pacer) -> aiohttp.TraceConfig:
    """A trace that tells the pacer of every request, and raises on responses that discord.py would wait for or retry.

    The outbox decides about these:

    - A global rate limit: discord.py holds back all requests with an event that stays cleared for good if the
      request is cancelled while it waits.
    - A server error after a request that creates something: discord.py retries at once, which creates a duplicate
      if the first request succeeded despite the error.
    """
    return _traced(pacer, _look_at)


def _traced(pacer: Pacer, look_at: Callable[[aiohttp.TraceRequestEndParams], None]) -> aiohttp.TraceConfig:
    """Interactions and downloads have no turn: they do not count towards the limit, and wait for nothing."""

    async def departs(_session: Any, context: SimpleNamespace, _sent: Any) -> None:
        if isinstance(request := context.trace_request_ctx, PacedRequest):
            pacer.departs(request)

    async def fails(_session: Any, context: SimpleNamespace, _failed: Any) -> None:
        if isinstance(request := context.trace_request_ctx, PacedRequest):
            pacer.ends(request)

    async def ends(_session: Any, context: SimpleNamespace, end: aiohttp.TraceRequestEndParams) -> None:
        request, response = context.trace_request_ctx, end.response
        if isinstance(request, PacedRequest):
            pacer.ends(request)
            route = request.route
        else:
            route = route_of(end.method, end.url.path)
        pacer.learn(route, response.status, response.headers)
        if response.status == 429 and "Via" in response.headers:
            pacer.refuse(route, _wait_of(response), everywhere=_is_global(response))
        _leave_waiting_to_the_pacer(response)
        look_at(end)

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(departs)
    config.on_request_exception.append(fails)
    config.on_request_end.append(ends)
    return config


def _leave_waiting_to_the_pacer(response: aiohttp.ClientResponse) -> None:
    """Have discord.py take every limit for reset.

    When a limit is spent, discord.py withholds the answer to the last request until the reset.
    """
    if "X-RateLimit-Reset-After" in response.headers:
        headers = response.headers.copy()
        headers["X-RateLimit-Reset-After"] = "0"
        response._cache["headers"] = headers  # discord.py has no setting for it


def _look_at(end: aiohttp.TraceRequestEndParams) -> None:
    response = end.response
    if response.status == 429 and _is_global(response):
        raise GlobalLimitError(_wait_of(response))
    if response.status >= 500 and end.method == "POST" and end.url.path.endswith(CREATIONS):
        raise discord.DiscordServerError(response, None)


class PacedSession:
    """The part of a session that discord.py's client for webhooks uses. A request waits for its turn before its time counts."""

    def __init__(self, session: aiohttp.ClientSession, pacer: Pacer) -> None:
        self._session = session
        self._pacer = pacer

    @asynccontextmanager
    async def request(self, method: str, url: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make a request when the pace allows it. Raises RateLimited if that is too late."""
        paced = await self._pacer.turn(route_of(method, URL(url).path))
        try:
            async with self._session.request(method, url, trace_request_ctx=paced, **options) as response:
                yield response
        finally:
            self._pacer.ends(paced)  # even if it was never sent


def webhook_session(http: HTTPClient, pacer: Pacer) -> PacedSession:
    """A session for webhooks of the bot, on the connections of its client, with which it is closed.

    discord.py's client for webhooks repeats a request after a server error, sits out every rate limit, and takes any
    answer for Discord's. Such answers raise here, so that the outbox decides.
    """
    session = aiohttp.ClientSession(
        connector=http.connector,
        connector_owner=False,
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
        trace_configs=[_traced(pacer, _look_at_webhook)],
        headers={"User-Agent": http.user_agent},
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    return PacedSession(session, pacer)


def _look_at_webhook(end: aiohttp.TraceRequestEndParams) -> None:
    response = end.response
    if response.status == 429:
        if "Via" not in response.headers:  # not of the API, but of what stands in front of it
            raise discord.HTTPException(response, None)
        limited = GlobalLimitError if _is_global(response) else discord.RateLimited
        raise limited(_wait_of(response))
    if response.status >= 500:
        raise discord.DiscordServerError(response, None)
    if response.status != 204 and response.content_type != "application/json":
        raise aiohttp.ClientPayloadError(FOREIGN_ANSWER)


def _wait_of(response: aiohttp.ClientResponse) -> float:
    """The seconds that a rate limit lasts."""
    wait = requested_wait(response.headers)
    return min(UNNAMED_WAIT if wait is None else wait, LONGEST_WAIT).total_seconds()


def _is_global(answer: aiohttp.ClientResponse) -> bool:
    return (
        answer.headers.get("X-RateLimit-Global", "").lower() == "true"
        or answer.headers.get("X-RateLimit-Scope") == "global"
    )


def requested_wait(headers: Mapping[str, str]) -> timedelta | None:
    """The wait that `Retry-After` asks for, in seconds or as a date; None if there is none."""
    value = headers.get("Retry-After", "")
    try:
        return max(timedelta(), timedelta(seconds=float(value)))
    except (ValueError, OverflowError):
        pass
    try:  # RFC 9110 also allows a date, which is compared with the sender's `Date`
        until, sent = (parsedate_to_datetime(text) for text in (value, headers.get("Date", "")))
    except (ValueError, TypeError, OverflowError, IndexError):  # what a damaged date can raise
        return None
    return max(timedelta(), _aware(until) - _aware(sent))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def supervise(http: HTTPClient, pacer: Pacer, addresses: DiscordAddresses = DISCORD) -> None:
    """Pace requests, limit the time of each, shield it from cancellation, and refuse responses that are not JSON.

    Requests and connections to the gateway go to `addresses`.
    """
    request, connect = http.request, http.ws_connect
    running: set[asyncio.Future[Any]] = set()

    async def supervised(route: Route, **options: Any) -> Any:
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        paced = await pacer.turn(route_of(route.method, route.url.removeprefix(Route.BASE)))
        task = asyncio.ensure_future(
            request(addresses.route(route), timeout=timeout, trace_request_ctx=paced, **options)
        )
        running.add(task)
        task.add_done_callback(_forget)
        task.add_done_callback(lambda _: pacer.ends(paced))  # even if it was never sent
        try:
            answer = await asyncio.shield(task)
        except ValueError as error:
            raise aiohttp.ClientPayloadError(FOREIGN_ANSWER) from error
        if isinstance(answer, str) and answer:  # a page of the network in front of Discord
            raise aiohttp.ClientPayloadError(FOREIGN_ANSWER)
        return answer

    def _forget(task: asyncio.Future[Any]) -> None:
        running.discard(task)
        if not task.cancelled():
            task.exception()  # the caller may be gone; asyncio would log an unretrieved error

    async def connected(url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        return await connect(addresses.socket(url), compress=compress)

    http.ws_connect = connected  # type: ignore[method-assign] # neither
    http.request = supervised  # type: ignore[method-assign] # discord.py has no hook for it
