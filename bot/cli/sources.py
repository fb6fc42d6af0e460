"""What `topicwire source`, `topicwire opml` and `topicwire check --sources` do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from bot import bootstrap
from bot.cli.common import note, out, out_json, settings_of, stamp, with_context
from bot.config import Config, GitSettings
from bot.domain.polling import Feed, FeedOrigin, NewFeed
from bot.domain.text.cleaning import plural
from bot.errors import ConfigError, TopicwireError
from bot.runtime import clock
from bot.services import sources as use
from bot.services.context import Context
from bot.sources.feeds.opml import Outline, read_opml, write_opml
from bot.sources.feeds.parse import FeedSpec
from bot.sources.feeds.source import poll_feed
from bot.sources.parsing.pool import Here
from bot.sources.web.fetch import Web
from bot.store import feeds, topics
from bot.store.database import Database

SHOWN = 10
CHECKED_AT_ONCE = 50
T = TypeVar("T")


def _with(
    db_url: str | None, private_networks: bool, config: Path, work: Callable[[Context], Awaitable[T]]
) -> T:
    """As `with_context`, for what changes the feeds: with a way to reach them, and topics that they may be about."""
    settings = settings_of(config)

    async def working(context: Context) -> T:
        await _with_topics(context.db, settings)
        async with bootstrap.build_web_client(private_networks or settings.feeds.private_networks) as web:
            return await work(replace(context, web=web))

    return with_context(db_url, settings, working)


@asynccontextmanager
async def _to_read(db: Database, settings: Config) -> AsyncIterator[Database]:
    """A database with topics, for what stores nothing: one in memory where no bot has run on this one yet."""
    async with db.read() as connection:
        has_topics = bool(await topics.ids(connection))
    if has_topics:
        yield db
        return
    memory = await Database.open(":memory:")
    try:
        await _with_topics(memory, settings)
        yield memory
    finally:
        await memory.close()


async def _with_topics(db: Database, settings: Config) -> None:
    """A database that no bot has run on yet knows the topics that one would begin with."""
    async with db.write() as connection:
        if not await topics.ids(connection):
            await topics.define(connection, bootstrap.build_topics(settings))


def add(url: str, topic: str | None, db_url: str | None, private_networks: bool, config: Path) -> None:
    """`topicwire source add`."""

    async def work(context: Context) -> use.AddedFeed:
        return await use.add(context, url, topic)

    done = _with(db_url, private_networks, config, work)
    about = f", on {', '.join(done.feed.topics)}" if done.feed.topics else ""
    out(f"{'Added' if done.new else 'Updated'}: {done.feed.shown}{about}\n  {done.feed.url}")
    _print_items(done.preview)


def list_feeds(db_url: str | None, as_json: bool, config: Path) -> None:
    """`topicwire source list`."""

    async def work(context: Context) -> list[Feed]:
        async with context.db.read() as connection:
            return await feeds.all_feeds(connection)

    for feed in with_context(db_url, settings_of(config), work):
        if as_json:
            out_json(_as_json(feed))
        else:
            whose = f"server {feed.guild_id}" if feed.guild_id else feed.origin.value
            out(
                f"{_state(feed):8} {feed.shown} ({whose}; {', '.join(feed.topics) or 'by keywords'})\n         {feed.url}"
            )
            if feed.polling.failures:
                at = feed.polling.next_poll
                out(f"         {feed.last_error}; {f'next try {stamp(at)}' if at else 'no longer polled'}")


def _state(feed: Feed) -> str:
    if feed.polling.next_poll is None:
        return "stopped"
    if feed.polling.failures:
        return "failing"
    return "fine" if feed.polled_at else "new"


def _as_json(feed: Feed) -> dict[str, Any]:
    return {
        "url": feed.url,
        "address": feed.address,
        "name": feed.shown,
        "topics": list(feed.topics),
        "origin": feed.origin.value,
        "server": str(feed.guild_id) if feed.guild_id else None,
        "state": _state(feed),
        "taken": feed.taken,
        "error": feed.last_error,
        "next_poll": stamp(feed.polling.next_poll) if feed.polling.next_poll else None,
    }


def test(  # a command, not a test
    url: str,
    topic: str | None,
    db_url: str | None,
    as_json: bool,
    private_networks: bool,
    config: Path,
) -> None:
    """`topicwire source test`."""

    settings = settings_of(config)

    async def work(context: Context) -> use.FeedPreview:
        async with (
            bootstrap.build_web_client(private_networks or settings.feeds.private_networks) as web,
            _to_read(context.db, settings) as db,
        ):
            return await use.preview(replace(context, web=web, db=db), url, topic)

    found = with_context(db_url, settings, work)
    if as_json:
        for record, names in found.items:
            published = stamp(record.published) if record.published else None
            out_json(
                {"url": record.url, "title": record.title, "published": published, "topics": list(names)}
            )
        return
    out(f"{found.document.title or found.url}\n  {found.url}")
    _print_items(found)


def _print_items(found: use.FeedPreview) -> None:
    for record, names in found.items[:SHOWN]:
        when = f"{record.published:%Y-%m-%d %H:%M}" if record.published else "undated"
        out(f"  {when:16}  {record.title}\n{'':20}{', '.join(names) or 'no topic'}")
    if len(found.items) > SHOWN:
        out(f"  ... and {len(found.items) - SHOWN} more")
    for bad in found.document.rejected:
        note(f"item {bad.item}: {bad.reason}")


def remove(name: str, db_url: str | None, config: Path) -> None:
    """`topicwire source remove`."""

    async def work(context: Context) -> Feed:
        return await use.remove(context, name)

    gone = _with(db_url, False, config, work)
    out(f"Removed: {gone.shown}\n  {gone.url}")


def import_opml(file: Path, topic: str | None, db_url: str | None, config: Path) -> int:
    """`topicwire opml import`; returns how many entries were refused."""
    try:
        outlines, rejected = read_opml(file.read_bytes())
    except ValueError as error:
        raise ConfigError(str(file), [str(error)]) from error

    async def work(context: Context) -> int:
        async with context.db.write() as connection:
            before = {feed.address for feed in await feeds.all_feeds(connection, 0)}
            known = await context.topics.load(connection)
            for outline in outlines:
                named = (topic,) if topic else outline.topics
                found = [known.resolve(name) for name in named]
                about = tuple(t.name if t else name for t, name in zip(found, named, strict=True))
                about = tuple(dict.fromkeys(about))
                await topics.ensure(connection, about)
                wanted = NewFeed(outline.url, FeedOrigin.OPERATOR, outline.title, about)
                await feeds.add(connection, wanted, context.polls.bounds.least, context.now())
        return sum(outline.url not in before for outline in outlines)

    new = _with(db_url, False, config, work)
    for bad in rejected:
        note(f"{file}: entry {bad.item}: {bad.reason}")
    out(
        f"{plural(len(outlines), 'feed')}: {new} new, {len(outlines) - new} already followed, {len(rejected)} rejected"
    )
    return len(rejected)


def export_opml(db_url: str | None, catalogue: bool, config: Path) -> None:
    """`topicwire opml export`."""

    async def work(context: Context) -> list[Feed]:
        async with context.db.read() as connection:
            return await feeds.all_feeds(connection, 0)

    every = with_context(db_url, settings_of(config), work)
    wanted = [feed for feed in every if catalogue or feed.origin is not FeedOrigin.CATALOGUE]
    outlines = [Outline(feed.url, feed.shown, feed.topics) for feed in wanted]
    out(write_opml(outlines, "Topicwire").rstrip("\n"))


def check_sources(config: Config) -> int:
    """`topicwire check --sources`: fetch all of them; returns how many fail."""
    return asyncio.run(_check(config))


async def _check(config: Config) -> int:
    wanted = bootstrap.build_feeds(config)
    async with bootstrap.build_web_client(config.feeds.private_networks) as web:
        slots = asyncio.Semaphore(CHECKED_AT_ONCE)

        async def one(feed: NewFeed) -> str:
            async with slots:
                return await _trouble(web, feed)

        troubles = await asyncio.gather(*(one(feed) for feed in wanted))
    failing = [
        (feed.name or feed.address, feed.address, why)
        for feed, why in zip(wanted, troubles, strict=True)
        if why
    ]
    failing += await _repositories(config)
    for name, address, why in failing:
        out(f"{name}\n  {address}\n  {why}")
    repositories = sum(isinstance(settings, GitSettings) for settings in config.sources)
    total = len(wanted) + repositories
    out(f"{plural(total, 'source')}: {total - len(failing)} fine, {len(failing)} failing")
    return len(failing)


async def _trouble(web: Web, feed: NewFeed) -> str:
    """Why a feed cannot be read, or what else is odd about it; nothing where it is fine."""
    found = await poll_feed(web, FeedSpec(feed.address), {}, clock.now(), Here())
    if found.reason:
        return found.reason
    if found.batch is not None and not found.batch.items:
        return (
            "the feed has no items"
            if not found.batch.rejected
            else f"no item is usable: {found.batch.rejected[0].reason}"
        )
    return ""


async def _repositories(config: Config) -> Sequence[tuple[str, str, str]]:
    failing = []
    for settings in config.sources:
        if isinstance(settings, GitSettings):
            source = bootstrap.repository_of(settings)
            try:
                await source.update()
            except TopicwireError as error:
                failing.append((source.name, settings.url, str(error)))
    return failing
