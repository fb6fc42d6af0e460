"""Requests below discord.py: timeouts, and responses that discord.py must not handle itself."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
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

REQUEST_SECONDS = 30.0  # for one HTTP request; waiting for a rate limit is not part of it
LONGEST_WAIT = timedelta(days=1)
GLOBAL_WAIT = timedelta(seconds=5)  # for a global limit without a duration
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


def tracing() -> aiohttp.TraceConfig:
    """A trace that raises on responses that discord.py would wait for or retry, so that the outbox decides.

    - A global rate limit: discord.py holds back all requests with an event that stays cleared for good if the
      request is cancelled while it waits.
    - A server error after a request that creates something: discord.py retries at once, which creates a duplicate
      if the first request succeeded despite the error.
    """
    config = aiohttp.TraceConfig()
    config.on_request_end.append(_look_at)
    return config


async def _look_at(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
) -> None:
    response = end.response
    if response.status == 429 and _is_global(response):
        wait = requested_wait(response.headers)
        raise GlobalLimitError(min(GLOBAL_WAIT if wait is None else wait, LONGEST_WAIT).total_seconds())
    if response.status >= 500 and end.method == "POST" and end.url.path.endswith(CREATIONS):
        raise discord.DiscordServerError(response, None)


def webhook_session(http: HTTPClient) -> aiohttp.ClientSession:
    """A session for webhooks of the bot, on the connections of its client, with which it is closed.

    discord.py's client for webhooks repeats a request after a server error, sits out every rate limit, and takes any
    answer for Discord's. Such answers raise here, so that the outbox decides.
    """
    config = aiohttp.TraceConfig()
    config.on_request_end.append(_look_at_webhook)
    return aiohttp.ClientSession(
        connector=http.connector,
        connector_owner=False,
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
        trace_configs=[config],
        headers={"User-Agent": http.user_agent},
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def _look_at_webhook(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
) -> None:
    response = end.response
    if response.status == 429:
        wait = requested_wait(response.headers)
        if "Via" not in response.headers:  # not of the API, but of what stands in front of it
            raise discord.HTTPException(response, None)
        limited = GlobalLimitError if _is_global(response) else discord.RateLimited
        raise limited(min(GLOBAL_WAIT if wait is None else wait, LONGEST_WAIT).total_seconds())
    if response.status >= 500:
        raise discord.DiscordServerError(response, None)
    if response.status != 204 and response.content_type != "application/json":
        raise aiohttp.ClientPayloadError(FOREIGN_ANSWER)


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


def supervise(http: HTTPClient, addresses: DiscordAddresses = DISCORD) -> None:
    """Limit the time of each request, shield it from cancellation, and refuse responses that are not JSON.

    Requests and connections to the gateway go to `addresses`.
    """
    request, connect = http.request, http.ws_connect
    running: set[asyncio.Future[Any]] = set()

    async def supervised(route: Route, **options: Any) -> Any:
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        task = asyncio.ensure_future(request(addresses.route(route), timeout=timeout, **options))
        running.add(task)
        task.add_done_callback(_forget)
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
