"""The composition root: builds everything from the config, and runs it beside the client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import discord
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

import cogs
from bot import clock
from bot.chat.client import Client, reachable
from bot.chat.permissions import problem
from bot.chat.sender import DiscordSender
from bot.config import Config, FolderSettings
from bot.domain.model import Topic
from bot.errors import ConfigError, StoreError, TopicwireError
from bot.pipeline import digests, housekeeping, rematch
from bot.pipeline.deliver import Deliver
from bot.pipeline.ingest import Ingest, report
from bot.sources.folder import FolderSource
from bot.sources.model import Rejected, Source
from bot.sources.topic_files import load_topics
from bot.store.database import Database
from bot.usecases.context import Context, Now
from bot.usecases.status import resume_mended

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
TIDY_EVERY = timedelta(days=1)
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Feed:
    """A source and how many of the newest records its first intake posts."""

    source: Source
    backfill: int = 0


class App:
    """The running parts. Tests and the demo call their steps by hand; `run` starts them as loops."""

    def __init__(self, context: Context, feeds: Sequence[Feed] = (), *, replay: bool = False) -> None:
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self.context = replace(context, wake=self.wake)
        self.feeds = tuple(feeds)
        self.client = Client(self.context, cogs.add_to)
        self.sender = DiscordSender(self.client)
        self.ingest = Ingest(self.context, replay=replay)
        self.deliver = Deliver(self.context, self.sender)

    def wake(self) -> None:
        """Something may be due: look now instead of when it was planned."""
        self._woken.set()
        if self._scheduler.running and self._scheduler.get_job("digests") is not None:
            self._scheduler.modify_job("digests", next_run_time=clock.now())

    def stop(self) -> None:
        """End `run`; what is being sent is finished first."""
        self._stopping.set()
        self._woken.set()

    async def mend(self) -> None:
        """Resume channels in which the bot may post again."""
        for channel_id in await resume_mended(
            self.context, lambda channel_id: problem(self.client, channel_id)
        ):
            log.info("channel %s is resumed", channel_id)

    async def tidy(self) -> None:
        """Remove what nobody will ask for any more."""
        log.info("removed %d old rows", await housekeeping.step(self.context))

    async def digest(self) -> None:
        """Send due digests, and plan the next look."""
        at = self.context.now() + LONGEST_DIGEST_IDLE
        try:
            at = min(await digests.step(self.context) or at, at)
        finally:
            if self._scheduler.running and not self._stopping.is_set():
                # A job that is due while this one still ends would be dropped, and with it all that follow.
                self._plan_digest(max(at, self.context.now() + NEXT_DIGEST))

    def _plan_digest(self, at: datetime) -> None:
        self._scheduler.add_job(
            self.digest, DateTrigger(at), id="digests", replace_existing=True, misfire_grace_time=None
        )

    async def run(self, token: str) -> None:
        """Connect and work until `stop`. Raises TopicwireError where Discord refuses the bot."""
        delivering = asyncio.ensure_future(self._deliver_loop())
        others: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(self._stopping.wait()),
            asyncio.ensure_future(self._connect(token)),
            *(asyncio.ensure_future(self._source_loop(feed)) for feed in self.feeds),
        ]
        self._scheduler.add_job(self.mend, IntervalTrigger(seconds=int(MEND_EVERY.total_seconds())))
        first_tidy = clock.now() + LONGEST_DIGEST_IDLE  # also where the bot is restarted every day
        self._scheduler.add_job(
            self.tidy, IntervalTrigger(seconds=int(TIDY_EVERY.total_seconds())), next_run_time=first_tidy
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
            if self.client.up.is_set():
                await asyncio.wait([delivering], timeout=STOP_SECONDS)
            for task in (delivering, *others):
                task.cancel()
            await asyncio.gather(delivering, *others, return_exceptions=True)
            await self.client.close()

    async def _connect(self, token: str) -> None:
        pause = RETRY
        while trouble := await reachable():
            log.error("Discord cannot be reached: %s; next try in %s", trouble, pause)
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, RETRY_MOST)
        try:
            await self.client.start(token)
        except discord.LoginFailure as error:
            raise TopicwireError(
                "Discord refused the token: copy it again from https://discord.com/developers/applications "
                "(your application, Bot, Reset Token)"
            ) from error
        except discord.HTTPException as error:
            raise TopicwireError(f"Discord refused the bot at its start: {error}") from error

    async def _deliver_loop(self) -> None:
        await self.client.up.wait()
        while not self._stopping.is_set():
            self._woken.clear()
            busy, due = False, None
            try:
                busy = await self.deliver.step() > 0
                due = None if busy else await self.deliver.next_due()
            except StoreError as error:
                log.error("%s", error)
            except Exception:
                log.exception("delivering failed; what was being sent is tried again when its lease ends")
            if not busy:
                await self._idle(due)

    async def _idle(self, due: datetime | None) -> None:
        now = self.context.now()
        wait = min(max((due or now + LONGEST_IDLE) - now, timedelta()), LONGEST_IDLE)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), wait.total_seconds())

    async def _source_loop(self, feed: Feed) -> None:
        pause = RETRY
        told: frozenset[Rejected] = frozenset()
        while True:
            try:
                # Watching begins before the first look, so that no change falls between the two.
                async for _ in feed.source.changes():
                    summary = await self.ingest.step(feed.source, backfill=feed.backfill)
                    report(feed.source, summary, told)
                    told = frozenset(summary.errors)
                    pause = RETRY
            except (TopicwireError, OSError) as error:
                log.error("%s: %s; next try in %s", feed.source.name, error, pause)
            except Exception:
                log.exception("%s: a bug stopped the intake; next try in %s", feed.source.name, pause)
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, RETRY_MOST)


def feed_of(settings: FolderSettings) -> Feed:
    """The source that a config entry means."""
    return Feed(FolderSource(settings.path.expanduser().absolute(), settings.quality), settings.backfill)


def topics_of(config: Config) -> tuple[Topic, ...]:
    """All configured topics. Raises ConfigError that names every file that cannot be used."""
    inline = config.topics.topics()
    directories = [directory.expanduser() for directory in config.topics.directories]
    # A parent may be defined anywhere, so all names are read first.
    names = [topic.name for topic in chain(inline, *(load_topics(directory)[0] for directory in directories))]
    found: list[Topic] = []
    problems: list[str] = []
    for directory in directories:
        topics, rejected = load_topics(directory, names)
        found += topics
        problems += [f"{error.path}: {error.reason}" for error in rejected]
    if problems:
        raise ConfigError("topics.directories", problems)
    return (*found, *inline)


def context_of(config: Config, db: Database, now: Now) -> Context:
    """What the use cases work with, as configured."""
    return Context(db, now, config.posts.rules(), config.digest.schedule())


async def run(config: Config) -> None:
    """Run the bot until a signal stops it."""
    db = await Database.open(config.database.url)
    try:
        context = context_of(config, db, clock.now)
        await rematch.configure(context, topics_of(config))
        app = App(context, [feed_of(settings) for settings in config.sources])
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C raises instead
                loop.add_signal_handler(name, app.stop)
        await app.run(config.discord.token.get_secret_value())
    finally:
        await db.close()


def check(config: Config) -> list[str]:
    """Everything that would fail at start and can be told from here, one sentence each."""
    problems: list[str] = []
    if not config.discord.token.get_secret_value():
        problems.append(
            "discord.token: is empty; see https://discord.com/developers/applications, Bot, Reset Token"
        )
    for position, settings in enumerate(config.sources):
        if not settings.path.expanduser().exists():
            problems.append(f"sources[{position}].path: {settings.path} does not exist")
    for position, directory in enumerate(config.topics.directories):
        if not Path(directory).expanduser().is_dir():
            problems.append(f"topics.directories[{position}]: {directory} is no directory")
    try:
        topics_of(config)
    except ConfigError as error:
        problems += [f"topics: {problem}" for problem in error.problems]
    if not config.sources:
        problems.append("sources: is empty, so nothing would come in")
    return problems
