"""Notices to channels that a feed fails: one message for each failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.polling import Feed
from bot.domain.text.addresses import hosts_only
from bot.domain.text.cleaning import clip
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from bot.domain.topics.tree import feed_topic_of
from bot.i18n import mark, speaking, tr, tr_stored
from bot.messages.forum import tag_names
from bot.messages.message import THREAD_NAME, Embed, Message, escape, escape_to, panel, relative
from bot.messages.story import GREY
from bot.store import feeds, notices, outbox, servers, subscriptions
from bot.store.feeds import SettledPoll
from bot.store.outbox import Claimed
from bot.store.servers import ServerLanguage
from bot.store.topic_cache import TopicCache

QUIET = timedelta(days=1)
LOOK_BACK = timedelta(days=30)  # what a feed brought since then tells what it is about


async def warn(
    connection: AsyncConnection, cache: TopicCache, failing: Sequence[tuple[Feed, SettledPoll]], now: datetime
) -> list[int]:
    """Notify the channels that depend on failing feeds. Returns the ids of the feeds that are done.

    For the others it has to wait: a channel hears of one feed in a while, and of none while no feed at all
    can be fetched. Hundreds can fail at once, and then the network of the bot is to blame.
    """
    if not failing:
        return []
    await notices.one_at_a_time(connection)
    topics = await cache.load(connection)
    working = await feeds.working(connection)
    return [
        feed.source_id
        for feed, settled in failing
        if await _tell(
            connection, feed, settled, await _dependent(connection, feed, working, topics, now), topics, now
        )
    ]


async def _tell(
    connection: AsyncConnection,
    feed: Feed,
    settled: SettledPoll,
    channels: dict[int, int],
    topics: Topics,
    now: datetime,
) -> bool:
    """Notify these channels (channel -> server). False if that has to wait."""
    if not channels:
        return True
    if not await notices.any_feed_succeeded(connection, now - QUIET):
        return False
    for channel_id in await notices.notified_since(connection, now - QUIET, list(channels)):
        del channels[channel_id]
    tags = tag_names(feed.topics, topics.visible_to(feed.guild_id))
    languages = await servers.languages(connection, set(channels.values()))
    since = settled.polling.failing_since
    for channel_id, guild_id in channels.items():
        with speaking(languages.get(guild_id, ServerLanguage()).code):
            notice = replace(failure(feed, settled), tags=tags)
        payload = notice.to_json() | {"feed": feed.source_id}
        name = f"{feed.source_id}:{channel_id}:{since.isoformat() if since else ''}"
        row = outbox.new_row(outbox.NOTICE, name, guild_id, channel_id, now, payload=payload)
        await outbox.enqueue(connection, row)
    return bool(channels)


async def outdated(
    connection: AsyncConnection, cache: TopicCache, claimed: Sequence[Claimed], now: datetime
) -> dict[int, str]:
    """By the id of a claim: why a notice that waited is not true for its channel any more."""
    waiting = [claim for claim in claimed if claim.kind == outbox.NOTICE]
    if not waiting:
        return {}
    topics = await cache.load(connection)
    sources = {claim.id: (claim.payload or {}).get("feed") for claim in waiting}
    every = await feeds.by_id(
        connection, {source_id for source_id in sources.values() if source_id is not None}
    )
    working = await feeds.working(connection)
    reasons: dict[int, str] = {}
    dependents: dict[int, dict[int, int]] = {}
    for claim in waiting:
        source_id = sources[claim.id]
        if source_id is None:  # an earlier version wrote it
            continue
        feed = every.get(source_id)
        if feed is None:
            reasons[claim.id] = mark("the feed was removed")
        elif not feed.polling.failures and feed.polling.next_poll is not None:
            reasons[claim.id] = mark("the feed works again")
        else:
            if source_id not in dependents:
                dependents[source_id] = await _dependent(connection, feed, working, topics, now)
            if claim.channel_id not in dependents[source_id]:
                reasons[claim.id] = mark("the channel no longer depends on the feed")
    return reasons


async def _dependent(
    connection: AsyncConnection,
    feed: Feed,
    working: Mapping[int, Sequence[str]],
    topics: Topics,
    now: datetime,
) -> dict[int, int]:
    """The channels, each with its server, that follow what the feed is about.

    Of a feed that is shared only those that no other of the shared ones that work serves instead; `working` has the
    topics of each by its source's id.
    """
    about = {(feed.guild_id, name) for name in feed.topics}
    about |= await feeds.topics_from(connection, feed.source_id, now - LOOK_BACK)
    covered: frozenset[str] = frozenset()
    if not feed.guild_id:
        covered = topics.with_ancestors(
            name for other, names in working.items() if other != feed.source_id for name in names
        )
    affected_topics: dict[int, frozenset[str]] = {}  # by server, which may have topics of its own
    channels = {}
    for s in await subscriptions.subscriptions(connection, guild_id=feed.guild_id or None):
        visible_topics = topics.visible_to(s.guild_id)
        if s.guild_id not in affected_topics:
            names = (name for of, name in about if of in (0, s.guild_id))
            affected_topics[s.guild_id] = visible_topics.with_ancestors(names)
        topic = visible_topics.resolve(s.topic)
        if topic and name_key(s.topic) in affected_topics[s.guild_id] and feed_topic_of(topic) not in covered:
            channels[s.channel_id] = s.guild_id
    return channels


def failure(feed: Feed, settled: SettledPoll) -> Message:
    """What a channel is told of a feed that fails."""
    since = settled.polling.failing_since
    problem = hosts_only(tr_stored(settled.error or feed.last_error))
    lines = [
        tr(
            "Topicwire cannot read **{feed}**: {problem}.",
            feed=escape_to(feed.shown, 200),
            problem=escape(problem),
        )
    ]
    if settled.polling.next_poll is None:
        lines.append(tr("Topicwire has stopped reading this feed."))
    elif since is not None:
        lines.append(
            tr(
                "The first error was {first}. The next try is {next}.",
                first=relative(since),
                next=relative(settled.polling.next_poll),
            )
        )
    if feed.guild_id:
        lines.append(tr("`/source list` shows this server's feeds. `/source remove` removes one."))
    embed = Embed(title=tr("A feed stopped working"), description="\n".join(lines), colour=GREY)
    name = tr("A feed stopped working: {feed}", feed=feed.shown)
    return Message(layout=(panel(embed),), name=clip(name, THREAD_NAME))
