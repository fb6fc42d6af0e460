"""The composition root: builds everything from the config, and runs it beside the client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

import cogs
from bot.bootstrap import (
    Watched,
    build_context,
    build_endpoint,
    build_feeds,
    build_source,
    build_topics,
    build_web_client,
)
from bot.chat.client import Client
from bot.chat.connection import Trouble, one_line_per_reconnect, pause_after, trouble_of, unreachable
from bot.chat.permissions import problem_now
from bot.chat.sender import DiscordSender
from bot.config import Config, FeedSettings
from bot.domain.text.addresses import hosts_only
from bot.domain.text.cleaning import plural
from bot.errors import DatabaseLostError, StoreError, TopicwireError
from bot.http import server as http
from bot.runtime import clock, process
from bot.services.context import Context
from bot.services.digests import replan
from bot.services.status import resume_mended
from bot.sources.model import Rejected
from bot.sources.parsing.pool import ParserPool
from bot.sources.topic_files import load_topics
from bot.store import delivery, feeds
from bot.store.database import Database
from bot.workers import cleanup, digests, rematch, titles
from bot.workers.delivery import Deliver
from bot.workers.ingest import Ingest, report
from bot.workers.poller import Poll

log = logging.getLogger(__name__)

LONGEST_IDLE = timedelta(seconds=30)
LONGEST_DIGEST_IDLE = timedelta(
    minutes=15
)  # a clock that was set, or another process's change, is seen by then
RETRY = timedelta(seconds=5)
RETRY_MOST = timedelta(minutes=10)
# A channel in which posting still fails costs one refused request each time; Discord counts those.
MEND_EVERY = timedelta(minutes=5)
NEXT_DIGEST = timedelta(seconds=1)
DIGEST_RETRY = timedelta(minutes=1)
TIDY_EVERY = timedelta(days=1)
STOP_SECONDS = 20.0  # for messages that are on their way
IDLE_STOP_SECONDS = 1.0  # where there are none; what is held up then waits for the database


class App:
    """The running parts. Tests and the demo call their steps by hand; `run` starts them as loops."""

    def __init__(
        self,
        context: Context,
        sources: Sequence[Watched] = (),
        *,
        replay: bool = False,
        endpoint: http.Settings | None = None,
    ) -> None:
        self._woken = asyncio.Event()
        self._polls_woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._up = asyncio.Event()  # set once the client had a connection
        self._away = False  # a client that failed has been replaced, and the new one has no connection yet
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._jobs: set[asyncio.Task[Any]] = set()  # of the scheduler's, those that run
        self._replanned = (
            False  # the default time of digests is looked at once: it changes with a restart alone
        )
        self.context = replace(context, wake=self.wake)
        self.sources = tuple(sources)
        self.ingest = Ingest(self.context, replay=replay)
        self._was_up = False  # the last client had a connection before it failed
        self._lost: DatabaseLostError | None = None
        self._latest: datetime | None = None  # the latest time that the clock has shown
        self.client = Client(self.context, cogs.add_to, self._up)
        self.sender = DiscordSender(self.client)
        self.deliver = Deliver(
            self.context,
            self.sender,
            stopping=lambda: self._stopping.is_set() or self._away,
            holder=process.name(),
            wake=self._woken.set,
        )
        self.poll = Poll(self.context, self.ingest, context.web, random.random) if context.web else None
        self.server = (
            http.Server(self.context, self.ingest, endpoint, self._connected, self._polls)
            if endpoint
            else None
        )

    def _take(self, client: Client) -> None:
        """Work over this client from now on. Nothing is sent before a client's first connection."""
        self._up.clear()
        self._away = True
        self.client = client
        self.sender.use(client)

    def wake(self) -> None:
        """Something may be due: look now instead of when it was planned."""
        self._woken.set()
        self._polls_woken.set()
        if self._scheduler.running and self._scheduler.get_job("digests") is not None:
            self._scheduler.modify_job("digests", next_run_time=clock.now())

    def stop(self) -> None:
        """End `run`; what is being sent is finished first."""
        self._stopping.set()
        self._woken.set()

    async def mend(self) -> None:
        """Resume channels in which the bot may post again."""
        if not self.client.up.is_set():  # nothing is known of any channel yet, and nobody can be asked
            return
        for channel_id in await resume_mended(
            self.context, lambda channel_id: problem_now(self.client, channel_id)
        ):
            log.info("channel %s has resumed", channel_id)

    async def tidy(self) -> None:
        """Remove what nobody will ask for any more, and learn from what came in."""
        await titles.step(self.context)
        removed = await cleanup.step(self.context)
        log.info("the daily cleanup removed %s from the database", plural(removed, "old row"))

    async def digest(self) -> None:
        """Send due digests, and plan the next look."""
        at = self.context.now() + LONGEST_DIGEST_IDLE
        try:
            if not self._replanned:
                await replan(self.context)
                self._replanned = True
            at = min(await digests.step(self.context) or at, at)
        except StoreError as error:
            self._report(error)
            at = self.context.now() + DIGEST_RETRY
        finally:
            if self._scheduler.running and not self._stopping.is_set():
                # A job that is due while this one still ends would be dropped, and with it all that follow.
                self._plan_digest(max(at, self.context.now() + NEXT_DIGEST))

    async def _job(self, step: Callable[[], Awaitable[None]]) -> None:
        """A step as a job: the scheduler logs one that a stop cuts short as if it had failed, and does not wait for it."""
        task = asyncio.current_task()
        assert task is not None
        self._jobs.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await step()
        finally:
            self._jobs.discard(task)

    def _plan_digest(self, at: datetime) -> None:
        self._scheduler.add_job(
            self._job,
            DateTrigger(at),
            [self.digest],
            id="digests",
            replace_existing=True,
            misfire_grace_time=None,
        )

    async def run(self, token: str) -> None:
        """Connect and work until `stop`. Raises TopicwireError where Discord refuses the bot."""
        logging.getLogger("discord.client").addFilter(one_line_per_reconnect)
        if self.server is not None:
            await self.server.start()
        delivering = asyncio.ensure_future(self._deliver_loop())
        others: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(self._stopping.wait()),
            asyncio.ensure_future(self._connect(token)),
            asyncio.ensure_future(self._sync_loop()),
            *(asyncio.ensure_future(self._source_loop(watched)) for watched in self.sources),
        ]
        if self.poll is not None:
            others.append(asyncio.ensure_future(self._poll_loop(self.poll)))
        self._scheduler.add_job(
            self._job,
            IntervalTrigger(seconds=int(MEND_EVERY.total_seconds())),
            [self.mend],
            misfire_grace_time=None,
        )
        first_tidy = clock.now() + LONGEST_DIGEST_IDLE  # also where the bot is restarted every day
        self._scheduler.add_job(
            self._job,
            IntervalTrigger(seconds=int(TIDY_EVERY.total_seconds())),
            [self.tidy],
            next_run_time=first_tidy,
            misfire_grace_time=None,
        )
        self._plan_digest(self.context.now())
        self._scheduler.start()
        try:
            done, _ = await asyncio.wait([delivering, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task  # raises what ended it
        finally:
            self.stop()
            self._scheduler.shutdown(wait=False)
            # What is being sent is settled first, if there is a connection to send it over.
            if self._up.is_set():
                timeout = STOP_SECONDS if self.deliver.is_busy else IDLE_STOP_SECONDS
                await asyncio.wait([delivering], timeout=timeout)
            for task in (delivering, *others):
                task.cancel()
            await asyncio.gather(delivering, *others, *self._jobs, return_exceptions=True)
            if self.server is not None:
                await self.server.close()
            if self.poll is not None:
                await self.poll.close()
            await self.client.close()
        if self._lost is not None:
            raise self._lost

    async def _connect(self, token: str) -> None:
        """Be connected until the client is closed. A client whose first connection fails is replaced by a new one."""
        failures = 0
        while (trouble := await unreachable() or await self._stay_connected(token)) is not None:
            failures = 1 if self._was_up else failures + 1
            self._was_up = False
            pause = pause_after(trouble, failures)
            log.error("cannot connect to Discord: %s; next try in %s", trouble.reason, pause)
            await asyncio.sleep(pause.total_seconds())

    async def _stay_connected(self, token: str) -> Trouble | None:
        """Until the bot stops; or why there is no connection any more, and the client has been replaced."""
        client = self.client
        trouble = Trouble("the gateway closed the connection")
        try:
            await client.stay_connected(token)
            if self._stopping.is_set():
                return None
        except Exception as error:
            trouble = trouble_of(error)
        self._was_up = self._up.is_set()
        await client.close()
        self._take(Client(self.context, cogs.add_to, self._up))
        return trouble

    async def _sync_loop(self) -> None:
        """Have Discord show the commands where that failed at the start; posting goes on meanwhile."""
        await self._up.wait()
        failures = 0
        while (trouble := self.client.sync_trouble) is not None:
            failures += 1
            pause = pause_after(trouble, failures)
            log.error("the slash commands could not be registered: %s; next try in %s", trouble.reason, pause)
            await asyncio.sleep(pause.total_seconds())
            self.client.sync_trouble = await self.client.sync()
        await self._stopping.wait()

    async def _define(self, watched: Watched) -> None:
        """Topic files that came with the source become topics."""
        found = [load_topics(directory) for directory in watched.topics()]
        for error in chain.from_iterable(rejected for _, rejected in found):
            log.warning("%s: %s", error.path, error.reason)
        if found:
            await rematch.define(self.context, chain.from_iterable(topics for topics, _ in found))

    async def _deliver_loop(self) -> None:
        try:
            while not self._stopping.is_set():
                await self._up.wait()
                self._away = False
                self._woken.clear()
                busy, due = False, None
                try:
                    await self._follow_clock()
                    busy = await self.deliver.begin() > 0
                    due = None if busy else await self.deliver.next_due()
                except StoreError as error:
                    self._report(error)
                except Exception:
                    log.exception(
                        "delivery failed; the bot retries the unfinished messages when their leases expire"
                    )
                if not busy:
                    await self._idle(self._woken, due)
            await self.deliver.finish()
        finally:
            await self.deliver.close()

    async def _follow_clock(self) -> None:
        """Where the clock was set back, make due what would wait for the time that it showed before."""
        now = self.context.now()
        if self._latest is None or now < self._latest:
            async with self.context.db.write() as connection:
                if self._latest is None and (freed := await delivery.give_back(connection, process.is_gone)):
                    log.info("this process takes over %s from an earlier one", plural(freed, "message"))
                if early := await delivery.after_clock_change(connection, now, self._latest):
                    log.warning(
                        "the clock was set back; the bot sends %s now instead of waiting",
                        plural(early, "message"),
                    )
        self._latest = now

    def _report(self, error: StoreError) -> None:
        """Log it; a database that is lost ends the bot."""
        if isinstance(error, DatabaseLostError):
            self._lost = error
            self.stop()
        else:
            log.error("%s", error)

    async def _idle(self, woken: asyncio.Event, due: datetime | None) -> None:
        now = self.context.now()
        wait = min(max((due or now + LONGEST_IDLE) - now, timedelta()), LONGEST_IDLE)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), wait.total_seconds())

    async def _poll_loop(self, poll: Poll) -> None:
        pause = RETRY
        while True:
            self._polls_woken.clear()
            try:
                if await poll.step():
                    continue
                due = await poll.next_due()
                pause = RETRY
            except StoreError as error:
                self._report(error)
                due = self.context.now() + pause
            except Exception:
                log.exception("polling failed; next try in %s", pause)
                due = self.context.now() + pause
                pause = min(pause * 2, RETRY_MOST)
            await self._idle(self._polls_woken, due)

    def _connected(self) -> bool:
        # `is_ready` stays true when a connection is lost.
        gateway: Any = self.client.ws
        return self.client.is_ready() and gateway is not None and gateway.open

    def _polls(self) -> Mapping[str, int]:
        return self.poll.counts if self.poll is not None else {}

    async def _source_loop(self, watched: Watched) -> None:
        pause = RETRY
        told: frozenset[Rejected] = frozenset()
        while True:
            try:
                # Watching begins before the first look, so that no change falls between the two.
                async for _ in watched.source.changes():
                    summary = await self.ingest.step(watched.source, backfill=watched.backfill)
                    report(watched.source.name, summary, told)
                    await self._define(watched)
                    told = frozenset(summary.errors)
                    pause = RETRY
            except DatabaseLostError as error:
                self._report(error)
            except (TopicwireError, OSError) as error:
                log.error(
                    "%s: %s; next try in %s", hosts_only(watched.source.name), hosts_only(str(error)), pause
                )
            except Exception:
                log.exception("%s: the source cannot be read; next try in %s", watched.source.name, pause)
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, RETRY_MOST)


async def run(config: Config) -> None:
    """Run the bot until a signal stops it, also while it still starts."""
    starting = asyncio.current_task()
    assert starting is not None
    stop: list[Callable[[], object]] = [starting.cancel]
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C raises instead
            loop.add_signal_handler(name, lambda: stop[-1]())
    async with contextlib.AsyncExitStack() as stack:
        with contextlib.suppress(asyncio.CancelledError):
            app = await _start(config, stack)
            stop.append(app.stop)
        if len(stop) > 1:
            await app.run(config.discord.token.get_secret_value())


async def _start(config: Config, stack: contextlib.AsyncExitStack) -> App:
    db = await Database.open(config.database.url, guarded=True)
    stack.push_async_callback(db.close)
    web = await stack.enter_async_context(build_web_client(config.feeds.private_networks))
    parsers = await stack.enter_async_context(ParserPool())
    context = replace(build_context(config, db, clock.now), web=web, parsers=parsers)
    await rematch.configure(context, build_topics(config))
    async with db.write() as connection:
        await feeds.configure(connection, build_feeds(config), context.polls.bounds.least, clock.now())
    watched = [build_source(s) for s in config.sources if not isinstance(s, FeedSettings)]
    return App(context, watched, endpoint=build_endpoint(config))
