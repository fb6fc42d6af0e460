"""The bot's HTTP endpoint: pushed records, feeds and stories, health and metrics."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from bot.domain.outages import Health, OutageKind
from bot.domain.processes import ONE_AT_A_TIME
from bot.domain.text.cleaning import plural
from bot.errors import StoreError, TopicwireError
from bot.http.answers import refusal, too_many_requests
from bot.http.connections import listen, name_server, network_of
from bot.http.metrics import Traffic, exposition
from bot.http.reading import StoryReading
from bot.services.context import Context
from bot.services.measure import Measurements, measure
from bot.services.status import shown_reason
from bot.sources.model import ItemBatch
from bot.sources.parsing.pool import TooCostlyError, run_parser
from bot.sources.records import Parsed, parse
from bot.store import delivery, records, sources
from bot.workers.batches import SourceBatch
from bot.workers.ingest import Ingest

log = logging.getLogger(__name__)

MAX_BODY = 2_000_000  # bytes
MAX_ITEMS = 500  # of one batch
BODY_SECONDS = 20.0
CLOSE_SECONDS = 3.0  # for running requests when the bot stops
PAGE_AGE = timedelta(seconds=5)  # of the metrics; Prometheus asks every 15 seconds or more rarely
RETRY_SECONDS = "10"
# Addresses and servers whose requests are counted at once: `limits` looks at each of them whenever it drops old requests.
# Servers are counted in any case: a stranger has none of their tokens.
MOST_SENDERS = 1_000
SOURCE = "push"
_FILE_NAMES = {
    "application/json": "body.json",
    "application/x-ndjson": "body.jsonl",
    "application/jsonl": "body.jsonl",
    "text/markdown": "body.md",
    "application/yaml": "body.yaml",
    "text/yaml": "body.yaml",
}

_OUTAGES = {
    OutageKind.CONNECTION: "not connected to Discord",
    OutageKind.SENDING: "sending is paused",
    OutageKind.DATABASE: "the database does not answer",
    OutageKind.FEEDS: "no feed can be reached",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """The address to listen on, the token for pushed records (empty: none are accepted), and the rate limit."""

    host: str
    port: int
    token: str
    per_minute: int


def _always() -> bool:
    """One process has all roles."""
    return True


def _all_leading() -> Mapping[str, bool]:
    """One process has all roles."""
    return dict.fromkeys(ONE_AT_A_TIME, True)


class HttpServer:
    """Listens from `start` to `close`.

    `connected` returns whether Discord is connected, `polls`, `rephrasings` and `forwarded` the number of each by outcome,
    `traffic` the requests to Discord. `delivers` says whether this process sends messages, `takes_in` whether it stores what is
    pushed, and `leading` whether it leads, by each of its roles that one process at a time has.
    """

    def __init__(
        self,
        context: Context,
        ingest: Ingest,
        settings: EndpointSettings,
        connected: Callable[[], bool],
        polls: Callable[[], Mapping[str, int]],
        rephrasings: Callable[[], Mapping[str, int]] = dict,
        forwarded: Callable[[], Mapping[str, int]] = dict,
        traffic: Callable[[], Traffic] = Traffic,
        *,
        delivers: Callable[[], bool] = _always,
        takes_in: Callable[[], bool] = _always,
        leading: Callable[[], Mapping[str, bool]] = _all_leading,
    ) -> None:
        self._context = context
        self._ingest = ingest
        self._settings = settings
        self._connected = connected
        self._polls = polls
        self._rephrasings = rephrasings
        self._forwarded = forwarded
        self._traffic = traffic
        self._delivers = delivers
        self._takes_in = takes_in
        self._leading = leading
        self._pushed: Counter[str] = Counter()
        self._counted = MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._counted)
        self._rate = RateLimitItemPerMinute(settings.per_minute)
        app = web.Application(client_max_size=MAX_BODY, middlewares=[_errors_as_json])
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/records", self._push)
        self._reading = StoryReading(context, self._admit_reader, self._may_guess)
        self._reading.add_to(app.router)
        app.on_response_prepare.append(name_server)
        self._runner = web.AppRunner(app, shutdown_timeout=CLOSE_SECONDS)
        self._listening: asyncio.Server | None = None
        self._measuring = asyncio.Lock()
        self._page = b""
        self._page_until: datetime | None = None

    async def start(self) -> int:
        """Start listening; returns the port. Raises TopicwireError if the address cannot be used."""
        await self._runner.setup()
        try:
            self._listening = await listen(self._runner, self._settings.host, self._settings.port)
        except OSError as error:
            await self._runner.cleanup()
            where = f"{self._settings.host}:{self._settings.port}"
            raise TopicwireError(
                f"http.listen: cannot listen on {where}: {error.strerror or error}"
            ) from error
        host, port, *_ = self._listening.sockets[0].getsockname()
        log.info("listening on http://%s:%s", host, port)
        return int(port)

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        problems = _in_words(self._context.monitor.health, is_connected=self._connected())
        is_database_out = self._context.monitor.health.of(OutageKind.DATABASE) is not None
        try:
            async with self._context.db.read() as connection:
                overdue = await delivery.stalled(connection, self._context.now()) if self._delivers() else 0
                if overdue:
                    problems.append(f"nothing is being delivered: {plural(overdue, 'message')} overdue")
        except StoreError:
            problems += [] if is_database_out else ["the database does not answer"]
        status = 503 if problems else 200
        return web.json_response(
            {"status": "trouble" if problems else "ok", "problems": problems}, status=status
        )

    async def _metrics(self, _request: web.Request) -> web.Response:
        # The time to count grows with the database, and anybody may send requests.
        async with self._measuring:
            now = self._context.now()
            if self._page_until is None or now >= self._page_until:
                measured = await self._measured()
                counts = {
                    "topicwire_polls_total": self._polls(),
                    "topicwire_pushed_total": self._pushed,
                    "topicwire_rephrasings_total": self._rephrasings(),
                    "topicwire_reads_total": self._reading.counts,
                    "topicwire_forwarded_total": self._forwarded(),
                }
                outages = {
                    outage.kind.value: outage.lasts(now).total_seconds()
                    for outage in self._context.monitor.health.outages
                }
                self._page = exposition(
                    measured,
                    connected=self._connected(),
                    counts=counts,
                    traffic=self._traffic(),
                    leading=self._leading(),
                    outages=outages,
                )
                self._page_until = now + PAGE_AGE
        return web.Response(
            body=self._page, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def _measured(self) -> Measurements:
        """What the database says; nothing while it does not answer, which is when the other figures are needed most."""
        try:
            return await measure(self._context)
        except StoreError as error:
            log.error("%s", error)
            self._context.monitor.note(OutageKind.DATABASE, str(error), self._context.now())
            return Measurements({}, {})

    async def _push(self, request: web.Request) -> web.Response:
        await self._admit(request)
        if not self._takes_in():
            raise refusal(
                web.HTTPServiceUnavailable,
                "this process does not store articles: push to the one with the role intake, or try again if that one is "
                "a standby",
                {"Retry-After": RETRY_SECONDS},
            )
        file_name = _FILE_NAMES.get(request.content_type)
        if file_name is None:
            raise refusal(
                web.HTTPUnsupportedMediaType, f"set Content-Type to one of: {', '.join(_FILE_NAMES)}"
            )
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            raise refusal(web.HTTPRequestTimeout, "the body did not arrive in time") from None
        except (web.RequestPayloadError, ConnectionError):  # ConnectionError: the client is gone
            raise refusal(web.HTTPBadRequest, "the body does not match its headers") from None
        except web.HTTPRequestEntityTooLarge:
            raise _too_large(f"more than {MAX_BODY // 1_000_000} MB; send smaller batches") from None
        try:
            batch = await run_parser(self._context.parsers, 0, parse, body, file_name, 0)
        except TooCostlyError as error:
            raise _too_large(f"{error}; send smaller batches") from None
        if len(batch.items) + len(batch.rejected) > MAX_ITEMS:
            raise _too_large(f"more than {MAX_ITEMS} items; send smaller batches")
        answers = await self._store(batch)
        status = 200 if batch.items else 422
        return web.json_response({"items": answers}, status=status)

    async def _admit(self, request: web.Request) -> None:
        """Raise an error for requests without the token, and for too many requests.

        Requests with the token are counted separately: behind a proxy all clients have the same address, and others
        must not use up the share of the sender.
        """
        token = self._settings.token
        if not token:
            raise refusal(
                web.HTTPForbidden, "this endpoint accepts no records, because http.token is not set"
            )
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        has_token = scheme.lower() == "bearer" and hmac.compare_digest(
            credentials.strip().encode("utf-8", "surrogateescape"), token.encode()
        )
        await self._count("shown" if has_token else self._sender(request))
        if not has_token:
            raise refusal(
                web.HTTPUnauthorized,
                "missing or wrong token; send the header Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )

    async def _admit_reader(self, request: web.Request, guild_id: int | None) -> None:
        """Raise an error for too many requests: of one server with all its tokens, or without a token from one address."""
        await self._count(self._sender(request) if guild_id is None else f"server {guild_id}")

    async def _may_guess(self, request: web.Request) -> bool:
        """Whether an address may still send a wrong token."""
        return await self._limiter.test(self._rate, self._sender(request))

    def _sender(self, request: web.Request) -> str:
        """By what requests without a token are counted: their address, or all that are too many to be counted one by one."""
        sender = f"from {network_of(request.remote or '')}"
        is_counted = self._rate.key_for(sender) in self._counted.events
        return sender if is_counted or len(self._counted.events) < MOST_SENDERS else "from elsewhere"

    async def _count(self, sender: str) -> None:
        if not await self._limiter.hit(self._rate, sender):
            raise too_many_requests()

    async def _store(self, pushed: Parsed) -> list[dict[str, Any]]:
        """Store the parsed items. Returns the result of each item in order."""
        answers: dict[int, dict[str, Any]] = {
            rejection.item: {"item": rejection.item, "status": "rejected", "reason": rejection.reason}
            for rejection in pushed.rejected
        }
        async with self._context.db.write() as connection:
            state = await sources.ensure(connection, SOURCE, SOURCE)
        # Pushed records are meant to be posted: there is no silent first intake.
        batch = ItemBatch(pushed.items, pushed.rejected, last=True)
        [summary] = await self._ingest.store(
            [SourceBatch(replace(state, intake_done=True), batch, len(pushed.rejected))]
        )
        refused = {error.item: error.reason for error in summary.errors}
        fates = iter(summary.fates)
        for item in pushed.items:
            if item.item in refused:
                answers[item.item] = {"item": item.item, "status": "rejected", "reason": refused[item.item]}
                continue
            fate = next(fates)
            answers[item.item] = {"item": item.item, "status": fate.value, "url": item.record.url}
            if item.notes:
                answers[item.item]["notes"] = list(item.notes)
        numbers = await self._stories(pushed)
        for item in pushed.items:
            if (number := numbers.get(item.record.key)) is not None and "url" in answers[item.item]:
                answers[item.item]["story"] = number
        self._pushed.update(answer["status"] for answer in answers.values())
        return [answers[number] for number in sorted(answers)]

    async def _stories(self, pushed: Parsed) -> dict[str, int]:
        async with self._context.db.read() as connection:
            ids = await records.ids_by_key(connection, [item.record.key for item in pushed.items])
            stored = await records.by_id(connection, ids.values())
        return {key: story for key, i in ids.items() if (story := stored[i].story) is not None}


def _in_words(health: Health, *, is_connected: bool) -> list[str]:
    """The present outages, for people. Anybody may read it: there is nothing of the machine in it."""
    words = {kind: f"{what} since" for kind, what in _OUTAGES.items()}
    problems = [
        f"{words[outage.kind]} {outage.since.isoformat(timespec='seconds')}: {shown_reason(outage)}"
        for outage in health.outages
    ]
    if not is_connected and health.of(OutageKind.CONNECTION) is None:
        problems.insert(0, _OUTAGES[OutageKind.CONNECTION])
    return problems


def _too_large(reason: str) -> web.HTTPRequestEntityTooLarge:
    return web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=0, text=reason)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into JSON with a message."""
    try:
        return await handler(request)
    except StoreError as error:
        log.error("%s", error)
        answer = {"error": "the database is unavailable; try again later"}
        return web.json_response(answer, status=503, headers={"Retry-After": RETRY_SECONDS})
    except web.HTTPException as error:
        headers = {
            name: error.headers[name]
            for name in ("Retry-After", "WWW-Authenticate", "Allow")
            if name in error.headers
        }
        headers["Cache-Control"] = "no-store"  # another token may be answered differently
        return web.json_response({"error": error.text}, status=error.status, headers=headers)
    except Exception:
        log.exception("a request to %s failed", request.path)
        return web.json_response({"error": "internal error; the bot's log has the details"}, status=500)
