"""Telling channels what is wrong with what they follow: once, as a message of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.message import Embed, Message, escape, escape_to, relative
from bot.domain.model import Subscription
from bot.domain.polling import Feed
from bot.domain.render import GREY
from bot.domain.topics import Topics
from bot.store import feeds, notices, outbox, subscriptions, topics
from bot.store.feeds import Settled

QUIET = timedelta(days=1)
LOOK_BACK = timedelta(days=30)  # what a feed brought since then tells what it is about


async def warn(connection: AsyncConnection, feed: Feed, settled: Settled, now: datetime) -> bool:
    """Tell the channels that depend on a feed that it fails. False where that has to wait.

    A channel hears of one feed in a while, and of none while no feed at all can be fetched: hundreds can fail
    at once, and then the network of the bot is to blame.
    """
    channels = await _dependent(connection, feed, now)
    if not channels:
        return True
    if not await notices.anything_came(connection, now - QUIET):
        return False
    for channel_id in await notices.told_since(connection, now - QUIET, list(channels)):
        del channels[channel_id]
    message = failing(feed, settled)
    for channel_id, guild_id in channels.items():
        since = settled.polling.failing_since
        name = f"{feed.source_id}:{channel_id}:{since.isoformat() if since else ''}"
        row = outbox.new_row(outbox.NOTICE, name, guild_id, channel_id, now, payload=message.to_json())
        await outbox.enqueue(connection, row)
    return bool(channels)


async def _dependent(connection: AsyncConnection, feed: Feed, now: datetime) -> dict[int, int]:
    """The channels, each with its server, that follow what the feed is about.

    Of a feed that is everybody's only those that no feed in order serves instead.
    """
    known = await topics.load(connection)
    about = {name.casefold() for name in feed.topics}
    about |= await feeds.topics_from(connection, feed.source_id, now - LOOK_BACK)
    own = await subscriptions.subscriptions(connection, guild_id=feed.guild_id or None)
    wanting = [s for s in own if _covers(s, about, known)]
    if not feed.guild_id:
        others = [
            {name.casefold() for name in other.topics}
            for other in await feeds.all_feeds(connection, 0)
            if other.source_id != feed.source_id and other.last_success and not other.polling.failures
        ]
        wanting = [s for s in wanting if not any(_covers(s, names, known) for names in others)]
    return {subscription.channel_id: subscription.guild_id for subscription in wanting}


def _covers(subscription: Subscription, names: set[str], known: Topics) -> bool:
    return subscription.topic.casefold() in known.with_ancestors(names)


def failing(feed: Feed, settled: Settled) -> Message:
    """What a channel is told of a feed that fails."""
    since = settled.polling.failing_since
    text = f"**{escape_to(feed.shown, 200)}** cannot be read: {escape(settled.error or feed.last_error)}."
    if settled.polling.next_poll is None:
        text += "\nIt is not tried any more."
    elif since is not None:
        text += f"\nIt has failed since {relative(since)}, and is tried again {relative(settled.polling.next_poll)}."
    advice = (
        "`/source list` shows the server's own feeds, `/source remove` takes one out."
        if feed.guild_id
        else ""
    )
    if advice:
        text += f"\n{advice}"
    return Message(embeds=(Embed(title="A source fails", description=text, colour=GREY),))
