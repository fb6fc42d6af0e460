"""What the setup panel shows and does: topics by category with what they bring, and several topics at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mode, Subscription, Topic
from bot.domain.posting.channel_digests import PlannedDigest
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from bot.i18n import mark
from bot.services.context import Context
from bot.services.digests import planned_digests
from bot.services.subscribe import SubscribeRequest, subscribe
from bot.store import feeds, subscriptions, volumes

DAYS = 7  # that the expected stories a day are counted in
# Names of categories, which menus send back: translate them for readers.
OTHERS = mark("Other topics")  # those that have no topics below them
SERVER = mark("This server's topics")


@dataclass(frozen=True, slots=True)
class TopicOffer:
    """A topic to choose: how many feeds are about it or about what is below it, and the stories a day to expect.

    `per_day` is None as long as the bot has not received news for a day.
    """

    name: str
    feeds: int
    per_day: float | None
    is_subscribed: bool


@dataclass(frozen=True, slots=True)
class Category:
    """A root topic with the topics below it, or `OTHERS`, or `SERVER`: how many topics it has, and how many feeds its root has."""

    name: str
    topics: int
    feeds: int


@dataclass(frozen=True, slots=True)
class TopicCatalogue:
    """The categories, popular ones first; and of the chosen one, or of a search, a page of topics.

    `first` is the place of the page's first topic, `total` counts the topics of all pages.
    """

    categories: tuple[Category, ...]
    category: str
    offers: tuple[TopicOffer, ...]
    first: int
    total: int


@dataclass(frozen=True, slots=True)
class _Popularity:
    """How many channels follow each topic, by its server and key, and how many feeds are about each, by its key."""

    topics: Topics
    followers: Mapping[tuple[int, str], int]
    about: Mapping[str, int]

    def feeds(self, topic: Topic) -> int:
        below = {name_key(name) for name in self.topics.with_descendants(topic.name)}
        return sum(self.about.get(key, 0) for key in below)

    def by_category(self) -> dict[str, list[Topic]]:
        """The topics of each category, popular ones first; the root of a category is its first topic."""
        counts = {topic.name: self.feeds(topic) for topic in self.topics}

        def rank(topic: Topic) -> tuple[int, int, str]:
            key = name_key(topic.name)
            return -self.followers.get((topic.guild_id, key), 0), -counts[topic.name], key

        inside: dict[str, list[Topic]] = {}
        for topic in self.topics:
            root = (self.topics.ancestors(topic.name) or (topic.name,))[-1]
            inside.setdefault(SERVER if topic.guild_id else root, []).append(topic)
        others = [topics[0] for name, topics in inside.items() if len(topics) == 1 and name != SERVER]
        roots = {name: topics for name, topics in inside.items() if len(topics) > 1 or name == SERVER}
        ranked = {
            name: sorted(topics, key=lambda t: (t.name != name, rank(t)))
            for name, topics in sorted(roots.items(), key=lambda of: min(map(rank, of[1])))
        }
        return ranked | ({OTHERS: sorted(others, key=rank)} if others else {})


async def topic_catalogue(
    context: Context,
    guild_id: int,
    channel_id: int,
    *,
    category: str = "",
    search: str = "",
    first: int = 0,
    size: int = 25,
) -> TopicCatalogue:
    """The categories, and the topics of one of them (by default the most popular one) or those that fit a search."""
    now = context.now()
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
        popularity = _Popularity(
            topics, await subscriptions.followers(connection), await feeds.about(connection, guild_id)
        )
        followed = await subscriptions.subscriptions(connection, guild_id=guild_id, channel_ids=[channel_id])
        inside = await asyncio.to_thread(popularity.by_category)
        chosen = category if category in inside else next(iter(inside), "")
        listed: Sequence[Topic] = topics.suggest(search, size) if search else inside.get(chosen, ())
        first = first if 0 <= first < len(listed) else 0
        page = listed[first : first + size]
        per_day = await _per_day(connection, topics, page, now, guild_id)
    keys = {name_key(s.topic) for s in followed}
    offers = (
        TopicOffer(t.name, popularity.feeds(t), per_day.get(t.name), name_key(t.name) in keys) for t in page
    )
    categories = (
        Category(name, len(members), popularity.feeds(members[0]) if members[0].name == name else 0)
        for name, members in inside.items()
    )
    return TopicCatalogue(tuple(categories), "" if search else chosen, tuple(offers), first, len(listed))


async def _per_day(
    connection: AsyncConnection, topics: Topics, page: Iterable[Topic], now: datetime, guild_id: int
) -> dict[str, float]:
    """The stories a day of these topics with all below them in the last `DAYS`; nothing before the first whole day."""
    days = await volumes.watched(connection, now, DAYS)
    if not days:
        return {}
    below = {topic.name: [name_key(name) for name in topics.with_descendants(topic.name)] for topic in page}
    by_topic = await volumes.by_day(
        connection, sorted({key for keys in below.values() for key in keys}), now, days, guild_id
    )
    return {
        name: len({number for key in keys for of_day in by_topic.get(key, ()) for number in of_day}) / days
        for name, keys in below.items()
    }


@dataclass(frozen=True, slots=True)
class ChannelSetup:
    """What is set for a channel; `digests` are those that come by themselves."""

    subscriptions: tuple[Subscription, ...]
    paused_reason: str
    digests: tuple[PlannedDigest, ...]
    digest_off: bool

    @property
    def has_digest_topics(self) -> bool:
        """Whether any of its topics goes into its digests."""
        return any(s.mode is not Mode.LIVE for s in self.subscriptions)


async def channel_setup(context: Context, guild_id: int, channel_id: int) -> ChannelSetup:
    """What is set for a channel of this server."""
    async with context.db.read() as connection:
        followed = await subscriptions.subscriptions(connection, guild_id=guild_id, channel_ids=[channel_id])
        state = await subscriptions.channel(connection, channel_id)
    if state is None or state.guild_id != guild_id:
        return ChannelSetup(followed, "", (), digest_off=False)
    planned = await planned_digests(context, guild_id, channel_id)
    return ChannelSetup(followed, state.paused_reason, planned, state.off)


async def fill_digest(context: Context, guild_id: int, channel_id: int) -> int:
    """Put all topics of a channel into its digest, besides their live posts. Returns how many were added."""
    setup = await channel_setup(context, guild_id, channel_id)
    live = [s.topic for s in setup.subscriptions if s.mode is Mode.LIVE]
    for topic in live:
        await subscribe(context, SubscribeRequest(guild_id, channel_id, topic, Mode.BOTH))
    return len(live)
