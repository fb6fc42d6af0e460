"""The running bot: the Discord client and the background work beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

import cogs
from bot.bootstrap import (
    WatchedSource,
    build_context,
    build_endpoint,
    build_feeds,
    build_forward_client,
    build_model,
    build_source,
    build_topics,
    build_web_client,
)
from bot.chat.application import account_of
from bot.chat.client import Client, ClientOptions, ShardedClient
from bot.chat.connection import Trouble, explain_failure, one_line_per_reconnect, pause_after, unreachable
from bot.chat.pacer import Pacer
from bot.chat.permissions import problem_now
from bot.chat.port import REQUEST_RANK
from bot.chat.rest_client import RestClient
from bot.chat.sender import DiscordSender
from bot.chat.server_changes import report_changes
from bot.chat.transport import DISCORD, DiscordAddresses
from bot.config import Config, FeedSettings
from bot.domain.mending import SHORTEST, MendingSchedule
from bot.domain.outages import OutageKind
from bot.domain.processes import Role
from bot.domain.requests.line import LOWEST_RANK
from bot.domain.shards import Shards
from bot.domain.text.addresses import hosts_only
from bot.domain.text.cleaning import plural
from bot.errors import DatabaseLostError, SettingsError, StoreError, TopicwireError
from bot.runtime import clock, process
from bot.runtime.background import Repeating, Step
from bot.runtime.leadership import Alone, Leadership
from bot.runtime.peers import Peers
from bot.runtime.roles import EVERY_ROLE, check_roles, share_of_pace
from bot.services.context import Context
from bot.services.digests import follow_clock, replan
from bot.services.server_topics import UNFINISHED_AFTER, finish_look_backs
from bot.services.status import resume_mended
from bot.sources.model import Rejected
from bot.sources.parsing.pool import ParserPool
from bot.sources.topic_files import load_topics
from bot.sources.web.fetch import Web
from bot.store import delivery, feeds, leases
from bot.store.database import Database, normalise
from bot.workers import alerts, cleanup, digests, first_posts, rematch, titles, volumes
from bot.workers.delivery import Delivery
from bot.workers.forwarding import Forwarder
from bot.workers.inbox import Inbox, InboxReader
from bot.workers.ingest import Ingest, report
from bot.workers.poller import Poller
from bot.workers.rephrasing import Rephraser, RephrasingWorker

if TYPE_CHECKING:
    from bot.http.metrics import Traffic
    from bot.http.server import EndpointSettings, HttpServer

log = logging.getLogger(__name__)

LONGEST_IDLE = timedelta(seconds=30)
# Changes of the clock or by another process are noticed within this time.
LONGEST_DIGEST_IDLE = timedelta(minutes=15)
NEXT_CHANGES = timedelta(seconds=5)  # after a source stops reporting changes
# Each check of a channel that still fails costs a refused request, and Discord limits those.
MEND_EVERY = SHORTEST
NEXT_DIGEST = timedelta(seconds=1)
FIRST_TIDY = timedelta(minutes=15)  # after the start, so that it also runs if the bot is restarted every day
TIDY_EVERY = timedelta(days=1)
STOP_SECONDS = 20.0  # for messages that are being sent
FORWARD_STOP_SECONDS = 5.0  # for stories that are being sent to other addresses
IDLE_STOP_SECONDS = 1.0  # without such messages; a delivery that still runs waits for the database


class App:
    """The parts of the bot. `run` starts them as loops; tests and the demo call single steps."""

    def __init__(
        self,
        context: Context,
        sources: Sequence[WatchedSource] = (),
        *,
        replay: bool = False,
        endpoint: EndpointSettings | None = None,
        forward_web: Web | None = None,
        rephraser: Rephraser | None = None,
        rephrasings_per_day: int = 0,
        requests_per_second: float = math.inf,
        webhooks_per_second: float = math.inf,
        roles: frozenset[Role] = EVERY_ROLE,
        shards: Shards | None = None,
        account: str = "",
        addresses: DiscordAddresses = DISCORD,
    ) -> None:
        self.context = replace(context, wake=self.wake)
        self.roles = roles
        self.sources = tuple(sources)
        self._peers = self._find_peers(account)
        # Beside others on PostgreSQL, one in another container may have the same host name and process ids.
        self._name: str
        self._is_gone: Callable[[str], bool]
        self._name, self._is_gone = (
            (process.name(), process.is_gone)
            if self._peers is None
            else (process.identity(), process.has_ended)
        )
        self._intake, self._sending = (self._leadership(role) for role in (Role.INTAKE, Role.SENDER))
        self._reset_state()
        context.db.watch(self._database_answered)
        self._schedule_steps()
        self.ingest = Ingest(self.context, replay=replay)
        self._inbox = self._leading("inbox", InboxReader(self.context, self.ingest).step, LONGEST_IDLE)
        shards = shards or Shards()
        share = share_of_pace(roles, requests_per_second, shards.clusters)
        self.pacer = Pacer(share, webhooks_per_second)
        self._client_options = ClientOptions(
            up=self._up,
            pacer=self.pacer,
            addresses=addresses,
            note=partial(self._note, OutageKind.CONNECTION),
            shards=shards,
            identify=self._peers.identify if self._peers is not None else None,
        )
        self.client = self._new_client()
        self.sender = DiscordSender(self.client)
        self.deliver = self._build_delivery()
        self.poll = self._build_poller()
        self.forward = self._build_forwarder(forward_web)
        self.rephrasing = (
            RephrasingWorker(self.context, rephraser, rephrasings_per_day) if rephraser is not None else None
        )
        self.server = self._build_server(endpoint) if endpoint is not None else None

    def _find_peers(self, account: str) -> Peers | None:
        """What this process shares with others of its account; None where there can be none."""
        if not account or self.context.db.dialect != "postgresql":
            return None
        return Peers(
            self.context.db,
            self.roles,
            account,
            self.context.now,
            woken=self._wake_steps,
            server_changed=self._forget_server,
            reconnected=self._forget_servers,
            began=self._began_to_lead,
        )

    def _reset_state(self) -> None:
        """Nothing has happened yet."""
        self._stopping = asyncio.Event()
        self._failure: Exception | None = None  # why the bot stops
        self._up = asyncio.Event()  # set once the client had a connection
        self._was_up = False  # the last client had a connection before it failed
        self._away = False  # a client that failed has been replaced, and the new one has no connection yet
        self._connecting_failures = self._sync_failures = 0  # in a row
        self._latest: datetime | None = None  # the latest time that the clock has shown
        self._mending = MendingSchedule()
        # The default time of digests changes only with a restart, so it is checked once.
        self._replanned = False

    def _schedule_steps(self) -> None:
        """The steps that others wake."""
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._delivery = self._repeating("delivery", self._deliver, LONGEST_IDLE)
        self._polling = self._polling_step()
        self._digests = self._leading("digests", self.digest)
        self._alerts = self._leading("alerts", self.alert, LONGEST_IDLE)
        self._forwarding = self._leading("forwards", self._forward, LONGEST_IDLE)

    def _build_delivery(self) -> Delivery:
        return Delivery(
            self.context,
            self.sender,
            stopping=lambda: self._stopping.is_set() or self._away or not self._sending.is_leading,
            holder=self._name,
            wake=self._delivery.wake,
            limits=self.pacer,
        )

    def _build_poller(self) -> Poller | None:
        if (web := self.context.web) is None:
            return None
        # Pollers that are processes of their own leave what they fetch to the process that leads the intake.
        batches = self.ingest if self._is_whole else Inbox(self.context)
        return Poller(self.context, batches, web, random.random, holder=process.identity())

    def _build_forwarder(self, web: Web | None) -> Forwarder | None:
        if web is None:
            return None
        return Forwarder(
            self.context,
            web,
            wake=self._forwarding.wake,
            stopping=lambda: self._stopping.is_set() or not self._intake.is_leading,
        )

    def _build_server(self, endpoint: EndpointSettings) -> HttpServer:
        # The server and its metrics take megabytes of memory, so they are imported only if somebody asks for them.
        from bot.http.server import HttpServer

        return HttpServer(
            self.context,
            self.ingest,
            endpoint,
            self._connected,
            self._polls,
            self._rephrasings,
            lambda: self.forward.counts if self.forward is not None else {},
            self._traffic,
            delivers=lambda: Role.SENDER in self.roles,
            takes_in=lambda: Role.INTAKE in self.roles and self._intake.is_leading,
            leading=self._leading_in,
        )

    def _repeating(self, name: str, step: Step, longest: timedelta | None = None) -> Repeating:
        return Repeating(name, step, self.context.now, self._failed, longest)

    def _leading(self, name: str, step: Step, longest: timedelta | None = None) -> Repeating:
        """A step of the intake, which runs while this process leads in it."""
        return self._repeating(name, partial(self._intake.during, step), longest)

    @property
    def _is_whole(self) -> bool:
        return self.roles == EVERY_ROLE

    def _polling_step(self) -> Repeating:
        """One process that does everything polls while it leads the intake; of pollers, each does."""
        build = self._leading if self._is_whole else self._repeating
        return build("polling", self._poll, LONGEST_IDLE)

    def _leadership(self, role: Role) -> Leadership:
        return self._peers.leadership(role) if self._peers is not None else Alone()

    def _leading_in(self) -> Mapping[str, bool]:
        """Whether this process leads, by each of its roles of which one process at a time does the work."""
        leaderships = {Role.INTAKE: self._intake, Role.SENDER: self._sending}
        return {role.value: leaderships[role].is_leading for role in leaderships if role in self.roles}

    def _began_to_lead(self, role: Role) -> None:
        """Go on where another process may have stopped."""
        if role is Role.SENDER:
            self._latest = None  # what it was sending is looked for
            self.pacer.rest()
        self.wake()

    def _new_client(self) -> Client:
        """A client of Discord for the roles of this process."""
        if Role.GATEWAY not in self.roles:
            return RestClient(self.context, cogs.add_to, self._client_options)
        kind = Client if self._client_options.shards.count == 1 else ShardedClient
        client = kind(self.context, cogs.add_to, self._client_options)
        if self._peers is not None:
            report_changes(client, self._peers.report_server)
        return client

    def _forget_server(self, guild_id: int) -> None:
        self._mending.changed(guild_id)
        if isinstance(self.client, RestClient):
            self.client.forget_server(guild_id)

    def _forget_servers(self) -> None:
        """Nothing was heard for a while."""
        if isinstance(self.client, RestClient):
            self.client.forget_servers()
        self._wake_steps()

    def _switch_to(self, client: Client) -> None:
        """Use this client from now on. Nothing is sent before its first connection."""
        self._up.clear()
        self._away = True
        self.client = client
        self.sender.switch_to(client)

    def wake(self) -> None:
        """Run the steps that may have something due now, in this process and in others."""
        self._wake_steps()
        if self._peers is not None:
            self._peers.wake()

    def _wake_steps(self) -> None:
        local = (self._delivery, self._polling, self._inbox, self._digests, self._alerts, self._forwarding)
        for repeating in local:
            repeating.wake()

    def stop(self, failure: Exception | None = None) -> None:
        """End `run`, which raises the failure, if any. Messages being sent are finished first."""
        self._failure = self._failure or failure
        self._stopping.set()
        self._delivery.wake()

    def _failed(self, name: str, error: Exception, pause: timedelta) -> None:
        """Log why a step failed. A lost database stops the bot."""
        match error:
            case DatabaseLostError():
                self.stop(error)
            case TopicwireError() | OSError():
                log.error("%s: %s; next try in %s", name, hosts_only(str(error)), pause)
            case _:
                log.error("%s failed; next try in %s", name, pause, exc_info=error)

    def _database_answered(self, error: StoreError | None) -> None:
        """Note whether the database can be used."""
        if error is not None and self.context.monitor.health.of(OutageKind.DATABASE) is None:
            log.error("%s", hosts_only(str(error)))
        self._note(OutageKind.DATABASE, None if error is None else str(error))

    def _note(self, kind: OutageKind, reason: str | None) -> None:
        self.context.monitor.note(kind, reason, self.context.now())

    async def mend(self) -> None:
        """Resume channels in which the bot may post again."""
        if not self.client.up.is_set():  # no channel is known before the first connection
            return
        rank = REQUEST_RANK.set(LOWEST_RANK)  # messages go first
        try:
            resumed = await resume_mended(self.context, self._problem_now, self._choose_to_mend)
        finally:
            REQUEST_RANK.reset(rank)
        for channel_id in resumed:
            log.info("channel %s has resumed", channel_id)

    def _choose_to_mend(self, paused: Mapping[int, datetime]) -> Collection[int]:
        """What a gateway keeps up to date costs nothing; some servers at a time are asked for."""
        chosen = self._mending.choose(paused, self.context.now())
        return chosen if isinstance(self.client, RestClient) else paused

    async def _problem_now(self, guild_id: int, channel_id: int) -> str:
        return await problem_now(
            self.client,
            channel_id,
            partial(self.client.read_server, guild_id, MEND_EVERY),
            partial(self._mending.may_ask, guild_id, channel_id, self.context.now()),
        )

    async def tidy(self) -> None:
        """Delete old data, and update the model of titles from new articles."""
        removed = await cleanup.step(self.context)
        log.info("the daily cleanup removed %s from the database", plural(removed, "old row"))
        await titles.step(self.context)  # last, so that a failure does not prevent the cleanup

    async def alert(self) -> None:
        """Compare new articles with members' alerts."""
        await alerts.step(self.context)

    async def digest(self) -> None:
        """Send due digests, and schedule a wake-up for the next one."""
        if not self._replanned:
            await replan(self.context)
            self._replanned = True
        at = self.context.now() + LONGEST_DIGEST_IDLE
        at = min(await digests.step(self.context) or at, at)
        if self._scheduler.running and not self._stopping.is_set():
            self._scheduler.add_job(
                self._wake_digests,
                DateTrigger(max(at, self.context.now() + NEXT_DIGEST)),
                id="digests",
                replace_existing=True,
                misfire_grace_time=None,
            )

    async def _wake_digests(self) -> None:
        self._digests.wake()

    def _steps(self, token: str) -> Iterator[Repeating]:
        """All repeating steps of the roles of this process, except delivery."""
        if self._needs_client:
            yield Repeating("connection", partial(self._connect, token), self.context.now, self._refused)
            yield self._repeating("commands", self._sync)
        if self._peers is not None:
            yield from self._peers.steps(self._failed)
        by_role: Mapping[Role, Callable[[], Iterator[Repeating]]] = {
            Role.SENDER: self._sender_steps,
            Role.INTAKE: self._intake_steps,
            Role.POLLER: self._poller_steps,
        }
        for role, steps in by_role.items():
            if role in self.roles:
                yield from steps()

    def _sender_steps(self) -> Iterator[Repeating]:
        mending = partial(self._sending.during, self._delayed(self.mend, MEND_EVERY, MEND_EVERY))
        yield self._repeating("resuming", mending)

    def _intake_steps(self) -> Iterator[Repeating]:
        if self._peers is not None:
            yield self._inbox
        yield self._digests
        yield self._alerts
        yield self._leading("volumes", partial(volumes.step, self.context))
        yield self._leading("first posts", partial(first_posts.step, self.context))
        look_backs = partial(finish_look_backs, self.context)
        yield self._leading("look-backs", self._delayed(look_backs, UNFINISHED_AFTER, UNFINISHED_AFTER))
        yield self._leading("cleanup", self._delayed(self.tidy, FIRST_TIDY, TIDY_EVERY))
        if self.forward is not None:
            yield self._forwarding
        if self.rephrasing is not None:
            yield self._leading("rephrasing", self.rephrasing.step)
        for watched in self.sources:
            reading = _SourceReader(self.context, self.ingest, watched)
            yield self._leading(hosts_only(watched.source.name), reading.step)

    def _poller_steps(self) -> Iterator[Repeating]:
        if self.poll is not None:
            yield self._polling

    @property
    def _needs_client(self) -> bool:
        return not self.roles.isdisjoint((Role.GATEWAY, Role.SENDER))

    def _delayed(self, step: Callable[[], Awaitable[None]], first: timedelta, every: timedelta) -> Step:
        """A step that runs first after the time `first`, and then at the interval `every`."""
        start = self.context.now() + first

        async def due() -> datetime:
            if self.context.now() < start:
                return start
            await step()
            return self.context.now() + every

        return due

    async def run(self, token: str) -> None:
        """Connect and run until `stop`. Raises TopicwireError if Discord refuses the bot."""
        logging.getLogger("discord.client").addFilter(one_line_per_reconnect)
        if self.server is not None:
            await self.server.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                delivering = (
                    tasks.create_task(self._delivering(), name=self._delivery.name)
                    if Role.SENDER in self.roles
                    else None
                )
                others = [tasks.create_task(step.run(), name=step.name) for step in self._steps(token)]
                self._scheduler.start()
                try:
                    await self._stopping.wait()
                finally:
                    self.stop()
                    self._scheduler.shutdown(wait=False)
                    # Messages being sent are finished first, if there is a connection.
                    if delivering is not None and self._up.is_set():
                        timeout = STOP_SECONDS if self.deliver.is_busy else IDLE_STOP_SECONDS
                        await asyncio.wait([delivering], timeout=timeout)
                    for task in others if delivering is None else (delivering, *others):
                        task.cancel()
        finally:
            if self.server is not None:
                await self.server.close()
            if self.poll is not None:
                await self.poll.close()
            if self.forward is not None:
                await self.forward.close(FORWARD_STOP_SECONDS)
            await self.client.close()
            if self._peers is not None:
                await self._peers.close()
        if self._failure is not None:
            raise self._failure

    async def _connect(self, token: str) -> datetime | None:
        """Stay connected until the client is closed. Returns when to try again after a failure."""
        trouble = await unreachable(self._client_options.addresses) or await self._stay_connected(token)
        if trouble is None:
            return None
        self._connecting_failures = 1 if self._was_up else self._connecting_failures + 1
        self._was_up = False
        pause = pause_after(trouble, self._connecting_failures)
        log.error("cannot connect to Discord: %s; next try in %s", trouble.reason, pause)
        self._note(OutageKind.CONNECTION, trouble.reason)
        return self.context.now() + pause

    def _refused(self, _name: str, error: Exception, _pause: timedelta) -> None:
        """Stop: a new connection would fail too."""
        self.stop(error)

    async def _stay_connected(self, token: str) -> Trouble | None:
        """Run the client until the bot stops. After a failure, replace the client and return the reason."""
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
        self._switch_to(self._new_client())
        return trouble

    async def _sync(self) -> datetime | None:
        """Register the commands if that failed at the start. Posting continues meanwhile."""
        await self._up.wait()
        if self._sync_failures:
            self.client.sync_trouble = await self.client.sync()
        if (trouble := self.client.sync_trouble) is None:
            return None
        self._sync_failures += 1
        pause = pause_after(trouble, self._sync_failures)
        log.error("the slash commands could not be registered: %s; next try in %s", trouble.reason, pause)
        return self.context.now() + pause

    async def _delivering(self) -> None:
        try:
            await self._delivery.run(until=self._stopping)
            await self.deliver.finish()
        except Exception:
            log.exception("delivery failed; the next start sends what is unfinished")
        finally:
            await self.deliver.close()

    async def _deliver(self) -> datetime | None:
        """Start sending due messages. The claims of a failed step expire with their leases."""
        await self._up.wait()
        self._away = False
        return await self._sending.during(self._begin_sending)

    async def _begin_sending(self) -> datetime | None:
        await self._follow_clock()
        return await self.deliver.begin_due()

    async def _follow_clock(self) -> None:
        """If the clock was set back, reschedule messages, digests and polls that would wait for the earlier time."""
        now = self.context.now()
        if self._latest is None or now < self._latest:
            async with self.context.db.write() as connection:
                if self._latest is None and (freed := await delivery.give_back(connection, self._is_gone)):
                    log.info("this process takes over %s from an earlier one", plural(freed, "message"))
                if self._latest is None and self._peers is not None:
                    await delivery.take_over(connection, self._name, now)
                await feeds.after_clock_change(connection, now)
                await follow_clock(self.context, connection)
                if rescheduled := await delivery.after_clock_change(connection, now, self._latest):
                    log.warning(
                        "the clock was set back; the bot sends %s now instead of waiting",
                        plural(rescheduled, "message"),
                    )
            for repeating in (self._polling, self._digests):
                repeating.wake()
        self._latest = now

    async def _poll(self) -> datetime | None:
        assert self.poll is not None
        return self.context.now() if await self.poll.step() else await self.poll.next_due()

    async def _forward(self) -> datetime | None:
        """Begin to send stories to addresses outside of Discord. Their workers wake this step when they are done."""
        assert self.forward is not None
        return self.context.now() if await self.forward.begin() else await self.forward.next_due()

    def _connected(self) -> bool:
        return self.client.is_connected or not self._needs_client

    def _polls(self) -> Mapping[str, int]:
        return self.poll.counts if self.poll is not None else {}

    def _traffic(self) -> Traffic:
        from bot.http.metrics import Traffic  # as in `_build_server`

        now = asyncio.get_running_loop().time()
        return Traffic(
            self.pacer.refused,
            invalid=self.pacer.invalid.count(now),
            pace_used=self.pacer.pace.used(now),
            queued=self.deliver.queued,
            in_flight=self.deliver.in_flight,
        )

    def _rephrasings(self) -> Mapping[str, int]:
        return self.rephrasing.counts if self.rephrasing is not None else {}


def trouble_of(error: Exception) -> Trouble:
    """Why there is no connection. Raises what only a person can mend; anything else may go well with another client."""
    try:
        return explain_failure(error)
    except (SettingsError, DatabaseLostError):
        raise
    except TopicwireError:
        return Trouble(str(error))
    except Exception:
        log.exception("the connection to Discord failed")
        return Trouble("internal error; the log above has the details")


class _SourceReader:
    """Reads a source at the start and after every change."""

    def __init__(self, context: Context, ingest: Ingest, watched: WatchedSource) -> None:
        self._context = context
        self._now = context.now
        self._ingest = ingest
        self._watched = watched
        self._changes: AsyncGenerator[None, None] | None = None
        self._reported: frozenset[Rejected] = frozenset()

    async def step(self) -> datetime | None:
        """Wait for the next change and read the source. Returns when to run again: now, or later after an end."""
        try:
            # Watching starts before the first read, so that no change is missed between them.
            self._changes = self._changes or self._watched.source.changes()
            async for _ in self._changes:
                await self._read()
                return self._now()
        except BaseException:
            await self._begin_anew()
            raise
        await self._begin_anew()
        return self._now() + NEXT_CHANGES

    async def _begin_anew(self) -> None:
        changes, self._changes = self._changes, None
        if changes is not None:
            await changes.aclose()

    async def _read(self) -> None:
        source = self._watched.source
        summary = await self._ingest.step(source, backfill=self._watched.backfill)
        report(source.name, summary, self._reported)
        self._reported = frozenset(summary.errors)
        loaded = await asyncio.to_thread(lambda: [load_topics(place) for place in self._watched.topics()])
        for error in chain.from_iterable(rejected for _, rejected in loaded):
            log.warning("%s: %s", error.path, error.reason)
        if loaded:  # define topics from the topic files of the source
            await rematch.define(self._context, chain.from_iterable(topics for topics, _ in loaded))


async def run(config: Config, roles: frozenset[Role] = EVERY_ROLE) -> None:
    """Run these roles of the bot until a signal stops it. Signals also work during the start.

    Raises ConfigError if the settings do not allow these roles.
    """
    shards = config.discord.shards.shards()
    check_roles(
        roles,
        on_postgresql=normalise(config.database.url).startswith("postgresql"),
        clusters=shards.clusters,
        per_second=config.discord.requests_per_second,
    )
    starting = asyncio.current_task()
    assert starting is not None
    stop: list[Callable[[], object]] = [starting.cancel]
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C raises instead
            loop.add_signal_handler(name, lambda: stop[-1]())
    async with contextlib.AsyncExitStack() as stack:
        with contextlib.suppress(asyncio.CancelledError):
            app = await _start(config, roles, stack)
            stop.append(app.stop)
        if len(stop) > 1:
            process.freeze_startup_objects()
            await app.run(config.discord.token.get_secret_value())


async def _start(config: Config, roles: frozenset[Role], stack: contextlib.AsyncExitStack) -> App:
    db = await Database.open(
        config.database.url,
        guarded=True,
        direct_url=config.database.direct_url,
        session_name=leases.session_name(process.identity()),
    )
    stack.push_async_callback(db.close)
    web = await stack.enter_async_context(build_web_client(config.feeds.private_networks))
    forward_web = await stack.enter_async_context(build_forward_client(config))
    parsers = await stack.enter_async_context(ParserPool())
    model = await stack.enter_async_context(build_model(config))
    context = replace(build_context(config, db, clock.now), web=web, parsers=parsers)
    if Role.INTAKE in roles:
        await _configure(config, context)
    watched = [build_source(s) for s in config.sources if not isinstance(s, FeedSettings)]
    return App(
        context,
        watched,
        endpoint=build_endpoint(config),
        forward_web=forward_web,
        rephraser=model,
        rephrasings_per_day=config.rephrasing.per_day,
        requests_per_second=config.discord.requests_per_second,
        webhooks_per_second=config.discord.webhooks_per_second,
        roles=roles,
        shards=config.discord.shards.shards(),
        account=account_of(config.discord.token.get_secret_value()),
        addresses=DiscordAddresses(config.discord.api_url, config.discord.gateway_url),
    )


async def _configure(config: Config, context: Context) -> None:
    """Store the topics and feeds of the settings."""
    await rematch.configure(context, await asyncio.to_thread(build_topics, config))
    if not config.topics.learned:
        await rematch.forget_guesses(context)
    declared = await asyncio.to_thread(build_feeds, config)
    async with context.db.intake() as connection:
        await feeds.configure(connection, declared, context.polls.bounds.least, clock.now())
