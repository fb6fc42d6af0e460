"""The commands `topicwire source`, `topicwire opml` and `topicwire check --sources`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from bot import bootstrap
from bot.cli.common import format_time, load_settings, print_json, print_line, print_note, with_context
from bot.config import Config, GitSettings
from bot.domain.polling import Feed, FeedOrigin, NewFeed
from bot.domain.text.cleaning import plural
from bot.errors import ConfigError, TopicwireError
from bot.runtime import clock
from bot.services import sources
from bot.services.context import Context
from bot.sources.feeds.opml import Outline, read_opml, write_opml
from bot.sources.feeds.parse import FeedSpec
from bot.sources.feeds.source import poll_feed
from bot.sources.parsing.pool import InProcessParsers
from bot.sources.web.fetch import Web
from bot.store import feeds, topics
from bot.store.database import Database

MOST_ITEMS = 10
CHECKED_AT_ONCE = 50
T = TypeVar("T")


def _with_feeds_context(
    db_url: str | None, private_networks: bool, config: Path, action: Callable[[Context], Awaitable[T]]
) -> T:
    """Like `with_context`, for commands that change feeds: with an HTTP client, and topics in the database."""
    settings = load_settings(config)

    async def with_feeds(context: Context) -> T:
        await _define_missing_topics(context.db, settings)
        async with bootstrap.build_web_client(private_networks or settings.feeds.private_networks) as web:
            return await action(replace(context, web=web))

    return with_context(db_url, settings, with_feeds)


@asynccontextmanager
async def _database_with_topics(db: Database, settings: Config) -> AsyncIterator[Database]:
    """A database with topics for reading: one in memory if no bot has used this one yet."""
    async with db.read() as connection:
        has_topics = bool(await topics.ids(connection))
    if has_topics:
        yield db
        return
    memory = await Database.open(":memory:")
    try:
        await _define_missing_topics(memory, settings)
        yield memory
    finally:
        await memory.close()


async def _define_missing_topics(db: Database, settings: Config) -> None:
    """Define the configured topics in a database without topics."""
    async with db.write() as connection:
        if not await topics.ids(connection):
            await topics.define(connection, bootstrap.build_topics(settings))


def add(url: str, topic: str | None, db_url: str | None, private_networks: bool, config: Path) -> None:
    """`topicwire source add`."""

    async def add_feed(context: Context) -> sources.AddedFeed:
        return await sources.add(context, url, topic)

    added = _with_feeds_context(db_url, private_networks, config, add_feed)
    about = f", on {', '.join(added.feed.topics)}" if added.feed.topics else ""
    print_line(f"{'Added' if added.new else 'Updated'}: {added.feed.shown}{about}\n  {added.feed.url}")
    _print_items(added.preview)


def list_feeds(db_url: str | None, as_json: bool, config: Path) -> None:
    """`topicwire source list`."""

    async def read_feeds(context: Context) -> list[Feed]:
        async with context.db.read() as connection:
            return await feeds.all_feeds(connection)

    for feed in with_context(db_url, load_settings(config), read_feeds):
        if as_json:
            print_json(_feed_json(feed))
        else:
            owner = f"server {feed.guild_id}" if feed.guild_id else feed.origin.value
            print_line(
                f"{_state(feed):8} {feed.shown} ({owner}; {', '.join(feed.topics) or 'by keywords'})\n         {feed.url}"
            )
            if feed.polling.failures:
                at = feed.polling.next_poll
                print_line(
                    f"         {feed.last_error}; {f'next try {format_time(at)}' if at else 'no longer polled'}"
                )


def _state(feed: Feed) -> str:
    if feed.polling.next_poll is None:
        return "stopped"
    if feed.polling.failures:
        return "failing"
    return "fine" if feed.polled_at else "new"


def _feed_json(feed: Feed) -> dict[str, Any]:
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
        "next_poll": format_time(feed.polling.next_poll) if feed.polling.next_poll else None,
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

    settings = load_settings(config)

    async def preview_feed(context: Context) -> sources.FeedPreview:
        async with (
            bootstrap.build_web_client(private_networks or settings.feeds.private_networks) as web,
            _database_with_topics(context.db, settings) as db,
        ):
            return await sources.preview(replace(context, web=web, db=db), url, topic)

    preview = with_context(db_url, settings, preview_feed)
    if as_json:
        for record, names in preview.items:
            published = format_time(record.published) if record.published else None
            print_json(
                {"url": record.url, "title": record.title, "published": published, "topics": list(names)}
            )
        return
    print_line(f"{preview.document.title or preview.url}\n  {preview.url}")
    _print_items(preview)


def _print_items(preview: sources.FeedPreview) -> None:
    for record, names in preview.items[:MOST_ITEMS]:
        when = f"{record.published:%Y-%m-%d %H:%M}" if record.published else "undated"
        print_line(f"  {when:16}  {record.title}\n{'':20}{', '.join(names) or 'no topic'}")
    if len(preview.items) > MOST_ITEMS:
        print_line(f"  ... and {len(preview.items) - MOST_ITEMS} more")
    for rejection in preview.document.rejected:
        print_note(f"item {rejection.item}: {rejection.reason}")


def remove(name: str, db_url: str | None, config: Path) -> None:
    """`topicwire source remove`."""

    async def remove_feed(context: Context) -> Feed:
        return await sources.remove(context, name)

    feed = _with_feeds_context(db_url, False, config, remove_feed)
    print_line(f"Removed: {feed.shown}\n  {feed.url}")


def import_opml(file: Path, topic: str | None, db_url: str | None, config: Path) -> int:
    """`topicwire opml import`; returns the number of rejected entries."""
    try:
        outlines, rejected = read_opml(file.read_bytes())
    except ValueError as error:
        raise ConfigError(str(file), [str(error)]) from error

    async def follow(context: Context) -> int:
        async with context.db.intake() as connection:
            before = {feed.address for feed in await feeds.all_feeds(connection, 0)}
            tree = await context.topics.load(connection)
            for outline in outlines:
                names = (topic,) if topic else outline.topics
                resolved = [tree.resolve(name) for name in names]
                about = tuple(t.name if t else name for t, name in zip(resolved, names, strict=True))
                about = tuple(dict.fromkeys(about))
                await topics.ensure(connection, about)
                feed_to_add = NewFeed(outline.url, FeedOrigin.OPERATOR, outline.title, about)
                await feeds.add(connection, feed_to_add, context.polls.bounds.least, context.now())
        return sum(outline.url not in before for outline in outlines)

    new = _with_feeds_context(db_url, False, config, follow)
    for rejection in rejected:
        print_note(f"{file}: entry {rejection.item}: {rejection.reason}")
    print_line(
        f"{plural(len(outlines), 'feed')}: {new} new, {len(outlines) - new} already followed, {len(rejected)} rejected"
    )
    return len(rejected)


def export_opml(db_url: str | None, catalogue: bool, config: Path) -> None:
    """`topicwire opml export`."""

    async def read_feeds(context: Context) -> list[Feed]:
        async with context.db.read() as connection:
            return await feeds.all_feeds(connection, 0)

    all_feeds = with_context(db_url, load_settings(config), read_feeds)
    exported = [feed for feed in all_feeds if catalogue or feed.origin is not FeedOrigin.CATALOGUE]
    outlines = [Outline(feed.url, feed.shown, feed.topics) for feed in exported]
    print_line(write_opml(outlines, "Topicwire").rstrip("\n"))


def check_sources(config: Config) -> int:
    """`topicwire check --sources`: fetch all sources; returns the number of failures."""
    return asyncio.run(_check(config))


async def _check(config: Config) -> int:
    new_feeds = bootstrap.build_feeds(config)
    async with bootstrap.build_web_client(config.feeds.private_networks) as web:
        slots = asyncio.Semaphore(CHECKED_AT_ONCE)

        async def check_feed(feed: NewFeed) -> str:
            async with slots:
                return await _trouble(web, feed)

        troubles = await asyncio.gather(*(check_feed(feed) for feed in new_feeds))
    failing = [
        (feed.name or feed.address, feed.address, why)
        for feed, why in zip(new_feeds, troubles, strict=True)
        if why
    ]
    failing += await _repositories(config)
    for name, address, why in failing:
        print_line(f"{name}\n  {address}\n  {why}")
    repositories = sum(isinstance(settings, GitSettings) for settings in config.sources)
    total = len(new_feeds) + repositories
    print_line(f"{plural(total, 'source')}: {total - len(failing)} fine, {len(failing)} failing")
    return len(failing)


async def _trouble(web: Web, feed: NewFeed) -> str:
    """Why a feed cannot be read or has no usable items; empty if it is fine."""
    outcome = await poll_feed(web, FeedSpec(feed.address), {}, clock.now(), InProcessParsers())
    if outcome.reason:
        return outcome.reason
    if outcome.batch is not None and not outcome.batch.items:
        return (
            "the feed has no items"
            if not outcome.batch.rejected
            else f"no item is usable: {outcome.batch.rejected[0].reason}"
        )
    return ""


async def _repositories(config: Config) -> Sequence[tuple[str, str, str]]:
    failing = []
    for settings in config.sources:
        if isinstance(settings, GitSettings):
            source = bootstrap.build_repository(settings)
            try:
                await source.update()
            except TopicwireError as error:
                failing.append((source.name, settings.url, str(error)))
    return failing
