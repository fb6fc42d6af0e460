"""Fetches from untrusted addresses and untrusted servers.

Every redirect is checked like the first address. A connection serves one request: with thousands of hosts polled every
quarter of an hour, reuse would only keep connections open.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from bot.i18n import tr
from bot.sources.web import body, headers
from bot.sources.web.addresses import (
    FEED_SETTING,
    AddressError,
    Guard,
    Resolver,
    SystemResolver,
    checked,
    literal,
)
from bot.sources.web.connections import LenientConnector
from bot.sources.web.hosts import Hosts
from bot.sources.web.model import FEEDS, WITH_CONTENT, Failure, FetchLimits, Kind, Response
from bot.sources.web.sockets import BEFORE_THE_ANSWER, MeteredSocket

log = logging.getLogger(__name__)
T = TypeVar("T")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_REFRESH = re.compile(
    r"[0-5](?:\.\d*)?\s*[;,]\s*url\s*=\s*(.+)", re.IGNORECASE
)  # with a longer delay, a page only reloads itself
_BYTE = re.compile("[\udc80-\udcff]")  # how aiohttp represents a byte that is not UTF-8
_MAX_HEADERS = 256
_BUFFER = 1 << 16

# The sockets that the request of the current task has opened.
_opened: ContextVar[list[MeteredSocket]] = ContextVar("_opened")


class _DisconnectedError(aiohttp.ClientError):
    """The connection ended before a response."""


@dataclass(frozen=True, slots=True)
class _Redirect:
    status: int
    to: str


class Web:
    """An HTTP client for polling. Use it in one event loop, and close it.

    `private_networks` also allows addresses of this machine and its networks; `setting` is its name in the configuration. `resolver` and `tls` replace those of the
    system; a resolver is closed with the client. `monotonic` and `sleep` are the clock for the rate per host.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        private_networks: bool = False,
        setting: str = FEED_SETTING,
        limits: FetchLimits | None = None,
        resolver: Resolver | None = None,
        connections: int = 100,
        monotonic: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if not headers.plain(user_agent):
            raise ValueError("user_agent must be one line of plain text")
        self._user_agent = user_agent
        self._limits = limits or FetchLimits()
        # A body in small chunks takes more bytes on the wire.
        self._wire = BEFORE_THE_ANSWER + 2 * max(self._limits.body, self._limits.compressed)
        self._guard = Guard(resolver or SystemResolver(), private_networks=private_networks, setting=setting)
        self._monotonic = monotonic or _loop_time
        self._hosts = Hosts(
            self._limits.per_host, self._limits.gap.total_seconds(), connections, self._monotonic, sleep
        )
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None  # needs the loop
        self._closed = False

    async def get(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        accept: str = FEEDS,
        now: datetime | None = None,
    ) -> Response | Failure:
        """Request the address; with `etag` or `last_modified`, conditionally.

        Raises only CancelledError. Times in headers are relative to the server's `Date`, or else to `now`.
        """
        conditions = {
            "If-None-Match": headers.plain(etag),
            "If-Modified-Since": headers.plain(last_modified),
        }
        try:
            return await self._follow(url, accept, {k: v for k, v in conditions.items() if v}, now)
        except Exception as error:  # a hostile response may trigger any error in a parser
            log.exception("a response could not be read")  # without its address, which may contain a key
            reason = tr("the response cannot be read ({error})", error=type(error).__name__)
            return Failure(Kind.PASSING, reason)

    async def post(
        self,
        url: str,
        body: bytes,
        request_headers: Mapping[str, str],
        *,
        seconds: float,
        now: datetime | None = None,
    ) -> Response | Failure:
        """Send a body to the address once, within `seconds`. Follows no redirect, and reads nothing of the response's body.

        Raises only CancelledError. It waits for no other request to the host: whoever sends keeps count.
        """
        try:
            target = self._allowed(checked(url))

            async def answered(response: aiohttp.ClientResponse) -> Response | Failure:
                server_time = headers.date(response.headers.get("Date")) or now
                asked = headers.retry_after(response.headers.get("Retry-After"), server_time)
                return Response(response.status, str(target), retry_after=asked)

            limits = replace(self._limits, total=timedelta(seconds=seconds))
            return await self._exchange("POST", target, request_headers, seconds, answered, limits, body)
        except AddressError as refusal:
            return Failure(Kind.REFUSED, str(refusal))
        except Exception as error:  # a hostile response may trigger any error in a parser
            log.exception("a response could not be read")  # without its address, which may contain a key
            reason = tr("the response cannot be read ({error})", error=type(error).__name__)
            return Failure(Kind.PASSING, reason)

    async def close(self) -> None:
        """Close all connections; running requests fail."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # let abandoned connections close
        await self._guard.close()

    async def _follow(
        self, address: str, accept: str, conditions: dict[str, str], now: datetime | None
    ) -> Response | Failure:
        try:
            url = first = lasting_url = self._allowed(checked(address))
        except AddressError as refusal:
            return Failure(Kind.REFUSED, str(refusal))
        seconds_left = self._limits.total.total_seconds()
        all_permanent = True  # whether all redirects so far were permanent
        visited = {first}
        while True:
            request_headers = {"Accept": accept}
            if url.raw_host == first.raw_host:  # validators are for their host only
                request_headers |= conditions
            async with self._hosts.turn((url.raw_host or "").removesuffix(".")):
                started = self._monotonic()
                answer = await self._request(url, request_headers, seconds_left, now)
                seconds_left -= self._monotonic() - started
            if isinstance(answer, Response):
                return _to_remember(answer, first, lasting_url)
            if isinstance(answer, Failure):
                return answer if url is first else Failure(answer.kind, _redirected(answer.reason))
            try:
                target = self._allowed(checked(answer.to))
            except AddressError as refusal:
                return Failure(Kind.REFUSED, _redirected(str(refusal)))
            downgrade = url.scheme == "https" and target.scheme == "http"
            all_permanent = all_permanent and answer.status in _PERMANENT and not downgrade
            url = target
            if url in visited:
                return Failure(Kind.PASSING, tr("the server redirects in a loop"))
            if len(visited) > self._limits.redirects:
                reason = tr("the server redirects more than {most} times", most=self._limits.redirects)
                return Failure(Kind.PASSING, reason)
            visited.add(url)
            if all_permanent:
                lasting_url = url

    def _allowed(self, url: URL) -> URL:
        # The connector does not resolve IP addresses, so they are checked here.
        if (address := literal(url.raw_host or "")) is not None:
            self._guard.check(str(address))
        return url

    async def _request(
        self, url: URL, request_headers: dict[str, str], seconds: float, now: datetime | None
    ) -> Response | Failure | _Redirect:
        """A single request without redirects, within `seconds`."""

        async def answered(response: aiohttp.ClientResponse) -> Response | Failure | _Redirect:
            return await self._outcome(response, url, now)

        return await self._exchange("GET", url, request_headers, seconds, answered, self._limits)

    async def _exchange(
        self,
        method: str,
        url: URL,
        request_headers: Mapping[str, str],
        seconds: float,
        answered: Callable[[aiohttp.ClientResponse], Awaitable[T]],
        limits: FetchLimits,
        body: bytes | None = None,
    ) -> T | Failure:
        """What `answered` makes of the response to a single request, within `seconds`. An error names the limit that was exceeded."""
        if self._closed:
            return Failure(Kind.PASSING, tr("the bot is stopping"))
        sockets: list[MeteredSocket] = []
        token = _opened.set(sockets)
        try:
            async with asyncio.timeout(seconds):
                response = await self._open_session().request(
                    method, url, headers=request_headers, data=body, allow_redirects=False
                )
                for metered in sockets:
                    metered.limit = self._wire
                try:
                    return await answered(response)
                finally:
                    response.close()
        except AddressError as refusal:
            return Failure(Kind.REFUSED, str(refusal))
        except (OSError, ValueError, aiohttp.ClientError) as error:  # TimeoutError is an OSError
            if any(metered.exhausted for metered in sockets):
                return Failure(Kind.TOO_LARGE, tr("the response does not end"))
            return Failure(Kind.PASSING, _failure_reason(error, limits))
        finally:
            _opened.reset(token)
            for metered in sockets:  # a TLS connection would wait for the server to close
                with suppress(OSError):
                    metered.shutdown(socket.SHUT_RDWR)

    async def _outcome(
        self, response: aiohttp.ClientResponse, url: URL, now: datetime | None
    ) -> Response | Failure | _Redirect:
        if response.status < 200:
            return Failure(Kind.PASSING, tr("the response is not valid HTTP"))
        response_headers = response.headers
        if response.status in _REDIRECTS:
            target = _target(url, response_headers.get("Location", ""))
            if target is None:
                return Failure(Kind.PASSING, tr("the redirect has no target"))
            return _Redirect(response.status, target)
        if response.status == 200 and (target := _refresh(response_headers, url)):
            return _Redirect(302, target)
        content: bytes | Failure = b""
        if response.status in WITH_CONTENT:
            length = response_headers.get("Content-Length", "")
            content = await body.read(
                response.content,
                ", ".join(response_headers.getall("Content-Encoding", ())),
                int(length) if length.isdecimal() and len(length) < 20 else None,
                self._limits,
            )
        if isinstance(content, Failure):
            return content
        server_time = headers.date(response_headers.get("Date")) or now
        return Response(
            response.status,
            str(url),
            body=content,
            etag=headers.plain(response_headers.get("ETag")),
            last_modified=headers.plain(response_headers.get("Last-Modified")),
            content_type=headers.plain(response_headers.get("Content-Type")),
            max_age=headers.max_age(
                ",".join(response_headers.getall("Cache-Control", ())),
                response_headers.get("Expires"),
                server_time,
            ),
            retry_after=headers.retry_after(response_headers.get("Retry-After"), server_time),
        )

    def _open(self, info: Any) -> MeteredSocket:
        new_socket = self._guard.open(info)
        _opened.get().append(new_socket)
        return new_socket

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = self._limits
            connector = LenientConnector(
                limits.header_bytes,
                resolver=self._guard,
                use_dns_cache=False,
                limit=0,  # `Hosts` limits
                socket_factory=self._open,
                ssl=True if self._tls is None else self._tls,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={
                    "User-Agent": self._user_agent,
                    "Accept-Encoding": "gzip, deflate",
                    "Connection": "close",
                },
                timeout=aiohttp.ClientTimeout(
                    total=None,  # limited over all redirects in `_follow`
                    connect=limits.connect.total_seconds(),
                    sock_read=limits.idle.total_seconds(),
                ),
                auto_decompress=False,
                trust_env=False,
                read_bufsize=_BUFFER,
                max_line_size=limits.header_bytes,
                max_field_size=limits.header_bytes,
                max_headers=_MAX_HEADERS,
                middlewares=(_without_retry,),
            )
        return self._session


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


async def _without_retry(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Prevent aiohttp from retrying on a new connection when the first one breaks off."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _DisconnectedError from error


def _target(url: URL, location: str) -> str | None:
    """The target of a redirect, or None if it is invalid. Bytes that are not UTF-8 are escaped."""
    location = _BYTE.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", location.strip())
    if not location or not location.isprintable():
        return None
    try:
        target = urljoin(str(url), location)
        URL(target)  # raises ValueError if it is invalid
    except ValueError:
        return None
    return target


def _refresh(response_headers: Mapping[str, str], url: URL) -> str | None:
    """The target of an immediate `Refresh` header, or None."""
    refresh = _REFRESH.fullmatch(response_headers.get("Refresh", "").strip())
    if refresh is None or "html" not in (response_headers.get("Content-Type") or "html").lower():
        return None
    target = _target(url, refresh[1].strip("\"'"))
    return target if target is not None and URL(target) != url else None


def _to_remember(answer: Response, first: URL, lasting_url: URL) -> Response:
    """The response with the address and validators for the next request."""
    has_content = answer.status == 304 or answer.status in WITH_CONTENT
    if has_content and lasting_url != first:
        answer = replace(answer, permanent=str(lasting_url))
    else:
        lasting_url = first
    if URL(answer.url).raw_host != lasting_url.raw_host:
        answer = replace(answer, etag="", last_modified="")
    return answer


def _redirected(reason: str) -> str:
    return tr("after a redirect: {problem}", problem=reason)


def _failure_reason(error: Exception, limits: FetchLimits) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return tr("no connection to the server within {time}", time=_span(limits.connect))
    if isinstance(error, aiohttp.SocketTimeoutError):
        return tr("the server sent nothing for {time}", time=_span(limits.idle))
    if isinstance(error, TimeoutError):
        return tr("the server did not answer within {time}", time=_span(limits.total))
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return tr("the host name does not exist")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        detail = getattr(error.certificate_error, "verify_message", "")
        return tr(
            "the server's certificate is not valid ({detail})",
            detail=headers.plain(detail) or tr("no reason given"),
        )
    if isinstance(error, aiohttp.ClientSSLError):
        return tr("a secure connection to the server failed")
    if isinstance(error, aiohttp.ClientConnectorError):
        detail = os.strerror(error.os_error.errno) if error.os_error.errno else tr("no connection")
        return tr("the server cannot be reached ({detail})", detail=detail)
    if isinstance(error, aiohttp.ClientPayloadError):
        return tr("the response ended early")
    if isinstance(error, aiohttp.ClientResponseError | ValueError):
        return tr("the response is not valid HTTP")
    return tr("the server closed the connection")


def _span(time: timedelta) -> str:
    return tr("{seconds} s", seconds=f"{time.total_seconds():g}")
