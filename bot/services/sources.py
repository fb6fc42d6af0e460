"""Feeds that a server adds itself: preview, add, list and remove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Record
from bot.domain.polling import Feed, FeedOrigin, NewFeed
from bot.domain.records.identity import canonical
from bot.domain.text.cleaning import clip, length
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError, NotFoundError, SourceError
from bot.i18n import comma_list, mark, number, tr, tr_plural
from bot.services.context import Context
from bot.services.topics import resolve
from bot.sources.feeds.parse import FeedDocument, FeedSpec
from bot.sources.feeds.source import DiscoveredFeed, find_feed
from bot.sources.web.fetch import Web
from bot.store import feeds, quotas, subscriptions

MAX_ADDRESS = 500
SHORT = 100  # characters of a name that stand for it: Discord completes no more
_REMOVED_ELSEWHERE = {
    FeedOrigin.CONFIG: mark("{feed} comes from the configuration. Remove it there."),
    FeedOrigin.CATALOGUE: mark("{feed} comes from the catalogue. Remove it there."),
}


@dataclass(frozen=True, slots=True)
class FeedPreview:
    """What a feed would bring: its items in its own order, each with the topics it matches.

    `topics` is the one that was named for it, by its full name.
    """

    url: str
    document: FeedDocument
    topics: tuple[str, ...]
    items: tuple[tuple[Record, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class AddedFeed:
    """A feed that is followed now. `new` is False where it was already.

    `heard` is False where no channel of the server follows anything, so that nothing is read for it yet.
    """

    preview: FeedPreview
    feed: Feed
    new: bool
    heard: bool = True


def address_of(text: str) -> str:
    """The address that somebody typed, with a scheme. InvalidInputError where it cannot be one."""
    address = text.strip().strip("<>").removeprefix("feed:")
    if address.startswith("//"):
        address = f"https:{address}"
    if address and "://" not in address:
        address = f"https://{address}"
    try:
        canonical(address)
    except ValueError as error:
        raise InvalidInputError(tr("That is not a valid feed address: {problem}.", problem=error)) from error
    if len(address) > MAX_ADDRESS:
        raise InvalidInputError(
            tr("That address is longer than {most} characters.", most=number(MAX_ADDRESS))
        )
    return address


def _web(context: Context) -> Web:
    if context.web is None:
        raise InvalidInputError(tr("Feeds cannot be fetched here."))
    return context.web


async def preview(
    context: Context, address: str, topic_name: str | None = None, guild_id: int = 0
) -> FeedPreview:
    """Look at a feed, or at the one that a web page names, without taking anything in.

    The items' topics, and the one that is named, are shared and the server's own.

    Raises SourceError that says what is wrong with it, and NotFoundError for a topic that there is not.
    """
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
    about = (resolve(topics, topic_name).name,) if topic_name else ()
    spec = FeedSpec(address_of(address), topics=about, quality=context.polls.quality)
    discovered = await _discover(context, spec, guild_id, guessed="://" not in address)
    items = await context.evaluations.in_turn(guild_id, _matched, topics, discovered.document, guild_id)
    return FeedPreview(discovered.url, discovered.document, about, items)


async def _discover(context: Context, spec: FeedSpec, guild_id: int, *, guessed: bool) -> DiscoveredFeed:
    """The feed there; where https was only a guess, else over http."""
    web = _web(context)
    try:
        return await find_feed(web, spec, context.parsers, guild_id)
    except SourceError:
        if not guessed:
            raise
    spec = replace(spec, url=f"http://{spec.url.removeprefix('https://')}")
    return await find_feed(web, spec, context.parsers, guild_id)


def _matched(
    topics: Topics, document: FeedDocument, guild_id: int
) -> tuple[tuple[Record, tuple[str, ...]], ...]:
    """The records of a feed, each with the topics that it matches."""
    records = (item.record for item in document.items)
    return tuple((record, tuple(m.topic for m in topics.matcher.of(record, guild_id))) for record in records)


async def add(
    context: Context,
    address: str,
    topic_name: str | None = None,
    *,
    guild_id: int = 0,
    added_by: int | None = None,
) -> AddedFeed:
    """Follow a feed for a server alone (0: for everybody) from now on; its first intake is silent.

    The address may be that of a web page. With a topic everything in the feed is about that, without one
    the topics' keywords decide. Raises as `preview`, and InvalidInputError at the server's limit.
    """
    async with context.db.read() as connection:
        full = await _full(context, connection, guild_id)
        if full and await feeds.find(connection, address_of(address), guild_id) is None:
            raise _no_room(context)
    feed_preview = await preview(context, address, topic_name, guild_id)
    async with context.db.intake() as connection:
        before = await feeds.find(connection, feed_preview.url, guild_id)
        # One of the config or the catalogue stays from now on, whatever these say.
        origin = FeedOrigin.SERVER if guild_id else FeedOrigin.OPERATOR
        new_feed = NewFeed(
            before.address if before else feed_preview.url,
            origin,
            before.name if before else "",
            feed_preview.topics or (before.topics if before else ()),
            before.quality if before else None,
            guild_id,
            added_by,
            feed_preview.document.title,
        )
        source_id = await feeds.add(connection, new_feed, context.polls.bounds.least, context.now())
        if before is None and guild_id:
            used = await quotas.usage_of(connection, guild_id)
            if used.feeds > context.polls.per_server:  # with this one: nothing of it is stored
                raise _no_room(context)
        feed = await feeds.get(connection, source_id)
        heard = not guild_id or bool(await subscriptions.subscriptions(connection, guild_id=guild_id))
    context.wake()
    return AddedFeed(
        feed_preview, replace(feed, title=feed.title or feed_preview.document.title), before is None, heard
    )


async def _full(context: Context, connection: AsyncConnection, guild_id: int) -> bool:
    used = await quotas.usage_of(connection, guild_id)
    return bool(guild_id) and used.feeds >= context.polls.per_server


def _no_room(context: Context) -> InvalidInputError:
    return InvalidInputError(
        tr_plural(
            "This server has reached the limit of {count} feed. Remove one with `/source remove`.",
            "This server has reached the limit of {count} feeds. Remove one with `/source remove`.",
            context.polls.per_server,
        )
    )


@dataclass(frozen=True, slots=True)
class FeedList:
    """A server's own feeds, and how many of the shared ones there are by state.

    `full`: how many records its own have brought today, where that is the most there may be; else 0. `stored`: how
    many of them are stored, of `most_stored` that there may be.
    """

    server_feeds: tuple[Feed, ...]
    shared: Mapping[str, int]
    full: int = 0
    stored: int = 0
    most_stored: int = 0


async def listing(context: Context, guild_id: int) -> FeedList:
    """What a server added itself; with 0 the shared feeds."""
    async with context.db.read() as connection:
        server_feeds = await feeds.all_feeds(connection, guild_id)
        shared = await feeds.states_of_all(connection, 0)
        used = await quotas.usage_of(connection, guild_id)
    most = context.polls.per_day
    full = most if used.records_on(context.now().date()) >= most else 0
    return FeedList(tuple(server_feeds), shared, full, used.records, context.polls.most_stored)


async def remove(context: Context, name: str, guild_id: int = 0) -> Feed:
    """Remove a feed by its address or name. NotFoundError lists the existing feeds."""
    async with context.db.intake() as connection:
        server_feeds = await feeds.all_feeds(connection, guild_id)
        key = name_key(name)
        # A feed may call itself by the address of another one.
        hits = [feed for feed in server_feeds if key == name_key(feed.address)]
        hits = hits or [feed for feed in server_feeds if key == name_key(feed.url)]
        hits = hits or [f for f in server_feeds if key in (name_key(f.shown), name_key(clip(f.shown, SHORT)))]
        if not hits:
            names = comma_list(feed.shown for feed in server_feeds[:10])
            message = (
                mark("There is no feed “{name}”. Feeds: {feeds}.")
                if names
                else mark("There is no feed “{name}”. No feeds have been added.")
            )
            raise NotFoundError(tr(message, name=clip(name, 80), feeds=names))
        if len(hits) > 1:
            raise InvalidInputError(
                tr("{count} feeds have that name. Enter the address instead.", count=len(hits))
            )
        if (elsewhere := _REMOVED_ELSEWHERE.get(hits[0].origin)) is not None:
            raise InvalidInputError(tr(elsewhere, feed=hits[0].shown))
        await feeds.remove(connection, [hits[0].source_id])
    return hits[0]


async def suggest(context: Context, guild_id: int, text: str, limit: int = 25) -> list[tuple[str, str]]:
    """A server's own feeds for what somebody has typed so far: how each is shown, and what `remove` knows it by."""
    key = name_key(text)
    async with context.db.read() as connection:
        server_feeds = await feeds.all_feeds(connection, guild_id)
    return [
        (
            clip(f"{clip(feed.shown, 60)} ({feed.url})", SHORT),
            feed.address if length(feed.address) <= SHORT else clip(feed.shown, SHORT),
        )
        for feed in server_feeds
        if key in name_key(feed.shown) or key in name_key(feed.url)
    ][:limit]
